//! Who rings in a `ring` step, and who is next?

use std::time::Duration;

use terms::{AgentId, Timestamp};

use super::{Heard, Ring, Sound, Visit};
use crate::call::Effect;

/// A step that rings agents. Steps are referred to by their place in the flow.
#[derive(Debug)]
pub(crate) struct Ringing {
    pub(crate) whom: Ring,
    pub(crate) lasting: Duration,
    /// How long one agent rings where they ring one after the other.
    pub(crate) each: Duration,
    pub(crate) playing: Option<Sound>,
    pub(crate) no_answer: usize,
}

/// Who rings, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rings {
    agents: Option<Vec<AgentId>>,
    until: Timestamp,
    /// Where one rings after the other: when the next one does, and who did already.
    next_at: Option<Timestamp>,
    passed: Vec<AgentId>,
}

impl Rings {
    pub(super) fn begin(step: &Ringing, now: Timestamp) -> Self {
        Self { agents: None, until: now + step.lasting, next_at: None, passed: Vec::new() }
    }

    pub(super) fn rings(&self, agent: &AgentId) -> bool {
        self.agents.as_ref().is_some_and(|agents| agents.contains(agent))
    }

    pub(super) fn next_timeout(&self) -> (Timestamp, &'static str) {
        match self.next_at {
            Some(at) if at < self.until => (at, "this agent to answer"),
            Some(_) | None => (self.until, "an agent to answer"),
        }
    }

    /// Takes what was heard; says whether nobody is left to ring.
    pub(super) fn are_over(
        &mut self,
        step: &Ringing,
        heard: &Heard,
        visit: &mut Visit<'_>,
    ) -> bool {
        match heard {
            Heard::Rung(rung) => {
                self.agents = Some(rung.clone());
                let one_by_one = matches!(step.whom, Ring::LongestIdle { .. });
                self.next_at = one_by_one.then(|| visit.now + step.each);
                rung.is_empty()
            }
            Heard::Unavailable(agent) => match &mut self.agents {
                Some(agents) => {
                    agents.retain(|ringing| ringing != agent);
                    agents.is_empty() && !self.ring_next(step, Some(agent), visit)
                }
                None => false,
            },
            Heard::Tick if self.until <= visit.now => true,
            Heard::Tick if self.next_at.is_some_and(|at| at <= visit.now) => {
                let rang = self.agents.as_ref().and_then(|agents| agents.first()).cloned();
                !self.ring_next(step, rang.as_ref(), visit)
            }
            Heard::Tick
            | Heard::Key(_)
            | Heard::PlaybackDone
            | Heard::Silence
            | Heard::Queue(_)
            | Heard::Bot(_)
            | Heard::Trunk(_) => false,
        }
    }

    /// Rings the next one, where one rings after the other; `false` where all ring at once.
    fn ring_next(&mut self, step: &Ringing, rang: Option<&AgentId>, visit: &mut Visit<'_>) -> bool {
        let Ring::LongestIdle { skills, passed: _ } = &step.whom else { return false };
        self.passed.extend(rang.cloned());
        (self.agents, self.next_at) = (None, None);
        let whom = Ring::LongestIdle { skills: skills.clone(), passed: self.passed.clone() };
        visit.effects.extend([Effect::StopRinging { taken_by: None }, Effect::Ring(whom)]);
        true
    }
}
