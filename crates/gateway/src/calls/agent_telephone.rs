//! How does an agent's telephone ring, and take the call?
//!
//! Every telephone that is registered as the agent rings beside the agent's consoles; the first one that
//! answers has the call, the others are told so. From then on it is the agent's leg: what the telephone
//! does, the agent does.

use std::time::Duration;

use engine::Source;
use media::{dtmf::Digit, frame::AudioCodec};
use sip::{End, Manners, Refusal};
use switchboard::{
    call::{Input, Side, State},
    flow::Key,
};
use terms::AgentId;
use wire::console::RingStopped;

use super::{
    actor::CallActor,
    coming::Coming,
    legs::AgentLeg,
    telephone::{Telephone, Turn},
    trunk::beside_opus,
};
use crate::trunks::{
    line::{Happening, Said},
    registered::Reached,
};

/// How long a telephone rings at most; the switchboard ends every ring before.
const RINGS_MAX: Duration = Duration::from_secs(600);

/// A telephone of an agent's that rings.
#[derive(Debug)]
pub(super) struct Ringing {
    agent: AgentId,
    telephone: Telephone,
}

impl CallActor {
    /// Rings what these agents have registered. Who has nothing else and cannot be rung does not ring.
    pub(super) fn ring_telephones(&mut self, agents: &mut Vec<AgentId>) {
        for agent in agents.iter() {
            if self.rings_at_telephone(agent) {
                continue;
            }
            for reached in self.office.trunks.telephones.of(agent) {
                self.ring_agents(agent, reached);
            }
        }
        let unreached: Vec<AgentId> = agents.extract_if(.., |agent| !self.is_rung(agent)).collect();
        for agent in unreached {
            self.no_longer_rings(&agent, RingStopped::Declined);
        }
    }

    /// Stops those that ring, of one agent or all; `elsewhere` when somebody has the call.
    pub(super) fn stop_telephones(&mut self, only: Option<&AgentId>, elsewhere: bool) {
        let whose = |it: &mut Ringing| only.is_none_or(|agent| it.agent == *agent);
        let stopped: Vec<Ringing> = self.ringing.extract_if(.., whose).collect();
        for Ringing { telephone, .. } in stopped {
            let_go(telephone, elsewhere);
        }
    }

    /// Whether a telephone of this agent rings for the call.
    pub(super) fn rings_at_telephone(&self, agent: &AgentId) -> bool {
        self.ringing.iter().any(|it| it.agent == *agent)
    }

    /// What some telephone of this call does.
    pub(super) async fn hear_line(&mut self, said: Said) -> Option<Input> {
        let is_its = |telephone: &Telephone| telephone.line.number == said.number;
        if let Some(at) = self.ringing.iter().position(|it| is_its(&it.telephone)) {
            return self.hear_ringing(at, said.what).await;
        }
        let its_leg =
            |leg: &Option<AgentLeg>| leg.as_ref().and_then(AgentLeg::telephone).is_some_and(is_its);
        if its_leg(&self.agent_leg) {
            return self.hear_agents(Side::Agent, said.what).await;
        }
        if its_leg(&self.consulted_leg) {
            return self.hear_agents(Side::Consulted, said.what).await;
        }
        self.hear_trunk(said).await
    }

    /// A key that is only heard; one that came as a telephone-event crosses by itself.
    pub(super) fn heard_key(&self, side: Side, digit: Digit) -> Option<Input> {
        let telephone = self.telephone(side).filter(|it| it.takes_part())?;
        let is_only_heard = telephone.agreed.as_ref().is_some_and(|media| media.dtmf.is_none());
        is_only_heard.then(|| self.pressed(side, digit.sign())).flatten()
    }

    /// The telephone at this side, where there is one.
    pub(super) fn telephone(&self, side: Side) -> Option<&Telephone> {
        match (side, &self.consulted_leg) {
            (Side::Agent, _) => self.agent_leg.as_ref().and_then(AgentLeg::telephone),
            (Side::Consulted, Some(leg)) => leg.telephone(),
            (Side::Consulted, None) => self.trunk.as_ref(),
            (Side::Whatsapp | Side::Supervisor, _) => None,
        }
    }

    pub(super) fn telephone_mut(&mut self, side: Side) -> Option<&mut Telephone> {
        match (side, &mut self.consulted_leg) {
            (Side::Agent, _) => self.agent_leg.as_mut().and_then(AgentLeg::telephone_mut),
            (Side::Consulted, Some(leg)) => leg.telephone_mut(),
            (Side::Consulted, None) => self.trunk.as_mut(),
            (Side::Whatsapp | Side::Supervisor, _) => None,
        }
    }

    fn ring_agents(&mut self, agent: &AgentId, reached: Reached) {
        let Reached { road, contact, target } = reached;
        let way = (vec![target], manners(contact));
        let context = self.facts.context.clone();
        match self.dial(road, agent.as_str(), way, RINGS_MAX, &context) {
            Ok(mut telephone) => {
                // Many may ring for one call: the one that answers gets a seat.
                telephone.seat = None;
                self.ringing.push(Ringing { agent: agent.clone(), telephone });
            }
            Err(why) => {
                tracing::warn!(%agent, why = why.as_str(), "an agent's telephone cannot be rung");
            }
        }
    }

    fn is_rung(&self, agent: &AgentId) -> bool {
        self.rings_at_telephone(agent) || self.line.consoles().has_console(agent)
    }

