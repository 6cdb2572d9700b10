//! Calls out: answered, refused, passed on, cancelled, challenged, changed and ended.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use offhook_sip::{
    Call, Credentials, End, Face, Invite, Limits, Listen, News, Registrar, Registration, Target,
    Transport, UserAgent, Wish,
};

use crate::far_end::{FarEnd, PATIENCE, SDP, line, value};

pub(crate) async fn agent() -> UserAgent {
    let address = "127.0.0.1:0".parse().unwrap();
    let listen = Listen { plain: Some(address), tls: None, name: "offhook".into(), timers: true };
    UserAgent::start(listen, None).await.unwrap()
}

/// The next call of a test: each has a `Call-ID` of its own.
static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) fn target(far: &FarEnd, transport: Transport) -> Target {
    Target { address: far.address, host: None, transport, priority: 1, weight: 1 }
}

pub(crate) fn invite(targets: Vec<Target>) -> Invite {
    Invite {
        targets,
        extension: "200".into(),
        user_params: Vec::new(),
        call_id: format!("call-{}@offhook", NEXT.fetch_add(1, Ordering::Relaxed)),
        caller: "5511999990000".into(),
        caller_host: None,
        caller_name: Some("Ana \"the\" user".into()),
        credentials: None,
        headers: vec![("X-Offhook-Call".into(), "wacid.1".into())],
        offer: SDP.into(),
        limits: Limits { answers: Duration::from_secs(10), ..Limits::default() },
    }
}

pub(crate) async fn news(call: &mut Call) -> News {
    let news = tokio::time::timeout(PATIENCE, call.news()).await;
    news.expect("news in time").expect("news")
}

pub(crate) async fn answered(
    agent: &UserAgent,
    far: &mut FarEnd,
    transport: Transport,
) -> (Call, String) {
    let mut call = agent.call(invite(vec![target(far, transport)])).unwrap();
    let asked = far.hears("INVITE").await;
    far.answers(&asked, "180 Ringing").await;
    assert_eq!(news(&mut call).await, News::Ringing);
    far.answers_with_sdp(&asked, "200 OK").await;
    let told = news(&mut call).await;
    assert_eq!(told, News::Answered { target: 0, answer: SDP.into() });
    far.hears("ACK").await;
    (call, asked)
}

#[tokio::test]
async fn a_call_rings_is_answered_and_ended_by_us_over_udp_and_tcp() {
    let agent = agent().await;
    for (mut far, transport) in
        [(FarEnd::udp().await, Transport::Udp), (FarEnd::tcp().await, Transport::Tcp)]
    {
        let (mut call, asked) = answered(&agent, &mut far, transport).await;
        assert_eq!(value(&asked, "X-Offhook-Call"), "wacid.1");
        assert!(value(&asked, "From").contains("sip:5511999990000@"), "{asked}");
        assert!(asked.starts_with("INVITE sip:200@"), "{asked}");
        assert!(value(&asked, "Call-ID").ends_with("@offhook"), "{asked}");
        assert!(asked.ends_with(SDP), "{asked}");
        call.hang_up(Some("Q.850;cause=16"));
        let bye = far.hears("BYE").await;
        assert_eq!(value(&bye, "Reason"), "Q.850;cause=16");
        far.answers(&bye, "200 OK").await;
        assert_eq!(news(&mut call).await, News::Ended(End::Ours));
        assert_eq!(call.news().await, None);
    }
}

#[tokio::test]
async fn the_far_end_may_hang_up_and_its_lost_answer_is_acknowledged_again() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let (mut call, asked) = answered(&agent, &mut far, Transport::Udp).await;
    // It did not get our ACK, so it says it again.
    far.answers_with_sdp(&asked, "200 OK").await;
    far.hears("ACK").await;
    far.says(&far.request(&asked, "BYE", 1, "", "")).await;
    far.hears("SIP/2.0 200").await;
    assert_eq!(news(&mut call).await, News::Ended(End::Theirs));
}

