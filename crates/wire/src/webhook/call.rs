//! What happened to a call? The field `calls` (fact sheet 3.4, 3.7, 4.9 to 4.11).
//!
//! `connect` and `terminate` come in `calls`, `RINGING`, `ACCEPTED` and `REJECTED` in `statuses`.
//! The error of a failed call stands in `calls[].errors` and in `value.errors`; [`CallsValue::errors_of`]
//! reads both.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terms::{CallId, Direction, Timestamp, UserId, WaId};

use super::{Contact, MediaRef, Metadata, WebhookError};
use crate::{Open, graph::call::Session, open::open_enum, unix};

/// The value of a change in `calls`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallsValue {
    /// `whatsapp`.
    #[serde(default = "whatsapp")]
    pub messaging_product: String,
    /// Which number.
    pub metadata: Metadata,
    /// The user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    /// Events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallEntry>,
    /// Progress of a call to a user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<CallStatus>,
    /// Errors; the same as in the entry, or on their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<WebhookError>,
}

pub(super) fn whatsapp() -> String {
    crate::WHATSAPP.into()
}

impl CallsValue {
    /// A value that is empty but for the number.
    #[must_use]
    pub fn new(metadata: Metadata) -> Self {
        Self {
            messaging_product: whatsapp(),
            metadata,
            contacts: Vec::new(),
            calls: Vec::new(),
            statuses: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// The errors of a call from both places, each once.
    pub fn errors_of<'a>(&'a self, call: &'a CallEntry) -> impl Iterator<Item = &'a WebhookError> {
        // With several calls in one value, the shared list does not say whose error it is.
        let shared = if self.calls.len() == 1 { self.errors.as_slice() } else { &[] };
        let own = &call.errors;
        let is_new = |error: &&WebhookError| own.iter().all(|mine| mine.code != error.code);
        own.iter().chain(shared.iter().filter(is_new))
    }
}

open_enum! {
    /// What happened.
    CallEvent {
        /// The call starts: an offer of a user's call, the answer to ours.
        Connect = "connect",
        /// The call is over.
        Terminate = "terminate",
        /// A call over SIP starts.
        CallCreated = "call_created",
        /// A recording can be fetched.
        RecordingAvailable = "call_recording_available",
        /// A transcript can be fetched.
        TranscriptionAvailable = "call_transcription_available",
    }
}

open_enum! {
    /// How a call ended. Samples also print `Completed`.
    EndStatus {
        /// Normally; also unanswered and refused calls.
        Completed = "COMPLETED",
        /// With an error.
        Failed = "FAILED",
    }
}

/// One event of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEntry {
    /// The call.
    pub id: CallId,
    /// Who called. Missing for users with a username.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<WaId>,
    /// Who was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<WaId>,
    /// The calling user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user_id: Option<UserId>,
    /// The calling user, scoped to the business above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_parent_user_id: Option<UserId>,
    /// The called user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_user_id: Option<UserId>,
    /// The called user, scoped to the business above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_parent_user_id: Option<UserId>,
    /// What happened.
    pub event: CallEvent,
    /// When.
    #[serde(with = "unix::text")]
    pub timestamp: Timestamp,
    /// Who started the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Open<Direction>>,
    /// The `biz_payload` of the deep link it started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deeplink_payload: Option<String>,
    /// The payload of the button it started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cta_payload: Option<String>,
    /// What the business gave with `connect` or `accept`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub biz_opaque_callback_data: Option<String>,
    /// The SDP; with `connect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// A legacy form of the SDP; never read, never written by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Value>,
    /// When it was picked up; with `terminate`, only then.
    #[serde(default, with = "unix::text_option", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// When it ended; only if picked up.
    #[serde(default, with = "unix::text_option", skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Timestamp>,
    /// Whole seconds; only if picked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<EndStatus>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<WebhookError>,
    /// Where the recording is, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_recording: Option<Value>,
    /// Where the transcript is, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_transcript: Option<Value>,
}

impl CallEntry {
    /// An entry with everything absent that may be.
    #[must_use]
    pub fn new(id: CallId, event: CallEvent, direction: Direction, timestamp: Timestamp) -> Self {
        Self {
            id,
            from: None,
            to: None,
            from_user_id: None,
            from_parent_user_id: None,
            to_user_id: None,
            to_parent_user_id: None,
            event,
            timestamp,
            direction: Some(direction.into()),
            deeplink_payload: None,
            cta_payload: None,
            biz_opaque_callback_data: None,
            session: None,
            connection: None,
            start_time: None,
            end_time: None,
            duration: None,
            status: None,
            errors: Vec::new(),
            call_recording: None,
            call_transcript: None,
        }
    }

    /// A recording can be fetched (fact sheet 12.1).
    #[must_use]
    pub fn with_recording(self, audio: &MediaRef) -> Self {
        let recording = serde_json::json!({ "type": "audio", "audio": audio.to_value() });
        Self { call_recording: Some(recording), ..self }
    }

    /// A transcript can be fetched (fact sheet 12.2).
    #[must_use]
    pub fn with_transcript(self, document: &MediaRef) -> Self {
        let transcript = serde_json::json!({ "document": document.to_value() });
        Self { call_transcript: Some(transcript), ..self }
    }

    /// The file of the recording, where it names one.
    #[must_use]
    pub fn recording(&self) -> Option<MediaRef> {
        MediaRef::of_value(self.call_recording.as_ref()?.get("audio")?)
    }

    /// The file of the transcript, where it names one.
    #[must_use]
    pub fn transcript(&self) -> Option<MediaRef> {
        MediaRef::of_value(self.call_transcript.as_ref()?.get("document")?)
    }

    /// Who started the call, where it says so in a word we know.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        self.direction.as_ref().and_then(Open::known)
    }
}

open_enum! {
    /// How far a call to a user is.
    Progress {
        /// The phone rings.
        Ringing = "RINGING",
        /// The user picked up.
        Accepted = "ACCEPTED",
        /// The user refused.
        Rejected = "REJECTED",
    }
}

/// One step of a call to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStatus {
    /// The call.
    pub id: CallId,
    /// `call`.
    #[serde(rename = "type", default = "call_word")]
    pub kind: String,
    /// How far it is.
    pub status: Progress,
    /// When.
    #[serde(with = "unix::text")]
    pub timestamp: Timestamp,
    /// The user's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<WaId>,
    /// The user's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_user_id: Option<UserId>,
    /// The user's id, scoped to the business above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_parent_user_id: Option<UserId>,
    /// What the business gave with `connect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub biz_opaque_callback_data: Option<String>,
}

fn call_word() -> String {
    "call".into()
}

impl CallStatus {
    /// A step with everything absent that may be.
    #[must_use]
    pub fn new(id: CallId, status: Progress, timestamp: Timestamp) -> Self {
        Self {
            id,
            kind: call_word(),
            status,
            timestamp,
            recipient_id: None,
            recipient_user_id: None,
            recipient_parent_user_id: None,
            biz_opaque_callback_data: None,
        }
    }
}
