//! Who was in the call beside those who have it, and from when to when?
//!
//! A supervisor's leg is opened, and refused with a reason. That somebody listened is private matter of
//! those who were listened to: each stretch is an event and stands in the record.

use switchboard::call::{Input, Manner, State};
use terms::AgentId;
use wire::{
    SdpText,
    console::{Supervising, Supervisor, ToConsole},
    event::What,
};

use super::{
    actor::CallActor,
    effects::chain,
    legs::{self, AgentLeg},
};
use crate::{
    cdr::{SupervisionRecord, ThreeWayRecord},
    clock,
    events::ConsoleId,
};

impl CallActor {
    /// A supervisor wants to listen: a seat at the mixer and a leg first, then the switchboard's word.
    pub(super) async fn supervisor_comes(
        &mut self,
        supervisor: AgentId,
        console: ConsoleId,
        offer: &SdpText,
    ) {
        let leg = match self.open_supervisor(&supervisor, console, offer) {
            Ok(leg) => leg,
            Err((code, text)) => return self.refuse_listener(console, code, text),
        };
        let mut effects = Vec::new();
        let input = Input::SupervisorListens(supervisor);
        let handled = self.call.handle(input, clock::now(), &mut effects);
        if let Err(refusal) = handled {
            self.close_agent(leg).await;
            self.let_mix_go();
            let text = format!("This is not possible: {refusal}.");
            return self.refuse_listener(console, "out_of_place", text);
        }
        self.send_answer_of(&leg);
        self.supervisor_leg = Some(leg);
        self.after(effects).await;
    }

    fn open_supervisor(
        &mut self,
        supervisor: &AgentId,
        console: ConsoleId,
        offer: &SdpText,
    ) -> Result<AgentLeg, (&'static str, String)> {
        if self.supervisor_leg.is_some() || !self.line.consoles().claim(supervisor) {
            return Err(("taken", "Somebody listens already, or you are in another call.".into()));
        }
        let opened = if self.take_mix() {
            let beside = self.whatsapp.as_ref().map(|leg| leg.handle.id());
            let engine = &self.office.engine;
            legs::answer_agent(engine, beside, supervisor.clone(), console, offer)
                .map_err(|error| ("offer", chain(&error)))
        } else {
            Err(("busy", NO_SEAT.into()))
        };
        opened.inspect_err(|_| {
            self.line.consoles().release(supervisor, None);
            self.let_mix_go();
        })
    }

    fn refuse_listener(&self, console: ConsoleId, code: &str, text: String) {
        let refused = ToConsole::Refused { what: "listen".into(), code: code.into(), text };
        self.line.consoles().send(console, refused);
    }

    pub(super) async fn drop_supervisor(&mut self) {
        if let Some(leg) = self.supervisor_leg.take() {
            self.close_agent(leg).await;
        }
        self.let_mix_go();
    }

    /// What the record and the events say about it.
    pub(super) fn note_beside(&mut self) {
        self.note_supervisor();
        self.note_three_way();
    }

    fn note_supervisor(&mut self) {
        let is = self.call.supervision().map(|it| (it.supervisor.clone(), word(it.how)));
        let was = self.supervisor();
        if is.as_ref().map(|(id, how)| (id, *how)) == was.as_ref().map(|it| (&it.id, it.how)) {
            return;
        }
        let now = clock::now();
        if let Some(record) = self.facts.supervision.last_mut() {
            record.to = record.to.or(Some(now));
        }
        match is {
            Some((supervisor, how)) => {
                let record = SupervisionRecord { supervisor, how, from: now, to: None };
                self.facts.supervision.push(record);
                let count = self.facts.supervision.len().to_string();
                self.tell_outside_by(&count, What::CallSupervised);
            }
            None => {
                let count = self.facts.supervision.len().to_string();
                let Some(mut call) = self.view() else { return };
                call.supervisor = was;
                self.tell_of(&count, call, What::CallUnsupervised);
            }
        }
    }

    fn note_three_way(&mut self) {
        let state = self.call.state();
        let is = matches!(state, State::ThreeWay(_));
        let was = self.facts.three_way.last().is_some_and(|record| record.to.is_none());
        let now = clock::now();
        match (is, was, state.agent()) {
            (true, false, Some(agent)) => {
                let place = self.trunk_place();
                self.facts.three_way.push(ThreeWayRecord {
                    agent: agent.clone(),
                    other: state.other_agent().cloned(),
                    trunk: place.as_ref().map(|place| place.name.clone()),
                    extension: place.map(|place| place.extension),
                    from: now,
                    to: None,
                });
                let count = self.facts.three_way.len().to_string();
                self.tell_outside_by(&count, What::CallMerged);
            }
            (false, true, _) => {
                if let Some(record) = self.facts.three_way.last_mut() {
                    record.to = Some(now);
                }
            }
            (true, _, _) | (false, false, _) => {}
        }
    }

    /// The supervisor who is there, as consoles see it.
    pub(super) fn supervisor(&self) -> Option<Supervisor> {
        let record = self.facts.supervision.last().filter(|record| record.to.is_none())?;
        Some(Supervisor { id: record.supervisor.clone(), how: record.how, since: record.from })
    }
}

/// Why nobody can be brought in, or listen.
pub(super) const NO_SEAT: &str =
    "As many calls as the gateway can mix have several people in them. Try again in a moment.";

fn word(how: Manner) -> Supervising {
    match how {
        Manner::Listening => Supervising::Listening,
        Manner::Whispering => Supervising::Whispering,
        Manner::Joined => Supervising::Joined,
    }
}
