//! What do an agent's browser and the gateway say to each other?
//!
//! JSON text frames over `/v1/console/ws`, tagged by `type`; the same objects in the gateway's REST
//! answers. The agent's browser always makes the SDP offer, the gateway always answers.

use serde::{Deserialize, Serialize};
use terms::{AgentId, CallId, Direction, Money, Party, PhoneNumberId, Timestamp, UserId, WaId};

use crate::SdpText;

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
    /// Call a user.
    Place {
        /// The user's number.
        to: WaId,
        /// The browser's offer.
        sdp: SdpText,
    },
    /// End a call.
    HangUp {
        /// Which.
        call_id: CallId,
    },
    /// Close or open the agent's microphone towards the user.
    Mute {
        /// Which call.
        call_id: CallId,
        /// Closed?
        on: bool,
    },
    /// Press a key of the dialpad.
    Digit {
        /// Which call.
        call_id: CallId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
}

/// Whether an agent takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Yes.
    Available,
    /// No.
    Away,
}

/// How an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Takes calls.
    Available,
    /// Takes none.
    Away,
    /// A call rings.
    Ringing,
    /// In a call.
    Busy,
    /// No console is open.
    Offline,
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
        /// The business number.
        number: Number,
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
    /// Who is there.
    Agents {
        /// Everybody.
        agents: Vec<Colleague>,
    },
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

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The id.
    pub id: AgentId,
    /// The name.
    pub name: String,
    /// What the agent may do.
    pub role: Role,
    /// How the agent stands.
    pub state: AgentState,
}

/// Another agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colleague {
    /// The id.
    pub id: AgentId,
    /// The name.
    pub name: String,
    /// How the agent stands.
    pub state: AgentState,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes and places calls.
    Agent,
    /// Sees everybody's.
    Supervisor,
}

/// The business number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// Its id.
    pub phone_number_id: PhoneNumberId,
    /// The number, for people.
    pub display: String,
    /// The business's name, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The user in a call.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// It is over.
    Ended,
}

/// A call, live or ended. What is not known is absent, never zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub call_id: CallId,
    /// Who started it.
    pub direction: Direction,
    /// How far it is.
    pub state: CallState,
    /// The user.
    pub contact: Peer,
    /// The business number, for people.
    pub number: String,
    /// When it started.
    pub since: Timestamp,
    /// The agent who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
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
            contact,
            number,
            since,
            agent: None,
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

/// A user the business has seen: `GET /v1/contacts` and `/v1/contacts/{wa_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who.
    #[serde(flatten)]
    pub peer: Peer,
    /// Whether the user may be called.
    pub permission: ContactPermission,
    /// Until when the service window is open, as far as the gateway knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_open_until: Option<Timestamp>,
    /// What was said, oldest first; only in `/v1/contacts/{wa_id}` and `contact` frames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chat: Vec<ChatLine>,
}

/// Whether a user may be called, as far as the gateway knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPermission {
    /// Which kind.
    pub state: PermissionState,
    /// When a temporary one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// The kinds of permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionState {
    /// Never asked, refused, expired or taken back.
    None,
    /// Asked, no answer yet.
    Requested,
    /// For seven days.
    Temporary,
    /// Until taken back.
    Permanent,
}

/// One line of a chat with a user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLine {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who wrote it.
    pub from: crate::handset::ChatAuthor,
    /// What it is.
    pub kind: crate::handset::ChatKind,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<crate::handset::ChatEntryState>,
}

impl std::fmt::Debug for ChatLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatLine")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// `POST /v1/permission_requests`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskPermission {
    /// The user's number.
    pub to: WaId,
    /// Words above the fixed ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// `POST /v1/messages`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteMessage {
    /// The user's number.
    pub to: WaId,
    /// The text.
    pub text: String,
}

impl std::fmt::Debug for WriteMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteMessage").field("to", &self.to).finish_non_exhaustive()
    }
}

/// `POST /v1/session`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The agent's id.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for LogIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogIn").field("user", &self.user).finish_non_exhaustive()
    }
}

/// `GET /v1/preflight?to=&from=`: may this user be called, and at what price?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// Whether the call may be made.
    pub allowed: bool,
    /// The rule that decides.
    pub rule: String,
    /// What it looked at.
    pub evidence: String,
    /// When the answer changes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_at: Option<Timestamp>,
    /// What it would cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PreflightPrice>,
}

/// What a call would cost. Amounts are decimal strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightPrice {
    /// For one pulse of 6 seconds.
    pub pulse: String,
    /// For one minute.
    pub per_minute: String,
    /// In which currency.
    pub currency: String,
    /// From which rate card.
    pub card: String,
}

/// `GET /v1/calls/{id}/diagnosis`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Which call.
    pub call_id: CallId,
    /// What is worth saying, worst first.
    pub verdicts: Vec<crate::sandbox::Verdict>,
}
