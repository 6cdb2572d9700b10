//! What does a caller in a queue hear, and how does the caller get out?
//!
//! Music, and from time to time the position. The queue itself decides who rings when; here it is
//! heard and answered. Every way out says so to the queue, once.

use std::time::Duration;

use terms::{AgentId, Timestamp};

use super::{Heard, Key, Ring, Sound, Visit, cursor::play};
use crate::{
    call::Effect,
    queue::{Entry, Left, Overflow},
};

/// How much longer than its longest wait a call waits for the queue's word, should none come.
const WORD_GRACE: Duration = Duration::from_secs(60);

/// A step that waits in a queue. Steps are referred to by their place in the flow.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) entry: Entry,
    /// Repeated while nothing else is said; the hold music when absent.
    pub(crate) music: Sound,
    pub(crate) announce: Announce,
    /// Heard after the position.
    pub(crate) notice: Option<Sound>,
    /// How long between two of these.
    pub(crate) every: Duration,
    pub(crate) callback: Option<(Key, usize)>,
    pub(crate) overflow: usize,
    pub(crate) no_agents: Option<usize>,
}

/// How the position is told.
#[derive(Debug)]
pub(crate) enum Announce {
    /// Not at all.
    Nothing,
    /// By the prompts of position 1, 2, …; the last one also further back.
    Prompts(Vec<Sound>),
    /// In words, which know [`POSITION`] and [`MINUTES`].
    Words(Sound),
}

/// The variable that holds the position in the queue.
pub(super) const POSITION: &str = "position";
/// The variable that holds the minutes of the estimated wait, rounded up; empty when unknown.
pub(super) const MINUTES: &str = "wait_minutes";

/// What a call tells its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToQueue {
    /// It comes to wait.
    Enter(Entry),
    /// It waits no more.
    Leave(Left),
    /// This agent does not take it.
    Passed(AgentId),
    /// The user wants to be called back instead of waiting.
    KeepCallback,
}

/// What a queue tells a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromQueue {
    /// Where it stands.
    Place {
        /// From 1.
        position: usize,
        /// How long it will probably wait.
        estimate: Option<Duration>,
    },
    /// Ring this agent.
    Offered(AgentId),
    /// Ring this agent no more.
    Withdrawn(AgentId),
    /// It cannot wait here, or not longer.
    Overflow(Overflow),
    /// The callback is on disk.
    CallbackKept,
    /// It is not, or the user cannot be called.
    CallbackNotKept,
}

/// A caller who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stay {
    position: Option<usize>,
    rings: Option<AgentId>,
    /// What is still to be said, the next one last; music plays when there is none.
    to_say: Vec<Sound>,
    says: bool,
    say_at: Option<Timestamp>,
    wants_callback: bool,
    until: Option<Timestamp>,
}

/// Where a caller goes who waits no more.
pub(super) enum Out {
    To(usize),
    Stays,
}

impl Queue {
    /// What callers hear in it.
    pub(super) fn sounds(&self) -> impl Iterator<Item = &Sound> {
        let announced = match &self.announce {
            Announce::Nothing => &[],
            Announce::Prompts(prompts) => prompts.as_slice(),
            Announce::Words(words) => std::slice::from_ref(words),
        };
        std::iter::once(&self.music).chain(announced).chain(&self.notice)
    }

    fn announced_at(&self, position: usize) -> Option<&Sound> {
        match &self.announce {
            Announce::Nothing => None,
            Announce::Prompts(prompts) => {
                prompts.get(position.saturating_sub(1)).or_else(|| prompts.last())
            }
            Announce::Words(words) => Some(words),
        }
    }
}

impl Stay {
    pub(super) fn begin(step: &Queue, visit: &mut Visit<'_>) -> Self {
        visit.effects.push(Effect::Queue(ToQueue::Enter(step.entry.clone())));
        play(&step.music, true, visit);
        Self {
            position: None,
            rings: None,
            to_say: Vec::new(),
            says: false,
            say_at: None,
            wants_callback: false,
            until: step.entry.max_wait.map(|wait| visit.now + wait + WORD_GRACE),
        }
    }

    pub(super) fn rings(&self, agent: &AgentId) -> bool {
        self.rings.as_ref() == Some(agent)
    }

    pub(super) fn next_timeout(&self) -> (Timestamp, &'static str) {
        let say = self.say_at.map(|at| (at, "the next word about the position"));
        let until = self.until.map(|at| (at, "a word of the queue"));
        let never = (Timestamp::from_unix_ms(i64::MAX), "a word of the queue");
        say.into_iter().chain(until).min_by_key(|(at, _)| *at).unwrap_or(never)
    }

