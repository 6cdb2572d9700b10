//! Runs that repeat, clocks that are kept, and states that come back.

use offhook_platform::{Config, Randomness, clock::Clock};
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, HANG, config, send},
    business::Business,
};

const BEGIN: &str = "2026-11-01T12:00:00Z";

fn seeded(seed: u64) -> Config {
    let randomness = Randomness::Seeded(seed);
    Config { randomness, clock: Clock::starting_at(BEGIN.parse().unwrap()), ..config() }
}

async fn clock(bench: &Bench, change: Value) -> Value {
    let (status, clock) = bench.sandbox("/clock", change).await;
    assert_eq!(status, 200, "{clock}");
    clock
}

async fn frozen(config: Config) -> Bench {
    let bench = Bench::with(config).await;
    clock(&bench, json!({ "mode": "frozen" })).await;
    clock(&bench, json!({ "set": BEGIN })).await;
    bench
}

/// Messages, permissions, a request and its answer, a call that is refused, a week.
async fn script(bench: &Bench) {
    bench.open_window().await;
    bench.hook.wait("text").await;
    let request = json!({
        "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
        "interactive": { "type": "call_permission_request", "body": { "text": "May we call?" },
                         "action": { "name": "call_permission_request" } } });
    assert_eq!(bench.graph("messages", request).await.0, 200);
    bench.hook.wait("delivered").await;
    bench.permit("accept_temporary").await;
    bench.hook.wait("accept").await;
    clock(bench, json!({ "advance": "PT1H" })).await;
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let connect = bench.hook.wait("connect").await;
    assert_eq!(connect["calls"][0]["id"], call["call_id"]);
    assert_eq!(bench.action(call["call_id"].as_str().unwrap(), "reject").await.0, 200);
    bench.hook.wait("terminate").await;
    clock(bench, json!({ "advance": "P7D" })).await;
    bench.permit("accept_permanent").await;
    bench.hook.wait_nth("accept", 2).await;
}

/// The journal without addresses and what depends on a media address: the SDP of the offer.
async fn journal(bench: &Bench) -> Vec<Value> {
    let mut rows = bench.sandbox_get("/webhooks").await.1.as_array().unwrap().clone();
    for row in &mut rows {
        let sdp = "/body/entry/0/changes/0/value/calls/0/session/sdp";
        if let Some(sdp) = row.pointer_mut(sdp) {
            *sdp = json!("");
            row["signature"] = json!("");
        }
        for noise in ["url", "attempts", "state"] {
            row.as_object_mut().unwrap().remove(noise);
        }
    }
    rows
}

#[tokio::test]
async fn the_same_script_twice_tells_the_same_story() {
    let mut stories = Vec::new();
    for seed in [7, 7, 8] {
        let bench = frozen(seeded(seed)).await;
        script(&bench).await;
        stories.push(journal(&bench).await);
    }
    assert!(stories[0].len() >= 6, "{:?}", stories[0]);
    assert_eq!(stories[0], stories[1]);
    assert_ne!(stories[0], stories[2], "another seed, other ids");
}

#[tokio::test]
async fn a_clock_that_was_moved_is_still_moved_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let with_data =
        || Config { data: Some(folder.path().to_owned()), clock: Clock::system(), ..config() };
    for (change, mode) in
        [(json!({ "advance": "P30D" }), "running"), (json!({ "mode": "frozen" }), "frozen")]
    {
        let bench = Bench::with(with_data()).await;
        let left = clock(&bench, change).await["now"].as_str().unwrap().to_owned();
        bench.running.shutdown().await;
        let later = Bench::with(with_data()).await;
        let shown = later.sandbox_get("/clock").await.1;
        assert_eq!(shown["mode"], mode);
        let at = |text: &str| text.parse::<terms::Timestamp>().unwrap();
        let ran = at(shown["now"].as_str().unwrap()).since(at(&left));
        assert!(ran.as_secs() < 30, "{left} then {shown}");
        assert!(mode == "running" || ran.is_zero(), "{left} then {shown}");
        later.running.shutdown().await;
    }
}

async fn snapshot(bench: &Bench) -> Value {
    let (status, snapshot) = bench.sandbox_get("/snapshot").await;
    assert_eq!(status, 200);
    snapshot
}

#[tokio::test]
async fn a_state_comes_back_whole() {
    let bench = frozen(seeded(1)).await;
    script(&bench).await;
    send(bench.put("/sandbox/v1/faults").json(&json!({ "webhook": { "delay_ms": 9 } }))).await;
    settle(&bench).await;
    let before = snapshot(&bench).await;
    let shown = bench.sandbox_get("/state").await.1;
    let ids = next_ids(&bench).await;

    assert_eq!(
        bench.sandbox("/users", json!({ "wa_id": "5511977776666", "name": "Dora" })).await.0,
        201
    );
    bench.permit("revoke").await;
    bench.http.delete(bench.url("/sandbox/v1/faults")).send().await.unwrap();
    clock(&bench, json!({ "advance": "P40D" })).await;
    bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_ne!(snapshot(&bench).await, before);

    let restored = bench.sandbox("/snapshot", before.clone()).await;
    assert_eq!(restored, (200, json!({ "success": true })));
    assert_eq!(bench.sandbox_get("/state").await.1, shown);
    assert_eq!(snapshot(&bench).await, before);
    // It is the same world also for what comes: the next ids are those that would have come.
    assert_eq!(next_ids(&bench).await, ids);
}

