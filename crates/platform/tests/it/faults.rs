//! What goes wrong because a test asked for it.

use std::time::{Duration, Instant};

use offhook_platform::clock::Mode;
use serde_json::{Value, json};

use crate::bench::{ANA, BUSINESS, Bench, refused, send};

async fn put(bench: &Bench, faults: Value) -> (u16, Value) {
    send(bench.put("/sandbox/v1/faults").json(&faults)).await
}

#[tokio::test]
async fn the_graph_api_fails_and_the_sandbox_does_not() {
    let bench = Bench::start().await;
    let of_clients = [(400, 100), (401, 190), (403, 10), (404, 100), (429, 130_429)];
    let of_servers = [(500, 131_000), (502, 2), (503, 131_016)];
    for (status, code) in of_clients.into_iter().chain(of_servers) {
        assert_eq!(put(&bench, json!({ "graph": { "status": status } })).await.0, 200);
        let answer = bench.graph_get("/settings").await;
        assert_eq!(refused(&answer), (status, code));
        assert!(answer.1["error"]["fbtrace_id"].is_string(), "{}", answer.1);
        let dialog = bench.get("/calling/settings").header("D360-API-KEY", "demo-d360-key");
        assert_eq!(refused(&send(dialog).await), (status, code));
        assert_eq!(bench.sandbox_get("/state").await.0, 200);
    }
    let cleared = bench.http.delete(bench.url("/sandbox/v1/faults"));
    assert_eq!(send(cleared).await.0, 200);
    assert_eq!(bench.graph_get("/settings").await.0, 200);
}

#[tokio::test]
async fn the_graph_api_answers_late() {
    let bench = Bench::start().await;
    put(&bench, json!({ "graph": { "latency_ms": 300 } })).await;
    let began = Instant::now();
    assert_eq!(bench.graph_get("/settings").await.0, 200);
    assert!(began.elapsed() >= Duration::from_millis(300));
    let began = Instant::now();
    assert_eq!(bench.sandbox_get("/state").await.0, 200);
    assert!(began.elapsed() < Duration::from_millis(300));
}

#[tokio::test]
async fn only_one_call_fails() {
    let bench = Bench::start().await;
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let id = call["call_id"].as_str().unwrap();
    assert_eq!(put(&bench, json!({ "call_id": id, "graph": { "status": 503 } })).await.0, 200);
    assert_eq!(refused(&bench.action(id, "reject").await), (503, 131_016));
    assert_eq!(bench.graph_get("/settings").await.0, 200);
    let listed = bench.sandbox_get("/faults").await.1;
    assert_eq!(listed, json!([{}, { "call_id": id, "graph": { "status": 503, "latency_ms": 0 } }]));
    let cleared = bench.http.delete(bench.url(&format!("/sandbox/v1/faults?call_id={id}")));
    assert_eq!(send(cleared).await.0, 200);
    assert_eq!(bench.action(id, "reject").await.0, 200);
}

#[tokio::test]
async fn faults_nobody_can_carry_out_are_refused() {
    let bench = Bench::start().await;
    for (faults, field) in [
        (json!({ "graph": { "status": 200 } }), "graph.status"),
        (json!({ "graph": { "latency_ms": 3_600_001 } }), "graph.latency_ms"),
        (json!({ "media": { "loss": 1.1 } }), "media.loss"),
        (json!({ "webhook": { "lose": true } }), "lose"),
    ] {
        let (status, answer) = put(&bench, faults).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["text"].as_str().unwrap().contains(field), "{answer}");
    }
    assert_eq!(bench.sandbox_get("/faults").await.1, json!([{}]));
}

async fn user_call(bench: &Bench) -> String {
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    call["call_id"].as_str().unwrap().to_owned()
}

