//! What endpoints do to webhooks, and what survives.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{ANA, BUSINESS, Bench, Endpoint, HANG, config, send};

async fn write(bench: &Bench, user: &str, text: &str) {
    let body = json!({ "to": BUSINESS, "text": text });
    let (status, answer) = bench.sandbox(&format!("/users/{user}/message"), body).await;
    assert_eq!(status, 200, "{answer}");
}

async fn wait_for_state(bench: &Bench, state: &str) -> Value {
    for _ in 0..400 {
        let listed = bench.sandbox_get("/webhooks").await.1;
        if listed[0]["state"] == state {
            return listed[0].clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never {state}: {}", bench.sandbox_get("/webhooks").await.1);
}

#[tokio::test]
async fn the_raw_body_is_signed() {
    let bench = Bench::start().await;
    bench.open_window().await;
    bench.hook.wait("text").await;
    let got = &bench.hook.all()[0];
    assert!(wire::webhook::signature::verify("demo-app-secret", &got.body, &got.signature));
    let shown = wait_for_state(&bench, "delivered").await;
    assert_eq!(shown["signature"], got.signature);
    assert_eq!(shown["attempts"][0]["status"], 200);
    assert_eq!(shown["url"], bench.hook.url);
}

#[tokio::test]
async fn a_500_is_tried_again_after_the_rulebooks_wait() {
    let bench = Bench::start().await;
    bench.hook.answer(500);
    bench.open_window().await;
    bench.hook.wait("text").await;
    let shown = loop {
        let shown = wait_for_state(&bench, "waiting").await;
        if shown["attempts"].as_array().unwrap().len() == 1 {
            break shown;
        }
    };
    assert_eq!(shown["attempts"][0]["status"], 500);
    bench.hook.answer(200);
    bench.clock.advance("PT5S").unwrap();
    bench.hook.wait_nth("text", 1).await;
    let shown = wait_for_state(&bench, "delivered").await;
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(bench.hook.all()[0].body, bench.hook.all()[1].body);
}

#[tokio::test]
async fn a_hanging_endpoint_holds_up_neither_others_nor_the_api() {
    let bench = Bench::start().await;
    let channel = Endpoint::start().await;
    let request = bench.post("/v1/configs/webhook").header("D360-API-KEY", "demo-d360-key");
    assert_eq!(send(request.json(&json!({ "url": channel.url }))).await.0, 200);
    bench.hook.answer(HANG);
    for turn in 0..50 {
        write(&bench, ANA, &format!("message {turn}")).await;
    }
    channel.wait_nth("text", 49).await;
    assert_eq!(bench.hook.all().len(), 1, "one lane has one untried webhook under way");
}

#[tokio::test]
async fn a_webhook_that_hangs_times_out_and_the_next_goes() {
    let bench = Bench::with(offhook_platform::Config {
        webhook_timeout: Some(Duration::from_millis(200)),
        ..config()
    })
    .await;
    bench.hook.answer(HANG);
    write(&bench, ANA, "first").await;
    write(&bench, ANA, "second").await;
    bench.hook.wait_nth("text", 1).await;
    let bodies: Vec<_> = bench.hook.all();
    assert!(String::from_utf8_lossy(&bodies[0].body).contains("first"));
    assert!(String::from_utf8_lossy(&bodies[1].body).contains("second"));
}

#[tokio::test]
async fn a_webhook_can_be_delivered_again() {
    let bench = Bench::start().await;
    bench.open_window().await;
    bench.hook.wait("text").await;
    let shown = wait_for_state(&bench, "delivered").await;
    let id = shown["id"].as_str().unwrap();
    assert_eq!(bench.sandbox(&format!("/webhooks/{id}/redeliver"), json!({})).await.0, 200);
    bench.hook.wait_nth("text", 1).await;
    assert_eq!(bench.sandbox("/webhooks/none/redeliver", json!({})).await.0, 404);
}

#[tokio::test]
async fn what_an_earlier_run_could_not_send_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().to_owned());
    let with_data = || offhook_platform::Config { data: data.clone(), ..config() };
    let hook = {
        let bench = Bench::with(with_data()).await;
        bench.hook.answer(503);
        write(&bench, ANA, "kept").await;
        bench.hook.wait("text").await;
        bench.clock.advance("PT5S").unwrap();
        bench.hook.wait_nth("text", 1).await;
        bench.hook.clone()
    };
    hook.answer(200);
    let before = hook.all().len();
    let second = offhook_platform::serve(with_data()).await.unwrap();
    let clock = reqwest::Client::new().post(format!("{}/sandbox/v1/clock", second.base_url()));
    assert_eq!(send(clock.json(&json!({ "advance": "PT1H" }))).await.0, 200);
    hook.wait_nth("text", before).await;
    second.shutdown().await;
}

