//! Which way would this caller go?
//!
//! A flow is walked as in a call, with answers given beforehand: nobody is called, nothing plays, and
//! time passes as long as prompts, waits and rings last. No agent answers.

use std::time::Duration;

use terms::Timestamp;

use super::{
    Caller, Cursor, Flow, FromBot, FromQueue, FromTrunk, Heard, Key, NotTaken, Progress, Queue,
    Sound, Step, Trail, Visit,
};
use crate::{call::Effect, queue::Overflow};

/// The most lines of a trace: a caller who is sent round for ever is left there.
const LINES_MAX: usize = 200;
/// How long a caller takes for one key.
const PER_KEY: Duration = Duration::from_millis(500);

/// A caller's way through a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// What happened, in order.
    pub lines: Vec<TraceLine>,
    /// Whether the flow hung up; otherwise the caller would go on for ever.
    pub ends: bool,
    /// Where the caller has been, and what was set.
    pub trail: Trail,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// How long after the flow answered.
    pub after: Duration,
    /// The step.
    pub step: String,
    /// What happened, in words.
    pub text: String,
}

impl Flow {
    /// Walks a caller through, who answers the questions with these keys, one text for each
    /// question, and is silent when there is none left.
    #[must_use]
    pub fn trace(&self, caller: &Caller, at: Timestamp, answers: &[String]) -> Trace {
        let mut walk = Walk {
            flow: self,
            caller,
            trail: Trail::default(),
            began: at,
            now: at,
            lines: Vec::new(),
            told: 0,
            spoken: None,
        };
        let mut answers = answers.iter();
        let (here, progress) = walk.visit(|visit| Cursor::enter(self.start, visit));
        let mut cursor = (progress == Progress::Stays).then_some(here);
        while let Some(mut here) = cursor.take() {
            if walk.lines.len() >= LINES_MAX || walk.trail.left_out() > 0 {
                return Trace { lines: walk.lines, ends: false, trail: walk.trail };
            }
            cursor = (walk.goes_on(&mut here, &mut answers) == Progress::Stays).then_some(here);
        }
        Trace { lines: walk.lines, ends: true, trail: walk.trail }
    }
}

struct Walk<'a> {
    flow: &'a Flow,
    caller: &'a Caller,
    trail: Trail,
    began: Timestamp,
    now: Timestamp,
    lines: Vec<TraceLine>,
    /// How many steps of the trail have their line.
    told: usize,
    /// What was said last.
    spoken: Option<String>,
}

