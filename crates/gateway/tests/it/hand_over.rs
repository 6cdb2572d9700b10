//! Hold, transfer and consultation with sockets and tones; the user's stream never has a gap.

use std::time::{Duration, Instant};

use offhook_gateway::{Config, config::Queue};
use serde_json::{Value, json};

use crate::{
    agents::answer,
    desk::{CALL, Console, Desk, HOLD_HZ, MENU_HZ, WELCOME_HZ, connect, terminate},
    voice::Voice,
};

/// The longest a user's phone may wait for the next packet, and what a busy test machine adds. That the
/// engine itself leaves no gap over 60 ms is shown in virtual time, by its test `continuous`.
const GAP_MAX: Duration = Duration::from_millis(60 + 40);

pub(crate) const LIA_HZ: f32 = 1_000.0;
pub(crate) const RUI_HZ: f32 = 1_400.0;
pub(crate) const USER_HZ: f32 = 440.0;

/// A user, and lia who talks with the user.
pub(crate) struct Talk {
    pub(crate) desk: Desk,
    pub(crate) user: Voice,
    pub(crate) lia: Console,
    pub(crate) browser: Voice,
}

impl Talk {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Box::pin(Self::set_up(change)).await
    }

    async fn set_up(change: impl FnOnce(&mut Config)) -> Self {
        let desk = Desk::start_with(None, change).await;
        let mut lia = desk.available("lia").await;
        let mut user = Voice::of_platform(&desk.engine);
        desk.webhook(&connect(CALL, &user.platform_offer())).await;
        user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
        user.connected().await;
        let mut browser = answer(&desk, &mut lia).await;
        browser.connected().await;
        user.play(USER_HZ);
        browser.play(LIA_HZ);
        user.expect_tone(LIA_HZ).await;
        browser.expect_tone(USER_HZ).await;
        user.continuous.start();
        Self { desk, user, lia, browser }
    }

    /// Another agent takes what rings.
    pub(crate) async fn takes(&self, console: &mut Console, hz: f32) -> Voice {
        console.next("ringing").await;
        let mut browser = Voice::of_browser(&self.desk.engine);
        let offer = browser.browser_offer();
        console.send(json!({"type": "answer", "call_id": CALL, "sdp": offer})).await;
        let answer = console.next("answer").await;
        browser.take_browser_answer(answer["sdp"].as_str().unwrap());
        browser.connected().await;
        browser.play(hz);
        browser
    }

    pub(crate) async fn order(&mut self, mut frame: Value) {
        frame["call_id"] = json!(CALL);
        self.lia.send(frame).await;
    }

    pub(crate) async fn state(&mut self, state: &str) -> Value {
        self.lia.next_where("call", |frame| frame["call"]["state"] == state).await
    }

    /// The user hangs up; the record.
    pub(crate) async fn end(&mut self) -> Value {
        let stats = self.user.leg.stats().await.unwrap();
        assert_eq!(stats.ssrc_changes, 0, "one source for the whole call");
        self.user.packets();
        self.user.continuous.assert(GAP_MAX);
        self.desk.webhook(&terminate(CALL, "USER_INITIATED", Some(9))).await;
        self.desk.record(CALL).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_on_hold_hears_music_and_the_agent_nothing() {
    let mut talk = Talk::start().await;
    talk.order(json!({"type": "hold"})).await;
    talk.state("held").await;
    talk.user.expect_tone(HOLD_HZ).await;
    let (report, packets) = talk.browser.hear(500).await;
    assert!(!report.is_sound(), "{report:?} in {} packets", packets.len());
    talk.order(json!({"type": "resume"})).await;
    talk.state("connected").await;
    talk.user.expect_tone(LIA_HZ).await;
    talk.browser.expect_tone(USER_HZ).await;
    talk.order(json!({"type": "resume"})).await;
    assert_eq!(talk.lia.next("refused").await["code"], "out_of_place");
    let record = talk.end().await;
    assert_eq!((&record["agent"], &record["transfers"]), (&json!("lia"), &json!(null)));
    assert!(record["hold_s"].is_u64(), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_agent_leaves_no_gap_in_the_users_stream() {
    let mut talk = Talk::start().await;
    talk.browser.leg.play(engine::Source::Silence);
    let started = Instant::now();
    let (report, packets) = talk.user.hear(1_500).await;
    let expected = started.elapsed().as_millis() / 20;
    assert!(!report.is_sound(), "{report:?}");
    let heard = packets.len() as u128;
    assert!(heard * 10 >= expected * 8 && heard <= expected + 10, "{heard} of {expected}");
    talk.browser.play(LIA_HZ);
    talk.user.expect_tone(LIA_HZ).await;
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blind_transfer_brings_the_user_to_the_other_agent() {
    let mut talk = Talk::start().await;
    let mut rui = talk.desk.available("rui").await;
    talk.order(json!({"type": "transfer", "to": {"kind": "agent", "id": "rui"}})).await;
    let told = talk.state("transferring").await;
    assert_eq!((&told["call"]["agent"], &told["call"]["other"]), (&json!("lia"), &json!("rui")));
    talk.user.expect_tone(HOLD_HZ).await;
    let mut browser = talk.takes(&mut rui, RUI_HZ).await;
    talk.user.expect_tone(RUI_HZ).await;
    browser.expect_tone(USER_HZ).await;
    let record = talk.end().await;
    assert_eq!(record["agent"], "rui");
    assert_eq!(
        (&record["transfers"][0]["from"], &record["transfers"][0]["to"]),
        (&json!("lia"), &json!("rui"))
    );
    let told = talk.desk.get(&format!("/v1/events?call_id={CALL}")).await;
    let events = told["events"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let wanted = [
        "call.ringing",
        "call.assigned",
        "call.accepted",
        "call.answered",
        "call.held",
        "call.assigned",
        "call.resumed",
        "call.transferred",
        "call.answered",
        "call.ended",
    ];
    assert_eq!(kinds, wanted, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_nobody_takes_comes_back_and_then_goes_to_the_flow() {
    let mut talk = Talk::start().await;
    let mut rui = talk.desk.available("rui").await;
    talk.order(json!({"type": "transfer", "to": {"kind": "agent", "id": "rui"}})).await;
    rui.next("ringing").await;
    rui.send(json!({"type": "decline", "call_id": CALL})).await;
    talk.lia.next("ringing").await;
    talk.lia.send(json!({"type": "decline", "call_id": CALL})).await;
    talk.user.expect_tone(WELCOME_HZ).await;
    let record = talk.end().await;
    assert_eq!(record["transfers"][0]["to"], json!(null), "the flow: {record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_asks_another_and_hands_over() {
    let mut talk = Talk::start().await;
    let mut rui = talk.desk.available("rui").await;
    talk.order(json!({"type": "consult", "agent": "rui"})).await;
    let mut other = talk.takes(&mut rui, RUI_HZ).await;
    talk.user.expect_tone(HOLD_HZ).await;
    other.expect_tone(LIA_HZ).await;
    talk.browser.expect_tone(RUI_HZ).await;
    talk.order(json!({"type": "resume"})).await;
    talk.user.expect_tone(LIA_HZ).await;
    drop(other);

    talk.order(json!({"type": "consult", "agent": "rui"})).await;
    let mut other = talk.takes(&mut rui, RUI_HZ).await;
    other.expect_tone(LIA_HZ).await;
    talk.order(json!({"type": "hand_over"})).await;
    talk.user.expect_tone(RUI_HZ).await;
    other.expect_tone(USER_HZ).await;
    let record = talk.end().await;
    assert_eq!(record["agent"], "rui");
    assert_eq!(record["transfers"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_asks_whoever_serves_a_queue_and_hands_over() {
    let with_a_queue = |config: &mut Config| {
        let mut queue = Queue::new("refunds", config.organisations[0].id.clone());
        queue.skills.insert("money".into());
        config.queues = vec![queue];
        config.agents.iter_mut().find(|agent| agent.id.as_str() == "rui").unwrap().skills =
            ["money".to_owned()].into();
        config.ring_first = Some(true);
    };
    let mut talk = Box::pin(Talk::start_with(with_a_queue)).await;
    let sol = talk.desk.available("sol").await;
    for (queue, code) in [("refunds", "out_of_place"), ("nowhere", "invalid")] {
        talk.order(json!({"type": "consult", "queue": queue})).await;
        let refused = talk.lia.next("refused").await;
        assert_eq!(refused["code"], code, "nobody of it is free, or there is none: {refused}");
    }
    let path = format!("/v1/calls/{CALL}/consult");
    let body = json!({"queue": "refunds"});
    let (status, refused) = talk.desk.post(&path, &body, None).await;
    assert_eq!(status, 409, "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("Nobody of refunds"), "{refused}");

    let mut rui = talk.desk.available("rui").await;
    assert_eq!(talk.desk.post(&path, &body, None).await.0, 204);
    let mut other = talk.takes(&mut rui, RUI_HZ).await;
    talk.user.expect_tone(HOLD_HZ).await;
    other.expect_tone(LIA_HZ).await;
    talk.order(json!({"type": "hand_over"})).await;
    talk.user.expect_tone(RUI_HZ).await;
    let record = talk.end().await;
    assert_eq!((&record["agent"], &record["transfers"][0]["to"]), (&json!("rui"), &json!("rui")));
    assert!(sol.seen.iter().all(|frame| frame["type"] != "ringing"), "Sol knows nothing of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_holds_transfers_and_ends_a_call() {
    let mut talk = Talk::start().await;
    let path = |order: &str| format!("/v1/calls/{CALL}/{order}");
    let nothing = json!({});
    assert_eq!(talk.desk.post(&path("resume"), &nothing, None).await.0, 409);
    assert_eq!(talk.desk.post("/v1/calls/wacid.NONE/hold", &nothing, None).await.0, 404);
    assert_eq!(talk.desk.post(&path("hold"), &nothing, None).await.0, 204);
    talk.user.expect_tone(HOLD_HZ).await;
    assert_eq!(talk.desk.post(&path("resume"), &nothing, None).await.0, 204);
    talk.user.expect_tone(LIA_HZ).await;
    let nobody = json!({"to": {"kind": "agent", "id": "nobody"}});
    assert_eq!(talk.desk.post(&path("transfer"), &nobody, None).await.0, 400);
    let to_step = |step: &str| json!({"to": {"kind": "flow", "step": step}});
    assert_eq!(talk.desk.post(&path("transfer"), &to_step("nowhere"), None).await.0, 409);
    assert_eq!(talk.desk.post(&path("transfer"), &to_step("menu"), None).await.0, 204);
    talk.user.expect_tone(MENU_HZ).await;
    assert_eq!(talk.desk.post(&path("hold"), &nothing, None).await.0, 409, "no agent has it");
    assert_eq!(talk.desk.post(&path("hang_up"), &nothing, None).await.0, 204);
    talk.desk.upstream.wait_for("terminate").await;
    let record = talk.end().await;
    assert_eq!((&record["reason"], &record["fault"]), (&json!("program_hung_up"), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_page_is_reloaded_has_the_call_again() {
    let mut talk = Talk::start().await;
    talk.lia = talk.desk.available("rui").await;
    talk.user.expect_tone(HOLD_HZ).await;
    let mut again = talk.desk.console("lia").await;
    let hello = again.seen[0].clone();
    assert_eq!(
        (&hello["calls"][0]["agent"], &hello["calls"][0]["away"]),
        (&json!("lia"), &json!(true))
    );
    let mut browser = Voice::of_browser(&talk.desk.engine);
    let offer = browser.browser_offer();
    again.send(json!({"type": "rejoin", "call_id": CALL, "sdp": offer})).await;
    let answer = again.next("answer").await;
    browser.take_browser_answer(answer["sdp"].as_str().unwrap());
    browser.connected().await;
    browser.play(LIA_HZ);
    talk.user.expect_tone(LIA_HZ).await;
    browser.expect_tone(USER_HZ).await;
    assert_eq!(talk.end().await["agent"], "lia");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_agents_who_answer_at_once_one_has_the_call() {
    for _ in 0..20 {
        let desk = Desk::start().await;
        let mut consoles = [desk.available("lia").await, desk.available("rui").await];
        let mut user = Voice::of_platform(&desk.engine);
        desk.webhook(&connect(CALL, &user.platform_offer())).await;
        user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
        user.connected().await;
        let voices = [0, 1].map(|_| Voice::of_browser(&desk.engine));
        for console in &mut consoles {
            console.next("ringing").await;
        }
        let [lia, rui] = &mut consoles;
        let take = |voice: &Voice| json!({"type": "answer", "call_id": CALL, "sdp": voice.browser_offer()});
        let (lias, ruis) = (take(&voices[0]), take(&voices[1]));
        tokio::join!(lia.send(lias), rui.send(ruis));
        let won = |console: &Console| console.seen.iter().any(|frame| frame["type"] == "answer");
        for console in [&mut *lia, &mut *rui] {
            let verdict = async {
                loop {
                    let frame = console.any().await;
                    if frame["type"] == "answer" || frame["type"] == "refused" {
                        return;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(10), verdict).await.expect("a verdict");
        }
        assert_eq!([won(lia), won(rui)].iter().filter(|won| **won).count(), 1);
        desk.upstream.wait_for("accept").await;
        desk.webhook(&terminate(CALL, "USER_INITIATED", Some(1))).await;
        desk.record(CALL).await;
        assert_eq!(desk.upstream.count("accept"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_keys_fail_is_waited_for_and_offers_anew() {
    let desk = Desk::start().await;
    let mut lia = desk.available("lia").await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    lia.next("ringing").await;
    let broken = Voice::of_browser(&desk.engine);
    let offer = with_another_fingerprint(&broken.browser_offer());
    lia.send(json!({"type": "answer", "call_id": CALL, "sdp": offer})).await;
    let answer = lia.next("answer").await;
    lia.next_where("call", |frame| frame["call"]["state"] == "connected").await;
    broken.take_browser_answer(answer["sdp"].as_str().unwrap());

    let away = lia.next_where("call", |frame| frame["call"]["away"] == true).await;
    assert_eq!((&away["call"]["state"], &away["call"]["agent"]), (&json!("held"), &json!("lia")));
    user.expect_tone(HOLD_HZ).await;
    assert_eq!(desk.upstream.count("terminate"), 0);
    let mut browser = Voice::of_browser(&desk.engine);
    let offer = browser.browser_offer();
    lia.send(json!({"type": "rejoin", "call_id": CALL, "sdp": offer})).await;
    let answer = lia.next("answer").await;
    browser.take_browser_answer(answer["sdp"].as_str().unwrap());
    browser.connected().await;
    user.play(USER_HZ);
    browser.play(LIA_HZ);
    browser.expect_tone(USER_HZ).await;
    user.expect_tone(LIA_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(4))).await;
    assert_eq!(desk.record(CALL).await["reason"], "user_hung_up");
}

/// As if the page had sent the SDP of another connection.
fn with_another_fingerprint(offer: &str) -> String {
    let lines = offer.lines().map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
        Some(hash) => {
            let first = if hash.starts_with("00") { "11" } else { "00" };
            format!("a=fingerprint:sha-256 {first}{}\r\n", &hash[2..])
        }
        None => format!("{line}\r\n"),
    });
    lines.collect()
}
