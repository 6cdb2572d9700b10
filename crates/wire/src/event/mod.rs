//! What does the gateway tell the business's own systems?
//!
//! Every event is a CloudEvents 1.0 document in JSON. Its `id` is the same in every delivery of it,
//! its `type` one of [`KINDS`], its `subject` the call, the user or the number it is about. The events
//! of one call are numbered by the extension `sequence`, from one. [`Format`] is how a receiver reads them,
//! [`signature`] proves the sender.

mod format;
mod recording;
pub mod signature;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terms::{AgentId, CallId, Money, PhoneNumberId, Timestamp};

pub use format::Format;
pub use recording::{Announced, Pause, Recording, RecordingKind, RecordingState, TranscriptState};

use crate::{
    console::{Call, Peer},
    webhook::account::AccountUpdate,
};

/// The `specversion` of every event.
pub const SPECVERSION: &str = "1.0";

/// The media type of an event that travels alone.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// Every word that may stand in `type`.
pub const KINDS: &[&str] = &[
    "call.ringing",
    "call.queued",
    "call.assigned",
    "call.accepted",
    "call.answered",
    "call.held",
    "call.resumed",
    "call.transferred",
    "call.merged",
    "call.supervised",
    "call.unsupervised",
    "call.missed",
    "call.ended",
    "call.amended",
    "call.updated",
    "recording.ready",
    "voicemail.received",
    "transcript.ready",
    "permission.granted",
    "permission.rejected",
    "permission.revoked",
    "permission.expired",
    "window.opened",
    "window.closing",
    "window.closed",
    "account.restricted",
    "account.at_risk",
    "account.recovered",
    "budget.warning",
    "budget.exhausted",
];

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `1.0`.
    pub specversion: String,
    /// Its id, the same in every delivery.
    pub id: String,
    /// Which number's gateway tells it.
    pub source: String,
    /// The call's id, the user's number, or the business number's id.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// `application/json`.
    pub datacontenttype: String,
    /// Its place among the events of its call, from 1; absent when it is about no call.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "sequence")]
    pub sequence: Option<u32>,
    /// The trace of its call, by the distributed tracing extension; absent where nobody traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What happened: `type` and `data`.
    #[serde(flatten)]
    pub what: What,
}

/// What happened, with its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum What {
    /// A user's call arrived, or the user's phone rings for ours; `direction` says which.
    #[serde(rename = "call.ringing")]
    CallRinging(Box<Call>),
    /// The call waits in a queue, which `queue` names.
    #[serde(rename = "call.queued")]
    CallQueued(Box<Call>),
    /// An agent has the call.
    #[serde(rename = "call.assigned")]
    CallAssigned(Box<Call>),
    /// The call is up: the platform took our `accept`, or the user picked up.
    #[serde(rename = "call.accepted")]
    CallAccepted(Box<Call>),
    /// Somebody talks with the user: an agent (`connected`) or the flow (`in_flow`).
    #[serde(rename = "call.answered")]
    CallAnswered(Box<Call>),
    /// The user waits on hold.
    #[serde(rename = "call.held")]
    CallHeld(Box<Call>),
    /// The user no longer waits.
    #[serde(rename = "call.resumed")]
    CallResumed(Box<Call>),
    /// Another agent has the call.
    #[serde(rename = "call.transferred")]
    CallTransferred(Box<Call>),
    /// User and two agents hear each other.
    #[serde(rename = "call.merged")]
    CallMerged(Box<Call>),
    /// A supervisor listens, whispers or has joined: `supervisor` says how.
    #[serde(rename = "call.supervised")]
    CallSupervised(Box<Call>),
    /// The supervisor is gone; `supervisor` is who was there.
    #[serde(rename = "call.unsupervised")]
    CallUnsupervised(Box<Call>),
    /// A user's call that no agent and no flow answered, or that came outside the opening hours, is over.
    #[serde(rename = "call.missed")]
    CallMissed(Box<MissedCall>),
    /// The call is over; the data is its record.
    #[serde(rename = "call.ended")]
    CallEnded(Value),
    /// The platform's figures came after the record was told; the data is the whole record.
    #[serde(rename = "call.amended")]
    CallAmended(Value),
    /// Somebody noted something about the call, running or over.
    #[serde(rename = "call.updated")]
    CallUpdated(Noted),
    /// A call, or a part of it, was recorded and can be heard.
    #[serde(rename = "recording.ready")]
    RecordingReady(Box<Recording>),
    /// A caller left a message.
    #[serde(rename = "voicemail.received")]
    VoicemailReceived(Box<Recording>),
    /// What was said in a recording can be read.
    #[serde(rename = "transcript.ready")]
    TranscriptReady(Box<Recording>),
    /// The user may be called.
    #[serde(rename = "permission.granted")]
    PermissionGranted(Permission),
    /// The user said no to a request.
    #[serde(rename = "permission.rejected")]
    PermissionRejected(Permission),
    /// The permission was taken back, by the user or the platform.
    #[serde(rename = "permission.revoked")]
    PermissionRevoked(Permission),
    /// The permission's time is over.
    #[serde(rename = "permission.expired")]
    PermissionExpired(Permission),
    /// The user wrote or called: the business may write freely.
    #[serde(rename = "window.opened")]
    WindowOpened(Window),
    /// The window closes soon.
    #[serde(rename = "window.closing")]
    WindowClosing(Window),
    /// The window is closed.
    #[serde(rename = "window.closed")]
    WindowClosed(Window),
    /// Something is taken from the number or account; the data is the platform's.
    #[serde(rename = "account.restricted")]
    AccountRestricted(Box<AccountUpdate>),
    /// So many users' calls are not picked up that the platform may take something.
    #[serde(rename = "account.at_risk")]
    AccountAtRisk(Pickup),
    /// They are picked up again.
    #[serde(rename = "account.recovered")]
    AccountRecovered(Pickup),
    /// A share of the month's budget is spent.
    #[serde(rename = "budget.warning")]
    BudgetWarning(Spending),
    /// All of it is.
    #[serde(rename = "budget.exhausted")]
    BudgetExhausted(Spending),
}

