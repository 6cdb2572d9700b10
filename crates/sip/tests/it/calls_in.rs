//! Calls in: over each transport answered, changed and ended by either side, refused with words,
//! challenged, cancelled; telephones that register.

use std::sync::Arc;
use std::time::Duration;

use offhook_sip::{
    Asker, Call, CallIn, Credentials, End, Face, Incoming, IncomingInvite, Invite, Limits, Listen,
    Manners, News, Patience, Proof, ReachError, Realm, Refusal, Target, Tls, Told, Transport,
    UserAgent,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::calls::{answered, invite, news};
use crate::far_end::{FarEnd, PATIENCE, SDP, line, value};

pub(crate) const ANSWER: &str =
    "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 40002 RTP/AVP 0\r\n";

/// Two agents: one that calls, one that is called.
pub(crate) struct Pair {
    caller: UserAgent,
    pub(crate) called: UserAgent,
    pub(crate) incoming: mpsc::Receiver<Incoming>,
    transport: Transport,
}

impl Pair {
    pub(crate) async fn by(transport: Transport) -> Self {
        Self::with(transport, Face::default()).await
    }

    /// The one that calls has this face.
    async fn with(transport: Transport, face: Face) -> Self {
        let tls = (transport == Transport::Tls).then(|| tls("pbx.test"));
        let (ask, incoming) = mpsc::channel(8);
        let here = Some("127.0.0.1:0".parse().unwrap());
        let plain = if tls.is_some() { None } else { here };
        let listen = Listen { plain, tls, name: "called".into(), timers: true };
        let called = UserAgent::start(listen.clone(), Some(ask)).await.unwrap();
        let tls = listen.tls.map(|tls| Tls { accept: None, ..tls });
        let listen = Listen { plain: here, tls, name: "caller".into(), timers: true };
        let caller = UserAgent::start_as(listen, face, None).await.unwrap();
        Self { caller, called, incoming, transport }
    }

    pub(crate) fn target(&self) -> Target {
        let tls = self.transport == Transport::Tls;
        let address = if tls { self.called.tls_address() } else { self.called.address() };
        Target {
            address: address.unwrap(),
            host: tls.then(|| Arc::from("pbx.test")),
            transport: self.transport,
            priority: 1,
            weight: 1,
        }
    }

    fn call(&self, with: impl FnOnce(Invite) -> Invite) -> Call {
        self.caller.call(with(invite(vec![self.target()]))).unwrap()
    }

    pub(crate) async fn invited(&mut self) -> IncomingInvite {
        match self.incoming().await {
            Incoming::Invite(invite) => invite,
            Incoming::Register(_) => panic!("a registration instead of a call"),
        }
    }

    async fn incoming(&mut self) -> Incoming {
        let coming = tokio::time::timeout(PATIENCE, self.incoming.recv()).await;
        coming.expect("something came in time").expect("the agent runs")
    }
}

/// TLS for `name`, trusted by whoever has the same.
fn tls(name: &str) -> Tls {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Tls {
        accept: Some(("127.0.0.1:0".parse().unwrap(), Arc::new(server))),
        connect: Arc::new(client),
    }
}

pub(crate) async fn told(call: &mut CallIn) -> Told {
    let told = tokio::time::timeout(PATIENCE, call.told()).await;
    told.expect("told in time").expect("told")
}

fn take(invite: IncomingInvite) -> CallIn {
    invite.take("200", Patience::default()).expect("a call")
}

/// A call that both speak in.
async fn standing(pair: &mut Pair) -> (Call, CallIn) {
    let mut out = pair.call(|invite| invite);
    let invited = pair.invited().await;
    assert_eq!(invited.offer.as_deref(), Some(SDP));
    let mut taken = take(invited);
    taken.ring(None);
    assert_eq!(news(&mut out).await, News::Ringing);
    taken.answer(ANSWER.into());
    assert_eq!(news(&mut out).await, News::Answered { target: 0, answer: ANSWER.into() });
    assert_eq!(told(&mut taken).await, Told::Standing);
    (out, taken)
}

async fn over_each(test: impl AsyncFn(Pair)) {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        test(Pair::by(transport).await).await;
    }
}