#[tokio::test]
async fn busy_is_the_end_and_503_leads_to_the_next_target() {
    let agent = agent().await;
    let (mut full, mut busy) = (FarEnd::udp().await, FarEnd::udp().await);
    let targets = vec![target(&full, Transport::Udp), target(&busy, Transport::Udp)];
    let mut call = agent.call(invite(targets)).unwrap();
    let asked = full.hears("INVITE").await;
    full.answers(&asked, "503 Service Unavailable").await;
    full.hears("ACK").await;
    let asked = busy.hears("INVITE").await;
    busy.answers(&asked, "486 Busy Here").await;
    busy.hears("ACK").await;
    assert_eq!(news(&mut call).await, News::Ended(End::Busy));
}

#[tokio::test]
async fn silence_and_a_closed_port_lead_to_the_next_target() {
    let agent = agent().await;
    let (silent, mut far) = (FarEnd::udp().await, FarEnd::udp().await);
    let closed = {
        let gone = FarEnd::tcp().await;
        target(&gone, Transport::Tcp)
    };
    let targets = vec![closed, target(&silent, Transport::Udp), target(&far, Transport::Udp)];
    let limits = Limits { answers: Duration::from_millis(300), ..Limits::default() };
    let mut call = agent.call(Invite { limits, ..invite(targets) }).unwrap();
    let asked = far.hears("INVITE").await;
    far.answers_with_sdp(&asked, "200 OK").await;
    let told = news(&mut call).await;
    assert_eq!(told, News::Answered { target: 2, answer: SDP.into() });
}

#[tokio::test]
async fn a_call_nobody_answers_is_cancelled() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let limits = Limits { ring: Duration::from_millis(200), ..Limits::default() };
    let invite = Invite { limits, ..invite(vec![target(&far, Transport::Udp)]) };
    let mut call = agent.call(invite).unwrap();
    let asked = far.hears("INVITE").await;
    far.answers_with_sdp(&asked, "183 Session Progress").await;
    assert_eq!(news(&mut call).await, News::Ringing);
    assert_eq!(news(&mut call).await, News::Early(SDP.into()));
    let cancel = far.hears("CANCEL").await;
    far.answers(&cancel, "200 OK").await;
    far.answers(&asked, "487 Request Terminated").await;
    assert_eq!(news(&mut call).await, News::Ended(End::NoAnswer));
}

#[tokio::test]
async fn an_answer_that_crosses_our_cancel_is_ended_with_a_bye() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let mut call = agent.call(invite(vec![target(&far, Transport::Udp)])).unwrap();
    let asked = far.hears("INVITE").await;
    far.answers(&asked, "180 Ringing").await;
    assert_eq!(news(&mut call).await, News::Ringing);
    call.hang_up(None);
    let cancel = far.hears("CANCEL").await;
    far.answers_with_sdp(&asked, "200 OK").await;
    far.answers(&cancel, "481 Call Leg/Transaction Does Not Exist").await;
    let bye = far.hears("BYE").await;
    far.answers(&bye, "200 OK").await;
    assert_eq!(news(&mut call).await, News::Ended(End::Ours));
}

#[tokio::test]
async fn who_drops_a_call_that_rings_cancels_it() {
    let agent = agent().await;
    let mut far = FarEnd::tcp().await;
    let call = agent.call(invite(vec![target(&far, Transport::Tcp)])).unwrap();
    let asked = far.hears("INVITE").await;
    far.answers(&asked, "100 Trying").await;
    drop(call);
    far.hears("CANCEL").await;
}

#[tokio::test]
async fn a_challenge_is_answered_once_and_without_a_password_it_is_a_refusal() {
    const CHALLENGE: &str =
        "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"\r\n";
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let credentials = Some(Credentials { user: "trunk".into(), password: "secret".into() });
    let with = Invite { credentials, ..invite(vec![target(&far, Transport::Udp)]) };
    let mut call = agent.call(with).unwrap();
    let asked = far.hears("INVITE").await;
    far.says(&far.response(&asked, "401 Unauthorized", CHALLENGE, "")).await;
    far.hears("ACK").await;
    let asked = far.hears("INVITE").await;
    let proof = value(&asked, "Authorization");
    assert!(proof.contains("username=\"trunk\"") && proof.contains("response="), "{proof}");
    far.says(&far.response(&asked, "401 Unauthorized", CHALLENGE, "")).await;
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(401)));

    let mut call = agent.call(invite(vec![target(&far, Transport::Udp)])).unwrap();
    let asked = far.hears("INVITE").await;
    far.says(&far.response(&asked, "401 Unauthorized", CHALLENGE, "")).await;
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(401)));
}

