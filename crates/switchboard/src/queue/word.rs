//! What can be said to the queues, and what do they say?

use std::{collections::BTreeMap, time::Duration};

use jiff::tz::TimeZone;
use terms::{AgentId, CallId, Timestamp};

use crate::agent::Skills;

/// What is set for a queue.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What its agents must know about.
    pub skills: Skills,
    /// How long one agent rings.
    pub ring_for: Duration,
    /// How soon a call should be answered; what the service level counts.
    pub in_time: Duration,
    /// Where its days begin.
    pub zone: TimeZone,
}

/// How a flow's step enters a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub queue: String,
    /// Higher goes first; 0 is usual.
    pub priority: u8,
    /// How long the call may wait.
    pub max_wait: Option<Duration>,
    /// How many may wait already.
    pub max_length: usize,
    /// Whether to go elsewhere when nobody who could take it is at work.
    pub unless_nobody: bool,
}

/// Who waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ticket {
    /// The user of this call, with music.
    Call(CallId),
    /// A user who will be called back: the callback's id.
    Callback(String),
}

/// How an agent stands towards queues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Duty {
    /// Can be offered a call, and since when.
    Free(Timestamp),
    /// Something rings there.
    Ringing,
    /// In a call.
    Busy,
    /// After one.
    WrapUp,
    /// Takes none: away or offline.
    #[default]
    Off,
}

/// How a call left a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// This agent has it.
    Answered(AgentId),
    /// The user hung up.
    Abandoned,
    /// The user will be called back.
    CalledBack,
    /// The queue could not keep it.
    Overflowed(Overflow),
    /// It ended or went on otherwise.
    MovedOn,
}

impl Left {
    /// The word for records.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Answered(_) => "answered",
            Self::Abandoned => "abandoned",
            Self::CalledBack => "callback",
            Self::Overflowed(_) => "overflow",
            Self::MovedOn => "moved_on",
        }
    }
}

/// Why a queue does not keep a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Too many wait.
    Full,
    /// It waited as long as it may.
    WaitedTooLong,
    /// Nobody who could take it is at work.
    NobodyThere,
    /// There is no such queue, or it does not answer.
    NoQueue,
}

/// Somebody who takes calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker {
    /// How they stand.
    pub duty: Duty,
    /// What they know about.
    pub skills: Skills,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody comes to wait; `since` is earlier than now for who kept a place.
    Enters {
        /// Who.
        ticket: Ticket,
        /// How.
        entry: Entry,
        /// Since when it counts.
        since: Timestamp,
    },
    /// Somebody waits no more.
    Leaves {
        /// Who.
        ticket: Ticket,
        /// How.
        left: Left,
    },
    /// An agent does not take what was offered.
    Passes {
        /// What.
        ticket: Ticket,
        /// Who.
        agent: AgentId,
    },
    /// Everybody who takes calls, as they are now; who is missing is off.
    Duties(BTreeMap<AgentId, Taker>),
    /// Time passed; see [`super::Floor::next_timeout`].
    Tick,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ring this agent for it.
    Offer {
        /// What.
        ticket: Ticket,
        /// Whom.
        agent: AgentId,
    },
    /// Ring this agent no more.
    Withdraw {
        /// What.
        ticket: Ticket,
        /// Whom.
        agent: AgentId,
    },
    /// It is not in the queue, or no more.
    Overflow {
        /// What.
        ticket: Ticket,
        /// Why.
        why: Overflow,
    },
    /// Its place changed.
    Place {
        /// What.
        ticket: Ticket,
        /// From 1.
        position: usize,
        /// How long it will probably wait.
        estimate: Option<Duration>,
    },
}
