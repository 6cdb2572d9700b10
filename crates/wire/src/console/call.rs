//! What does the console know about a call?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use terms::{AgentId, CallId, Country, Direction, Money, Party, Timestamp, UserId, UserRef, WaId};

use super::QueuePlace;

/// The user in a call.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Peer {
    /// The name, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<WaId>,
    /// The business-scoped id, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The id scoped to the business above, where that has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_user_id: Option<UserId>,
}

impl Peer {
    /// The user, where one id at least is known.
    #[must_use]
    pub fn user(&self) -> Option<UserRef> {
        UserRef::new(self.wa_id.clone(), self.user_id.clone())
    }

    /// A user and the name, where known.
    #[must_use]
    pub fn of(user: &UserRef, name: Option<String>) -> Self {
        let (wa_id, user_id) = (user.wa_id().cloned(), user.user_id().cloned());
        Self { name, wa_id, user_id, parent_user_id: None }
    }

    /// The country of the number, or of the business-scoped id.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        self.user()?.country()
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("wa_id", &self.wa_id)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The platform was asked to call the user.
    Placing,
    /// It rings: at agents, or at the user.
    Ringing,
    /// A flow talks with the user.
    InFlow,
    /// An agent talks with the user.
    Connected,
    /// The user waits for the agent.
    Held,
    /// The user waits; another agent rings to take the call over.
    Transferring,
    /// The user waits; the agent asks another one.
    Consulting,
    /// User, agent and the other agent hear each other.
    ThreeWay,
    /// It is over.
    Ended,
}

/// A supervisor in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Supervisor {
    /// Who.
    pub id: AgentId,
    /// Who hears the supervisor.
    pub how: Supervising,
    /// Since when so.
    pub since: Timestamp,
}

/// Who hears a supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Supervising {
    /// Nobody.
    Listening,
    /// The agent.
    Whispering,
    /// Everybody.
    Joined,
}

/// A telephone of the house that rings for a call or has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TrunkPlace {
    /// The trunk.
    pub name: String,
    /// Whom it rings there.
    pub extension: String,
    /// How far it is.
    pub state: TrunkState,
}

/// How far a telephone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TrunkState {
    /// It rings.
    Ringing,
    /// User and telephone hear each other.
    Talking,
    /// It lets the user wait.
    Held,
}

/// A call, live or ended. What is not known is absent, never zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Call {
    /// Its id.
    pub call_id: CallId,
    /// Who started it.
    pub direction: Direction,
    /// How far it is.
    pub state: CallState,
    /// The user.
    pub contact: Peer,
    /// The country of the user's number, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The business number, for people.
    pub number: String,
    /// When it started.
    pub since: Timestamp,
    /// The agent who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The other agent, who rings to take it over or to be asked, is being asked, or was brought in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<AgentId>,
    /// The supervisor who is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<Supervisor>,
    /// Who of ours in it is muted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub muted: Vec<AgentId>,
    /// Who of ours in it talks at a telephone; in a record, who did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_telephone: Vec<AgentId>,
    /// Whether its agent's browser is gone and may come back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub away: bool,
    /// What a bot that gave the call away says about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
    /// The queue it waits in, or came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueuePlace>,
    /// The telephone of the house it is put through to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<TrunkPlace>,
    /// From the deep link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deeplink_payload: Option<String>,
    /// From the button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cta_payload: Option<String>,
    /// When it was picked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it ended: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whose doing or whose fault that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Party>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whole seconds; only if picked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
    /// Billing steps; only for calls that cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulses: Option<u64>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

impl Call {
    /// A call of which only the start is known.
    #[must_use]
    pub fn new(
        call_id: CallId,
        direction: Direction,
        state: CallState,
        contact: Peer,
        number: String,
        since: Timestamp,
    ) -> Self {
        Self {
            call_id,
            direction,
            state,
            country: contact.wa_id.as_ref().and_then(Country::of),
            contact,
            number,
            since,
            agent: None,
            other: None,
            supervisor: None,
            muted: Vec::new(),
            by_telephone: Vec::new(),
            away: false,
            context: BTreeMap::new(),
            queue: None,
            trunk: None,
            deeplink_payload: None,
            cta_payload: None,
            answered_at: None,
            ended_at: None,
            reason: None,
            fault: None,
            text: None,
            duration_s: None,
            pulses: None,
            price: None,
        }
    }
}

/// `GET /v1/calls/{id}/diagnosis`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Diagnosis {
    /// Which call.
    pub call_id: CallId,
    /// What is worth saying, worst first.
    pub verdicts: Vec<Verdict>,
}

/// One thing worth knowing of a call. The code and the facts say all of it, for whoever has words of
/// another language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    /// The numbers and names in the three above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}
