//! A telephone of the house agrees on its keys by DTLS, with ICE and without, rung by us and calling us; and
//! what becomes of one that does not fit, or is not who its SDP names.

use engine::{DtlsEnd, Engine, PayloadTypes};
use media::{
    frame::AudioCodec,
    leg::IceRole,
    sdp::{self, OurKeys, TrunkKeying, TrunkKeys, TrunkMedia, TrunkVoice},
    transport::{Fingerprint, LocalTransport, Setup},
};
use serde_json::Value;
use sip::{End, News, Transport};

use crate::{
    desk::{ANA, CALL, Desk, HOLD_HZ, terminate},
    far_end::FarEnd,
    placed::{PLACED, answer, opaque, status},
    telephone_calls::{Knows, Telephone, news, open},
    trunks::{SDP, TELEPHONE_HZ, USER_HZ, invited, with_trunk},
    voice::Voice,
};

const ASKS: Option<IceRole> = Some(IceRole::Full { controlling: false });
const ANSWERS: Option<IceRole> = Some(IceRole::Lite);

/// A telephone that shakes hands.
struct Shaker {
    voice: Voice,
    ice: Option<IceRole>,
    /// Who its SDP says it is.
    fingerprint: Fingerprint,
}

impl Shaker {
    fn new(engine: &Engine, ice: Option<IceRole>) -> Self {
        let voice = Voice::open(engine, ice.unwrap_or(IceRole::Lite));
        Self { voice, ice, fingerprint: engine.fingerprint() }
    }

    /// Its answer to the gateway's offer; as `setup` it starts or waits.
    fn answer(&self, text: &str, setup: Setup) -> String {
        let offer = sdp::parse(text).unwrap().session;
        let media = TrunkMedia::of(&offer, &[AudioCodec::Opus], &[TrunkKeying::Dtls]);
        let mut media = media.unwrap();
        let TrunkKeys::Dtls(theirs) = &mut media.keys else { panic!("no handshake in {text}") };
        assert_eq!((offer.setup, theirs.rtcp_mux), (Some(Setup::Actpass), true), "{text}");
        assert!(theirs.ice.is_some(), "both are offered: {text}");
        // Its own part is the other one.
        theirs.setup = if setup == Setup::Active { Setup::Passive } else { Setup::Active };
        theirs.ice = theirs.ice.take().filter(|_| self.ice.is_some());
        self.meet(&media);
        self.says(|voice| sdp::write_trunk_answer(voice, &media))
    }

    fn offer(&self) -> String {
        self.says(|voice| sdp::write_trunk_offer(voice, &[AudioCodec::Opus]))
    }

    /// Takes the gateway's answer, which is in kind.
    fn take(&self, text: &str) {
        let session = sdp::parse(text).unwrap().session;
        assert_eq!(session.setup, Some(Setup::Active), "{text}");
        assert_eq!(session.ice_ufrag.is_some(), self.ice.is_some(), "{text}");
        let media = TrunkMedia::of(&session, &[AudioCodec::Opus], &[TrunkKeying::Dtls]);
        self.meet(&media.unwrap());
    }

    fn meet(&self, media: &TrunkMedia) {
        let TrunkKeys::Dtls(theirs) = &media.keys else { panic!("no handshake") };
        let payload_types = PayloadTypes::opus(media.audio, media.dtmf);
        let (remote, role, fingerprint) =
            (media.remote, theirs.setup.our_role(), theirs.fingerprint);
        match &theirs.ice {
            Some(ice) => self.voice.leg.set_remote(ice.clone(), role, payload_types),
            None => {
                self.voice.leg.set_dtls(DtlsEnd { remote, fingerprint, role, payload_types });
            }
        }
        self.voice.leg.send_gate(true);
        self.voice.play(TELEPHONE_HZ);
    }