#[tokio::test]
async fn a_standing_call_is_changed_or_not_and_goes_on() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let (mut call, asked) = answered(&agent, &mut far, Transport::Udp).await;
    let sdp = "Content-Type: application/sdp\r\n";
    far.says(&far.request(&asked, "INVITE", 1, sdp, SDP)).await;
    let wish = tokio::time::timeout(PATIENCE, call.wish()).await.unwrap().unwrap();
    let Wish::Reoffer(reoffer) = wish else { panic!("{wish:?}") };
    assert_eq!(reoffer.offer(), Some(SDP));
    reoffer.accept("v=0\r\nours".into());
    let accepted = far.hears("SIP/2.0 200").await;
    assert!(accepted.ends_with("ours"), "{accepted}");
    far.says(&far.request(&asked, "ACK", 1, "", "")).await;
    far.says(&far.request(&asked, "UPDATE", 2, "", "")).await;
    far.hears("SIP/2.0 200").await;
    far.says(&far.request(&asked, "BYE", 3, "", "")).await;
    assert_eq!(news(&mut call).await, News::Ended(End::Theirs));
}

#[tokio::test]
async fn who_asks_for_our_offer_in_a_call_answers_it_in_the_ack() {
    let agent = agent().await;
    for (mut far, transport) in
        [(FarEnd::udp().await, Transport::Udp), (FarEnd::tcp().await, Transport::Tcp)]
    {
        let (mut call, asked) = answered(&agent, &mut far, transport).await;
        let sdp = "Content-Type: application/sdp\r\n";
        // An ACK that answers nothing of ours is no answer, whatever it carries.
        for (seq, offer, late) in [(1, "", true), (2, SDP, false), (3, "", true)] {
            let kind = if offer.is_empty() { "" } else { sdp };
            far.says(&far.request(&asked, "INVITE", seq, kind, offer)).await;
            let wish = tokio::time::timeout(PATIENCE, call.wish()).await.unwrap().unwrap();
            let Wish::Reoffer(reoffer) = wish else { panic!("{wish:?}") };
            reoffer.accept("v=0\r\nours".into());
            far.hears("SIP/2.0 200").await;
            let answer = format!("{SDP}a=X-{seq}\r\n");
            far.says(&far.request(&asked, "ACK", seq, sdp, &answer)).await;
            if late {
                let wish = tokio::time::timeout(PATIENCE, call.wish()).await.unwrap().unwrap();
                assert!(matches!(&wish, Wish::LateAnswer(it) if *it == answer), "{wish:?}");
            }
        }
        call.hang_up(None);
    }
}

#[tokio::test]
async fn a_sign_of_life_is_answered_as_it_was_agreed() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let mut call = agent.call(invite(vec![target(&far, Transport::Udp)])).unwrap();
    let asked = far.hears("INVITE").await;
    assert_eq!(value(&asked, "Session-Expires"), "1800");
    assert!(value(&asked, "Supported").contains("timer"), "{asked}");
    let agreed = "Session-Expires: 90;refresher=uas\r\nContent-Type: application/sdp\r\n";
    far.says(&far.response(&asked, "200 OK", agreed, SDP)).await;
    assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: SDP.into() });
    let alive = "Session-Expires: 90;refresher=uac\r\n";
    far.says(&far.request(&asked, "UPDATE", 1, alive, "")).await;
    let answer = far.hears("SIP/2.0 200").await;
    assert_eq!(value(&answer, "Session-Expires"), "90;refresher=uac");
}

#[tokio::test]
async fn a_session_timer_that_nobody_offered_is_not_obeyed() {
    let here = Some("127.0.0.1:0".parse().unwrap());
    let listen = Listen { plain: here, tls: None, name: "offhook".into(), timers: false };
    let face = Face { supports: vec!["timer".into()], ..Face::default() };
    let agent = UserAgent::start_as(listen, face, None).await.unwrap();
    let mut far = FarEnd::udp().await;
    let limits = Limits { quiet: Duration::from_millis(100), ..Limits::default() };
    let invite = Invite { limits, ..invite(vec![target(&far, Transport::Udp)]) };
    let mut call = agent.call(invite).unwrap();
    let asked = far.hears("INVITE").await;
    assert_eq!(value(&asked, "Supported"), "timer");
    assert!(!asked.contains("Session-Expires"), "{asked}");
    let agreed = "Session-Expires: 90;refresher=uac\r\nContent-Type: application/sdp\r\n";
    far.says(&far.response(&asked, "200 OK", agreed, SDP)).await;
    assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: SDP.into() });
    far.hears("ACK").await;
    tokio::time::sleep(limits.quiet * 5).await;
    call.hang_up(None);
    let next = tokio::time::timeout(PATIENCE, far.next()).await.expect("something in time");
    assert!(next.starts_with("BYE"), "{next}");
}

