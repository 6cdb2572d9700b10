//! The business calls: did the user pick up?
//!
//! The platform's webhooks race its own answer to `connect`, so each of them counts whenever it
//! comes. The user has picked up when `ACCEPTED` or the first audio arrives, whichever is first.

use std::time::Duration;

use terms::{Direction, Timestamp};

use super::{Call, Effect, EndReason, Handled, Outcome, Outward, State, Status};

/// How long we wait for `connect`: more than the gateway's HTTP timeout.
pub(super) const PLACE_WAIT: Duration = Duration::from_secs(30);
/// How long the user may let it ring: the platform's ring time (about 60 s) and some.
const ANSWER_WAIT: Duration = Duration::from_secs(75);

impl Call {
    pub(super) fn placed(
        &mut self,
        outcome: Outcome,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if self.direction == Direction::UserInitiated || self.placed && outcome == Outcome::Done {
            return Err(self.out_of_place("connect's answer"));
        }
        if outcome == Outcome::Done {
            self.placed = true;
        }
        let refusal = self.out_of_place("connect's answer");
        let action = "connect";
        match (&self.state, outcome) {
            (State::Placing(out), Outcome::Done) => {
                self.state = State::Dialing(Outward { until: now + ANSWER_WAIT, ..out.clone() });
                effects.push(Effect::Tell);
            }
            (State::Placing(_), Outcome::Refused { code, text }) => {
                self.finish(EndReason::PlatformRefused { action, code, text }, effects);
            }
            (State::Placing(_), Outcome::Unreachable { why }) => {
                self.end(EndReason::PlatformUnreachable { action, why }, now, effects);
            }
            // The business stopped while connect was under way: the call exists, so end it.
            (State::Ending { .. }, Outcome::Done) => effects.push(Effect::Terminate),
            (State::Ending { reason, .. }, Outcome::Refused { .. }) => {
                self.finish(reason.clone(), effects);
            }
            (_, Outcome::Done) => {}
            (_, Outcome::Refused { .. } | Outcome::Unreachable { .. }) => return Err(refusal),
        }
        Ok(())
    }

    pub(super) fn answer_arrived(&mut self, effects: &mut Vec<Effect>) -> Handled {
        let refusal = self.out_of_place("the platform's answer");
        self.prove_placed(effects);
        match &self.state {
            State::Placing(_) | State::Dialing(_) | State::Ringing(_) | State::Joining { .. }
                if self.direction == Direction::BusinessInitiated && !self.media.answered =>
            {
                self.media.answered = true;
                effects.push(Effect::ApplyAnswer);
                Ok(())
            }
            State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Joining { .. }
            | State::Opening
            | State::Offered(_)
            | State::Accepting { .. }
            | State::InFlow(_)
            | State::Bridged { .. }
            | State::Held(_)
            | State::Transferring(_)
            | State::Consulting(_)
            | State::ThreeWay(_)
            | State::Inquiring(_)
            | State::Ending { .. }
            | State::Ended { .. } => Err(refusal),
        }
    }

    pub(super) fn status(
        &mut self,
        status: Status,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        self.prove_placed(effects);
        let refusal = self.out_of_place("a status");
        let (State::Placing(out) | State::Dialing(out) | State::Ringing(out)) = &mut self.state
        else {
            return Err(refusal);
        };
        match status {
            Status::Ringing => {
                let out = Outward { until: now + ANSWER_WAIT, ..out.clone() };
                if matches!(self.state, State::Ringing(_)) {
                    return Err(refusal);
                }
                self.state = State::Ringing(out);
                self.let_telephone_ring(effects);
                effects.push(Effect::Tell);
            }
            Status::Accepted => self.picked_up(now, effects),
            Status::Rejected => out.rejected = true,
        }
        Ok(())
    }

    /// Opens the media of a call to a user who was waiting to pick up; else nothing.
    pub(super) fn picked_up(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if let State::Placing(out) | State::Dialing(out) | State::Ringing(out) = &self.state {
            let answerer = out.answerer.clone();
            self.open(answerer, now, effects);
        }
    }

    /// A webhook shows that the platform has a call whose `connect` we believed lost: end it there.
    fn prove_placed(&mut self, effects: &mut Vec<Effect>) {
        if self.direction == Direction::UserInitiated || std::mem::replace(&mut self.placed, true) {
            return;
        }
        if matches!(self.state, State::Ending { .. }) {
            effects.push(Effect::Terminate);
        }
    }
}
