//! Another organisation's key sees nothing of ours and changes nothing, on every documented route.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    desk::{ANA, accept, calls, envelope, now, permissions, terminate},
    lines::{SECOND_KEY, Shared},
    queues::{asks_for_a_callback, with_a_queue},
};

const CALL: &str = "wacid.AURORA1";
const NUMBER: &str = "109876543210987";

/// What Aurora has of each kind.
struct Traces {
    event: String,
    parked: String,
    callback: String,
    recording: String,
    key: String,
    token: String,
}

impl Traces {
    async fn leave(shared: &Shared) -> Self {
        let desk = &shared.desk;
        desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
        desk.record(CALL).await;
        let text = json!({"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "551140000000", "phone_number_id": NUMBER},
            "contacts": [{"profile": {"name": "Ana of Aurora"}, "wa_id": ANA}],
            "messages": [{"from": ANA, "id": "wamid.AURORA", "timestamp": now().to_string(),
                "type": "text", "text": {"body": "a word for Aurora"}}]});
        desk.webhook(&envelope("messages", &text)).await;
        desk.reply("wamid.AURORAREPLY", &accept(now() + 3_600)).await;
        desk.get_until("/v1/consents", |list| list["entries"][0]["kind"] == "granted").await;
        desk.upstream.answer(
            "call_permissions",
            200,
            permissions("no_permission", None),
            Duration::ZERO,
        );
        let wait = json!({"to": ANA, "flow": true, "wait_for_consent": "P1D"});
        let (status, parked) = desk.post("/v1/calls", &wait, None).await;
        assert_eq!(status, 201, "{parked}");
        let wanted = json!({"name": "Aurora's key", "scopes": ["calls:read"]});
        let (status, key) = desk.post("/v1/api_keys", &wanted, None).await;
        assert_eq!(status, 201, "{key}");
        asks_for_a_callback(desk, "wacid.AURORA2").await;
        let callbacks = desk.get_until("/v1/callbacks", |list| list["callbacks"][0].is_object());
        let callbacks = callbacks.await;
        let recordings = desk.get_until("/v1/recordings", |list| list["recordings"][0].is_object());
        let recordings = recordings.await;
        let events = desk.get_until("/v1/events", |list| list["next"].as_i64() >= Some(4)).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            event: text(&events["events"][0]["id"]),
            parked: text(&parked["parked_id"]),
            recording: text(&recordings["recordings"][0]["recording_id"]),
            callback: text(&callbacks["callbacks"][0]["callback_id"]),
            key: text(&key["id"]),
            token: text(&key["token"]),
        }
    }

    /// The path with ids of ours, so that it would hit if it could.
    fn aim(&self, path: &str) -> String {
        let id = match path.split('/').nth(2) {
            Some("calls") => CALL,
            Some("events") => &self.event,
            Some("parked_calls") => &self.parked,
            Some("agents") => "lia",
            Some("callbacks") => &self.callback,
            Some("recordings") => &self.recording,
            Some("api_keys") => &self.key,
            Some("users") => "lia",
            Some("numbers") => NUMBER,
            _ if path.contains("{id}") => panic!("{path}: say which id of ours this is"),
            _ => "",
        };
        path.replace("{id}", id).replace("{user}", ANA).replace("{phone_number_id}", NUMBER)
    }

    /// Texts that only Aurora may read. The user's number is in a question of Brisa's, too.
    fn words(&self) -> [&str; 12] {
        let ids =
            [CALL, NUMBER, "551140000000", &self.event, &self.parked, &self.callback, &self.key];
        let [a, b, c, d, e, f, g] = ids;
        [a, b, c, d, e, f, g, &self.recording, "Aurora", "wamid.", "\"lia\"", "support"]
    }
}

