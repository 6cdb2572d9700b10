//! A user calls and a flow answers.

use std::time::{Duration, Instant};

use media::dtmf::Digit;
use serde_json::json;

use crate::{
    desk::{BYE_HZ, CALL, Desk, MENU_HZ, WELCOME_HZ, connect, terminate},
    voice::Voice,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_flow_answers_with_one_answer_and_no_audio_before_accepts_200() {
    let desk = Desk::start().await;
    let slow = Duration::from_millis(400);
    desk.upstream.answer("accept", 200, json!({"success": true}), slow);
    let mut user = Voice::of_platform(&desk.engine);
    assert_eq!(desk.webhook(&connect(CALL, &user.platform_offer())).await, 200);

    let pre_accept = desk.upstream.wait_for("pre_accept").await;
    user.take_answer(pre_accept.sdp());
    user.connected().await;
    let asked = desk.upstream.wait_for("accept").await;
    assert_eq!(desk.upstream.actions(), ["pre_accept", "accept"]);
    assert_eq!(asked.sdp(), pre_accept.sdp(), "byte for byte the same answer");
    assert_eq!(asked.path, "/v23.0/109876543210987/calls");
    assert!(asked.sdp().ends_with("\r\n") && asked.sdp().contains("a=setup:active\r\n"));
    assert!(!asked.sdp().contains("ice-lite"));

    let (report, packets) = user.hear(900).await;
    let first = packets.first().expect("the prompt").at;
    assert!(first >= asked.answered_at.unwrap(), "media left before accept's 200");
    assert!(report.is_tone(WELCOME_HZ), "{report:?}");
    user.expect_tone(MENU_HZ).await;

    user.leg.send_digit(Digit::new('1').unwrap(), 120);
    tokio::time::sleep(Duration::from_millis(300)).await;
    user.play(930.0);
    user.expect_tone(930.0).await;

    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(4))).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "user_hung_up");
    assert_eq!(record["fault"], json!(null));
    assert_eq!(record["duration_s"], 4);
    assert_eq!(record["keys_pressed"], 1);
    assert_eq!(record["deeplink_payload"], "src=site-footer");
    assert_eq!(record["pulses"], json!(null), "a user's call costs nothing");
    assert!(record["whatsapp_leg"]["received"].as_u64().unwrap() > 10);
    assert!(record["whatsapp_leg"]["dtls_ms"].is_u64());
    tokio::time::sleep(Duration::from_millis(200)).await;
    user.packets();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(user.packets(), 0, "silence after the end");
    assert_eq!(desk.upstream.count("terminate"), 0, "the user ended it");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_and_one_run_of_numbers_over_prompts_and_silence() {
    let desk = Desk::start().await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    let (_, packets) = user.hear(6_500).await;
    assert!(packets.len() > 150, "{} packets", packets.len());
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "continuous numbers");
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((960..48_000 * 5).contains(&step), "timestamps go on: {step}");
    }
    let stats = user.leg.stats().await.unwrap();
    assert_eq!(stats.ssrc_changes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_a_wrong_key_lead_to_the_end_and_terminate() {
    let desk = Desk::start().await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(MENU_HZ).await;
    user.leg.send_digit(Digit::new('9').unwrap(), 120);
    user.expect_tone(BYE_HZ).await;
    desk.upstream.wait_for("terminate").await;
    let before = Instant::now();
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    let record = desk.record(CALL).await;
    assert!(before.elapsed() < Duration::from_secs(3));
    assert_eq!(record["reason"], "flow_hung_up");
    assert!(record["text"].as_str().unwrap().contains("end"), "{record}");
}
