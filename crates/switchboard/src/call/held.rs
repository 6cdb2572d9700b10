//! Who has a call whose user waits?
//!
//! The agent who put it on hold, until that agent comes back to it. An agent whose browser went away
//! in a call gets a moment to come back, for a page is easily reloaded; then the flow answers, or the
//! call ends when there is none.

use terms::{AgentId, Timestamp};

use super::{Call, Effect, EndReason, Handled, State};

/// A call on hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who has it.
    pub(super) agent: AgentId,
    /// Until when this agent may come back, where the browser is gone.
    pub(super) away_until: Option<Timestamp>,
}

impl Call {
    pub(super) fn agent_holds(&mut self, agent: &AgentId, effects: &mut Vec<Effect>) -> Handled {
        match &self.state {
            State::Bridged { agent: has } if has == agent => {
                self.hold(agent.clone(), None, effects);
                Ok(())
            }
            State::Bridged { .. }
            | State::Held(_)
            | State::Transferring(_)
            | State::Consulting(_)
            | State::ThreeWay(_)
            | State::Opening
            | State::Offered(_)
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::InFlow(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => Err(self.out_of_place("hold")),
        }
    }

    pub(super) fn agent_resumes(&mut self, agent: AgentId, effects: &mut Vec<Effect>) -> Handled {
        match &self.state {
            State::Held(held) if held.agent == agent && held.away_until.is_none() => {}
            State::Consulting(consult) if consult.agent == agent => {
                self.leave_consulted(effects);
            }
            State::ThreeWay(three) if three.agent == agent => effects.push(Effect::DropConsulted),
            State::Held(_)
            | State::Consulting(_)
            | State::ThreeWay(_)
            | State::Bridged { .. }
            | State::Transferring(_)
            | State::Opening
            | State::Offered(_)
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::InFlow(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => return Err(self.out_of_place("resume")),
        }
        self.talk(agent, effects);
        Ok(())
    }

    /// The agent whose browser was gone is back; a new leg is open.
    pub(super) fn agent_returned(&mut self, agent: AgentId, effects: &mut Vec<Effect>) -> Handled {
        if !self.state.waits_for(&agent) {
            return Err(self.out_of_place("an agent's return"));
        }
        self.talk(agent, effects);
        Ok(())
    }

    /// The user waits for this agent, whose leg is gone.
    pub(super) fn wait_for(&mut self, agent: AgentId, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.push(Effect::DropAgent);
        let away_until = Some(now + self.plan.return_for);
        self.hold(agent, away_until, effects);
    }

    pub(super) fn away_too_long(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Held(held) = &self.state else { return };
        let agent = held.agent.clone();
        self.alone(EndReason::AgentGone(agent), now, effects);
    }

    pub(super) fn hold(
        &mut self,
        agent: AgentId,
        away_until: Option<Timestamp>,
        effects: &mut Vec<Effect>,
    ) {
        self.state = State::Held(Held { agent, away_until });
        effects.extend([Effect::Hold, Effect::Tell]);
    }

    /// User and agent hear each other.
    pub(super) fn talk(&mut self, agent: AgentId, effects: &mut Vec<Effect>) {
        self.state = State::Bridged { agent };
        effects.extend([Effect::Bridge, Effect::Tell]);
    }

    /// No agent has the user any more: the flow does, or the call ends for this reason.
    pub(super) fn alone(&mut self, reason: EndReason, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.plan.flow.is_some() {
            self.enter_flow(now, effects);
        } else {
            self.end(reason, now, effects);
        }
    }
}
