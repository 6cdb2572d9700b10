//! A user calls: who answers?
//!
//! Agents ring from the moment our leg is ready; `pre_accept` is sent at once so that the media path
//! stands before anybody answers. `accept` waits for `pre_accept`'s answer. Nobody there, everybody
//! declined or the time is over: the flow answers, or the call is rejected when there is none.

use std::time::Duration;

use terms::{AgentId, Timestamp};

use super::{
    Answerer, Call, EVERYONE, Effect, EndReason, Handled, LegTrouble, Offered, Outcome, State,
};
use crate::{flow::Heard, queue::Left};

/// How long we wait for `accept` with its retry: more than two HTTP timeouts of the gateway.
const ACCEPT_WAIT: Duration = Duration::from_secs(30);

impl Call {
    pub(super) fn leg_ready(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Handled {
        if self.state != State::Opening {
            return Err(self.out_of_place("an open leg"));
        }
        let flow_answers = !self.plan.ring_first && self.plan.flow.is_some();
        self.state = State::Offered(Offered {
            pre_accepted: false,
            ringing: flow_answers.then(Vec::new),
            until: now + self.plan.ring_for,
            answerer: flow_answers.then_some(Answerer::Flow),
        });
        effects.push(Effect::PreAccept);
        if !flow_answers {
            effects.push(Effect::Ring(EVERYONE));
        }
        effects.push(Effect::Tell);
        Ok(())
    }

    pub(super) fn leg_unusable(
        &mut self,
        trouble: LegTrouble,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if self.state.is_over() {
            return Err(self.out_of_place("an unusable leg"));
        }
        let reason = match trouble {
            LegTrouble::TheirSession(why) => EndReason::SessionUnusable { why },
            LegTrouble::OurSocket(why) => EndReason::NoSocket { why },
        };
        self.end(reason, now, effects);
        Ok(())
    }

    pub(super) fn pre_accepted(
        &mut self,
        outcome: Outcome,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("pre_accept's answer");
        let State::Offered(offered) = &mut self.state else { return Err(refusal) };
        match outcome {
            // Unreachable is not the end: accept carries the same answer and decides.
            Outcome::Done | Outcome::Unreachable { .. } => {
                offered.pre_accepted = true;
                self.accept_if_due(now, effects);
            }
            Outcome::Refused { code, text } => {
                let action = "pre_accept";
                self.end(EndReason::PlatformRefused { action, code, text }, now, effects);
            }
        }
        Ok(())
    }

    pub(super) fn rung(
        &mut self,
        agents: Vec<AgentId>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("a ring");
        match &mut self.state {
            State::Offered(offered) if offered.ringing.is_none() => {
                offered.ringing = Some(agents);
                self.if_nobody_rings(now, effects);
                Ok(())
            }
            State::InFlow(_) => self.flow_heard("a ring", &Heard::Rung(agents), now, effects),
            State::Transferring(_) => self.rung_for_transfer(&agents, now, effects),
            State::Consulting(consult) if consult.until.is_some() => {
                self.rung_for_transfer(&agents, now, effects)
            }
            State::Consulting(_)
            | State::ThreeWay(_)
            | State::Inquiring(_)
            | State::Held(_)
            | State::Offered(_)
            | State::Opening
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::Bridged { .. }
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => Err(refusal),
        }
    }

    pub(super) fn agent_answered(
        &mut self,
        agent: AgentId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("an agent's answer");
        if self.state.rings_for_transfer(&agent) {
            self.taken_by(agent, effects);
            return Ok(());
        }
        match &mut self.state {
            State::Offered(offered) if offered.rings(&agent) && offered.answerer.is_none() => {
                offered.answerer = Some(Answerer::Agent(agent.clone()));
                effects.push(Effect::StopRinging { taken_by: Some(agent) });
                self.accept_if_due(now, effects);
                Ok(())
            }
            State::InFlow(cursor) if cursor.rings(&agent) => {
                effects.extend(cursor.leaves_queue(Left::Answered(agent.clone())));
                self.state = State::Bridged { agent: agent.clone() };
                let taken_by = Some(agent);
                effects.extend([Effect::StopRinging { taken_by }, Effect::Bridge, Effect::Tell]);
                Ok(())
            }
            State::Offered(_)
            | State::InFlow(_)
            | State::Opening
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::Bridged { .. }
            | State::Held(_)
            | State::Transferring(_)
            | State::Consulting(_)
            | State::ThreeWay(_)
            | State::Inquiring(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => Err(refusal),
        }
    }

    pub(super) fn agent_declined(
        &mut self,
        agent: &AgentId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("an agent's no");
        if self.state.rings_for_transfer(agent) {
            self.not_taken(now, effects);
            return Ok(());
        }
        match &mut self.state {
            State::Offered(offered) if offered.rings(agent) && offered.answerer.is_none() => {
                offered.forget(agent);
                self.if_nobody_rings(now, effects);
                Ok(())
            }
            State::InFlow(cursor) if cursor.rings(agent) => {
                let heard = Heard::Unavailable(agent.clone());
                self.flow_heard("an agent's no", &heard, now, effects)
            }
            State::Offered(_)
            | State::InFlow(_)
            | State::Opening
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::Bridged { .. }
            | State::Held(_)
            | State::Transferring(_)
            | State::Consulting(_)
            | State::ThreeWay(_)
            | State::Inquiring(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => Err(refusal),
        }
    }

    pub(super) fn agent_gone(
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
        if self.state.agent() != Some(&agent) || self.state.waits_for(&agent) {
            return self.agent_declined(&agent, now, effects);
        }
        self.agent_lost(agent, None, now, effects)
    }

    pub(super) fn accepted(
        &mut self,
        outcome: Outcome,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let State::Accepting { answerer, until: _ } = &self.state else {
            return Err(self.out_of_place("accept's answer"));
        };
        let action = "accept";
        match outcome {
            Outcome::Done => {
                let answerer = answerer.clone();
                self.open(answerer, now, effects);
            }
            Outcome::Refused { code, text } => {
                self.end(EndReason::PlatformRefused { action, code, text }, now, effects);
            }
            Outcome::Unreachable { why } => {
                self.end(EndReason::PlatformUnreachable { action, why }, now, effects);
            }
        }
        Ok(())
    }

    pub(super) fn offered_too_long(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Offered(offered) = &mut self.state else { return };
        if offered.answerer.is_some() {
            // pre_accept hangs; accept carries the same answer and decides. So does whoever was asked
            // for a flow: the plan's is there.
            offered.pre_accepted = true;
            self.plan.flow_asked = false;
            self.accept_if_due(now, effects);
        } else {
            effects.push(Effect::StopRinging { taken_by: None });
            self.nobody_takes_it(now, effects);
        }
    }

    fn if_nobody_rings(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Offered(offered) = &self.state else { return };
        if offered.ringing.as_ref().is_some_and(Vec::is_empty) {
            self.nobody_takes_it(now, effects);
        }
    }

    pub(super) fn nobody_takes_it(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Offered(offered) = &mut self.state else { return };
        if self.plan.flow.is_none() {
            return self.end(EndReason::NobodyAnswered, now, effects);
        }
        offered.answerer = Some(Answerer::Flow);
        offered.until = now + ACCEPT_WAIT;
        self.accept_if_due(now, effects);
    }

    pub(super) fn accept_if_due(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Offered(offered) = &self.state else { return };
        let Some(answerer) = offered.answerer.clone().filter(|_| offered.pre_accepted) else {
            return;
        };
        if answerer == Answerer::Flow && self.plan.flow_asked {
            return;
        }
        self.state = State::Accepting { answerer, until: now + ACCEPT_WAIT };
        effects.extend([Effect::Accept, Effect::Tell]);
    }
}

impl Offered {
    fn rings(&self, agent: &AgentId) -> bool {
        self.ringing.as_ref().is_some_and(|ringing| ringing.contains(agent))
    }

    pub(super) fn forget(&mut self, agent: &AgentId) {
        if let Some(ringing) = &mut self.ringing {
            ringing.retain(|other| other != agent);
        }
    }
}