#[tokio::test]
async fn options_say_who_is_well() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let at = target(&far, Transport::Udp);
    let (asked, ()) = tokio::join!(agent.probe(&at, PATIENCE), async {
        let asked = far.hears("OPTIONS").await;
        far.answers(&asked, "200 OK").await;
    });
    assert_eq!(asked.unwrap(), 200);
    let begun = Instant::now();
    assert!(agent.probe(&at, Duration::from_millis(100)).await.is_err());
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_trunk_dials_extensions_only() {
    let agent = agent().await;
    for extension in ["", "1;phone-context=+1", "200@elsewhere", "tel:+1"] {
        let invite = Invite { extension: extension.into(), ..invite(Vec::new()) };
        assert!(agent.call(invite).is_err(), "{extension}");
    }
}

#[tokio::test]
async fn a_reliable_word_before_the_answer_is_acknowledged() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let mut call = agent.call(invite(vec![target(&far, Transport::Udp)])).unwrap();
    let asked = far.hears("INVITE").await;
    assert!(line(&asked, "Supported").contains("100rel"), "{asked}");
    let reliable = "Require: 100rel\r\nRSeq: 7\r\nContent-Type: application/sdp\r\n";
    far.says(&far.response(&asked, "183 Session Progress", reliable, SDP)).await;
    let prack = far.hears("PRACK").await;
    assert_eq!(value(&prack, "RAck"), format!("7 {}", value(&asked, "CSeq")));
    far.answers(&prack, "200 OK").await;
    assert_eq!(news(&mut call).await, News::Ringing);
    assert_eq!(news(&mut call).await, News::Early(SDP.into()));
    far.answers_with_sdp(&asked, "200 OK").await;
    assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: SDP.into() });
}

#[tokio::test]
async fn its_acknowledgement_goes_by_the_proxies_to_whoever_said_it() {
    let agent = agent().await;
    for (mut far, transport) in
        [(FarEnd::udp().await, Transport::Udp), (FarEnd::tcp().await, Transport::Tcp)]
    {
        let mut call = agent.call(invite(vec![target(&far, transport)])).unwrap();
        let asked = far.hears("INVITE").await;
        let near = format!("<sip:{};transport={};lr>", far.address, transport.as_str());
        let routes = format!("Record-Route: <sip:edge.test;lr>, <sip:core.test;lr>,{near}\r\n");
        let sdp = format!("{routes}Content-Type: application/sdp\r\n");
        let reliable = format!("Require: 100rel\r\nRSeq: 7\r\n{sdp}");
        let pbx = |text: String| text.replace("Contact: <sip:far@", "Contact: <sip:pbx@");
        far.says(&pbx(far.response(&asked, "183 Session Progress", &reliable, SDP))).await;
        let prack = far.hears("PRACK").await;
        let way = [near.as_str(), "<sip:core.test;lr>", "<sip:edge.test;lr>"];
        let start = format!("PRACK sip:pbx@{} SIP/2.0\r\n", far.address);
        let is_addressed = |prack: &str| {
            let route = prack.lines().filter_map(|line| line.strip_prefix("Route: "));
            prack.starts_with(&start) && route.map(str::to_ascii_lowercase).eq(way)
        };
        assert!(is_addressed(&prack), "{prack}");
        if transport == Transport::Udp {
            let again = far.hears("PRACK").await;
            assert!(is_addressed(&again), "{again}");
        }
        far.answers(&prack, "200 OK").await;
        far.says(&pbx(far.response(&asked, "200 OK", &sdp, SDP))).await;
        let ack = far.hears("ACK").await;
        assert!(is_addressed(&ack.replacen("ACK", "PRACK", 1)), "{ack}");
        assert_eq!(news(&mut call).await, News::Ringing);
        assert_eq!(news(&mut call).await, News::Early(SDP.into()));
        assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: SDP.into() });
    }
}

