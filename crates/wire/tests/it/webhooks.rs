//! What a gateway gets out of webhooks: both places of errors, both spellings of times, unknown
//! words.

use serde_json::{Value, json};
use terms::{Direction, Timestamp};
use wire::graph::permission::CallPermissions;
use wire::webhook::call::{CallEvent, CallsValue, EndStatus, Progress};
use wire::webhook::envelope::{Change, Envelope};
use wire::webhook::message::{MessagesValue, Response, ResponseSource};

use super::{golden, value};

fn calls(name: &str) -> CallsValue {
    let Change::Calls(value) = first(&golden(name)) else { panic!("{name}") };
    *value
}

fn messages(text: &str) -> MessagesValue {
    let Change::Messages(value) = first(text) else { panic!("{text}") };
    *value
}

fn first(text: &str) -> Change {
    Envelope::parse(text.as_bytes()).unwrap().entry.remove(0).changes.remove(0)
}

#[test]
fn a_users_call_comes_with_its_offer_and_its_context() {
    let value = calls("webhook_connect_user");
    let call = &value.calls[0];
    assert_eq!(call.event, CallEvent::Connect);
    assert_eq!(call.direction(), Some(Direction::UserInitiated));
    assert_eq!(call.from.as_ref().unwrap().as_str(), "5511988887777");
    assert_eq!(call.session.as_ref().unwrap().sdp.as_str(), "v=0\r\n…");
    assert_eq!(call.deeplink_payload.as_deref(), Some("src=site-footer"));
    assert_eq!(call.cta_payload.as_deref(), Some("order=7712"));
    assert_eq!(call.timestamp, Timestamp::from_unix(1_783_000_000));
}

#[test]
fn a_recording_and_a_transcript_name_their_files() {
    let (recorded, written) = (calls("webhook_recording"), calls("webhook_transcription"));
    let (recorded, written) = (&recorded.calls[0], &written.calls[0]);
    assert_eq!(recorded.event, CallEvent::RecordingAvailable);
    let file = recorded.recording().unwrap();
    assert_eq!(
        (file.id.as_str(), file.mime_type.as_str()),
        ("1002700000000002", "audio/ogg; codecs=opus")
    );
    assert_eq!(recorded.transcript(), None);
    assert_eq!(written.event, CallEvent::TranscriptionAvailable);
    assert_eq!(written.transcript().unwrap().id.as_str(), "1002700000000003");
    assert_eq!(written.recording(), None);
    let mut nameless = recorded.clone();
    nameless.call_recording = Some(json!({"type": "audio", "audio": {"id": "no digits"}}));
    assert_eq!(nameless.recording(), None);
}

#[test]
fn an_error_is_found_in_either_place_and_told_once() {
    for name in ["webhook_terminate_failed", "webhook_terminate_failed_value_errors"] {
        let value = calls(name);
        let call = &value.calls[0];
        assert_eq!(call.status, Some(EndStatus::Failed));
        assert_eq!(call.duration, Some(20), "a failed call can carry a duration");
        let errors: Vec<_> = value.errors_of(call).collect();
        assert_eq!(errors.len(), 1, "{name}");
        assert_eq!(errors[0].code, 138_021);
        assert_eq!(errors[0].text(), Some("no media from business"));
    }
}

#[test]
fn a_shared_error_is_not_blamed_on_one_of_several_calls() {
    let mut value = calls("webhook_terminate_failed_value_errors");
    let other = value.calls[0].clone();
    value.calls.push(other);
    assert_eq!(value.errors_of(&value.calls[0]).count(), 0);
}

#[test]
fn an_error_may_be_only_a_code() {
    let text = golden("webhook_payment_error").replace("\"title\"", "\"t\"");
    let text = text.replace("\"message\":", "\"m\":");
    let Change::Calls(value) = first(&text) else { panic!("{text}") };
    assert_eq!((value.errors[0].code, value.errors[0].text()), (131_044, None));
}

#[test]
fn a_status_in_another_case_is_the_same_status() {
    let text = golden("webhook_terminate").replace("COMPLETED", "Completed");
    let Change::Calls(value) = first(&text) else { panic!("{text}") };
    assert_eq!(value.calls[0].status, Some(EndStatus::Completed));
}

