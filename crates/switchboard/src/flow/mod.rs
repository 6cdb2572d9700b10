//! What answers when no person does?
//!
//! A flow is a document of named steps, in TOML or, from a program, in JSON. Each step does one thing,
//! named by one key, and says which step comes next:
//!
//! ```toml
//! start = "hours"
//! timezone = "America/Sao_Paulo"
//!
//! [step.hours]
//! hours = ["mon-fri 08:00-18:00", "sat 09:00-13:00"]
//! open = "who"
//! closed = "closed"
//!
//! [step.who]
//! when = [{ payload = "vip*", next = "people" }, { country = ["BR"], next = "menu" }]
//! otherwise = "menu"
//!
//! [step.menu]
//! menu = { "1" = "order", "2" = "people" }
//! say = "Press one for your order, two to talk to us."
//! tries = 2
//! silence = "bye"
//!
//! [step.order]
//! gather = { say = "Type the number of your order." }
//! digits = 4
//! next = "note"
//! silence = "bye"
//!
//! [step.note]
//! set = { order = "{keys}" }
//! next = "people"
//!
//! [step.people]
//! ring = "everyone"               # or ["lia", "rui"], or "longest_idle": one after the other
//! skills = ["billing"]            # optional: of those who know about it
//! for = "20s"
//! no_answer = "wait"
//!
//! [step.wait]
//! queue = "support"               # a queue of the gateway's configuration
//! music = "hold"                  # optional, repeated
//! announce = "position"           # optional: prompts position-1, position-2, … say the position
//! notice = "press-1"              # optional: heard after it
//! every = "30s"                   # how often
//! max_wait = "10m"                # optional
//! max_length = 20                 # how many may wait already
//! priority = 0                    # to 9: higher goes first
//! overflow = "bye"                # full, or waited too long
//! no_agents = "closed"            # optional: nobody who could take it is at work
//! callback = { key = "1", next = "bye" } # optional: call me back, keep my place
//!
//! [step.talk]
//! bot = "concierge"               # a bot of the gateway's configuration
//! context = { order = "{order}" } # optional: what it is told
//! person = "0"                    # optional: this key leads to `otherwise`
//! next = "bye"                    # when the bot is done
//! otherwise = "wait"              # when there is none, or it dies
//! message = "message"             # optional: where a built-in bot lets callers leave one
//!
//! [step.desk]
//! trunk = "pbx"                   # a trunk of the gateway's configuration
//! extension = "200"
//! context = { order = "{order}" } # optional: headers X-Offhook-Order
//! for = "30s"                     # how long it rings
//! playing = "hold"                # optional: heard while it rings, and on hold
//! next = "bye"                    # when it hung up
//! otherwise = "wait"              # busy, nobody, no way: the variable `trunk` says which
//!
//! [step.recorded]
//! record = "on"                   # or "pause", "off"
//! announce = "recorded"           # optional: a prompt or { say = "…" } heard before
//! next = "people"
//!
//! [step.message]
//! voicemail = "leave-a-message"   # a prompt or { say = "…" }; then a beep
//! end = "#"                       # the key that ends it
//! silence = "5s"                  # as does nothing said for so long
//! max = "2m"
//! next = "bye"
//!
//! [step.closed]
//! play = "closed"                 # prompts/closed.ogg
//! next = "bye"
//!
//! [step.bye]
//! hang_up = true
//! ```
//!
//! Everything is checked when it is loaded; a [`Flow`] that exists can run. A fault names its line, its
//! step and what to write: an unknown step or key (with the nearest known one), a missing prompt, a
//! step nothing leads to, a circle in which the caller is never asked or heard.

mod bot;
mod caller;
mod check;
mod condition;
mod cursor;
mod document;
mod fault;
mod hand_over;
mod hours;
mod key;
mod load;
mod outline;
mod queue;
mod record;
mod rings;
mod speech;
mod step;
mod template;
mod trace;
mod trail;
mod trunk;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use terms::AgentId;

pub use bot::{FromBot, ToBot};
pub use caller::Caller;
pub(crate) use cursor::Visit;
pub use cursor::{Cursor, Heard, Progress};
pub use document::{Document, Place};
pub use fault::{Fault, Faults};
pub use hand_over::Room;
pub use hours::Hours;
pub use key::Key;
pub use outline::{StepOutline, WayOutline};
pub use queue::{FromQueue, ToQueue};
pub use record::{Announcement, BEEP, RecordWord};
pub use speech::Spoken;
pub use trace::{Trace, TraceLine};
pub use trail::{Trail, Visited};
pub use trunk::{FromReferrer, FromTrunk, NotTaken, ToTrunk};

