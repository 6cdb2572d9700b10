//! Voicemail: a call nobody takes is greeted, recorded and delivered.

use std::time::Duration;

use audio::{ogg, opus::Decoder};
use offhook_platform::Config;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused, send},
    business::{Business, measured},
    media_files::{ANNOUNCEMENT, fetched, ogg as announcement, upload},
};

/// A number with voicemail; its announcement is a tone.
async fn bench(triggers: Value, timeout_s: Option<u32>) -> Bench {
    with_rules(&[], triggers, timeout_s).await
}

async fn with_rules(rules: &[(&str, &str)], triggers: Value, timeout_s: Option<u32>) -> Bench {
    let rules = rules.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned()));
    let bench = Bench::with(Config { rules: rules.collect(), ..config() }).await;
    let media_id: u64 =
        upload(&bench, Some(ANNOUNCEMENT), &announcement(880.0, 800)).await.parse().unwrap();
    let mut audio = json!({ "announcement_media_id": media_id });
    if let Some(seconds) = timeout_s {
        audio["timeout_seconds"] = json!(seconds);
    }
    let voicemail =
        json!({ "status": "ENABLED", "triggers": triggers, "audio": { "default": audio } });
    let (status, answer) =
        bench.graph("settings", json!({ "calling": { "voicemail": voicemail } })).await;
    assert_eq!(status, 200, "{answer}");
    bench
}

async fn ana_calls(bench: &Bench, hang_up_ms: Option<u32>) -> String {
    let hang_up = hang_up_ms.map(|ms| json!({ "after_ms": ms }));
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 }, "hang_up": hang_up })).await;
    let call = json!({ "to": BUSINESS });
    let (status, placed) = bench.sandbox(&format!("/users/{ANA}/call"), call).await;
    assert_eq!(status, 200, "{placed}");
    placed["call_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rejected_call_leaves_its_message() {
    let bench = bench(json!(["REJECT"]), None).await;
    let id = ana_calls(&bench, Some(3_000)).await;
    bench.hook.wait("connect").await;
    assert_eq!(bench.action(&id, "reject").await.0, 200);
    let call = bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!(call["status"], "COMPLETED");
    assert!(call.get("start_time").is_none() && call.get("errors").is_none(), "{call}");
    for action in ["reject", "terminate"] {
        assert_eq!(refused(&bench.action(&id, action).await), (400, 100), "{action}");
    }
    let state = bench.sandbox_get(&format!("/calls/{id}")).await.1["state"].clone();
    assert_eq!(state, "voicemail");

    let told = bench.hook.wait("audio").await;
    let message = &told["messages"][0];
    assert_eq!((&message["id"], &message["type"]), (&json!(id), &json!("audio")));
    assert_eq!(message["from"], ANA);
    assert_eq!(told["contacts"][0]["profile"]["name"], "Ana");
    let audio = &message["audio"];
    assert_eq!(audio["mime_type"], "audio/ogg; codecs=opus");
    assert!(audio.get("url").is_none(), "{audio}");
    let path = format!("/v23.0/{}", audio["id"].as_str().unwrap());
    let shown = send(bench.get(&path).bearer_auth("demo-token")).await.1;
    assert_eq!(shown["sha256"], audio["sha256"]);
    let file = fetched(&bench, shown["url"].as_str().unwrap()).await.unwrap();
    let stream = ogg::read(&file).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut samples = Vec::new();
    for packet in &stream.packets {
        samples.extend_from_slice(decoder.decode(packet).unwrap());
    }
    let heard = measured(&samples);
    assert!(heard.is_tone(440.0) && heard.loud_ms > 1_000, "what Ana said: {heard:?}");
    assert!(stream.lasts().as_millis() < 3_200, "{:?}", stream.lasts());

    // The phone heard the announcement, and nothing else.
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    let hz = seen["legs"]["user"]["heard"]["tone_hz"].as_f64().unwrap();
    assert!((hz - 880.0).abs() < 44.0, "{seen}");
    let states: Vec<_> =
        seen["states"].as_array().unwrap().iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, ["offered", "voicemail", "ended"]);
    let terminates = bench.hook.events().iter().filter(|it| *it == "terminate").count();
    assert_eq!(terminates, 1, "{:?}", bench.hook.events());
}