#[test]
fn unknown_words_survive() {
    let value = calls("webhook_unknown_words");
    assert_eq!(value.calls[0].event, CallEvent::Unknown("call_hologram".into()));
    assert_eq!(value.calls[0].direction(), None);
    assert_eq!(value.statuses[0].status, Progress::Unknown("CALL_WAITING".into()));
}

#[test]
fn times_are_read_as_text_and_as_numbers() {
    let text = golden("webhook_permission_temporary")
        .replace("\"1783605300\"", "1783605300")
        .replace("\"1783000500\"", "1783000500");
    let value = messages(&text);
    let message = &value.messages[0];
    assert_eq!(message.timestamp, Timestamp::from_unix(1_783_000_500));
    let reply = message.call_permission_reply().unwrap();
    assert_eq!(reply.expiration_timestamp, Some(Timestamp::from_unix(1_783_605_300)));
}

#[test]
fn each_way_a_permission_changes() {
    let reply = |name: &str| {
        let value = messages(&golden(name));
        let message = value.messages[0].clone();
        let context = message.context.clone().and_then(|context| context.id);
        (message.call_permission_reply().unwrap().clone(), context.map(|id| id.to_string()))
    };
    let (callback, context) = reply("webhook_permission_callback");
    assert_eq!(callback.response, Response::Accept);
    assert_eq!(callback.response_source, Some(ResponseSource::Automatic));
    assert_eq!(context.as_deref(), Some("wacid.SAMPLE0001"));

    let (permanent, _) = reply("webhook_permission_permanent");
    assert_eq!((permanent.is_permanent, permanent.expiration_timestamp), (Some(true), None));

    let (revoked, context) = reply("webhook_permission_auto_revoked");
    assert_eq!((revoked.response, context), (Response::Reject, None));
}

#[test]
fn an_unreadable_change_does_not_spoil_the_others() {
    let mut body = value("webhook_many");
    body["entry"][0]["changes"][0]["value"]["calls"][0]["timestamp"] = json!({ "at": 1 });
    let envelope = Envelope::parse(body.to_string().as_bytes()).unwrap();
    let changes: Vec<&Change> = envelope.changes().collect();
    assert!(matches!(changes[0], Change::Unreadable { field, .. } if field == "calls"));
    assert!(matches!(changes[1], Change::Calls(_)));
    assert!(matches!(changes[2], Change::Messages(_)));
    assert_eq!(serde_json::to_value(&envelope).unwrap(), body, "kept as it came");
    assert!(!format!("{:?}", changes[0]).contains("ana.souza"), "and not shown");
}

#[test]
fn unknown_fields_are_ignored() {
    let mut body = value("webhook_connect_user");
    body["new"] = json!(1);
    body["entry"][0]["changes"][0]["value"]["new"] = json!([1]);
    body["entry"][0]["changes"][0]["value"]["calls"][0]["new"] = json!({});
    let envelope = Envelope::parse(body.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&envelope).unwrap(), value("webhook_connect_user"));
}

#[test]
fn the_field_tables_other_name_of_the_expiry_is_read() {
    let mut body = value("call_permissions");
    let permission: &mut Value = &mut body["permission"];
    *permission = json!({ "status": "temporary", "expiration": 1_783_605_300 });
    let read: CallPermissions = serde_json::from_value(body).unwrap();
    assert_eq!(read.permission.expiration_time, Some(Timestamp::from_unix(1_783_605_300)));
    assert_eq!(read.actions[1].limits[0].current_usage, 100);
}

#[test]
fn nothing_personal_is_shown() {
    for name in ["webhook_connect_user", "webhook_text", "webhook_permission_temporary"] {
        let shown = format!("{:?}", Envelope::parse(golden(name).as_bytes()).unwrap());
        for personal in ["Ana", "ana.souza", "5511988887777", "5215550000001", "Olá", "v=0"] {
            assert!(!shown.contains(personal), "{name}: {shown}");
        }
    }
}
