//! Where is the call?
//!
//! ```text
//! user calls      Opening ─▶ Offered ─▶ Accepting ─▶ Joining ─▶ Bridged | InFlow ─▶ Ending ─▶ Ended
//! business calls  Placing ─▶ Dialing ─▶ Ringing ─▶ Joining ─▶ Bridged | InFlow ─▶ Ending ─▶ Ended
//!
//! in the call     Bridged ◀─▶ Held ◀─▶ Consulting ─▶ Bridged (the other agent)
//!                 Consulting | Inquiring ─▶ ThreeWay ─▶ Bridged (whichever agent stays) | InFlow
//!                 Bridged | Held ─▶ Transferring ─▶ Bridged (the other agent) | InFlow
//!                 Bridged | Held ◀─▶ Inquiring ─▶ InFlow (the telephone has the user)
//! ```
//!
//! `Joining` is the moment between the accepted call and a media path that is up. Any state may go
//! to `Ended`; `Ending` waits for the platform's `terminate` webhook, which has the figures.

use terms::{AgentId, Timestamp};

use super::{Consult, Consulted, EndReason, Held, Inquiry, ThreeWay, Transfer};
use crate::flow::Cursor;

/// Where the call is, with the data of that place alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A user calls; our leg is being opened.
    Opening,
    /// A user calls; agents may ring; `accept` has not been sent.
    Offered(Offered),
    /// `accept` is on its way for this answerer.
    Accepting {
        /// Who answers.
        answerer: Answerer,
        /// When we give up on the platform.
        until: Timestamp,
    },
    /// The call is accepted; the media path is not up.
    Joining {
        /// Who answers.
        answerer: Answerer,
        /// When we give up on the media path.
        until: Timestamp,
    },
    /// The flow has the call.
    InFlow(Cursor),
    /// User and agent hear each other.
    Bridged {
        /// The agent.
        agent: AgentId,
    },
    /// The user waits for the agent.
    Held(Held),
    /// The user waits; another agent rings.
    Transferring(Transfer),
    /// The user waits; the agent asks another one.
    Consulting(Consult),
    /// The user waits; the agent asks a telephone of the house.
    Inquiring(Inquiry),
    /// User, agent and the one who was asked hear each other.
    ThreeWay(ThreeWay),
    /// The business calls; `connect` has not returned.
    Placing(Outward),
    /// The platform has the call; the phone does not ring yet.
    Dialing(Outward),
    /// The user's phone rings.
    Ringing(Outward),
    /// The business ended the call; the platform has not confirmed it.
    Ending {
        /// Why.
        reason: EndReason,
        /// Whether to send `terminate` again at `again_at`.
        again_at: Option<Timestamp>,
        /// How often `terminate` may still be sent to a platform that does not answer.
        tries_left: u8,
        /// When to record the call without the platform's figures.
        until: Timestamp,
    },
    /// Over.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// A user's call before it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Whether `pre_accept` has returned; `accept` follows it, never overtakes it.
    pub(super) pre_accepted: bool,
    /// The agents that ring; `None` until the shell reported them.
    pub(super) ringing: Option<Vec<AgentId>>,
    /// When ringing ends.
    pub(super) until: Timestamp,
    /// Who answers once `pre_accept` has returned.
    pub(super) answerer: Option<Answerer>,
}

/// Who answers a user's call, or speaks in one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answerer {
    /// A person.
    Agent(AgentId),
    /// The flow.
    Flow,
    /// A telephone of the house; only in a call of ours, which that telephone placed.
    Telephone {
        /// The trunk it came by.
        trunk: String,
        /// Who called there.
        extension: String,
    },
}

impl Answerer {
    /// The person, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Flow | Self::Telephone { .. } => None,
        }
    }
}

/// A business's call before it is picked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outward {
    /// Who speaks once the user picks up.
    pub(super) answerer: Answerer,
    /// Whether the user said no; `terminate` follows.
    pub(super) rejected: bool,
    /// When we stop trying.
    pub(super) until: Timestamp,
}

