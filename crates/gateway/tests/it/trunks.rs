//! Calls go to telephones of the house: SIPp and a telephone that says word for word what the test
//! tells it to, over real sockets, with tones.

use std::{
    net::{SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    time::Duration,
};

use media::{frame::AudioCodec, sdp::TrunkKeying};
use offhook_gateway::{
    Config,
    config::{FlowSource, Sip, Trunk, TrunkTarget},
};
use serde_json::{Value, json};
use sip::Transport;
use switchboard::trunk::Extensions;

use crate::{
    desk::{ANA, BYE_HZ, CALL, Desk, HOLD_HZ, connect, terminate},
    far_end::{FarEnd, value},
    numberless::{ID, PARENT, hidden},
    voice::{BUSY_GAP_MAX, Voice, tone_file},
};

pub(crate) const USER_HZ: f32 = 700.0;
pub(crate) const TELEPHONE_HZ: f32 = 1_000.0;
const EARLY_HZ: f32 = 1_600.0;
pub(crate) const SDP: &str = "Content-Type: application/sdp\r\n";

const FLOW: &str = r#"
start = "know"
[step.know]
set = { order = "4711" }
next = "desk"
[step.desk]
trunk = "pbx"
extension = "200"
context = { order = "{order}" }
for = "20s"
next = "bye"
otherwise = "why"
[step.why]
when = [{ variable = { trunk = "busy" }, next = "end" }]
otherwise = "bye"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#;

/// A trunk to these telephones, and a flow that rings there.
pub(crate) fn with_trunk(config: &mut Config, telephones: &[SocketAddr]) {
    let prompts = vec![
        ("bye".to_owned(), tone_file(BYE_HZ, 4_000)),
        ("hold".to_owned(), tone_file(HOLD_HZ, 1_000)),
    ];
    config.lines.first.flow = Some(FlowSource::Embedded { toml: FLOW.into(), prompts });
    config.ring_first = Some(false);
    let listen = "127.0.0.1:0".parse().unwrap();
    config.sip = Some(Sip { listen, tls: None, roots: None });
    let targets = telephones.iter().zip(1..).map(|(address, priority)| TrunkTarget {
        host: address.ip().to_string(),
        port: address.port(),
        transport: Transport::Udp,
        register: false,
        priority,
        weight: 1,
    });
    config.trunks = vec![Trunk {
        name: "pbx".into(),
        organisation: config.organisations[0].id.clone(),
        targets: targets.collect(),
        extensions: Extensions::parse(&["2XX".to_owned()]).unwrap(),
        codecs: vec![AudioCodec::Opus, AudioCodec::Pcmu],
        srtp: TrunkKeying::Open,
        in_band_keys: true,
        credentials: None,
        // A question would be SIPp's only call.
        options_every: None,
        calls_in: None,
    }];
}

pub(crate) fn free_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A SIPp that plays one call of a scenario and echoes its audio.
pub(crate) struct Sipp(Child);

impl Sipp {
    pub(crate) fn play(scenario: &str, address: SocketAddr) -> Self {
        let file = format!("{}/../../tests/sip/{scenario}.xml", env!("CARGO_MANIFEST_DIR"));
        // SIPp takes two more ports for audio, and one for remote control.
        let media = free_port().port();
        let child = Command::new("sipp")
            .args(["-sf", &file, "-i", "127.0.0.1", "-p", &address.port().to_string()])
            .args(["-mi", "127.0.0.1", "-mp", &media.to_string(), "-rtp_echo"])
            .args(["-cp", &free_port().port().to_string()])
            .args(["-m", "1", "-nostdin", "-timeout", "40s", "-timeout_error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("SIPp is installed (Debian: sip-tester)");
        Self(child)
    }

    /// Whether the scenario went as it is written.
    pub(crate) async fn was_content(&mut self) -> bool {
        for _ in 0..2_000 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("SIPp does not end");
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.0.kill().ok();
            self.0.wait().ok();
        }
    }
}

/// The next INVITE; questions whether it is there are answered meanwhile.
pub(crate) async fn invited(telephone: &mut FarEnd) -> String {
    telephone.hears("INVITE").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_of_g711_rings_talks_and_hangs_up() {
    let address = free_port();
    let mut sipp = Sipp::play("echoes", address);
    let desk = Desk::start_with(None, |config| with_trunk(config, &[address])).await;
    let mut user = desk.user_calls(CALL).await;
    user.continuous.start();
    user.expect_tone(HOLD_HZ).await;
    user.play(USER_HZ);
    // What the user says comes back from the telephone, through both directions of the transcoder.
    user.expect_tone(USER_HZ).await;
    user.expect_tone(BYE_HZ).await;
    user.continuous.assert(BUSY_GAP_MAX);
    assert!(sipp.was_content().await, "SIPp's scenario failed");
    desk.upstream.wait_for_call("terminate", CALL).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    let record = desk.record(CALL).await;
    let trunk = &record["trunks"][0];
    assert_eq!(
        json!([trunk["name"], trunk["extension"], trunk["became"], trunk["codec"]]),
        json!(["pbx", "200", "answered", "PCMU"])
    );
    assert!(trunk["leg"]["received"].as_u64().unwrap() > 50, "{trunk}");
    assert_eq!(record["flow"]["variables"]["trunk"], "answered");
    assert!(trunk["sip_call_id"].as_str().unwrap().ends_with("@offhook"), "{trunk}");
    let metrics = desk.metrics().await;
    assert!(metrics.contains("offhook_gateway_trunk_calls_total{result=\"answered\"} 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_of_opus_holds_the_call_and_is_hung_up_on() {
    let mut telephone = FarEnd::udp().await;
    let mut busy = FarEnd::udp().await;
    let targets = [busy.address, telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    let mut user = desk.user_calls(CALL).await;
    // The first target has no room, so the next one is rung.
    let asked_of_it = invited(&mut busy).await;
    busy.answers(&asked_of_it, "503 Service Unavailable").await;
    let invite = invited(&mut telephone).await;
    assert_eq!(value(&invite, "X-Offhook-Number"), "551140000000");
    assert_eq!(value(&invite, "Call-ID"), value(&asked_of_it, "Call-ID"), "one call");
    telephone.answers(&invite, "180 Ringing").await;
    let ringing = |call: &Value| call["trunk"]["state"] == "ringing";
    desk.get_until(&format!("/v1/calls/{CALL}"), ringing).await;
    let mut voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answer(&invite);
    telephone.says(&telephone.response(&invite, "183 Session Progress", SDP, &answer)).await;
    voice.play(EARLY_HZ);
    user.expect_tone(EARLY_HZ).await;
    desk.get_until(&format!("/v1/calls/{CALL}"), ringing).await;
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice.play(TELEPHONE_HZ);
    user.play(USER_HZ);
    user.continuous.start();
    user.expect_tone(TELEPHONE_HZ).await;
    voice.expect_tone(USER_HZ).await;

    let held = answer.replace("a=sendrecv", "a=sendonly");
    telephone.says(&telephone.request(&invite, "INVITE", 1, SDP, &held)).await;
    let accepted = telephone.hears("SIP/2.0 200").await;
    assert!(accepted.contains("a=recvonly"), "{accepted}");
    telephone.says(&telephone.request(&invite, "ACK", 1, "", "")).await;
    user.expect_tone(HOLD_HZ).await;
    telephone.says(&telephone.request(&invite, "INVITE", 2, SDP, &answer)).await;
    telephone.hears("SIP/2.0 200").await;
    telephone.says(&telephone.request(&invite, "ACK", 2, "", "")).await;
    user.expect_tone(TELEPHONE_HZ).await;
    user.continuous.assert(BUSY_GAP_MAX);

    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    let bye = telephone.hears("BYE").await;
    assert!(value(&bye, "Reason").starts_with("Q.850;cause=16"), "{bye}");
    telephone.answers(&bye, "200 OK").await;
    let record = desk.record(CALL).await;
    let trunk = &record["trunks"][0];
    let talked = json!([trunk["codec"], trunk["leg"]["codec"], trunk["sip_call_id"]]);
    assert_eq!(talked, json!(["opus", "opus", value(&invite, "Call-ID")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_knows_who_calls_by_the_bsuid_where_the_number_is_hidden() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&hidden(connect(CALL, &user.platform_offer()))).await;
    let _user = desk.gets_a_path(CALL, user).await;
    let invite = invited(&mut telephone).await;
    assert!(value(&invite, "From").starts_with("\"Ana\" <sip:anonymous@"), "{invite}");
    let asserted = format!("\"Ana\" <sip:{ID}@127.0.0.1>");
    assert_eq!(value(&invite, "P-Asserted-Identity"), asserted);
    assert_eq!(value(&invite, "X-Offhook-User-Id"), ID);
    assert_eq!(value(&invite, "X-Offhook-Parent-User-Id"), PARENT);
    assert!(!invite.contains("X-Offhook-User:"), "a number is a number: {invite}");

    // Who shows the number later is known by both.
    telephone.answers(&invite, "486 Busy Here").await;
    telephone.hears("ACK").await;
    desk.webhook(&hidden(terminate(CALL, "USER_INITIATED", Some(1)))).await;
    desk.record(CALL).await;
    let user = Voice::of_platform(&desk.engine);
    let mut shown = connect("wacid.SHOWN", &user.platform_offer());
    shown["entry"][0]["changes"][0]["value"]["contacts"][0]["user_id"] = json!(ID);
    desk.webhook(&shown).await;
    let _user = desk.gets_a_path("wacid.SHOWN", user).await;
    let invite = invited(&mut telephone).await;
    assert_eq!(value(&invite, "X-Offhook-User"), ANA);
    assert_eq!(value(&invite, "X-Offhook-User-Id"), ID);
    let asserted = format!("\"Ana\" <sip:+{ANA}@127.0.0.1>");
    assert_eq!(value(&invite, "P-Asserted-Identity"), asserted);
    assert!(value(&invite, "From").contains(&format!("<sip:+{ANA}@")), "{invite}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_knows_what_the_user_came_with_and_whether_the_window_was_open() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    // The first call opens the window, and the second comes with what a button carried.
    for (call, field, payload, window) in [
        ("wacid.LINK", "deeplink_payload", "src=site-footer", "closed"),
        ("wacid.BUTTON", "cta_payload", "order=7712", "open"),
    ] {
        let user = Voice::of_platform(&desk.engine);
        let mut body = connect(call, &user.platform_offer());
        let came = &mut body["entry"][0]["changes"][0]["value"]["calls"][0];
        came.as_object_mut().unwrap().remove("deeplink_payload");
        came[field] = json!(payload);
        desk.webhook(&body).await;
        let _user = desk.gets_a_path(call, user).await;
        let invite = invited(&mut telephone).await;
        assert_eq!(value(&invite, "X-Offhook-Payload"), payload);
        assert_eq!(value(&invite, "X-Offhook-Window"), window, "{call}");
        telephone.answers(&invite, "486 Busy Here").await;
        telephone.hears("ACK").await;
        desk.webhook(&terminate(call, "USER_INITIATED", Some(1))).await;
        desk.record(call).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_gives_a_call_to_a_telephone_and_gets_it_back_when_it_is_busy() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &targets);
        config.ring_first = Some(true);
    })
    .await;
    let mut lia = desk.available("lia").await;
    let mut user = desk.user_calls(CALL).await;
    lia.next("ringing").await;
    let browser = Voice::of_browser(&desk.engine);
    let answers =
        |voice: &Voice| json!({"type": "answer", "call_id": CALL, "sdp": voice.browser_offer()});
    lia.send(answers(&browser)).await;
    browser.take_browser_answer(lia.next("answer").await["sdp"].as_str().unwrap());
    browser.play(1_200.0);
    user.expect_tone(1_200.0).await;
    user.continuous.start();

    let path = format!("/v1/calls/{CALL}/transfer");
    let to =
        |extension: &str| json!({"to": {"kind": "trunk", "name": "pbx", "extension": extension}});
    let (status, problem) = desk.post(&path, &to("5511999990000"), None).await;
    assert_eq!(status, 400, "there is no free dialling: {problem}");
    let nowhere = json!({"to": {"kind": "queue", "name": "nowhere"}});
    assert_eq!(desk.post(&path, &nowhere, None).await.0, 400);
    assert_eq!(desk.post(&path, &to("201"), None).await.0, 204);
    let invite = invited(&mut telephone).await;
    assert!(invite.starts_with("INVITE sip:201@"), "{invite}");
    user.expect_tone(HOLD_HZ).await;
    telephone.answers(&invite, "486 Busy Here").await;
    telephone.hears("ACK").await;
    // Back to who gave it away.
    lia.next("ringing").await;
    let browser = Voice::of_browser(&desk.engine);
    lia.send(answers(&browser)).await;
    browser.take_browser_answer(lia.next("answer").await["sdp"].as_str().unwrap());
    browser.play(1_200.0);
    user.expect_tone(1_200.0).await;
    user.continuous.assert(BUSY_GAP_MAX);
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["trunks"][0]["became"], "busy");
    assert_eq!(record["agent"], "lia");
    let transfers = record["transfers"].as_array().unwrap();
    assert_eq!(transfers.len(), 1, "to come back is none: {record}");
    assert_eq!(
        (&transfers[0]["trunk"], &transfers[0]["extension"]),
        (&json!("pbx"), &json!("201"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_answer_are_known_from_those_that_do_not() {
    let mut there = FarEnd::udp().await;
    let nobody = free_port();
    let targets = [nobody, there.address];
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &targets);
        config.trunks[0].options_every = Some(Duration::from_secs(1));
    })
    .await;
    let answering = async {
        let asked = there.hears("OPTIONS").await;
        there.answers(&asked, "200 OK").await;
    };
    let health = |list: &Value| {
        let target = |n: usize| list["trunks"][0]["targets"][n]["health"].clone();
        (target(0), target(1))
    };
    let told = desk.get_until("/v1/trunks", |list| health(list).1 == "well");
    let (told, ()) = tokio::join!(told, answering);
    assert!(["silent", "unreachable"].contains(&health(&told).0.as_str().unwrap()), "{told}");
    let metrics = desk.metrics().await;
    let well = "offhook_gateway_trunk_targets_well{organisation=\"default\",trunk=\"pbx\"} 1";
    assert!(metrics.contains(well), "{metrics}");
    let places = desk.get("/v1/destinations").await;
    assert_eq!(places["trunks"], json!([{"name": "pbx", "extensions": "2XX"}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_asks_a_telephone_and_hands_the_user_over() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &targets);
        config.ring_first = Some(true);
    })
    .await;
    let mut lia = desk.available("lia").await;
    let mut user = desk.user_calls(CALL).await;
    lia.next("ringing").await;
    let mut browser = Voice::of_browser(&desk.engine);
    lia.send(json!({"type": "answer", "call_id": CALL, "sdp": browser.browser_offer()})).await;
    browser.take_browser_answer(lia.next("answer").await["sdp"].as_str().unwrap());
    browser.play(1_200.0);
    user.play(USER_HZ);
    user.expect_tone(1_200.0).await;
    user.continuous.start();

    lia.send(json!({"type": "consult", "call_id": CALL, "trunk": "pbx", "extension": "202"})).await;
    let invite = invited(&mut telephone).await;
    let mut voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answer(&invite);
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice.play(TELEPHONE_HZ);
    // Agent and telephone talk, the user waits.
    voice.expect_tone(1_200.0).await;
    browser.expect_tone(TELEPHONE_HZ).await;
    user.expect_tone(HOLD_HZ).await;
    lia.send(json!({"type": "hand_over", "call_id": CALL})).await;
    user.expect_tone(TELEPHONE_HZ).await;
    voice.expect_tone(USER_HZ).await;
    user.continuous.assert(BUSY_GAP_MAX);
    let free = |list: &Value| {
        let agents = list["agents"].as_array().unwrap();
        agents.iter().any(|agent| agent["id"] == "lia" && agent["state"] != "busy")
    };
    desk.get_until("/v1/agents", free).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    let bye = telephone.hears("BYE").await;
    telephone.answers(&bye, "200 OK").await;
    let record = desk.record(CALL).await;
    assert_eq!(record["trunks"][0]["extension"], "202");
    assert_eq!(record["trunks"][0]["sip_call_id"], value(&invite, "Call-ID"));
    assert!(record["hold_s"].is_u64(), "{record}");
}
