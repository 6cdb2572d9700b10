//! How does an agent call a user at a telephone?
//!
//! The agent's telephone dials, and the call is the agent's from the start, as one placed in the console
//! is. The telephone hears that the user's phone rings, is answered when the user has picked up, and hears
//! why nothing comes of it.

use sip::Refusal;
use switchboard::call::{Input, State};

use super::{actor::CallActor, caller::verdict, legs::AgentLeg, telephone::Telephone};

impl CallActor {
    /// The user's phone rings.
    pub(super) fn let_agents_telephone_ring(&self) {
        let waiting = self.agent_leg.as_ref().and_then(waiting);
        if let Some(telephone) = waiting.filter(|_| matches!(self.call.state(), State::Ringing(_)))
        {
            telephone.line.rings();
        }
    }

    /// The user has picked up; what follows where the telephone cannot be answered.
    pub(super) fn answer_agents_telephone(&mut self) -> Option<Input> {
        let leg = self.agent_leg.as_mut().filter(|leg| waiting(leg).is_some())?;
        let lost = Input::AgentHungUp(leg.agent.clone());
        let telephone = leg.telephone_mut()?;
        let offer = telephone.calls.clone().flatten();
        let transcoder = &self.office.trunks.transcoder;
        let Some(answer) = offer.and_then(|offer| telephone.answer(&offer, transcoder)) else {
            return Some(lost);
        };
        telephone.line.answers(answer);
        telephone.listen_for_keys(&self.office.in_band_keys);
        self.facts.note_telephone(leg);
        None
    }

    /// A telephone whose call came to nothing hears why.
    pub(super) fn refuse_agents_telephone(&self) {
        let Some(telephone) = self.agent_leg.as_ref().and_then(waiting) else { return };
        let (State::Ending { reason, .. } | State::Ended { reason }) = self.call.state() else {
            return;
        };
        let (status, _) = verdict(reason);
        let phrase = Some(reason.text());
        telephone.line.refuses(Refusal { status, phrase, headers: Vec::new() });
    }
}

/// The telephone that placed the call and is not answered yet.
fn waiting(leg: &AgentLeg) -> Option<&Telephone> {
    leg.telephone().filter(|it| it.calls.is_some() && it.answered_at.is_none())
}
