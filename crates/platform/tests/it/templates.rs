//! Templates: made, reviewed, listed, sent, deleted.

use offhook_platform::Config;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, Bench, config, refused, send},
    business::Business,
    home,
    messages::{id_of, press},
};

const EDGE: &str = "/v23.0/201234567890123/message_templates";

pub(crate) async fn make(bench: &Bench, body: Value) -> (u16, Value) {
    send(bench.post(EDGE).bearer_auth("demo-token").json(&body)).await
}

async fn get(bench: &Bench, rest: &str) -> Value {
    let (status, body) = send(bench.get(rest).bearer_auth("demo-token")).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn call_us() -> Value {
    json!({ "name": "call_us", "category": "UTILITY", "language": "en", "components": [
        { "type": "HEADER", "format": "TEXT", "text": "Order {{1}}",
          "example": { "header_text": ["7712"] } },
        { "type": "BODY", "text": "{{1}}, you can call us about {{2}}.",
          "example": { "body_text": [["Ana", "7712"]] } },
        { "type": "FOOTER", "text": "Shop" },
        { "type": "BUTTONS", "buttons": [
            { "type": "voice_call", "text": "Call Now", "ttl_minutes": 1440 },
            { "type": "URL", "text": "Help page", "url": "https://shop.example/help" }] }] })
}

pub(crate) fn ask_to_call() -> Value {
    json!({ "name": "ask_to_call", "language": "en", "category": "UTILITY", "components": [
        { "type": "BODY", "text": "We would like to call you about order {{1}}.",
          "example": { "body_text": [["7712"]] } },
        { "type": "call_permission_request" }] })
}

pub(crate) fn named(name: &str, components: Value) -> Value {
    json!({ "messaging_product": "whatsapp", "to": ANA, "type": "template",
            "template": { "name": name, "language": { "code": "en" }, "components": components } })
}

pub(crate) fn texts(kind: &str, values: &[&str]) -> Value {
    let parameters: Vec<_> =
        values.iter().map(|it| json!({ "type": "text", "text": it })).collect();
    json!({ "type": kind, "parameters": parameters })
}

/// A platform whose app hears of templates.
async fn listening() -> Bench {
    let bench = Bench::start().await;
    let app = "/v23.0/401234567890123/subscriptions";
    let body = json!({ "object": "whatsapp_business_account", "callback_url": bench.hook.url,
        "verify_token": "demo-verify",
        "fields": ["calls", "messages", "message_template_status_update"] });
    let request = bench.post(app).bearer_auth("401234567890123|demo-app-secret").json(&body);
    assert_eq!(send(request).await.0, 200);
    bench
}

#[tokio::test]
async fn a_template_is_reviewed_and_then_sent() {
    let bench = listening().await;
    let frozen = json!({ "mode": "frozen" });
    assert_eq!(bench.sandbox("/clock", frozen).await.0, 200);
    let (status, made) = make(&bench, call_us()).await;
    assert_eq!(
        (status, &made["status"], &made["category"]),
        (200, &json!("PENDING"), &json!("UTILITY"))
    );
    let components = || {
        json!([texts("header", &["7712"]), texts("body", &["Ana", "order 7712"]),
            { "type": "button", "sub_type": "voice_call", "index": "0", "parameters": [
                { "type": "ttl_minutes", "ttl_minutes": 100 },
                { "type": "payload", "payload": "order=7712" }] }])
    };
    let early = bench.graph("messages", named("call_us", components())).await;
    assert_eq!(refused(&early), (404, 132_001));
    bench.clock.advance("PT1S").unwrap();
    let value = bench.hook.wait("call_us").await;
    assert_eq!(value["event"], "APPROVED");
    assert_eq!(value["message_template_id"].to_string(), made["id"].as_str().unwrap());
    let id = made["id"].as_str().unwrap();
    let shown = get(&bench, &format!("/v23.0/{id}")).await;
    assert_eq!(
        (&shown["status"], &shown["components"]),
        (&json!("APPROVED"), &call_us()["components"])
    );

    let sent = bench.graph("messages", named("call_us", components())).await;
    assert_eq!(sent.1["messages"][0]["message_status"], "accepted");
    let message = id_of(&sent);
    bench.clock.advance("PT99M59S").unwrap();
    assert_eq!(press(&bench, &message).await.0, 200);
    let connect = bench.hook.wait("connect").await;
    assert_eq!(connect["calls"][0]["cta_payload"], "order=7712");
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    bench.hook.wait("terminate").await;
    bench.clock.advance("PT1S").unwrap();
    let late = press(&bench, &message).await;
    assert_eq!(late.1["rule"], "messages.button_expired");
}

#[tokio::test]
async fn what_is_wrong_with_a_sent_template_has_its_own_code() {
    let bench = Bench::start().await;
    assert_eq!(make(&bench, call_us()).await.0, 200);
    bench.clock.advance("PT1S").unwrap();
    let header = || texts("header", &["7712"]);
    let button = |parameter: Value| json!({ "type": "button", "sub_type": "voice_call", "parameters": [parameter] });
    let good = || texts("body", &["Ana", "7712"]);
    let image = json!({ "type": "header", "parameters": [{ "type": "image", "image": {} }] });
    for (components, code) in [
        (json!([header()]), 132_000),
        (json!([header(), texts("body", &["Ana"])]), 132_000),
        (json!([header(), texts("body", &["Ana", "b", "c"])]), 132_000),
        (json!([good()]), 132_000),
        (json!([image, good()]), 132_012),
        (json!([header(), good(), texts("body", &["Ana", "7712"])]), 132_012),
        (json!([header(), texts("body", &["Ana", &"x".repeat(1024)])]), 132_005),
        (
            json!([header(), good(), button(json!({ "type": "ttl_minutes", "ttl_minutes": 0 }))]),
            131_009,
        ),
        (
            json!([
                header(),
                good(),
                button(json!({ "type": "payload", "payload": "x".repeat(513) }))
            ]),
            131_009,
        ),
        (json!([header(), good(), button(json!({ "type": "text", "text": "x" }))]), 132_012),
        (json!([{ "type": "carousel" }]), 131_009),
        (json!([{ "type": "body", "parameters": [{ "type": "text" }] }]), 131_008),
    ] {
        let answer = bench.graph("messages", named("call_us", components)).await;
        assert_eq!(refused(&answer).1, code, "{}", answer.1);
    }
    assert_eq!(
        refused(&bench.graph("messages", named("nothing", json!([]))).await),
        (404, 132_001)
    );
    let mut other = named("call_us", json!([header(), good()]));
    other["template"]["language"]["code"] = json!("pt_BR");
    assert_eq!(refused(&bench.graph("messages", other).await), (404, 132_001));
}

#[tokio::test]
async fn templates_are_unique_listed_and_deleted() {
    let bench = Bench::start().await;
    assert_eq!(make(&bench, call_us()).await.0, 200);
    let twice = make(&bench, call_us()).await;
    assert_eq!(refused(&twice), (400, 100));
    assert_eq!(twice.1["error"]["error_subcode"], 2_388_024);
    let mut portuguese = call_us();
    portuguese["language"] = json!("pt_BR");
    assert_eq!(make(&bench, portuguese).await.0, 200);
    assert_eq!(make(&bench, ask_to_call()).await.0, 200);
    let mut wrong = call_us();
    wrong["name"] = json!("Call us");
    assert_eq!(refused(&make(&bench, wrong).await), (400, 100));
    assert_eq!(refused(&make(&bench, json!({})).await), (400, 100));

    let all = get(&bench, EDGE).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 3);
    let found = get(&bench, &format!("{EDGE}?name=call_us&language=pt_BR")).await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!(get(&bench, &format!("{EDGE}?status=REJECTED")).await["data"], json!([]));
    let first = get(&bench, &format!("{EDGE}?limit=2")).await;
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let next = first["paging"]["next"].as_str().unwrap();
    let second = get(&bench, next).await;
    assert_eq!(second["data"][0]["name"], "ask_to_call");
    assert_eq!(second["paging"].get("next"), None);

    let delete = |rest: &str| {
        let request = bench.http.delete(bench.url(&format!("{EDGE}{rest}")));
        send(request.bearer_auth("demo-token"))
    };
    assert_eq!(refused(&delete("").await), (400, 100));
    assert_eq!(refused(&delete("?name=nothing").await), (400, 100));
    assert_eq!(delete("?name=call_us").await, (200, json!({ "success": true })));
    let left = get(&bench, EDGE).await;
    assert_eq!(left["data"].as_array().unwrap().len(), 1, "both languages are gone");
    let number = bench.post("/v23.0/109876543210987/message_templates").bearer_auth("demo-token");
    assert_eq!(refused(&send(number.json(&call_us())).await), (400, 100), "a number has none");
}

