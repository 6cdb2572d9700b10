//! What does a caller in a queue hear, and how does the caller get out?
//!
//! Music, and from time to time the position. The queue itself decides who rings when; here it is
//! heard and answered. Every way out says so to the queue, once.

use std::time::Duration;

use terms::{AgentId, Timestamp};

use super::{Key, Prompt, Ring};
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
    pub(crate) music: Prompt,
    /// What is said at position 1, 2, …; the last one also further back.
    pub(crate) positions: Vec<Prompt>,
    /// Said after the position.
    pub(crate) say: Option<Prompt>,
    /// How long between two of these.
    pub(crate) every: Duration,
    pub(crate) callback: Option<(Key, usize)>,
    pub(crate) overflow: usize,
    pub(crate) no_agents: Option<usize>,
}

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
    /// Prompts still to be said, the next one last; music plays when there is none.
    to_say: Vec<String>,
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

impl Stay {
    pub(super) fn begin(step: &Queue, now: Timestamp, effects: &mut Vec<Effect>) -> Self {
        effects.push(Effect::Queue(ToQueue::Enter(step.entry.clone())));
        effects.push(music(step));
        Self {
            position: None,
            rings: None,
            to_say: Vec::new(),
            says: false,
            say_at: None,
            wants_callback: false,
            until: step.entry.max_wait.map(|wait| now + wait + WORD_GRACE),
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

    pub(super) fn key(&mut self, step: &Queue, key: Key, effects: &mut Vec<Effect>) -> Out {
        let asks = step.callback.as_ref().is_some_and(|(wanted, _)| *wanted == key);
        if asks && !std::mem::replace(&mut self.wants_callback, true) {
            effects.push(Effect::Queue(ToQueue::KeepCallback));
        }
        Out::Stays
    }

    pub(super) fn rung(&mut self, agents: &[AgentId], effects: &mut Vec<Effect>) -> Out {
        if agents.is_empty()
            && let Some(agent) = self.rings.take()
        {
            effects.push(Effect::Queue(ToQueue::Passed(agent)));
        }
        Out::Stays
    }

    pub(super) fn unavailable(&mut self, agent: &AgentId, effects: &mut Vec<Effect>) -> Out {
        if self.stop_ringing(agent, effects) {
            effects.push(Effect::Queue(ToQueue::Passed(agent.clone())));
        }
        Out::Stays
    }

    pub(super) fn playback_done(&mut self, step: &Queue, effects: &mut Vec<Effect>) -> Out {
        if self.says {
            self.say_next(step, effects);
        }
        Out::Stays
    }

    pub(super) fn tick(&mut self, step: &Queue, now: Timestamp, effects: &mut Vec<Effect>) -> Out {
        if self.until.is_some_and(|until| until <= now) {
            return self.overflow(step, Overflow::NoQueue, effects);
        }
        if self.say_at.is_some_and(|at| at <= now) {
            self.announce(step, now, effects);
        }
        Out::Stays
    }

    pub(super) fn word(
        &mut self,
        step: &Queue,
        word: &FromQueue,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Out {
        match word {
            FromQueue::Place { position, estimate: _ } => {
                if self.position.replace(*position).is_none() {
                    self.announce(step, now, effects);
                }
                effects.push(Effect::Tell);
                Out::Stays
            }
            FromQueue::Offered(agent) => {
                if self.rings.is_none() {
                    self.rings = Some(agent.clone());
                    effects.push(Effect::Ring(Ring::Only(vec![agent.clone()])));
                }
                Out::Stays
            }
            FromQueue::Withdrawn(agent) => {
                self.stop_ringing(agent, effects);
                Out::Stays
            }
            FromQueue::Overflow(why) => self.overflow(step, *why, effects),
            FromQueue::CallbackKept => match step.callback {
                Some((_, next)) if self.wants_callback => {
                    self.leave(Left::CalledBack, effects);
                    Out::To(next)
                }
                Some(_) | None => Out::Stays,
            },
            FromQueue::CallbackNotKept => {
                self.wants_callback = false;
                Out::Stays
            }
        }
    }

    fn overflow(&mut self, step: &Queue, why: Overflow, effects: &mut Vec<Effect>) -> Out {
        self.leave(Left::Overflowed(why), effects);
        Out::To(match why {
            Overflow::NobodyThere => step.no_agents.unwrap_or(step.overflow),
            Overflow::Full | Overflow::WaitedTooLong | Overflow::NoQueue => step.overflow,
        })
    }

    fn leave(&mut self, left: Left, effects: &mut Vec<Effect>) {
        if self.rings.take().is_some() {
            effects.push(Effect::StopRinging { taken_by: None });
        }
        effects.push(Effect::Queue(ToQueue::Leave(left)));
    }

    fn stop_ringing(&mut self, agent: &AgentId, effects: &mut Vec<Effect>) -> bool {
        let rang = self.rings.take_if(|ringing| ringing == agent).is_some();
        if rang {
            effects.push(Effect::StopRinging { taken_by: None });
        }
        rang
    }

    /// Says the position and what the step says with it, where there are prompts for that.
    fn announce(&mut self, step: &Queue, now: Timestamp, effects: &mut Vec<Effect>) {
        let furthest = step.positions.last();
        let position = self
            .position
            .and_then(|position| step.positions.get(position.saturating_sub(1)).or(furthest));
        self.to_say = step.say.iter().chain(position).map(|prompt| prompt.name.clone()).collect();
        let said = step.say.iter().chain(position).map(|prompt| prompt.lasting);
        self.say_at = (!self.to_say.is_empty()).then(|| now + said.sum() + step.every);
        if !self.to_say.is_empty() {
            self.say_next(step, effects);
        }
    }

    fn say_next(&mut self, step: &Queue, effects: &mut Vec<Effect>) {
        let next = self.to_say.pop();
        self.says = next.is_some();
        effects.push(
            next.map_or_else(|| music(step), |prompt| Effect::Play { prompt, forever: false }),
        );
    }
}

fn music(step: &Queue) -> Effect {
    Effect::Play { prompt: step.music.name.clone(), forever: true }
}
