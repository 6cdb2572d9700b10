//! Who says that a call still stands, and how often (RFC 4028)?

use std::time::Duration;

use offhook_sip::{CallIn, End, News, Patience, Told, Transport};

use crate::calls::{agent, invite, news, target};
use crate::calls_in::{ANSWER, Pair, told};
use crate::far_end::{FarEnd, SDP, line, value};

/// A telephone that calls by UDP, and says this of its session.
async fn calling(pair: &mut Pair, says: &str) -> (FarEnd, Option<CallIn>) {
    let mut far = FarEnd::udp().await;
    let (us, len) = (far.address, SDP.len());
    let invite = format!(
        "INVITE sip:200@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bKtimer\r\n\
         From: <sip:lia@pbx.test>;tag=1\r\nTo: <sip:200@pbx.test>\r\nCall-ID: timer-1\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:lia@{us}>\r\nMax-Forwards: 70\r\nSupported: timer\r\n\
         {says}Content-Type: application/sdp\r\nContent-Length: {len}\r\n\r\n{SDP}"
    );
    far.says_to(pair.called.address().unwrap(), &invite).await;
    let patience = Patience { quiet: Duration::from_millis(200), ..Patience::default() };
    let taken = pair.invited().await.take("200", patience);
    (far, taken)
}

/// The telephone hears the answer and acknowledges it.
async fn answered(far: &mut FarEnd, call: &mut CallIn) -> String {
    call.answer(ANSWER.into());
    let answer = far.hears("SIP/2.0 200").await;
    let (us, to) = (far.address, line(&answer, "To"));
    let ack = format!(
        "ACK sip:200@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bKack\r\n\
         From: <sip:lia@pbx.test>;tag=1\r\n{to}\r\nCall-ID: timer-1\r\nCSeq: 1 ACK\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    far.says(&ack).await;
    assert_eq!(told(call).await, Told::Standing);
    answer
}

#[tokio::test]
async fn a_telephone_that_leaves_it_to_us_hears_so_and_hears_that_we_live() {
    for (allow, by) in [("", "INVITE"), ("Allow: INVITE, ACK, BYE, UPDATE\r\n", "UPDATE")] {
        let mut pair = Pair::by(Transport::Udp).await;
        let says = format!("Session-Expires: 1800;refresher=uas\r\n{allow}");
        let (mut far, call) = calling(&mut pair, &says).await;
        let mut call = call.expect("a call");
        let answer = answered(&mut far, &mut call).await;
        assert_eq!(value(&answer, "Session-Expires"), "1800;refresher=uas");
        assert_eq!(value(&answer, "Require"), "timer");
        for _ in 0..2 {
            let lives = far.hears(by).await;
            assert_eq!(value(&lives, "Session-Expires"), "1800;refresher=uac");
            assert_eq!(lives.ends_with(ANSWER), by == "INVITE", "{lives}");
            far.answers_with_sdp(&lives, "200 OK").await;
        }
        call.hang_up(Vec::new());
        far.hears("BYE").await;
    }
}

#[tokio::test]
async fn a_telephone_that_refreshes_is_not_asked() {
    let mut pair = Pair::by(Transport::Udp).await;
    let (mut far, call) = calling(&mut pair, "Session-Expires: 90\r\n").await;
    let mut call = call.expect("a call");
    let answer = answered(&mut far, &mut call).await;
    assert_eq!(value(&answer, "Session-Expires"), "90;refresher=uac");
    tokio::time::sleep(Duration::from_millis(600)).await;
    call.hang_up(Vec::new());
    let next = far.next().await;
    assert!(next.starts_with("BYE"), "{next}");
}

#[tokio::test]
async fn one_that_wants_it_more_often_than_we_do_is_told() {
    let mut pair = Pair::by(Transport::Udp).await;
    let (mut far, call) = calling(&mut pair, "Session-Expires: 89;refresher=uac\r\n").await;
    assert!(call.is_none());
    let refused = far.hears("SIP/2.0 422").await;
    assert_eq!(value(&refused, "Min-SE"), "90");
}

#[tokio::test]
async fn one_that_wants_it_less_often_is_asked_once_more() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let ringing = || invite(vec![target(&far, Transport::Udp)]);
    let (stands, ends, senseless) = (ringing(), ringing(), ringing());
    let too_short = |far: &FarEnd, asked: &str, least: &str| {
        far.response(asked, "422 Session Interval Too Small", &format!("Min-SE: {least}\r\n"), "")
    };

    let call_id = stands.call_id.clone();
    let mut call = agent.call(stands).unwrap();
    let asked = far.hears("INVITE").await;
    far.says(&too_short(&far, &asked, "3600")).await;
    let again = far.hears("INVITE").await;
    assert_eq!(value(&again, "Session-Expires"), "3600");
    assert_eq!(value(&again, "Min-SE"), "3600");
    assert_eq!(value(&again, "Call-ID"), call_id);
    assert_ne!(value(&again, "CSeq"), value(&asked, "CSeq"));
    let agreed = "Session-Expires: 3600;refresher=uac\r\nContent-Type: application/sdp\r\n";
    far.says(&far.response(&again, "200 OK", agreed, SDP)).await;
    assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: SDP.into() });
    drop(call);

    let mut call = agent.call(ends).unwrap();
    for _ in 0..2 {
        let asked = far.hears("INVITE").await;
        far.says(&too_short(&far, &asked, "3600")).await;
        far.hears("ACK").await;
    }
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(422)));

    let mut call = agent.call(senseless).unwrap();
    let asked = far.hears("INVITE").await;
    far.says(&too_short(&far, &asked, "1800")).await;
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(422)));
}
