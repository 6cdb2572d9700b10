//! A network as bad as a test asks: what the business hears, what the user hears, what is said.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, send},
    business::Business,
};

async fn fault(bench: &Bench, faults: Value) {
    let (status, body) = send(bench.put("/sandbox/v1/faults").json(&faults)).await;
    assert_eq!(status, 200, "{body}");
}

/// A running call in which both play a tone.
async fn talking(bench: &Bench) -> (String, Business) {
    let (id, mut business, sdp) = called(bench).await;
    assert_eq!(bench.answer(&id, "pre_accept", &sdp).await.0, 200);
    business.connected().await;
    assert_eq!(bench.answer(&id, "accept", &sdp).await.0, 200);
    business.play(660.0);
    (id, business)
}

async fn called(bench: &Bench) -> (String, Business, String) {
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let business = Business::answering(&bench.hook.wait("connect").await);
    let sdp = business.sdp.clone();
    (placed["call_id"].as_str().unwrap().to_owned(), business, sdp)
}

async fn inspect(bench: &Bench, id: &str) -> Value {
    bench.sandbox_get(&format!("/calls/{id}")).await.1
}

#[tokio::test]
async fn loss_takes_its_share_of_a_running_call_both_ways() {
    let bench = Bench::start().await;
    let (id, mut business) = talking(&bench).await;
    fault(&bench, json!({ "call_id": id, "media": { "loss": 0.3 } })).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    business.heard();
    let began = Instant::now();
    tokio::time::sleep(Duration::from_millis(3_000)).await;
    // 150 packets each way, more on a slow machine; three standard deviations are a tenth.
    let (packets, _) = business.heard();
    let share = packets as f64 / (began.elapsed().as_secs_f64() * 50.0);
    assert!((0.55..0.85).contains(&share), "{packets} packets, {share:.2} of them");
    let seen = inspect(&bench, &id).await;
    let lost = seen["legs"]["user"]["heard"]["lost"].as_u64().unwrap();
    let share = lost as f64 / (began.elapsed().as_secs_f64() * 50.0);
    assert!((0.15..0.5).contains(&share), "{share:.2}: {seen}");
    assert_eq!(seen["verdicts"][0]["code"], "fault_injected", "{seen}");

    assert_eq!(send(bench.http.delete(bench.url("/sandbox/v1/faults"))).await.0, 200);
    tokio::time::sleep(Duration::from_millis(200)).await;
    business.heard();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(business.heard().0 >= 47, "whole again");
}

#[tokio::test]
async fn jitter_is_measured_and_nothing_is_lost() {
    let bench = Bench::start().await;
    let (id, mut business) = talking(&bench).await;
    fault(&bench, json!({ "media": { "jitter_ms": 80 } })).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let seen = inspect(&bench, &id).await;
    let heard = &seen["legs"]["user"]["heard"];
    assert!(heard["jitter_ms"].as_f64().unwrap() > 8.0, "{seen}");
    assert_eq!(heard["lost"], 0, "{seen}");
    let (packets, heard) = business.heard();
    assert!(packets > 100 && heard.is_tone(440.0), "{packets} {heard:?}");
}

#[tokio::test]
async fn silence_ends_the_call_after_20_s_of_the_clock() {
    let bench = Bench::start().await;
    fault(&bench, json!({ "media": { "silence": true } })).await;
    let (id, mut business) = talking(&bench).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(business.heard().0, 0);
    let seen = inspect(&bench, &id).await;
    let codes: Vec<_> = seen["verdicts"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes[..2], ["fault_injected", "no_rtp_from_business"], "{seen}");
    bench.clock.advance("PT20S").unwrap();
    let terminate = bench.hook.wait("terminate").await;
    assert_eq!(terminate["calls"][0]["errors"][0]["code"], 138_021, "{terminate}");
}

#[tokio::test]
async fn a_handshake_that_never_ends() {
    let bench = Bench::start().await;
    fault(&bench, json!({ "media": { "no_dtls": true } })).await;
    let (id, _business, sdp) = called(&bench).await;
    assert_eq!(bench.answer(&id, "pre_accept", &sdp).await.0, 200);
    assert_eq!(bench.answer(&id, "accept", &sdp).await.0, 200);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let seen = inspect(&bench, &id).await;
    assert_eq!(seen["verdicts"][0]["code"], "fault_injected", "{seen}");
    assert!(seen["verdicts"][1]["code"].as_str().unwrap().starts_with("dtls_"), "{seen}");
    bench.clock.advance("PT20S").unwrap();
    let terminate = bench.hook.wait("terminate").await;
    assert_eq!(terminate["calls"][0]["status"], "FAILED", "{terminate}");
}

#[tokio::test]
async fn a_call_survives_a_new_address_of_the_platform() {
    let bench = Bench::start().await;
    let (id, mut business) = talking(&bench).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(business.heard().0 > 15);
    fault(&bench, json!({ "call_id": id, "media": { "rebind": true } })).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(business.heard().0 < 10, "the socket is connected to the old address");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    business.heard();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let (packets, heard) = business.heard();
    assert!(packets >= 45 && heard.is_tone(440.0), "{packets} {heard:?}");
    let seen = inspect(&bench, &id).await;
    assert_eq!(
        (&seen["state"], seen["verdicts"].as_array().unwrap().len()),
        (&json!("accepted"), 1)
    );
    assert_eq!(seen["verdicts"][0]["text"], "A test asked for: a new address in the call.");
    assert_eq!(seen["legs"]["user"]["heard"]["lost"], 0, "{seen}");
}
