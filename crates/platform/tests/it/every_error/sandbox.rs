//! What only a phone or the sandbox API meets, and what a broken platform answers.

use serde_json::json;

use super::{Key, Meeting};
use crate::{
    bench::{ANA, BUSINESS, Bench, config},
    phones::{phone, say},
};

const CLOSED: Key = (100, "hours.open");
const NOTHING: Key = (100, "permission.nothing_to_revoke");
const REQUEST: Key = (100, "permission.request_closed");
const CALLBACK: Key = (100, "hours.callback");
const BUTTON: Key = (100, "messages.button_expired");
const BLOCKED: Key = (138_001, "user.blocks");
const FAULT: Key = (131_000, "platform.fault");

pub(super) async fn of_the_user() -> Meeting {
    let bench = Bench::start().await;
    let mut meeting = Meeting::new();
    let revoke = json!({ "to": BUSINESS, "action": "revoke" });
    let answer = bench.sandbox(&format!("/users/{ANA}/permission"), revoke).await;
    meeting.sandbox(NOTHING, "no call permission to revoke", &answer);

    let mut socket = phone(&bench, ANA).await;
    let late = json!({ "type": "permission", "to": BUSINESS, "choice": "reject",
                       "request_id": "wamid.X" });
    meeting.phone(REQUEST, "unknown", &say(&mut socket, &late.to_string()).await);
    drop(socket);

    let ana = |act: &str| format!("/users/{ANA}/{act}");
    let answer = bench.sandbox(&ana("callback"), json!({ "to": BUSINESS })).await;
    meeting.sandbox(CALLBACK, "call back", &answer);

    bench.open_window().await;
    let button = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
        "interactive": { "type": "voice_call", "body": { "text": "Call us" },
            "action": { "name": "voice_call", "parameters": { "ttl_minutes": 1 } } } });
    let sent = bench.graph("messages", button).await;
    let id = sent.1["messages"][0]["id"].clone();
    bench.clock.advance("PT1M").unwrap();
    let press = json!({ "to": BUSINESS, "button": id });
    meeting.sandbox(BUTTON, "stopped working", &bench.sandbox(&ana("call"), press).await);

    for kind in ["block", "unblock"] {
        let feedback = json!({ "to": BUSINESS, "kind": kind });
        assert_eq!(bench.sandbox(&ana("feedback"), feedback).await.0, 200);
        if kind == "block" {
            let answer = bench.sandbox(&ana("call"), json!({ "to": BUSINESS })).await;
            meeting.sandbox(BLOCKED, "blocked", &answer);
        }
    }

    let monday = json!({ "calling": { "call_hours": { "status": "ENABLED",
        "timezone_id": "America/Sao_Paulo", "weekly_operating_hours": [
            { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "0901" }] } } });
    assert_eq!(bench.graph("settings", monday).await.0, 200);
    bench.clock.set("2026-11-24T12:00:00Z".parse().unwrap());
    let answer = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    meeting.sandbox(CLOSED, "opens at", &answer);
    meeting
}

pub(super) async fn of_a_platform_that_cannot_write() -> Meeting {
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().to_owned());
    let bench = Bench::with(offhook_platform::Config { data, ..config() }).await;
    let mut meeting = Meeting::new();
    let other = rusqlite::Connection::open(folder.path().join("platform.sqlite")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let enable = json!({ "calling": { "status": "ENABLED" } });
    let answer = bench.graph("settings", enable.clone()).await;
    meeting.graph(FAULT, "could not do this", &answer);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(bench.graph("settings", enable).await.0, 200, "it recovers");
    meeting
}
