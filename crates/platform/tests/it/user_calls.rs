//! A user calls the business.

use std::time::Duration;

use handset::{Handset, Payloads, Settings};
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused, send},
    business::Business,
};

async fn ana_calls(bench: &Bench) -> String {
    let call = json!({ "to": BUSINESS, "deeplink_payload": "src=test", "cta_payload": "order=7" });
    let (status, placed) = bench.sandbox(&format!("/users/{ANA}/call"), call).await;
    assert_eq!(status, 200, "{placed}");
    placed["call_id"].as_str().unwrap().to_owned()
}

async fn accepted(bench: &Bench, id: &str) -> Business {
    let mut business = Business::answering(&bench.hook.wait("connect").await);
    let sdp = business.sdp.clone();
    assert_eq!(bench.answer(id, "pre_accept", &sdp).await.0, 200);
    business.connected().await;
    assert_eq!(bench.answer(id, "accept", &sdp).await.0, 200);
    business
}

#[tokio::test]
async fn what_a_link_says_comes_back_in_terminate_too() {
    let bench = Bench::start().await;
    let id = ana_calls(&bench).await;
    bench.hook.wait("connect").await;
    assert_eq!(bench.action(&id, "reject").await.0, 200);
    let ended = bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!(
        (&ended["id"], &ended["deeplink_payload"], &ended["cta_payload"]),
        (&json!(id), &json!("src=test"), &json!("order=7"))
    );
}

fn is_tone(heard: &Value, hz: f64) -> bool {
    heard["tone_hz"].as_f64().is_some_and(|found| (found - hz).abs() < hz * 0.05)
}

#[tokio::test]
async fn both_hear_each_other_and_every_webhook_comes_in_order() {
    let bench = Bench::start().await;
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let id = ana_calls(&bench).await;

    let connect = bench.hook.wait("connect").await;
    let call = &connect["calls"][0];
    assert_eq!(call["id"], id);
    assert_eq!((&call["from"], &call["to"]), (&json!(ANA), &json!(BUSINESS)));
    assert_eq!(call["direction"], "USER_INITIATED");
    assert_eq!(
        (&call["deeplink_payload"], &call["cta_payload"]),
        (&json!("src=test"), &json!("order=7"))
    );
    assert_eq!(call["session"]["sdp_type"], "offer");
    assert!(call["session"]["sdp"].as_str().unwrap().contains("a=ice-lite\r\n"));
    assert_eq!(connect["contacts"][0]["profile"]["name"], "Ana");
    assert_eq!(connect["metadata"]["phone_number_id"], "109876543210987");

    let mut business = Business::answering(&connect);
    let sdp = business.sdp.clone();
    assert_eq!(bench.answer(&id, "pre_accept", &sdp).await.0, 200);
    assert_eq!(bench.answer(&id, "pre_accept", &sdp).await.0, 200, "the same again is harmless");
    business.connected().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(business.heard().0, 0, "nothing is heard before accept");
    let other = sdp.replace("a=ptime:20\r\n", "");
    assert_eq!(refused(&bench.answer(&id, "accept", &other).await), (400, 100));
    let accept = json!({ "messaging_product": "whatsapp", "call_id": id, "action": "accept",
        "session": { "sdp_type": "answer", "sdp": sdp }, "biz_opaque_callback_data": "gw-42" });
    assert_eq!(bench.graph("calls", accept.clone()).await.0, 200);
    assert_eq!(refused(&bench.graph("calls", accept).await), (400, 100), "a running call");
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(2_000)).await;

    let (packets, heard) = business.heard();
    assert!(packets > 50 && heard.is_tone(440.0), "{packets} {heard:?}");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["state"], "accepted");
    assert!(is_tone(&seen["legs"]["user"]["heard"], 660.0), "{seen}");
    assert!(is_tone(&seen["legs"]["business"]["heard"], 440.0), "{seen}");
    assert_eq!(seen["verdicts"][0]["code"], "sdp_differs", "{seen}");
    assert_eq!(seen["verdicts"].as_array().unwrap().len(), 1, "{seen}");

    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    let terminate = bench.hook.wait("terminate").await;
    let call = &terminate["calls"][0];
    assert_eq!(
        (&call["status"], &call["biz_opaque_callback_data"]),
        (&json!("COMPLETED"), &json!("gw-42"))
    );
    let time = |field: &str| call[field].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(call["duration"].as_i64().unwrap(), time("end_time") - time("start_time"));
    assert!(call.get("errors").is_none());
    let granted = bench.hook.wait("accept").await;
    assert_eq!(granted["messages"][0]["context"]["id"], id, "the callback's permission");
    assert_eq!(bench.hook.all().len(), 3, "{:?}", bench.hook.events());
    assert_eq!(refused(&bench.action(&id, "terminate").await), (400, 100));

    business.heard();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(business.heard().0, 0, "silence after the end");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    let states: Vec<_> =
        seen["states"].as_array().unwrap().iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, ["offered", "pre_accepted", "accepted", "ended"]);
    assert!(is_tone(&seen["legs"]["user"]["heard"], 660.0), "{seen}");
    let wav = bench.get(&format!("/sandbox/v1/calls/{id}/recording.wav")).send().await.unwrap();
    let wav = wav.bytes().await.unwrap();
    assert_eq!(&wav[22..24], [2, 0], "two channels");
    assert!(wav.len() > 48_000 * 4, "{} bytes", wav.len());
}

#[tokio::test]
async fn the_business_rejects_and_the_user_is_told() {
    let bench = Bench::start().await;
    let id = ana_calls(&bench).await;
    bench.hook.wait("connect").await;
    assert_eq!(bench.action(&id, "reject").await.0, 200);
    let call = bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!(call["status"], "COMPLETED");
    for absent in ["start_time", "end_time", "duration", "errors"] {
        assert!(call.get(absent).is_none(), "{absent}");
    }
    assert_eq!(refused(&bench.action(&id, "reject").await), (400, 100));
}

