//! Telephones of agents: they register, ring beside the console, talk, hold the call and hang up.

use std::{net::SocketAddr, time::Duration};

use audio::{
    g711::{Decoder, Encoder, Law},
    measure::Measure,
    tone,
};
use engine::{LegEvent, Repeat, Source};
use media::frame::{AudioCodec, AudioFrame};
use offhook_gateway::{
    Config,
    config::{AgentTelephone, Secret, Sip},
};
use serde_json::{Value, json};

use crate::{
    agents::answer,
    desk::{ANA, CALL, Desk, HOLD_HZ, terminate},
    far_end::{FarEnd, value},
    trunks::{SDP, TELEPHONE_HZ, USER_HZ},
    voice::Voice,
};

/// These agents may have telephones.
pub(crate) fn with_telephones(config: &mut Config, agents: &[&str]) {
    let listen = "127.0.0.1:0".parse().unwrap();
    config.sip = Some(Sip { listen, tls: None, roots: None });
    let house = config.organisations[0].id.clone();
    let telephone = |agent: &&str| {
        let password = Secret::new(&password(agent));
        AgentTelephone::new(agent.parse().unwrap(), house.clone(), password)
    };
    config.telephones = agents.iter().map(telephone).collect();
}

pub(crate) fn password(agent: &str) -> String {
    format!("of-{agent}")
}

/// A telephone on somebody's desk.
pub(crate) struct Telephone {
    pub(crate) end: FarEnd,
    agent: &'static str,
    gateway: SocketAddr,
    seq: u32,
}

impl Telephone {
    async fn of(desk: &Desk, agent: &'static str) -> Self {
        let gateway = desk.gateway.sip_address().unwrap();
        Self { end: FarEnd::udp().await, agent, gateway, seq: 0 }
    }

    /// One that is registered.
    pub(crate) async fn registered(desk: &Desk, agent: &'static str) -> Self {
        let mut telephone = Self::of(desk, agent).await;
        let known = telephone.registers(&password(agent), Some("300")).await;
        assert!(known.starts_with("SIP/2.0 200"), "{known}");
        telephone
    }

    /// Registers for so long, or takes all back; what it hears in the end.
    async fn registers(&mut self, password: &str, expires: Option<&str>) -> String {
        let places = match expires {
            Some(expires) => {
                let here = self.end.address;
                format!("Contact: <sip:{}@{here}>\r\nExpires: {expires}\r\n", self.agent)
            }
            None => "Contact: *\r\nExpires: 0\r\n".to_owned(),
        };
        let challenge = self.asks(&places).await;
        let nonce = value(&challenge, "WWW-Authenticate");
        let nonce = nonce.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
        let (agent, what) = (self.agent, digest("REGISTER:sip:offhook"));
        let who = digest(&format!("{agent}:offhook:{password}"));
        let response = digest(&format!("{who}:{nonce}:{what}"));
        self.asks(&format!(
            "{places}Authorization: Digest username=\"{agent}\",realm=\"offhook\",nonce=\"{nonce}\",\
             uri=\"sip:offhook\",response=\"{response}\"\r\n"
        ))
        .await
    }

    async fn asks(&mut self, more: &str) -> String {
        self.seq += 1;
        let (agent, here, seq) = (self.agent, self.end.address, self.seq);
        let register = format!(
            "REGISTER sip:offhook SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bKr{seq}\r\n\
             From: <sip:{agent}@offhook>;tag=1\r\nTo: <sip:{agent}@offhook>\r\nCall-ID: of-{here}\r\n\
             CSeq: {seq} REGISTER\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
        );
        self.end.says_to(self.gateway, &register).await;
        self.end.hears("SIP/2.0 ").await
    }

    pub(crate) async fn rings(&mut self) -> String {
        let invite = self.end.hears("INVITE").await;
        self.end.answers(&invite, "180 Ringing").await;
        invite
    }

