//! What is known of one call: how it was set up, what each end heard, how it ended?

use std::time::Duration;

use handset::Heard;
use media::mark::Marks;

use crate::plan::Kind;

/// One call, from dialling to its end.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which of the calls at the same time.
    pub seat: u32,
    /// Which call of this seat.
    pub call: u32,
    /// What it was.
    pub kind: Kind,
    /// How long each step took.
    pub stages: Vec<(Stage, Duration)>,
    /// How it ended.
    pub ending: Ending,
    /// What was heard when it was hung up.
    pub sight: Sight,
    /// The tones decoded, at the ends that were.
    pub tones: Vec<Tone>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// We hung up.
    HungUp,
    /// It never came to be.
    NotSetUp(String),
    /// It ended before we hung up.
    Early(String),
}

/// A step of setting up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Dialled until the caller is told that it rings.
    Ring,
    /// Dialled until the other end rings.
    Reach,
    /// Dialled until the caller is told that it is answered.
    Answer,
    /// SDP until ICE has a path, at the user.
    UserIce,
    /// SDP until DTLS has keys, at the user.
    UserDtls,
    /// Answered until the first audio, at the user.
    UserMedia,
    /// The same, at the agent.
    AgentIce,
    /// The same, at the agent.
    AgentDtls,
    /// The same, at the agent.
    AgentMedia,
}

impl Stage {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Reach => "reach",
            Self::Answer => "answer",
            Self::UserIce => "user_ice",
            Self::UserDtls => "user_dtls",
            Self::UserMedia => "user_first_media",
            Self::AgentIce => "agent_ice",
            Self::AgentDtls => "agent_dtls",
            Self::AgentMedia => "agent_first_media",
        }
    }

    /// The same for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ring => "dialled → ringing",
            Self::Reach => "dialled → rings at the other end",
            Self::Answer => "dialled → answered",
            Self::UserIce => "user: SDP → ICE",
            Self::UserDtls => "user: SDP → DTLS",
            Self::UserMedia => "user: answered → first audio",
            Self::AgentIce => "agent: SDP → ICE",
            Self::AgentDtls => "agent: SDP → DTLS",
            Self::AgentMedia => "agent: answered → first audio",
        }
    }
}

/// One of the ends we play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The user's phone.
    User,
    /// The agent's console.
    Agent,
    /// The program behind the gateway's WebSocket.
    Bot,
}

impl End {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Bot => "bot",
        }
    }
}

/// What the ends of a call have heard at one moment.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Which call of the seat.
    pub call: u32,
    /// One for each end.
    pub ends: Vec<Hearing>,
}

/// What one end has heard.
#[derive(Debug, Clone)]
pub struct Hearing {
    /// Which.
    pub end: End,
    /// The packets that came.
    pub marks: Marks,
    /// How many their sender had sent by then.
    pub sent: u64,
}

impl Hearing {
    /// What a user heard of a voice that was encoded on its way and so has no marks: counted by RTP. Its sender
    /// is taken to have sent as much as the user. A mark of another call is one all the same.
    pub(crate) fn by_rtp(heard: &Heard, marks: &Marks) -> Self {
        let mut seen = Marks::of(marks.expects);
        (seen.foreign, seen.foreign_tag) = (marks.foreign, marks.foreign_tag);
        seen.own = heard.packets.saturating_sub(marks.foreign);
        let last = (seen.own + heard.lost).checked_sub(1).and_then(|last| u32::try_from(last).ok());
        seen.span = last.filter(|_| seen.own > 0).map(|last| (0, last));
        let jitter_ms = heard.jitter_ms.unwrap_or_default();
        seen.jitter = Duration::try_from_secs_f32(jitter_ms / 1_000.0).unwrap_or_default();

        Self { end: End::User, marks: seen, sent: heard.sent }
    }
}

/// A tone that was decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// Where.
    pub end: End,
    /// What should be heard.
    pub expected_hz: f32,
    /// What was; absent when it was no tone.
    pub heard_hz: Option<f32>,
    /// Whether it is the same.
    pub is_right: bool,
}
