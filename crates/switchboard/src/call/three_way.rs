//! What becomes of a call whose agent brought another one, or a telephone, in?
//!
//! An agent who asked may merge: user, agent and the one who was asked hear each other. Each of the two
//! may leave, by hanging up, by a closed browser or a broken leg; the other one keeps the user. When the
//! user leaves, the call is over for all.

use terms::AgentId;

use super::{Call, Consulted, Effect, Handled, State};

/// A call with two of the business in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreeWay {
    /// Who has the user.
    pub(super) agent: AgentId,
    /// Who was asked and brought in.
    pub(super) with: Consulted,
}

impl Call {
    pub(super) fn agent_merges(&mut self, agent: &AgentId, effects: &mut Vec<Effect>) -> Handled {
        let with = self.asked_by(agent).ok_or_else(|| self.out_of_place("a merge"))?;
        self.state = State::ThreeWay(ThreeWay { agent: agent.clone(), with });
        effects.extend([Effect::Arrange, Effect::Tell]);
        Ok(())
    }

    /// Whom this agent asks, once the two talk.
    fn asked_by(&self, agent: &AgentId) -> Option<Consulted> {
        if let State::Inquiring(inquiry) = &self.state {
            let talks = inquiry.agent == *agent && inquiry.until.is_none();
            return talks.then(|| inquiry.telephone());
        }
        let State::Consulting(consult) = &self.state else { return None };
        let talks = consult.agent == *agent && consult.until.is_none();
        talks.then(|| Consulted::Agent(consult.with.clone()))
    }

    /// The other agent of a three-way call.
    pub(super) fn brought_in(&self) -> Option<AgentId> {
        self.state.brought_in_agent().cloned()
    }

    /// The agent who was brought in goes; a telephone is left with the state.
    pub(super) fn drop_brought_in(&self, effects: &mut Vec<Effect>) {
        if self.brought_in().is_some() {
            effects.push(Effect::DropConsulted);
        }
    }

    /// The agent who has the user leaves; the other one has the user from here.
    pub(super) fn leave_to_other(&mut self, with: AgentId, effects: &mut Vec<Effect>) {
        effects.push(Effect::TakeOver);
        self.talk(with, effects);
    }
}

impl State {
    /// The agent of ours who was brought in.
    pub(super) fn brought_in_agent(&self) -> Option<&AgentId> {
        let Self::ThreeWay(ThreeWay { with: Consulted::Agent(with), agent: _ }) = self else {
            return None;
        };
        Some(with)
    }
}
