//! A silent call says why: each test breaks the business in one way and reads the verdicts.

use std::time::Duration;

use media::transport::DtlsRole;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, refused, send},
    broken::Broken,
    business::Business,
};

/// A user's call with its business about to answer.
async fn called(bench: &Bench) -> (String, Broken) {
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let call = json!({ "to": BUSINESS });
    let (status, placed) = bench.sandbox(&format!("/users/{ANA}/call"), call).await;
    assert_eq!(status, 200, "{placed}");
    let business = Broken::answering(&bench.hook.wait("connect").await);
    (placed["call_id"].as_str().unwrap().to_owned(), business)
}

async fn accept(bench: &Bench, id: &str, sdp: &str) {
    assert_eq!(bench.answer(id, "pre_accept", sdp).await.0, 200);
    let (status, answer) = bench.answer(id, "accept", sdp).await;
    assert_eq!(status, 200, "{answer}");
}

async fn verdicts(bench: &Bench, id: &str) -> Vec<Value> {
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    seen["verdicts"].as_array().unwrap().clone()
}

/// The verdicts once the first of them is this one.
async fn wait(bench: &Bench, id: &str, code: &str) -> Vec<Value> {
    wait_for(bench, id, code, "").await
}

/// The same, for a verdict that comes to say this as well.
async fn wait_for(bench: &Bench, id: &str, code: &str, said: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    for _ in 0..100 {
        seen = verdicts(bench, id).await;
        if seen.first().is_some_and(|first| first["code"] == code && text(first).contains(said)) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    panic!("no {code} first that says {said:?} among {seen:#?}");
}

fn text(verdict: &Value) -> &str {
    verdict["text"].as_str().unwrap()
}

#[tokio::test]
async fn checks_with_a_wrong_password() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    business.platform.ice_pwd = "of+another+call+++++++==".into();
    accept(&bench, &id, &business.sdp).await;
    business.start(DtlsRole::Client);
    business.live(Duration::from_millis(900)).await;
    let seen = wait(&bench, &id, "ice_wrong_password").await;
    assert!(text(&seen[0]).contains("from 127.0.0.1:"), "{seen:?}");
    assert!(seen[0]["fix"].as_str().unwrap().contains("a=ice-pwd"), "{seen:?}");
}

#[tokio::test]
async fn checks_of_the_sdp_of_another_call() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    business.platform.ice_ufrag = "ufragOfYesterday".into();
    accept(&bench, &id, &business.sdp).await;
    business.start(DtlsRole::Client);
    business.live(Duration::from_millis(900)).await;
    let seen = wait(&bench, &id, "ice_wrong_ufrag").await;
    assert!(text(&seen[0]).contains("(loopback, IPv4)"), "{seen:?}");
}

#[tokio::test]
async fn an_sdp_of_another_agent() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    let other = business.sdp.replace("a=ice-ufrag:broken", "a=ice-ufrag:remade");
    accept(&bench, &id, &other).await;
    business.start(DtlsRole::Client);
    business.live(Duration::from_millis(900)).await;
    wait(&bench, &id, "ice_wrong_sender").await;
}

