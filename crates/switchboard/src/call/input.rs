//! What can happen to a call?

use std::sync::Arc;

use terms::AgentId;

use crate::flow::{Flow, FromBot, FromQueue, FromTrunk, Key};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The WhatsApp leg is open and our session description written.
    LegReady,
    /// The leg cannot be opened on this session description, or not at all.
    LegUnusable(LegTrouble),
    /// `pre_accept` returned.
    PreAccepted(Outcome),
    /// `accept` returned.
    Accepted(Outcome),
    /// `connect` returned.
    Placed(Outcome),
    /// `terminate` or `reject` returned.
    Closed(Outcome),
    /// The platform's answer to our offer arrived (business-initiated `connect` webhook).
    AnswerArrived,
    /// A status webhook.
    Status(Status),
    /// The `terminate` webhook.
    Terminated(Termination),
    /// These agents were rung.
    Rung(Vec<AgentId>),
    /// This agent takes the call; the agent's leg is open.
    AgentAnswered(AgentId),
    /// This agent does not want the call.
    AgentDeclined(AgentId),
    /// This agent hangs up.
    AgentHungUp(AgentId),
    /// This agent's console is gone.
    AgentGone(AgentId),
    /// The agent lets the user wait.
    AgentHolds(AgentId),
    /// The agent comes back to the user who waits, also from a consultation.
    AgentResumes(AgentId),
    /// The agent whose browser was gone is back; the agent's new leg is open.
    AgentReturned(AgentId),
    /// The agent gives the call away.
    AgentTransfers {
        /// Who.
        agent: AgentId,
        /// Where to.
        to: super::Destination,
    },
    /// The agent asks another, or a telephone, while the user waits.
    AgentConsults {
        /// Who.
        agent: AgentId,
        /// Whom.
        with: Consulted,
    },
    /// The agent hands over to the one who was asked.
    AgentCompletes(AgentId),
    /// The agent brings the one who was asked into the call.
    AgentMerges(AgentId),
    /// A supervisor begins to listen, with an open leg, or only listens again.
    SupervisorListens(AgentId),
    /// The supervisor is heard by others than before.
    SupervisorTurns {
        /// Who.
        supervisor: AgentId,
        /// How.
        to: super::Manner,
    },
    /// The supervisor leaves.
    SupervisorLeaves(AgentId),
    /// The agent pressed a key for the user.
    AgentKey(Key),
    /// Somebody of ours in the call wants to be unheard, or heard again.
    AgentMute {
        /// Who.
        agent: AgentId,
        /// Unheard?
        on: bool,
    },
    /// ICE and DTLS with WhatsApp are done.
    MediaConnected,
    /// The first audio of the user arrived.
    MediaHeard,
    /// Neither audio nor reports came from WhatsApp for so long.
    MediaStopped {
        /// Whole seconds.
        seconds: u64,
    },
    /// A leg failed.
    MediaFailed {
        /// Whose.
        side: Side,
        /// How, for people.
        why: String,
    },
    /// The user pressed a key.
    UserKey(Key),
    /// The queue the call waits in has a word for it.
    Queue(FromQueue),
    /// The bot that has the call has a word for it.
    Bot(FromBot),
    /// The trunk the call is on has a word for it.
    Trunk(FromTrunk),
    /// The telephone that has the user gives the user to another one of its trunk.
    TelephoneRefers {
        /// Whom.
        extension: String,
    },
    /// A user who leaves a message has said nothing for the time asked for.
    UserSilent,
    /// A prompt is at its end.
    PlaybackDone,
    /// The flow that was asked for is this one; without one it is the plan's.
    FlowChosen(Option<Arc<Flow>>),
    /// A program of the business ends the call.
    HangUp,
    /// The gateway stops.
    Stop,
    /// Time passed; see [`super::Call::next_timeout`].
    Tick,
}

/// Whom an agent can ask about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consulted {
    /// Another agent.
    Agent(AgentId),
    /// A telephone of the house.
    Telephone {
        /// The trunk's name.
        trunk: String,
        /// Whom to ring there.
        extension: String,
    },
}

/// How a Graph request ended, after its retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, now or before.
    Done,
    /// The platform said no.
    Refused {
        /// Graph's code.
        code: i64,
        /// Its text.
        text: String,
    },
    /// No answer, or one that says the platform is broken.
    Unreachable {
        /// What we saw.
        why: String,
    },
}

/// Whose session description or socket is the trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegTrouble {
    /// The platform's session description cannot be used.
    TheirSession(String),
    /// We could not open a socket.
    OurSocket(String),
}

/// A call's status as the platform reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The user's phone rings.
    Ringing,
    /// The user picked up.
    Accepted,
    /// The user said no.
    Rejected,
}

/// What the `terminate` webhook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Termination {
    /// It carries a start time: the call was picked up.
    pub picked_up: bool,
    /// The first error it carries: code and text.
    pub error: Option<(i64, String)>,
}

/// One of the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The leg towards WhatsApp.
    Whatsapp,
    /// The leg towards the agent.
    Agent,
    /// The leg towards who is asked, or was brought in: an agent or a telephone.
    Consulted,
    /// The leg towards the supervisor.
    Supervisor,
}
