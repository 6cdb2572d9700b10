//! A business that talks G.711 to a user who talks Opus: offered, taken, transcoded both ways.

use std::time::Duration;

use audio::wav;
use media::frame::AudioCodec;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, refused},
    business::{Business, measured},
    capture::{accept, recorded, wish},
};

const PCMU: (u8, AudioCodec) = (0, AudioCodec::Pcmu);

async fn set(bench: &Bench, settings: Value) {
    let (status, answer) = bench.graph("settings", json!({ "calling": settings })).await;
    assert_eq!(status, 200, "{answer}");
}

async fn with_codecs(codecs: &[&str]) -> Bench {
    let bench = Bench::start().await;
    set(&bench, json!({ "audio": { "additional_codecs": codecs } })).await;
    let behaviour = json!({ "answer": { "after_ms": 100 }, "play": { "tone_hz": 440 },
        "dtmf": [{ "digit": "5", "at_ms": 3_200 }] });
    bench.behave(ANA, behaviour).await;
    bench
}

/// Ana calls; the call's id and its connect webhook.
async fn ana_calls(bench: &Bench) -> (String, Value) {
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let id = placed["call_id"].as_str().unwrap().to_owned();
    (id, bench.hook.wait("connect").await)
}

/// The business calls Ana with its offer.
async fn dial(bench: &Bench, sdp: &str) -> (u16, Value) {
    let body = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": sdp } });
    bench.graph("calls", body).await
}

fn sdp(connect: &Value) -> &str {
    connect["calls"][0]["session"]["sdp"].as_str().unwrap()
}

fn details(answer: &(u16, Value)) -> &str {
    answer.1["error"]["error_data"]["details"].as_str().unwrap()
}

fn assert_tone(heard: &Value, hz: f64) {
    let found = heard["tone_hz"].as_f64().unwrap_or_default();
    assert!((found - hz).abs() < hz * 0.05, "{heard}");
    // Both play at −12 dBFS and fall silent before and after.
    let level = heard["dbfs"].as_f64().unwrap();
    assert!((-20.0..-9.0).contains(&level), "{heard}");
}

/// Both play their tone and both hear the other's, without a gap.
async fn talk(bench: &Bench, id: &str, business: &mut Business) {
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(700)).await;
    business.heard();
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    let (packets, heard) = business.heard();
    // A hundred, on a machine that has time.
    assert!((60..=110).contains(&packets), "{packets} packets in 2 s");
    assert!(heard.is_tone(440.0), "{heard:?}");
    assert!(heard.loud_ms > 1_100, "{heard:?}");
    let level = heard.dbfs.unwrap();
    assert!((-16.0..-9.0).contains(&level), "{heard:?}");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_tone(&seen["legs"]["user"]["heard"], 660.0);
    assert_tone(&seen["legs"]["business"]["heard"], 440.0);
    assert_eq!(seen["verdicts"], json!([]), "{seen}");
}

#[tokio::test]
async fn a_user_calls_a_business_of_pcmu() {
    let bench = with_codecs(&["PCMU"]).await;
    let (id, connect) = ana_calls(&bench).await;
    let offer = sdp(&connect);
    assert!(offer.contains(" UDP/TLS/RTP/SAVPF 111 0 126\r\n"), "{offer}");
    assert!(offer.contains("a=rtpmap:0 PCMU/8000\r\n"), "{offer}");
    let mut business = Business::answering_with(&connect, "0 126", PCMU);
    assert_eq!(bench.answer(&id, "pre_accept", &business.sdp).await.0, 200);
    business.connected().await;
    assert_eq!(bench.answer(&id, "accept", &business.sdp).await.0, 200);
    talk(&bench, &id, &mut business).await;
    assert_eq!(business.pressed().await, '5', "Ana's key");

    // A key of the business does not stop its voice at Ana's.
    business.press('7');
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    assert_eq!(bench.hook.wait("terminate").await["calls"][0]["status"], "COMPLETED");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_tone(&seen["legs"]["user"]["heard"], 660.0);
    assert_eq!(seen["verdicts"], json!([]), "{seen}");

    let file = bench.get(&format!("/sandbox/v1/calls/{id}/recording.wav")).send().await.unwrap();
    let file = file.bytes().await.unwrap();
    let channel = |n: usize| -> Vec<i16> {
        let at = |n: usize| i16::from_le_bytes([file[n], file[n + 1]]);
        (44..file.len() - 3).step_by(4).map(|moment| at(moment + 2 * n)).collect()
    };
    assert_eq!(&file[..44], &wav::head(2, 48_000, u32::try_from(channel(0).len()).unwrap()));
    assert!(measured(&channel(0)).is_tone(660.0), "what the phone heard");
    assert!(measured(&channel(1)).is_tone(440.0), "what it said");
}

#[tokio::test]
async fn g711_is_refused_for_a_number_without_it() {
    let bench = with_codecs(&[]).await;
    let (id, connect) = ana_calls(&bench).await;
    assert!(sdp(&connect).contains(" UDP/TLS/RTP/SAVPF 111 126\r\n"));
    let business = Business::answering_with(&connect, "0 126", PCMU);
    let refusal = bench.answer(&id, "pre_accept", &business.sdp).await;
    assert_eq!(refused(&refusal), (400, 100), "{}", refusal.1);
    assert!(details(&refusal).contains("line 6: no opus/48000/2"), "{}", refusal.1);
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["verdicts"][0]["code"], "sdp_g711_only", "{seen}");
    let cure = seen["verdicts"][0]["fix"].as_str().unwrap();
    assert!(cure.contains("additional_codecs"), "{cure}");
    bench.action(&id, "terminate").await;

    bench.open_window().await;
    bench.permit("accept_permanent").await;
    let refusal = dial(&bench, &Business::offering_with("0 126").sdp).await;
    assert_eq!(refused(&refusal), (400, 100), "{}", refusal.1);
    assert!(details(&refusal).contains("line 6: no opus/48000/2"), "{}", refusal.1);
}

