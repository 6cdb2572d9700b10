//! What a business writes to a user, and what becomes of it.

use offhook_platform::{Config, Seed};
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused, send},
    home,
};

fn text(body: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text", "text": { "body": body } })
}

fn button(parameters: Value) -> Value {
    json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
            "interactive": { "type": "voice_call", "body": { "text": "Need help?" },
                             "action": { "name": "voice_call", "parameters": parameters } } })
}

pub(crate) fn ask() -> Value {
    json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
            "interactive": { "type": "call_permission_request",
                             "action": { "name": "call_permission_request" } } })
}

pub(crate) fn id_of(answer: &(u16, Value)) -> String {
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1["messages"][0]["id"].as_str().unwrap().to_owned()
}

/// Ana presses the button of a message.
pub(crate) async fn press(bench: &Bench, button: &str) -> (u16, Value) {
    let body = json!({ "to": BUSINESS, "button": button });
    bench.sandbox(&format!("/users/{ANA}/call"), body).await
}

async fn status_of(bench: &Bench, id: &str, status: &str) -> Value {
    for nth in 0..20 {
        let value = bench.hook.wait_nth(status, nth).await;
        if value["statuses"][0]["id"] == id {
            return value["statuses"][0].clone();
        }
    }
    panic!("no {status} of {id}")
}

#[tokio::test]
async fn a_text_goes_out_in_the_window_and_is_read() {
    let bench = Bench::start().await;
    assert_eq!(refused(&bench.graph("messages", text("hi")).await), (400, 131_047));
    bench.open_window().await;
    let written = bench.hook.wait("text").await["messages"][0]["id"].clone();
    let mut reply = text("hi");
    reply["context"] = json!({ "message_id": written });
    let id = id_of(&bench.graph("messages", reply).await);
    status_of(&bench, &id, "sent").await;
    status_of(&bench, &id, "delivered").await;
    let to = json!({ "to": BUSINESS });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/read"), to.clone()).await.0, 200);
    status_of(&bench, &id, "read").await;
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/read"), to).await.0, 200);
    let again = bench.hook.events().iter().filter(|it| *it == "read").count();
    assert_eq!(again, 1, "a message is read once");

    let answer = json!({ "to": BUSINESS, "text": "thanks", "reply_to": id });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/message"), answer).await.0, 200);
    let value = bench.hook.wait_nth("text", 1).await;
    assert_eq!(value["messages"][0]["context"]["id"], id);

    let read =
        |id: &Value| json!({ "messaging_product": "whatsapp", "status": "read", "message_id": id });
    let mark = bench.graph("messages", read(&written)).await;
    assert_eq!(mark, (200, json!({ "success": true })));
    let unknown = bench.graph("messages", read(&json!("wamid.NONE"))).await;
    assert_eq!(refused(&unknown), (400, 131_009));
    let own = bench.graph("messages", read(&json!(id))).await;
    assert_eq!(refused(&own), (400, 131_009), "only a user's message is read");
}

