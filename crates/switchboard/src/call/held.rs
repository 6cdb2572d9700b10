//! Who has a call whose user waits?
//!
//! The agent who put it on hold, until that agent comes back to it. An agent whose browser went away
//! in a call, or whose audio path failed under an open page, gets a moment to come back, for a page is
//! easily reloaded and a path easily offered anew; then the flow answers, or the call ends when there is
//! none.

use terms::{AgentId, Direction, Timestamp};

use super::{Answerer, Call, Effect, EndReason, Handled, State};

/// A call on hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who has it.
    pub(super) agent: AgentId,
    /// Until when this agent may come back, where the browser is gone.
    pub(super) away_until: Option<Timestamp>,
    /// How the audio path of an agent who is away failed, where it did.
    pub(super) lost: Option<String>,
}

impl Held {
    /// Why the call ends when its agent does not come back.
    fn gone(agent: AgentId, lost: Option<String>) -> EndReason {
        match lost {
            Some(why) => EndReason::AgentMediaFailed { why },
            None => EndReason::AgentGone(agent),
        }
    }
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
            | State::Inquiring(_)
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
            State::Inquiring(inquiry) if inquiry.agent == agent => {}
            State::Consulting(consult) if consult.agent == agent => {
                self.leave_consulted(effects);
            }
            State::ThreeWay(three) if three.agent == agent => self.drop_brought_in(effects),
            State::Held(_)
            | State::Consulting(_)
            | State::ThreeWay(_)
            | State::Inquiring(_)
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

    /// This agent's browser went away, or its audio path failed: then `lost` says how.
    pub(super) fn agent_lost(
        &mut self,
        agent: AgentId,
        lost: Option<String>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        match &mut self.state {
            State::Offered(offered) => {
                offered.answerer = None;
                offered.forget(&agent);
                effects.push(Effect::DropAgent);
                self.nobody_takes_it(now, effects);
            }
            State::Accepting { answerer, .. } | State::Joining { answerer, .. }
                if self.plan.flow.is_some() && self.direction == Direction::UserInitiated =>
            {
                *answerer = Answerer::Flow;
                effects.push(Effect::DropAgent);
            }
            State::Bridged { .. } | State::Held(_) => self.wait_for(agent, lost, now, effects),
            State::Inquiring(_) if lost.is_some() => self.wait_for(agent, lost, now, effects),
            State::Consulting(_) if lost.is_some() => {
                self.leave_consulted(effects);
                self.wait_for(agent, lost, now, effects);
            }
            // What the agent was about to do is done.
            State::Consulting(_) | State::Inquiring(_) | State::ThreeWay(_) => {
                return self.agent_completes(&agent, now, effects);
            }
            State::Accepting { .. }
            | State::Joining { .. }
            | State::Transferring(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Opening
            | State::InFlow(_)
            | State::Ending { .. }
            | State::Ended { .. } => self.end(Held::gone(agent, lost), now, effects),
        }
        Ok(())
    }

    /// The user waits for this agent, whose leg is gone.
    fn wait_for(
        &mut self,
        agent: AgentId,
        lost: Option<String>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let away_until = Some(now + self.plan.return_for);
        self.state = State::Held(Held { agent, away_until, lost });
        effects.extend([Effect::DropAgent, Effect::Hold, Effect::Tell]);
    }

    pub(super) fn away_too_long(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Held(held) = &self.state else { return };
        let Held { agent, lost, away_until: _ } = held.clone();
        self.alone(Held::gone(agent, lost), now, effects);
    }

    pub(super) fn hold(
        &mut self,
        agent: AgentId,
        away_until: Option<Timestamp>,
        effects: &mut Vec<Effect>,
    ) {
        self.state = State::Held(Held { agent, away_until, lost: None });
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
