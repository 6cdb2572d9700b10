//! What goes wrong because a test asked for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{ANA, BUSINESS, Bench, refused, send};

async fn put(bench: &Bench, faults: Value) -> (u16, Value) {
    send(bench.put("/sandbox/v1/faults").json(&faults)).await
}

#[tokio::test]
async fn the_graph_api_fails_and_the_sandbox_does_not() {
    let bench = Bench::start().await;
    for (status, code) in [(429, 130_429), (500, 131_000), (502, 2), (503, 131_016)] {
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
