//! What becomes of a call whose agent asks a telephone of the house?
//!
//! The user waits with music, the telephone rings, agent and telephone talk. Then the agent hands over,
//! also before anybody answered, brings the user in, or comes back to the user; hanging up hands over as
//! it stands. When the telephone is not to be had, or hangs up, the user still waits for the agent; of
//! three who talk two are left.

use std::{collections::BTreeMap, sync::Arc};

use terms::{AgentId, Timestamp};

use super::{Call, Consulted, Effect, Handled, State, ThreeWay};
use crate::flow::{Cursor, Flow, FromTrunk, Room, ToTrunk, Visit};

/// A call whose agent asks a telephone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// Who has the user.
    pub(super) agent: AgentId,
    pub(super) trunk: String,
    pub(super) extension: String,
    /// When we give up on the telephone; none once the two talk.
    pub(super) until: Option<Timestamp>,
}

impl Call {
    pub(super) fn agent_asks_telephone(
        &mut self,
        agent: AgentId,
        (trunk, extension): (String, String),
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if !self.is_with(&agent) {
            return Err(self.out_of_place("a consultation"));
        }
        let ring_for = self.plan.ring_for;
        effects.push(Effect::Hold);
        effects.push(Effect::Trunk(ToTrunk::Ring {
            trunk: trunk.clone(),
            extension: extension.clone(),
            ring_for,
            context: BTreeMap::new(),
        }));
        effects.push(Effect::Tell);
        let until = Some(now + ring_for + super::JOIN_WAIT);
        self.state = State::Inquiring(Inquiry { agent, trunk, extension, until });
        Ok(())
    }

    /// What the telephone says to the agent who asks it, to the three who talk, or to the flow.
    pub(super) fn trunk_said(
        &mut self,
        word: FromTrunk,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if let Some(handled) = self.caller_telephone_said(word, now, effects) {
            return handled;
        }
        if matches!(self.state, State::InFlow(_)) || !self.is_on_trunk() {
            let heard = crate::flow::Heard::Trunk(word);
            return self.flow_heard("a trunk's word", &heard, now, effects);
        }
        match word {
            // An agent hears it once somebody has answered.
            FromTrunk::Rings | FromTrunk::Early => effects.push(Effect::Tell),
            FromTrunk::Answers => self.telephone_answers(effects),
            FromTrunk::Replaced => self.telephone_replaced(effects),
            FromTrunk::NotTaken(_) | FromTrunk::HangsUp | FromTrunk::Lost => {
                self.telephone_gone(effects);
            }
            // While it holds, who talks with it is without it.
            FromTrunk::Holds | FromTrunk::Resumes => effects.push(Effect::Arrange),
            // Nobody gives away a user whom an agent has.
            FromTrunk::Referrer(_) => return Err(self.out_of_place("a trunk's word")),
        }
        Ok(())
    }

    fn telephone_answers(&mut self, effects: &mut Vec<Effect>) {
        let State::Inquiring(inquiry) = &mut self.state else { return };
        if inquiry.until.take().is_some() {
            effects.extend([Effect::BridgeConsult, Effect::Tell]);
        }
    }

    /// Who rings no more talks now; who talked is another one.
    fn telephone_replaced(&mut self, effects: &mut Vec<Effect>) {
        let rings = |inquiry: &Inquiry| inquiry.until.is_some();
        if matches!(&self.state, State::Inquiring(inquiry) if rings(inquiry)) {
            self.telephone_answers(effects);
        } else {
            effects.extend([Effect::Arrange, Effect::Tell]);
        }
    }

    fn telephone_gone(&mut self, effects: &mut Vec<Effect>) {
        match &self.state {
            State::Inquiring(inquiry) => self.hold(inquiry.agent.clone(), None, effects),
            State::ThreeWay(three) => self.talk(three.agent.clone(), effects),
            State::Opening
            | State::Offered(_)
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::InFlow(_)
            | State::Bridged { .. }
            | State::Held(_)
            | State::Transferring(_)
            | State::Consulting(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => {}
        }
    }

    /// The agent leaves the user to the telephone, which talks or still rings.
    pub(super) fn leave_to_telephone(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(Inquiry { agent, trunk, extension, until }) = self.inquiry() else { return };
        let to = Room::Trunk { trunk, extension };
        let flow = self.plan.flow.as_deref();
        let flow = Arc::new(Flow::handing_over(flow, &to, &agent, self.plan.ring_for));
        effects.push(Effect::DropAgent);
        let (caller, trail) = (&self.plan.caller, &mut self.trail);
        let mut visit = Visit { flow: &flow, caller, trail, now, effects };
        let cursor = Cursor::on_trunk(flow.start, until, &mut visit);
        self.walked = Some(flow);
        self.handed = Some(to);
        self.state = State::InFlow(cursor);
        effects.push(Effect::Tell);
    }

    /// The telephone an agent asks, or brought in.
    fn inquiry(&self) -> Option<Inquiry> {
        if let State::Inquiring(inquiry) = &self.state {
            return Some(inquiry.clone());
        }
        let State::ThreeWay(ThreeWay { agent, with }) = &self.state else { return None };
        let Consulted::Telephone { trunk, extension } = with.clone() else { return None };
        Some(Inquiry { agent: agent.clone(), trunk, extension, until: None })
    }
}

impl Inquiry {
    /// Whom the agent asks.
    pub(super) fn telephone(&self) -> Consulted {
        let (trunk, extension) = (self.trunk.clone(), self.extension.clone());
        Consulted::Telephone { trunk, extension }
    }
}
