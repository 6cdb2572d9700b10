//! A user calls and a person answers.

use std::time::Duration;

use media::dtmf::Digit;
use serde_json::json;

use crate::{
    desk::{ANA, CALL, Console, Desk, WELCOME_HZ, connect, terminate},
    voice::Voice,
};

/// The agent takes the ringing call in a browser.
pub(crate) async fn answer(desk: &Desk, console: &mut Console) -> Voice {
    let ringing = console.next("ringing").await;
    assert_eq!(ringing["call"]["contact"]["name"], "Ana");
    assert_eq!(ringing["call"]["contact"]["wa_id"], ANA);
    assert_eq!(ringing["call"]["deeplink_payload"], "src=site-footer");
    let browser = Voice::of_browser(&desk.engine);
    let offer = browser.browser_offer();
    console.send(json!({"type": "answer", "call_id": CALL, "sdp": offer})).await;
    let answer = console.next("answer").await;
    browser.take_browser_answer(answer["sdp"].as_str().unwrap());
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn user_and_agent_hear_each_other_and_the_agent_hangs_up() {
    let desk = Desk::start().await;
    let mut lia = desk.available("lia").await;
    let mut rui = desk.available("rui").await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    let pre_accept = desk.upstream.wait_for("pre_accept").await;
    user.take_answer(pre_accept.sdp());
    user.connected().await;
    rui.next("ringing").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(desk.upstream.count("accept"), 0, "nobody has answered");
    assert_eq!(user.packets(), 0);

    let mut browser = answer(&desk, &mut lia).await;
    let stopped = rui.next("ring_stopped").await;
    assert_eq!(stopped["why"], "taken");
    let accept = desk.upstream.wait_for("accept").await;
    assert_eq!(accept.sdp(), pre_accept.sdp());
    browser.connected().await;
    lia.next_where("call", |frame| frame["call"]["state"] == "connected").await;

    user.play(440.0);
    browser.play(1_000.0);
    browser.expect_tone(440.0).await;
    user.expect_tone(1_000.0).await;

    lia.send(json!({"type": "mute", "call_id": CALL, "on": true})).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (report, _) = user.hear(600).await;
    assert!(!report.is_sound(), "muted: {report:?}");
    lia.send(json!({"type": "mute", "call_id": CALL, "on": false})).await;
    user.expect_tone(1_000.0).await;

    lia.send(json!({"type": "digit", "call_id": CALL, "digit": "7"})).await;
    let pressed = async {
        while let Some(event) = user.events.recv().await {
            if let engine::LegEvent::Digit(digit) = event {
                return digit;
            }
        }
        panic!("no digit");
    };
    let digit = tokio::time::timeout(Duration::from_secs(3), pressed).await.unwrap();
    assert_eq!(digit, Digit::new('7').unwrap());

    lia.send(json!({"type": "hang_up", "call_id": CALL})).await;
    desk.upstream.wait_for("terminate").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(5))).await;
    let ended = lia.next_where("call", |frame| frame["call"]["state"] == "ended").await;
    assert_eq!(ended["call"]["reason"], "agent_hung_up");
    assert_eq!(ended["call"]["duration_s"], 5);
    let record = desk.record(CALL).await;
    assert_eq!(record["agent"], "lia");
    assert!(record["agent_leg"]["received"].as_u64().unwrap() > 10);
    tokio::time::sleep(Duration::from_millis(200)).await;
    user.packets();
    browser.packets();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((user.packets(), browser.packets()), (0, 0), "silence after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_it_in_time_so_the_flow_does() {
    let desk = Desk::start_with(None, |config| config.ring_for = Duration::from_millis(600)).await;
    let mut lia = desk.available("lia").await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    lia.next("ringing").await;
    let stopped = lia.next("ring_stopped").await;
    assert_eq!(stopped["why"], "timed_out");
    user.expect_tone(WELCOME_HZ).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_declines_leaves_the_call_to_the_flow() {
    let desk = Desk::start().await;
    let mut lia = desk.available("lia").await;
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    lia.next("ringing").await;
    lia.send(json!({"type": "decline", "call_id": CALL})).await;
    lia.next("ring_stopped").await;
    desk.upstream.wait_for("accept").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flow_rings_an_agent_who_comes_later() {
    let desk = Desk::start().await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(WELCOME_HZ).await;
    user.expect_tone(crate::desk::MENU_HZ).await;
    let mut lia = desk.available("lia").await;
    user.leg.send_digit(Digit::new('2').unwrap(), 120);
    let mut browser = answer(&desk, &mut lia).await;
    browser.connected().await;
    browser.play(1_200.0);
    user.expect_tone(1_200.0).await;
    assert_eq!(desk.upstream.count("accept"), 1);
    let stats = user.leg.stats().await.unwrap();
    assert_eq!(stats.ssrc_changes, 0, "one source from the prompt to the agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_browser_that_stays_away_ends_a_call_without_a_flow_and_is_named() {
    let desk = Desk::start_with(None, |config| {
        config.lines.first.flow = None;
        config.return_for = Duration::from_millis(300);
    })
    .await;
    let mut lia = desk.available("lia").await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    let browser = answer(&desk, &mut lia).await;
    lia.next_where("call", |frame| frame["call"]["state"] == "connected").await;
    drop(lia);
    desk.upstream.wait_for("terminate").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(1))).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "agent_gone");
    assert_eq!(record["fault"], "business");
    drop(browser);
    let mut again = desk.console("lia").await;
    let agents = again.next("agents").await;
    assert_eq!(agents["agents"][0]["state"], "away", "free for the next call");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_gives_up_while_it_rings() {
    let desk = Desk::start().await;
    let mut lia = desk.available("lia").await;
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    lia.next("ringing").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    assert_eq!(lia.next("ring_stopped").await["why"], "ended");
    let browser = Voice::of_browser(&desk.engine);
    let sdp = browser.browser_offer();
    lia.send(json!({"type": "answer", "call_id": CALL, "sdp": sdp})).await;
    assert_eq!(lia.next("refused").await["code"], "taken");
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "caller_gave_up");
    assert_eq!(record["duration_s"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_people_who_logged_in_open_a_console() {
    let desk = Desk::start().await;
    for (user, password) in [("lia", "wrong"), ("nobody", "demo"), ("", "")] {
        let login = json!({"user": user, "password": password});
        let answer = desk.http.post(desk.url("/v1/session")).json(&login).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401);
    }
    let url = desk.url("/v1/console/ws");
    let upgrade = desk.http.get(url).header("connection", "upgrade").header("upgrade", "websocket");
    assert_eq!(upgrade.send().await.unwrap().status().as_u16(), 401);
    let mut lia = desk.console("lia").await;
    lia.send(json!({"type": "presense"})).await;
    assert_eq!(lia.next("refused").await["code"], "malformed");
}