#[tokio::test]
async fn a_business_that_is_controlled() {
    let bench = Bench::start().await;
    let (id, business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    for _ in 0..5 {
        business.check(false, false);
    }
    // It may be told before all five have come.
    wait_for(&bench, &id, "ice_role_conflict", "5 of 5 ICE checks").await;
}

#[tokio::test]
async fn a_business_that_nominates_nothing() {
    let bench = Bench::start().await;
    let (id, business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    business.check(true, false);
    wait(&bench, &id, "ice_not_nominated").await;
}

#[tokio::test]
async fn a_browser_that_hides_and_does_not_check() {
    let bench = Bench::start().await;
    let (id, business) = called(&bench).await;
    let lines = business.sdp.lines().map(|line| match line.strip_prefix("a=candidate:") {
        Some(_) => "a=candidate:1 1 udp 2113937151 7f2a-aa.local 40100 typ host",
        None => line,
    });
    let hidden: String = lines.map(|line| format!("{line}\r\n")).collect();
    accept(&bench, &id, &hidden).await;
    let seen = wait(&bench, &id, "no_stun_from_business").await;
    assert_eq!(seen[1]["code"], "sdp_mdns_candidates", "{seen:?}");
}

#[tokio::test]
async fn media_without_ice() {
    let bench = Bench::start().await;
    let (id, business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    business.send(&[128; 60]);
    wait(&bench, &id, "packets_without_ice").await;
}

#[tokio::test]
async fn both_wait_for_the_others_handshake() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    business.start(DtlsRole::Server);
    business.live(Duration::from_millis(400)).await;
    wait(&bench, &id, "dtls_nobody_started").await;
}

#[tokio::test]
async fn both_start_the_handshake() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    let passive = business.sdp.replace("a=setup:active", "a=setup:passive");
    accept(&bench, &id, &passive).await;
    business.start(DtlsRole::Client);
    business.live(Duration::from_millis(600)).await;
    wait(&bench, &id, "dtls_both_started").await;
}

#[tokio::test]
async fn a_certificate_that_the_sdp_does_not_name() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    let at = business.sdp.find("sha-256 ").unwrap() + 8;
    let mut other = business.sdp.clone();
    other.replace_range(at..at + 2, if other[at..].starts_with("00") { "11" } else { "00" });
    accept(&bench, &id, &other).await;
    business.start(DtlsRole::Client);
    business.live(Duration::from_millis(500)).await;
    let seen = wait(&bench, &id, "dtls_fingerprint_mismatch").await;
    let genuine = &business.sdp[at..at + 95];
    assert!(seen[0]["fix"].as_str().unwrap().contains(genuine), "{seen:?}");
}

#[tokio::test]
async fn an_alert_of_the_business() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    business.start(DtlsRole::Server);
    business.live(Duration::from_millis(300)).await;
    business.send(&[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40]);
    let seen = wait(&bench, &id, "dtls_alert").await;
    assert!(text(&seen[0]).contains("handshake_failure (40)"), "{seen:?}");
}

#[tokio::test]
async fn keys_that_were_never_agreed() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    business.start(DtlsRole::Client);
    assert!(business.until(|it| it.leg.is_connected()).await);
    (0..20).for_each(|_| business.speak_with_wrong_keys());
    // It is looked at while they still come.
    let mut seen = wait(&bench, &id, "srtp_auth_failed").await;
    for _ in 0..100 {
        if text(&seen[0]).contains("20 packets") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        seen = wait(&bench, &id, "srtp_auth_failed").await;
    }
    assert!(seen.iter().all(|it| it["code"] != "no_rtp_from_business"), "{seen:?}");
    assert!(text(&seen[0]).contains("20 packets") && text(&seen[0]).contains("0 passed"));
}

#[tokio::test]
async fn a_payload_type_that_was_not_agreed() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    business.start(DtlsRole::Client);
    assert!(business.until(|it| it.leg.is_connected()).await);
    business.speak(96);
    let seen = wait(&bench, &id, "payload_type_not_agreed").await;
    assert!(text(&seen[0]).contains("the newest 96; agreed are 111 (Opus)"), "{seen:?}");
    assert!(business.until(|it| it.heard > 0).await, "the user is heard all the same");
}

#[tokio::test]
async fn audio_that_pauses_and_stops() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    business.start(DtlsRole::Client);
    assert!(business.until(|it| it.leg.is_connected()).await);
    business.speak(111);
    business.live(Duration::from_millis(5_100)).await;
    business.speak(111);
    let seen = wait(&bench, &id, "business_media_gap").await;
    assert!(text(&seen[0]).contains("paused for 5."), "{seen:?}");
    business.live(Duration::from_millis(300)).await;
    bench.clock.advance("PT31S").unwrap();
    bench.hook.wait("terminate").await;
    let seen = wait(&bench, &id, "business_media_stopped").await;
    assert!(text(&seen[0]).contains("sent 2 packets"), "{seen:?}");
}

#[tokio::test]
async fn a_connect_that_nobody_took() {
    let bench = Bench::start().await;
    bench.hook.answer(500);
    let call = json!({ "to": BUSINESS });
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), call).await.1;
    let id = placed["call_id"].as_str().unwrap();
    bench.hook.wait("connect").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.clock.advance("PT60S").unwrap();
    let seen = wait(&bench, id, "connect_not_delivered").await;
    assert!(text(&seen[0]).contains("with 500"), "{seen:?}");
    assert!(seen[0]["fix"].as_str().unwrap().contains("callback URL"), "{seen:?}");
}

