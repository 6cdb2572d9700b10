//! How does a call end?
//!
//! When the business ends it, the platform is told (`reject` before `accept` was sent, else
//! `terminate`) and its `terminate` webhook is awaited, since it has the figures. When the platform
//! ends it, the call is over at once.

use std::time::Duration;

use terms::{AgentId, Direction, Timestamp};

use super::{Call, Effect, EndReason, Handled, Outcome, Side, State, Termination};
use crate::queue::Left;

/// How long we wait for the platform's `terminate` webhook before recording without its figures.
const CONFIRM_WAIT: Duration = Duration::from_secs(10);
/// How soon `terminate` is sent again to a platform that did not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often we send `terminate` again: a platform dead for longer than this minute ends the call
/// by itself, since no media reaches it.
const AGAIN_MAX: u8 = 12;
/// How long WhatsApp may send nothing at the start, and later (fact sheet 5.7).
const SILENCE_MAX: (u64, u64) = (20, 30);

impl Call {
    /// The business ends the call, or must.
    pub(super) fn end(&mut self, reason: EndReason, now: Timestamp, effects: &mut Vec<Effect>) {
        self.stop_ringing(Left::MovedOn, effects);
        effects.extend([Effect::PlayNothing, Effect::DropAgent]);
        match &self.state {
            State::Opening | State::Offered(_) => effects.push(Effect::Reject),
            // Nothing to terminate before the platform has the call; see `prove_placed`.
            State::Placing(_) if !self.placed => {}
            State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::InFlow(_)
            | State::Bridged { .. }
            | State::Held(_)
            | State::Transferring(_)
            | State::Consulting(_)
            | State::ThreeWay(_)
            | State::Inquiring(_)
            | State::Ending { .. }
            | State::Ended { .. } => effects.push(Effect::Terminate),
        }
        self.state = State::Ending {
            reason,
            again_at: None,
            tries_left: AGAIN_MAX,
            until: now + CONFIRM_WAIT,
        };
        effects.push(Effect::Tell);
    }

    /// The call is over on the platform's side.
    pub(super) fn finish(&mut self, reason: EndReason, effects: &mut Vec<Effect>) {
        self.stop_ringing(Left::Abandoned, effects);
        self.state = State::Ended { reason: reason.clone() };
        effects.extend([Effect::Finish(reason), Effect::Tell]);
    }

    fn stop_ringing(&self, left: Left, effects: &mut Vec<Effect>) {
        if let State::InFlow(cursor) = &self.state {
            effects.extend(cursor.leaves_queue(left));
        }
        let may_ring = matches!(
            self.state,
            State::Offered(_) | State::InFlow(_) | State::Transferring(_) | State::Consulting(_)
        );
        if may_ring {
            effects.push(Effect::StopRinging { taken_by: None });
        }
    }

    pub(super) fn terminated(
        &mut self,
        termination: Termination,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if matches!(self.state, State::Ended { .. }) {
            return Err(self.out_of_place("terminate"));
        }
        let reason = match (&self.state, termination.error) {
            (State::Ending { reason, .. }, _) => reason.clone(),
            (_, Some((code, text))) => EndReason::PlatformReported { code, text },
            (_, None) if termination.picked_up => EndReason::UserHungUp,
            (state, None) if state.runs() => EndReason::UserHungUp,
            (State::Placing(out) | State::Dialing(out) | State::Ringing(out), None) => {
                if out.rejected { EndReason::UserRejected } else { EndReason::UserDidNotAnswer }
            }
            (_, None) => EndReason::CallerGaveUp,
        };
        self.finish(reason, effects);
        Ok(())
    }

    pub(super) fn closed(
        &mut self,
        outcome: &Outcome,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("terminate's answer");
        let State::Ending { again_at, tries_left, until, reason } = &mut self.state else {
            return Err(refusal);
        };
        match outcome {
            Outcome::Unreachable { .. } if *tries_left == 0 => {
                let reason = reason.clone();
                self.finish(reason, effects);
            }
            Outcome::Unreachable { .. } => {
                *tries_left -= 1;
                *again_at = Some(now + AGAIN_AFTER);
                *until = now + AGAIN_AFTER + CONFIRM_WAIT;
            }
            // A refused terminate means the platform ended the call itself; its webhook follows.
            Outcome::Done | Outcome::Refused { .. } => *again_at = None,
        }
        Ok(())
    }

    pub(super) fn ending_too_long(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Ending { again_at, until, reason, tries_left: _ } = &mut self.state else {
            return;
        };
        if *until <= now {
            let reason = reason.clone();
            self.finish(reason, effects);
        } else if again_at.take().is_some() {
            effects.push(Effect::Terminate);
        }
    }

    pub(super) fn agent_hung_up(
        &mut self,
        agent: AgentId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if self.is_supervised_by(&agent) {
            return self.supervisor_leaves(&agent, effects);
        }
        if self.state.consulted() == Some(&agent) {
            self.consulted_gone(effects);
            return Ok(());
        }
        if self.state.agent() != Some(&agent) {
            return Err(self.out_of_place("an agent's hanging up"));
        }
        let asks =
            matches!(self.state, State::Consulting(_) | State::Inquiring(_) | State::ThreeWay(_));
        if asks {
            return self.agent_completes(&agent, now, effects);
        }
        let waits = matches!(self.state, State::Placing(_) | State::Dialing(_) | State::Ringing(_));
        let reason = if waits && self.direction == Direction::BusinessInitiated {
            EndReason::AgentCancelled(agent)
        } else {
            EndReason::AgentHungUp(agent)
        };
        self.end(reason, now, effects);
        Ok(())
    }

    pub(super) fn media_stopped(
        &mut self,
        seconds: u64,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if !self.state.runs() {
            return Err(self.out_of_place("a silence"));
        }
        let (at_start, later) = SILENCE_MAX;
        if seconds >= if self.media.heard { later } else { at_start } {
            self.end(EndReason::NoMediaFromWhatsapp { seconds }, now, effects);
        }
        Ok(())
    }

    pub(super) fn media_failed(
        &mut self,
        side: Side,
        why: String,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("a failed leg");
        if self.state.is_over() {
            return Err(refusal);
        }
        match side {
            Side::Whatsapp => self.end(EndReason::WhatsappMediaFailed { why }, now, effects),
            Side::Agent => {
                let agent = self.state.agent().filter(|agent| !self.state.waits_for(agent));
                let agent = agent.cloned().ok_or(refusal)?;
                return self.agent_lost(agent, Some(why), now, effects);
            }
            Side::Consulted if self.state.consulted().is_some() => self.consulted_gone(effects),
            Side::Consulted => return Err(refusal),
            Side::Supervisor => {
                let gone = self.supervision.clone().ok_or(refusal)?;
                return self.supervisor_leaves(&gone.supervisor, effects);
            }
        }
        Ok(())
    }

    /// Somebody beside the call wants it over.
    pub(super) fn close(
        &mut self,
        reason: EndReason,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if self.state.is_over() {
            return Err(self.out_of_place("a stop"));
        }
        self.end(reason, now, effects);
        Ok(())
    }
}