/// The offer says what the number had when it was made.
#[tokio::test]
async fn a_change_of_the_setting_is_for_later_calls() {
    let bench = with_codecs(&["PCMA", "PCMU"]).await;
    let (id, connect) = ana_calls(&bench).await;
    assert!(sdp(&connect).contains(" UDP/TLS/RTP/SAVPF 111 0 8 126\r\n"), "{}", sdp(&connect));
    set(&bench, json!({ "audio": { "additional_codecs": [] } })).await;
    let mut business = Business::answering_with(&connect, "8 126", (8, AudioCodec::Pcma));
    assert_eq!(bench.answer(&id, "pre_accept", &business.sdp).await.0, 200);
    business.connected().await;
    assert_eq!(bench.answer(&id, "accept", &business.sdp).await.0, 200);
    talk(&bench, &id, &mut business).await;
    bench.action(&id, "terminate").await;
    bench.hook.wait("terminate").await;
    ana_calls(&bench).await;
    let connect = bench.hook.wait_nth("connect", 1).await;
    assert!(sdp(&connect).contains(" UDP/TLS/RTP/SAVPF 111 126\r\n"), "{}", sdp(&connect));
}

#[tokio::test]
async fn the_business_calls_in_the_codec_it_prefers() {
    let bench = with_codecs(&["PCMU"]).await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    let mut business = Business::offering_with("0 8 111 126");
    let (status, placed) = dial(&bench, &business.sdp).await;
    assert_eq!(status, 200, "{placed}");
    let id = placed["calls"][0]["id"].as_str().unwrap().to_owned();
    let connect = bench.hook.wait("connect").await;
    assert!(sdp(&connect).contains(" UDP/TLS/RTP/SAVPF 0 111 126\r\n"), "{}", sdp(&connect));
    business.take_answer(&connect);
    bench.hook.wait("ACCEPTED").await;
    talk(&bench, &id, &mut business).await;
    assert_eq!(business.pressed().await, '5', "Ana's key");
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
}

#[tokio::test]
async fn with_a_key_in_the_sdp_it_is_the_same() {
    let bench = with_codecs(&["PCMA"]).await;
    set(&bench, json!({ "srtp_key_exchange_protocol": "SDES" })).await;
    let (id, connect) = ana_calls(&bench).await;
    assert!(sdp(&connect).contains(" RTP/SAVP 111 8 126\r\n"), "{}", sdp(&connect));
    bench.action(&id, "reject").await;
    bench.hook.wait("terminate").await;

    bench.open_window().await;
    bench.permit("accept_permanent").await;
    let mut business = Business::keyed_offering_with("8 107 0 101");
    let (status, placed) = dial(&bench, &business.sdp).await;
    assert_eq!(status, 200, "{placed}");
    let id = placed["calls"][0]["id"].as_str().unwrap().to_owned();
    let connect = bench.hook.wait_nth("connect", 1).await;
    assert!(sdp(&connect).contains(" RTP/SAVP 8 107 101\r\n"), "{}", sdp(&connect));
    business.take_keyed_answer(&connect);
    bench.hook.wait("ACCEPTED").await;
    talk(&bench, &id, &mut business).await;
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
}

/// Both hear the announcement, each in its codec, and the recording has both.
#[tokio::test]
async fn a_call_of_g711_is_announced_and_recorded() {
    let bench = with_codecs(&["PCMU"]).await;
    let (id, connect) = ana_calls(&bench).await;
    let mut business = Business::answering_with(&connect, "0 126", PCMU);
    assert_eq!(bench.answer(&id, "pre_accept", &business.sdp).await.0, 200);
    business.connected().await;
    business.heard();
    let body = accept(&id, &business.sdp, &json!({ "recording": wish("en") }));
    assert_eq!(bench.graph("calls", body).await.0, 200);
    tokio::time::sleep(Duration::from_millis(700)).await;
    business.heard();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (packets, heard) = business.heard();
    assert!(packets > 40 && heard.loud_ms > 400, "the announcement: {packets} {heard:?}");
    assert!(!heard.is_tone(440.0), "in place of Ana: {heard:?}");
    tokio::time::sleep(Duration::from_millis(2_800)).await;
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
    let value = bench.hook.wait("call_recording_available").await;
    let (by_business, by_ana) = recorded(&bench, &value["calls"][0]).await;
    let from = by_ana.len() - 48_000;
    assert!(measured(&by_ana[from..from + 40_000]).is_tone(440.0));
    assert!(measured(&by_business[from..from + 40_000]).is_tone(660.0));
}

#[tokio::test]
async fn a_codec_that_was_not_taken_is_named() {
    let bench = with_codecs(&["PCMU"]).await;
    let (id, connect) = ana_calls(&bench).await;
    // It takes PCMU and then sends Opus.
    let mut business = Business::answering_with(&connect, "0 126", (111, AudioCodec::Opus));
    assert_eq!(bench.answer(&id, "pre_accept", &business.sdp).await.0, 200);
    business.connected().await;
    assert_eq!(bench.answer(&id, "accept", &business.sdp).await.0, 200);
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(800)).await;
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["verdicts"][0]["code"], "payload_type_not_agreed", "{seen}");
    let text = seen["verdicts"][0]["text"].as_str().unwrap();
    assert!(text.contains("the newest 111; agreed are 0 (PCMU) and 126"), "{text}");
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
}
