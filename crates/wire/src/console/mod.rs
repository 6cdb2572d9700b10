//! What do an agent's browser and the gateway say to each other?
//!
//! JSON text frames over `/v1/console/ws`, tagged by `type`; the same objects in the gateway's REST
//! answers. The agent's browser always makes the SDP offer, the gateway always answers.

mod agent;
mod call;
mod contact;
mod note;
mod queue;

use serde::{Deserialize, Serialize};
use terms::{AgentId, CallId, PhoneNumberId, Timestamp, UserRef};

use crate::{SdpText, event::Noted};

pub use self::agent::{Agent, AgentState, Colleague, LogIn, Organisation, Presence, Role};
pub use self::call::{
    Call, CallState, Diagnosis, Peer, Supervising, Supervisor, TrunkPlace, TrunkState, Verdict,
};
pub use self::contact::{
    AskPermission, ChatLine, Contact, ContactPermission, PermissionState, PlaceCall, Preflight,
    PreflightPrice, Said, Warning, WriteMessage,
};
pub use self::note::NoteChange;
pub use self::queue::{Offer, OfferCause, Queue, QueuePlace, ServiceLevel, Staff, Waiting};

/// Console → gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromConsole {
    /// Takes calls, or not.
    Presence {
        /// Which.
        state: Presence,
    },
    /// Take a ringing call.
    Answer {
        /// Which.
        call_id: CallId,
        /// The browser's offer.
        sdp: SdpText,
    },
    /// Leave a ringing call to others.
    Decline {
        /// Which.
        call_id: CallId,
    },
    /// Take a call to a user that was offered.
    Take {
        /// Which offer.
        offer_id: String,
        /// The browser's offer.
        sdp: SdpText,
    },
    /// Leave it to others.
    Pass {
        /// Which offer.
        offer_id: String,
    },
    /// Call a user.
    Place {
        /// The user: the number, digits, or the BSUID.
        to: UserRef,
        /// Our number: digits, or its id; may be absent where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The browser's offer.
        sdp: SdpText,
    },
    /// End a call.
    HangUp {
        /// Which.
        call_id: CallId,
    },
    /// Close or open the own microphone towards those who hear it.
    Mute {
        /// Which call.
        call_id: CallId,
        /// Closed?
        on: bool,
    },
    /// Let the user wait, with music.
    Hold {
        /// Which call.
        call_id: CallId,
    },
    /// Back to the user, from hold or from asking another agent.
    Resume {
        /// Which call.
        call_id: CallId,
    },
    /// Give the call away.
    Transfer {
        /// Which call.
        call_id: CallId,
        /// Where to.
        to: Destination,
    },
    /// Ask another agent, whoever serves a queue, or a telephone of the house, while the user waits.
    Consult {
        /// Which call.
        call_id: CallId,
        /// Whom.
        #[serde(flatten)]
        with: Consulted,
    },
    /// Hand the call over to the agent who was asked.
    HandOver {
        /// Which call.
        call_id: CallId,
    },
    /// Bring the agent who was asked into the call.
    Merge {
        /// Which call.
        call_id: CallId,
    },
    /// Listen to a call as a supervisor, or only listen again.
    Listen {
        /// Which call.
        call_id: CallId,
        /// The browser's offer; absent for one who is in the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sdp: Option<SdpText>,
    },
    /// Talk to the agent alone, as the supervisor in the call.
    Whisper {
        /// Which call.
        call_id: CallId,
    },
    /// Talk to all, as the supervisor in the call.
    Join {
        /// Which call.
        call_id: CallId,
    },
    /// Leave the call, as the supervisor in it.
    Leave {
        /// Which call.
        call_id: CallId,
    },
    /// Back in a call after the page was gone.
    Rejoin {
        /// Which call.
        call_id: CallId,
        /// The browser's new offer.
        sdp: SdpText,
    },
    /// Write down something about a call; what is absent stays, `null` takes it back.
    Note {
        /// Which call.
        call_id: CallId,
        /// What.
        #[serde(flatten)]
        change: NoteChange,
    },
    /// Press a key of the dialpad.
    Digit {
        /// Which call.
        call_id: CallId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
}

