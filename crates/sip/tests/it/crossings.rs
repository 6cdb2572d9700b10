//! Both ends say something at once, say it twice, or what they say is lost.

use std::time::{Duration, Instant};

use offhook_sip::{
    Call, CallIn, End, Invite, Limits, News, Patience, Target, Told, Transport, UserAgent, Wish,
};

use crate::calls::{agent, answered, invite, news, target};
use crate::calls_in::{ANSWER, Pair, told};
use crate::far_end::{FarEnd, PATIENCE, SDP, line, value};

const SDP_TYPE: &str = "Content-Type: application/sdp\r\n";

async fn reoffered(call: &mut Call) {
    let wish = tokio::time::timeout(PATIENCE, call.wish()).await.unwrap().unwrap();
    let Wish::Reoffer(reoffer) = wish else { panic!("{wish:?}") };
    reoffer.accept("v=0\r\nours".into());
}

/// A call in which we say that it stands, at once.
async fn talkative(agent: &UserAgent, far: &mut FarEnd, transport: Transport) -> (Call, String) {
    let limits = Limits { quiet: Duration::from_millis(200), ..Limits::default() };
    let with = Invite { limits, ..invite(vec![target(far, transport)]) };
    let mut call = agent.call(with).unwrap();
    let asked = far.hears("INVITE").await;
    let agreed = format!("Session-Expires: 90;refresher=uac\r\n{SDP_TYPE}");
    far.says(&far.response(&asked, "200 OK", &agreed, SDP)).await;
    assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: SDP.into() });
    far.hears("ACK").await;
    (call, asked)
}

#[tokio::test]
async fn two_offers_that_meet_are_refused_and_ours_comes_again_after_theirs() {
    let agent = agent().await;
    for (mut far, transport) in
        [(FarEnd::udp().await, Transport::Udp), (FarEnd::tcp().await, Transport::Tcp)]
    {
        let (mut call, asked) = talkative(&agent, &mut far, transport).await;
        let ours = far.hears("INVITE").await;
        assert!(value(&ours, "Session-Expires").ends_with(";refresher=uac"), "{ours}");
        far.says(&far.request(&asked, "INVITE", 1, SDP_TYPE, SDP)).await;
        let refused = far.hears("SIP/2.0 491").await;
        assert_eq!(value(&refused, "CSeq"), "1 INVITE");
        far.says(&far.request(&asked, "ACK", 1, "", "")).await;
        far.says(&far.request(&asked, "UPDATE", 2, SDP_TYPE, SDP)).await;
        far.hears("SIP/2.0 491").await;
        let met = Instant::now();
        far.answers(&ours, "491 Request Pending").await;
        far.hears("ACK").await;
        // Their turn.
        far.says(&far.request(&asked, "INVITE", 3, SDP_TYPE, SDP)).await;
        reoffered(&mut call).await;
        far.hears("SIP/2.0 200").await;
        far.says(&far.request(&asked, "ACK", 3, "", "")).await;
        // Ours.
        let again = far.hears("INVITE").await;
        assert!(met.elapsed() >= Duration::from_millis(2_100), "{:?}", met.elapsed());
        assert_ne!(value(&again, "CSeq"), value(&ours, "CSeq"));
        assert!(again.ends_with("ours"), "what was agreed meanwhile: {again}");
        far.answers_with_sdp(&again, "200 OK").await;
        far.hears("ACK").await;
    }
}

#[tokio::test]
async fn of_two_answers_the_first_has_the_call_and_the_second_is_hung_up_on() {
    let agent = agent().await;
    for (mut far, transport) in
        [(FarEnd::udp().await, Transport::Udp), (FarEnd::tcp().await, Transport::Tcp)]
    {
        let (mut call, asked) = answered(&agent, &mut far, transport).await;
        let second = far.response(&asked, "200 OK", SDP_TYPE, SDP).replace("tag=far", "tag=two");
        far.says(&second).await;
        let ack = far.hears("ACK").await;
        assert!(value(&ack, "To").contains("tag=two"), "{ack}");
        let bye = far.hears("BYE").await;
        assert!(value(&bye, "To").contains("tag=two"), "{bye}");
        far.answers(&bye, "200 OK").await;
        call.hang_up(None);
        let bye = far.hears("BYE").await;
        assert!(value(&bye, "To").contains("tag=far"), "{bye}");
        far.answers(&bye, "200 OK").await;
        assert_eq!(news(&mut call).await, News::Ended(End::Ours));
    }
}

