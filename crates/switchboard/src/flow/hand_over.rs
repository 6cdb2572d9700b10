//! Which way does a call go that an agent gives to a queue, a bot or a trunk?
//!
//! The flow of the call, with three steps of its own behind the others: the place it is given to;
//! whoever gave it away, who gets it back when nobody is to be had there; and the end, when that place
//! is done with it. An agent who does not take it back leaves the caller to the flow as from its start.

use std::{fmt, sync::Arc, time::Duration};

use terms::AgentId;

use super::{
    Bot, Flow, Named, Place, Prompt, Queue, Ring, Ringing, Sound, Step, Template, Trunk,
    load::HOLD_MUSIC, queue::Announce,
};
use crate::queue::{Entry, LENGTH_MAX};

/// Where a call can be given to beside agents and steps of its flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Room {
    /// A queue.
    Queue(String),
    /// A bot.
    Bot(String),
    /// A telephone on a trunk.
    Trunk {
        /// The trunk's name.
        trunk: String,
        /// Whom to ring there.
        extension: String,
    },
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(name) => write!(f, "queue {name}"),
            Self::Bot(name) => write!(f, "bot {name}"),
            Self::Trunk { trunk, extension } => write!(f, "trunk {trunk} {extension}"),
        }
    }
}

impl Flow {
    /// The flow of a call that this telephone placed: it has the user, and its hanging up is the end.
    pub(crate) fn with_telephone((trunk, extension): (&str, &str), ring_for: Duration) -> Self {
        let step = telephone((trunk, extension), ring_for, 1, 1);
        let name = format!("call by trunk {trunk} {extension}");
        let steps = [(name, step), ("end of the call".into(), Step::HangUp)];
        let named = |(name, step)| Arc::new(Named { name, place: Place::Line(0), step });
        Self { start: 0, steps: steps.map(named).into(), documents: Vec::new() }
    }

    /// The flow of a call that is given there, where it begins.
    pub(crate) fn handing_over(
        flow: Option<&Self>,
        to: &Room,
        by: &AgentId,
        ring_for: Duration,
    ) -> Self {
        let (mut steps, documents) = match flow {
            Some(flow) => (flow.steps.clone(), flow.documents.clone()),
            None => (Vec::new(), Vec::new()),
        };
        let start = steps.len();
        let (back, end) = (start + 1, start + 2);
        let step = match to {
            Room::Queue(name) => queue(name, back),
            Room::Bot(name) => bot(name, end, back),
            Room::Trunk { trunk, extension } => telephone((trunk, extension), ring_for, end, back),
        };
        let rings = Step::Ring(Ringing {
            whom: Ring::Back(by.clone()),
            lasting: ring_for,
            each: ring_for,
            playing: Some(music()),
            no_answer: flow.map_or(end, |flow| flow.start),
        });
        let steps_of_its_own = [
            (format!("transfer to {to}"), step),
            ("back to the agent".into(), rings),
            ("end of the transfer".into(), Step::HangUp),
        ];
        steps.extend(
            steps_of_its_own
                .map(|(name, step)| Arc::new(Named { name, place: Place::Line(0), step })),
        );
        Self { start, steps, documents }
    }
}

fn telephone(
    (trunk, extension): (&str, &str),
    ring_for: Duration,
    next: usize,
    otherwise: usize,
) -> Step {
    Step::Trunk(Trunk {
        trunk: trunk.to_owned(),
        extension: Template::fixed(extension),
        context: Vec::new(),
        ring_for,
        music: music(),
        next,
        otherwise,
    })
}

fn queue(name: &str, overflow: usize) -> Step {
    Step::Queue(Queue {
        entry: Entry {
            queue: name.to_owned(),
            priority: 0,
            max_wait: None,
            max_length: LENGTH_MAX,
            unless_nobody: false,
        },
        music: music(),
        announce: Announce::Nothing,
        notice: None,
        every: Duration::ZERO,
        callback: None,
        overflow,
        no_agents: None,
    })
}

fn bot(name: &str, next: usize, otherwise: usize) -> Step {
    let context = Vec::new();
    let bot = name.to_owned();
    Step::Bot(Bot { bot, context, person: None, next, otherwise, message: None })
}

fn music() -> Sound {
    Sound::Prompt(Prompt { name: HOLD_MUSIC.into(), lasting: Duration::ZERO })
}
