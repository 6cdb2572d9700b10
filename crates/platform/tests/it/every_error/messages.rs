//! What cannot be written to a user.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Key, Meeting, settings::demo_but};
use crate::bench::{ANA, Bench, config, send};

const MISSING: Key = (131_008, "request.body");
const INVALID: Key = (131_009, "request.body");
const UNSUPPORTED: Key = (131_051, "request.body");
const NOT_LISTED: Key = (131_030, "eligibility.allowed_list");
const BUTTON_COUNTRY: Key = (131_009, "messages.button_country");
const RATE: Key = (130_429, "limits.messages");
const NOBODY: Key = (131_026, "messages.undeliverable");
const OLD_APP: Key = (131_026, "eligibility.app_version");
const WINDOW: Key = (131_047, "window.open");
const REQUESTS: Key = (138_009, "permission.request_limit");
const PERMANENT: Key = (138_017, "permission.already_permanent");

fn message(kind: &str, content: Value) -> Value {
    json!({ "messaging_product": "whatsapp", "to": ANA, "type": kind, kind: content })
}

fn request() -> Value {
    message(
        "interactive",
        json!({ "type": "call_permission_request",
                "action": { "name": "call_permission_request" } }),
    )
}

pub(super) async fn of_messages() -> Meeting {
    let bench = Bench::start().await;
    let mut meeting = Meeting::new();
    let text = || message("text", json!({ "body": "hello" }));
    meeting.graph(WINDOW, "window", &bench.graph("messages", text()).await);
    bench.open_window().await;
    assert_eq!(bench.graph("messages", text()).await.0, 200);

    let no_body = message("text", json!({}));
    meeting.graph(MISSING, "text.body is required", &bench.graph("messages", no_body).await);
    let mut nobody = text();
    nobody["to"] = json!("Ana");
    meeting.graph(INVALID, "to is not valid", &bench.graph("messages", nobody).await);
    let answer = bench.graph("messages", message("sticker", json!({}))).await;
    meeting.graph(UNSUPPORTED, "not supported", &answer);

    assert_eq!(bench.graph("messages", request()).await.0, 200);
    meeting.graph(REQUESTS, "1 of 1", &bench.graph("messages", request()).await);
    bench.permit("accept_permanent").await;
    bench.clock.advance("P1DT1S").unwrap();
    bench.open_window().await;
    meeting.graph(PERMANENT, "permanent", &bench.graph("messages", request()).await);
    meeting
}

pub(super) async fn of_numbers() -> Meeting {
    let mut meeting = Meeting::new();
    let test = demo_but("[number.calling]", "kind = \"test\"\n[number.calling]").await;
    test.open_window().await;
    meeting.graph(NOT_LISTED, "allowed list", &test.graph("messages", request()).await);

    let nigerian = Bench::start().await;
    nigerian.move_to("NG").await;
    nigerian.open_window().await;
    let button = message(
        "interactive",
        json!({ "type": "voice_call", "body": { "text": "Call us" },
                "action": { "name": "voice_call" } }),
    );
    meeting.graph(BUTTON_COUNTRY, "of NG", &nigerian.graph("messages", button).await);

    let rules = BTreeMap::from([("messages.per_second".to_owned(), "1".to_owned())]);
    let slow = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    slow.open_window().await;
    slow.clock.set_mode(offhook_platform::clock::Mode::Frozen);
    let text = || message("text", json!({ "body": "hello" }));
    assert_eq!(slow.graph("messages", text()).await.0, 200);
    meeting.graph(RATE, "1 of 1", &slow.graph("messages", text()).await);
    meeting
}

pub(super) async fn of_what_does_not_arrive() -> Meeting {
    let mut meeting = Meeting::new();
    let ana = "wa_id = \"5215550000001\"";
    let old = format!("{ana}\nclient = {{ os = \"android\", version = \"2.24.13\" }}");
    let bench = demo_but(ana, &old).await;
    bench.open_window().await;
    assert_eq!(bench.graph("messages", request()).await.0, 200);
    let failed = bench.hook.wait("failed").await;
    meeting.webhook(OLD_APP, "too old", &failed["statuses"][0]);

    let plain = json!({ "name": "plain", "language": "en", "category": "UTILITY",
                        "components": [{ "type": "BODY", "text": "Hello" }] });
    let edge = bench.post("/v26.0/201234567890123/message_templates").bearer_auth("demo-token");
    assert_eq!(send(edge.json(&plain)).await.0, 200);
    bench.clock.advance("PT1S").unwrap();
    let mut stranger =
        message("template", json!({ "name": "plain", "language": { "code": "en" } }));
    stranger["to"] = json!("4915100000000");
    assert_eq!(bench.graph("messages", stranger).await.0, 200);
    let failed = bench.hook.wait_nth("failed", 1).await;
    meeting.webhook(NOBODY, "not on WhatsApp", &failed["statuses"][0]);
    meeting
}