#[tokio::test]
async fn what_two_branches_let_be_heard_is_not_mixed_up() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let mut call = agent.call(invite(vec![target(&far, Transport::Udp)])).unwrap();
    let asked = far.hears("INVITE").await;
    let early = far.response(&asked, "183 Session Progress", SDP_TYPE, SDP);
    far.says(&early).await;
    assert_eq!(news(&mut call).await, News::Ringing);
    assert_eq!(news(&mut call).await, News::Early(SDP.into()));
    let other = SDP.replace("40000", "40002");
    let of_other =
        |status: &str| far.response(&asked, status, SDP_TYPE, &other).replace("tag=far", "tag=two");
    let (progress, ok) = (of_other("183 Session Progress"), of_other("200 OK"));
    far.says(&progress).await;
    far.says(&ok).await;
    assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: other });
    call.hang_up(None);
    let bye = far.hears("BYE").await;
    assert!(value(&bye, "To").contains("tag=two"), "{bye}");
}

#[tokio::test]
async fn a_cancel_whose_487_is_lost_has_its_end() {
    let agent = agent().await;
    for (mut far, transport) in
        [(FarEnd::udp().await, Transport::Udp), (FarEnd::tcp().await, Transport::Tcp)]
    {
        let limits = Limits { leave: Duration::from_millis(400), ..Limits::default() };
        let with = Invite { limits, ..invite(vec![target(&far, transport)]) };
        let mut call = agent.call(with).unwrap();
        let asked = far.hears("INVITE").await;
        far.answers(&asked, "180 Ringing").await;
        assert_eq!(news(&mut call).await, News::Ringing);
        call.hang_up(None);
        let cancel = far.hears("CANCEL").await;
        far.answers(&cancel, "200 OK").await;
        assert_eq!(news(&mut call).await, News::Ended(End::Ours));
    }
}

#[tokio::test]
async fn two_byes_that_cross_are_both_answered() {
    let agent = agent().await;
    for (mut far, transport) in
        [(FarEnd::udp().await, Transport::Udp), (FarEnd::tcp().await, Transport::Tcp)]
    {
        let (mut call, asked) = answered(&agent, &mut far, transport).await;
        call.hang_up(None);
        let bye = far.hears("BYE").await;
        far.says(&far.request(&asked, "BYE", 1, "", "")).await;
        let answer = far.hears("SIP/2.0").await;
        assert!(["200", "481"].iter().any(|it| answer[8..].starts_with(it)), "{answer}");
        assert_eq!(value(&answer, "CSeq"), "1 BYE");
        far.answers(&bye, "481 Call/Transaction Does Not Exist").await;
        assert_eq!(news(&mut call).await, News::Ended(End::Ours));
    }
}

#[tokio::test]
async fn what_is_said_twice_is_answered_twice_and_counts_once() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let (mut call, asked) = answered(&agent, &mut far, Transport::Udp).await;
    let key = far.request(&asked, "INFO", 1, "Content-Type: application/dtmf\r\n", "5");
    let bye = far.request(&asked, "BYE", 2, "", "");
    for (said, seq) in [(&key, "1 INFO"), (&bye, "2 BYE")] {
        for _ in 0..2 {
            far.says(said).await;
            let answer = far.hears("SIP/2.0 200").await;
            assert_eq!(value(&answer, "CSeq"), seq);
        }
    }
    assert_eq!(news(&mut call).await, News::Ended(End::Theirs));
    let wish = call.wish().await;
    assert!(matches!(wish, Some(Wish::Key(key)) if key.sign == '5'), "{wish:?}");
    assert!(call.wish().await.is_none(), "one key");
}

/// Somebody who calls us, word for word.
pub(crate) struct Caller {
    pub(crate) far: FarEnd,
    whom: Target,
    call_id: &'static str,
}

impl Caller {
    pub(crate) async fn of(pair: &Pair, call_id: &'static str) -> Self {
        Self { far: FarEnd::udp().await, whom: pair.target(), call_id }
    }

    /// A request of the call; `to` has our tag, once that is known.
    pub(crate) fn request(
        &self,
        (seq, method): (u32, &str),
        branch: &str,
        to: &str,
        body: &str,
    ) -> String {
        let (us, whom, call_id) = (self.far.address, self.whom.address, self.call_id);
        let kind = if body.is_empty() { "" } else { SDP_TYPE };
        let len = body.len();
        format!(
            "{method} sip:200@{whom} SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bK{branch}\r\n\
             From: <sip:lia@pbx.test>;tag=1\r\nTo: <sip:200@pbx.test>{to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {seq} {method}\r\nContact: <sip:lia@{us}>\r\nMax-Forwards: 70\r\n{kind}\
             Content-Length: {len}\r\n\r\n{body}"
        )
    }