#[tokio::test]
async fn a_webhook_nobody_takes_is_tried_for_seven_days_and_then_given_up() {
    let bench = Bench::start().await;
    bench.clock.set_mode(offhook_platform::clock::Mode::Frozen);
    bench.hook.answer(503);
    bench.open_window().await;
    // The first attempt and one after a second less than seven days.
    tries(&bench, 1).await;
    bench.clock.advance("P6DT23H59M59S").unwrap();
    let shown = tries(&bench, 2).await;
    assert_eq!(shown["state"], "expired", "the next would be after its end: {shown}");
    assert_eq!(shown["next_attempt_at"], Value::Null);
    bench.clock.advance("P1D").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.hook.all().len(), 2);

    let id = shown["id"].as_str().unwrap();
    bench.hook.answer(200);
    assert_eq!(bench.sandbox(&format!("/webhooks/{id}/redeliver"), json!({})).await.0, 200);
    assert_eq!(tries(&bench, 3).await["state"], "delivered");
}

#[tokio::test]
async fn a_webhook_outlives_a_while_without_a_url() {
    let bench = Bench::start().await;
    bench.clock.set_mode(offhook_platform::clock::Mode::Frozen);
    bench.hook.answer(500);
    bench.open_window().await;
    tries(&bench, 1).await;
    let subscription = bench.url("/v23.0/401234567890123/subscriptions");
    let delete = bench.http.delete(subscription).bearer_auth("401234567890123|demo-app-secret");
    assert_eq!(send(delete).await.0, 200);
    bench.clock.advance("PT5S").unwrap();
    let shown = tries(&bench, 2).await;
    assert_eq!(shown["state"], "waiting", "{shown}");
    assert_eq!(shown["attempts"][1]["error"], "no callback URL is set");
    bench.hook.answer(200);
    bench.running.set_callback(&bench.hook.url).await.unwrap();
    bench.clock.advance("PT15S").unwrap();
    assert_eq!(tries(&bench, 3).await["state"], "delivered");
    assert_eq!(bench.hook.all().len(), 2);
}

#[tokio::test]
async fn what_was_only_journalled_or_dropped_can_be_delivered_later() {
    let running = offhook_platform::serve(config()).await.unwrap();
    let (clock, hook) = (offhook_platform::clock::Clock::system(), Endpoint::start().await);
    let bench = Bench { running, clock, hook, http: reqwest::Client::new() };
    write(&bench, ANA, "to nobody").await;
    bench.running.set_callback(&bench.hook.url).await.unwrap();
    let faults = json!({ "webhook": { "drop": true } });
    assert_eq!(send(bench.put("/sandbox/v1/faults").json(&faults)).await.0, 200);
    write(&bench, ANA, "on the way").await;
    let listed = bench.sandbox_get("/webhooks").await.1;
    assert_eq!(
        (&listed[0]["state"], &listed[1]["state"]),
        (&json!("journalled"), &json!("dropped"))
    );
    for (nth, row) in listed.as_array().unwrap().iter().enumerate() {
        let path = format!("/webhooks/{}/redeliver", row["id"].as_str().unwrap());
        assert_eq!(bench.sandbox(&path, json!({})).await.0, 200);
        let got = bench.hook.wait_nth("text", nth).await;
        assert_eq!(got, row["body"]["entry"][0]["changes"][0]["value"]);
    }
}

