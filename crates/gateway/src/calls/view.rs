//! How do others see the call?

use std::time::Duration;

use switchboard::call::State;
use terms::Direction;
use wire::console::CallState;

use super::{actor::CallActor, legs, queueing::Stay, registry::Look};
use crate::flows::FlowRecord;

/// How long a leg may take to tell its figures before they are left out.
const FIGURES_WAIT: Duration = Duration::from_millis(300);

impl CallActor {
    pub(super) async fn look(&self) -> Look {
        let whatsapp_leg = match &self.whatsapp {
            Some(leg) => legs::figures(&leg.handle, FIGURES_WAIT).await,
            None => None,
        };
        let agent_leg = match &self.agent_leg {
            Some(leg) => legs::figures(&leg.handle, FIGURES_WAIT).await,
            None => self.facts.agent_figures.clone(),
        };
        Look {
            call: self.view(),
            waiting_for: self.call.next_timeout().map(|(_, why)| why),
            step: self.facts.step.clone(),
            flow: FlowRecord::of(self.call.trail(), self.facts.asked.as_ref()),
            whatsapp_leg,
            agent_leg,
        }
    }

    /// The call as consoles see it; `None` while it has no id.
    pub(super) fn view(&self) -> Option<wire::console::Call> {
        let facts = &self.facts;
        let mut call = wire::console::Call::new(
            facts.call_id.clone()?,
            self.call.direction(),
            state_word(self.call.state(), self.call.direction()),
            facts.contact.clone(),
            self.line.digits().to_owned(),
            facts.started_at,
        );
        call.agent = self.call.state().agent().or(facts.agent.as_ref()).cloned();
        call.other = self.call.state().other_agent().cloned();
        call.supervisor = self.supervisor();
        call.queue = facts.queue.as_ref().and_then(Stay::place);
        call.trunk = self.trunk_place();
        let muted = self.legs_of_ours().filter(|leg| leg.muted);
        call.muted = muted.map(|leg| leg.agent.clone()).collect();
        let telephones = self.legs_of_ours().filter(|leg| leg.telephone().is_some());
        call.by_telephone = telephones.map(|leg| leg.agent.clone()).collect();
        call.context.clone_from(&facts.context);
        call.away = call.agent.as_ref().is_some_and(|agent| self.call.state().waits_for(agent));
        call.deeplink_payload.clone_from(&facts.deeplink_payload);
        call.cta_payload.clone_from(&facts.cta_payload);
        call.answered_at = facts.answered.map(|(at, _)| at);
        Some(call)
    }
}

/// The state in the words of consoles.
fn state_word(state: &State, direction: Direction) -> CallState {
    match state {
        State::Opening | State::Offered(_) | State::Ringing(_) | State::Accepting { .. } => {
            CallState::Ringing
        }
        State::Joining { .. } if direction == Direction::UserInitiated => CallState::Ringing,
        State::Joining { .. } | State::Bridged { .. } => CallState::Connected,
        State::InFlow(_) => CallState::InFlow,
        State::Held(_) => CallState::Held,
        State::Transferring(_) => CallState::Transferring,
        State::Consulting(_) | State::Inquiring(_) => CallState::Consulting,
        State::ThreeWay(_) => CallState::ThreeWay,
        State::Placing(_) | State::Dialing(_) => CallState::Placing,
        State::Ending { .. } | State::Ended { .. } => CallState::Ended,
    }
}
