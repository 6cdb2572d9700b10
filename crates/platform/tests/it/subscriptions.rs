//! Where webhooks go.

use serde_json::json;

use crate::bench::{ANA, BUSINESS, Bench, Endpoint, config, refused, send};

#[tokio::test]
async fn a_callback_url_must_answer_the_handshake() {
    let bench = Bench::start().await;
    let other = Endpoint::start().await;
    let subscribe = |url: &str, token: &str| {
        let body = json!({ "object": "whatsapp_business_account", "callback_url": url,
                           "fields": ["calls", "messages"], "verify_token": token });
        let request = bench.post("/v23.0/401234567890123/subscriptions");
        send(request.bearer_auth("401234567890123|demo-app-secret").json(&body))
    };
    assert_eq!(refused(&subscribe(&other.url, "wrong").await), (400, 2200));
    assert_eq!(refused(&subscribe("http://127.0.0.1:1/", "demo-verify").await), (400, 2200));
    assert_eq!(refused(&subscribe("ftp://x/", "demo-verify").await), (400, 2200));
    assert_eq!(subscribe(&other.url, "demo-verify").await.0, 200);

    let text = json!({ "to": BUSINESS, "text": "hello" });
    bench.sandbox(&format!("/users/{ANA}/message"), text).await;
    other.wait("text").await;
    assert_eq!(bench.hook.all().len(), 0);
}

#[tokio::test]
async fn an_app_that_leaves_the_account_hears_nothing() {
    let bench = Bench::start().await;
    let apps = "/v23.0/201234567890123/subscribed_apps";
    let listed = send(bench.get(apps).bearer_auth("demo-token")).await;
    assert_eq!(listed.1["data"][0]["whatsapp_business_api_data"]["id"], "401234567890123");
    let deleted = reqwest::Client::new().delete(bench.url(apps)).bearer_auth("demo-token");
    assert_eq!(send(deleted).await.0, 200);
    bench.open_window().await;
    assert_eq!(bench.sandbox_get("/webhooks").await.1, json!([]));
    let elsewhere = json!({ "override_callback_uri": "http://127.0.0.1:1/", "verify_token": "x" });
    let refusal = send(bench.post(apps).bearer_auth("demo-token").json(&elsewhere)).await;
    assert_eq!(refused(&refusal), (400, 100), "not supported, and said so");
    assert_eq!(send(bench.post(apps).bearer_auth("demo-token")).await.0, 200);
    bench.open_window().await;
    bench.hook.wait("text").await;
}

#[tokio::test]
async fn without_a_callback_url_webhooks_are_journalled() {
    let running = offhook_platform::serve(config()).await.unwrap();
    let http = reqwest::Client::new();
    let url = format!("{}/sandbox/v1/users/{ANA}/message", running.base_url());
    let text = json!({ "to": BUSINESS, "text": "hello" });
    assert_eq!(send(http.post(url).json(&text)).await.0, 200);
    let listed = send(http.get(format!("{}/sandbox/v1/webhooks", running.base_url()))).await.1;
    assert_eq!(listed[0]["state"], "journalled");
    assert_eq!(listed[0]["field"], "messages");
    assert_eq!(
        listed[0]["body"]["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"],
        "hello"
    );
    assert!(listed[0].get("url").is_none());
    running.shutdown().await;
}