    pub(crate) async fn says(&mut self, message: &str) {
        self.far.says_to(self.whom.address, message).await;
    }

    /// Calls, and is taken.
    pub(crate) async fn calls(&mut self, pair: &mut Pair, patience: Patience) -> CallIn {
        let invite = self.request((1, "INVITE"), "i", "", SDP);
        self.says(&invite).await;
        pair.invited().await.take("200", patience).expect("a call")
    }

    /// Our tag, from an answer of ours.
    pub(crate) fn tag(answer: &str) -> String {
        let to = line(answer, "To");
        format!(";tag={}", to.split(";tag=").nth(1).expect("a tag"))
    }
}

#[tokio::test]
async fn an_answer_that_is_never_acknowledged_is_repeated_and_then_hung_up_on() {
    let mut pair = Pair::by(Transport::Udp).await;
    let mut caller = Caller::of(&pair, "deaf").await;
    let patience = Patience { acknowledges: Duration::from_millis(1_300), ..Patience::default() };
    let mut call = caller.calls(&mut pair, patience).await;
    call.answer(ANSWER.into());
    let first = caller.far.hears("SIP/2.0 200").await;
    let second = caller.far.hears("SIP/2.0 200").await;
    assert_eq!(first, second);
    assert!(value(&first, "Supported").contains("replaces"), "{first}");
    let bye = caller.far.hears("BYE").await;
    caller.far.answers(&bye, "200 OK").await;
    assert_eq!(told(&mut call).await, Told::Ended(End::Lost));
}

#[tokio::test]
async fn an_invite_that_is_repeated_is_one_call() {
    let mut pair = Pair::by(Transport::Udp).await;
    let mut caller = Caller::of(&pair, "again").await;
    let call = caller.calls(&mut pair, Patience::default()).await;
    call.ring(None);
    let ringing = caller.far.hears("SIP/2.0 180").await;
    let invite = caller.request((1, "INVITE"), "i", "", SDP);
    caller.says(&invite).await;
    assert_eq!(caller.far.hears("SIP/2.0 180").await, ringing);
    assert!(pair.incoming.try_recv().is_err(), "nobody else calls");
}

#[tokio::test]
async fn a_cancel_that_comes_after_our_answer_changes_nothing() {
    let mut pair = Pair::by(Transport::Udp).await;
    let mut caller = Caller::of(&pair, "late").await;
    let mut call = caller.calls(&mut pair, Patience::default()).await;
    call.answer(ANSWER.into());
    let answer = caller.far.hears("SIP/2.0 200").await;
    let cancel = caller.request((1, "CANCEL"), "i", "", "");
    caller.says(&cancel).await;
    let to_cancel = loop {
        let heard = caller.far.hears("SIP/2.0").await;
        if value(&heard, "CSeq") == "1 CANCEL" {
            break heard;
        }
    };
    assert!(["200", "481"].iter().any(|it| to_cancel[8..].starts_with(it)), "{to_cancel}");
    let ack = caller.request((1, "ACK"), "a", &Caller::tag(&answer), "");
    caller.says(&ack).await;
    assert_eq!(told(&mut call).await, Told::Standing);
    call.hang_up(Vec::new());
    let bye = caller.far.hears("BYE").await;
    caller.far.answers(&bye, "200 OK").await;
    assert_eq!(told(&mut call).await, Told::Ended(End::Ours));
}

#[tokio::test]
async fn an_answer_that_crosses_their_cancel_is_not_sent() {
    let mut pair = Pair::by(Transport::Udp).await;
    let mut caller = Caller::of(&pair, "cancelled").await;
    let mut call = caller.calls(&mut pair, Patience::default()).await;
    let cancel = caller.request((1, "CANCEL"), "i", "", "");
    caller.says(&cancel).await;
    let refused = caller.far.hears("SIP/2.0 487").await;
    assert_eq!(value(&refused, "CSeq"), "1 INVITE");
    let ack = caller.request((1, "ACK"), "i", &Caller::tag(&refused), "");
    caller.says(&ack).await;
    assert_eq!(told(&mut call).await, Told::Ended(End::Theirs));
    call.answer(ANSWER.into());
    assert!(call.word().await.is_none(), "over is over");
}
