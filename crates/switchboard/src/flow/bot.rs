//! What becomes of a caller who talks with a bot?
//!
//! The bot has the call until it says that it is done, gives the call away, or is lost: then the flow
//! goes on. A key of the flow's choice always leads to people, whatever the bot does with keys.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use terms::{AgentId, Timestamp};

use super::{Heard, Key, Named, Ring, Step, Template, Visit, speech::LANGUAGE};
use crate::{builtin::Choices, call::Effect};

/// How long an agent rings to whom a bot gives a call.
const RING_FOR: Duration = Duration::from_secs(20);

/// A step in which a bot has the call. Steps are referred to by their place in the flow.
#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) bot: String,
    pub(crate) context: Vec<(String, Template)>,
    /// The key that leads to people.
    pub(crate) person: Option<Key>,
    /// Where the call goes when the bot is done.
    pub(crate) next: usize,
    /// Where it goes when there is no bot any more, or people are wanted.
    pub(crate) otherwise: usize,
    /// Where the caller leaves a message, if the bot may offer that.
    pub(crate) message: Option<usize>,
}

/// What a call wants of its bot. A bot is over when its call is no longer with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToBot {
    /// It has the call.
    Begin {
        /// Its name.
        bot: String,
        /// What it is told about the call.
        context: BTreeMap<String, String>,
        /// Where the call can go from it.
        choices: Choices,
    },
    /// The user pressed this.
    Key(Key),
}

/// What a bot tells its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromBot {
    /// It is done.
    Done,
    /// It cannot be reached, or is gone.
    Lost,
    /// It ends the call.
    HangsUp,
    /// People shall have the call.
    ToPeople,
    /// This agent shall have the call.
    ToAgent(AgentId),
    /// The flow shall go on at the step of this name.
    ToStep(String),
}

/// A caller who is with a bot, or was given by it to an agent who rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Talk {
    Talks,
    Rings { agent: AgentId, until: Timestamp },
}

/// Where a caller goes who is no longer with the bot.
pub(super) enum Out {
    To(usize),
    Stays,
    HangsUp,
}

impl Bot {
    fn choices(&self, visit: &Visit<'_>) -> Choices {
        let is_end = |named: &Arc<Named>| matches!(named.step, Step::HangUp);
        Choices {
            language: visit.trail.variables().get(LANGUAGE).cloned(),
            people: !visit.flow.steps.get(self.otherwise).is_none_or(is_end),
            message: self.message.map(|step| visit.flow.name_of(step).to_owned()),
        }
    }
}

impl Talk {
    pub(super) fn begin(step: &Bot, visit: &mut Visit<'_>) -> Self {
        let fill = |(name, template): &(String, Template)| {
            (name.clone(), template.filled(visit.caller, visit.trail))
        };
        let context = step.context.iter().map(fill).collect();
        let choices = step.choices(visit);
        visit.effects.push(Effect::PlayNothing);
        visit.effects.push(Effect::Bot(ToBot::Begin { bot: step.bot.clone(), context, choices }));
        Self::Talks
    }

    pub(super) fn rings(&self, agent: &AgentId) -> bool {
        matches!(self, Self::Rings { agent: ringing, .. } if ringing == agent)
    }

    pub(super) fn next_timeout(&self) -> (Timestamp, &'static str) {
        match self {
            Self::Talks => (Timestamp::from_unix_ms(i64::MAX), "a word of the bot"),
            Self::Rings { until, agent: _ } => (*until, "an agent to answer"),
        }
    }

    /// Takes what was heard.
    pub(super) fn handle(&mut self, step: &Bot, heard: &Heard, visit: &mut Visit<'_>) -> Out {
        match heard {
            Heard::Key(key) if step.person == Some(*key) => {
                self.stop_ringing(visit);
                Out::To(step.otherwise)
            }
            Heard::Key(key) => {
                if *self == Self::Talks {
                    visit.effects.push(Effect::Bot(ToBot::Key(*key)));
                }
                Out::Stays
            }
            Heard::Bot(word) => self.word(step, word, visit),
            Heard::Rung(agents) if agents.is_empty() => self.not_taken(step, visit),
            Heard::Unavailable(agent) if self.rings(agent) => self.not_taken(step, visit),
            Heard::Tick if self.next_timeout().0 <= visit.now => self.not_taken(step, visit),
            Heard::Rung(_)
            | Heard::Unavailable(_)
            | Heard::Tick
            | Heard::PlaybackDone
            | Heard::Silence
            | Heard::Queue(_)
            | Heard::Trunk(_) => Out::Stays,
        }
    }

    fn word(&mut self, step: &Bot, word: &FromBot, visit: &mut Visit<'_>) -> Out {
        // A bot that gave the call away has no more say in it.
        if *self != Self::Talks {
            return Out::Stays;
        }
        match word {
            FromBot::Done => Out::To(step.next),
            FromBot::Lost | FromBot::ToPeople => Out::To(step.otherwise),
            FromBot::HangsUp => Out::HangsUp,
            FromBot::ToStep(name) => Out::To(visit.flow.step_at(name).unwrap_or(step.otherwise)),
            FromBot::ToAgent(agent) => {
                let (agent, until) = (agent.clone(), visit.now + RING_FOR);
                visit.effects.push(Effect::PlayNothing);
                visit.effects.push(Effect::Ring(Ring::Only(vec![agent.clone()])));
                *self = Self::Rings { agent, until };
                Out::Stays
            }
        }
    }

    fn not_taken(&self, step: &Bot, visit: &mut Visit<'_>) -> Out {
        if *self == Self::Talks {
            return Out::Stays;
        }
        self.stop_ringing(visit);
        Out::To(step.otherwise)
    }

    fn stop_ringing(&self, visit: &mut Visit<'_>) {
        if *self != Self::Talks {
            visit.effects.push(Effect::StopRinging { taken_by: None });
        }
    }
}
