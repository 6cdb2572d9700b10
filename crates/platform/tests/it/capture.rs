//! Recording and transcription: announced to both, kept from then on, delivered.

use std::time::Duration;

use audio::{ogg, opus::decode_stereo};
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused},
    business::{Business, measured},
    media_files::fetched,
};

pub(crate) fn wish(language: &str) -> Value {
    json!({ "status": "ENABLED", "purpose": "quality review", "announcement_language": language })
}

async fn ana_calls(bench: &Bench) -> (String, Business) {
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let call = json!({ "to": BUSINESS });
    let (status, placed) = bench.sandbox(&format!("/users/{ANA}/call"), call).await;
    assert_eq!(status, 200, "{placed}");
    let id = placed["call_id"].as_str().unwrap().to_owned();
    let mut business = Business::answering(&bench.hook.wait("connect").await);
    assert_eq!(bench.answer(&id, "pre_accept", &business.sdp).await.0, 200);
    business.connected().await;
    (id, business)
}

pub(crate) fn accept(id: &str, sdp: &str, more: &Value) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "call_id": id, "action": "accept",
        "session": { "sdp_type": "answer", "sdp": sdp } });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

pub(crate) async fn recorded(bench: &Bench, entry: &Value) -> (Vec<i16>, Vec<i16>) {
    let audio = &entry["call_recording"]["audio"];
    assert_eq!(entry["call_recording"]["type"], "audio");
    assert_eq!(audio["mime_type"], "audio/ogg; codecs=opus");
    assert!(audio["sha256"].as_str().unwrap().ends_with('='), "{audio}");
    let file = fetched(bench, audio["url"].as_str().unwrap()).await.unwrap();
    let stream = ogg::read(&file).unwrap();
    assert_eq!(stream.channels, 2);
    decode_stereo(&stream.packets).unwrap()
}

#[tokio::test]
async fn both_hear_the_announcement_and_the_recording_has_both() {
    let transcriber = Some("wc -c".to_owned());
    let bench = Bench::with(offhook_platform::Config { transcriber, ..config() }).await;
    let (id, mut business) = ana_calls(&bench).await;
    let body = accept(
        &id,
        &business.sdp,
        &json!({ "recording": wish("pt"), "transcription": wish("en") }),
    );
    business.heard();
    let (status, answer) = bench.graph("calls", body).await;
    assert_eq!(status, 200, "{answer}");

    // The announcement alone: the business does not speak yet, so what Ana hears is it.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (packets, heard) = business.heard();
    assert!(packets > 40 && heard.loud_ms > 400, "the business heard it: {packets} {heard:?}");
    assert!(!heard.is_tone(440.0), "in place of Ana: {heard:?}");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert!(seen["legs"]["user"]["heard"]["dbfs"].as_f64().unwrap() > -60.0, "Ana too: {seen}");
    tokio::time::sleep(Duration::from_millis(3_500)).await;

    business.play(660.0);
    business.heard();
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    let (_, heard) = business.heard();
    assert!(heard.is_tone(440.0), "they hear each other again: {heard:?}");
    assert_eq!(bench.action(&id, "terminate").await.0, 200);

    let value = bench.hook.wait("call_recording_available").await;
    let entry = &value["calls"][0];
    assert_eq!((&entry["id"], &entry["from"]), (&json!(id), &json!(ANA)));
    for absent in ["to", "direction", "status", "session"] {
        assert!(entry.get(absent).is_none(), "{entry}");
    }
    let (said_by_business, said_by_ana) = recorded(&bench, entry).await;
    assert_eq!(said_by_business.len(), said_by_ana.len());
    let half = said_by_ana.len() - 48_000;
    assert!(measured(&said_by_ana[half..half + 40_000]).is_tone(440.0));
    assert!(measured(&said_by_business[half..half + 40_000]).is_tone(660.0));

    let value = bench.hook.wait("call_transcription_available").await;
    let document = &value["calls"][0]["call_transcript"]["document"];
    assert_eq!(document["mime_type"], "application/json");
    let json = fetched(&bench, document["url"].as_str().unwrap()).await.unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let seconds = json["metadata"]["audio"]["duration"].as_f64().unwrap();
    let segments = json["transcript"]["segments"].as_array().unwrap();
    for (segment, speaker) in segments.iter().zip(["Business", "Customer"]) {
        assert_eq!(segment["speaker"], speaker);
        let text = segment["text"].as_str().unwrap();
        let bytes: f64 = text.split(' ').next().unwrap().parse().unwrap();
        assert!((bytes - 44.0 - seconds * 32_000.0).abs() < 400.0, "{bytes} for {seconds} s");
    }
    let text = json["transcript"]["text"].as_str().unwrap();
    assert!(text.starts_with("[Business] ") && text.contains(" [Customer] "), "{text}");
}