/// Whom an agent asks about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Consulted {
    /// Another agent.
    Agent {
        /// Whom.
        agent: AgentId,
    },
    /// Whoever of those who serve a queue is free, the longest idle first.
    Queue {
        /// The queue's name.
        queue: String,
    },
    /// A telephone of the house.
    Telephone {
        /// The trunk's name.
        trunk: String,
        /// Whom to ring there.
        extension: String,
    },
}

/// Where a call is given to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Destination {
    /// To another agent.
    Agent {
        /// Whom.
        id: AgentId,
    },
    /// To the flow.
    Flow {
        /// At this step; at its start when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
    },
    /// To a queue.
    Queue {
        /// Its name.
        name: String,
    },
    /// To a bot.
    Bot {
        /// Its name.
        name: String,
    },
    /// To a telephone of the house.
    Trunk {
        /// The trunk's name.
        name: String,
        /// Whom to ring there.
        extension: String,
    },
}

/// Gateway → console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToConsole {
    /// First frame: all there is.
    Hello {
        /// Who is logged in.
        agent: Agent,
        /// Live calls.
        calls: Vec<Call>,
        /// The business number, or the first of several.
        number: Number,
        /// All of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        numbers: Vec<Number>,
        /// Whose they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organisation: Option<Organisation>,
        /// What the browser may use beside its own addresses.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ice_servers: Vec<IceServer>,
        /// Whether it uses nothing but relays of them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        relay_only: bool,
    },
    /// Takes the place of the servers told before, whose login ends.
    IceServers {
        /// What the browser may use beside its own addresses.
        ice_servers: Vec<IceServer>,
        /// Whether it uses nothing but relays of them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        relay_only: bool,
    },
    /// A call rings here.
    Ringing {
        /// Which.
        call: Call,
    },
    /// It no longer rings here.
    RingStopped {
        /// Which.
        call_id: CallId,
        /// Why.
        why: RingStopped,
    },
    /// The answer to the browser's offer.
    Answer {
        /// Which call.
        call_id: CallId,
        /// The gateway's answer.
        sdp: SdpText,
    },
    /// A call changed.
    Call {
        /// As it is.
        call: Call,
    },
    /// A contact changed.
    Contact {
        /// As it is.
        contact: Contact,
    },
    /// Something asked for will not happen.
    Refused {
        /// The `type` of the frame that is refused.
        what: String,
        /// The rule or the error code.
        code: String,
        /// The same for people.
        text: String,
    },
    /// Somebody noted something about a call.
    Noted(Noted),
    /// Who is there.
    Agents {
        /// Everybody.
        agents: Vec<Colleague>,
    },
    /// The agent is about to call somebody.
    Offered {
        /// Whom.
        offer: Offer,
    },
    /// No longer.
    OfferStopped {
        /// Which offer.
        offer_id: String,
        /// Why.
        why: RingStopped,
    },
    /// Who waits in queues; to supervisors.
    Queues {
        /// Every queue.
        queues: Vec<Queue>,
    },
    /// The gateway is being stopped: no new calls come in or go out.
    Draining {
        /// When it ends the calls that still run.
        until: Timestamp,
    },
}

/// A server that helps a browser to a path, as `RTCPeerConnection` takes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// Where it is.
    pub urls: Vec<String>,
    /// The user name.
    pub username: String,
    /// The password.
    pub credential: String,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Why a call no longer rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingStopped {
    /// Another agent took it.
    Taken,
    /// This agent declined.
    Declined,
    /// Nobody took it in time; it goes on to the flow.
    TimedOut,
    /// The caller gave up.
    Ended,
}

/// The business number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Number {
    /// Its id.
    pub phone_number_id: PhoneNumberId,
    /// The number, for people.
    pub display: String,
    /// The business's name, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