#[tokio::test]
async fn a_connect_that_a_test_dropped() {
    let bench = Bench::start().await;
    let faults = bench.put("/sandbox/v1/faults").json(&json!({ "webhook": { "drop": true } }));
    assert_eq!(send(faults).await.0, 200);
    let call = json!({ "to": BUSINESS });
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), call).await.1;
    let id = placed["call_id"].as_str().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.clock.advance("PT60S").unwrap();
    let seen = wait(&bench, id, "fault_injected").await;
    assert!(text(&seen[0]).contains("the connect webhook dropped"), "{seen:?}");
}

#[tokio::test]
async fn audio_that_comes_late() {
    let bench = Bench::start().await;
    let (id, mut business) = called(&bench).await;
    accept(&bench, &id, &business.sdp).await;
    business.start(DtlsRole::Client);
    assert!(business.until(|it| it.leg.is_connected()).await);
    business.live(Duration::from_millis(1_100)).await;
    business.speak(111);
    wait(&bench, &id, "business_media_late").await;
}

#[tokio::test]
async fn words_that_were_refused_stay_on_the_call() {
    let bench = Bench::start().await;
    let (id, business) = called(&bench).await;
    let hash = business.sdp.replace("sha-256", "sha-384");
    assert_eq!(refused(&bench.answer(&id, "pre_accept", &hash).await), (400, 100));
    let seen = wait(&bench, &id, "sdp_refused").await;
    assert!(text(&seen[0]).contains("pre_accept was refused with 100: line"), "{seen:?}");
    assert!(text(&seen[0]).contains("sha-384"), "{seen:?}");
    let lines = business.sdp.replace("\r\n", "\n").replace("sha-256", "SHA-256");
    assert_eq!(bench.answer(&id, "pre_accept", &lines).await.0, 200);
    assert_eq!(refused(&bench.answer(&id, "accept", &business.sdp).await), (400, 100));
    let seen = verdicts(&bench, &id).await;
    let codes: Vec<_> = seen.iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["sdp_refused", "sdp_differs", "sdp_line_ends", "sdp_hash_case"]);
    assert!(text(&seen[1]).contains("line ends differ") || text(&seen[1]).contains("fingerprint"));
}

#[tokio::test]
async fn early_media_does_not_put_the_cut_off() {
    let bench = Bench::start().await;
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let call = json!({ "to": BUSINESS });
    let id = bench.sandbox(&format!("/users/{ANA}/call"), call).await.1["call_id"].clone();
    let id = id.as_str().unwrap();
    let mut business = Business::answering(&bench.hook.wait("connect").await);
    let sdp = business.sdp.clone();
    assert_eq!(bench.answer(id, "pre_accept", &sdp).await.0, 200);
    business.connected().await;
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(400)).await;
    business.fall_silent();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.answer(id, "accept", &sdp).await.0, 200);
    tokio::time::sleep(Duration::from_millis(600)).await;
    bench.clock.advance("PT18S").unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["state"], "accepted", "{seen}");
    bench.clock.advance("PT2S").unwrap();
    let terminate = bench.hook.wait("terminate").await;
    assert_eq!(terminate["calls"][0]["errors"][0]["code"], 138_021, "{terminate}");
    // Seconds are cut off at both ends.
    let duration = terminate["calls"][0]["duration"].as_i64().unwrap();
    assert!((20..=21).contains(&duration), "{terminate}");
}

#[tokio::test]
async fn a_jump_of_the_clock_does_not_cut_a_call_that_talks() {
    let bench = Bench::start().await;
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let call = json!({ "to": BUSINESS });
    let id = bench.sandbox(&format!("/users/{ANA}/call"), call).await.1["call_id"].clone();
    let id = id.as_str().unwrap();
    let mut business = Business::answering(&bench.hook.wait("connect").await);
    let sdp = business.sdp.clone();
    assert_eq!(bench.answer(id, "pre_accept", &sdp).await.0, 200);
    business.connected().await;
    assert_eq!(bench.answer(id, "accept", &sdp).await.0, 200);
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..3 {
        bench.clock.advance("PT10M").unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!((&seen["state"], &seen["verdicts"]), (&json!("accepted"), &json!([])), "{seen}");
}
