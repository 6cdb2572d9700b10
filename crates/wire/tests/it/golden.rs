//! Every golden is read into its type, written back and compared.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use wire::webhook::envelope::{Change, Envelope};
use wire::{console, event, graph, handset, sandbox};

use super::{golden, value};

#[track_caller]
fn same<T: DeserializeOwned + Serialize>(value: &Value) {
    let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{e}\n{value}"));
    assert_eq!(serde_json::to_value(&read).unwrap(), *value);
}

#[track_caller]
fn each<T: DeserializeOwned + Serialize>(name: &str) {
    let list = value(name);
    for item in list.as_array().unwrap() {
        same::<T>(item);
    }
}

/// Names of all goldens that start with `prefix`.
fn named(prefix: &str) -> Vec<String> {
    let folder = format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    names
}

#[test]
fn every_webhook() {
    let names = named("webhook_");
    assert!(names.len() > 25, "{names:?}");
    for name in names {
        let text = golden(&name);
        let envelope = Envelope::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(serde_json::to_value(&envelope).unwrap(), value(&name), "{name}");
        for change in envelope.changes() {
            assert!(!matches!(change, Change::Unreadable { .. }), "{name}: {change:?}");
        }
    }
}

#[test]
fn every_action_on_a_call() {
    let names = named("call_");
    for name in names.iter().filter(|name| !name.ends_with("answer") && *name != "call_permissions")
    {
        let request = graph::call::CallRequest::parse(golden(name).as_bytes());
        let request = request.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(serde_json::to_value(&request).unwrap(), value(name), "{name}");
        assert_eq!(format!("call_{}", request.action()), *name);
    }
    assert_eq!(names.len(), 7);
}

#[test]
fn every_message() {
    for name in named("message_").iter().filter(|name| *name != "message_sent") {
        let request = graph::message::MessageRequest::parse(golden(name).as_bytes());
        let request = request.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(serde_json::to_value(&request).unwrap(), value(name), "{name}");
    }
}

#[test]
fn every_answer() {
    same::<graph::call::Connected>(&value("call_connect_answer"));
    same::<graph::message::Sent>(&value("message_sent"));
    same::<graph::permission::CallPermissions>(&value("call_permissions"));
    same::<graph::settings::Settings>(&value("settings_answer"));
    same::<graph::settings::Settings>(&value("settings_answer_never_set"));
    same::<graph::health::Number>(&value("health"));
    same::<graph::error::ErrorBody>(&value("error_permission"));
    same::<graph::Success>(&json!({ "messaging_product": "whatsapp", "success": true }));
    same::<graph::Success>(&json!({ "success": true }));
}

#[test]
fn every_template() {
    for name in ["template_call_button", "template_permission_request"] {
        let new = graph::template::NewTemplate::parse(golden(name).as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&new).unwrap(), value(name), "{name}");
    }
    same::<graph::template::TemplateMade>(&value("template_made"));
}

#[test]
fn the_whole_settings_request() {
    let settings = graph::settings::Settings::parse(golden("settings_request").as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&settings).unwrap(), value("settings_request"));
}

#[test]
fn every_frame_and_every_sandbox_body() {
    each::<handset::FromPhone>("phone_frames");
    each::<handset::ToPhone>("platform_frames");
    each::<console::FromConsole>("console_frames");
    each::<console::ToConsole>("gateway_frames");
    each::<sandbox::Behaviour>("sandbox_behaviours");
    each::<sandbox::ClockCommand>("sandbox_clock_commands");
    same::<sandbox::State>(&value("sandbox_state"));
    same::<sandbox::CallInspection>(&value("sandbox_call"));
    same::<sandbox::Faults>(&value("sandbox_faults"));
    same::<sandbox::WebhookRecord>(&value("sandbox_webhook"));
    same::<console::Preflight>(&value("preflight"));
}

#[test]
fn every_event() {
    each::<event::Event>("events");
    let golden = value("events");
    let kinds: Vec<_> =
        golden.as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, event::KINDS, "each kind has its golden");
    for item in golden.as_array().unwrap() {
        let read: event::Event = serde_json::from_value(item.clone()).unwrap();
        assert_eq!(read.what.kind(), item["type"]);
    }
}

/// Every event as a receiver gets it that knows no CloudEvents, and nothing of it is lost.
#[test]
fn every_event_in_one_flat_object() {
    let written: Vec<Value> = value("events").as_array().unwrap().iter().map(plain).collect();
    assert_eq!(Value::Array(written), value("events_plain"));
    for (kept, plain) in
        value("events").as_array().unwrap().iter().zip(value("events_plain").as_array().unwrap())
    {
        for (name, said) in kept["data"].as_object().unwrap() {
            assert_eq!(&plain[name], said, "{name} of {}", kept["type"]);
        }
    }
    assert!(event::Format::Plain.write("{}".into()).is_err(), "no event");
}

fn plain(document: &Value) -> Value {
    let kept = document.to_string();
    assert_eq!(event::Format::CloudEvents.write(kept.clone()).unwrap(), kept);
    serde_json::from_str(&event::Format::Plain.write(kept).unwrap()).unwrap()
}

#[test]
fn a_sandbox_body_with_an_unknown_key_is_refused() {
    for body in [
        json!({ "answer": "reject", "anser": 1 }),
        json!({ "answer": { "after_ms": 1, "x": 2 } }),
        json!({ "answer": "perhaps" }),
        json!({ "play": { "tone": 440 } }),
    ] {
        assert!(serde_json::from_value::<sandbox::Behaviour>(body.clone()).is_err(), "{body}");
    }
    for body in [json!({}), json!({ "advance": "P7D", "mode": "frozen" }), json!({ "advance": 7 })]
    {
        assert!(serde_json::from_value::<sandbox::ClockCommand>(body.clone()).is_err(), "{body}");
    }
}

#[test]
fn an_empty_behaviour_is_the_demos() {
    let read: sandbox::Behaviour = serde_json::from_value(json!({})).unwrap();
    assert_eq!(read, sandbox::Behaviour::default());
    assert_eq!(serde_json::to_value(&read).unwrap(), value("sandbox_behaviours")[0]);
}
