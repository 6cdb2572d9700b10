//! Who ended the call, or whose fault was it?
//!
//! Every ended call has one [`EndReason`]. [`EndReason::fault`] names the party at fault, or none
//! when people simply hung up; [`EndReason::text`] says it in words for the console and the record.

use terms::AgentId;

/// Why a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The user hung up a running call.
    UserHungUp,
    /// The user's call ended before we answered: the user gave up or the platform's wait was over.
    CallerGaveUp,
    /// The user rejected our call.
    UserRejected,
    /// The user did not pick up our call.
    UserDidNotAnswer,
    /// The agent hung up.
    AgentHungUp(AgentId),
    /// The agent stopped calling before the user picked up.
    AgentCancelled(AgentId),
    /// The telephone of the house that placed the call hung up.
    TelephoneHungUp,
    /// The telephone of the house that placed the call gave up before the user picked up.
    TelephoneCancelled,
    /// A program of the business ended the call.
    ProgramHungUp,
    /// The flow hung up at its step.
    FlowHungUp {
        /// The step's name.
        step: String,
    },
    /// No agent took the call and there is no flow.
    NobodyAnswered,
    /// The agent's browser is gone.
    AgentGone(AgentId),
    /// The platform refused a request.
    PlatformRefused {
        /// The API's action.
        action: &'static str,
        /// Graph's code.
        code: i64,
        /// Graph's text.
        text: String,
    },
    /// The platform did not answer a request, or broke over it.
    PlatformUnreachable {
        /// The API's action.
        action: &'static str,
        /// What we saw.
        why: String,
    },
    /// The platform ended the call with an error.
    PlatformReported {
        /// The API's code.
        code: i64,
        /// Its text.
        text: String,
    },
    /// The platform's session description cannot be used.
    SessionUnusable {
        /// Why.
        why: String,
    },
    /// The platform sent nothing we waited for.
    PlatformSilent {
        /// What we waited for.
        waited_for: &'static str,
    },
    /// No media came from WhatsApp.
    NoMediaFromWhatsapp {
        /// For how long.
        seconds: u64,
    },
    /// The media path to WhatsApp failed.
    WhatsappMediaFailed {
        /// How.
        why: String,
    },
    /// The media path to the agent's browser failed.
    AgentMediaFailed {
        /// How.
        why: String,
    },
    /// The gateway could not open a leg: no socket is free, or it has too much to do.
    NoSocket {
        /// Why.
        why: String,
    },
    /// The gateway was stopped.
    GatewayStopped,
    /// The gateway died and ended this call when it came back.
    GatewayDied,
}

/// Whose fault an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The user or the user's phone.
    User,
    /// The business: its agents, its account, its network.
    Business,
    /// The platform.
    Platform,
    /// This gateway.
    Gateway,
}

impl Fault {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Business => "business",
            Self::Platform => "platform",
            Self::Gateway => "gateway",
        }
    }
}