    fn says(&self, write: impl FnOnce(TrunkVoice<'_>) -> String) -> String {
        let local = LocalTransport { fingerprint: self.fingerprint, ..self.voice.local.clone() };
        let text = write(TrunkVoice { local: &local, version: 1, keys: OurKeys::Dtls });
        match self.ice {
            Some(IceRole::Full { .. }) => text,
            Some(IceRole::Lite) => text.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"),
            None => without(&without(&text, "a=ice"), "a=candidate"),
        }
    }

    /// The two hear each other.
    async fn talks_with(&mut self, user: &mut Voice) {
        user.play(USER_HZ);
        user.expect_tone(TELEPHONE_HZ).await;
        self.voice.expect_tone(USER_HZ).await;
    }
}

fn without(text: &str, begin: &str) -> String {
    text.split_inclusive("\r\n").filter(|line| !line.starts_with(begin)).collect()
}

fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").unwrap().1
}

fn shook_hands(record: &Value) {
    let trunk = &record["trunks"][0];
    assert_eq!(trunk["became"], "answered", "{record}");
    assert!(trunk["leg"]["dtls_ms"].is_u64() && trunk["leg"]["failed"].is_null(), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_shakes_hands_rings_telephones_with_ice_and_without() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &targets);
        config.trunks[0].srtp = TrunkKeying::Dtls;
    })
    .await;
    for (n, (ice, setup)) in
        [(ASKS, Setup::Passive), (ANSWERS, Setup::Active), (None, Setup::Active)].iter().enumerate()
    {
        let id = format!("wacid.DTLS{n}");
        let mut user = desk.user_calls(&id).await;
        let invite = invited(&mut telephone).await;
        assert!(invite.contains("UDP/TLS/RTP/SAVP ") && !invite.contains("a=crypto"), "{invite}");
        let mut phone = Shaker::new(&desk.engine, *ice);
        let answer = phone.answer(body(&invite), *setup);
        telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
        telephone.hears("ACK").await;
        phone.talks_with(&mut user).await;
        if ice.is_none() {
            holds(&mut telephone, &invite, &answer, &mut user).await;
        }
        desk.webhook(&terminate(&id, "USER_INITIATED", Some(2))).await;
        let bye = telephone.hears("BYE").await;
        telephone.answers(&bye, "200 OK").await;
        shook_hands(&desk.record(&id).await);
    }
}

/// The telephone holds the call and comes back, and cannot become another one.
async fn holds(telephone: &mut FarEnd, invite: &str, answer: &str, user: &mut Voice) {
    let again = answer.replace("a=setup:active", "a=setup:actpass");
    let held = again.replace("a=sendrecv", "a=sendonly");
    telephone.says(&telephone.request(invite, "INVITE", 1, SDP, &held)).await;
    let accepted = telephone.hears("SIP/2.0 200").await;
    assert!(accepted.contains("a=recvonly") && accepted.contains("a=setup:passive"), "{accepted}");
    telephone.says(&telephone.request(invite, "ACK", 1, "", "")).await;
    user.expect_tone(HOLD_HZ).await;
    let shown = sdp::parse(&again).unwrap().session.fingerprint.unwrap().to_string();
    let other = again.replace(&shown, &Fingerprint([7; 32]).to_string());
    telephone.says(&telephone.request(invite, "INVITE", 2, SDP, &other)).await;
    telephone.hears("SIP/2.0 488").await;
    telephone.says(&telephone.request(invite, "ACK", 2, "", "")).await;
    telephone.says(&telephone.request(invite, "INVITE", 3, SDP, &again)).await;
    telephone.hears("SIP/2.0 200").await;
    telephone.says(&telephone.request(invite, "ACK", 3, "", "")).await;
    user.expect_tone(TELEPHONE_HZ).await;
}

