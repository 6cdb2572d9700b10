//! What can be asked of a running call from outside?
//!
//! An agent asks by the console, a program by the API. Whether it has its place is the switchboard's
//! word; whoever asked is told when it has none.

use switchboard::{
    call::{Consulted, Destination, Input, Manner},
    flow::{Key, Room},
};
use terms::AgentId;
use wire::console;

use crate::{config, office::Office, organisation::Organisation};

/// One thing to do with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// Let the user wait.
    Hold,
    /// Back to the user.
    Resume,
    /// Give it away.
    Transfer(Destination),
    /// Ask another agent, or a telephone.
    Consult(Consulted),
    /// Ask whoever serves this queue and is free.
    ConsultQueue(String),
    /// Hand over to the agent who was asked.
    HandOver,
    /// Bring the agent who was asked into the call.
    Merge,
    /// Let somebody of ours in it be unheard, or heard again; absent: who has it.
    Mute {
        /// Who.
        agent: Option<AgentId>,
        /// Unheard?
        on: bool,
    },
    /// Press keys for the user.
    Digits(Vec<Key>),
    /// Only listen again.
    Listen,
    /// Talk to the agent alone.
    Whisper,
    /// Talk to all.
    Join,
    /// Leave the call to those who have it.
    Leave,
    /// End it.
    HangUp,
}

impl Order {
    /// The `type` of the console's frame, and the last part of the API's path.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Transfer(_) => "transfer",
            Self::Consult(_) | Self::ConsultQueue(_) => "consult",
            Self::HandOver => "hand_over",
            Self::Merge => "merge",
            Self::Mute { .. } => "mute",
            Self::Digits(_) => "digits",
            Self::Listen => "listen",
            Self::Whisper => "whisper",
            Self::Join => "join",
            Self::Leave => "leave",
            Self::HangUp => "hang_up",
        }
    }

    /// Whether it is the supervisor in the call of whom it is asked.
    pub(crate) fn is_supervisors(&self) -> bool {
        match self {
            Self::Listen | Self::Whisper | Self::Join | Self::Leave => true,
            Self::Hold
            | Self::Resume
            | Self::Transfer(_)
            | Self::Consult(_)
            | Self::ConsultQueue(_)
            | Self::HandOver
            | Self::Merge
            | Self::Mute { .. }
            | Self::Digits(_)
            | Self::HangUp => false,
        }
    }

    /// Whether only the one who has the call may ask for it, and the switchboard does not ask who does.
    pub(super) fn is_of_who_has_it(&self) -> bool {
        matches!(self, Self::Digits(_))
    }

    /// Who it is asked of, where it names somebody.
    pub(super) fn named(&self) -> Option<&AgentId> {
        match self {
            Self::Mute { agent, on: _ } => agent.as_ref(),
            Self::Hold
            | Self::Resume
            | Self::Transfer(_)
            | Self::Consult(_)
            | Self::ConsultQueue(_)
            | Self::HandOver
            | Self::Merge
            | Self::Digits(_)
            | Self::Listen
            | Self::Whisper
            | Self::Join
            | Self::Leave
            | Self::HangUp => None,
        }
    }

    /// The same as what happens to the call, for the agent or supervisor it is asked of.
    pub(super) fn inputs(self, agent: AgentId) -> Vec<Input> {
        let one = match self {
            Self::Digits(keys) => return keys.into_iter().map(Input::AgentKey).collect(),
            Self::Hold => Input::AgentHolds(agent),
            Self::Resume => Input::AgentResumes(agent),
            Self::Transfer(to) => Input::AgentTransfers { agent, to },
            Self::Consult(with) => Input::AgentConsults { agent, with },
            // The call's task has put somebody in its place.
            Self::ConsultQueue(_) => return Vec::new(),
            Self::HandOver => Input::AgentCompletes(agent),
            Self::Merge => Input::AgentMerges(agent),
            Self::Mute { agent: named, on } => {
                Input::AgentMute { agent: named.unwrap_or(agent), on }
            }
            Self::Listen => Input::SupervisorListens(agent),
            Self::Whisper => Input::SupervisorTurns { supervisor: agent, to: Manner::Whispering },
            Self::Join => Input::SupervisorTurns { supervisor: agent, to: Manner::Joined },
            Self::Leave => Input::SupervisorLeaves(agent),
            Self::HangUp => Input::AgentHungUp(agent),
        };
        vec![one]
    }
}

/// Who asks.
#[derive(Debug)]
pub(crate) enum Asker {
    /// This agent, about a call of the agent's own, or this supervisor in a call.
    Agent(AgentId),
    /// A program or a supervisor, for whichever agent has the call; a program, for whichever
    /// supervisor is in it.
    Business,
}

/// Whether there is such a place in the organisation. The steps of its flow a call's task knows alone.
///
/// # Errors
///
/// What there is not, for people.
pub(crate) fn known(
    office: &Office,
    organisation: &Organisation,
    to: &console::Destination,
) -> Result<(), String> {
    let (config, house) = (&office.config, &organisation.id);
    let missing = match to {
        console::Destination::Flow { .. } => None,
        console::Destination::Agent { id } => organisation
            .consoles
            .agent(id)
            .is_none()
            .then(|| format!("agent: nobody here is called {id}")),
        console::Destination::Queue { name } => {
            let named = |queue: &config::Queue| queue.organisation == *house && queue.name == *name;
            let is_there = config.queues.iter().any(named);
            (!is_there).then(|| format!("There is no queue {name}."))
        }
        console::Destination::Bot { name } => {
            let is_there = config.bot(house, name).is_some();
            (!is_there).then(|| format!("There is no bot {name}."))
        }
        console::Destination::Trunk { name, extension } => match office.trunks.find(house, name) {
            None => Some(format!("There is no trunk {name}.")),
            Some(road) => {
                let allowed = &road.trunk.extensions;
                (!allowed.allow(extension)).then(|| {
                    format!("The trunk {name} has no extension {extension}, only {allowed}.")
                })
            }
        },
    };
    missing.map_or(Ok(()), Err)
}

/// To ask somebody.
pub(crate) fn consult(with: console::Consulted) -> Order {
    match with {
        console::Consulted::Agent { agent } => Order::Consult(Consulted::Agent(agent)),
        console::Consulted::Queue { queue } => Order::ConsultQueue(queue),
        console::Consulted::Telephone { trunk, extension } => {
            Order::Consult(Consulted::Telephone { trunk, extension })
        }
    }
}

/// The same as a place a call can be given to: whom one may ask, one may transfer to.
pub(crate) fn as_destination(with: &console::Consulted) -> console::Destination {
    match with.clone() {
        console::Consulted::Agent { agent } => console::Destination::Agent { id: agent },
        console::Consulted::Queue { queue } => console::Destination::Queue { name: queue },
        console::Consulted::Telephone { trunk, extension } => {
            console::Destination::Trunk { name: trunk, extension }
        }
    }
}

/// Where a call is given to, as the switchboard has it.
pub(crate) fn destination(to: console::Destination) -> Destination {
    match to {
        console::Destination::Agent { id } => Destination::Agent(id),
        console::Destination::Flow { step } => Destination::Flow { step },
        console::Destination::Queue { name } => Destination::Room(Room::Queue(name)),
        console::Destination::Bot { name } => Destination::Room(Room::Bot(name)),
        console::Destination::Trunk { name, extension } => {
            Destination::Room(Room::Trunk { trunk: name, extension })
        }
    }
}