async fn journal(bench: &Bench, filter: &str) -> Vec<Value> {
    bench.sandbox_get(&format!("/webhooks{filter}")).await.1.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_late_webhook_waits_for_the_platforms_clock() {
    let bench = Bench::start().await;
    bench.clock.set_mode(Mode::Frozen);
    put(&bench, json!({ "webhook": { "delay_ms": 60_000 } })).await;
    bench.open_window().await;
    bench.clock.advance("PT59.999S").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let shown = journal(&bench, "?state=waiting").await;
    assert_eq!(
        shown[0]["faults"],
        json!([{ "fault": "delay", "scope": "global", "delay_ms": 60_000 }])
    );
    assert_eq!((shown[0]["attempts"].as_array().unwrap().len(), bench.hook.all().len()), (0, 0));
    bench.clock.advance("PT0.001S").unwrap();
    bench.hook.wait("text").await;
}

#[tokio::test]
async fn webhooks_come_twice() {
    let bench = Bench::start().await;
    put(&bench, json!({ "webhook": { "duplicate": true } })).await;
    bench.open_window().await;
    bench.hook.wait_nth("text", 1).await;
    let (got, shown) = (bench.hook.all(), journal(&bench, "").await);
    assert_eq!((got.len(), shown.len()), (2, 2));
    assert_eq!((&got[0].body, &got[0].signature), (&got[1].body, &got[1].signature));
    assert_eq!(shown[1]["faults"][0]["fault"], "duplicate");
    assert_eq!(shown[1]["faults"][0]["of"], shown[0]["id"]);
}

#[tokio::test]
async fn the_end_of_a_call_comes_before_its_beginning() {
    let bench = Bench::start().await;
    put(&bench, json!({ "webhook": { "reorder": true } })).await;
    let id = user_call(&bench).await;
    let ended = bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await;
    assert_eq!(ended.0, 200, "{}", ended.1);
    bench.hook.wait("connect").await;
    assert_eq!(bench.hook.events(), ["terminate", "connect"]);
    let shown = journal(&bench, &format!("?call_id={id}&field=calls")).await;
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|it| it["faults"][0]["fault"] == "reorder"));
}

#[tokio::test]
async fn one_call_is_not_told_and_the_journal_says_why() {
    let bench = Bench::start().await;
    let id = user_call(&bench).await;
    bench.hook.wait("connect").await;
    put(&bench, json!({ "call_id": id, "webhook": { "drop": true } })).await;
    bench.action(&id, "reject").await;
    bench.open_window().await;
    bench.hook.wait("text").await;
    assert!(!bench.hook.events().contains(&"terminate".to_owned()), "{:?}", bench.hook.events());
    let dropped = journal(&bench, "?state=dropped&field=calls").await;
    assert_eq!(dropped.len(), 1);
    // The permission the call gave is told on another field, and is of the call all the same.
    let reply = journal(&bench, &format!("?state=dropped&field=messages&call_id={id}")).await;
    assert_eq!(reply.len(), 1, "{reply:?}");
    assert_eq!(dropped[0]["faults"], json!([{ "fault": "drop", "scope": "call" }]));
    let again = format!("/webhooks/{}/redeliver", dropped[0]["id"].as_str().unwrap());
    assert_eq!(bench.sandbox(&again, json!({})).await.0, 200);
    bench.hook.wait("terminate").await;
}

#[tokio::test]
async fn a_signature_is_wrong_but_well_formed() {
    let bench = Bench::start().await;
    put(&bench, json!({ "webhook": { "bad_signature": true } })).await;
    bench.open_window().await;
    bench.hook.wait("text").await;
    let got = &bench.hook.all()[0];
    assert!(got.signature.starts_with("sha256=") && got.signature.len() == 71);
    assert!(!wire::webhook::signature::verify("demo-app-secret", &got.body, &got.signature));
    assert_eq!(journal(&bench, "").await[0]["signature"], got.signature);
}

#[tokio::test]
async fn the_journal_is_read_in_parts() {
    let bench = Bench::start().await;
    for _ in 0..3 {
        bench.open_window().await;
    }
    let all = journal(&bench, "?field=messages").await;
    assert_eq!(all.len(), 3);
    let after = format!("?after={}&limit=1", all[0]["id"].as_str().unwrap());
    let page = journal(&bench, &after).await;
    assert_eq!((page.len(), &page[0]["id"]), (1, &all[1]["id"]));
    assert!(journal(&bench, "?field=calls").await.is_empty());
    for wrong in ["?state=lost", "?limit=0", "?limit=1001"] {
        assert_eq!(bench.sandbox_get(&format!("/webhooks{wrong}")).await.0, 400, "{wrong}");
    }
}
