//! Who waits for an agent, and whom is an agent about to call?

use serde::{Deserialize, Serialize};
use terms::{AgentId, CallId, Timestamp};

use super::Peer;

/// Where a call stands, or stood, in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QueuePlace {
    /// The queue.
    pub name: String,
    /// Since when it waits or waited there.
    pub since: Timestamp,
    /// From 1; absent once it waits no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// Whole seconds it will probably wait, as estimated when the position was told; absent when
    /// unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_wait_s: Option<u64>,
}

/// A queue as supervisors see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// What its agents must know about.
    pub skills: Vec<String>,
    /// Who waits, in order.
    pub waiting: Vec<Waiting>,
    /// How many of the agents who could serve it stand how.
    pub agents: Staff,
    /// What came of its calls today.
    pub today: ServiceLevel,
}

/// Somebody who waits: in a call, or to be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// The call, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// The callback, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_id: Option<String>,
    /// The user.
    pub contact: Peer,
    /// Since when.
    pub since: Timestamp,
    /// Higher goes first.
    pub priority: u8,
    /// From 1.
    pub position: u32,
    /// Whole seconds it will probably wait; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_wait_s: Option<u64>,
    /// At whom it rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_to: Option<AgentId>,
}

/// How many agents stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Staff {
    /// Take calls.
    pub available: u32,
    /// A call rings.
    pub ringing: u32,
    /// In a call.
    pub busy: u32,
    /// After one.
    pub wrap_up: u32,
    /// Take none.
    pub away: u32,
    /// No console is open.
    pub offline: u32,
}

/// What came of a queue's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ServiceLevel {
    /// Since when these count: midnight where the queue is, or the gateway's start.
    pub since: Timestamp,
    /// Taken by an agent.
    pub answered: u64,
    /// Those of them that were taken within the threshold.
    pub answered_in_time: u64,
    /// The user hung up first.
    pub abandoned: u64,
    /// The queue was full, the wait too long or nobody there.
    pub overflowed: u64,
    /// The user chose to be called back.
    pub callbacks: u64,
    /// Whole seconds within which a call should be answered.
    pub threshold_s: u64,
    /// Of a hundred that were answered or lost, how many were answered in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_level_percent: Option<u64>,
    /// Whole seconds those who were answered had waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_wait_s: Option<u64>,
}

/// A call to a user that waits for its agent: "you are about to call".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its id.
    pub offer_id: String,
    /// The user.
    pub to: Peer,
    /// Who wants it.
    pub cause: OfferCause,
    /// The queue of a callback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Since when the user of a callback waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    /// When it goes to others.
    pub until: Timestamp,
}

/// Who wants an agent to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferCause {
    /// A program.
    Program,
    /// A user who did not want to wait.
    Callback,
}
