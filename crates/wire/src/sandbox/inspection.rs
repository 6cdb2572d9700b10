//! What happened in a call?

use serde::{Deserialize, Serialize};
use terms::{CallId, Direction, Money, Timestamp, WaId};

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
    /// The way there.
    pub states: Vec<StateChange>,
    /// What each side heard.
    pub legs: Legs,
    /// What is worth saying about it.
    pub verdicts: Vec<Verdict>,
    /// What it cost.
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
    /// What to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}