/// What people noted about a call. What was taken back is absent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Noted {
    /// Which call.
    pub call_id: CallId,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What came of it: one of the configured codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up: Option<String>,
    /// The agent who noted it; a program when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AgentId>,
    /// When.
    pub at: Timestamp,
}

impl std::fmt::Debug for Noted {
    /// Without the notes, which are about a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Noted").field("wrap_up", &self.wrap_up).finish_non_exhaustive()
    }
}

/// How many of the users' calls a number picks up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pickup {
    /// Which number.
    pub number: PhoneNumberId,
    /// `good`, `warning` or `critical`.
    pub state: String,
    /// Users' calls within the window.
    pub calls: u64,
    /// Those that were picked up.
    pub answered: u64,
}

/// What of a month's budget is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Spending {
    /// Which number.
    pub number: PhoneNumberId,
    /// Such as `2026-11`.
    pub month: String,
    /// The share that is reached, as a decimal text; absent once all is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// The budget.
    pub monthly: Money,
    /// What is spent.
    pub spent: Money,
    /// Whether no more calls go out once all is spent.
    pub stop: bool,
}

/// A user's call that was not answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MissedCall {
    /// The call.
    #[serde(flatten)]
    pub call: Call,
    /// How it came to be missed.
    pub missed: Missed,
}

/// How a call came to be missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// The user hung up, or the platform's wait was over.
    CallerGaveUp,
    /// The flow found the opening hours closed, and no agent had the call.
    OutsideHours,
    /// No agent took it in time and no flow is set up.
    NobodyAnswered,
    /// The flow took a message, and no agent had the call.
    Voicemail,
    /// The user hung up while waiting in a queue.
    Abandoned,
    /// Something broke; the call's `reason` and `fault` say what.
    Failed,
}

/// How a user's permission stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Permission {
    /// The user.
    pub contact: Peer,
    /// Whether it holds until taken back; only when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permanent: Option<bool>,
    /// When it ends; only when given for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// How a user's service window stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Window {
    /// The user.
    pub contact: Peer,
    /// Until when it is or was open.
    pub open_until: Timestamp,
}

impl Event {
    /// An event with the fields that are always the same.
    #[must_use]
    pub fn new(id: String, source: String, subject: String, time: Timestamp, what: What) -> Self {
        Self {
            specversion: SPECVERSION.into(),
            id,
            source,
            subject,
            time,
            datacontenttype: "application/json".into(),
            sequence: None,
            traceparent: None,
            what,
        }
    }
}

impl What {
    /// The word in `type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CallRinging(_) => "call.ringing",
            Self::CallQueued(_) => "call.queued",
            Self::CallAssigned(_) => "call.assigned",
            Self::CallAccepted(_) => "call.accepted",
            Self::CallAnswered(_) => "call.answered",
            Self::CallHeld(_) => "call.held",
            Self::CallResumed(_) => "call.resumed",
            Self::CallTransferred(_) => "call.transferred",
            Self::CallMerged(_) => "call.merged",
            Self::CallSupervised(_) => "call.supervised",
            Self::CallUnsupervised(_) => "call.unsupervised",
            Self::CallMissed(_) => "call.missed",
            Self::CallEnded(_) => "call.ended",
            Self::CallAmended(_) => "call.amended",
            Self::CallUpdated(_) => "call.updated",
            Self::RecordingReady(_) => "recording.ready",
            Self::VoicemailReceived(_) => "voicemail.received",
            Self::TranscriptReady(_) => "transcript.ready",
            Self::PermissionGranted(_) => "permission.granted",
            Self::PermissionRejected(_) => "permission.rejected",
            Self::PermissionRevoked(_) => "permission.revoked",
            Self::PermissionExpired(_) => "permission.expired",
            Self::WindowOpened(_) => "window.opened",
            Self::WindowClosing(_) => "window.closing",
            Self::WindowClosed(_) => "window.closed",
            Self::AccountRestricted(_) => "account.restricted",
            Self::AccountAtRisk(_) => "account.at_risk",
            Self::AccountRecovered(_) => "account.recovered",
            Self::BudgetWarning(_) => "budget.warning",
            Self::BudgetExhausted(_) => "budget.exhausted",
        }
    }
}

/// The extension `sequence` is a string whose order as text is the order of the events.
mod sequence {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(super) fn serialize<S: Serializer>(number: &Option<u32>, to: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => to.serialize_str(&format!("{number:010}")),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(|_| D::Error::custom("not a sequence number")))
            .transpose()
    }
}
