//! A program of the business calls a user who must consent first: both servers, real sound, and a
//! week that passes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    hears::demo,
    http::{ask, get},
    process::wait_for,
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");

fn kinds(ledger: &Value) -> Vec<String> {
    let entries = ledger["entries"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["kind"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_parked_call_is_placed_on_consent_heard_by_the_user_and_the_consent_ends_in_a_week() {
    let demo = demo();
    let (platform, gateway) = (demo.url("platform"), demo.url("gateway"));
    let send = |method: &str, url: String, token: Option<&str>, body: Value| {
        let (status, answer) = ask(method, &url, token, Some(&body));
        assert!((200..300).contains(&status), "{url}: {status} {answer}");
        answer
    };
    let ana = |path: &str| format!("{platform}/sandbox/v1/users/{ANA}/{path}");
    let ledger = || get(&format!("{gateway}/v1/consents/{ANA}"), KEY);

    let behaviour = json!({ "answer": { "after_ms": 300 }, "hang_up": { "after_ms": 4000 } });
    send("PUT", ana("behaviour"), None, behaviour);
    send("POST", ana("message"), None, json!({ "to": BUSINESS, "text": "Please call me" }));
    let contact = format!("{gateway}/v1/contacts/{ANA}");
    wait_for("the message at the gateway", Duration::from_secs(10), || {
        let (_, contact) = ask("GET", &contact, KEY, None);
        contact["window_open_until"].is_string().then_some(())
    });
    let body = json!({ "to": ANA, "flow": true, "wait_for_consent": "P2D" });
    let parked = send("POST", format!("{gateway}/v1/calls"), KEY, body);
    assert!(parked["request_id"].is_string(), "the user is asked: {parked}");
    assert_eq!(kinds(&ledger()), ["requested"]);

    let accept = json!({ "to": BUSINESS, "action": "accept_temporary" });
    send("POST", ana("permission"), None, accept);
    let id = wait_for("the call", Duration::from_secs(10), || {
        let list = get(&format!("{gateway}/v1/parked_calls"), KEY);
        list["parked_calls"][0]["call_id"].as_str().map(str::to_owned)
    });
    let ended = wait_for("the end of the call", Duration::from_secs(20), || {
        let (_, call) = ask("GET", &format!("{gateway}/v1/calls/{id}"), KEY, None);
        (call["state"] == "ended").then_some(call)
    });
    assert_eq!(ended["reason"], "user_hung_up", "{ended}");
    let seen = get(&format!("{platform}/sandbox/v1/calls/{id}"), None);
    let heard = &seen["legs"]["user"]["heard"];
    assert!(heard["dbfs"].as_f64().is_some_and(|dbfs| dbfs > -45.0), "Ana heard speech: {seen}");

    let preflight = || get(&format!("{gateway}/v1/preflight?to={ANA}"), KEY);
    let yes = preflight();
    assert_eq!(yes["rule"], "permission.temporary", "{yes}");
    send("POST", format!("{platform}/sandbox/v1/clock"), None, json!({ "advance": "P7D" }));
    let no = preflight();
    assert_eq!((&no["allowed"], &no["rule"]), (&json!(false), &json!("permission.required")));
    preflight();
    let known = ledger();
    let wanted = ["expired", "connected", "granted", "requested"];
    assert_eq!(kinds(&known), wanted, "once, and the platform never knew better: {known}");
}

#[test]
fn a_user_who_hides_the_number_calls_is_answered_consents_and_is_called_by_the_bsuid() {
    const ID: &str = "MX.90210000000000000001";
    let demo = demo();
    let (platform, gateway) = (demo.url("platform"), demo.url("gateway"));
    let send = |method: &str, url: String, token: Option<&str>, body: Value| {
        let (status, answer) = ask(method, &url, token, Some(&body));
        assert!((200..300).contains(&status), "{url}: {status} {answer}");
        answer
    };
    let ana = |path: &str| format!("{platform}/sandbox/v1/users/{ANA}{path}");
    let hide = json!({ "user_id": ID, "username": "ana.souza", "hides_number": true });
    send("PUT", ana(""), None, hide);
    let behaviour = json!({ "answer": { "after_ms": 300 }, "hang_up": { "after_ms": 1500 } });
    send("PUT", ana("/behaviour"), None, behaviour);
    // Else the user's own call would be the permission.
    let asked_only = json!({ "calling": { "callback_permission_status": "DISABLED" } });
    let settings = format!("{gateway}/v1/numbers/109876543210987/settings");
    send("PATCH", settings, KEY, asked_only);
    let call = send("POST", ana("/call"), None, json!({ "to": BUSINESS }));
    let contact = format!("{gateway}/v1/contacts/{ID}");
    let known = wait_for("the call in the chat", Duration::from_secs(20), || {
        let (_, contact) = ask("GET", &contact, KEY, None);
        (contact["chat"][0]["kind"] == "call").then_some(contact)
    });
    assert_eq!(known["chat"][0]["state"], "completed", "answered: {call} {known}");
    assert_eq!((&known["user_id"], &known["wa_id"]), (&json!(ID), &Value::Null), "{known}");

    let body = json!({ "to": ID, "flow": true, "wait_for_consent": "P2D" });
    let parked = send("POST", format!("{gateway}/v1/calls"), KEY, body);
    assert!(parked["request_id"].is_string(), "the user is asked: {parked}");
    let accept = json!({ "to": BUSINESS, "action": "accept_temporary" });
    send("POST", ana("/permission"), None, accept);
    let id = wait_for("the call", Duration::from_secs(10), || {
        let list = get(&format!("{gateway}/v1/parked_calls"), KEY);
        list["parked_calls"][0]["call_id"].as_str().map(str::to_owned)
    });
    let ended = wait_for("the end of the call", Duration::from_secs(20), || {
        let (_, call) = ask("GET", &format!("{gateway}/v1/calls/{id}"), KEY, None);
        (call["state"] == "ended").then_some(call)
    });
    assert_eq!(ended["reason"], "user_hung_up", "{ended}");
    assert_eq!(ended["contact"]["user_id"], ID, "{ended}");
    let ledger = get(&format!("{gateway}/v1/consents/{ID}"), KEY);
    assert_eq!(kinds(&ledger)[..3], ["connected", "granted", "requested"], "{ledger}");
}
