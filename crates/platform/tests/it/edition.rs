//! The same platform in the 360dialog edition.

use serde_json::json;

use crate::bench::{ANA, BUSINESS, Bench, Endpoint, refused, send};

#[tokio::test]
async fn the_key_is_the_number() {
    let bench = Bench::start().await;
    assert_eq!(refused(&send(bench.post("/calling/calls")).await), (401, 190));
    let wrong = bench.post("/calling/calls").header("D360-API-KEY", "wrong");
    assert_eq!(refused(&send(wrong).await), (401, 190));

    let keyed = |request: reqwest::RequestBuilder| request.header("D360-API-KEY", "demo-d360-key");
    let settings = send(keyed(bench.get("/calling/settings"))).await;
    assert_eq!(settings.1["calling"]["status"], "ENABLED");
    let permission = send(keyed(bench.get(&format!("/calling/permissions/{ANA}")))).await;
    assert_eq!(permission.1["permission"]["status"], "no_permission");
    let terminate =
        json!({ "messaging_product": "whatsapp", "call_id": "wacid.X", "action": "terminate" });
    let answer = send(keyed(bench.post("/calling/calls").json(&terminate))).await;
    assert_eq!(refused(&answer), (400, 100));
}

#[tokio::test]
async fn its_webhook_carries_its_headers() {
    let bench = Bench::start().await;
    let channel = Endpoint::start().await;
    let body = json!({ "url": channel.url, "headers": { "x-shared": "secret" } });
    let request = bench.post("/v1/configs/webhook").header("D360-API-KEY", "demo-d360-key");
    assert_eq!(send(request.json(&body)).await.0, 200);
    let text = json!({ "to": BUSINESS, "text": "hello" });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/message"), text).await.0, 200);
    channel.wait("text").await;
    bench.hook.wait("text").await;
    assert_eq!(channel.all()[0].headers["x-shared"], "secret");
    assert!(bench.hook.all()[0].headers.get("x-shared").is_none());
}
