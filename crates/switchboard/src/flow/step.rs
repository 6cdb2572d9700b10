//! What is there to know of a step without walking it?

use super::{Bot, Flow, Gather, Queue, Sound, Step, Then, Trunk};

/// A way on from a step: what leads there, and where.
pub(super) type Way = (String, usize);

impl Flow {
    /// The name of a step.
    pub(super) fn name_of(&self, index: usize) -> &str {
        self.steps.get(index).map_or("", |named| named.name.as_str())
    }

    /// Whether this step waits for keys.
    pub(super) fn is_question(&self, index: usize) -> bool {
        self.steps.get(index).is_some_and(|named| matches!(named.step, Step::Gather(_)))
    }

    /// The ways on from a step.
    pub(super) fn nexts(&self, index: usize) -> Vec<Way> {
        self.steps.get(index).map_or_else(Vec::new, |named| named.step.nexts())
    }
}

impl Step {
    /// The key that names what it does.
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::Hours { .. } => "hours",
            Self::Play { sound: Sound::Prompt(_), next: _ } => "play",
            Self::Play { sound: Sound::Speech(_), next: _ } => "say",
            Self::Gather(Gather { then: Then::Go(_), .. }) => "gather",
            Self::Gather(Gather { then: Then::Choose { .. }, .. }) => "menu",
            Self::Branch { .. } => "branch",
            Self::When { .. } => "when",
            Self::Set { .. } => "set",
            Self::Redirect { .. } => "redirect",
            Self::Ring(_) => "ring",
            Self::Queue(_) => "queue",
            Self::Bot(_) => "bot",
            Self::Trunk(_) => "trunk",
            Self::Record(_) => "record",
            Self::Voicemail(_) => "voicemail",
            Self::Echo { .. } => "echo",
            Self::HangUp => "hang_up",
        }
    }

    pub(super) fn nexts(&self) -> Vec<Way> {
        let way = |on: &str, to: &usize| (on.to_owned(), *to);
        match self {
            Self::Hours { open, closed, hours: _ } => {
                vec![way("open", open), way("closed", closed)]
            }
            Self::Play { next, sound: _ }
            | Self::Echo { next, lasting: _ }
            | Self::Set { next, values: _ }
            | Self::Redirect { to: next } => vec![way("", next)],
            Self::Gather(gather) => gather.nexts(),
            Self::Branch { on, otherwise } => {
                let keys = on.iter().map(|(keys, to)| way(keys, to));
                keys.chain([way("otherwise", otherwise)]).collect()
            }
            Self::When { cases, otherwise } => {
                let cases = cases.iter().map(|case| (case.to_string(), case.next));
                cases.chain([way("otherwise", otherwise)]).collect()
            }
            Self::Ring(ringing) => vec![way("no_answer", &ringing.no_answer)],
            Self::Queue(queue) => queue.nexts(),
            Self::Bot(bot) => bot.nexts(),
            Self::Trunk(Trunk { next, otherwise, .. }) => {
                vec![way("", next), way("otherwise", otherwise)]
            }
            Self::Record(record) => vec![way("", &record.next)],
            Self::Voicemail(voicemail) => vec![way("", &voicemail.next)],
            Self::HangUp => Vec::new(),
        }
    }

    /// Whether the caller cannot do anything in it but listen.
    pub(super) fn is_deaf(&self) -> bool {
        match self {
            Self::Hours { .. }
            | Self::Play { .. }
            | Self::Branch { .. }
            | Self::When { .. }
            | Self::Set { .. }
            | Self::Record(_)
            | Self::Redirect { .. } => true,
            Self::Gather(_)
            | Self::Ring(_)
            | Self::Queue(_)
            | Self::Bot(_)
            | Self::Trunk(_)
            | Self::Voicemail(_)
            | Self::Echo { .. }
            | Self::HangUp => false,
        }
    }

    /// What the caller hears in it.
    pub(super) fn sounds(&self) -> Vec<&Sound> {
        match self {
            Self::Play { sound, next: _ } => vec![sound],
            Self::Gather(gather) => vec![&gather.sound],
            Self::Ring(ringing) => ringing.playing.iter().collect(),
            Self::Queue(queue) => queue.sounds().collect(),
            Self::Record(record) => record.announce.iter().collect(),
            Self::Voicemail(voicemail) => vec![&voicemail.sound],
            Self::Trunk(trunk) => vec![&trunk.music],
            Self::Hours { .. }
            | Self::Branch { .. }
            | Self::When { .. }
            | Self::Set { .. }
            | Self::Redirect { .. }
            | Self::Bot(_)
            | Self::Echo { .. }
            | Self::HangUp => Vec::new(),
        }
    }
}

impl Bot {
    fn nexts(&self) -> Vec<Way> {
        let mut ways = vec![(String::new(), self.next), ("otherwise".to_owned(), self.otherwise)];
        ways.extend(self.message.map(|to| ("message".to_owned(), to)));
        ways
    }
}

impl Queue {
    fn nexts(&self) -> Vec<Way> {
        let mut ways = vec![("overflow".to_owned(), self.overflow)];
        ways.extend(self.no_agents.map(|to| ("no_agents".to_owned(), to)));
        ways.extend(self.callback.map(|(key, to)| (key.sign().to_string(), to)));
        ways
    }
}

impl Gather {
    pub(super) fn nexts(&self) -> Vec<Way> {
        let mut ways = match &self.then {
            Then::Go(next) => vec![(String::new(), *next)],
            Then::Choose { on, otherwise } => {
                let mut ways: Vec<Way> = on.iter().map(|(keys, to)| (keys.clone(), *to)).collect();
                ways.extend(otherwise.map(|to| ("otherwise".to_owned(), to)));
                ways
            }
        };
        ways.push(("silence".to_owned(), self.silence));
        ways
    }

    /// Whether no further key could change the answer.
    pub(super) fn is_full(&self, keys: &str) -> bool {
        let longer = |known: &String| known.len() > keys.len() && known.starts_with(keys);
        keys.len() >= self.digits
            || match &self.then {
                Then::Go(_) => false,
                Then::Choose { on, otherwise: _ } => !on.keys().any(longer),
            }
    }

    /// The step these keys lead to; none when they are no answer.
    pub(super) fn answered(&self, keys: &str) -> Option<usize> {
        match &self.then {
            Then::Go(next) => Some(*next),
            Then::Choose { on, otherwise } => on.get(keys).copied().or(*otherwise),
        }
    }
}