/// The ids of a message and of its webhook.
async fn next_ids(bench: &Bench) -> [Value; 2] {
    bench.open_window().await;
    let newest = bench.sandbox_get("/webhooks").await.1.as_array().unwrap().last().cloned();
    let webhook = newest.unwrap();
    let message = "/body/entry/0/changes/0/value/messages/0/id";
    [webhook["id"].clone(), webhook.pointer(message).unwrap().clone()]
}

#[tokio::test]
async fn what_a_second_holds_begins_anew_with_another_state() {
    let rules = [("messages.per_second".to_owned(), "2".to_owned())].into();
    let bench = frozen(Config { rules, ..seeded(3) }).await;
    bench.open_window().await;
    let before = snapshot(&bench).await;
    let text = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text",
                       "text": { "body": "hello" } });
    for _ in 0..3 {
        for expected in [200, 200, 400] {
            let (status, answer) = bench.graph("messages", text.clone()).await;
            assert_eq!(status, expected, "{answer}");
        }
        assert_eq!(bench.sandbox("/snapshot", before.clone()).await.0, 200);
    }
}

#[tokio::test]
async fn an_attempt_under_way_is_not_noted_on_another_state() {
    let webhook_timeout = Some(std::time::Duration::from_secs(1));
    let bench = frozen(Config { webhook_timeout, ..seeded(4) }).await;
    settle(&bench).await;
    bench.hook.answer(HANG);
    bench.open_window().await;
    let waiting = async || {
        let rows = bench.sandbox_get("/webhooks?state=waiting").await.1;
        rows.as_array().unwrap().clone()
    };
    bench.hook.wait("text").await;
    let before = snapshot(&bench).await;
    assert_eq!(waiting().await[0]["attempts"], json!([]));
    clock(&bench, json!({ "advance": "P1D" })).await;
    assert_eq!(bench.sandbox("/snapshot", before.clone()).await.0, 200);
    // The first attempt hangs up and belongs to the state that is gone; the second one succeeds.
    bench.hook.answer(200);
    bench.hook.wait_nth("text", 1).await;
    settle(&bench).await;
    let rows = bench.sandbox_get("/webhooks").await.1;
    let attempts = rows.as_array().unwrap().last().unwrap()["attempts"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), 1, "{attempts}");
    assert_eq!(attempts[0]["status"], 200, "{attempts}");
}

#[tokio::test]
async fn a_live_call_ends_before_another_state_begins() {
    let bench = Bench::start().await;
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let connect = bench.hook.wait("connect").await;
    let business = Business::answering(&connect);
    let id = call["call_id"].as_str().unwrap();
    assert_eq!(bench.answer(id, "accept", &business.sdp).await.0, 200);
    let live = snapshot(&bench).await;
    assert_eq!(bench.sandbox("/snapshot", live).await.0, 200);
    let shown = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(shown["state"], "ended", "a call has no media to come back to: {shown}");
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 409);
}

#[tokio::test]
async fn what_is_no_snapshot_of_this_version_is_refused() {
    let bench = Bench::start().await;
    let before = snapshot(&bench).await["tables"].clone();
    let with = async |key: &str, value: Value| {
        let mut wrong = snapshot(&bench).await;
        wrong[key] = value;
        bench.sandbox("/snapshot", wrong).await
    };
    for (key, value, said) in [
        ("version", json!(0), "reads 1"),
        ("product", json!("another"), "product"),
        ("poem", json!(1), "poem"),
        ("tables", json!({ "poems": [] }), "no such table"),
        (
            "tables",
            json!({ "documents": [{ "kind": "user", "id": "1", "seq": 1, "json": {} }] }),
            "wa_id",
        ),
    ] {
        let (status, answer) = with(key, value).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["text"].as_str().unwrap().contains(said), "{answer}");
    }
    assert_eq!(bench.sandbox("/snapshot", json!([])).await.0, 400);
    assert_eq!(snapshot(&bench).await["tables"], before);
}

/// Waits until every webhook has gone and every call is written up.
async fn settle(bench: &Bench) {
    for _ in 0..400 {
        let documents = snapshot(bench).await["tables"]["documents"].clone();
        let open = documents.as_array().unwrap().iter().any(|it| it["json"]["settled"] == false);
        if !open && bench.sandbox_get("/webhooks?state=waiting").await.1 == json!([]) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("webhooks wait: {}", bench.sandbox_get("/webhooks?state=waiting").await.1);
}
