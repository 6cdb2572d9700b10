//! Where in the flow is this caller, and what now?
//!
//! A [`Cursor`] stands on one step. It starts the step with [`Effect`]s, takes what is heard and
//! the time, and walks on. Steps that take no time (`hours`, `branch`) are passed at once; the
//! flow's check rules out circles of them.

use std::time::Duration;

use terms::{AgentId, Timestamp};

use super::{Flow, Gather, Key, Prompt, Step};
use crate::call::Effect;

/// How much longer than its length a prompt may take before the flow goes on without its end.
const PROMPT_GRACE: Duration = Duration::from_secs(5);

/// A caller's place in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    step: usize,
    gathered: String,
    /// Whether the last look at opening hours found them closed.
    closed: bool,
    doing: Doing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Doing {
    Playing { until: Timestamp },
    Gathering { keys: String, tries_left: u8, prompting: bool, until: Timestamp },
    Ringing { agents: Option<Vec<AgentId>>, until: Timestamp },
    Echoing { until: Timestamp },
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
        let mut cursor = Self {
            step,
            gathered: String::new(),
            closed: false,
            doing: Doing::Playing { until: now },
        };
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

    /// Whether the caller came outside the opening hours, as far as the flow looked.
    #[must_use]
    pub fn met_closed_hours(&self) -> bool {
        self.closed
    }

    /// Whether this agent is being rung by the flow.
    #[must_use]
    pub fn rings(&self, agent: &AgentId) -> bool {
        match &self.doing {
            Doing::Ringing { agents: Some(agents), until: _ } => agents.contains(agent),
            Doing::Ringing { agents: None, until: _ }
            | Doing::Playing { .. }
            | Doing::Gathering { .. }
            | Doing::Echoing { .. } => false,
        }
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
            Doing::Ringing { until, agents: _ } => (*until, "an agent to answer"),
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
                Heard::Tick | Heard::Key(_) | Heard::Rung(_) | Heard::Unavailable(_) => {
                    Progress::Stays
                }
            },
            Step::Gather(gather) => self.gather(flow, gather, heard, now, effects),
            Step::Ring { no_answer, whom: _, lasting: _, playing: _ } => {
                self.ring(flow, *no_answer, heard, now, effects)
            }
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
                    self.closed = !hours.open_at(now);
                    if self.closed { *closed } else { *open }
                }
                Step::Branch { on, otherwise } => *on.get(&self.gathered).unwrap_or(otherwise),
                Step::HangUp => return Progress::HangsUp,
                Step::Play { .. } | Step::Gather(_) | Step::Ring { .. } | Step::Echo { .. } => {
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
            Step::Ring { whom, lasting, playing, no_answer: _ } => {
                effects.push(match playing {
                    Some(prompt) => Effect::Play { prompt: prompt.name.clone(), forever: true },
                    None => Effect::PlayNothing,
                });
                effects.push(Effect::Ring(whom.clone()));
                self.doing = Doing::Ringing { agents: None, until: now + *lasting };
            }
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
            Heard::Rung(_) | Heard::Unavailable(_) => false,
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
        no_answer: usize,
        heard: &Heard,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Progress {
        let due = self.is_due(now);
        let Doing::Ringing { agents, until: _ } = &mut self.doing else { return Progress::Stays };
        let over = match heard {
            Heard::Rung(rung) => {
                *agents = Some(rung.clone());
                rung.is_empty()
            }
            Heard::Unavailable(agent) => agents.as_mut().is_some_and(|agents| {
                agents.retain(|ringing| ringing != agent);
                agents.is_empty()
            }),
            Heard::Tick => due,
            Heard::Key(_) | Heard::PlaybackDone => false,
        };
        if !over {
            return Progress::Stays;
        }
        effects.push(Effect::StopRinging { taken_by: None });
        self.go(flow, no_answer, now, effects)
    }
}

fn play(prompt: &Prompt) -> Effect {
    Effect::Play { prompt: prompt.name.clone(), forever: false }
}