impl State {
    /// The word for consoles and records.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Offered(_) | Self::Ringing(_) => "ringing",
            Self::Accepting { .. } | Self::Joining { .. } => "connecting",
            Self::InFlow(_) => "in_flow",
            Self::Bridged { .. } => "connected",
            Self::Held(_) => "held",
            Self::Transferring(_) => "transferring",
            Self::Consulting(_) | Self::Inquiring(_) => "consulting",
            Self::ThreeWay(_) => "three_way",
            Self::Placing(_) | Self::Dialing(_) => "placing",
            Self::Ending { .. } => "ending",
            Self::Ended { .. } => "ended",
        }
    }

    /// The agent who has or places the call.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Bridged { agent }
            | Self::Accepting { answerer: Answerer::Agent(agent), until: _ }
            | Self::Joining { answerer: Answerer::Agent(agent), until: _ } => Some(agent),
            Self::Placing(out) | Self::Dialing(out) | Self::Ringing(out) => out.answerer.agent(),
            Self::Held(held) => Some(&held.agent),
            Self::Consulting(consult) => Some(&consult.agent),
            Self::Inquiring(inquiry) => Some(&inquiry.agent),
            Self::ThreeWay(three) => Some(&three.agent),
            Self::Offered(offered) => offered.answerer.as_ref().and_then(Answerer::agent),
            Self::Opening
            | Self::Accepting { answerer: Answerer::Flow | Answerer::Telephone { .. }, until: _ }
            | Self::Joining { answerer: Answerer::Flow | Answerer::Telephone { .. }, until: _ }
            | Self::InFlow(_)
            | Self::Transferring(_)
            | Self::Ending { .. }
            | Self::Ended { .. } => None,
        }
    }

    /// The agent whom the agent asks, once the two talk, or whom the agent has brought in.
    #[must_use]
    pub fn consulted(&self) -> Option<&AgentId> {
        match self {
            Self::Consulting(consult) => consult.until.is_none().then_some(&consult.with),
            Self::ThreeWay(_) => self.brought_in_agent(),
            Self::Opening
            | Self::Offered(_)
            | Self::Accepting { .. }
            | Self::Joining { .. }
            | Self::InFlow(_)
            | Self::Bridged { .. }
            | Self::Held(_)
            | Self::Inquiring(_)
            | Self::Transferring(_)
            | Self::Placing(_)
            | Self::Dialing(_)
            | Self::Ringing(_)
            | Self::Ending { .. }
            | Self::Ended { .. } => None,
        }
    }

    /// Whether somebody of the business beside the agent talks, with the agent or with all.
    pub(super) fn has_third(&self) -> bool {
        match self {
            Self::Consulting(consult) => consult.until.is_none(),
            Self::Inquiring(inquiry) => inquiry.until.is_none(),
            Self::ThreeWay(_) => true,
            Self::Opening
            | Self::Offered(_)
            | Self::Accepting { .. }
            | Self::Joining { .. }
            | Self::InFlow(_)
            | Self::Bridged { .. }
            | Self::Held(_)
            | Self::Transferring(_)
            | Self::Placing(_)
            | Self::Dialing(_)
            | Self::Ringing(_)
            | Self::Ending { .. }
            | Self::Ended { .. } => false,
        }
    }

    /// Whether the call is on a trunk, for the flow or for an agent.
    pub(super) fn is_on_trunk(&self) -> bool {
        match self {
            Self::InFlow(cursor) => cursor.is_on_trunk(),
            Self::Inquiring(_) => true,
            Self::ThreeWay(three) => matches!(three.with, Consulted::Telephone { .. }),
            Self::Placing(_) | Self::Dialing(_) | Self::Ringing(_) | Self::Joining { .. } => {
                self.waits_with_telephone()
            }
            Self::Opening
            | Self::Offered(_)
            | Self::Accepting { .. }
            | Self::Bridged { .. }
            | Self::Held(_)
            | Self::Transferring(_)
            | Self::Consulting(_)
            | Self::Ending { .. }
            | Self::Ended { .. } => false,
        }
    }

    /// Whether a telephone placed the call and does not talk yet.
    pub(super) fn waits_with_telephone(&self) -> bool {
        match self {
            Self::Placing(out) | Self::Dialing(out) | Self::Ringing(out) => {
                matches!(out.answerer, Answerer::Telephone { .. })
            }
            Self::Joining { answerer, until: _ } => {
                matches!(answerer, Answerer::Telephone { .. })
            }
            Self::Opening
            | Self::Offered(_)
            | Self::Accepting { .. }
            | Self::InFlow(_)
            | Self::Bridged { .. }
            | Self::Held(_)
            | Self::Transferring(_)
            | Self::Consulting(_)
            | Self::Inquiring(_)
            | Self::ThreeWay(_)
            | Self::Ending { .. }
            | Self::Ended { .. } => false,
        }
    }

    /// The other agent of a transfer, a consultation or a three-way call.
    #[must_use]
    pub fn other_agent(&self) -> Option<&AgentId> {
        match self {
            Self::Transferring(transfer) => Some(&transfer.rings),
            Self::Consulting(consult) => Some(&consult.with),
            Self::ThreeWay(_) => self.brought_in_agent(),
            Self::Opening
            | Self::Offered(_)
            | Self::Accepting { .. }
            | Self::Joining { .. }
            | Self::InFlow(_)
            | Self::Bridged { .. }
            | Self::Held(_)
            | Self::Inquiring(_)
            | Self::Placing(_)
            | Self::Dialing(_)
            | Self::Ringing(_)
            | Self::Ending { .. }
            | Self::Ended { .. } => None,
        }
    }

    /// Whether the call is picked up and not over.
    #[must_use]
    pub(super) fn runs(&self) -> bool {
        match self {
            Self::Joining { .. }
            | Self::InFlow(_)
            | Self::Bridged { .. }
            | Self::Held(_)
            | Self::Transferring(_)
            | Self::Consulting(_)
            | Self::Inquiring(_)
            | Self::ThreeWay(_) => true,
            Self::Opening
            | Self::Offered(_)
            | Self::Accepting { .. }
            | Self::Placing(_)
            | Self::Dialing(_)
            | Self::Ringing(_)
            | Self::Ending { .. }
            | Self::Ended { .. } => false,
        }
    }

    /// Whether an agent talks with the user or lets the user wait.
    #[must_use]
    pub fn is_answered_by_agent(&self) -> bool {
        matches!(
            self,
            Self::Bridged { .. } | Self::Held(_) | Self::Consulting(_) | Self::Inquiring(_)
        )
    }

    /// Whether the user waits for an agent of ours.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(
            self,
            Self::Held(_) | Self::Transferring(_) | Self::Consulting(_) | Self::Inquiring(_)
        )
    }

    /// Whether the call waits for this agent's browser to come back.
    #[must_use]
    pub fn waits_for(&self, agent: &AgentId) -> bool {
        matches!(self, Self::Held(held) if held.agent == *agent && held.away_until.is_some())
    }

    /// Whether this agent rings to take the call over, or to be asked.
    #[must_use]
    pub(super) fn rings_for_transfer(&self, agent: &AgentId) -> bool {
        matches!(self, Self::Transferring(transfer) if transfer.rings == *agent)
            || matches!(self, Self::Consulting(consult)
                if consult.with == *agent && consult.until.is_some())
    }

    /// Whether the call is over or only waits for the platform to say so.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Ending { .. } | Self::Ended { .. })
    }
}