#[tokio::test]
async fn a_call_by_the_business_is_recorded_and_its_link_ends() {
    let bench = Bench::start().await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    bench.behave(ANA, json!({ "answer": { "after_ms": 0 }, "play": { "tone_hz": 440 } })).await;
    let mut business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp }, "recording": wish("en") });
    let (status, placed) = bench.graph("calls", dial).await;
    assert_eq!(status, 200, "{placed}");
    let id = placed["calls"][0]["id"].as_str().unwrap().to_owned();
    business.take_answer(&bench.hook.wait("connect").await);
    business.connected().await;
    bench.hook.wait("ACCEPTED").await;
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    assert_eq!(bench.action(&id, "terminate").await.0, 200);

    let value = bench.hook.wait("call_recording_available").await;
    let entry = &value["calls"][0];
    assert_eq!((&entry["id"], &entry["from"]), (&json!(id), &json!(BUSINESS)));
    let (said_by_business, said_by_ana) = recorded(&bench, entry).await;
    let half = said_by_ana.len() - 48_000;
    assert!(measured(&said_by_ana[half..half + 40_000]).is_tone(440.0));
    assert!(measured(&said_by_business[half..half + 40_000]).is_tone(660.0));

    let audio = &entry["call_recording"]["audio"];
    let url = audio["url"].as_str().unwrap();
    bench.clock.advance("PT5M").unwrap();
    assert_eq!(fetched(&bench, url).await, Err(404), "the webhook's own link is over");
    let fresh = bench.get(&format!("/v23.0/{}", audio["id"].as_str().unwrap()));
    let fresh = crate::bench::send(fresh.bearer_auth("demo-token")).await.1;
    assert!(fetched(&bench, fresh["url"].as_str().unwrap()).await.is_ok());
}

/// Who stops the platform as a call ends gets its recording all the same.
#[tokio::test]
async fn a_polite_stop_finishes_what_is_being_made() {
    let transcriber = Some("env FILE={wav} sleep 2".to_owned());
    let bench = Bench::with(offhook_platform::Config { transcriber, ..config() }).await;
    let (id, business) = ana_calls(&bench).await;
    let body = accept(&id, &business.sdp, &json!({ "transcription": wish("en") }));
    assert_eq!(bench.graph("calls", body).await.0, 200);
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    let Bench { running, hook, .. } = bench;
    running.shutdown().await;
    hook.wait("call_transcription_available").await;
}

#[tokio::test]
async fn without_a_transcriber_the_text_is_empty_and_nothing_is_recorded() {
    let bench = Bench::start().await;
    let (id, business) = ana_calls(&bench).await;
    let off = json!({ "status": "DISABLED" });
    let body =
        accept(&id, &business.sdp, &json!({ "recording": off, "transcription": wish("es_ES") }));
    assert_eq!(bench.graph("calls", body).await.0, 200);
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    bench.action(&id, "terminate").await;
    let value = bench.hook.wait("call_transcription_available").await;
    let url = value["calls"][0]["call_transcript"]["document"]["url"].as_str().unwrap().to_owned();
    let json: Value = serde_json::from_slice(&fetched(&bench, &url).await.unwrap()).unwrap();
    assert_eq!(json["transcript"]["text"], "");
    assert!(json["transcript"]["segments"].as_array().unwrap().is_empty());
    let events = bench.hook.events();
    assert!(!events.contains(&"call_recording_available".to_owned()), "{events:?}");
    // Seven days after the webhook it is gone.
    bench.clock.advance("P7DT1S").unwrap();
    assert_eq!(fetched(&bench, &url).await, Err(404));
}

#[tokio::test]
async fn a_call_that_ends_before_its_announcement_is_not_recorded() {
    let bench = Bench::start().await;
    let (id, business) = ana_calls(&bench).await;
    let body = accept(&id, &business.sdp, &json!({ "recording": wish("vi") }));
    assert_eq!(bench.graph("calls", body).await.0, 200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    bench.action(&id, "terminate").await;
    bench.hook.wait("terminate").await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let events = bench.hook.events();
    assert!(!events.contains(&"call_recording_available".to_owned()), "{events:?}");
}

#[tokio::test]
async fn bad_requests_are_refused_with_their_field() {
    let bench = Bench::start().await;
    let (id, business) = ana_calls(&bench).await;
    let enabled = |purpose: &str, language: &str| json!({ "status": "ENABLED", "purpose": purpose, "announcement_language": language });
    for (object, wrong, field) in [
        ("recording", json!({ "status": "ON" }), "recording.status"),
        ("recording", json!({}), "recording.status"),
        ("recording", json!({ "status": "ENABLED", "announcement_language": "en" }), "purpose"),
        ("recording", enabled(&"x".repeat(251), "en"), "recording.purpose"),
        ("recording", enabled("x", "ja"), "recording.announcement_language"),
        ("recording", json!({ "status": "ENABLED", "purpose": "x" }), "announcement_language"),
        ("transcription", enabled("", "en"), "transcription.purpose"),
        ("transcription", enabled("x", "EN"), "transcription.announcement_language"),
    ] {
        let mut more = json!({});
        more[object] = wrong;
        let answer = bench.graph("calls", accept(&id, &business.sdp, &more)).await;
        assert_eq!(refused(&answer), (400, 100), "{more}: {}", answer.1);
        let said = answer.1["error"]["error_data"]["details"].as_str().unwrap();
        assert!(said.contains(field), "{field}: {said}");
    }
    let most = json!({ "recording": enabled(&"ã".repeat(250), "en_IN") });
    assert_eq!(bench.graph("calls", accept(&id, &business.sdp, &most)).await.0, 200);
}