    /// Takes what was heard.
    pub(super) fn handle(&mut self, step: &Queue, heard: &Heard, visit: &mut Visit<'_>) -> Out {
        match heard {
            Heard::Key(key) => self.key(step, *key, visit),
            Heard::PlaybackDone => self.playback_done(step, visit),
            Heard::Rung(agents) => self.rung(agents, visit),
            Heard::Unavailable(agent) => self.unavailable(agent, visit),
            Heard::Queue(word) => return self.word(step, word, visit),
            Heard::Bot(_) | Heard::Trunk(_) => {}
            Heard::Tick => return self.tick(step, visit),
            Heard::Silence => {}
        }
        Out::Stays
    }

    fn key(&mut self, step: &Queue, key: Key, visit: &mut Visit<'_>) {
        let asks = step.callback.is_some_and(|(wanted, _)| wanted == key);
        if asks && !std::mem::replace(&mut self.wants_callback, true) {
            visit.effects.push(Effect::Queue(ToQueue::KeepCallback));
        }
    }

    fn rung(&mut self, agents: &[AgentId], visit: &mut Visit<'_>) {
        if agents.is_empty()
            && let Some(agent) = self.rings.take()
        {
            visit.effects.push(Effect::Queue(ToQueue::Passed(agent)));
        }
    }

    fn unavailable(&mut self, agent: &AgentId, visit: &mut Visit<'_>) {
        if self.stop_ringing(agent, visit) {
            visit.effects.push(Effect::Queue(ToQueue::Passed(agent.clone())));
        }
    }

    fn playback_done(&mut self, step: &Queue, visit: &mut Visit<'_>) {
        if self.says {
            self.say_next(step, visit);
        }
    }

    fn tick(&mut self, step: &Queue, visit: &mut Visit<'_>) -> Out {
        if self.until.is_some_and(|until| until <= visit.now) {
            return self.overflow(step, Overflow::NoQueue, visit);
        }
        if self.say_at.is_some_and(|at| at <= visit.now) {
            self.announce(step, visit);
        }
        Out::Stays
    }

    fn word(&mut self, step: &Queue, word: &FromQueue, visit: &mut Visit<'_>) -> Out {
        match word {
            FromQueue::Place { position, estimate } => {
                self.placed(step, *position, *estimate, visit);
            }
            FromQueue::Offered(agent) => {
                if self.rings.is_none() {
                    self.rings = Some(agent.clone());
                    visit.effects.push(Effect::Ring(Ring::Only(vec![agent.clone()])));
                }
            }
            FromQueue::Withdrawn(agent) => {
                self.stop_ringing(agent, visit);
            }
            FromQueue::Overflow(why) => return self.overflow(step, *why, visit),
            FromQueue::CallbackKept => {
                if let Some((_, next)) = step.callback.filter(|_| self.wants_callback) {
                    self.leave(Left::CalledBack, visit);
                    return Out::To(next);
                }
            }
            FromQueue::CallbackNotKept => self.wants_callback = false,
        }
        Out::Stays
    }

    fn placed(
        &mut self,
        step: &Queue,
        position: usize,
        estimate: Option<Duration>,
        visit: &mut Visit<'_>,
    ) {
        visit.trail.set(POSITION, &position.to_string());
        let minutes = estimate.map(|estimate| estimate.as_secs().div_ceil(60).to_string());
        visit.trail.set(MINUTES, &minutes.unwrap_or_default());
        if self.position.replace(position).is_none() {
            self.announce(step, visit);
        }
        visit.effects.push(Effect::Tell);
    }

    fn overflow(&mut self, step: &Queue, why: Overflow, visit: &mut Visit<'_>) -> Out {
        self.leave(Left::Overflowed(why), visit);
        Out::To(match why {
            Overflow::NobodyThere => step.no_agents.unwrap_or(step.overflow),
            Overflow::Full | Overflow::WaitedTooLong | Overflow::NoQueue => step.overflow,
        })
    }

    fn leave(&mut self, left: Left, visit: &mut Visit<'_>) {
        if self.rings.take().is_some() {
            visit.effects.push(Effect::StopRinging { taken_by: None });
        }
        visit.effects.push(Effect::Queue(ToQueue::Leave(left)));
    }

    fn stop_ringing(&mut self, agent: &AgentId, visit: &mut Visit<'_>) -> bool {
        let rang = self.rings.take_if(|ringing| ringing == agent).is_some();
        if rang {
            visit.effects.push(Effect::StopRinging { taken_by: None });
        }
        rang
    }

    /// Tells the position and the notice, where the step has them.
    fn announce(&mut self, step: &Queue, visit: &mut Visit<'_>) {
        let position = self.position.and_then(|position| step.announced_at(position));
        self.to_say = step.notice.iter().chain(position).cloned().collect();
        let lasting: Duration = self.to_say.iter().map(|sound| sound.about(visit)).sum();
        self.say_at = (!self.to_say.is_empty()).then(|| visit.now + lasting + step.every);
        if !self.to_say.is_empty() {
            self.say_next(step, visit);
        }
    }

    fn say_next(&mut self, step: &Queue, visit: &mut Visit<'_>) {
        let next = self.to_say.pop();
        self.says = next.is_some();
        play(next.as_ref().unwrap_or(&step.music), !self.says, visit);
    }
}