/// What is sent to a route that takes something.
fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("get" | "delete", _) => None,
        (
            "post",
            "/v1/calls/{id}/hold"
            | "/v1/calls/{id}/resume"
            | "/v1/calls/{id}/hand_over"
            | "/v1/calls/{id}/merge"
            | "/v1/calls/{id}/listen"
            | "/v1/calls/{id}/whisper"
            | "/v1/calls/{id}/join"
            | "/v1/calls/{id}/leave"
            | "/v1/calls/{id}/hang_up"
            | "/v1/events/{id}/redeliver",
        ) => None,
        ("post", "/v1/calls/{id}/recording") => Some(json!({"action": "start"})),
        ("patch", "/v1/recordings/{id}") => Some(json!({"held": true})),
        ("post", "/v1/calls") => Some(json!({"to": ANA, "from": NUMBER, "flow": true})),
        ("post", "/v1/calls/{id}/transfer") => Some(json!({"to": {"kind": "flow"}})),
        ("post", "/v1/calls/{id}/mute") => Some(json!({"agent": "lia", "on": true})),
        ("post", "/v1/calls/{id}/digits") => Some(json!({"digits": "1"})),
        ("post", "/v1/callbacks") => Some(json!({"queue": "support", "to": ANA, "from": NUMBER})),
        ("post", "/v1/calls/{id}/consult") => Some(json!({"agent": "lia"})),
        ("post", "/v1/messages") => Some(json!({"to": ANA, "from": NUMBER, "text": "Hello"})),
        ("post", "/v1/permission_requests") => Some(json!({"to": ANA, "from": NUMBER})),
        ("post", "/v1/api_keys") => Some(json!({"name": "x", "scopes": ["events"]})),
        ("post", "/v1/users") => {
            Some(json!({"id": "lia", "role": "admin", "password": "something long"}))
        }
        ("post", "/v1/agents/{id}/presence") => Some(json!({"state": "away"})),
        ("patch", "/v1/users/{id}") => Some(json!({"password": "something long"})),
        ("patch", "/v1/calls/{id}") => Some(json!({"notes": "mine"})),
        ("patch", "/v1/numbers/{id}/settings") => Some(json!({"calling": {"status": "DISABLED"}})),
        ("post", "/v1/flows/check") => Some(json!({"text": "start = \"end\""})),
        ("post", "/v1/flows/dry_run") => Some(json!({"from": NUMBER, "caller": ANA})),
        _ => panic!("{method} {path}: say what to send"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organisations_key_finds_nothing_on_any_route() {
    let shared = Shared::start_with(with_a_queue).await;
    let traces = Traces::leave(&shared).await;
    let asked = shared.desk.upstream.asked().len();
    let document = serde_json::to_value(offhook_gateway::openapi::document()).unwrap();
    let open = ["/v1/session", "/health", "/ready", "/metrics", "/v1/events/stream"];
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if open.contains(&path.as_str()) {
                continue;
            }
            for query in ["", "?from=551140000000&to=5215550000001&after=0"] {
                let aimed = traces.aim(path);
                let url = shared.desk.url(&format!("{aimed}{query}"));
                let method: reqwest::Method = method.to_uppercase().parse().unwrap();
                let mut request = shared.desk.http.request(method.clone(), url);
                if let Some(body) = body(&method.as_str().to_lowercase(), path) {
                    request = request.json(&body);
                }
                let answer = request.bearer_auth(SECOND_KEY).send().await.unwrap();
                let status = answer.status().as_u16();
                // A problem repeats what was asked.
                let text = answer.text().await.unwrap().replace(&aimed, "");
                for word in traces.words() {
                    assert!(!text.contains(word), "{method} {path}{query} tells {word}: {text}");
                }
                let takes = path.contains("{id}") || path.contains("{phone_number_id}");
                assert!(!takes || (400..500).contains(&status), "{method} {path}: {status} {text}");
            }
        }
    }
    // And nothing has changed.
    let desk = &shared.desk;
    let heard: Vec<_> =
        desk.upstream.asked().into_iter().skip(asked).map(|asked| asked.path).collect();
    assert!(heard.is_empty(), "our platform hears of nothing: {heard:?}");
    assert_eq!(desk.get("/v1/parked_calls").await["parked_calls"][0]["state"], "waiting");
    assert_eq!(shared.get("/v1/calls", &traces.token).await.0, 200, "the key still opens");
    desk.console("lia").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_events_carries_only_ones_own() {
    let shared = Shared::start().await;
    let url = shared.desk.url("/v1/events/stream?after=0");
    let request = shared.desk.http.get(url).bearer_auth(SECOND_KEY);
    let mut stream = request.send().await.unwrap();
    shared.desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    shared.desk.record(CALL).await;
    // Theirs is told after ours: were ours let through, it would come first.
    let theirs = crate::lines::to_brisa(&calls(&json!({"calls": [{"id": "wacid.BRISA1",
        "from": ANA, "to": "5215550009999", "event": "terminate", "status": "COMPLETED",
        "timestamp": now().to_string(), "direction": "USER_INITIATED"}]})));
    assert_eq!(shared.signed(&theirs, "brisa-secret").await, 200);
    let mut seen = String::new();
    while !seen.contains("wacid.BRISA1") {
        let chunk = tokio::time::timeout(Duration::from_secs(10), stream.chunk()).await;
        seen.push_str(std::str::from_utf8(&chunk.unwrap().unwrap().unwrap()).unwrap());
    }
    assert!(!seen.contains(CALL), "{seen}");
}
