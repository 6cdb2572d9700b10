//! Who asks, for what, in which form.

use serde_json::json;

use super::{Key, Meeting};
use crate::bench::{ANA, BUSINESS, Bench, PNID, config, send};

const BODY: Key = (100, "request.body");
const SDP: Key = (100, "request.sdp");
const SIZE: Key = (100, "request.size");
const UNKNOWN: Key = (100, "request.unknown");
const TOKEN: Key = (190, "auth");
const ACCESS: Key = (200, "auth");
const HANDSHAKE: Key = (2200, "webhook.handshake");
const PATH: Key = (2500, "request.unknown");

/// An app without an account of its own.
const STRANGER: &str = r#"
[[app]]
id = "401234567890199"
name = "Stranger"
secret = "stranger-secret"
verify_token = "stranger-verify"
access_tokens = ["stranger-token"]

[[app.tokens]]
token = "until-noon"
scopes = ["whatsapp_business_messaging"]
expires_at = "2020-01-01T00:00:00Z"
"#;

pub(super) async fn of_requests() -> Meeting {
    let seed = format!("{}{STRANGER}", crate::home::seed());
    let seed = offhook_platform::Seed::parse(&seed).unwrap();
    let bench = Bench::with(offhook_platform::Config { seed, ..config() }).await;
    let mut meeting = Meeting::new();
    let calls = format!("/v23.0/{PNID}/calls");

    let answer = send(bench.post(&calls)).await;
    meeting.graph(TOKEN, "no access token was given", &answer);
    let answer = send(bench.post(&calls).bearer_auth("wrong").json(&json!({}))).await;
    meeting.graph(TOKEN, "not known here", &answer);
    let answer = send(bench.post(&calls).bearer_auth("until-noon").json(&json!({}))).await;
    meeting.graph(TOKEN, "Session has expired on 2020-01-01T00:00:00Z", &answer);
    let answer = send(bench.post(&calls).bearer_auth("stranger-token").json(&json!({}))).await;
    meeting.graph(ACCESS, "no access to this object", &answer);
    let answer = send(bench.post("/v23.0/1/calls").bearer_auth("demo-token")).await;
    meeting.graph(UNKNOWN, "object with ID '1'", &answer);
    let answer = send(bench.post("/v23.0/x/feed").bearer_auth("demo-token")).await;
    meeting.graph(PATH, "unknown path", &answer);

    let answer = bench.graph("calls", json!({ "messaging_product": "whatsapp" })).await;
    meeting.graph(BODY, "action is required", &answer);
    let large = json!({ "x": "a".repeat(300_000) });
    meeting.graph(SIZE, "larger than 262144 bytes", &bench.graph("calls", large).await);
    let offer = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": "v=0\r\n" } });
    meeting.graph(SDP, "session.sdp: ", &bench.graph("calls", offer).await);
    let text = json!({ "to": BUSINESS, "text": "" });
    let answer = bench.sandbox(&format!("/users/{ANA}/message"), text).await;
    meeting.sandbox(BODY, "1 to 4096 characters", &answer);

    let nobody = json!({ "object": "whatsapp_business_account", "fields": ["calls"],
        "callback_url": "http://127.0.0.1:9/none", "verify_token": "demo-verify" });
    let request = bench.post("/v23.0/401234567890123/subscriptions").bearer_auth("demo-token");
    let answer = send(request.json(&nobody)).await;
    meeting.graph(HANDSHAKE, "could not be reached", &answer);
    meeting
}