#[tokio::test]
async fn keys_come_beside_the_sound() {
    let agent = agent().await;
    let mut far = FarEnd::tcp().await;
    let mut call = agent.call(invite(vec![target(&far, Transport::Tcp)])).unwrap();
    let asked = far.hears("INVITE").await;
    far.answers_with_sdp(&asked, "200 OK").await;
    far.hears("ACK").await;
    for (seq, sign) in [(1, '4'), (2, '2')] {
        let more = "Content-Type: application/dtmf-relay\r\n";
        let body = format!("Signal={sign}\r\nDuration=200\r\n");
        far.says(&far.request(&asked, "INFO", seq, more, &body)).await;
        far.hears("SIP/2.0 200").await;
        let wish = tokio::time::timeout(PATIENCE, call.wish()).await.unwrap().unwrap();
        let Wish::Key(key) = wish else { panic!("{wish:?}") };
        assert_eq!((key.sign, key.ms), (sign, 200));
    }
    far.says(&far.request(&asked, "INFO", 3, "Content-Type: text/plain\r\n", "x")).await;
    far.hears("SIP/2.0 415").await;
}

#[tokio::test]
async fn a_registrar_knows_us_until_we_go() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let registered = agent.register(Registrar {
        target: target(&far, Transport::Udp),
        domain: Some("pbx.test".into()),
        credentials: Credentials { user: "offhook".into(), password: "secret".into() },
        expires: Duration::from_secs(120),
    });
    let first = far.hears("REGISTER").await;
    assert!(first.starts_with("REGISTER sip:pbx.test"), "{first}");
    assert_eq!(registered.state(), Registration::Asking);
    let challenge = "WWW-Authenticate: Digest realm=\"pbx\",nonce=\"abc\",algorithm=MD5\r\n";
    far.says(&far.response(&first, "401 Unauthorized", challenge, "")).await;
    let second = far.hears("REGISTER").await;
    assert!(line(&second, "Authorization").contains("username=\"offhook\""), "{second}");
    assert!(value(&second, "Contact").contains(&agent.address().unwrap().port().to_string()));
    let mut changes = registered.changes();
    far.answers(&second, "200 OK").await;
    tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    assert_eq!(registered.state(), Registration::Known);
    drop(registered);
    let last = far.hears("REGISTER").await;
    assert_eq!(value(&last, "Expires"), "0");
}

#[tokio::test]
async fn a_registrar_that_wants_us_for_longer_is_asked_so_at_once() {
    let agent = agent().await;
    for (least, known) in [("3600", true), ("60", false), ("soon", false), ("4294967295", false)] {
        let mut far = FarEnd::udp().await;
        let registered = agent.register(Registrar {
            target: target(&far, Transport::Udp),
            domain: None,
            credentials: Credentials { user: "offhook".into(), password: "secret".into() },
            expires: Duration::from_secs(120),
        });
        let mut changes = registered.changes();
        let first = far.hears("REGISTER").await;
        assert_eq!(value(&first, "Expires"), "120");
        let brief = format!("Min-Expires: {least}\r\n");
        far.says(&far.response(&first, "423 Interval Too Brief", &brief, "")).await;
        if known {
            let second = far.hears("REGISTER").await;
            assert_eq!(value(&second, "Expires"), least);
            far.answers(&second, "200 OK").await;
        }
        tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
        let is = if known { Registration::Known } else { Registration::Refused(423) };
        assert_eq!(registered.state(), is, "{least}");
    }
}

#[tokio::test]
async fn a_registrar_that_does_not_want_us_is_asked_again_later() {
    let agent = agent().await;
    let mut far = FarEnd::tcp().await;
    let registered = agent.register(Registrar {
        target: target(&far, Transport::Tcp),
        domain: None,
        credentials: Credentials { user: "offhook".into(), password: "secret".into() },
        expires: Duration::from_secs(120),
    });
    let mut changes = registered.changes();
    let first = far.hears("REGISTER").await;
    far.answers(&first, "403 Forbidden").await;
    tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    assert_eq!(registered.state(), Registration::Refused(403));
    far.hears("REGISTER").await;
}