    async fn hear_ringing(&mut self, at: usize, what: Happening) -> Option<Input> {
        match what {
            Happening::Answers(answer) => {
                let Ringing { agent, telephone } = self.ringing.remove(at);
                self.telephone_answers(agent, telephone, &answer).await
            }
            Happening::Over(end) => {
                let Ringing { agent, telephone } = self.ringing.remove(at);
                let_go(telephone, false);
                self.telephone_passes(&agent, says_no(end))
            }
            Happening::Reoffers(reoffer) => {
                reoffer.refuse();
                None
            }
            Happening::Refers(refer) => {
                refer.refuse(&Refusal::of(603));
                None
            }
            Happening::Replaced(_)
            | Happening::Rings
            | Happening::Early(_)
            | Happening::AnswersLate(_)
            | Happening::Presses(_) => None,
        }
    }

    async fn telephone_answers(
        &mut self,
        agent: AgentId,
        mut telephone: Telephone,
        answer: &str,
    ) -> Option<Input> {
        let transcoder = &self.office.trunks.transcoder;
        telephone.seat = transcoder.seat(beside_opus(&telephone.codecs));
        if telephone.seat.is_none() {
            telephone.codecs.retain(|codec| *codec == AudioCodec::Opus);
        }
        if !telephone.answered(answer, transcoder) {
            tracing::warn!(%agent, "the answer of an agent's telephone cannot be used");
            let_go(telephone, false);
            return self.telephone_passes(&agent, false);
        }
        telephone.listen_for_keys(&self.office.in_band_keys);
        if self.is_taken() || !self.line.consoles().claim(&agent) {
            let_go(telephone, true);
            return None;
        }
        let leg = AgentLeg::of_telephone(agent.clone(), telephone);
        if !self.comes_in(Coming::Answers.input(agent), leg).await {
            tracing::debug!("a telephone answered a call that no longer rings");
        }
        None
    }

    /// This telephone does not take the call. Its agent does not either, when the telephone says so, or
    /// when nothing else of the agent's rings.
    fn telephone_passes(&mut self, agent: &AgentId, says_no: bool) -> Option<Input> {
        if !says_no && self.is_rung(agent) {
            return None;
        }
        self.stop_telephones(Some(agent), false);
        self.no_longer_rings(agent, RingStopped::Declined);
        Some(Input::AgentDeclined(agent.clone()))
    }

    fn no_longer_rings(&self, agent: &AgentId, why: RingStopped) {
        if let Some(call_id) = &self.facts.call_id {
            self.line.consoles().stop_ringing(call_id, Some(agent), why);
        }
    }

    /// What the telephone does at which an agent talks.
    async fn hear_agents(&mut self, side: Side, what: Happening) -> Option<Input> {
        let agent = self.agent_at(side)?.agent.clone();
        match what {
            Happening::Reoffers(reoffer) => {
                let turn = self.agent_at(side)?.telephone_mut()?.reoffered(reoffer)?;
                self.turned(side, agent, turn)
            }
            Happening::AnswersLate(answer) => {
                let turn = self.agent_at(side)?.telephone_mut()?.answered_late(&answer)?;
                self.turned(side, agent, turn)
            }
            Happening::Presses(key) => self.pressed(side, key.sign),
            Happening::Over(End::Lost) => {
                let why = "the telephone gave no sign of life".to_owned();
                Some(Input::MediaFailed { side, why })
            }
            Happening::Over(_) => Some(Input::AgentHungUp(agent)),
            Happening::Refers(refer) => {
                self.agent_refers(agent, refer).await;
                None
            }
            Happening::Replaced(_)
            | Happening::Rings
            | Happening::Early(_)
            | Happening::Answers(_) => None,
        }
    }

    fn agent_at(&mut self, side: Side) -> Option<&mut AgentLeg> {
        match side {
            Side::Agent => self.agent_leg.as_mut(),
            Side::Consulted => self.consulted_leg.as_mut(),
            Side::Whatsapp | Side::Supervisor => None,
        }
    }

    /// The telephone's own hold is the agent's, where the agent has the user; else it only hears nothing.
    fn turned(&mut self, side: Side, agent: AgentId, turn: Turn) -> Option<Input> {
        self.agent_at(side)?.fed = None;
        let state = self.call.state();
        if state.is_answered_by_agent() || matches!(state, State::ThreeWay(_)) {
            self.arrange();
        }
        match turn {
            Turn::Holds => Some(Input::AgentHolds(agent)),
            Turn::Resumes => self.is_held_by(&agent).then_some(Input::AgentResumes(agent)),
        }
    }

    fn is_held_by(&self, agent: &AgentId) -> bool {
        let state = self.call.state();
        matches!(state, State::Held(_)) && state.agent() == Some(agent)
    }

    fn pressed(&self, side: Side, sign: char) -> Option<Input> {
        let leg = match side {
            Side::Agent => self.agent_leg.as_ref()?,
            Side::Whatsapp | Side::Consulted | Side::Supervisor => return None,
        };
        self.if_theirs(&leg.agent, Input::AgentKey(Key::new(sign)?))
    }
}

/// Hangs up on a telephone that is not the agent's leg.
fn let_go(telephone: Telephone, elsewhere: bool) {
    telephone.handle.play(Source::Silence);
    telephone.handle.close();
    if elsewhere {
        telephone.line.taken_elsewhere();
    }
}

/// It may give its call away; nothing takes its place in one.
fn manners(contact: String) -> Manners {
    Manners { contact: Some(contact), no_replaces: true, ..Manners::default() }
}

/// Whether its agent does not want the call: a rejection, or a telephone that is not to be disturbed.
const fn says_no(end: End) -> bool {
    match end {
        End::Busy | End::NoAnswer | End::Refused(603) => true,
        End::Ours | End::Theirs | End::Lost | End::Refused(_) | End::Unavailable => false,
    }
}
