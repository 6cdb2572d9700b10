//! What does a flow say about the recording of a call, and how does a caller leave a message?

use std::time::Duration;

use terms::Timestamp;

use super::{Heard, Key, Sound, Visit, cursor::play};
use crate::call::Effect;

/// The prompt after which a message begins; the gateway has one.
pub const BEEP: &str = "beep";

/// How long the beep may take before the message begins without its end.
const BEEP_MAX: Duration = Duration::from_secs(3);

/// A word of the flow about the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordWord {
    /// From here on, or on again after a pause.
    On {
        /// What the caller was told just before, if it was announced.
        announcement: Option<Announcement>,
    },
    /// Keep silence.
    Pause,
    /// Not from here on.
    Off,
}

/// What a caller is told about the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The words, or the prompt's name.
    pub text: String,
    /// The language of the words.
    pub language: Option<String>,
}

/// A step that turns the recording on or off.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) turn: Turn,
    pub(crate) announce: Option<Sound>,
    pub(crate) next: usize,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    On,
    Pause,
    Off,
}

/// A step in which the caller leaves a message.
#[derive(Debug)]
pub(crate) struct Voicemail {
    pub(crate) sound: Sound,
    pub(crate) end: Key,
    pub(crate) silence: Duration,
    pub(crate) max: Duration,
    pub(crate) next: usize,
}

/// Where a caller is who leaves a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Greeting { until: Timestamp },
    Beeping { until: Timestamp },
    Taking { until: Timestamp },
}

impl Record {
    /// What the gateway is told once the announcement, if there is one, was played.
    pub(super) fn word(&self, visit: &Visit<'_>) -> Effect {
        Effect::Record(match self.turn {
            Turn::On => RecordWord::On {
                announcement: self.announce.as_ref().map(|sound| told(sound, visit)),
            },
            Turn::Pause => RecordWord::Pause,
            Turn::Off => RecordWord::Off,
        })
    }
}

fn told(sound: &Sound, visit: &Visit<'_>) -> Announcement {
    match sound {
        Sound::Prompt(prompt) => Announcement { text: prompt.name.clone(), language: None },
        Sound::Speech(speech) => {
            let spoken = speech.spoken(visit.caller, visit.trail);
            Announcement { text: spoken.text, language: spoken.language }
        }
    }
}

impl Message {
    pub(super) fn begin(step: &Voicemail, visit: &mut Visit<'_>) -> Self {
        let lasting = play(&step.sound, false, visit);
        Self::Greeting { until: visit.now + lasting }
    }

    pub(super) fn next_timeout(self) -> (Timestamp, &'static str) {
        match self {
            Self::Greeting { until } => (until, "the greeting should have ended"),
            Self::Beeping { until } => (until, "the beep should have ended"),
            Self::Taking { until } => (until, "the longest message"),
        }
    }

    /// Whether the message is left.
    pub(super) fn is_left(
        &mut self,
        step: &Voicemail,
        heard: &Heard,
        visit: &mut Visit<'_>,
    ) -> bool {
        let due = *heard == Heard::Tick && self.next_timeout().0 <= visit.now;
        let ended = due || *heard == Heard::PlaybackDone;
        match self {
            // A key is for callers who know the greeting.
            Self::Greeting { until: _ } if ended || matches!(heard, Heard::Key(_)) => {
                visit.effects.push(Effect::Play { prompt: BEEP.to_owned(), forever: false });
                *self = Self::Beeping { until: visit.now + BEEP_MAX };
                false
            }
            Self::Beeping { until: _ } if ended => {
                visit.effects.push(Effect::PlayNothing);
                visit.effects.push(Effect::TakeMessage { silence: step.silence });
                *self = Self::Taking { until: visit.now + step.max };
                false
            }
            Self::Taking { until: _ } => {
                let is_over = due || *heard == Heard::Silence || *heard == Heard::Key(step.end);
                if is_over {
                    visit.effects.push(Effect::KeepMessage);
                }
                is_over
            }
            Self::Greeting { until: _ } | Self::Beeping { until: _ } => false,
        }
    }
}
