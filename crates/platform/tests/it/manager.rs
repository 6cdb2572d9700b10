//! What the manager page asks of the sandbox API.

use serde_json::json;

use crate::{
    bench::{ANA, BUSINESS, Bench, PNID, send},
    media_files::{ANNOUNCEMENT, PRODUCT, form, multipart, ogg},
};

#[tokio::test]
async fn settings_change_without_a_token_as_through_graph() {
    let bench = Bench::start().await;
    let path = format!("/numbers/{PNID}/settings");
    assert_eq!(bench.sandbox_get(&path).await, bench.graph_get("/settings").await);
    let change = json!({ "calling": { "call_icon_visibility": "DISABLE_ALL" } });
    assert_eq!(bench.sandbox(&path, change).await, (200, json!({ "success": true })));
    let update = bench.hook.wait("phone_number_settings").await;
    let calling = &update["phone_number_settings"]["calling"];
    assert_eq!(calling["call_icon_visibility"], "DISABLE_ALL", "{update}");
    let read = bench.graph_get("/settings").await.1;
    assert_eq!(read["calling"]["call_icon_visibility"], "DISABLE_ALL");
    assert_eq!(bench.sandbox_get("/numbers/1/settings").await.0, 404);

    let server = json!({ "hostname": "sip.shop.example", "port": 5061 });
    let sip = json!({ "calling": { "sip": { "status": "DISABLED", "servers": [server] } } });
    assert_eq!(bench.sandbox(&path, sip).await.0, 200);
    let shown = async |rest: &str| {
        let read = bench.sandbox_get(&format!("{path}{rest}")).await.1;
        read["calling"]["sip"]["servers"][0]["sip_user_password"].is_string()
    };
    assert!(!shown("").await && shown("?include_sip_credentials=true").await);
}

#[tokio::test]
async fn a_wrong_setting_is_refused_with_its_field() {
    let bench = Bench::start().await;
    let path = format!("/numbers/{PNID}/settings");
    let hours = |zone: &str| {
        json!({ "calling": { "call_hours": { "status": "ENABLED", "timezone_id": zone,
            "weekly_operating_hours": [
                { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800" }] } } })
    };
    let (status, answer) = bench.sandbox(&path, hours("Mars/Olympus")).await;
    assert_eq!((status, answer["code"].as_i64()), (409, Some(100)), "{answer}");
    assert_eq!(answer["rule"], "settings.value");
    assert!(answer["field"].as_str().unwrap().ends_with("timezone_id"), "{answer}");
    let (status, answer) = bench.sandbox(&path, json!({ "calling": { "status": "on" } })).await;
    assert_eq!((status, answer["field"].as_str()), (409, Some("calling.status")), "{answer}");
    assert_eq!(bench.sandbox(&path, hours("America/Sao_Paulo")).await.0, 200);
}

#[tokio::test]
async fn a_user_is_shown_with_consent_counters_and_window() {
    let bench = Bench::start().await;
    bench.open_window().await;
    let ask = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
        "interactive": { "type": "call_permission_request",
                         "action": { "name": "call_permission_request" } } });
    assert_eq!(bench.graph("messages", ask).await.0, 200);
    let (status, ana) = bench.sandbox_get(&format!("/users/{ANA}")).await;
    assert_eq!((status, ana["name"].as_str()), (200, Some("Ana")));
    let consent = &ana["consents"][BUSINESS];
    assert_eq!(consent["request_open"], true, "{consent}");
    assert_eq!(consent["requests"][0]["used"], 1, "{consent}");
    assert_eq!(consent["requests"][0]["max"], 1, "{consent}");
    assert!(consent["requests"][0]["allowed_at"].is_string(), "{consent}");
    assert!(consent["window_open_until"].is_string(), "{consent}");
    assert_eq!(bench.sandbox_get("/users").await.1.as_array().unwrap().len(), 3);
    assert_eq!(bench.sandbox_get("/users/999").await.0, 404);
}

#[tokio::test]
async fn calls_are_listed_by_pages_newest_first() {
    let bench = Bench::start().await;
    let mut placed = Vec::new();
    for user in [ANA, "5511988887777", "2348030000003"] {
        let path = format!("/users/{user}/call");
        let (status, call) = bench.sandbox(&path, json!({ "to": BUSINESS })).await;
        assert_eq!(status, 200, "{call}");
        placed.push(call["call_id"].as_str().unwrap().to_owned());
        assert_eq!(bench.sandbox(&format!("/users/{user}/hang_up"), json!({})).await.0, 200);
    }
    let ids = |page: &serde_json::Value| -> Vec<String> {
        let calls = page["calls"].as_array().unwrap().iter();
        calls.map(|call| call["call_id"].as_str().unwrap().to_owned()).collect()
    };
    let first = bench.sandbox_get("/calls?limit=2").await.1;
    assert_eq!(ids(&first), [placed[2].clone(), placed[1].clone()]);
    assert_eq!(first["next"], placed[1].as_str());
    let call = &first["calls"][0];
    assert_eq!((&call["state"], &call["end"]["party"]), (&json!("ended"), &json!("user")));
    assert_eq!(call["end"]["reason"], "user_hung_up");
    let next = send(
        bench.get("/sandbox/v1/calls").query(&[("limit", "2"), ("before", placed[1].as_str())]),
    );
    let second = next.await.1;
    assert_eq!(ids(&second), [placed[0].clone()]);
    assert!(second.get("next").is_none(), "{second}");
    assert_eq!(bench.sandbox_get("/calls?limit=0").await.0, 400);
    assert_eq!(bench.sandbox_get("/calls?limit=999").await.0, 400);
}

#[tokio::test]
async fn the_manager_has_its_own_pages() {
    let bench = Bench::start().await;
    for path in ["/manager", "/manager/", "/manager/numbers"] {
        let (status, page) = send(bench.get(path)).await;
        let page = page.as_str().unwrap().to_owned();
        let is_built = status == 200 && page.contains("Manager");
        let is_missing = status == 503 && page.contains("cargo xtask demo");
        assert!(is_built || is_missing, "{path}: {status} {page}");
    }
    assert_eq!(send(bench.get("/manager/assets/none.js")).await.0, 404);
}

#[tokio::test]
async fn an_announcement_is_uploaded_used_and_played_without_a_token() {
    let bench = Bench::start().await;
    let file = ogg(440.0, 900);
    let fields = [PRODUCT, ("use_case", ANNOUNCEMENT)];
    let upload = |file: &[u8]| {
        let request = bench.post(&format!("/sandbox/v1/numbers/{PNID}/media"));
        send(multipart(request, form(&fields, "audio/ogg", file)))
    };
    let (status, kept) = upload(&file).await;
    assert_eq!(status, 200, "{kept}");
    let id: u64 = kept["id"].as_str().unwrap().parse().unwrap();
    let voicemail = json!({ "calling": { "voicemail": { "status": "ENABLED", "triggers": ["REJECT"],
        "audio": { "default": { "announcement_media_id": id } } } } });
    let path = format!("/numbers/{PNID}/settings");
    assert_eq!(bench.sandbox(&path, voicemail).await, (200, json!({ "success": true })));
    let played = bench.get(&format!("/sandbox/v1/media/{id}")).send().await.unwrap();
    assert!(played.headers()["content-type"].to_str().unwrap().starts_with("audio/ogg"));
    assert_eq!(played.bytes().await.unwrap(), file);
    let (status, answer) = upload(b"OggS").await;
    assert!(status >= 400 && answer["text"].as_str().unwrap().contains("Opus"), "{answer}");
    assert_eq!(bench.sandbox_get("/media/1").await.0, 404);
}