#[tokio::test]
async fn a_call_is_answered_and_they_hang_up() {
    over_each(async |mut pair| {
        let (mut out, mut taken) = standing(&mut pair).await;
        out.part(&[("x-wa-meta-call-duration".into(), "5".into())]);
        assert_eq!(told(&mut taken).await, Told::Ended(End::Theirs));
        assert_eq!(taken.parting("x-wa-meta-call-duration").as_deref(), Some("5"));
        assert_eq!(news(&mut out).await, News::Ended(End::Ours));
    })
    .await;
}

#[tokio::test]
async fn a_call_is_answered_and_we_hang_up() {
    over_each(async |mut pair| {
        let (mut out, mut taken) = standing(&mut pair).await;
        taken.hang_up(vec![("x-wa-meta-call-duration".into(), "3".into())]);
        assert_eq!(news(&mut out).await, News::Ended(End::Theirs));
        assert_eq!(out.parting("X-WA-Meta-Call-Duration").as_deref(), Some("3"));
        assert_eq!(told(&mut taken).await, Told::Ended(End::Ours));
    })
    .await;
}

#[tokio::test]
async fn who_calls_and_how_stands_in_it() {
    over_each(async |mut pair| {
        let _out = pair.call(|invite| Invite {
            user_params: vec![("tgrp".into(), "wa".into())],
            caller_host: Some("shop.example".into()),
            ..invite
        });
        let invited = pair.invited().await;
        assert_eq!(invited.called.split(';').next(), Some("200"));
        assert!(invited.called.contains("tgrp=wa"), "{}", invited.called);
        assert_eq!(invited.caller, "5511999990000");
        assert_eq!(invited.caller_host, "shop.example");
        assert_eq!(invited.transport, pair.transport);
        assert!(invited.source.ip().is_loopback());
        assert_eq!(invited.header("x-offhook-call").as_deref(), Some("wacid.1"));
        if pair.transport == Transport::Tls {
            assert_eq!(invited.host, "pbx.test");
        }
        invited.refuse(Refusal::of(486));
    })
    .await;
}

#[tokio::test]
async fn a_call_may_have_names_of_its_own_and_no_session_timer() {
    over_each(async |mut pair| {
        let manners = Manners {
            host: Some("sip.shop.example".into()),
            callee_host: Some("wa.meta.vc".into()),
            contact: None,
            no_timer: true,
            no_transfer: true,
            no_replaces: true,
        };
        let mut out = pair.caller.call_so(invite(vec![pair.target()]), manners.clone()).unwrap();
        let invited = pair.invited().await;
        assert_eq!((invited.called.as_str(), invited.host.as_str()), ("200", "wa.meta.vc"));
        let contact = invited.header("Contact").expect("a contact");
        assert!(contact.contains("@sip.shop.example"), "{contact}");
        assert_eq!(invited.header("Session-Expires"), None);
        assert_eq!(invited.header("Supported").as_deref(), Some("100rel"));
        let mut taken = invited.take_so("200", Patience::default(), &manners).expect("a call");
        taken.answer(ANSWER.into());
        assert_eq!(news(&mut out).await, News::Answered { target: 0, answer: ANSWER.into() });
        if pair.transport == Transport::Udp {
            return; // Names lead to an address there.
        }
        assert_eq!(told(&mut taken).await, Told::Standing, "it came by the connection that stands");
        taken.hang_up(Vec::new());
        assert_eq!(news(&mut out).await, News::Ended(End::Theirs));
        assert_eq!(told(&mut taken).await, Told::Ended(End::Ours));
    })
    .await;
}

#[tokio::test]
async fn early_audio_comes_before_the_answer() {
    let mut pair = Pair::by(Transport::Tcp).await;
    let mut out = pair.call(|invite| invite);
    let taken = take(pair.invited().await);
    taken.ring(Some(ANSWER.into()));
    assert_eq!(news(&mut out).await, News::Ringing);
    assert_eq!(news(&mut out).await, News::Early(ANSWER.into()));
}

