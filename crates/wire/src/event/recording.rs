//! What is told of a recording?

use serde::{Deserialize, Serialize};
use terms::{CallId, PhoneNumberId, Timestamp};

use crate::console::Peer;

/// A recording of a call, or of a message a caller left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Recording {
    /// Its id; ours.
    pub recording_id: String,
    /// The line it was on.
    pub phone_number_id: PhoneNumberId,
    /// The call.
    pub call_id: CallId,
    /// The user.
    pub contact: Peer,
    /// Of what.
    pub kind: RecordingKind,
    /// Whether it still runs.
    pub state: RecordingState,
    /// Whether the platform recorded it, and not the gateway.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_platform: bool,
    /// Whether both parties are in one: the platform did not keep them apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mixed: bool,
    /// Why it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it plays, in milliseconds; once it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Whether something of the call is missing in it: packets that could not be kept, or all from where
    /// the gateway was killed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// What the user heard before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announced>,
    /// Where it keeps silence, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// Whether it is kept beyond its time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Whether what was said is there in writing; absent where nobody writes it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<TranscriptState>,
}

/// Whether what was said is there in writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TranscriptState {
    /// Not yet.
    Waiting,
    /// It can be read.
    Ready,
    /// The transcriber failed too often.
    Failed,
}

/// Of what a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// User and business, each in a channel.
    Call,
    /// A message of the user.
    Voicemail,
}

/// Whether a recording still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It runs.
    Recording,
    /// It can be heard.
    Ready,
    /// The platform recorded it, and it could not be fetched while it was there.
    Failed,
}

/// The proof that a recording was announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Announced {
    /// The words, or the prompt's name.
    pub text: String,
    /// The language of the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How much of it was played, in milliseconds.
    pub played_ms: u64,
    /// Whether that is all of it.
    pub completed: bool,
}

/// A stretch of silence that was asked for, in milliseconds since the recording began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pause {
    /// From.
    pub from_ms: u64,
    /// To; the end of the recording when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<u64>,
}
