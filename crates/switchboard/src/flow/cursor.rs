//! Where in the flow is this caller, and what now?
//!
//! A [`Cursor`] stands on one step. It starts the step with [`Effect`]s, takes what is heard and
//! the time, and walks on. Steps that take no time (`hours`, `branch`) are passed at once; the
//! flow's check rules out circles of them.

use std::time::Duration;

use terms::{AgentId, Timestamp};

use super::{
    Flow, FromQueue, Gather, Key, Prompt, Queue, Ring, Ringing, Step,
    queue::{Out, Stay},
};
use crate::{call::Effect, flow::ToQueue, queue::Left};

/// How much longer than its length a prompt may take before the flow goes on without its end.
const PROMPT_GRACE: Duration = Duration::from_secs(5);

/// A caller's place in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    step: usize,
    gathered: String,
    doing: Doing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Doing {
    Playing { until: Timestamp },
    Gathering { keys: String, tries_left: u8, prompting: bool, until: Timestamp },
    Ringing(Rings),
    Queuing(Stay),
    Echoing { until: Timestamp },
}

/// Who rings, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rings {
    agents: Option<Vec<AgentId>>,
    until: Timestamp,
    /// Where one rings after the other: when the next one does, and who did already.
    next_at: Option<Timestamp>,
    passed: Vec<AgentId>,
}

/// What reaches a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The caller pressed a key.
    Key(Key),
    /// The prompt is at its end.
    PlaybackDone,
    /// These agents are ringing.
    Rung(Vec<AgentId>),
    /// This agent will not take the call.
    Unavailable(AgentId),
    /// The queue has a word for the call.
    Queue(FromQueue),
    /// Time passed.
    Tick,
}

/// Where the caller is after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// In the flow.
    Stays,
    /// The flow hangs up.
    HangsUp,
}

impl Cursor {
    /// Enters the flow at its first step. `None` when the flow hangs up at once.
    pub fn enter(flow: &Flow, now: Timestamp, effects: &mut Vec<Effect>) -> Option<Self> {
        Self::enter_at(flow, flow.start, now, effects)
    }