#[tokio::test]
async fn a_call_is_refused_with_words_of_ours() {
    over_each(async |mut pair| {
        let mut out = pair.call(|invite| invite);
        pair.invited().await.refuse(Refusal {
            status: 403,
            phrase: Some("No Approved Call Permission Found".into()),
            headers: vec![("Warning".into(), "399 wa.meta.vc \"…\"".into())],
        });
        assert_eq!(news(&mut out).await, News::Ended(End::Refused(403)));
        let said = out.refusal().expect("a refusal");
        assert_eq!(said.status, 403);
        assert_eq!(said.phrase.as_deref(), Some("No Approved Call Permission Found"));
        let mut out = pair.call(|invite| invite);
        let mut taken = take(pair.invited().await);
        taken.refuse(Refusal::of(486));
        assert_eq!(news(&mut out).await, News::Ended(End::Busy));
        assert_eq!(told(&mut taken).await, Told::Ended(End::Ours));
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_dropped_is_refused() {
    let mut pair = Pair::by(Transport::Udp).await;
    let mut out = pair.call(|invite| invite);
    drop(pair.invited().await);
    assert_eq!(news(&mut out).await, News::Ended(End::Unavailable));
    let mut out = pair.call(|invite| invite);
    drop(take(pair.invited().await));
    assert_eq!(news(&mut out).await, News::Ended(End::NoAnswer));
}

#[tokio::test]
async fn a_call_is_given_up_before_the_answer() {
    over_each(async |mut pair| {
        let mut out = pair.call(|invite| invite);
        let mut taken = take(pair.invited().await);
        taken.ring(None);
        assert_eq!(news(&mut out).await, News::Ringing);
        out.hang_up(None);
        assert_eq!(told(&mut taken).await, Told::Ended(End::Theirs));
        assert_eq!(news(&mut out).await, News::Ended(End::Ours));
    })
    .await;
}

#[tokio::test]
async fn only_who_knows_the_password_gets_in() {
    over_each(async |mut pair| {
        let realm = Realm::new("wa.meta.vc".into(), Asker::Proxy);
        let credentials = |password: &str| {
            Some(Credentials { user: "551140000000".into(), password: password.into() })
        };
        let mut out = pair.call(|invite| Invite { credentials: credentials("right"), ..invite });
        let first = pair.invited().await;
        assert!(matches!(first.proof(&realm), Proof::None));
        first.challenge(&realm, false);
        let second = pair.invited().await;
        let Proof::Claimed(claim) = second.proof(&realm) else { panic!("nothing is claimed") };
        assert_eq!(claim.user(), "551140000000");
        assert!(claim.proves("right") && !claim.proves("wrong"));
        take(second).answer(ANSWER.into());
        assert_eq!(news(&mut out).await, News::Answered { target: 0, answer: ANSWER.into() });

        let mut out = pair.call(|invite| Invite { credentials: credentials("wrong"), ..invite });
        pair.invited().await.challenge(&realm, false);
        let second = pair.invited().await;
        let Proof::Claimed(claim) = second.proof(&realm) else { panic!("nothing is claimed") };
        assert!(!claim.proves("right"));
        second.refuse(Refusal::of(403));
        assert_eq!(news(&mut out).await, News::Ended(End::Refused(403)));
    })
    .await;
}

#[tokio::test]
async fn a_certificate_for_another_name_leads_nowhere() {
    let pair = Pair::by(Transport::Tls).await;
    let wrong = Target { host: Some("other.test".into()), ..pair.target() };
    let mut out = pair.caller.call(invite(vec![wrong])).unwrap();
    assert_eq!(news(&mut out).await, News::Ended(End::Unavailable));
}

#[tokio::test]
async fn why_a_target_is_not_reached_is_said() {
    let pair = Pair::by(Transport::Tls).await;
    let there = pair.target();
    pair.caller.reach(&there).await.expect("the right name");
    let other = Target { host: Some("other.test".into()), ..there.clone() };
    let fault = pair.caller.reach(&other).await.expect_err("a proven name is no other name");
    assert!(matches!(fault, ReachError::Name), "{fault:?}");
    let stranger = Pair::by(Transport::Tls).await;
    let fault = pair.caller.reach(&stranger.target()).await.expect_err("another root");
    assert!(matches!(fault, ReachError::Trust(_)), "{fault:?}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Target { address: closed, ..there };
    let fault = pair.caller.reach(&nobody).await.expect_err("a closed port");
    assert!(matches!(fault, ReachError::Refused), "{fault:?}");
}

#[tokio::test]
async fn a_service_behind_proxies_is_called_by_their_names_and_leaves_by_its_own() {
    let face = || Face {
        host: Some("wa.meta.vc".into()),
        proxies: Some(vec!["sip-proxy.internal.example:8191".into()]),
        contact_uri: vec!["ob".into()],
        contact: vec!["isfocus".into()],
        allows: ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"].map(String::from).into(),
        supports: Vec::new(),
        headers: vec![("X-FB-External-Domain".into(), "wa.meta.vc".into())],
    };
    for ours in [true, false] {
        let mut pair = Pair::with(Transport::Tls, face()).await;
        let mut out = pair.call(|invite| invite);
        let invited = pair.invited().await;
        let header = |name| invited.header(name).unwrap_or_default();
        assert_eq!(header("Record-Route"), "<sip:wa.meta.vc;transport=tls;lr>");
        let contact = "<sip:5511999990000@wa.meta.vc;transport=tls;ob>;isfocus";
        assert_eq!(header("Contact"), contact);
        assert_eq!(header("X-FB-External-Domain"), "wa.meta.vc");
        assert_eq!(header("Allow"), "INVITE, ACK, BYE, CANCEL, OPTIONS");
        assert_eq!(header("Supported"), "timer", "what takes no PRACK offers no 100rel");
        let mut taken = take(invited);
        taken.answer(ANSWER.into());
        assert_eq!(news(&mut out).await, News::Answered { target: 0, answer: ANSWER.into() });
        assert_eq!(told(&mut taken).await, Told::Standing);
        if ours {
            out.part(&[("x-wa-meta-call-duration".into(), "3".into())]);
            assert_eq!(told(&mut taken).await, Told::Ended(End::Theirs));
            assert_eq!(news(&mut out).await, News::Ended(End::Ours));
        } else {
            taken.hang_up(Vec::new());
            assert_eq!(news(&mut out).await, News::Ended(End::Theirs));
        }
    }
}

#[tokio::test]
async fn the_status_of_a_refusal_is_known() {
    let mut pair = Pair::by(Transport::Tls).await;
    let mut out = pair.call(|invite| invite);
    assert_eq!(out.status(), None);
    pair.invited().await.refuse(Refusal::of(503));
    assert_eq!(news(&mut out).await, News::Ended(End::Unavailable));
    assert_eq!(out.status(), Some(503));
}

#[tokio::test]
async fn a_telephone_says_where_it_is() {
    let mut pair = Pair::by(Transport::Udp).await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(pair.called.address().unwrap()).await.unwrap();
    let us = socket.local_addr().unwrap();
    let register = |seq: u32, more: &str| {
        format!(
            "REGISTER sip:pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bKr{seq}\r\n\
             From: <sip:lia@pbx.test>;tag=1\r\nTo: <sip:lia@pbx.test>\r\nCall-ID: reg-1\r\n\
             CSeq: {seq} REGISTER\r\nContact: <sip:lia@{us}>;expires=120\r\nMax-Forwards: 70\r\n\
             {more}Content-Length: 0\r\n\r\n"
        )
    };
    let realm = Realm::new("pbx.test".into(), Asker::User);
    socket.send(register(1, "").as_bytes()).await.unwrap();
    let Incoming::Register(asked) = pair.incoming().await else { panic!("no registration") };
    assert_eq!((asked.user.as_str(), asked.host.as_str()), ("lia", "pbx.test"));
    assert_eq!(asked.expires, Some(120));
    assert_eq!(asked.source, us);
    asked.challenge(&realm, false);
    let answer = heard(&socket).await;
    assert!(answer.starts_with("SIP/2.0 401"), "{answer}");
    assert!(line(&answer, "WWW-Authenticate").contains("realm=\"pbx.test\""));

    socket.send(register(2, "Expires: 60\r\n").as_bytes()).await.unwrap();
    let Incoming::Register(asked) = pair.incoming().await else { panic!("no registration") };
    asked.accept(90);
    let answer = heard(&socket).await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert_eq!(value(&answer, "Contact"), format!("<sip:lia@{us}>;expires=90"));
}

async fn heard(socket: &tokio::net::UdpSocket) -> String {
    let mut buffer = [0; 4096];
    let reading = tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut buffer));
    let len = reading.await.expect("an answer in time").unwrap();
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

#[tokio::test]
async fn who_is_turned_away_again_and_again_is_not_heard() {
    let mut pair = Pair::by(Transport::Udp).await;
    for _ in 0..10 {
        let mut out = pair.call(|invite| invite);
        pair.invited().await.turn_away(Refusal::of(403));
        assert_eq!(news(&mut out).await, News::Ended(End::Refused(403)));
    }
    let unheard = Limits { answers: Duration::from_millis(300), ..Limits::default() };
    let mut out = pair.call(|invite| Invite { limits: unheard, ..invite });
    assert_eq!(news(&mut out).await, News::Ended(End::Unavailable));
    let strangers = pair.called.strangers();
    assert_eq!((strangers.turned_away, strangers.banned), (10, 1));
    assert!(strangers.unheard > 0);
    let tcp = Target { transport: Transport::Tcp, ..pair.target() };
    let mut out = pair.caller.call(Invite { limits: unheard, ..invite(vec![tcp]) }).unwrap();
    assert_eq!(news(&mut out).await, News::Ended(End::Unavailable), "nor by TCP");
}

#[tokio::test]
async fn whom_we_reached_is_turned_away_and_heard() {
    let mut pair = Pair::by(Transport::Udp).await;
    let mut pbx = FarEnd::udp().await;
    let (mut call, asked) = answered(&pair.called, &mut pbx, Transport::Udp).await;
    for _ in 0..11 {
        let mut out = pair.call(|invite| invite);
        pair.invited().await.turn_away(Refusal::of(403));
        assert_eq!(news(&mut out).await, News::Ended(End::Refused(403)));
    }
    pbx.says(&pbx.request(&asked, "BYE", 1, "", "")).await;
    pbx.hears("SIP/2.0 200").await;
    assert_eq!(news(&mut call).await, News::Ended(End::Theirs));
    let strangers = pair.called.strangers();
    assert_eq!((strangers.turned_away, strangers.banned, strangers.unheard), (11, 0, 0));
}

#[tokio::test]
async fn who_is_known_is_heard_however_often_it_is_refused() {
    let mut pair = Pair::by(Transport::Udp).await;
    let realm = Realm::new("pbx.test".into(), Asker::User);
    let credentials = Credentials { user: "200".into(), password: "right".into() };
    for _ in 0..210 {
        let with = Some(credentials.clone());
        let mut out = pair.call(|invite| Invite { credentials: with, ..invite });
        pair.invited().await.challenge(&realm, false);
        let second = pair.invited().await;
        assert!(matches!(second.proof(&realm), Proof::Claimed(claim) if claim.proves("right")));
        second.welcome();
        second.refuse(Refusal::of(486));
        assert_eq!(news(&mut out).await, News::Ended(End::Busy));
    }
    assert_eq!(pair.called.strangers().banned, 0);
}

#[tokio::test]
async fn who_insists_on_what_we_cannot_do_is_told() {
    let pair = Pair::by(Transport::Udp).await;
    let mut far = FarEnd::udp().await;
    let us = far.address;
    let invite = format!(
        "INVITE sip:200@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bKrel\r\n\
         From: <sip:lia@pbx.test>;tag=1\r\nTo: <sip:200@pbx.test>\r\nCall-ID: rel-1\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:lia@{us}>\r\nMax-Forwards: 70\r\n\
         Require: 100rel\r\nContent-Length: 0\r\n\r\n"
    );
    far.says_to(pair.called.address().unwrap(), &invite).await;
    let answer = far.hears("SIP/2.0 420").await;
    assert_eq!(value(&answer, "Unsupported"), "100rel");
}

/// The INVITE of fact sheet 6.4, with the platform's two proxies.
fn by_proxies() -> String {
    format!(
        "INVITE sip:+551140000000@sip.shop.example;transport=tcp SIP/2.0\r\n\
         Via: SIP/2.0/TCP 203.0.113.5:5061;rport;branch=z9hG4bKexample01;alias\r\n\
         Record-Route: <sip:wa.meta.vc;transport=tcp;lr>\r\n\
         Record-Route: <sip:sip-proxy.internal.example:8191;transport=tcp;lr>\r\n\
         Max-Forwards: 69\r\nFrom: \"5511988887777\" <sip:+5511988887777@wa.meta.vc>;tag=a1\r\n\
         To: <sip:+551140000000@sip.shop.example>\r\n\
         Contact: <sip:+5511988887777@wa.meta.vc;transport=tcp;ob>;isfocus\r\n\
         Call-ID: outgoing:wacid.SAMPLE0001\r\nCSeq: 4100 INVITE\r\n\
         x-wa-meta-wacid: wacid.SAMPLE0001\r\nSupported: timer\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

#[tokio::test]
async fn the_way_by_proxies_is_kept_and_taken_back_over_the_same_connection() {
    let mut pair = Pair::by(Transport::Tcp).await;
    let address = pair.called.address().unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(by_proxies().as_bytes()).await.unwrap();
    let mut taken = take(pair.invited().await);
    taken.answer(ANSWER.into());
    let answer = says(&mut stream, "SIP/2.0 200").await;
    let ways = |message: &str, name: &str| -> Vec<String> {
        let prefix = format!("{name}: ");
        let found = message.lines().filter_map(|line| line.strip_prefix(&prefix));
        found.map(str::to_owned).collect()
    };
    let routes = [
        "<sip:wa.meta.vc;transport=tcp;lr>",
        "<sip:sip-proxy.internal.example:8191;transport=tcp;lr>",
    ];
    assert_eq!(ways(&answer, "Record-Route"), routes, "{answer}");
    let to = value(&answer, "To");
    let ack = format!(
        "ACK sip:200@{address};transport=tcp SIP/2.0\r\n\
         Via: SIP/2.0/TCP 203.0.113.5:5061;rport;branch=z9hG4bKexample02\r\nMax-Forwards: 69\r\n\
         From: \"5511988887777\" <sip:+5511988887777@wa.meta.vc>;tag=a1\r\nTo: {to}\r\n\
         Call-ID: outgoing:wacid.SAMPLE0001\r\nCSeq: 4100 ACK\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(ack.as_bytes()).await.unwrap();
    assert_eq!(told(&mut taken).await, Told::Standing);
    taken.hang_up(Vec::new());
    let bye = says(&mut stream, "BYE ").await;
    assert!(bye.starts_with("BYE sip:+5511988887777@wa.meta.vc;"), "{bye}");
    assert_eq!(ways(&bye, "Route"), routes, "{bye}");
}

/// What begins so of what comes on a connection.
async fn says(stream: &mut tokio::net::TcpStream, begins: &str) -> String {
    let mut heard = String::new();
    let hearing = async {
        loop {
            if let Some(at) = heard.find(begins) {
                return heard[at..].to_owned();
            }
            let mut buffer = [0; 8192];
            let len = stream.read(&mut buffer).await.unwrap();
            assert!(len > 0, "the connection was closed: {heard}");
            heard.push_str(&String::from_utf8_lossy(&buffer[..len]));
        }
    };
    tokio::time::timeout(PATIENCE, hearing).await.unwrap_or_else(|_| panic!("no {begins} came"))
}