#[tokio::test]
async fn the_other_edition_has_the_same() {
    let bench = Bench::start().await;
    let keyed = |request: reqwest::RequestBuilder| request.header("D360-API-KEY", "demo-d360-key");
    let path = "/v1/configs/templates";
    assert_eq!(send(keyed(bench.post(path)).json(&ask_to_call())).await.0, 200);
    let listed = send(keyed(bench.get(path))).await;
    assert_eq!(listed.1["data"][0]["name"], "ask_to_call");
    let gone = keyed(bench.http.delete(bench.url(&format!("{path}/ask_to_call"))));
    assert_eq!(send(gone).await.0, 200);
    assert_eq!(send(keyed(bench.get(path))).await.1["data"], json!([]));
}

#[tokio::test]
async fn a_request_by_template_needs_no_window_and_counts_with_the_free_ones() {
    let bench = Bench::start().await;
    bench.behave(ANA, json!({ "permission": "temporary" })).await;
    assert_eq!(make(&bench, ask_to_call()).await.0, 200);
    bench.clock.advance("PT1S").unwrap();
    let ask = || named("ask_to_call", json!([texts("body", &["7712"])]));
    let id = id_of(&bench.graph("messages", ask()).await);
    let reply = bench.hook.wait("accept").await["messages"][0].clone();
    assert_eq!(reply["context"]["id"], id);
    assert_eq!(refused(&bench.graph("messages", ask()).await), (400, 138_009));
    let free = bench.graph("messages", crate::messages::ask()).await;
    assert_eq!(refused(&free), (400, 138_009), "both forms count together");
}

/// By the rules of 2025-beta a call needs the window, which an answer to a request opens.
#[tokio::test]
async fn an_accepted_template_request_is_enough_to_call() {
    let closed = [("window.opened_by_permission_reply".to_owned(), "false".to_owned())];
    for (rules, want) in [
        ([].into(), (200, 0)),
        (closed.into(), if home::needs_window() { (400, 131_047) } else { (200, 0) }),
    ] {
        let bench = Bench::with(Config { rules, ..config() }).await;
        assert_eq!(make(&bench, ask_to_call()).await.0, 200);
        bench.clock.advance("PT1S").unwrap();
        let ask = named("ask_to_call", json!([texts("body", &["7712"])]));
        id_of(&bench.graph("messages", ask).await);
        bench.permit("accept_temporary").await;
        let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
            "session": { "sdp_type": "offer", "sdp": Business::offering().sdp } });
        assert_eq!(refused(&bench.graph("calls", dial).await), want);
    }
}
