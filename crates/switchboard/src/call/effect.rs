//! What must the gateway do?
//!
//! Effects are carried out in order, one by one. Session descriptions stay in the shell: it made
//! them or keeps the one that arrived.

use std::time::Duration;

use terms::AgentId;

use super::EndReason;
use crate::flow::{Key, RecordWord, Ring, Spoken, ToBot, ToQueue, ToTrunk};

/// One thing for the gateway to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open the WhatsApp leg on the user's offer and write our answer.
    OpenLeg,
    /// Send `pre_accept` with our answer.
    PreAccept,
    /// Send `accept` with the same answer.
    Accept,
    /// Send `reject`.
    Reject,
    /// Send `terminate`.
    Terminate,
    /// Open the WhatsApp leg, write our offer and send `connect`.
    Connect,
    /// Give the leg the platform's answer that arrived.
    ApplyAnswer,
    /// Media may leave towards WhatsApp from now on.
    OpenGate,
    /// Count how long WhatsApp's media stays away from now on.
    WatchMedia,
    /// Ring these agents and report who rings.
    Ring(Ring),
    /// Stop ringing everybody; `taken_by` has the call.
    StopRinging {
        /// The agent who took the call, if one did.
        taken_by: Option<AgentId>,
    },
    /// Tell the call's queue.
    Queue(ToQueue),
    /// Tell the call's bot.
    Bot(ToBot),
    /// Tell the call's trunk.
    Trunk(ToTrunk),
    /// Let the user and the agent hear each other.
    Bridge,
    /// Let the user hear music and the agent nothing.
    Hold,
    /// Feed every leg with whom it hears now, see [`super::Call::heard_by`].
    Arrange,
    /// Let the agent and who is asked hear each other.
    BridgeConsult,
    /// The one who was asked is the agent now; close the leg of the one before and free that agent.
    TakeOver,
    /// Close the leg of the agent who was asked or brought in, and free that agent.
    DropConsulted,
    /// Close the supervisor's leg and free the supervisor.
    DropSupervisor,
    /// Close the legs of agents and free them.
    DropAgent,
    /// Play a prompt to the user.
    Play {
        /// Its name.
        prompt: String,
        /// Again and again until something else plays.
        forever: bool,
    },
    /// Let the user hear these words; their end is reported as that of a prompt.
    Say {
        /// The words.
        spoken: Spoken,
        /// Again and again until something else plays.
        forever: bool,
    },
    /// The flow turns the recording on, on hold or off.
    Record(RecordWord),
    /// Keep what the user says from here on as a message.
    TakeMessage {
        /// Report when nothing was said for so long.
        silence: Duration,
    },
    /// The message is at its end.
    KeepMessage,
    /// Play nothing to the user.
    PlayNothing,
    /// Let the user hear the user.
    Echo,
    /// Send this key to the user as a telephone-event.
    SendKey(Key),
    /// Drop or pass what this one of ours says.
    MuteAgent {
        /// Who.
        agent: AgentId,
        /// Drop?
        on: bool,
    },
    /// The state changed: consoles should know.
    Tell,
    /// The call is over: close the legs and write the record.
    Finish(EndReason),
}