#[tokio::test]
async fn a_call_not_answered_in_the_set_time_goes_there_too() {
    let bench = bench(json!(["TIMEOUT"]), Some(20)).await;
    let id = ana_calls(&bench, None).await;
    let business = Business::answering(&bench.hook.wait("connect").await);
    bench.clock.advance("PT20S").unwrap();
    bench.hook.wait("terminate").await;
    let late = bench.answer(&id, "accept", &business.sdp).await;
    assert_eq!(refused(&late), (500, 138_007), "{}", late.1);
    // One call a pair, also while the user speaks to the machine.
    let again = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!(again.1["code"].as_i64(), Some(138_003), "{}", again.1);
    // Who hangs up during the announcement leaves no message.
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(!bench.hook.events().contains(&"audio".to_owned()), "{:?}", bench.hook.events());
    assert_eq!(bench.sandbox_get(&format!("/calls/{id}")).await.1["state"], "ended");
}

/// How long the message of a call is that came.
async fn message_lasts(bench: &Bench) -> Duration {
    let told = bench.hook.wait("audio").await;
    let path = format!("/v23.0/{}", told["messages"][0]["audio"]["id"].as_str().unwrap());
    let shown = send(bench.get(&path).bearer_auth("demo-token")).await.1;
    let file = fetched(bench, shown["url"].as_str().unwrap()).await.unwrap();
    ogg::read(&file).unwrap().lasts()
}

#[tokio::test]
async fn a_call_not_answered_in_the_set_time_leaves_its_message() {
    let bench = bench(json!(["TIMEOUT"]), Some(20)).await;
    let id = ana_calls(&bench, None).await;
    bench.hook.wait("connect").await;
    bench.clock.advance("PT20S").unwrap();
    bench.hook.wait("terminate").await;
    // The announcement takes 800 ms.
    tokio::time::sleep(Duration::from_millis(3_000)).await;
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    let lasts = message_lasts(&bench).await;
    assert!(
        (Duration::from_millis(1_000)..Duration::from_millis(3_100)).contains(&lasts),
        "{lasts:?}"
    );
    let told = bench.hook.wait("audio").await;
    assert_eq!(
        (&told["messages"][0]["id"], &told["messages"][0]["from"]),
        (&json!(id), &json!(ANA))
    );
    assert_eq!(bench.hook.events().iter().filter(|it| *it == "terminate").count(), 1);
}

