//! What a test makes happen, or makes the platform tell.

use serde_json::{Value, json};
use wire::sandbox::TriggerEvent;

use crate::{
    bench::{ANA, BUSINESS, Bench},
    home,
};

async fn trigger(bench: &Bench, event: &str) -> Value {
    let wanted = json!({ "event": event, "from": ANA, "to": BUSINESS });
    let (status, answer) = bench.sandbox("/trigger", wanted).await;
    assert_eq!(status, 200, "{event}: {answer}");
    answer
}

#[tokio::test]
async fn what_the_rules_know_happens_by_the_rules() {
    let bench = Bench::start().await;
    trigger(&bench, "message.text").await;
    bench.hook.wait("text").await;
    trigger(&bench, "permission.granted").await;
    assert_eq!(bench.hook.wait("accept").await["messages"][0]["from"], ANA);
    let path = format!("/call_permissions?user_wa_id={ANA}");
    assert_eq!(bench.graph_get(&path).await.1["permission"]["status"], "temporary");
    let expired = trigger(&bench, "permission.expired").await;
    assert_eq!(expired["synthetic"], false);
    assert_eq!(bench.graph_get(&path).await.1["permission"]["status"], "no_permission");
    trigger(&bench, "permission.granted_permanent").await;
    assert_eq!(bench.graph_get(&path).await.1["permission"]["status"], "permanent");
    trigger(&bench, "permission.revoked").await;
    bench.hook.wait("reject").await;
    assert_eq!(bench.graph_get(&path).await.1["permission"]["status"], "no_permission");

    let missed = trigger(&bench, "call.missed").await;
    let ended = bench.hook.wait("terminate").await;
    assert_eq!(ended["calls"][0]["id"], missed["call_id"]);
    assert_eq!(ended["calls"][0]["start_time"], Value::Null);
}

/// The value of a webhook that is only told, and marked so in the journal.
async fn told(bench: &Bench, event: &str) -> Value {
    let told = trigger(bench, event).await;
    assert_eq!(told["synthetic"], true, "{told}");
    let rows = bench.sandbox_get("/webhooks").await.1.as_array().unwrap().clone();
    let row = rows.into_iter().find(|row| row["id"] == told["webhooks"][0]).unwrap();
    assert_eq!(row["synthetic"], true, "{row}");
    let entry = &row["body"]["entry"][0];
    let id = if event.starts_with("account.") { "0" } else { "201234567890123" };
    assert_eq!(entry["id"], id, "{event}");
    entry["changes"][0]["value"].clone()
}

#[tokio::test]
async fn what_is_only_told_is_marked_in_the_journal() {
    let bench = Bench::start().await;
    let value = async |event: &str| told(&bench, event).await;
    let call = value("call.completed").await["calls"][0].clone();
    assert_eq!((&call["duration"], &call["status"]), (&json!(42), &json!("COMPLETED")));
    let failed = value("message.status.failed").await["statuses"][0].clone();
    assert_eq!(
        (&failed["status"], &failed["errors"][0]["code"]),
        (&json!("failed"), &json!(131_026))
    );
    assert_eq!(value("settings.updated").await["type"], "phone_number_settings");
    for (event, key, kind) in [
        ("recording.available", "call_recording", "audio"),
        ("transcription.available", "call_transcript", "document"),
    ] {
        let kept = value(event).await["calls"][0][key][kind].clone();
        let file = bench.http.get(kept["url"].as_str().unwrap()).bearer_auth("demo-token");
        let bytes = file.send().await.unwrap().bytes().await.unwrap();
        assert!(bytes.starts_with(b"OggS") || bytes.starts_with(b"{"), "{event}: {kept}");
    }
    let voicemail = value("voicemail").await["messages"][0].clone();
    assert!(voicemail["id"].as_str().unwrap().starts_with("wacid."), "{voicemail}");
    assert_eq!(voicemail["audio"]["mime_type"], "audio/ogg; codecs=opus");
    // Three hours behind UTC, in São Paulo, it is still October.
    bench.clock.set("2026-11-01T02:30:00Z".parse().unwrap());
    let tier = value("tier.updated").await["volume_tier_info"].clone();
    let month = home::either("2026-10", "2026-11");
    assert_eq!((&tier["region"], &tier["effective_month"]), (&json!("Mexico"), &json!(month)));
    assert!(bench.sandbox_get("/state").await.1["calls"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn restrictions_and_violations_name_their_kind() {
    let bench = Bench::start().await;
    let value = async |event: &str| told(&bench, event).await;
    let restriction = value("account.restriction").await;
    assert_eq!(restriction["event"], "ACCOUNT_RESTRICTION");
    assert_eq!(restriction["phone_number"], BUSINESS);
    assert_eq!(value("account.violation").await["event"], "ACCOUNT_VIOLATION");
    for (event, kind, has_end) in [
        ("account.restriction", "RESTRICTED_BUSINESS_INITIATED_CALLING", true),
        ("account.restriction.user_calls", "RESTRICTED_USER_INITIATED_CALLING", true),
        (
            "account.restriction.call_button",
            "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN",
            false,
        ),
    ] {
        let notice = value(event).await["restriction_info"][0].clone();
        assert_eq!(notice["restriction_type"], kind);
        assert_eq!(notice["expiration"].is_i64(), has_end, "{notice}");
    }
    let pickup = value("account.violation.pickup_rate").await["violation_info"].clone();
    assert_eq!(pickup["violation_type"], "USER_INITIATED_CALLS_LOW_PICKUP_RATE");
}

#[tokio::test]
async fn the_progress_of_calls_and_messages_is_told() {
    let bench = Bench::start().await;
    let value = async |event: &str| told(&bench, event).await;
    for (event, status) in
        [("call.ringing", "RINGING"), ("call.accepted", "ACCEPTED"), ("call.rejected", "REJECTED")]
    {
        let told = value(event).await["statuses"][0].clone();
        assert_eq!((&told["status"], &told["recipient_id"]), (&json!(status), &json!(ANA)));
    }
    let failed = value("call.failed").await["calls"][0].clone();
    assert_eq!(
        (&failed["status"], &failed["errors"][0]["code"]),
        (&json!("FAILED"), &json!(138_021)),
        "{failed}"
    );
    for status in ["sent", "delivered", "read"] {
        let told = value(&format!("message.status.{status}")).await["statuses"][0].clone();
        assert_eq!(told["status"], status, "{told}");
    }
}

#[tokio::test]
async fn every_event_is_known_and_nothing_else() {
    let bench = Bench::start().await;
    for event in TriggerEvent::ALL {
        let (status, answer) = bench.sandbox("/trigger", json!({ "event": event })).await;
        assert!(matches!(status, 200 | 409), "{event:?}: {answer}");
    }
    for wrong in [json!({ "event": "call.lost" }), json!({ "event": "message.text", "form": ANA })]
    {
        assert_eq!(bench.sandbox("/trigger", wrong).await.0, 400);
    }
    let stranger = json!({ "event": "message.text", "from": "999" });
    assert_eq!(bench.sandbox("/trigger", stranger).await.0, 404);
}
