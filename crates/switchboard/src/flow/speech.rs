//! What is spoken, and how long may that take?
//!
//! The flow keeps the text; a command of the business's choice speaks it.

use std::time::Duration;

use super::{Caller, Sound, Template, Trail, Visit};

/// The longest text that is spoken, in signs: about a minute and a half.
pub(super) const TEXT_MAX: usize = 1_000;
/// The variable that says which language the caller speaks.
pub(super) const LANGUAGE: &str = "language";
/// Slow speech: a sign every so often.
const PER_SIGN: Duration = Duration::from_millis(120);
/// The time to make it, and the pauses in it.
const PATIENCE: Duration = Duration::from_secs(8);

/// Usual speech: a sign every so often.
const PER_SIGN_ABOUT: Duration = Duration::from_millis(65);

/// A text to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Speech {
    pub(super) text: Template,
    pub(super) language: Option<String>,
    pub(super) voice: Option<String>,
}

/// Words for the speech command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spoken {
    /// What to say.
    pub text: String,
    /// In which language, such as `pt` or `en-gb`.
    pub language: Option<String>,
    /// With which voice, a word of the command's.
    pub voice: Option<String>,
}

impl Speech {
    /// What is said to this caller.
    pub(super) fn spoken(&self, caller: &Caller, trail: &Trail) -> Spoken {
        let text = self.text.filled(caller, trail).chars().take(TEXT_MAX).collect();
        let chosen = || trail.variables().get(LANGUAGE).cloned();
        let language = self.language.clone().or_else(chosen);
        Spoken { text, language, voice: self.voice.clone() }
    }

    /// What is said to everybody, if it is the same.
    pub(super) fn fixed(&self) -> Option<Spoken> {
        self.text.is_fixed().then(|| self.spoken(&Caller::default(), &Trail::default()))
    }
}

impl Sound {
    /// How long it about plays.
    pub(super) fn about(&self, visit: &Visit<'_>) -> Duration {
        match self {
            Self::Prompt(prompt) => prompt.lasting,
            Self::Speech(speech) => about(&speech.spoken(visit.caller, visit.trail).text),
        }
    }
}

impl Spoken {
    /// How long it takes at most until it has been said.
    pub(super) fn at_most(&self) -> Duration {
        PATIENCE + PER_SIGN * u32::try_from(self.text.chars().count()).unwrap_or(u32::MAX)
    }
}

/// How long a text about takes.
pub(super) fn about(text: &str) -> Duration {
    PER_SIGN_ABOUT * u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}
