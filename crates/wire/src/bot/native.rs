//! Our own protocol, `offhook.bot.v1`: JSON beside binary linear audio.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use terms::AgentId;

use super::{Command, Event, FRAME_MS, Fault, Frame, Start, Target, context, mark};

/// What a bot says; other types are ignored, for a newer bot may know more.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BotSays {
    /// Say when this is reached.
    Mark {
        /// Its name, 1,024 bytes at most.
        name: String,
    },
    /// Drop what waits.
    Clear,
    /// Whether what follows is heard whatever is cleared.
    Section {
        /// Until the next.
        must_be_heard: bool,
    },
    /// Send the user a key.
    Dtmf {
        /// One of `0123456789*#ABCD`.
        digit: char,
    },
    /// Give the call away, to either.
    Transfer {
        /// To this agent, who is rung for 20 s.
        #[serde(default)]
        agent: Option<AgentId>,
        /// To this step of the flow.
        #[serde(default)]
        step: Option<String>,
        /// What they should know.
        #[serde(default)]
        context: BTreeMap<String, String>,
    },
    /// The bot is done; the flow goes on.
    End,
    /// End the call.
    HangUp,
    /// What an older gateway does not know.
    #[serde(other)]
    Other,
}

/// What a bot is told.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BotIsTold {
    /// First, before any audio.
    Start {
        /// The version of this protocol: 1.
        version: u32,
        /// The call's id at WhatsApp's platform.
        call_id: String,
        /// The conversation's.
        stream_id: String,
        /// The user's number, where it is known.
        from: Option<String>,
        /// The business's number.
        to: String,
        /// How audio is written, both ways.
        audio: BotAudio,
        /// What the flow says about the call.
        context: BTreeMap<String, String>,
    },
    /// All before a mark was heard, or the last of it cleared.
    Mark {
        /// Its name.
        name: String,
        /// Whether something just before it was cleared.
        cleared: bool,
    },
    /// A clear was done.
    Cleared {
        /// Heard since the bot last began to speak.
        heard_ms: u64,
        /// What nobody will hear.
        dropped_ms: u64,
    },
    /// The user pressed a key.
    Dtmf {
        /// Which.
        digit: char,
    },
    /// Audio or a mark was not taken.
    Refused {
        /// So much waits.
        backlog_ms: u64,
    },
    /// The user began to speak, or ceased.
    Speech {
        /// Whether the user speaks now.
        speaking: bool,
        /// Where in the audio the bot got that was, in milliseconds.
        at_ms: u64,
    },
    /// Neither the user nor the bot has said anything for so long; once until somebody does.
    Silence {
        /// What `user_silence_s` asks for.
        ms: u64,
    },
    /// The call is no longer with the bot.
    Stop,
}

/// How audio is written.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BotAudio {
    /// `l16`: linear, 16 bits, the low byte first.
    encoding: &'static str,
    /// Samples a second.
    rate: u32,
    /// One.
    channels: u32,
    /// Of what the bot hears; what it says is in pieces of any length.
    frame_ms: u64,
}

pub(super) fn opening(start: &Start) -> Frame {
    text(&BotIsTold::Start {
        version: 1,
        call_id: start.call_id.clone(),
        stream_id: start.stream_sid.clone(),
        from: start.from.clone(),
        to: start.to.clone(),
        audio: BotAudio { encoding: "l16", rate: start.rate, channels: 1, frame_ms: FRAME_MS },
        context: start.context.clone(),
    })
}

pub(super) fn write(event: &Event) -> Option<Frame> {
    let told = match event {
        Event::Audio(bytes) => return Some(Frame::Binary(bytes.clone())),
        Event::Digit(digit) => BotIsTold::Dtmf { digit: *digit },
        Event::Passed { name, cleared } => {
            BotIsTold::Mark { name: name.clone(), cleared: *cleared }
        }
        Event::Cleared { heard_ms, dropped_ms } => {
            BotIsTold::Cleared { heard_ms: *heard_ms, dropped_ms: *dropped_ms }
        }
        Event::Refused { backlog_ms } => BotIsTold::Refused { backlog_ms: *backlog_ms },
        Event::Speech { speaking, at_ms } => {
            BotIsTold::Speech { speaking: *speaking, at_ms: *at_ms }
        }
        Event::Silence { ms } => BotIsTold::Silence { ms: *ms },
        Event::Stop => BotIsTold::Stop,
    };
    Some(text(&told))
}

fn text(told: &BotIsTold) -> Frame {
    super::text(&serde_json::json!(told))
}

pub(super) fn read(frame: Frame) -> Result<Option<Command>, Fault> {
    let text = match frame {
        Frame::Binary(bytes) => return Ok(Some(Command::Audio(bytes))),
        Frame::Text(text) => text,
    };
    let command = match serde_json::from_str(&text).map_err(Fault::Json)? {
        BotSays::Mark { name } => return mark(name),
        BotSays::Clear => Command::Clear,
        BotSays::Section { must_be_heard } => Command::MustBeHeard(must_be_heard),
        BotSays::Dtmf { digit } => Command::Digit(digit),
        BotSays::Transfer { agent, step, context: facts } => {
            let to = match (agent, step) {
                (Some(agent), None) => Target::Agent(agent),
                (None, Some(step)) => Target::Step(step),
                (Some(_), Some(_)) | (None, None) => return Err(Fault::Value { field: "agent" }),
            };
            Command::Transfer { to, context: context(facts) }
        }
        BotSays::End => Command::End,
        BotSays::HangUp => Command::HangUp,
        BotSays::Other => return Ok(None),
    };
    Ok(Some(command))
}