#[tokio::test]
async fn what_no_rule_lets_out() {
    let bench = Bench::start().await;
    bench.open_window().await;
    let with = |pointer: &str, value: Value| {
        let mut body = button(json!({}));
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let parameters = "/interactive/action/parameters";
    for (body, code) in [
        (with(parameters, json!({ "ttl_minutes": 0 })), 131_009),
        (with(parameters, json!({ "ttl_minutes": 43_201 })), 131_009),
        (with(parameters, json!({ "display_text": "x".repeat(21) })), 131_009),
        (with(parameters, json!({ "payload": "x".repeat(513) })), 131_009),
        (with("/interactive/type", json!("list")), 131_051),
        (with("/interactive/type", json!("button")), 131_051),
        (with("/type", json!("sticker")), 131_051),
        (with("/interactive/body", Value::Null), 131_008),
    ] {
        let answer = bench.graph("messages", body).await;
        assert_eq!(refused(&answer), (400, code), "{}", answer.1);
    }
    let mut direct = button(json!({}));
    direct["category"] = json!("utility");
    let want = if home::value("rulebook") == "2025-beta" { (400, 131_009) } else { (200, 0) };
    assert_eq!(refused(&bench.graph("messages", direct).await), want);
}

#[tokio::test]
async fn a_number_sends_so_many_messages_a_second() {
    let bench = Bench::start().await;
    bench.open_window().await;
    let clock = json!({ "mode": "frozen" });
    assert_eq!(bench.sandbox("/clock", clock).await.0, 200);
    for n in 0..80 {
        assert_eq!(bench.graph("messages", text("hi")).await.0, 200, "message {n}");
    }
    assert_eq!(refused(&bench.graph("messages", text("hi")).await), (400, 130_429));
    bench.clock.advance("PT1S").unwrap();
    assert_eq!(bench.graph("messages", text("hi")).await.0, 200);
}

#[tokio::test]
async fn nobody_of_this_number_gets_it() {
    let bench = Bench::start().await;
    let stranger = "4915100000000";
    let template = json!({ "messaging_product": "whatsapp", "to": stranger, "type": "template",
                           "template": { "name": "plain", "language": { "code": "en" } } });
    let new = json!({ "name": "plain", "language": "en", "category": "UTILITY",
                      "components": [{ "type": "BODY", "text": "Hello" }] });
    assert_eq!(templates(&bench, new).await.0, 200);
    bench.clock.advance("PT1S").unwrap();
    let id = id_of(&bench.graph("messages", template).await);
    let failed = status_of(&bench, &id, "failed").await;
    assert_eq!(failed["errors"][0]["code"], 131_026);
    assert_eq!(failed["recipient_id"], stranger);
}

async fn templates(bench: &Bench, body: Value) -> (u16, Value) {
    let request = bench.post("/v23.0/201234567890123/message_templates");
    send(request.bearer_auth("demo-token").json(&body)).await
}

/// The demo with three users whose apps are too old, or no phone.
const OLD_APPS: &str = "
[[user]]
wa_id = \"5511900000001\"
name = \"Old\"
client = { os = \"android\", version = \"2.24.13\" }
[[user]]
wa_id = \"5511900000002\"
name = \"Older\"
client = { os = \"ios\", version = \"2.24.0\" }
[[user]]
wa_id = \"5511900000003\"
name = \"Web\"
client = { os = \"web\" }
";

#[tokio::test]
async fn an_app_too_old_for_a_button_or_a_request() {
    let bench = Bench::with(Config {
        seed: Seed::parse(&format!("{}{OLD_APPS}", home::seed())).unwrap(),
        ..config()
    })
    .await;
    for wa_id in ["5511900000001", "5511900000002", "5511900000003"] {
        let hello = json!({ "to": BUSINESS, "text": "hello" });
        assert_eq!(bench.sandbox(&format!("/users/{wa_id}/message"), hello).await.0, 200);
    }
    let to = |mut body: Value, wa_id: &str| {
        body["to"] = json!(wa_id);
        body
    };
    let old = id_of(&bench.graph("messages", to(button(json!({})), "5511900000001")).await);
    status_of(&bench, &old, "delivered").await;
    for body in [to(button(json!({})), "5511900000002"), to(ask(), "5511900000001")] {
        let id = id_of(&bench.graph("messages", body).await);
        assert_eq!(status_of(&bench, &id, "failed").await["errors"][0]["code"], 131_026);
    }
    let again = bench.graph("messages", to(ask(), "5511900000001")).await;
    assert_eq!(again.0, 200, "what was never shown is not counted");

    let asked = bench.graph("messages", to(ask(), "5511900000003")).await;
    assert_eq!(refused(&asked), (400, 138_001));
}

#[tokio::test]
async fn a_button_calls_until_its_time_is_over() {
    let bench = Bench::start().await;
    bench.open_window().await;
    let parameters = json!({ "ttl_minutes": 10, "payload": "order=7712" });
    let id = id_of(&bench.graph("messages", button(parameters)).await);
    bench.clock.advance("PT9M50S").unwrap();
    assert_eq!(press(&bench, &id).await.0, 200);
    let connect = bench.hook.wait("connect").await;
    assert_eq!(connect["calls"][0]["cta_payload"], "order=7712");
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    let terminate = bench.hook.wait("terminate").await;
    assert_eq!(terminate["calls"][0]["cta_payload"], "order=7712");
    bench.clock.advance("PT10S").unwrap();
    let late = press(&bench, &id).await;
    assert_eq!((late.0, &late.1["rule"]), (409, &json!("messages.button_expired")));
    let nothing = json!({ "to": BUSINESS, "button": "wamid.NONE" });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/call"), nothing).await.0, 400);
    let long = json!({ "to": BUSINESS, "deeplink_payload": "x".repeat(513) });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/call"), long).await.0, 409);
}

#[tokio::test]
async fn messages_go_on_during_a_call() {
    let bench = Bench::start().await;
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!(call.0, 200);
    bench.hook.wait("connect").await;
    let id = id_of(&bench.graph("messages", text("one moment")).await);
    status_of(&bench, &id, "delivered").await;
}
