//! What programs ask.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    desk::{ANA, CALL, Desk, connect, envelope, now},
    upstream::graph_error,
    voice::Voice,
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_without_the_key() {
    let desk = Desk::start().await;
    for path in ["/v1/calls", "/v1/contacts", "/v1/preflight?to=1", "/v1/me"] {
        let answer = desk.http.get(desk.url(path)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{path}");
        let answer = desk.http.get(desk.url(path)).bearer_auth("wrong").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{path}");
    }
    assert_eq!(desk.get("/v1/calls").await, json!({"calls": []}));
    assert_eq!(desk.get("/v1/calls/wacid.NONE").await["code"], "not_found");
}

fn permissions(status: &str, until: Option<i64>, can: bool) -> Value {
    let mut permission = json!({"status": status});
    if let Some(until) = until {
        permission["expiration_time"] = json!(until);
    }
    json!({"messaging_product": "whatsapp", "permission": permission,
        "actions": [{"action_name": "start_call", "can_perform_action": can,
            "limits": [{"time_period": "PT24H", "max_allowed": 100, "current_usage": 0}]}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_says_whether_why_until_when_and_at_what_price() {
    let desk = Desk::start().await;
    let ask = format!("/v1/preflight?to={ANA}");
    let answer = desk.get(&ask).await;
    assert_eq!(
        (&answer["allowed"], &answer["rule"]),
        (&json!(false), &json!("permission.required"))
    );
    let price = json!({"pulse": "0.01", "per_minute": "0.1", "currency": "USD", "card": "example"});
    assert_eq!(answer["price"], price);

    let until = now() + 600;
    let body = permissions("temporary", Some(until), true);
    desk.upstream.answer("call_permissions", 200, body, Duration::ZERO);
    let answer = desk.get(&ask).await;
    assert_eq!(answer["rule"], "window.open", "this rulebook wants a window, too");
    let message = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551140000000", "phone_number_id": "109876543210987"},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": ANA}],
        "messages": [{"from": ANA, "id": "wamid.M1", "timestamp": now().to_string(),
            "type": "text", "text": {"body": "hello"}}]});
    desk.webhook(&envelope("messages", &message)).await;
    let answer = loop {
        let answer = desk.get(&ask).await;
        if answer["allowed"] == true {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(answer["rule"], "permission.temporary");
    let changes: terms::Timestamp = answer["changes_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(changes.unix(), until);

    desk.upstream.answer("call_permissions", 503, json!({}), Duration::ZERO);
    let answer = desk.get(&ask).await;
    assert_eq!((&answer["allowed"], &answer["rule"]), (&json!(true), &json!("ledger.permission")));
    let error = graph_error(138_000, "Calling not enabled");
    desk.upstream.answer("call_permissions", 401, error, Duration::ZERO);
    assert_eq!(desk.get(&ask).await["rule"], "platform.138000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_keeps_its_code_and_a_dead_platform_is_said() {
    let desk = Desk::start().await;
    let post = async |path: &str, body: Value| {
        let request = desk.http.post(desk.url(path)).bearer_auth("demo-api-key").json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let error = graph_error(138_009, "limit");
    desk.upstream.answer("messages", 400, error, Duration::ZERO);
    let (status, body) = post("/v1/permission_requests", json!({"to": ANA})).await;
    assert_eq!((status, &body["code"]), (409, &json!(138_009)));
    desk.upstream.answer("messages", 500, json!({}), Duration::ZERO);
    let (status, _) = post("/v1/messages", json!({"to": ANA, "text": "hi"})).await;
    assert_eq!(status, 502);
    let (status, body) = post("/v1/messages", json!({"to": ANA, "text": "hi", "x": 1})).await;
    assert_eq!(status, 422, "{body}");
    let (status, _) = post("/v1/messages", json!({"to": "abc", "text": "hi"})).await;
    assert_eq!(status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_call_says_what_it_waits_for_and_an_ended_one_why() {
    let desk = Desk::start().await;
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    desk.upstream.wait_for("accept").await;
    let live = loop {
        let live = desk.get(&format!("/v1/calls/{CALL}")).await;
        if live["waiting_for"] == "the audio path to WhatsApp" {
            break live;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(live["state"], "ringing");
    let diagnosis = desk.get(&format!("/v1/calls/{CALL}/diagnosis")).await;
    assert_eq!(diagnosis["verdicts"][0]["code"], "waiting");
    let listed = desk.get("/v1/calls?live=true").await;
    assert_eq!(listed["calls"][0]["call_id"], CALL);
    desk.webhook(&crate::desk::terminate(CALL, "USER_INITIATED", Some(20))).await;
    desk.record(CALL).await;
    let diagnosis = desk.get(&format!("/v1/calls/{CALL}/diagnosis")).await;
    let codes: Vec<_> = diagnosis["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"ice_never_connected_whatsapp"), "{diagnosis}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_browsers_get_their_pages() {
    let desk = Desk::start().await;
    for path in ["/health", "/ready", "/metrics", "/openapi.json"] {
        let answer = desk.http.get(desk.url(path)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
    }
    let page = desk.http.get(desk.url("/")).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("<"), "a page, or what to run");
    let none = desk.http.get(desk.url("/v1/nothing")).send().await.unwrap();
    assert_eq!(none.status().as_u16(), 404);
    assert_eq!(none.headers()["content-type"], "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_come_page_by_page_and_none_twice() {
    let desk = Desk::start().await;
    for number in 0..5 {
        let user = format!("551198888000{number}");
        let message = json!({"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "551140000000",
                "phone_number_id": "109876543210987"},
            "contacts": [], "messages": [{"from": user, "id": format!("wamid.P{number}"),
                "timestamp": now().to_string(), "type": "text", "text": {"body": "hello"}}]});
        desk.webhook(&envelope("messages", &message)).await;
    }
    let count = |list: &Value| list["contacts"].as_array().map_or(0, Vec::len);
    desk.get_until("/v1/contacts", |list| count(list) == 5).await;
    let (mut seen, mut path) = (Vec::new(), "/v1/contacts?limit=2".to_owned());
    loop {
        let page = desk.get(&path).await;
        let contacts = page["contacts"].as_array().unwrap();
        seen.extend(contacts.iter().map(|one| one["wa_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/contacts?limit=2&after={next}");
    }
    let newest_first: Vec<_> = (0..5).rev().map(|n| format!("551198888000{n}")).collect();
    assert_eq!(seen, newest_first);
    let wrong = desk.get("/v1/contacts?after=x").await;
    assert_eq!((&wrong["code"], &wrong["status"]), (&json!("invalid"), &json!(400)));
    assert_eq!(wrong["instance"], "/v1/contacts");
}