    /// The same at a step.
    pub(crate) fn enter_at(
        flow: &Flow,
        step: usize,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Option<Self> {
        let mut cursor =
            Self { step, gathered: String::new(), doing: Doing::Playing { until: now } };
        match cursor.go(flow, step, now, effects) {
            Progress::Stays => Some(cursor),
            Progress::HangsUp => None,
        }
    }

    /// The name of the step the caller is in.
    #[must_use]
    pub fn step_name<'f>(&self, flow: &'f Flow) -> &'f str {
        flow.steps.get(self.step).map_or("", |named| named.name.as_str())
    }

    /// Whether this agent is being rung by the flow.
    #[must_use]
    pub fn rings(&self, agent: &AgentId) -> bool {
        match &self.doing {
            Doing::Ringing(rings) => {
                rings.agents.as_ref().is_some_and(|agents| agents.contains(agent))
            }
            Doing::Queuing(stay) => stay.rings(agent),
            Doing::Playing { .. } | Doing::Gathering { .. } | Doing::Echoing { .. } => false,
        }
    }

    /// What the queue must hear when the call leaves the flow from it.
    pub(crate) fn leaves_queue(&self, left: Left) -> Option<Effect> {
        let waits = matches!(self.doing, Doing::Queuing(_));
        waits.then_some(Effect::Queue(ToQueue::Leave(left)))
    }

    /// When the flow must look again, and why.
    #[must_use]
    pub fn next_timeout(&self) -> (Timestamp, &'static str) {
        match &self.doing {
            Doing::Playing { until } => (*until, "the prompt should have ended"),
            Doing::Gathering { until, prompting: true, .. } => {
                (*until, "the prompt of the question should have ended")
            }
            Doing::Gathering { until, prompting: false, .. } => (*until, "the caller's next key"),
            Doing::Ringing(rings) => {
                let next = rings.next_at.map_or(rings.until, |at| at.min(rings.until));
                (next, "an agent to answer")
            }
            Doing::Queuing(stay) => stay.next_timeout(),
            Doing::Echoing { until } => (*until, "the end of the echo"),
        }
    }

    /// Takes what was heard; keys and ends nobody waits for change nothing.
    pub fn handle(
        &mut self,
        flow: &Flow,
        heard: &Heard,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Progress {
        match &flow.steps[self.step].step {
            Step::Play { next, prompt: _ } => match heard {
                Heard::PlaybackDone => self.go(flow, *next, now, effects),
                Heard::Tick if self.is_due(now) => self.go(flow, *next, now, effects),
                // A caller who knows the menu presses during the prompt before it.
                Heard::Key(_) if matches!(flow.steps[*next].step, Step::Gather(_)) => {
                    self.go(flow, *next, now, effects);
                    self.handle(flow, heard, now, effects)
                }
                Heard::Tick
                | Heard::Key(_)
                | Heard::Rung(_)
                | Heard::Unavailable(_)
                | Heard::Queue(_) => Progress::Stays,
            },
            Step::Gather(gather) => self.gather(flow, gather, heard, now, effects),
            Step::Ring(ringing) => self.ring(flow, ringing, heard, now, effects),
            Step::Queue(queue) => self.queue(flow, queue, heard, now, effects),
            Step::Echo { next, lasting: _ } => {
                if self.is_due(now) {
                    return self.go(flow, *next, now, effects);
                }
                Progress::Stays
            }
            Step::Hours { .. } | Step::Branch { .. } | Step::HangUp => Progress::Stays,
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.next_timeout().0 <= now
    }

    /// Goes to a step and over those that take no time.
    fn go(
        &mut self,
        flow: &Flow,
        to: usize,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Progress {
        let mut to = to;
        loop {
            self.step = to;
            to = match &flow.steps[to].step {
                Step::Hours { hours, open, closed } => {
                    if hours.open_at(now) {
                        *open
                    } else {
                        *closed
                    }
                }
                Step::Branch { on, otherwise } => *on.get(&self.gathered).unwrap_or(otherwise),
                Step::HangUp => return Progress::HangsUp,
                Step::Play { .. }
                | Step::Gather(_)
                | Step::Ring(_)
                | Step::Queue(_)
                | Step::Echo { .. } => {
                    self.begin(&flow.steps[to].step, now, effects);
                    return Progress::Stays;
                }
            };
        }
    }

    fn begin(&mut self, step: &Step, now: Timestamp, effects: &mut Vec<Effect>) {
        match step {
            Step::Play { prompt, next: _ } => {
                effects.push(play(prompt));
                self.doing = Doing::Playing { until: now + prompt.lasting + PROMPT_GRACE };
            }
            Step::Gather(gather) => self.ask(gather, gather.tries, now, effects),
            Step::Ring(ringing) => {
                effects.push(match &ringing.playing {
                    Some(prompt) => Effect::Play { prompt: prompt.name.clone(), forever: true },
                    None => Effect::PlayNothing,
                });
                effects.push(Effect::Ring(ringing.whom.clone()));
                let (until, passed) = (now + ringing.lasting, Vec::new());
                self.doing = Doing::Ringing(Rings { agents: None, until, next_at: None, passed });
            }
            Step::Queue(queue) => self.doing = Doing::Queuing(Stay::begin(queue, now, effects)),
            Step::Echo { lasting, next: _ } => {
                effects.push(Effect::Echo);
                self.doing = Doing::Echoing { until: now + *lasting };
            }
            Step::Hours { .. } | Step::Branch { .. } | Step::HangUp => {}
        }
    }

    fn ask(&mut self, gather: &Gather, tries: u8, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.push(play(&gather.prompt));
        self.doing = Doing::Gathering {
            keys: String::new(),
            tries_left: tries.saturating_sub(1),
            prompting: true,
            until: now + gather.prompt.lasting + PROMPT_GRACE,
        };
    }

    fn gather(
        &mut self,
        flow: &Flow,
        gather: &Gather,
        heard: &Heard,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Progress {
        let due = self.is_due(now);
        let Doing::Gathering { keys, tries_left, prompting, until } = &mut self.doing else {
            return Progress::Stays;
        };
        let full = match heard {
            Heard::Key(key) => {
                if std::mem::take(prompting) {
                    effects.push(Effect::PlayNothing);
                }
                *until = now + gather.wait;
                let ends = gather.end == Some(*key);
                if !ends {
                    keys.push(key.sign());
                }
                ends || keys.len() >= gather.digits
            }
            Heard::PlaybackDone => {
                if std::mem::take(prompting) {
                    *until = now + gather.wait;
                }
                false
            }
            Heard::Tick if due && *prompting => {
                *prompting = false;
                *until = now + gather.wait;
                false
            }
            Heard::Tick if due && keys.is_empty() => {
                if *tries_left == 0 {
                    return self.go(flow, gather.silence, now, effects);
                }
                let tries = *tries_left;
                self.ask(gather, tries, now, effects);
                return Progress::Stays;
            }
            Heard::Tick => due,
            Heard::Rung(_) | Heard::Unavailable(_) | Heard::Queue(_) => false,
        };
        if full {
            self.gathered = std::mem::take(keys);
            return self.go(flow, gather.next, now, effects);
        }
        Progress::Stays
    }

    fn ring(
        &mut self,
        flow: &Flow,
        step: &Ringing,
        heard: &Heard,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Progress {
        let Doing::Ringing(rings) = &mut self.doing else { return Progress::Stays };
        let over = match heard {
            Heard::Rung(rung) => {
                rings.agents = Some(rung.clone());
                let one_by_one = matches!(step.whom, Ring::LongestIdle { .. });
                rings.next_at = one_by_one.then(|| now + step.each);
                rung.is_empty()
            }
            Heard::Unavailable(agent) => match &mut rings.agents {
                Some(agents) => {
                    agents.retain(|ringing| ringing != agent);
                    agents.is_empty() && !rings.ring_next(step, Some(agent), effects)
                }
                None => false,
            },
            Heard::Tick if rings.until <= now => true,
            Heard::Tick if rings.next_at.is_some_and(|at| at <= now) => {
                let rang = rings.agents.as_ref().and_then(|agents| agents.first()).cloned();
                !rings.ring_next(step, rang.as_ref(), effects)
            }
            Heard::Tick | Heard::Key(_) | Heard::PlaybackDone | Heard::Queue(_) => false,
        };
        if !over {
            return Progress::Stays;
        }
        effects.push(Effect::StopRinging { taken_by: None });
        self.go(flow, step.no_answer, now, effects)
    }

    fn queue(
        &mut self,
        flow: &Flow,
        step: &Queue,
        heard: &Heard,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Progress {
        let Doing::Queuing(stay) = &mut self.doing else { return Progress::Stays };
        let out = match heard {
            Heard::Key(key) => stay.key(step, *key, effects),
            Heard::PlaybackDone => stay.playback_done(step, effects),
            Heard::Rung(agents) => stay.rung(agents, effects),
            Heard::Unavailable(agent) => stay.unavailable(agent, effects),
            Heard::Queue(word) => stay.word(step, word, now, effects),
            Heard::Tick => stay.tick(step, now, effects),
        };
        match out {
            Out::Stays => Progress::Stays,
            Out::To(next) => self.go(flow, next, now, effects),
        }
    }
}

impl Rings {
    /// Rings the next one, where one rings after the other; `false` where all ring at once.
    fn ring_next(
        &mut self,
        step: &Ringing,
        rang: Option<&AgentId>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Ring::LongestIdle { skills, passed: _ } = &step.whom else { return false };
        self.passed.extend(rang.cloned());
        (self.agents, self.next_at) = (None, None);
        let whom = Ring::LongestIdle { skills: skills.clone(), passed: self.passed.clone() };
        effects.extend([Effect::StopRinging { taken_by: None }, Effect::Ring(whom)]);
        true
    }
}

fn play(prompt: &Prompt) -> Effect {
    Effect::Play { prompt: prompt.name.clone(), forever: false }
}
