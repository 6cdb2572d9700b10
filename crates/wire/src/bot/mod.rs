//! What do a bot and the gateway say to each other?
//!
//! A bot is a program that talks with a user. It was mostly written for somebody else, so each
//! [`Protocol`] puts the same few [`Command`]s and [`Event`]s into that one's words:
//!
//! | Protocol | Audio | Marks | Clear says what was heard |
//! |---|---|---|---|
//! | [`Protocol::Twilio`] | µ-law 8 kHz, base64 in JSON | `mark` | no |
//! | [`Protocol::Vonage`] | linear 16 bit, binary, 8, 16 or 24 kHz | `notify` | no |
//! | [`Protocol::Native`] | linear 16 bit, binary, 8, 16, 24 or 48 kHz | `mark` | yes |
//! | [`Protocol::Pipecat`] | linear 16 bit in protobuf, 8, 16, 24 or 48 kHz | as native | yes |
//! | [`Protocol::AudioSocket`] | linear 16 bit in packets, 8, 16, 24 or 48 kHz | none | there is no clear |
//! | [`Protocol::OpenAi`] | linear 24 kHz or µ-law 8 kHz, base64 in JSON | ours, at each item's end | as `truncate` |
//!
//! A [`Codec`] is one conversation's: it counts what Twilio wants counted, and knows which of a model's
//! words are not heard yet. What a bot sends that is no message is a [`Fault`].

pub mod audiosocket;
pub mod native;
mod pipecat;
pub mod realtime;
pub mod signature;
mod twilio;
mod vonage;

use std::collections::BTreeMap;

use terms::AgentId;

use self::realtime::Persona;

/// The WebSocket subprotocol of [`Protocol::Native`].
pub const SUBPROTOCOL: &str = "offhook.bot.v1";

/// Milliseconds of one frame of audio.
const FRAME_MS: u64 = 20;

/// The longest name of a mark, in bytes.
const NAME_MAX: usize = 1_024;

/// The most facts of a context, and the longest of them in signs.
const CONTEXT_MAX: (usize, usize) = (32, 512);

/// In whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Media Streams.
    Twilio,
    /// The WebSocket endpoint of a voice API.
    Vonage,
    /// Ours.
    Native,
    /// Frames of Pipecat's `ProtobufFrameSerializer`.
    Pipecat,
    /// Asterisk's packets over TCP.
    AudioSocket,
    /// The Realtime API of a model's service, whose client we are.
    OpenAi,
}

impl Protocol {
    /// Whether a bot that says goodbye by closing the line is done. A model says it by a tool: whose
    /// service closes the line had enough of us.
    #[must_use]
    pub fn is_done_when_closed(self) -> bool {
        match self {
            Self::Twilio | Self::Vonage | Self::Native | Self::Pipecat | Self::AudioSocket => true,
            Self::OpenAi => false,
        }
    }
}

/// What a bot is told first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The call's id at WhatsApp's platform.
    pub call_id: String,
    /// The call in Twilio's form: `CA` and 32 hexadecimal digits.
    pub call_sid: String,
    /// The conversation in Twilio's form: `MZ` and 32 hexadecimal digits.
    pub stream_sid: String,
    /// The account of the bot's configuration.
    pub account_sid: String,
    /// The user's number, where it is known.
    pub from: Option<String>,
    /// The business's number.
    pub to: String,
    /// Samples a second, as the bot hears.
    pub rate: u32,
    /// Samples a second, as it speaks.
    pub voice_rate: u32,
    /// What the flow says about the call.
    pub context: BTreeMap<String, String>,
    /// Who a model is in the call.
    pub persona: Persona,
}

/// One WebSocket message, or one packet of [`audiosocket`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// What a bot is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// 20 ms of the user, in the format of the conversation.
    Audio(Vec<u8>),
    /// The user pressed a key.
    Digit(char),
    /// A mark is behind us.
    Passed {
        /// Its name.
        name: String,
        /// Whether something just before it was cleared.
        cleared: bool,
    },
    /// A clear was done.
    Cleared {
        /// Milliseconds heard since the bot last began to speak.
        heard_ms: u64,
        /// Milliseconds nobody will hear.
        dropped_ms: u64,
    },
    /// Audio or a mark was not taken: too much waits.
    Refused {
        /// How much.
        backlog_ms: u64,
    },
    /// The user began to speak, or ceased.
    Speech {
        /// Whether the user speaks now.
        speaking: bool,
        /// Where in the audio the bot got that was, in milliseconds.
        at_ms: u64,
    },
    /// Neither the user nor the bot has said anything for the time that was asked for.
    Silence {
        /// That time.
        ms: u64,
    },
    /// It is over.
    Stop,
}

/// What a bot wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The user shall hear this.
    Audio(Vec<u8>),
    /// Say when this is reached.
    Mark(String),
    /// Drop what waits.
    Clear,
    /// Whether what follows must be heard, whatever is cleared.
    MustBeHeard(bool),
    /// Send the user a key.
    Digit(char),
    /// Give the call to somebody else.
    Transfer {
        /// To whom.
        to: Target,
        /// What they should know.
        context: BTreeMap<String, String>,
    },
    /// The bot is done; the flow goes on.
    End,
    /// End the call.
    HangUp,
    /// The bot failed; the flow goes on as without it.
    Fail,
}