use crate::{agent::Skills, trunk::Extensions};
use bot::Bot;
use condition::Case;
use queue::Queue;
use record::{Record, Voicemail};
use rings::Ringing;
use speech::Speech;
use template::Template;
use trunk::Trunk;

/// A checked flow: the steps of its document and of those it redirects to.
#[derive(Debug)]
pub struct Flow {
    pub(crate) start: usize,
    pub(crate) steps: Vec<Arc<Named>>,
    documents: Vec<String>,
}

/// What a flow may refer to.
#[derive(Debug, Clone, Default)]
pub struct Supplies {
    /// The prompts there are and how long each plays.
    pub prompts: BTreeMap<String, Duration>,
    /// The queues there are; none when that is not known, and then every name will do.
    pub queues: Option<BTreeSet<String>>,
    /// The bots there are; none when that is not known, and then every name will do.
    pub bots: Option<BTreeSet<String>>,
    /// The trunks there are and whom each may ring; none when that is not known, and then every name
    /// will do.
    pub trunks: Option<BTreeMap<String, Extensions>>,
    /// Whether texts can be spoken.
    pub speech: bool,
    /// Whether the platform records the calls, so that no step can turn that on or off.
    pub by_platform: bool,
    /// The documents that may be redirected to: name and TOML text.
    pub documents: BTreeMap<String, String>,
    /// The name of the document that is read: a redirect to it leads to its start.
    pub main: Option<String>,
}

/// A step and its name: its own in the flow's document, `document/name` in another.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) step: Step,
}

/// What one step does. Steps are referred to by their place in [`Flow::steps`].
#[derive(Debug)]
pub(crate) enum Step {
    Hours { hours: Hours, open: usize, closed: usize },
    Play { sound: Sound, next: usize },
    Gather(Gather),
    Branch { on: BTreeMap<String, usize>, otherwise: usize },
    When { cases: Vec<Case>, otherwise: usize },
    Set { values: Vec<(String, Template)>, next: usize },
    Redirect { to: usize },
    Ring(Ringing),
    Queue(Queue),
    Bot(Bot),
    Trunk(Trunk),
    Record(Record),
    Voicemail(Voicemail),
    Echo { lasting: Duration, next: usize },
    HangUp,
}

/// A question that keys answer.
#[derive(Debug)]
pub(crate) struct Gather {
    pub(crate) sound: Sound,
    pub(crate) digits: usize,
    pub(crate) end: Option<Key>,
    pub(crate) wait: Duration,
    pub(crate) tries: u8,
    /// Whether the keys stay out of the call's record.
    pub(crate) private: bool,
    pub(crate) then: Then,
    pub(crate) silence: usize,
}

/// Where an answered question leads.
#[derive(Debug)]
pub(crate) enum Then {
    /// To this step.
    Go(usize),
    /// To the step of these keys. Other keys are asked again when nothing is said about them.
    Choose { on: BTreeMap<String, usize>, otherwise: Option<usize> },
}

/// What the caller hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sound {
    Prompt(Prompt),
    Speech(Speech),
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
    /// The one who gave the call away and gets it back: in the wrap-up after it as well.
    Back(AgentId),
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

impl Flow {
    /// Reads and checks a flow in TOML.
    ///
    /// # Errors
    ///
    /// Every fault of the text, in the order of its lines.
    pub fn load(text: &str, supplies: &Supplies) -> Result<Self, Faults> {
        let document = Document::from_toml(text).map_err(|fault| Faults(vec![fault]))?;
        Self::read(document, supplies)
    }

    /// Checks a flow that was read.
    ///
    /// # Errors
    ///
    /// Every fault of the document and of those it redirects to.
    pub fn read(document: Document, supplies: &Supplies) -> Result<Self, Faults> {
        load::load(document, supplies)
    }

    /// The documents it redirects to, by name.
    pub fn documents(&self) -> impl Iterator<Item = &str> {
        self.documents.iter().map(String::as_str)
    }

    /// Where the step of this name is.
    pub(crate) fn step_at(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|named| named.name == name)
    }

    /// The names of the steps, in the order of the file's names.
    pub fn step_names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|named| named.name.as_str())
    }

    /// What is spoken to every caller in the same words, with the step that says it.
    pub fn fixed_speeches(&self) -> impl Iterator<Item = (&str, Spoken)> {
        self.steps.iter().flat_map(|named| {
            let speeches = named.step.sounds().into_iter().filter_map(|sound| match sound {
                Sound::Speech(speech) => speech.fixed(),
                Sound::Prompt(_) => None,
            });
            speeches.map(|spoken| (named.name.as_str(), spoken))
        })
    }
}
