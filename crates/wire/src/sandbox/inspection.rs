//! What happened in a call?

use serde::{Deserialize, Serialize};
use terms::{CallId, Direction, Money, Party, Timestamp, WaId};

/// A call in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    /// Its id.
    pub call_id: CallId,
    /// Who started it.
    pub direction: Direction,
    /// How far it is.
    pub state: String,
    /// The user.
    pub user: WaId,
    /// The business number.
    pub business: WaId,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// How it ended; absent while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<CallEnd>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// How many verdicts it has.
    #[serde(default)]
    pub verdicts: usize,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEnd {
    /// Why, as a stable word.
    pub reason: String,
    /// Whose doing it was, or whose fault.
    pub party: Party,
    /// The same for people.
    pub text: String,
    /// The error its `terminate` webhook reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// When.
    pub at: Timestamp,
    /// How long it was connected; absent if it was never answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_ms: Option<u64>,
}

/// `GET /sandbox/v1/calls`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPage {
    /// The calls of this page.
    pub calls: Vec<CallSummary>,
    /// What to give as `before` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<CallId>,
}

/// `GET /sandbox/v1/calls/{id}`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallInspection {
    /// Which call.
    pub call_id: CallId,
    /// Who started it.
    pub direction: Direction,
    /// How far it is.
    pub state: String,
    /// The user.
    pub user: WaId,
    /// The business number.
    pub business: WaId,
    /// From a deep link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deeplink_payload: Option<String>,
    /// From a button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cta_payload: Option<String>,
    /// `biz_opaque_callback_data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
    /// How it ended; absent while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<CallEnd>,
    /// Whether `…/recording.wav` has something to play.
    #[serde(default)]
    pub recorded: bool,
    /// The way there.
    pub states: Vec<StateChange>,
    /// What each side heard.
    pub legs: Legs,
    /// What is worth saying about it.
    pub verdicts: Vec<Verdict>,
    /// What the call cost; messages sent in it are apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// The messages the business sent in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<MessageInCall>,
}

/// A message that was sent in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageInCall {
    /// Its id.
    pub id: String,
    /// What it is, for its price: `SERVICE`, `UTILITY`, `MARKETING`, `AUTHENTICATION`.
    pub category: String,
    /// Why it is free, or that it is `billed`: `free`, `free_of_month`, `free_in_window`.
    pub charge: String,
    /// What it cost; absent if it was free, and if no rate is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// One step of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The state entered.
    pub state: String,
    /// When.
    pub at: Timestamp,
}

/// Both legs of a call, as far as they existed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Legs {
    /// The user's phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<LegReport>,
    /// The business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business: Option<LegReport>,
}

/// One leg.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LegReport {
    /// What arrived at this party.
    pub heard: Heard,
}

/// What a party heard. What was not measured is absent, never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Heard {
    /// Level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dbfs: Option<f64>,
    /// Loudest tone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone_hz: Option<f64>,
    /// Packets that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// Packets that did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Jitter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Estimated quality, 1 to 4.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mos: Option<f64>,
}

/// Something worth saying about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// A stable word.
    pub code: String,
    /// What happened.
    pub text: String,
    /// What shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}
