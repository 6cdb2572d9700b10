//! What is wrong with a template, made or sent, and with a message of one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Key, Meeting};
use crate::bench::{ANA, Bench, config, send};

const COUNT: Key = (100, "templates.count");
const UNIQUE: Key = (100, "templates.unique");
const VALUE: Key = (100, "templates.value");
const SENT_VALUE: Key = (131_009, "messages.value");
const PARAMETERS: Key = (132_000, "templates.parameters");
const UNKNOWN: Key = (132_001, "templates.unknown");
const LENGTH: Key = (132_005, "templates.length");
const FORMAT: Key = (132_012, "templates.format");

async fn make(bench: &Bench, name: &str, body: &str) -> (u16, Value) {
    let example = json!({ "body_text": [["Ana"]] });
    let template = json!({ "name": name, "category": "UTILITY", "language": "en", "components": [
        { "type": "BODY", "text": body, "example": example },
        { "type": "BUTTONS", "buttons": [{ "type": "voice_call", "text": "Call Now" }] }] });
    let request = bench.post("/v26.0/201234567890123/message_templates");
    send(request.bearer_auth("demo-token").json(&template)).await
}

async fn send_template(bench: &Bench, name: &str, components: Value) -> (u16, Value) {
    let body = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "template",
        "template": { "name": name, "language": { "code": "en" }, "components": components } });
    bench.graph("messages", body).await
}

pub(super) async fn of_templates() -> Meeting {
    let rules = BTreeMap::from([("templates.count_max".to_owned(), "2".to_owned())]);
    let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    let mut meeting = Meeting::new();
    meeting.graph(VALUE, "BODY", &make(&bench, "hello", "").await);
    assert_eq!(make(&bench, "hello", "Hello {{1}}").await.0, 200);
    meeting.graph(UNIQUE, "already", &make(&bench, "hello", "Hello {{1}}").await);
    assert_eq!(make(&bench, "other", "Hello {{1}}").await.0, 200);
    meeting.graph(COUNT, "2 templates", &make(&bench, "third", "Hello {{1}}").await);

    let text =
        |text: &str| json!({ "type": "body", "parameters": [{ "type": "text", "text": text }] });
    meeting.graph(UNKNOWN, "nothing", &send_template(&bench, "nothing", json!([])).await);
    bench.clock.advance("PT1S").unwrap();
    meeting.graph(
        PARAMETERS,
        "number of parameters",
        &send_template(&bench, "hello", json!([])).await,
    );
    let long = json!([text(&"x".repeat(1_100))]);
    meeting.graph(LENGTH, "1024", &send_template(&bench, "hello", long).await);
    let image = json!([{ "type": "body", "parameters": [{ "type": "image", "image": {} }] }]);
    meeting.graph(FORMAT, "expected text", &send_template(&bench, "hello", image).await);
    let button = json!([text("Ana"), { "type": "button", "sub_type": "voice_call", "index": "0",
        "parameters": [{ "type": "payload", "payload": "x".repeat(513) }] }]);
    meeting.graph(SENT_VALUE, "512", &send_template(&bench, "hello", button).await);
    meeting
}
