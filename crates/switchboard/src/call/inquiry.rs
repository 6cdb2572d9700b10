//! What becomes of a call whose agent asks a telephone of the house?
//!
//! The user waits with music, the telephone rings, agent and telephone talk. Then the agent hands over,
//! also before anybody answered, or comes back to the user; hanging up hands over as it stands. When
//! the telephone is not to be had, or hangs up, the user still waits for the agent.

use std::{collections::BTreeMap, sync::Arc};

use terms::{AgentId, Timestamp};

use super::{Call, Effect, Handled, State};
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

    /// What the telephone says to the agent who asks it, or to the flow.
    pub(super) fn trunk_said(
        &mut self,
        word: FromTrunk,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let State::Inquiring(inquiry) = &mut self.state else {
            return self.flow_heard(
                "a trunk's word",
                &crate::flow::Heard::Trunk(word),
                now,
                effects,
            );
        };
        match word {
            FromTrunk::Answers if inquiry.until.is_some() => {
                inquiry.until = None;
                effects.extend([Effect::Trunk(ToTrunk::TalkWithAgent), Effect::Tell]);
            }
            FromTrunk::Rings => effects.push(Effect::Tell),
            FromTrunk::NotTaken(_) | FromTrunk::HangsUp | FromTrunk::Lost => {
                let agent = inquiry.agent.clone();
                self.hold(agent, None, effects);
            }
            // The agent hears that the telephone is silent.
            FromTrunk::Answers | FromTrunk::Holds => {}
            FromTrunk::Resumes => effects.push(Effect::Trunk(ToTrunk::TalkWithAgent)),
        }
        Ok(())
    }

    /// The agent leaves the user to the telephone, which talks or still rings.
    pub(super) fn leave_to_telephone(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Inquiring(inquiry) = &self.state else { return };
        let Inquiry { agent, trunk, extension, until } = inquiry.clone();
        let to = Room::Trunk { trunk, extension };
        let flow = self.plan.flow.as_deref();
        let flow = Arc::new(Flow::handing_over(flow, &to, &agent, self.plan.ring_for));
        effects.push(Effect::DropAgent);
        let (caller, trail) = (&self.plan.caller, &mut self.trail);
        let mut visit = Visit { flow: &flow, caller, trail, now, effects };
        let cursor = Cursor::on_trunk(flow.start, until, &mut visit);
        self.walked = Some(flow);
        self.state = State::InFlow(cursor);
        effects.push(Effect::Tell);
    }
}
