//! What does the gateway tell the business's own systems?
//!
//! Every event is a CloudEvents 1.0 document in JSON. Its `id` is the same in every delivery of it,
//! its `type` one of [`KINDS`], its `subject` the call, the user or the number it is about. The events
//! of one call are numbered by the extension `sequence`, from one. [`signature`] proves the sender.

pub mod signature;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terms::Timestamp;

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
    "call.missed",
    "call.ended",
    "call.amended",
    "permission.granted",
    "permission.rejected",
    "permission.revoked",
    "permission.expired",
    "window.opened",
    "window.closing",
    "window.closed",
    "account.restricted",
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
    /// A user's call that nobody and nothing answered is over.
    #[serde(rename = "call.missed")]
    CallMissed(Box<MissedCall>),
    /// The call is over; the data is its record.
    #[serde(rename = "call.ended")]
    CallEnded(Value),
    /// The platform's figures came after the record was told; the data is the whole record.
    #[serde(rename = "call.amended")]
    CallAmended(Value),
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
}

/// A user's call that was not answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissedCall {
    /// The call.
    #[serde(flatten)]
    pub call: Call,
    /// How it came to be missed.
    pub missed: Missed,
}

/// How a call came to be missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// The user hung up, or the platform's wait was over.
    CallerGaveUp,
    /// No agent took it in time and no flow is set up.
    NobodyAnswered,
    /// The user hung up while waiting in a queue.
    Abandoned,
    /// Something broke; the call's `reason` and `fault` say what.
    Failed,
}

/// How a user's permission stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
            Self::CallMissed(_) => "call.missed",
            Self::CallEnded(_) => "call.ended",
            Self::CallAmended(_) => "call.amended",
            Self::PermissionGranted(_) => "permission.granted",
            Self::PermissionRejected(_) => "permission.rejected",
            Self::PermissionRevoked(_) => "permission.revoked",
            Self::PermissionExpired(_) => "permission.expired",
            Self::WindowOpened(_) => "window.opened",
            Self::WindowClosing(_) => "window.closing",
            Self::WindowClosed(_) => "window.closed",
            Self::AccountRestricted(_) => "account.restricted",
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