impl Walk<'_> {
    /// Does something in the flow and tells the steps it led to.
    fn visit<T>(&mut self, act: impl FnOnce(&mut Visit<'_>) -> T) -> T {
        let mut effects = Vec::new();
        let (flow, caller, now) = (self.flow, self.caller, self.now);
        let trail = &mut self.trail;
        let done = act(&mut Visit { flow, caller, trail, now, effects: &mut effects });
        for effect in effects {
            if let Effect::Say { spoken, forever: _ } = effect {
                self.spoken = Some(spoken.text);
            }
        }
        self.tell_steps();
        done
    }

    fn heard(&mut self, cursor: &mut Cursor, heard: &Heard) -> Progress {
        self.visit(|visit| cursor.handle(heard, visit))
    }

    fn tell(&mut self, step: String, text: String) {
        self.lines.push(TraceLine { after: self.now.since(self.began), step, text });
    }

    fn tell_steps(&mut self) {
        let path: Vec<String> =
            self.trail.path().iter().map(|visited| visited.step.clone()).collect();
        for (index, name) in path.iter().enumerate().skip(self.told) {
            let Some(at) = self.flow.step_at(name) else { continue };
            let Some(named) = self.flow.steps.get(at) else { continue };
            let text = match &named.step {
                Step::Hours { .. } | Step::Branch { .. } | Step::When { .. } => {
                    let next = path.get(index + 1).map_or("", String::as_str);
                    format!("{}: {}", named.step, self.way(at, next))
                }
                Step::Redirect { to } => format!("goes on in {}", self.flow.name_of(*to)),
                Step::Play { sound: Sound::Speech(_), next: _ } => self.said(),
                Step::Gather(gather) if matches!(gather.sound, Sound::Speech(_)) => {
                    format!("{} and waits for keys", self.said())
                }
                Step::Play { .. }
                | Step::Gather(_)
                | Step::Set { .. }
                | Step::Ring(_)
                | Step::Queue(_)
                | Step::Bot(_)
                | Step::Trunk(_)
                | Step::Record(_)
                | Step::Voicemail(_)
                | Step::Echo { .. }
                | Step::HangUp => named.step.to_string(),
            };
            self.tell(name.clone(), text);
        }
        self.told = path.len();
    }

    fn said(&self) -> String {
        format!("says \"{}\"", self.spoken.as_deref().unwrap_or_default())
    }

    /// What led from a step to the next one.
    fn way(&self, from: usize, next: &str) -> String {
        let ways = self.flow.nexts(from);
        let way = ways.into_iter().find(|(_, to)| self.flow.name_of(*to) == next);
        way.map_or_else(String::new, |(on, _)| on)
    }

    /// The caller does what the step waits for, or lets the time pass.
    fn goes_on(
        &mut self,
        cursor: &mut Cursor,
        answers: &mut std::slice::Iter<'_, String>,
    ) -> Progress {
        let name = cursor.step_name(self.flow).to_owned();
        let step = self.flow.step_at(&name).and_then(|at| self.flow.steps.get(at));
        match step.map(|named| &named.step) {
            Some(Step::Play { sound, next: _ }) => {
                self.now = self.now + self.length(sound);
                self.heard(cursor, &Heard::PlaybackDone)
            }
            Some(Step::Gather(gather)) => {
                self.now = self.now + self.length(&gather.sound);
                let done = self.heard(cursor, &Heard::PlaybackDone);
                debug_assert_eq!(done, Progress::Stays, "the end of a question leads nowhere");
                match answers.next() {
                    Some(keys) if !keys.is_empty() => self.presses(cursor, &name, keys),
                    Some(_) | None => self.waits_telling(cursor, name, "the caller is silent"),
                }
            }
            Some(Step::Ring(_)) => self.rings_in_vain(cursor, name),
            Some(Step::Bot(_)) => {
                self.tell(name, "the bot is done".to_owned());
                self.heard(cursor, &Heard::Bot(FromBot::Done))
            }
            Some(Step::Trunk(trunk)) => {
                self.now = self.now + trunk.ring_for;
                self.tell(name, "nobody answers there".to_owned());
                self.heard(cursor, &Heard::Trunk(FromTrunk::NotTaken(NotTaken::NoAnswer)))
            }
            Some(Step::Queue(queue)) => self.queues(cursor, &name, queue, answers.next()),
            Some(Step::Voicemail(_)) => self.leaves_a_message(cursor, name),
            Some(
                Step::Echo { .. }
                | Step::Record(_)
                | Step::Hours { .. }
                | Step::Branch { .. }
                | Step::When { .. }
                | Step::Set { .. }
                | Step::Redirect { .. }
                | Step::HangUp,
            )
            | None => self.waits(cursor),
        }
    }

    fn presses(&mut self, cursor: &mut Cursor, name: &str, keys: &str) -> Progress {
        self.tell(name.to_owned(), format!("the caller presses {keys}"));
        let visits = self.trail.path().len();
        for key in keys.chars().filter_map(Key::new) {
            self.now = self.now + PER_KEY;
            let progress = self.heard(cursor, &Heard::Key(key));
            if progress == Progress::HangsUp || self.trail.path().len() != visits {
                return progress;
            }
        }
        // A short answer counts when time is over.
        if cursor.has_keys() {
            return self.waits(cursor);
        }
        self.tell(name.to_owned(), "that is no answer: it is asked again".into());
        Progress::Stays
    }

    /// Greeting and beep are heard, then the caller speaks as long as the step lets.
    fn leaves_a_message(&mut self, cursor: &mut Cursor, name: String) -> Progress {
        for _ in 0..2 {
            let stays = self.heard(cursor, &Heard::PlaybackDone);
            debug_assert_eq!(stays, Progress::Stays, "the message follows the beep");
        }
        self.waits_telling(cursor, name, "the caller leaves a message")
    }

    /// Time passes until nobody is left to ring; nobody answers.
    fn rings_in_vain(&mut self, cursor: &mut Cursor, name: String) -> Progress {
        self.now = self.now.max(cursor.next_timeout().0);
        self.tell(name, "nobody answers".to_owned());
        let rung = self.heard(cursor, &Heard::Rung(Vec::new()));
        if rung == Progress::Stays { self.heard(cursor, &Heard::Tick) } else { rung }
    }

    /// The caller asks to be called back, or waits as long as the queue lets.
    fn queues(
        &mut self,
        cursor: &mut Cursor,
        name: &str,
        queue: &Queue,
        answer: Option<&String>,
    ) -> Progress {
        let pressed = answer.and_then(|keys| keys.chars().next()).and_then(Key::new);
        if let (Some(key), Some((wanted, _))) = (pressed, queue.callback)
            && key == wanted
        {
            self.now = self.now + PER_KEY;
            self.tell(name.to_owned(), format!("the caller presses {key:?} to be called back"));
            let stays = self.heard(cursor, &Heard::Key(key));
            debug_assert_eq!(stays, Progress::Stays, "the queue says whether the callback is kept");
            return self.heard(cursor, &Heard::Queue(FromQueue::CallbackKept));
        }
        self.now = self.now + queue.entry.max_wait.unwrap_or_default();
        self.tell(name.to_owned(), "no agent takes the call".to_owned());
        self.heard(cursor, &Heard::Queue(FromQueue::Overflow(Overflow::WaitedTooLong)))
    }

    fn waits_telling(&mut self, cursor: &mut Cursor, name: String, what: &str) -> Progress {
        self.now = self.now.max(cursor.next_timeout().0);
        self.tell(name, what.to_owned());
        self.heard(cursor, &Heard::Tick)
    }

    fn waits(&mut self, cursor: &mut Cursor) -> Progress {
        self.now = self.now.max(cursor.next_timeout().0);
        self.heard(cursor, &Heard::Tick)
    }

    fn length(&self, sound: &Sound) -> Duration {
        match sound {
            Sound::Prompt(prompt) => prompt.lasting,
            Sound::Speech(_) => super::speech::about(self.spoken.as_deref().unwrap_or_default()),
        }
    }
}