    /// It is picked up; but in Opus what it hears comes back.
    pub(crate) async fn answers(&mut self, desk: &Desk, invite: &str, codec: AudioCodec) -> Voice {
        let voice = Voice::of_telephone(&desk.engine);
        let sdp = voice.telephone_answers(invite, codec, |_| {});
        self.end.says(&self.end.response(invite, "200 OK", SDP, &sdp)).await;
        self.end.hears("ACK").await;
        match codec {
            AudioCodec::Opus => voice.play(TELEPHONE_HZ),
            AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => voice.leg.play(Source::Echo),
        }
        voice
    }

    /// Offers anew: this SDP of before, otherwise sent.
    pub(crate) async fn offers(&mut self, invite: &str, seq: u32, sdp: &str) -> String {
        self.end.says(&self.end.request(invite, "INVITE", seq, SDP, sdp)).await;
        let accepted = self.end.hears("SIP/2.0 200").await;
        self.end.says(&self.end.request(invite, "ACK", seq, "", "")).await;
        accepted
    }

    pub(crate) async fn is_hung_up_on(&mut self) -> String {
        let bye = self.end.hears("BYE").await;
        self.end.answers(&bye, "200 OK").await;
        bye
    }

    async fn is_told_that_another_was_picked_up(&mut self, invite: &str) {
        let cancel = self.end.hears("CANCEL").await;
        assert_eq!(value(&cancel, "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
        self.end.answers(&cancel, "200 OK").await;
        self.end.answers(invite, "487 Request Terminated").await;
    }
}

fn digest(text: &str) -> String {
    use md5::Digest as _;
    md5::Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn stands(desk: &Desk, agent: &str, state: &str, telephone: bool) {
    let stands = |list: &Value| {
        let agents = list["agents"].as_array().unwrap();
        let of = agents.iter().find(|it| it["id"] == agent).unwrap();
        of["state"] == state && of["telephone"].as_bool().unwrap_or(false) == telephone
    };
    desk.get_until("/v1/agents", stands).await;
}

async fn call_until(desk: &Desk, fits: impl Fn(&Value) -> bool) -> Value {
    desk.get_until(&format!("/v1/calls/{CALL}"), fits).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_is_there_while_it_is_registered() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia"])).await;
    let mut telephone = Telephone::of(&desk, "lia").await;
    let refused = telephone.registers("guess", Some("300")).await;
    assert!(refused.starts_with("SIP/2.0 403"), "{refused}");
    let brief = telephone.registers(&password("lia"), Some("10")).await;
    assert!(brief.starts_with("SIP/2.0 423") && value(&brief, "Min-Expires") == "60", "{brief}");
    stands(&desk, "lia", "offline", false).await;
    let mut nobody = Telephone::of(&desk, "rui").await;
    let refused = nobody.registers(&password("rui"), Some("300")).await;
    assert!(refused.starts_with("SIP/2.0 403"), "rui has none: {refused}");
    desk.metrics_until("offhook_gateway_sip_strangers_total{what=\"turned_away\"} 2").await;

    let known = telephone.registers(&password("lia"), Some("300")).await;
    let place = format!("<sip:lia@{}>;expires=300", telephone.end.address);
    assert!(known.starts_with("SIP/2.0 200") && value(&known, "Contact") == place, "{known}");
    stands(&desk, "lia", "available", true).await;
    desk.metrics_until("offhook_gateway_agent_telephones 1").await;
    let mut lia = desk.console("lia").await;
    lia.send(json!({"type": "presence", "state": "away"})).await;
    stands(&desk, "lia", "away", true).await;
    let gone = telephone.registers(&password("lia"), None).await;
    assert!(gone.starts_with("SIP/2.0 200") && !gone.contains("Contact"), "{gone}");
    stands(&desk, "lia", "away", false).await;
    drop(lia);
    stands(&desk, "lia", "offline", false).await;
    desk.metrics_until("offhook_gateway_agent_telephones 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_talks_holds_and_hangs_up_at_a_telephone() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia"])).await;
    let mut telephone = Telephone::registered(&desk, "lia").await;
    let mut user = desk.user_calls(CALL).await;
    let invite = telephone.rings().await;
    assert!(invite.starts_with("INVITE sip:lia@127.0.0.1:"), "{invite}");
    assert!(value(&invite, "From").starts_with(&format!("\"Ana\" <sip:+{ANA}@")), "{invite}");
    assert_eq!(value(&invite, "X-Offhook-Call-Id"), CALL);
    assert_eq!(value(&invite, "P-Asserted-Identity"), format!("\"Ana\" <sip:+{ANA}@127.0.0.1>"));
    stands(&desk, "lia", "ringing", true).await;
    assert_eq!(desk.upstream.count("accept"), 0, "nobody has answered");
    let mut voice = telephone.answers(&desk, &invite, AudioCodec::Opus).await;
    user.play(USER_HZ);
    user.expect_tone(TELEPHONE_HZ).await;
    voice.expect_tone(USER_HZ).await;
    let call = call_until(&desk, |call| call["state"] == "connected").await;
    assert_eq!(json!([call["agent"], call["by_telephone"]]), json!(["lia", ["lia"]]));
    stands(&desk, "lia", "busy", true).await;

    let answer = voice.telephone_answers(&invite, AudioCodec::Opus, |_| {});
    let held = answer.replace("a=sendrecv", "a=sendonly");
    let accepted = telephone.offers(&invite, 1, &held).await;
    assert!(accepted.contains("a=recvonly"), "{accepted}");
    user.expect_tone(HOLD_HZ).await;
    call_until(&desk, |call| call["state"] == "held").await;
    telephone.offers(&invite, 2, &answer).await;
    user.expect_tone(TELEPHONE_HZ).await;
    call_until(&desk, |call| call["state"] == "connected").await;
    // Once more, and back by what it answers to an offer of ours.
    telephone.offers(&invite, 3, &held).await;
    call_until(&desk, |call| call["state"] == "held").await;
    telephone.end.says(&telephone.end.request(&invite, "INVITE", 4, "", "")).await;
    telephone.end.hears("SIP/2.0 200").await;
    telephone.end.says(&telephone.end.request(&invite, "ACK", 4, SDP, &answer)).await;
    call_until(&desk, |call| call["state"] == "connected").await;
    user.expect_tone(TELEPHONE_HZ).await;

    let key = "Content-Type: application/dtmf-relay\r\n";
    let body = "Signal=7\r\nDuration=200\r\n";
    telephone.end.says(&telephone.end.request(&invite, "INFO", 5, key, body)).await;
    telephone.end.hears("SIP/2.0 200").await;
    let pressed = async {
        loop {
            if let LegEvent::Digit(digit) = user.events.recv().await.unwrap() {
                return digit.sign();
            }
        }
    };
    let pressed = tokio::time::timeout(Duration::from_secs(10), pressed).await;
    assert_eq!(pressed.expect("a key"), '7');

    telephone.end.says(&telephone.end.request(&invite, "BYE", 6, "", "")).await;
    telephone.end.hears("SIP/2.0 200").await;
    desk.upstream.wait_for_call("terminate", CALL).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    let record = desk.record(CALL).await;
    let told = json!([record["agent"], record["by_telephone"], record["reason"]]);
    assert_eq!(told, json!(["lia", ["lia"], "agent_hung_up"]), "{record}");
    assert_eq!(record["agent_leg"]["codec"], "opus", "{record}");
    stands(&desk, "lia", "available", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_has_its_buttons_while_the_voice_is_at_the_telephone() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia"])).await;
    let mut telephone = Telephone::registered(&desk, "lia").await;
    let mut lia = desk.available("lia").await;
    let mut user = desk.user_calls(CALL).await;
    lia.next("ringing").await;
    let invite = telephone.rings().await;
    let _voice = telephone.answers(&desk, &invite, AudioCodec::Pcmu).await;
    assert_eq!(lia.next("ring_stopped").await["why"], "taken");
    user.play(USER_HZ);
    // What the user says comes back from the telephone, through both directions of the transcoder.
    user.expect_tone(USER_HZ).await;
    let told = lia.next_where("call", |frame| frame["call"]["state"] == "connected").await;
    assert_eq!(told["call"]["by_telephone"], json!(["lia"]));

    let order = |kind: &str| json!({"type": kind, "call_id": CALL});
    lia.send(order("hold")).await;
    user.expect_tones(&[HOLD_HZ], &[USER_HZ]).await;
    lia.send(order("resume")).await;
    user.expect_tones(&[USER_HZ], &[HOLD_HZ]).await;
    lia.send(json!({"type": "mute", "call_id": CALL, "on": true})).await;
    user.expect_tones(&[], &[USER_HZ]).await;
    lia.send(json!({"type": "mute", "call_id": CALL, "on": false})).await;
    user.expect_tone(USER_HZ).await;
    drop(lia);
    stands(&desk, "lia", "busy", true).await;
    user.expect_tone(USER_HZ).await;

    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    assert!(value(&telephone.is_hung_up_on().await, "Reason").starts_with("Q.850;cause=16"));
    assert_eq!(desk.record(CALL).await["reason"], "user_hung_up");
    stands(&desk, "lia", "available", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_first_has_the_call() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia", "rui"])).await;
    let mut first = Telephone::registered(&desk, "lia").await;
    let mut second = Telephone::registered(&desk, "lia").await;
    let mut other = Telephone::registered(&desk, "rui").await;
    desk.metrics_until("offhook_gateway_agent_telephones 3").await;
    let mut lia = desk.available("lia").await;
    let mut user = desk.user_calls(CALL).await;
    let invites = [first.rings().await, second.rings().await, other.rings().await];
    // In the browser, as if there were no telephones.
    let mut browser = answer(&desk, &mut lia).await;
    browser.connected().await;
    browser.play(1_200.0);
    user.expect_tone(1_200.0).await;
    first.is_told_that_another_was_picked_up(&invites[0]).await;
    second.is_told_that_another_was_picked_up(&invites[1]).await;
    other.is_told_that_another_was_picked_up(&invites[2]).await;
    let call = call_until(&desk, |call| call["state"] == "connected").await;
    assert!(call["by_telephone"].is_null(), "{call}");

    // The one that has it gives it to a colleague, whose telephone rings.
    let to = json!({"to": {"kind": "agent", "id": "rui"}});
    assert_eq!(desk.post(&format!("/v1/calls/{CALL}/transfer"), &to, None).await.0, 204);
    let invite = other.rings().await;
    user.expect_tone(HOLD_HZ).await;
    let _voice = other.answers(&desk, &invite, AudioCodec::Opus).await;
    user.expect_tone(TELEPHONE_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    other.is_hung_up_on().await;
    let record = desk.record(CALL).await;
    assert_eq!(json!([record["agent"], record["by_telephone"]]), json!(["rui", ["rui"]]));

    // The user gives up before anybody answers: nobody was picked up.
    let _user = desk.user_calls("wacid.GIVEN_UP").await;
    let invite = other.rings().await;
    desk.webhook(&terminate("wacid.GIVEN_UP", "USER_INITIATED", None)).await;
    let cancel = other.end.hears("CANCEL").await;
    assert!(value(&cancel, "Reason").starts_with("Q.850;cause=16"), "{cancel}");
    other.end.answers(&cancel, "200 OK").await;
    other.end.answers(&invite, "487 Request Terminated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_that_says_no_is_its_agents_no() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia"])).await;
    let mut telephone = Telephone::registered(&desk, "lia").await;
    let mut second = Telephone::registered(&desk, "lia").await;
    let mut lia = desk.available("lia").await;
    let mut rui = desk.available("rui").await;
    for (call, no) in [("wacid.NO1", "486 Busy Here"), ("wacid.NO2", "603 Decline")] {
        let _user = desk.user_calls(call).await;
        let (invite, other) = (telephone.rings().await, second.rings().await);
        telephone.end.answers(&invite, no).await;
        telephone.end.hears("ACK").await;
        let stopped = lia.next_where("ring_stopped", |frame| frame["call_id"] == call).await;
        assert_eq!(stopped["why"], "declined");
        second.end.hears("CANCEL").await;
        second.end.answers(&other, "487 Request Terminated").await;
        rui.next_where("ringing", |frame| frame["call"]["call_id"] == call).await;
        desk.webhook(&terminate(call, "USER_INITIATED", None)).await;
        let stopped = rui.next_where("ring_stopped", |frame| frame["call_id"] == call).await;
        assert_eq!(stopped["why"], "ended", "it rang on there");
    }
    // One that is broken says nothing of its agent.
    let _user = desk.user_calls("wacid.BROKEN").await;
    let (invite, other) = (telephone.rings().await, second.rings().await);
    telephone.end.answers(&invite, "500 Server Internal Error").await;
    let _voice = second.answers(&desk, &other, AudioCodec::Opus).await;
    let has = |call: &Value| call["by_telephone"] == json!(["lia"]);
    desk.get_until("/v1/calls/wacid.BROKEN", has).await;
    desk.webhook(&terminate("wacid.BROKEN", "USER_INITIATED", Some(1))).await;
    second.is_hung_up_on().await;
}

/// A telephone of A-law plays this.
fn play_a_law(voice: &Voice, hz: f32) {
    let packets = Encoder::new(Law::A).encode_all(&tone::sine(hz, -15.0, 1_000));
    let frames = packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect();
    voice.leg.play(Source::Packets(frames, Repeat::Forever));
}

/// And hears this.
async fn expect_a_law(voice: &mut Voice, hz: f32) {
    let mut last = None;
    for _ in 0..20 {
        voice.take();
        tokio::time::sleep(Duration::from_millis(400)).await;
        let (mut decoder, mut measure) = (Decoder::new(Law::A), Measure::default());
        for packet in voice.take().iter().filter(|packet| packet.pt == 8) {
            measure.push(decoder.decode(&packet.payload));
        }
        let report = measure.report();
        if report.is_tone(hz) {
            return;
        }
        last = Some(report);
    }
    panic!("no {hz} Hz: {last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_telephones_without_a_codec_in_common_hear_each_other() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia", "rui"])).await;
    let mut first = Telephone::registered(&desk, "lia").await;
    let mut user = desk.user_calls(CALL).await;
    let invite = first.rings().await;
    let mut lia = first.answers(&desk, &invite, AudioCodec::Pcma).await;
    play_a_law(&lia, TELEPHONE_HZ);
    user.play(USER_HZ);
    user.expect_tone(TELEPHONE_HZ).await;
    expect_a_law(&mut lia, USER_HZ).await;

    let mut second = Telephone::registered(&desk, "rui").await;
    let mut console = desk.console("lia").await;
    console.send(json!({"type": "consult", "call_id": CALL, "agent": "rui"})).await;
    let invite = second.rings().await;
    let _rui = second.answers(&desk, &invite, AudioCodec::Pcmu).await;
    // What lia says comes back from rui's telephone, through both laws, and the user hears music.
    expect_a_law(&mut lia, TELEPHONE_HZ).await;
    user.expect_tone(HOLD_HZ).await;
    let call = call_until(&desk, |call| call["state"] == "consulting").await;
    assert_eq!(call["by_telephone"], json!(["lia", "rui"]));
    console.send(json!({"type": "hand_over", "call_id": CALL})).await;
    first.is_hung_up_on().await;
    user.expect_tone(USER_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    second.is_hung_up_on().await;
    let record = desk.record(CALL).await;
    assert_eq!(json!([record["agent"], record["by_telephone"]]), json!(["rui", ["lia", "rui"]]));
}