impl EndReason {
    /// The word for records and programs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::UserHungUp => "user_hung_up",
            Self::CallerGaveUp => "caller_gave_up",
            Self::UserRejected => "user_rejected",
            Self::UserDidNotAnswer => "user_did_not_answer",
            Self::AgentHungUp(_) => "agent_hung_up",
            Self::AgentCancelled(_) => "agent_cancelled",
            Self::TelephoneHungUp => "telephone_hung_up",
            Self::TelephoneCancelled => "telephone_cancelled",
            Self::ProgramHungUp => "program_hung_up",
            Self::FlowHungUp { .. } => "flow_hung_up",
            Self::NobodyAnswered => "nobody_answered",
            Self::AgentGone(_) => "agent_gone",
            Self::PlatformRefused { .. } => "platform_refused",
            Self::PlatformUnreachable { .. } => "platform_unreachable",
            Self::PlatformReported { .. } => "platform_reported",
            Self::SessionUnusable { .. } => "session_unusable",
            Self::PlatformSilent { .. } => "platform_silent",
            Self::NoMediaFromWhatsapp { .. } => "no_media_from_whatsapp",
            Self::WhatsappMediaFailed { .. } => "whatsapp_media_failed",
            Self::AgentMediaFailed { .. } => "agent_media_failed",
            Self::NoSocket { .. } => "no_socket",
            Self::GatewayStopped => "gateway_stopped",
            Self::GatewayDied => "gateway_died",
        }
    }

    /// Whose fault it is; `None` when a person or the flow ended the call as people do.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::UserHungUp
            | Self::CallerGaveUp
            | Self::UserRejected
            | Self::UserDidNotAnswer
            | Self::AgentHungUp(_)
            | Self::AgentCancelled(_)
            | Self::TelephoneHungUp
            | Self::TelephoneCancelled
            | Self::ProgramHungUp
            | Self::FlowHungUp { .. }
            | Self::NobodyAnswered => None,
            Self::AgentGone(_) | Self::AgentMediaFailed { .. } => Some(Fault::Business),
            Self::PlatformRefused { code, .. } | Self::PlatformReported { code, .. } => {
                Some(fault_of_code(*code))
            }
            Self::PlatformUnreachable { .. }
            | Self::SessionUnusable { .. }
            | Self::PlatformSilent { .. }
            | Self::NoMediaFromWhatsapp { .. }
            | Self::WhatsappMediaFailed { .. } => Some(Fault::Platform),
            Self::NoSocket { .. } | Self::GatewayStopped | Self::GatewayDied => {
                Some(Fault::Gateway)
            }
        }
    }

    /// The reason in words.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::UserHungUp => "The user hung up.".into(),
            Self::CallerGaveUp => "The user's call ended before it was answered.".into(),
            Self::UserRejected => "The user declined the call.".into(),
            Self::UserDidNotAnswer => "The user did not pick up.".into(),
            Self::AgentHungUp(agent) => format!("{agent} hung up."),
            Self::AgentCancelled(agent) => {
                format!("{agent} stopped the call before it was answered.")
            }
            Self::TelephoneHungUp => "The telephone that placed the call hung up.".into(),
            Self::TelephoneCancelled => {
                "The telephone stopped the call before it was answered.".into()
            }
            Self::ProgramHungUp => "A program of the business ended the call.".into(),
            Self::FlowHungUp { step } => format!("The flow hung up at step \"{step}\"."),
            Self::NobodyAnswered => "No agent answered and no flow is set up.".into(),
            Self::AgentGone(agent) => format!("The browser of {agent} went away during the call."),
            Self::PlatformRefused { action, code, text } => {
                format!("The platform refused {action}: {text} ({code}).")
            }
            Self::PlatformUnreachable { action, why } => {
                format!("The platform did not answer {action}: {why}.")
            }
            Self::PlatformReported { code, text } => {
                format!("The platform ended the call: {text} ({code}).")
            }
            Self::SessionUnusable { why } => {
                format!("The platform's session cannot be used: {why}.")
            }
            Self::PlatformSilent { waited_for } => format!("The platform never sent {waited_for}."),
            Self::NoMediaFromWhatsapp { seconds } => {
                format!("No audio came from WhatsApp for {seconds} seconds.")
            }
            Self::WhatsappMediaFailed { why } => {
                format!("The audio path to WhatsApp failed: {why}.")
            }
            Self::AgentMediaFailed { why } => {
                format!("The audio path to the agent's browser failed: {why}.")
            }
            Self::NoSocket { why } => format!("The gateway could not open a media leg: {why}."),
            Self::GatewayStopped => "The gateway was stopped.".into(),
            Self::GatewayDied => {
                "The gateway died during the call and ended it when it came back.".into()
            }
        }
    }
}

/// Whose fault a code of the API names (fact sheet 5.7 and 9.3).
fn fault_of_code(code: i64) -> Fault {
    match code {
        138_001 | 138_019 | 138_020 | 138_022 => Fault::User,
        138_004 | 1 | 2 | 131_000 | 131_016 => Fault::Platform,
        _ => Fault::Business,
    }
}
