//! What answers when no person does?
//!
//! A flow is a TOML file of named steps. Each step does one thing, named by its first key, and says
//! which step comes next:
//!
//! ```toml
//! start = "hours"
//! timezone = "America/Sao_Paulo"
//!
//! [step.hours]
//! hours = ["mon-fri 08:00-18:00", "sat 09:00-13:00"]
//! open = "menu"
//! closed = "closed"
//!
//! [step.menu]
//! gather = "menu"                 # a prompt; a key ends it
//! digits = 1
//! wait = "6s"                     # after the prompt, for the next key
//! tries = 2
//! next = "choose"
//! silence = "bye"
//!
//! [step.choose]
//! branch = { "1" = "echo", "2" = "people" }
//! otherwise = "bye"
//!
//! [step.people]
//! ring = "everyone"               # or ["lia", "rui"], or "longest_idle": one after the other
//! skills = ["billing"]            # optional: who knows about all of these
//! each = "10s"                    # of "longest_idle": how long one rings
//! for = "20s"
//! playing = "hold"                # optional prompt, repeated
//! no_answer = "bye"
//!
//! [step.wait]
//! queue = "support"               # a queue of the gateway's configuration
//! music = "hold"                  # optional prompt, repeated
//! announce = "position"           # optional: prompts position-1, position-2, … say the position
//! say = "press-1"                 # optional: said after it
//! every = "30s"                   # how often
//! max_wait = "10m"                # optional
//! max_length = 20                 # how many may wait already
//! priority = 0                    # to 9: higher goes first
//! overflow = "bye"                # full, or waited too long
//! no_agents = "closed"            # optional: nobody who could take it is at work
//! callback = { key = "1", next = "bye" } # optional: call me back, keep my place
//!
//! [step.echo]
//! echo = "20s"
//! next = "bye"
//!
//! [step.closed]
//! play = "closed"
//! next = "bye"
//!
//! [step.bye]
//! hang_up = true
//! ```
//!
//! Everything is checked when it is loaded; a [`Flow`] that exists can run. A fault names its line
//! and what to write: an unknown step or key (with the nearest known one), a missing prompt, a
//! step nothing leads to, a circle in which the caller is never asked or heard.

mod check;
mod cursor;
mod hours;
mod load;
mod queue;

use std::{collections::BTreeMap, fmt, time::Duration};

use terms::AgentId;

use crate::agent::Skills;

pub use cursor::{Cursor, Heard, Progress};
pub use hours::Hours;
pub use load::{Fault, Faults};
pub(crate) use queue::Queue;
pub use queue::{FromQueue, ToQueue};

/// A checked flow.
#[derive(Debug)]
pub struct Flow {
    pub(crate) start: usize,
    pub(crate) steps: Vec<Named>,
}

/// A step and its name in the file.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) step: Step,
}

/// What one step does. Steps are referred to by their place in [`Flow::steps`].
#[derive(Debug)]
pub(crate) enum Step {
    Hours { hours: Hours, open: usize, closed: usize },
    Play { prompt: Prompt, next: usize },
    Gather(Gather),
    Branch { on: BTreeMap<String, usize>, otherwise: usize },
    Ring(Ringing),
    Queue(Queue),
    Echo { lasting: Duration, next: usize },
    HangUp,
}

#[derive(Debug)]
pub(crate) struct Ringing {
    pub(crate) whom: Ring,
    pub(crate) lasting: Duration,
    /// How long one agent rings where they ring one after the other.
    pub(crate) each: Duration,
    pub(crate) playing: Option<Prompt>,
    pub(crate) no_answer: usize,
}

#[derive(Debug)]
pub(crate) struct Gather {
    pub(crate) prompt: Prompt,
    pub(crate) digits: usize,
    pub(crate) end: Option<Key>,
    pub(crate) wait: Duration,
    pub(crate) tries: u8,
    pub(crate) next: usize,
    pub(crate) silence: usize,
}

/// A prompt and how long it plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The file's name without its ending.
    pub name: String,
    /// How long it plays.
    pub lasting: Duration,
}

/// Whom a ring step rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ring {
    /// Every available agent.
    Everyone,
    /// These, when available.
    Only(Vec<AgentId>),
    /// Every available agent who knows about all of these.
    Skilled(Skills),
    /// The one of them who has been idle longest.
    LongestIdle {
        /// What the agent must know about.
        skills: Skills,
        /// Who rang already and did not take it.
        passed: Vec<AgentId>,
    },
}

/// A key of the caller's dial pad: `0` to `9`, `*`, `#`, `A` to `D`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(char);

impl Key {
    /// The key of this sign, if there is one.
    #[must_use]
    pub fn new(sign: char) -> Option<Self> {
        matches!(sign, '0'..='9' | '*' | '#' | 'A'..='D').then_some(Self(sign))
    }

    /// Its sign.
    #[must_use]
    pub fn sign(self) -> char {
        self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Flow {
    /// Reads and checks a flow; `prompts` are the prompts there are and how long each plays.
    ///
    /// # Errors
    ///
    /// Every fault of the file, in the order of its lines.
    pub fn load(text: &str, prompts: &BTreeMap<String, Duration>) -> Result<Self, Faults> {
        load::load(text, prompts)
    }

    /// Where the step of this name is.
    pub(crate) fn step_at(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|named| named.name == name)
    }

    /// The queues its steps wait in.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|named| match &named.step {
            Step::Queue(queue) => Some(queue.entry.queue.as_str()),
            Step::Hours { .. }
            | Step::Play { .. }
            | Step::Gather(_)
            | Step::Branch { .. }
            | Step::Ring(_)
            | Step::Echo { .. }
            | Step::HangUp => None,
        })
    }

    /// The names of the steps, in the order of the file's names.
    pub fn step_names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|named| named.name.as_str())
    }
}
