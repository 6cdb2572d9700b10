//! What becomes of a call whose agent brought another one in?
//!
//! An agent who asked another one may merge: user and both agents hear each other. Each agent may leave,
//! by hanging up, by a closed browser or a broken leg; the other one keeps the user. When the user
//! leaves, the call is over for all.

use terms::AgentId;

use super::{Call, Effect, Handled, State};

/// A call with two agents in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreeWay {
    /// Who has the user.
    pub(super) agent: AgentId,
    /// Who was asked and brought in.
    pub(super) with: AgentId,
}

impl Call {
    pub(super) fn agent_merges(&mut self, agent: &AgentId, effects: &mut Vec<Effect>) -> Handled {
        let State::Consulting(consult) = &self.state else {
            return Err(self.out_of_place("a merge"));
        };
        if consult.agent != *agent || consult.until.is_some() {
            return Err(self.out_of_place("a merge"));
        }
        self.state = State::ThreeWay(ThreeWay { agent: agent.clone(), with: consult.with.clone() });
        effects.extend([Effect::Arrange, Effect::Tell]);
        Ok(())
    }

    /// The other agent of a three-way call.
    pub(super) fn brought_in(&self) -> Option<AgentId> {
        let State::ThreeWay(three) = &self.state else { return None };
        Some(three.with.clone())
    }

    /// The agent who has the user leaves; the other one has the user from here.
    pub(super) fn leave_to_other(&mut self, with: AgentId, effects: &mut Vec<Effect>) {
        effects.push(Effect::TakeOver);
        self.talk(with, effects);
    }
}
