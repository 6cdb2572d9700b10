//! An agent's telephone calls a user: with tones, beside the console, and what it hears when nothing
//! comes of it.

use std::time::Duration;

use media::{frame::AudioCodec, transport::Setup};
use serde_json::json;
use sip::{Call, Credentials, End, Invite, Limits, Listen, News, Target, Transport, UserAgent};

use crate::{
    agent_telephones::{password, stands, with_telephones},
    desk::{ANA, CALL, Desk, HOLD_HZ, terminate},
    placed::{PLACED, answer, opaque, status},
    telephone_calls::news,
    trunks::{TELEPHONE_HZ, USER_HZ},
    upstream::graph_error,
    voice::Voice,
};

/// lia's telephone.
struct Telephone {
    agent: UserAgent,
    at: Target,
}

impl Telephone {
    async fn of(desk: &Desk, transport: Transport) -> Self {
        let plain = Some("127.0.0.1:0".parse().unwrap());
        let listen = Listen { plain, tls: None, name: "desk".into(), timers: true };
        let address = desk.gateway.sip_address().unwrap();
        let at = Target { address, host: None, transport, priority: 1, weight: 1 };
        Self { agent: UserAgent::start(listen, None).await.unwrap(), at }
    }

    fn dials(&self, password: String, whom: &str, offer: String) -> Call {
        let invite = Invite {
            targets: vec![self.at.clone()],
            extension: whom.into(),
            user_params: Vec::new(),
            call_id: format!("{}@desk", uuid::Uuid::now_v7()),
            caller: "lia".into(),
            caller_host: None,
            caller_name: None,
            credentials: Some(Credentials { user: "lia".into(), password }),
            headers: Vec::new(),
            offer,
            limits: Limits::default(),
        };
        self.agent.call(invite).unwrap()
    }
}

/// lia's telephone calls Ana, Ana picks up, the two hear each other; the console has its buttons.
async fn talk(transport: Transport, codec: AudioCodec) {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia"])).await;
    let phone = Telephone::of(&desk, transport).await;
    let mut lia = desk.available("lia").await;
    let mut voice = Voice::of_telephone(&desk.engine);
    let mut call = phone.dials(password("lia"), ANA, voice.telephone_offer(codec, false));
    let asked = desk.upstream.wait_until_asked("connect").await;
    assert_eq!(asked.body["to"], ANA);
    let opaque = opaque(&asked);
    let mut user = Voice::of_platform(&desk.engine);
    let sdp = user.platform_answer(asked.sdp(), Setup::Passive);
    desk.webhook(&answer(&opaque, &sdp)).await;
    user.connected().await;
    desk.webhook(&status(&opaque, "RINGING")).await;
    assert_eq!(news(&mut call).await, News::Ringing);
    lia.next_where("call", |frame| frame["call"]["by_telephone"] == json!(["lia"])).await;
    stands(&desk, "lia", "busy", false).await;
    desk.webhook(&status(&opaque, "ACCEPTED")).await;
    let News::Answered { answer, .. } = news(&mut call).await else { panic!("not answered") };
    voice.take_telephone_answer(&answer, codec);
    user.play(USER_HZ);
    let heard = if codec == AudioCodec::Opus {
        voice.play(TELEPHONE_HZ);
        voice.expect_tone(USER_HZ).await;
        TELEPHONE_HZ
    } else {
        // What the user says comes back, through both directions of the transcoder.
        voice.leg.play(engine::Source::Echo);
        USER_HZ
    };
    user.expect_tone(heard).await;
    lia.send(json!({"type": "hold", "call_id": PLACED})).await;
    user.expect_tones(&[HOLD_HZ], &[heard]).await;
    lia.send(json!({"type": "resume", "call_id": PLACED})).await;
    user.expect_tone(heard).await;
    call.hang_up(None);
    desk.upstream.wait_for_call("terminate", PLACED).await;
    desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", Some(3))).await;
    let record = desk.record(PLACED).await;
    assert_eq!(
        json!([record["reason"], record["direction"], record["agent"], record["by_telephone"]]),
        json!(["agent_hung_up", "BUSINESS_INITIATED", "lia", ["lia"]])
    );
    assert!(record["trunks"].is_null(), "it came by no trunk: {record}");
    stands(&desk, "lia", "available", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_telephone_calls_a_user_in_opus() {
    Box::pin(talk(Transport::Udp, AudioCodec::Opus)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_over_tcp_in_g711() {
    Box::pin(talk(Transport::Tcp, AudioCodec::Pcma)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hears_why_nothing_comes_of_it() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia"])).await;
    let phone = Telephone::of(&desk, Transport::Udp).await;
    let mut lia = desk.available("lia").await;
    let voice = Voice::of_telephone(&desk.engine);
    let offer = || voice.telephone_offer(AudioCodec::Opus, false);
    let dials = |whom: &str, offer: String| phone.dials(password("lia"), whom, offer);
    let ended = async |mut call: Call| news(&mut call).await;
    let guessed = ended(phone.dials("guess".into(), ANA, offer())).await;
    assert_eq!(guessed, News::Ended(End::Refused(403)));
    assert_eq!(ended(dials("abc", offer())).await, News::Ended(End::Refused(404)));
    let video = offer().replace("m=audio", "m=video");
    assert_eq!(ended(dials(ANA, video)).await, News::Ended(End::Refused(488)));
    assert_eq!(desk.upstream.count("connect"), 0, "the platform hears of none of it");

    // The agent says no in the console before the user picks up.
    let mut call = dials(ANA, offer());
    let opaque = opaque(&desk.upstream.wait_until_asked("connect").await);
    desk.webhook(&status(&opaque, "RINGING")).await;
    assert_eq!(news(&mut call).await, News::Ringing);
    assert_eq!(ended(dials(ANA, offer())).await, News::Ended(End::Busy), "in another call");
    lia.send(json!({"type": "hang_up", "call_id": PLACED})).await;
    desk.upstream.wait_for_call("terminate", PLACED).await;
    assert_eq!(news(&mut call).await, News::Ended(End::NoAnswer));
    desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", None)).await;
    assert_eq!(desk.record(PLACED).await["reason"], "agent_cancelled");
    stands(&desk, "lia", "available", false).await;

    let error = graph_error(138_006, "No approved call permission from the recipient");
    desk.upstream.answer("connect", 401, error, Duration::ZERO);
    assert_eq!(ended(dials(ANA, offer())).await, News::Ended(End::Refused(403)));
    stands(&desk, "lia", "available", false).await;
    let _user = desk.user_calls(CALL).await;
    lia.next("ringing").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_up_before_the_user_picks_up() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia"])).await;
    let phone = Telephone::of(&desk, Transport::Tcp).await;
    let voice = Voice::of_telephone(&desk.engine);
    let offer = voice.telephone_offer(AudioCodec::Opus, false);
    let mut call = phone.dials(password("lia"), ANA, offer);
    let opaque = opaque(&desk.upstream.wait_until_asked("connect").await);
    desk.webhook(&status(&opaque, "RINGING")).await;
    assert_eq!(news(&mut call).await, News::Ringing);
    call.hang_up(None);
    desk.upstream.wait_for_call("terminate", PLACED).await;
    desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", None)).await;
    let record = desk.record(PLACED).await;
    assert_eq!(json!([record["reason"], record["agent"]]), json!(["agent_cancelled", "lia"]));
    stands(&desk, "lia", "offline", false).await;
}
