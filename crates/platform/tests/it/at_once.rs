//! Several who change the same thing at once: no change is lost.

use std::time::Duration;

use axum::{Router, extract::RawQuery, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::bench::{Bench, PNID, send};

const ACCOUNT: &str = "201234567890123";

#[tokio::test]
async fn parts_of_the_settings_that_are_written_at_once_are_all_kept() {
    let bench = Bench::start().await;
    let parts = [
        json!({ "calling": { "call_icon_visibility": "DISABLE_ALL" } }),
        json!({ "calling": { "callback_permission_status": "DISABLED" } }),
        json!({ "calling": { "srtp_key_exchange_protocol": "SDES" } }),
        json!({ "calling": { "call_icons": { "restrict_to_user_countries": ["BR"] } } }),
        json!({ "calling": { "audio": { "additional_codecs": ["PCMA"] } } }),
        json!({ "calling": { "video": { "status": "ENABLED" } } }),
        json!({ "storage_configuration": { "status": "IN_COUNTRY_STORAGE_ENABLED" } }),
        json!({ "user_identity_change": { "enable_identity_key_check": true } }),
    ];
    let writes = parts.clone().map(|part| bench.graph("settings", part));
    for (status, body) in futures_util::future::join_all(writes).await {
        assert_eq!(status, 200, "{body}");
    }
    let shown = bench.graph_get("/settings").await.1;
    for part in parts {
        assert!(is_within(&part, &shown), "{part} is lost: {shown}");
    }
    let told = bench.sandbox_get("/webhooks").await.1;
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), 3, "one for each watched field: {told:?}");
    let last = &told[2]["body"]["entry"][0]["changes"][0]["value"];
    assert!(
        is_within(
            &json!({ "call_icon_visibility": "DISABLE_ALL",
        "callback_permission_status": "DISABLED", "srtp_key_exchange_protocol": "SDES" }),
            &last["phone_number_settings"]["calling"]
        ),
        "the last one has all three: {last}"
    );
}

/// Whether all of `part` is in `whole`.
fn is_within(part: &Value, whole: &Value) -> bool {
    match part {
        Value::Object(map) => map.iter().all(|(key, value)| is_within(value, &whole[key])),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            part == whole
        }
    }
}

#[tokio::test]
async fn a_body_that_comes_slowly_changes_what_is_there_when_it_has_come() {
    let bench = Bench::start().await;
    let body = r#"{"calling":{"call_icon_visibility":"DISABLE_ALL"}}"#;
    let head = format!(
        "POST /v23.0/{PNID}/settings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-token\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut slow = TcpStream::connect(bench.running.addr).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&body.as_bytes()[..10]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let off = json!({ "calling": { "status": "DISABLED" } });
    assert_eq!(bench.graph("settings", off).await.0, 200);
    slow.write_all(&body.as_bytes()[10..]).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let shown = bench.graph_get("/settings").await.1;
    assert_eq!(shown["calling"]["status"], "DISABLED", "{shown}");
    assert_eq!(shown["calling"]["call_icon_visibility"], "DISABLE_ALL");
}

/// An endpoint that takes half a second for its handshake.
async fn slow_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let challenge = async |RawQuery(query): RawQuery| {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let query = query.unwrap_or_default();
        let pairs = query.split('&').find_map(|pair| pair.strip_prefix("hub.challenge="));
        (StatusCode::OK, pairs.unwrap_or_default().to_owned())
    };
    let router = Router::new().route("/hook", get(challenge));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[tokio::test]
async fn a_slow_handshake_undoes_nothing_that_happened_meanwhile() {
    let bench = Bench::start().await;
    let url = slow_endpoint().await;
    let callback = json!({ "override_callback_uri": url, "verify_token": "demo-verify" });
    let apps = bench.post(&format!("/v23.0/{ACCOUNT}/subscribed_apps")).bearer_auth("demo-token");
    let of_account = send(apps.json(&callback));
    let of_number = bench.graph("", json!({ "webhook_configuration": callback }));
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let unpaid = bench.put(&format!("/sandbox/v1/accounts/{ACCOUNT}"));
        assert_eq!(send(unpaid.json(&json!({ "payment_valid": false }))).await.0, 200);
        let off = json!({ "calling": { "status": "DISABLED" } });
        assert_eq!(bench.graph("settings", off).await.0, 200);
    };
    let (of_account, of_number, ()) = tokio::join!(of_account, of_number, meanwhile);
    assert_eq!((of_account.0, of_number.0), (200, 200));
    let state = bench.sandbox_get("/state").await.1;
    assert_eq!(state["accounts"][0]["payment_valid"], false, "{state}");
    assert_eq!(bench.graph_get("/settings").await.1["calling"]["status"], "DISABLED");
    let shown = bench.graph_get("?fields=webhook_configuration").await.1;
    let shown = &shown["webhook_configuration"];
    assert_eq!(
        (&shown["whatsapp_business_account"], &shown["phone_number"]),
        (&json!(url), &json!(url))
    );
}