/// Also where the trunk asks for no keys: who offers a handshake gets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_that_calls_is_answered_in_kind() {
    for (ice, keying) in
        [(Some(IceRole::Full { controlling: true }), TrunkKeying::Open), (None, TrunkKeying::Dtls)]
    {
        let desk = Desk::start_with(None, |config| {
            open(config, Knows::Nothing);
            config.trunks[0].srtp = keying;
        })
        .await;
        let line = Telephone::of(&desk, Transport::Udp, None, Knows::Nothing).await;
        let mut phone = Shaker::new(&desk.engine, ice);
        let mut call = line.dials(&format!("9{ANA}"), phone.offer());
        let asked = desk.upstream.wait_until_asked("connect").await;
        let opaque = opaque(&asked);
        let mut user = Voice::of_platform(&desk.engine);
        let sdp = user.platform_answer(asked.sdp(), Setup::Passive);
        desk.webhook(&answer(&opaque, &sdp)).await;
        user.connected().await;
        desk.webhook(&status(&opaque, "ACCEPTED")).await;
        let answered = loop {
            match news(&mut call).await {
                News::Ringing => {}
                News::Answered { answer, .. } => break answer,
                other @ (News::Early(_) | News::Ended(_)) => panic!("not answered: {other:?}"),
            }
        };
        phone.take(&answered);
        phone.talks_with(&mut user).await;
        call.hang_up(None);
        desk.upstream.wait_for_call("terminate", PLACED).await;
        desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", Some(3))).await;
        shook_hands(&desk.record(PLACED).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_whose_keys_do_not_fit_has_no_call() {
    for keying in [TrunkKeying::Open, TrunkKeying::Sdes, TrunkKeying::Dtls] {
        let desk = Desk::start_with(None, |config| {
            open(config, Knows::Nothing);
            config.trunks[0].srtp = keying;
        })
        .await;
        let line = Telephone::of(&desk, Transport::Udp, None, Knows::Nothing).await;
        let plain = Voice::of_telephone(&desk.engine);
        let [bare, keyed] = [false, true].map(|keys| plain.telephone_offer(AudioCodec::Opus, keys));
        let shakes = Shaker::new(&desk.engine, ASKS).offer();
        let nameless = without(&shakes, "a=fingerprint");
        let wrong = match keying {
            TrunkKeying::Open => [keyed, nameless],
            TrunkKeying::Sdes => [bare, shakes],
            TrunkKeying::Dtls => [bare, keyed],
        };
        for offer in wrong {
            let ended = news(&mut line.dials(&format!("9{ANA}"), offer)).await;
            assert_eq!(ended, News::Ended(End::Refused(488)), "{keying:?}");
        }
        assert_eq!(desk.upstream.count("connect"), 0, "the platform hears of none of it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_another_certificate_than_its_sdp_names_hears_nothing_and_is_hung_up_on() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &targets);
        config.trunks[0].srtp = TrunkKeying::Dtls;
    })
    .await;
    let user = desk.user_calls(CALL).await;
    user.play(USER_HZ);
    let invite = invited(&mut telephone).await;
    let mut phone = Shaker::new(&desk.engine, None);
    phone.fingerprint = Fingerprint([1; 32]);
    let answer = phone.answer(body(&invite), Setup::Active);
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    let bye = telephone.hears("BYE").await;
    telephone.answers(&bye, "200 OK").await;
    assert_eq!(phone.voice.packets(), 0, "nothing of the user leaves");
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    let record = desk.record(CALL).await;
    let failed = &record["trunks"][0]["leg"]["failed"];
    assert_eq!(failed, "the far end's certificate is not the one its SDP named", "{record}");

    // One that answers without a handshake has none of ours either.
    let _user = desk.user_calls("wacid.PLAIN").await;
    let invite = invited(&mut telephone).await;
    let plain = answer.replace("UDP/TLS/RTP/SAVP ", "RTP/AVP ");
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &plain)).await;
    telephone.hears("ACK").await;
    telephone.hears("BYE").await;
    desk.webhook(&terminate("wacid.PLAIN", "USER_INITIATED", Some(2))).await;
    let record = desk.record("wacid.PLAIN").await;
    assert_eq!(record["trunks"][0]["became"], "unavailable", "{record}");
}
