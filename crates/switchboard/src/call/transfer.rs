//! How does a call get from one agent to another?
//!
//! Blind: the agent lets go, the user hears music, the other agent rings. Nobody there: the call comes
//! back to who gave it away, and then to the flow; so it does from a queue, a bot and a trunk. Attended: the agent keeps the user on hold, talks
//! with the other one and then hands over or comes back; hanging up hands over as it stands. All of it
//! is on our side: WhatsApp's leg never notices.

use std::sync::Arc;

use terms::{AgentId, Timestamp};

use super::{Call, Effect, EndReason, Handled, State};
use crate::flow::{Flow, Ring, Room};

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To another agent.
    Agent(AgentId),
    /// To the flow, at a step or at its start.
    Flow {
        /// The step's name.
        step: Option<String>,
    },
    /// To a queue, a bot or a trunk, and back when nobody is to be had there.
    Room(Room),
}

/// A call on its way to another agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Who gave it away.
    pub(super) by: AgentId,
    /// Who rings: first the other agent, then the one who gave it away.
    pub(super) rings: AgentId,
    /// When we give up on that one.
    pub(super) until: Timestamp,
}

/// A call whose agent asks another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consult {
    /// Who has the user.
    pub(super) agent: AgentId,
    /// Who is asked.
    pub(super) with: AgentId,
    /// When we give up on the other one; none once the two talk.
    pub(super) until: Option<Timestamp>,
}

impl Call {
    pub(super) fn agent_transfers(
        &mut self,
        agent: &AgentId,
        to: Destination,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if !self.is_with(agent) {
            return Err(self.out_of_place("a transfer"));
        }
        match to {
            Destination::Agent(to) if to == *agent => return Err(self.out_of_place("a transfer")),
            Destination::Agent(to) => {
                effects.push(Effect::DropAgent);
                self.ring_for_transfer(agent.clone(), to, now, effects);
            }
            Destination::Flow { step } => return self.transfer_to_flow(step, now, effects),
            Destination::Room(room) => {
                let flow = self.plan.flow.as_deref();
                let flow = Flow::handing_over(flow, &room, agent, self.plan.ring_for);
                effects.push(Effect::DropAgent);
                self.handed = Some(room);
                self.walk_from(flow.start, &Arc::new(flow), now, effects);
            }
        }
        Ok(())
    }

    pub(super) fn agent_consults(
        &mut self,
        agent: AgentId,
        with: AgentId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if !self.is_with(&agent) || agent == with {
            return Err(self.out_of_place("a consultation"));
        }
        let until = Some(now + self.plan.ring_for);
        effects.extend([Effect::Hold, Effect::Ring(Ring::Only(vec![with.clone()])), Effect::Tell]);
        self.state = State::Consulting(Consult { agent, with, until });
        Ok(())
    }

    /// The agent hands over to the one who was asked; one who still rings is left to ring.
    pub(super) fn agent_completes(
        &mut self,
        agent: &AgentId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("a hand-over");
        if let Some(with) = self.brought_in().filter(|_| self.state.agent() == Some(agent)) {
            self.leave_to_other(with, effects);
            return Ok(());
        }
        if self.is_on_trunk() && self.state.agent() == Some(agent) {
            self.leave_to_telephone(now, effects);
            return Ok(());
        }
        let State::Consulting(consult) = &self.state else { return Err(refusal) };
        if consult.agent != *agent {
            return Err(refusal);
        }
        let Consult { with, until, agent: _ } = consult.clone();
        if until.is_none() {
            self.leave_to_other(with, effects);
        } else {
            effects.push(Effect::DropAgent);
            let until = now + self.plan.ring_for;
            self.state = State::Transferring(Transfer { by: agent.clone(), rings: with, until });
            effects.extend([Effect::Hold, Effect::Tell]);
        }
        Ok(())
    }

    /// Who was rung for a transfer or a consultation.
    pub(super) fn rung_for_transfer(
        &mut self,
        agents: &[AgentId],
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if agents.is_empty() {
            self.not_taken(now, effects);
        }
        Ok(())
    }

    /// The agent who rings for a transfer or a consultation answers.
    pub(super) fn taken_by(&mut self, agent: AgentId, effects: &mut Vec<Effect>) {
        let taken_by = Some(agent.clone());
        effects.push(Effect::StopRinging { taken_by });
        if let State::Consulting(consult) = &mut self.state {
            consult.until = None;
            effects.extend([Effect::BridgeConsult, Effect::Tell]);
        } else {
            self.talk(agent, effects);
        }
    }

    /// Whoever rings for a transfer or a consultation does not take it.
    pub(super) fn not_taken(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.push(Effect::StopRinging { taken_by: None });
        match &self.state {
            State::Transferring(transfer) if transfer.rings != transfer.by => {
                let by = transfer.by.clone();
                self.ring_for_transfer(by.clone(), by, now, effects);
            }
            State::Transferring(_) => self.alone(EndReason::NobodyAnswered, now, effects),
            State::Consulting(consult) => {
                let agent = consult.agent.clone();
                self.hold(agent, None, effects);
            }
            State::Opening
            | State::Offered(_)
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::InFlow(_)
            | State::Bridged { .. }
            | State::Held(_)
            | State::ThreeWay(_)
            | State::Inquiring(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => {}
        }
    }

    /// The agent who is talking with another about the user no longer does: the user still waits. Of
    /// a three-way call two are left.
    pub(super) fn consulted_gone(&mut self, effects: &mut Vec<Effect>) {
        if let State::ThreeWay(three) = &self.state {
            let agent = three.agent.clone();
            self.drop_brought_in(effects);
            return self.talk(agent, effects);
        }
        let State::Consulting(consult) = &self.state else { return };
        let agent = consult.agent.clone();
        self.leave_consulted(effects);
        self.hold(agent, None, effects);
    }

    pub(super) fn leave_consulted(&self, effects: &mut Vec<Effect>) {
        let State::Consulting(consult) = &self.state else { return };
        effects.push(match consult.until {
            Some(_) => Effect::StopRinging { taken_by: None },
            None => Effect::DropConsulted,
        });
    }

    /// Whether this agent has the user and nobody else has a part in it.
    pub(super) fn is_with(&self, agent: &AgentId) -> bool {
        match &self.state {
            State::Bridged { agent: has } => has == agent,
            State::Held(held) => held.agent == *agent && held.away_until.is_none(),
            State::Opening
            | State::Offered(_)
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::InFlow(_)
            | State::Transferring(_)
            | State::Consulting(_)
            | State::ThreeWay(_)
            | State::Inquiring(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => false,
        }
    }

    fn ring_for_transfer(
        &mut self,
        by: AgentId,
        rings: AgentId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let back = rings == by;
        let whom = if back { Ring::Back(by.clone()) } else { Ring::Only(vec![rings.clone()]) };
        self.state = State::Transferring(Transfer { by, rings, until: now + self.plan.ring_for });
        effects.extend([Effect::Hold, Effect::Ring(whom), Effect::Tell]);
    }

    fn transfer_to_flow(
        &mut self,
        step: Option<String>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("a transfer to the flow");
        let Some(flow) = self.plan.flow.clone() else { return Err(refusal) };
        let start = match step {
            Some(step) => flow.step_at(&step).ok_or(refusal)?,
            None => flow.start,
        };
        effects.push(Effect::DropAgent);
        self.handed = None;
        self.walk_from(start, &flow, now, effects);
        Ok(())
    }
}
