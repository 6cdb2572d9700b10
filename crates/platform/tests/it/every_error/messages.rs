//! What cannot be written to a user.

use serde_json::{Value, json};

use super::{Key, Meeting, settings::demo_but};
use crate::bench::{ANA, Bench};

const MISSING: Key = (131_008, "request.body");
const INVALID: Key = (131_009, "request.body");
const UNSUPPORTED: Key = (131_051, "request.body");
const NOT_LISTED: Key = (131_030, "eligibility.allowed_list");
const WINDOW: Key = (131_047, "window.open");
const REQUESTS: Key = (138_009, "permission.request_limit");
const PERMANENT: Key = (138_017, "permission.already_permanent");

pub(crate) const ROWS: &[Key] =
    &[MISSING, INVALID, UNSUPPORTED, NOT_LISTED, WINDOW, REQUESTS, PERMANENT];

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

#[tokio::test]
async fn of_messages() {
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

    let test = demo_but("tier = 2000", "tier = 2000\nkind = \"test\"").await;
    test.open_window().await;
    meeting.graph(NOT_LISTED, "allowed list", &test.graph("messages", request()).await);
    meeting.all_of(&[ROWS]);
}
