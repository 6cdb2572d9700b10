//! No bytes panic any parser, and what was read can be shown and written.

use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use wire::graph::{call, error, message, permission, settings, subscription, template};
use wire::webhook::{envelope::Envelope, signature};
use wire::{console, handset, sandbox};

use super::golden;

fn read<T: DeserializeOwned + Serialize + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<T>(bytes) {
        assert!(!format!("{read:?}").is_empty());
        serde_json::to_vec(&read).unwrap();
    }
}

/// Gives the bytes to every parser there is.
fn read_all(bytes: &[u8]) {
    if let Ok(request) = call::CallRequest::parse(bytes) {
        let again = serde_json::to_vec(&request).unwrap();
        assert_eq!(call::CallRequest::parse(&again), Ok(request), "written and read back");
    }
    if let Ok(request) = message::MessageRequest::parse(bytes) {
        let again = serde_json::to_vec(&request).unwrap();
        assert_eq!(message::MessageRequest::parse(&again), Ok(request), "written and read back");
    }
    if let Ok(template) = template::NewTemplate::parse(bytes) {
        let again = serde_json::to_vec(&template).unwrap();
        assert_eq!(template::NewTemplate::parse(&again), Ok(template), "written and read back");
    }
    if let Ok(request) = settings::Settings::parse(bytes) {
        let again = serde_json::to_vec(&request).unwrap();
        assert_eq!(settings::Settings::parse(&again), Ok(request), "written and read back");
    }
    let _app = subscription::AppSubscription::parse(bytes);
    let _waba = subscription::CallbackOverride::parse(bytes);
    let _number = subscription::CallbackOverride::parse_number(bytes);
    let _hub = subscription::Dialog360Webhook::parse(bytes);
    let _answer = error::ErrorAnswer::parse(bytes);
    assert!(!signature::verify("secret", bytes, "sha256=00"));
    if let Ok(envelope) = Envelope::parse(bytes) {
        assert!(!format!("{envelope:?}").is_empty());
        let again = serde_json::to_vec(&envelope).unwrap();
        assert_eq!(Envelope::parse(&again).unwrap(), envelope, "written and read back");
    }
    read::<permission::CallPermissions>(bytes);
    read::<message::Sent>(bytes);
    read::<call::Connected>(bytes);
    read::<handset::FromPhone>(bytes);
    read::<handset::ToPhone>(bytes);
    read::<console::FromConsole>(bytes);
    read::<console::ToConsole>(bytes);
    read::<sandbox::State>(bytes);
    read::<sandbox::Behaviour>(bytes);
    read::<sandbox::Faults>(bytes);
    read::<sandbox::ClockCommand>(bytes);
}

const GOLDENS: [&str; 14] = [
    "call_connect",
    "call_accept",
    "message_call_button",
    "message_template_button",
    "template_call_button",
    "template_permission_request",
    "settings_request",
    "webhook_connect_user",
    "webhook_terminate_failed",
    "webhook_permission_temporary",
    "webhook_status_ringing",
    "webhook_account_settings_update",
    "webhook_many",
    "sandbox_state",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 16.0)),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9]{1,25}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Replaces the `at`-th value of a tree, counted depth first.
fn replace(value: &mut Value, at: &mut usize, new: &Value) {
    if *at == 0 {
        *value = new.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| replace(item, at, new)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, at, new)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        read_all(&bytes);
    }

    #[test]
    fn random_json(value in any_value()) {
        read_all(value.to_string().as_bytes());
    }

    #[test]
    fn a_golden_with_one_value_replaced(
        which in 0..GOLDENS.len(), at in 0..60_usize, new in any_value(),
    ) {
        let mut body: Value = serde_json::from_str(&golden(GOLDENS[which])).unwrap();
        let mut at = at;
        replace(&mut body, &mut at, &new);
        read_all(body.to_string().as_bytes());
    }

    #[test]
    fn a_golden_cut_anywhere(which in 0..GOLDENS.len(), at in any::<prop::sample::Index>()) {
        let text = golden(GOLDENS[which]);
        read_all(&text.as_bytes()[..at.index(text.len())]);
    }
}
