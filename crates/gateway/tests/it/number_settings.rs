//! The settings of a number, read from and changed at the platform.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{desk::Desk, upstream::graph_error};

const SETTINGS: &str = "/v1/numbers/109876543210987/settings";

async fn patch(desk: &Desk, path: &str, body: &Value, cookie: Option<&str>) -> (u16, Value) {
    let request = desk.http.patch(desk.url(path)).json(body);
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request.bearer_auth("demo-api-key"),
    };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn settings_are_read_from_the_platform_and_changed_there() {
    let desk = Desk::start().await;
    let stored = json!({"calling": {"status": "ENABLED", "call_icon_visibility": "DEFAULT",
        "sip": {"status": "ENABLED", "servers": [{"hostname": "sip.example.com", "sip_user_password": "secret"}]}}});
    desk.upstream.answer("settings", 200, stored, Duration::ZERO);
    let shown = desk.get(SETTINGS).await;
    assert_eq!(shown["calling"], json!({"status": "ENABLED", "call_icon_visibility": "DEFAULT"}));

    let change = json!({"calling": {"callback_permission_status": "ENABLED"}});
    let (status, _) = patch(&desk, SETTINGS, &change, None).await;
    assert_eq!(status, 200);
    let sent = desk.upstream.asked().into_iter().find(|asked| asked.body == change);
    assert!(sent.is_some_and(|asked| asked.path.ends_with("/109876543210987/settings")));
    let audit = desk.get("/v1/audit").await;
    let entry = &audit["entries"][0];
    assert_eq!(
        (&entry["act"], &entry["object"]),
        (&json!("number.changed"), &json!("109876543210987"))
    );
    let calling = &change["calling"];
    assert_eq!(entry["detail"], json!({"calling": calling, "outcome": "changed"}), "{audit}");
    assert!(entry["by"].as_str().is_some_and(|by| !by.is_empty()), "{audit}");
}

#[tokio::test]
async fn a_change_that_may_not_be_is_refused_with_the_reason() {
    let desk = Desk::start().await;
    let change = json!({"calling": {"status": "ENABLED"}});
    let (status, _) = patch(&desk, "/v1/numbers/1/settings", &change, None).await;
    assert_eq!(status, 404, "not our number");
    let sip = json!({"calling": {"sip": {"status": "ENABLED"}}});
    assert_eq!(patch(&desk, SETTINGS, &sip, None).await.0, 400);

    let login = json!({"user": "lia", "password": "demo"});
    let answer = desk.http.post(desk.url("/v1/session")).json(&login).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (status, body) = patch(&desk, SETTINGS, &change, cookie.split(';').next()).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("forbidden")), "{body}");
    assert!(desk.upstream.asked().is_empty(), "nothing of this reached the platform");

    let no = graph_error(100, "Invalid timezone_id");
    desk.upstream.answer("settings", 400, no, Duration::ZERO);
    let (status, body) = patch(&desk, SETTINGS, &change, None).await;
    assert_eq!((status, body["code"].as_i64()), (409, Some(100)), "{body}");
    assert!(body["detail"].as_str().is_some_and(|text| text.contains("timezone_id")), "{body}");
    let audit = desk.get("/v1/audit").await;
    assert_eq!(audit["entries"].as_array().map(Vec::len), Some(1), "what was let through: {audit}");
    assert_eq!(audit["entries"][0]["detail"]["outcome"], "refused", "{audit}");
}