#[tokio::test]
async fn what_has_nowhere_to_go_is_not_promised() {
    let running = offhook_platform::serve(config()).await.unwrap();
    let (clock, hook) = (offhook_platform::clock::Clock::system(), Endpoint::start().await);
    let bench = Bench { running, clock, hook, http: reqwest::Client::new() };
    write(&bench, ANA, "to nobody").await;
    let listed = bench.sandbox_get("/webhooks").await.1;
    let path = format!("/webhooks/{}/redeliver", listed[0]["id"].as_str().unwrap());
    let (status, no) = bench.sandbox(&path, json!({})).await;
    assert_eq!((status, &no["rule"]), (409, &json!("webhook.no_endpoint")), "{no}");
    assert_eq!(bench.sandbox_get("/webhooks").await.1[0]["state"], "journalled");
}

#[tokio::test]
async fn with_the_order_none_nothing_waits_for_the_one_before() {
    let rules = [("delivery.order".to_owned(), "none".to_owned())].into();
    let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    bench.hook.answer(HANG);
    for text in ["first", "second", "third"] {
        write(&bench, ANA, text).await;
    }
    bench.hook.wait_nth("text", 2).await;
}

/// One number's burst to a URL that hangs does not keep another number's webhook from it.
#[tokio::test]
async fn numbers_that_share_a_url_take_turns() {
    const OTHER: &str = "551140000001";
    let webhook_timeout = Some(Duration::from_millis(400));
    let bench = Bench::with(offhook_platform::Config { webhook_timeout, ..config() }).await;
    let other = json!({ "id": "209876543210987", "account": "201234567890123", "digits": OTHER,
                        "name": "Other", "tier": 2000 });
    let (status, answer) = bench.sandbox("/numbers", other).await;
    assert_eq!(status, 201, "{answer}");
    let users: Vec<String> = (0..100).map(|n| (5_511_970_000_000u64 + n).to_string()).collect();
    for user in &users {
        let made = bench.sandbox("/users", json!({ "wa_id": user, "name": "U" })).await;
        assert_eq!(made.0, 201, "{}", made.1);
    }
    // Nothing goes before all are there.
    bench.clock.set_mode(offhook_platform::clock::Mode::Frozen);
    let late = json!({ "webhook": { "delay_ms": 1_000 } });
    assert_eq!(send(bench.put("/sandbox/v1/faults").json(&late)).await.0, 200);
    bench.hook.answer(HANG);
    for user in &users {
        write(&bench, user, "to one").await;
    }
    let body = json!({ "to": OTHER, "text": "to the other" });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/message"), body).await.0, 200);
    bench.clock.advance("PT1S").unwrap();
    let to_the_other = || {
        let all = bench.hook.all();
        all.iter().position(|it| String::from_utf8_lossy(&it.body).contains("to the other"))
    };
    let until = tokio::time::Instant::now() + Duration::from_secs(8);
    while to_the_other().is_none() {
        assert!(tokio::time::Instant::now() < until, "{} came", bench.hook.all().len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let place = to_the_other().unwrap();
    assert!(place < 64, "among the first of its turn, not after the burst: {place}");
}

/// The first webhook of the journal once it was tried so often.
async fn tries(bench: &Bench, count: usize) -> Value {
    for _ in 0..400 {
        let shown = bench.sandbox_get("/webhooks").await.1[0].clone();
        if shown["attempts"].as_array().unwrap().len() == count {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not tried {count} times: {}", bench.sandbox_get("/webhooks").await.1);
}
