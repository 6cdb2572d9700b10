//! What creates something acts once for each key.

use serde_json::{Value, json};

use crate::{
    desk::{ANA, Desk},
    queues::with_a_queue,
};

/// A route, what is asked, something else, and what the answer names.
fn routes() -> [(&'static str, Value, Value, &'static str); 5] {
    let user = |word: &str| json!({"id": "nina", "role": "agent", "password": word});
    [
        (
            "/v1/messages",
            json!({"to": ANA, "text": "Hello"}),
            json!({"to": ANA, "text": "Bye"}),
            "message_id",
        ),
        (
            "/v1/permission_requests",
            json!({"to": ANA}),
            json!({"to": ANA, "language": "en"}),
            "message_id",
        ),
        (
            "/v1/callbacks",
            json!({"queue": "support", "to": ANA}),
            json!({"queue": "support", "to": ANA, "priority": 1}),
            "callback_id",
        ),
        (
            "/v1/api_keys",
            json!({"name": "crm", "scopes": ["events"]}),
            json!({"name": "crm", "scopes": ["admin"]}),
            "id",
        ),
        ("/v1/users", user("a long word"), user("another word"), "id"),
    ]
}

/// What the gateway has of all that can be made.
async fn made(desk: &Desk) -> [usize; 4] {
    let count = |list: &Value, name: &str| list[name].as_array().unwrap().len();
    [
        desk.upstream.messages().len(),
        count(&desk.get("/v1/callbacks").await, "callbacks"),
        count(&desk.get("/v1/api_keys").await, "api_keys"),
        count(&desk.get("/v1/users").await, "users"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_gets_the_same_answer_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(folder.path()), with_a_queue).await;
    for (path, wanted, other, id) in routes() {
        let before = made(&desk).await;
        let key = format!("of{path}");
        let (status, first) = desk.post(path, &wanted, Some(&key)).await;
        assert!((200..300).contains(&status), "{path}: {status} {first}");
        let after = made(&desk).await;
        let more: usize = after.iter().zip(before).map(|(after, before)| after - before).sum();
        assert_eq!(more, 1, "{path} made one thing");

        let (again, mut second) = desk.post(path, &wanted, Some(&key)).await;
        if path == "/v1/api_keys" {
            assert!(second["token"].is_null(), "a token is told once: {second}");
            second["token"] = first["token"].clone();
        }
        assert_eq!((again, &second), (status, &first), "{path}");
        assert!(first[id].is_string(), "{path}: {first}");
        let (refused, problem) = desk.post(path, &other, Some(&key)).await;
        assert_eq!(
            (refused, &problem["code"]),
            (422, &json!("idempotency.other_request")),
            "{path}: {problem}"
        );
        assert_eq!(made(&desk).await, after, "{path} made nothing more");
        let token = first["token"].as_str().unwrap_or("a long word");
        for file in ["gateway.db", "gateway.db-wal"] {
            let bytes = std::fs::read(folder.path().join(file)).unwrap();
            let kept = bytes.windows(token.len()).any(|part| part == token.as_bytes());
            assert!(!kept, "{path}: a secret is in {file}");
        }
    }
    let text = json!({"to": ANA, "text": "Hello"});
    let (status, problem) =
        desk.post("/v1/permission_requests", &text, Some("of/v1/messages")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency.other_request")));
}