#[tokio::test]
async fn nobody_answers_in_time() {
    let bench = Bench::start().await;
    let id = ana_calls(&bench).await;
    let business = Business::answering(&bench.hook.wait("connect").await);
    bench.clock.advance("PT46S").unwrap();
    let call = bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!(call["status"], "COMPLETED");
    assert!(call.get("start_time").is_none());
    assert_eq!(refused(&bench.answer(&id, "accept", &business.sdp).await), (500, 138_007));
}

#[tokio::test]
async fn one_call_a_pair_and_none_to_a_business_that_does_not_take_calls() {
    let bench = Bench::start().await;
    ana_calls(&bench).await;
    let again = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!((again.0, again.1["code"].as_i64()), (409, Some(138_003)), "{}", again.1);
    bench.graph("settings", json!({ "calling": { "status": "DISABLED" } })).await;
    let (status, answer) =
        bench.sandbox("/users/5511988887777/call", json!({ "to": BUSINESS })).await;
    assert_eq!((status, answer["rule"].as_str()), (409, Some("eligibility.enabled")));
    let (status, _) = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": "1" })).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_business_without_media_is_blamed_in_both_places() {
    let rules = [("media.silent_from_start".to_owned(), "1 s".to_owned())].into();
    let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let id = ana_calls(&bench).await;
    let _business = accepted(&bench, &id).await;
    let terminate = bench.hook.wait("terminate").await;
    assert_eq!(terminate["calls"][0]["status"], "FAILED");
    assert_eq!(terminate["calls"][0]["errors"][0]["code"], 138_021, "{terminate}");
    assert_eq!(terminate["errors"][0]["code"], 138_021);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["verdicts"][0]["code"], "no_rtp_from_business", "{seen}");
    assert_eq!(seen["verdicts"][1]["code"], "rtcp_only", "{seen}");
}

#[tokio::test]
async fn a_business_that_falls_silent_is_blamed_too() {
    let rules = [("media.silent_mid_call".to_owned(), "1 s".to_owned())].into();
    let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let id = ana_calls(&bench).await;
    let business = accepted(&bench, &id).await;
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    business.fall_silent();
    let terminate = bench.hook.wait("terminate").await;
    assert_eq!(terminate["calls"][0]["errors"][0]["code"], 138_021, "{terminate}");
}

#[tokio::test]
async fn media_before_accept_is_let_through_and_noted() {
    let bench = Bench::start().await;
    let id = ana_calls(&bench).await;
    let mut business = Business::answering(&bench.hook.wait("connect").await);
    let sdp = business.sdp.clone();
    assert_eq!(bench.answer(&id, "pre_accept", &sdp).await.0, 200);
    business.connected().await;
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["state"], "pre_accepted");
    assert_eq!(seen["verdicts"][0]["code"], "media_before_accept", "{seen}");
    assert!(is_tone(&seen["legs"]["user"]["heard"], 660.0), "{seen}");
    assert_eq!(bench.answer(&id, "accept", &sdp).await.0, 200);
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
}

#[tokio::test]
async fn a_phone_that_vanishes_ends_the_call_as_its_fault() {
    let bench = Bench::start().await;
    let engine = engine::Engine::start(engine::Config::default()).unwrap();
    let mut settings = Settings::new(bench.running.base_url(), ANA.parse().unwrap());
    settings.behaviour.play = wire::sandbox::Play::ToneHz(440.0);
    let ana = Handset::connect(&engine, settings).await.unwrap();
    let id = ana.call(BUSINESS.parse().unwrap(), Payloads::default()).await.unwrap();
    let business = accepted(&bench, id.as_str()).await;
    business.play(660.0);
    ana.answered().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(ana);
    let terminate = bench.hook.wait("terminate").await;
    assert_eq!(terminate["calls"][0]["status"], "FAILED", "{terminate}");
    assert_eq!(terminate["calls"][0]["errors"][0]["code"], 138_022);
}

#[tokio::test]
async fn a_killed_platform_ends_its_calls_after_its_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().to_owned());
    let first = Bench::with(offhook_platform::Config { data: data.clone(), ..config() }).await;
    let id = ana_calls(&first).await;
    let _business = accepted(&first, &id).await;
    // The first one is not told to stop: the second finds its folder as a kill would leave it.
    let second =
        offhook_platform::serve(offhook_platform::Config { data, ..config() }).await.unwrap();
    let call = first.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!((&call["id"], &call["status"]), (&json!(id), &json!("FAILED")));
    assert_eq!(call["errors"][0]["code"], 138_004);
    assert!(call["start_time"].is_string());
    let journal = reqwest::Client::new().get(format!("{}/sandbox/v1/webhooks", second.base_url()));
    let journal = send(journal).await.1;
    let fields: Vec<_> = journal.as_array().unwrap().iter().map(|it| it["field"].clone()).collect();
    assert_eq!(fields, ["calls", "calls"], "connect and terminate");
    let seen = reqwest::Client::new().get(format!("{}/sandbox/v1/calls/{id}", second.base_url()));
    assert_eq!(send(seen).await.1["state"], "ended");
    second.shutdown().await;
}

#[tokio::test]
async fn a_platform_that_stops_ends_its_calls_politely() {
    let bench = Bench::start().await;
    let id = ana_calls(&bench).await;
    let _business = accepted(&bench, &id).await;
    let Bench { running, hook, .. } = bench;
    running.shutdown().await;
    let call = hook.wait("terminate").await["calls"][0].clone();
    assert_eq!((&call["id"], &call["status"]), (&json!(id), &json!("FAILED")));
}