/// Where a bot gives a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To this agent.
    Agent(AgentId),
    /// To a step of the flow.
    Step(String),
    /// Where the flow goes on when people are wanted.
    People,
}

/// What a message or an event comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// What the bot wants, in order.
    pub commands: Vec<Command>,
    /// What it is told.
    pub frames: Vec<Frame>,
}

/// Why a message of a bot is none.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Not JSON, or a field is missing or of the wrong kind.
    #[error("not a message of this protocol")]
    Json(#[source] serde_json::Error),
    /// Audio that is not base64.
    #[error("the payload is not base64")]
    Base64(#[source] base64::DecodeError),
    /// Bytes that are no frame of Pipecat's.
    #[error("not a frame of this protocol")]
    Protobuf(#[source] prost::DecodeError),
    /// Bytes where only text is spoken.
    #[error("this protocol has no binary messages")]
    Binary,
    /// Text where only bytes are spoken.
    #[error("this protocol has no text messages")]
    Text,
    /// Audio that would sound too high, too low or twice as long.
    #[error("audio of {rate} Hz and {channels} channels; configured are {configured} Hz and one")]
    Rate {
        /// Samples a second.
        rate: u32,
        /// Voices side by side.
        channels: u32,
        /// Samples a second that were agreed.
        configured: u32,
    },
    /// The bot's service says that something is wrong.
    #[error("the service reports {code} ({about})")]
    Reported {
        /// In a word of its own.
        code: String,
        /// Which field.
        about: String,
    },
    /// A field has a value that cannot be used.
    #[error("`{field}` cannot be used")]
    Value {
        /// Which.
        field: &'static str,
    },
}

/// One conversation.
#[derive(Debug)]
pub struct Codec {
    protocol: Protocol,
    start: Start,
    /// Messages sent so far, and frames of audio among them.
    sequence: u64,
    chunk: u64,
    model: realtime::Conversation,
}

impl Codec {
    /// A conversation that begins.
    #[must_use]
    pub fn new(protocol: Protocol, start: Start) -> Self {
        let model = realtime::Conversation::default();
        Self { protocol, start, sequence: 0, chunk: 0, model }
    }

    /// What is sent first, before any audio.
    pub fn opening(&mut self) -> Vec<Frame> {
        match self.protocol {
            Protocol::Twilio => {
                self.sequence = 1;
                twilio::opening(&self.start)
            }
            Protocol::Vonage => vec![vonage::opening(&self.start)],
            Protocol::Native => vec![native::opening(&self.start)],
            Protocol::Pipecat => vec![pipecat::opening(&self.start)],
            Protocol::AudioSocket => vec![audiosocket::opening(&self.start)],
            Protocol::OpenAi => self.model.opening(&self.start),
        }
    }

    /// An event in the protocol's words; nothing where it has no word for it.
    pub fn write(&mut self, event: &Event) -> Turn {
        let frame = match self.protocol {
            Protocol::Twilio => {
                let at_ms = self.chunk * FRAME_MS;
                self.chunk += u64::from(matches!(event, Event::Audio(_)));
                let frame =
                    twilio::write(&self.start, self.sequence + 1, (self.chunk, at_ms), event);
                self.sequence += u64::from(frame.is_some());
                frame
            }
            Protocol::Vonage => vonage::write(event),
            Protocol::Native => native::write(event),
            Protocol::Pipecat => pipecat::write(self.start.rate, event),
            Protocol::AudioSocket => audiosocket::write(self.start.rate, event),
            Protocol::OpenAi => return self.model.write(event),
        };
        Turn { commands: Vec::new(), frames: frame.into_iter().collect() }
    }

    /// What a bot's message comes to; nothing where it is one that wants nothing of us.
    ///
    /// # Errors
    ///
    /// [`Fault`] when it is no message, or one about a fault.
    pub fn read(&mut self, frame: Frame) -> Result<Turn, Fault> {
        let command = match self.protocol {
            Protocol::Twilio => twilio::read(frame)?,
            Protocol::Vonage => vonage::read(frame)?,
            Protocol::Native => native::read(frame)?,
            Protocol::Pipecat => pipecat::read(self.start.voice_rate, frame)?,
            Protocol::AudioSocket => audiosocket::read(self.start.voice_rate, frame)?,
            Protocol::OpenAi => return self.model.read(&self.start, frame),
        };
        Ok(Turn { commands: command.into_iter().collect(), frames: Vec::new() })
    }
}

fn text(message: &serde_json::Value) -> Frame {
    Frame::Text(message.to_string())
}

fn mark(name: String) -> Result<Option<Command>, Fault> {
    if name.len() > NAME_MAX {
        return Err(Fault::Value { field: "name" });
    }
    Ok(Some(Command::Mark(name)))
}

/// As much of a context as is kept.
fn context(facts: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let (count, signs) = CONTEXT_MAX;
    let short = |text: String| text.chars().take(signs).collect::<String>();
    facts.into_iter().take(count).map(|(name, value)| (short(name), short(value))).collect()
}
