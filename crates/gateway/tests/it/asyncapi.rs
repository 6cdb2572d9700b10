//! What is said outside of requests is as the committed document has it: events, bots, records.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use wire::{
    bot::{Codec, Event, Frame, Protocol, Start, realtime::Persona},
    event::KINDS,
};

const EVENTS: &str = include_str!("../../../wire/tests/golden/events.json");
const PLAIN: &str = include_str!("../../../wire/tests/golden/events_plain.json");

/// The faults of a value by the schema at this place of the document.
fn faults(place: &str, value: &Value) -> Vec<String> {
    let mut document = offhook_gateway::asyncapi::document();
    document["$ref"] = json!(place);
    let schema = jsonschema::validator_for(&document).expect("a schema");
    schema.iter_errors(value).map(|fault| fault.to_string()).collect()
}

/// Holds a value against the schema at this place.
pub(crate) fn fits(place: &str, value: &Value) {
    let faults = faults(place, value);
    assert!(faults.is_empty(), "{place}: {faults:?} in {value}");
}

#[test]
fn gateway_async_json_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/gateway-async.json");
    let document = offhook_gateway::asyncapi::document();
    let document = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    if std::env::var_os("OPENAPI_UPDATE").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == document,
        "openapi/gateway-async.json is not current: run OPENAPI_UPDATE=1 cargo test -p offhook-gateway \
         gateway_async"
    );
}

#[test]
fn every_event_is_as_the_document_has_it_in_both_formats() {
    let events: Vec<Value> = serde_json::from_str(EVENTS).unwrap();
    let plain: Vec<Value> = serde_json::from_str(PLAIN).unwrap();
    let mut seen = Vec::new();
    for event in &events {
        let kind = event["type"].as_str().unwrap();
        let place = format!("#/components/messages/{kind}/payload");
        fits(&place, event);
        seen.push(kind);
        let mut other = event.clone();
        other["type"] = json!("call.hummed");
        assert!(!faults(&place, &other).is_empty(), "{kind} has its own schema");
        other.as_object_mut().unwrap().remove("id");
        assert!(faults(&place, &other).len() > 1, "{kind} has an id");
        if kind != "account.restricted" {
            let mut empty = event.clone();
            empty["data"] = json!({});
            assert!(!faults(&place, &empty).is_empty(), "{kind} has data");
        }
    }
    for kind in KINDS {
        assert!(seen.contains(kind), "{kind} has a golden");
    }
    for event in &plain {
        let kind = event["type"].as_str().unwrap();
        fits(&format!("#/components/messages/{kind}/payload/allOf/1/properties/data"), event);
    }
}

#[test]
fn a_bots_conversation_is_as_the_document_has_it() {
    let start = Start {
        call_id: "wacid.1".into(),
        call_sid: "CA01".into(),
        stream_sid: "MZ01".into(),
        account_sid: "AC01".into(),
        from: None,
        to: "551140000000".into(),
        rate: 16_000,
        voice_rate: 16_000,
        context: BTreeMap::from([("order".to_owned(), "4711".to_owned())]),
        persona: Persona::default(),
    };
    let mut codec = Codec::new(Protocol::Native, start);
    let mut told = codec.opening();
    for event in [
        Event::Digit('5'),
        Event::Passed { name: "n".into(), cleared: true },
        Event::Cleared { heard_ms: 40, dropped_ms: 20 },
        Event::Refused { backlog_ms: 9 },
        Event::Speech { speaking: false, at_ms: 1_260 },
        Event::Silence { ms: 8_000 },
        Event::Stop,
    ] {
        told.extend(codec.write(&event).frames);
    }
    assert_eq!(told.len(), 8);
    for frame in told {
        let Frame::Text(text) = frame else { panic!("text") };
        let message: Value = serde_json::from_str(&text).unwrap();
        let kind = message["type"].as_str().unwrap();
        fits(&format!("#/components/messages/told.{kind}/payload"), &message);
    }
    for said in [
        json!({"type": "mark", "name": "n"}),
        json!({"type": "clear"}),
        json!({"type": "section", "must_be_heard": true}),
        json!({"type": "dtmf", "digit": "5"}),
        json!({"type": "transfer", "agent": "lia", "context": {"topic": "refund"}}),
        json!({"type": "transfer", "step": "people"}),
        json!({"type": "end"}),
        json!({"type": "hang_up"}),
    ] {
        let kind = said["type"].as_str().unwrap();
        let place = format!("#/components/messages/says.{kind}/payload");
        fits(&place, &said);
        assert!(!faults(&place, &json!({"type": "hum"})).is_empty(), "{kind}");
        let turn = codec.read(Frame::Text(said.to_string())).unwrap();
        assert_eq!(turn.commands.len(), 1, "{said}");
    }
}
