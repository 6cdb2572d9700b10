//! A telephone of the house calls a user: over UDP, TCP and TLS, with tones; and what it hears when
//! nothing comes of it.

use std::{sync::Arc, time::Duration};

use media::{frame::AudioCodec, sdp::TrunkKeying, transport::Setup};
use offhook_gateway::{
    Config,
    config::{CallsIn, Sip},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::json;
use sip::{
    Call, Credentials, End, Invite, Limits, Listen, News, Target, Tls, Transport, UserAgent,
};

use crate::{
    desk::{ANA, Desk, terminate},
    far_end::{FarEnd, value},
    placed::{PLACED, answer, opaque, status},
    tls,
    trunks::{TELEPHONE_HZ, USER_HZ, with_trunk},
    upstream::graph_error,
    voice::Voice,
    wideband::WIDE_USER_HZ,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// What the telephone knows.
#[derive(Clone, Copy)]
pub(crate) enum Knows {
    /// Nothing: it is one of the trunk's targets.
    Nothing,
    Password(&'static str),
}

/// Telephones may call.
pub(crate) fn open(config: &mut Config, knows: Knows) {
    with_trunk(config, &["127.0.0.1:9".parse().unwrap()]);
    let credentials = match knows {
        Knows::Nothing => None,
        Knows::Password(_) => {
            Some(Credentials { user: "pbx".into(), password: "in-password".into() })
        }
    };
    config.trunks[0].calls_in = Some(CallsIn { from: None, credentials, prefix: "9".into() });
}

pub(crate) struct Telephone {
    agent: UserAgent,
    at: Target,
    knows: Knows,
}

impl Telephone {
    pub(crate) async fn of(
        desk: &Desk,
        transport: Transport,
        tls: Option<Tls>,
        knows: Knows,
    ) -> Self {
        let plain = Some("127.0.0.1:0".parse().unwrap());
        let listen = Listen { plain, tls, name: "pbx".into(), timers: true };
        let address = match transport {
            Transport::Udp | Transport::Tcp => desk.gateway.sip_address(),
            Transport::Tls => desk.gateway.sip_tls_address(),
        };
        let host = (transport == Transport::Tls).then(|| Arc::from("sip.aurora.test"));
        let at = Target { address: address.unwrap(), host, transport, priority: 1, weight: 1 };
        Self { agent: UserAgent::start(listen, None).await.unwrap(), at, knows }
    }

    pub(crate) fn dials(&self, whom: &str, offer: String) -> Call {
        let credentials = match self.knows {
            Knows::Nothing => None,
            Knows::Password(password) => {
                Some(Credentials { user: "pbx".into(), password: password.into() })
            }
        };
        let invite = Invite {
            targets: vec![self.at.clone()],
            extension: whom.into(),
            user_params: Vec::new(),
            call_id: format!("{}@pbx", uuid::Uuid::now_v7()),
            caller: "200".into(),
            caller_host: None,
            caller_name: Some("Desk 200".into()),
            credentials,
            headers: Vec::new(),
            offer,
            limits: Limits::default(),
        };
        self.agent.call(invite).unwrap()
    }
}

pub(crate) async fn news(call: &mut Call) -> News {
    let news = tokio::time::timeout(PATIENCE, call.news()).await;
    news.expect("news in time").expect("news")
}

/// The telephone calls Ana, Ana picks up, the two hear each other, the telephone hangs up.
async fn talk(transport: Transport, tls: Option<(Sip, Tls)>, codec: AudioCodec, keys: bool) {
    let (sip, trust) = tls.unzip();
    let desk = Desk::start_with(None, |config| {
        open(config, Knows::Nothing);
        config.trunks[0].srtp = if keys { TrunkKeying::Sdes } else { TrunkKeying::Open };
        config.trunks[0].codecs.push(AudioCodec::G722);
        config.sip = sip.or_else(|| config.sip.take());
    })
    .await;
    let phone = Telephone::of(&desk, transport, trust, Knows::Nothing).await;
    let mut voice = Voice::of_telephone(&desk.engine);
    let mut call = phone.dials(&format!("9{ANA}"), voice.telephone_offer(codec, keys));
    let asked = desk.upstream.wait_until_asked("connect").await;
    assert_eq!(asked.body["to"], ANA);
    let opaque = opaque(&asked);
    let mut user = Voice::of_platform(&desk.engine);
    let sdp = user.platform_answer(asked.sdp(), Setup::Passive);
    desk.webhook(&answer(&opaque, &sdp)).await;
    user.connected().await;
    desk.webhook(&status(&opaque, "RINGING")).await;
    assert_eq!(news(&mut call).await, News::Ringing);
    desk.webhook(&status(&opaque, "ACCEPTED")).await;
    let News::Answered { answer, .. } = news(&mut call).await else { panic!("not answered") };
    voice.take_telephone_answer(&answer, codec);
    let said = if codec == AudioCodec::G722 { WIDE_USER_HZ } else { USER_HZ };
    user.play(said);
    if codec == AudioCodec::Opus {
        voice.play(TELEPHONE_HZ);
        user.expect_tone(TELEPHONE_HZ).await;
        voice.expect_tone(said).await;
    } else {
        // What the user says comes back, through both directions of the transcoder.
        voice.leg.play(engine::Source::Echo);
        user.expect_tone(said).await;
    }
    call.hang_up(None);
    desk.upstream.wait_for_call("terminate", PLACED).await;
    desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", Some(3))).await;
    let record = desk.record(PLACED).await;
    assert_eq!(
        json!([record["reason"], record["direction"]]),
        json!(["telephone_hung_up", "BUSINESS_INITIATED"])
    );
    let trunk = &record["trunks"][0];
    assert_eq!(
        json!([
            trunk["name"],
            trunk["extension"],
            trunk["placed"],
            trunk["became"],
            trunk["codec"]
        ]),
        json!(["pbx", "200", true, "answered", codec.as_str()])
    );
    assert!(trunk["leg"]["received"].as_u64().unwrap() >= 5, "{trunk}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_calls_a_user_over_udp_in_opus() {
    Box::pin(talk(Transport::Udp, None, AudioCodec::Opus, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_over_tcp_in_g711_with_keys() {
    Box::pin(talk(Transport::Tcp, None, AudioCodec::Pcmu, true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_over_udp_in_g722() {
    Box::pin(talk(Transport::Udp, None, AudioCodec::G722, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let files = tls::files(folder.path());
    tls::write_pair_for("sip.aurora.test", &files);
    let here = "127.0.0.1:0".parse().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.certificate).unwrap()).unwrap();
    let connect = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tls = Tls { accept: None, connect: Arc::new(connect) };
    let sip = Sip { listen: here, tls: Some((here, files)), roots: None };
    Box::pin(talk(Transport::Tls, Some((sip, tls)), AudioCodec::Opus, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hears_why_nothing_comes_of_it() {
    let desk = Desk::start_with(None, |config| open(config, Knows::Nothing)).await;
    let phone = Telephone::of(&desk, Transport::Udp, None, Knows::Nothing).await;
    let voice = Voice::of_telephone(&desk.engine);
    let offer = || voice.telephone_offer(AudioCodec::Opus, false);
    let ended = async |whom: &str, offer: String| news(&mut phone.dials(whom, offer)).await;
    assert_eq!(ended("9abc", offer()).await, News::Ended(End::Refused(404)));
    assert_eq!(ended(ANA, offer()).await, News::Ended(End::Refused(404)), "without the prefix");
    let video = offer().replace("m=audio", "m=video");
    let whom = format!("9{ANA}");
    assert_eq!(ended(&whom, video).await, News::Ended(End::Refused(488)));
    let error = graph_error(138_006, "No approved call permission from the recipient");
    desk.upstream.answer("connect", 401, error, Duration::ZERO);
    assert_eq!(ended(&whom, offer()).await, News::Ended(End::Refused(403)));
}

/// The user does not want the call, and does not hear it.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_says_no_is_busy_and_one_who_is_away_does_not_answer() {
    for (word, end) in [(Some("REJECTED"), End::Busy), (None, End::NoAnswer)] {
        let desk = Desk::start_with(None, |config| open(config, Knows::Nothing)).await;
        let phone = Telephone::of(&desk, Transport::Udp, None, Knows::Nothing).await;
        let voice = Voice::of_telephone(&desk.engine);
        let offer = voice.telephone_offer(AudioCodec::Opus, false);
        let mut call = phone.dials(&format!("9{ANA}"), offer);
        let opaque = opaque(&desk.upstream.wait_until_asked("connect").await);
        desk.webhook(&status(&opaque, "RINGING")).await;
        assert_eq!(news(&mut call).await, News::Ringing);
        if let Some(word) = word {
            desk.webhook(&status(&opaque, word)).await;
        }
        desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", None)).await;
        assert_eq!(news(&mut call).await, News::Ended(end));
        let record = desk.record(PLACED).await;
        let became = if word.is_some() { "busy" } else { "no_answer" };
        assert_eq!(record["trunks"][0]["became"], became, "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_up_before_the_user_picks_up() {
    let desk = Desk::start_with(None, |config| open(config, Knows::Nothing)).await;
    let phone = Telephone::of(&desk, Transport::Tcp, None, Knows::Nothing).await;
    let voice = Voice::of_telephone(&desk.engine);
    let offer = voice.telephone_offer(AudioCodec::Opus, false);
    let mut call = phone.dials(&format!("9{ANA}"), offer);
    let opaque = opaque(&desk.upstream.wait_until_asked("connect").await);
    desk.webhook(&status(&opaque, "RINGING")).await;
    assert_eq!(news(&mut call).await, News::Ringing);
    call.hang_up(None);
    desk.upstream.wait_for_call("terminate", PLACED).await;
    desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", None)).await;
    let record = desk.record(PLACED).await;
    assert_eq!(record["reason"], "telephone_cancelled");
    assert_eq!(record["trunks"][0]["became"], "given_up", "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_knows_the_password_calls() {
    let right = Knows::Password("in-password");
    let desk = Desk::start_with(None, |config| open(config, right)).await;
    let voice = Voice::of_telephone(&desk.engine);
    let whom = format!("9{ANA}");
    for (knows, status) in [(Knows::Nothing, 401), (Knows::Password("guess"), 403)] {
        let phone = Telephone::of(&desk, Transport::Udp, None, knows).await;
        let mut call = phone.dials(&whom, voice.telephone_offer(AudioCodec::Opus, false));
        assert_eq!(news(&mut call).await, News::Ended(End::Refused(status)));
    }
    assert_eq!(desk.upstream.count("connect"), 0, "the platform hears of none of it");
    let phone = Telephone::of(&desk, Transport::Udp, None, right).await;
    let _call = phone.dials(&whom, voice.telephone_offer(AudioCodec::Opus, false));
    desk.upstream.wait_until_asked("connect").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_by_a_trunk_that_says_nothing_of_it() {
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &["127.0.0.1:9".parse().unwrap()]);
    })
    .await;
    let phone = Telephone::of(&desk, Transport::Udp, None, Knows::Nothing).await;
    let voice = Voice::of_telephone(&desk.engine);
    let mut call = phone.dials(&format!("9{ANA}"), voice.telephone_offer(AudioCodec::Opus, false));
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(403)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_password_an_address_that_is_no_target_calls_nobody() {
    let desk = Desk::start_with(None, |config| open(config, Knows::Nothing)).await;
    let gateway = desk.gateway.sip_address().unwrap();
    let voice = Voice::of_telephone(&desk.engine);
    let offer = voice.telephone_offer(AudioCodec::Opus, false);
    let dials = async |ip: &str| {
        let mut phone = FarEnd::udp_at(ip).await;
        let (us, len) = (phone.address, offer.len());
        let invite = format!(
            "INVITE sip:9{ANA}@{gateway} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {us};rport;branch=z9hG4bK{us}\r\nMax-Forwards: 70\r\n\
             From: <sip:200@{us}>;tag=a\r\nTo: <sip:9{ANA}@{gateway}>\r\nCall-ID: of-{us}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:200@{us}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {len}\r\n\r\n{offer}"
        );
        phone.says_to(gateway, &invite).await;
        phone
    };
    dials("127.0.0.2").await.hears("SIP/2.0 403").await;
    desk.metrics_until("offhook_gateway_sip_strangers_total{what=\"turned_away\"} 1").await;
    assert_eq!(desk.upstream.count("connect"), 0, "the platform hears nothing of it");
    // The same from the address of a target is a call.
    let _phone = dials("127.0.0.1").await;
    desk.upstream.wait_until_asked("connect").await;
}

/// As Cisco's call managers do.
#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_calls_without_an_offer_and_answers_ours() {
    let desk = Desk::start_with(None, |config| open(config, Knows::Nothing)).await;
    let gateway = desk.gateway.sip_address().unwrap();
    let mut phone = FarEnd::udp().await;
    let us = phone.address;
    let head = |method: &str, to_tag: &str, body: &str| {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:9{ANA}@{gateway} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {us};rport;branch=z9hG4bKlate{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:200@{us}>;tag=late\r\nTo: <sip:9{ANA}@{gateway}>{to_tag}\r\n\
             Call-ID: late-offer\r\nCSeq: 1 {method}\r\nContact: <sip:200@{us}>\r\n{kind}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    phone.says_to(gateway, &head("INVITE", "", "")).await;
    let opaque = opaque(&desk.upstream.wait_until_asked("connect").await);
    let asked = desk.upstream.wait_until_asked("connect").await;
    let mut user = Voice::of_platform(&desk.engine);
    let sdp = user.platform_answer(asked.sdp(), Setup::Passive);
    desk.webhook(&answer(&opaque, &sdp)).await;
    user.connected().await;
    desk.webhook(&status(&opaque, "ACCEPTED")).await;
    let answered = phone.hears("SIP/2.0 200").await;
    let mut voice = Voice::of_telephone(&desk.engine);
    let theirs = voice.telephone_answer(&answered);
    let tag = value(&answered, "To").split_once(";tag=").unwrap().1.to_owned();
    phone.says(&head("ACK", &format!(";tag={tag}"), &theirs)).await;
    voice.play(TELEPHONE_HZ);
    user.play(USER_HZ);
    user.expect_tone(TELEPHONE_HZ).await;
    voice.expect_tone(USER_HZ).await;
    desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", Some(3))).await;
    phone.hears("BYE").await;
    let record = desk.record(PLACED).await;
    assert_eq!(record["trunks"][0]["became"], "answered", "{record}");
}