#[tokio::test]
async fn a_message_ends_at_its_longest_and_a_shorter_one_is_none() {
    let long = with_rules(&[("voicemail.recording_max", "1 s")], json!(["REJECT"]), None).await;
    let id = ana_calls(&long, None).await;
    long.hook.wait("connect").await;
    assert_eq!(long.action(&id, "reject").await.0, 200);
    let lasts = message_lasts(&long).await;
    assert!(
        (Duration::from_millis(700)..Duration::from_millis(1_400)).contains(&lasts),
        "{lasts:?}"
    );
    assert_eq!(long.sandbox_get(&format!("/calls/{id}")).await.1["state"], "ended");

    let short = with_rules(&[("voicemail.recording_min", "30 s")], json!(["REJECT"]), None).await;
    let id = ana_calls(&short, Some(3_000)).await;
    short.hook.wait("connect").await;
    assert_eq!(short.action(&id, "reject").await.0, 200);
    let until = tokio::time::Instant::now() + Duration::from_secs(8);
    while short.sandbox_get(&format!("/calls/{id}")).await.1["state"] != "ended" {
        assert!(tokio::time::Instant::now() < until, "the call does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(!short.hook.events().contains(&"audio".to_owned()), "{:?}", short.hook.events());
}

/// Killed while the user speaks: the business heard of the end already, and hears of it once.
#[tokio::test]
async fn a_kill_in_voicemail_ends_the_call_once() {
    let folder = tempfile::tempdir().unwrap();
    let with_data = || Config { data: Some(folder.path().to_owned()), ..config() };
    let first = Bench::with(with_data()).await;
    let media_id: u64 =
        upload(&first, Some(ANNOUNCEMENT), &announcement(880.0, 800)).await.parse().unwrap();
    let voicemail = json!({ "status": "ENABLED", "triggers": ["REJECT"],
        "audio": { "default": { "announcement_media_id": media_id } } });
    let body = json!({ "calling": { "voicemail": voicemail } });
    assert_eq!(first.graph("settings", body).await.0, 200);
    let id = ana_calls(&first, None).await;
    first.hook.wait("connect").await;
    assert_eq!(first.action(&id, "reject").await.0, 200);
    first.hook.wait("terminate").await;
    let second = offhook_platform::serve(with_data()).await.unwrap();
    let seen = first.http.get(format!("{}/sandbox/v1/calls/{id}", second.base_url()));
    assert_eq!(send(seen).await.1["state"], "ended");
    let journal = first.http.get(format!("{}/sandbox/v1/webhooks?call_id={id}", second.base_url()));
    let journal = send(journal).await.1;
    assert_eq!(journal.as_array().unwrap().len(), 2, "connect and one terminate: {journal}");
    second.shutdown().await;
}

#[tokio::test]
async fn for_the_business_a_call_in_voicemail_is_over() {
    let bench = bench(json!(["REJECT"]), None).await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    let id = ana_calls(&bench, None).await;
    bench.hook.wait("connect").await;
    assert_eq!(bench.action(&id, "reject").await.0, 200);
    // It may call back at once, and finds the phone busy.
    let sdp = Business::offering().sdp;
    let connect = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
                          "session": { "sdp_type": "offer", "sdp": sdp } });
    let (status, placed) = bench.graph("calls", connect).await;
    assert_eq!(status, 200, "{placed}");
    bench.hook.wait("REJECTED").await;
    assert_eq!(bench.sandbox_get(&format!("/calls/{id}")).await.1["state"], "voicemail");
}

#[tokio::test]
async fn an_announcement_that_is_gone_is_named() {
    let bench = bench(json!(["REJECT"]), None).await;
    let settings = bench.graph_get("/settings").await.1;
    let media_id = &settings["calling"]["voicemail"]["audio"]["default"]["announcement_media_id"];
    let delete = bench.http.delete(bench.url(&format!("/v23.0/{media_id}")));
    assert_eq!(send(delete.bearer_auth("demo-token")).await.0, 200);
    let id = ana_calls(&bench, None).await;
    bench.hook.wait("connect").await;
    bench.action(&id, "reject").await;
    bench.hook.wait("accept").await;
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["state"], "ended");
    assert!(seen["verdicts"].to_string().contains("voicemail_not_played"), "{seen}");
}

#[tokio::test]
async fn settings_want_an_announcement_that_is_one() {
    let bench = Bench::start().await;
    let plain: u64 = upload(&bench, None, &announcement(880.0, 200)).await.parse().unwrap();
    for media_id in [1, plain] {
        let voicemail = json!({ "status": "ENABLED", "triggers": ["REJECT"],
            "audio": { "default": { "announcement_media_id": media_id } } });
        let body = json!({ "calling": { "voicemail": voicemail } });
        let answer = bench.graph("settings", body).await;
        assert_eq!(refused(&answer), (400, 100), "{}", answer.1);
        let said = answer.1["error"]["error_data"]["details"].as_str().unwrap();
        assert!(said.contains("announcement_media_id"), "{said}");
    }
}
