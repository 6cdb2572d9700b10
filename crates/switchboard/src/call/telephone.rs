//! What becomes of a call that a telephone of the house placed?
//!
//! It hears that the user's phone rings, is answered when the user has picked up, and from there it has
//! the user as one that an agent left the user to. When it hangs up, before or after, the call is over.

use std::sync::Arc;

use terms::Timestamp;

use super::{Answerer, Call, Effect, EndReason, Handled, State};
use crate::flow::{Cursor, Flow, FromTrunk, ToTrunk, Visit};

impl Call {
    /// The telephone is to hear that the user's phone rings.
    pub(super) fn let_telephone_ring(&self, effects: &mut Vec<Effect>) {
        if self.state.waits_with_telephone() {
            effects.push(Effect::Trunk(ToTrunk::UserRings));
        }
    }

    /// The user has picked up and can be heard: the telephone is answered.
    pub(super) fn telephone_takes(
        &mut self,
        (trunk, extension): (String, String),
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let flow = Arc::new(Flow::with_telephone((&trunk, &extension), self.plan.ring_for));
        effects.push(Effect::Trunk(ToTrunk::Answer));
        let (caller, trail) = (&self.plan.caller, &mut self.trail);
        let mut visit = Visit { flow: &flow, caller, trail, now, effects };
        let cursor = Cursor::on_trunk(flow.start, None, &mut visit);
        self.walked = Some(flow);
        self.by_telephone = true;
        self.state = State::InFlow(cursor);
        effects.push(Effect::Tell);
    }

    /// What the telephone that placed the call says; `None` where it is another one's word.
    pub(super) fn caller_telephone_said(
        &mut self,
        word: FromTrunk,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Option<Handled> {
        let waits = self.state.waits_with_telephone();
        let talks = self.by_telephone && self.is_on_trunk();
        // What comes of giving the user to another telephone is the flow's to say.
        if !waits && (!talks || self.is_given_away()) {
            return None;
        }
        match word {
            FromTrunk::HangsUp | FromTrunk::Lost | FromTrunk::NotTaken(_) if waits => {
                self.end(EndReason::TelephoneCancelled, now, effects);
            }
            FromTrunk::HangsUp | FromTrunk::Lost | FromTrunk::NotTaken(_) => {
                self.end(EndReason::TelephoneHungUp, now, effects);
            }
            FromTrunk::Holds | FromTrunk::Resumes | FromTrunk::Replaced if waits => {}
            FromTrunk::Holds | FromTrunk::Resumes | FromTrunk::Replaced => return None,
            FromTrunk::Rings | FromTrunk::Early | FromTrunk::Answers | FromTrunk::Referrer(_) => {}
        }
        Some(Ok(()))
    }

    /// The telephone that placed the call and waits for the user.
    #[must_use]
    pub fn waiting_telephone(&self) -> Option<(&str, &str)> {
        let answerer = match &self.state {
            State::Placing(out) | State::Dialing(out) | State::Ringing(out) => &out.answerer,
            State::Joining { answerer, until: _ } => answerer,
            State::Opening
            | State::Offered(_)
            | State::Accepting { .. }
            | State::InFlow(_)
            | State::Bridged { .. }
            | State::Held(_)
            | State::Transferring(_)
            | State::Consulting(_)
            | State::Inquiring(_)
            | State::ThreeWay(_)
            | State::Ending { .. }
            | State::Ended { .. } => return None,
        };
        match answerer {
            Answerer::Telephone { trunk, extension } => Some((trunk, extension)),
            Answerer::Agent(_) | Answerer::Flow => None,
        }
    }
}
