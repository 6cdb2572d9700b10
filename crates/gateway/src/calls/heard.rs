//! What do letters, answers and legs say to the switchboard?
//!
//! Everything that reaches a call's task becomes an input, or is answered at once.

use std::time::Duration;

use engine::LegEvent;
use switchboard::{
    call::{Input, Outcome, Side},
    flow::Key,
};
use terms::{AgentId, CallId};
use wire::console::{RingStopped, ToConsole};

use super::{
    actor::{CallActor, Return},
    effects::Coming,
    legs::AgentLeg,
    orphans,
    placing::{NotPlaced, Placer},
    registry::Letter,
    timeline::Point,
};
use crate::{events::ConsoleId, flows::record::Asked};

impl CallActor {
    pub(super) async fn read(&mut self, letter: Letter) -> Option<Input> {
        match letter {
            Letter::Answer { call_id, sdp } => {
                self.learn_id(call_id).await;
                if self.facts.theirs.is_none() {
                    self.facts.theirs = Some(sdp);
                }
                Some(Input::AnswerArrived)
            }
            Letter::Status { call_id, status } => {
                self.learn_id(call_id).await;
                Some(Input::Status(status))
            }
            Letter::Terminated { call_id, figures } => {
                self.learn_id(call_id).await;
                let termination = figures.termination.clone();
                self.facts.figures = Some(*figures);
                Some(Input::Terminated(termination))
            }
            Letter::AgentAnswers { agent, console, offer } => {
                self.agent_comes(Coming::Answers, agent, console, &offer).await;
                None
            }
            Letter::AgentReturns { agent, console, offer } => {
                self.agent_comes(Coming::Returns, agent, console, &offer).await;
                None
            }
            Letter::SupervisorListens { supervisor, console, offer } => {
                self.supervisor_comes(supervisor, console, &offer).await;
                None
            }
            Letter::Do { order, asker, answer } => {
                // Whoever asked may have gone; it is done all the same.
                drop(answer.send(self.carry_out_order(order, asker).await));
                None
            }
            Letter::Record { wish, asker, answer } => {
                // Whoever asked may have gone; it is done all the same.
                drop(answer.send(self.record_order(wish, &asker).await));
                None
            }
            Letter::AgentDeclines(agent) => {
                self.stop_telephones(Some(&agent), false);
                if let Some(call_id) = &self.facts.call_id {
                    let why = RingStopped::Declined;
                    self.line.consoles().stop_ringing(call_id, Some(&agent), why);
                }
                Some(Input::AgentDeclined(agent))
            }
            Letter::ConsoleClosed { agent, console, last } => {
                self.console_closed(agent, console, last)
            }
            Letter::AgentMutes { agent, on } => Some(Input::AgentMute { agent, on }),
            Letter::AgentKey { agent, key } => self.if_theirs(&agent, Input::AgentKey(key)),
            Letter::Queue(word) => Some(self.hear_queue(word)),
            Letter::Look(answer) => {
                // Whoever asked may have gone; then nobody needs to know.
                drop(answer.send(self.look().await));
                None
            }
            Letter::Stop => Some(Input::Stop),
        }
    }

    pub(super) fn if_theirs(&self, agent: &AgentId, input: Input) -> Option<Input> {
        (self.call.state().agent() == Some(agent)).then_some(input)
    }

    fn console_closed(&self, agent: AgentId, console: ConsoleId, last: bool) -> Option<Input> {
        let had_leg = self.legs_of_ours().any(|leg| leg.console() == Some(console));
        let has_other =
            self.legs_of_ours().any(|leg| leg.agent == agent) || self.rings_at_telephone(&agent);
        (had_leg || last && !has_other).then_some(Input::AgentGone(agent))
    }

    pub(super) async fn read_return(&mut self, returned: Return) -> Option<Input> {
        match returned {
            Return::Placed(call_id) => {
                self.learn_id(call_id).await;
                self.facts.placer = None;
                self.send_answer();
                Some(Input::Placed(Outcome::Done))
            }
            Return::Input(Input::Placed(outcome)) => {
                self.refuse_placer(&outcome);
                Some(Input::Placed(outcome))
            }
            Return::Flow(flow, asked) => {
                self.office.metrics.flow_asked(asked.as_str());
                if let Asked::Refused(why) = &asked {
                    tracing::warn!(why = why.as_str(), "the flow of the configuration is used");
                }
                self.facts.asked = Some(asked);
                Some(Input::FlowChosen(flow))
            }
            Return::Spoken { sounds, forever, sound } => self.spoken(sounds, forever, sound),
            Return::Input(input) => {
                if matches!(input, Input::PreAccepted(Outcome::Done)) {
                    self.pass(Point::PreAccepted);
                }
                Some(input)
            }
        }
    }

    /// A call we placed learns the id the platform gave it, from whichever word comes first.
    async fn learn_id(&mut self, call_id: CallId) {
        if self.facts.call_id.is_some() {
            return;
        }
        if let Some(opaque) = &self.facts.opaque {
            self.office.registry.name(&call_id, opaque);
        }
        self.facts.call_id = Some(call_id.clone());
        self.note_trace(&call_id);
        self.tell_assigned();
        self.save_live().await;
        self.facts.placer = match self.facts.placer.take() {
            Some(Placer::Program(program)) => {
                // A program that does not wait any more reads it from the list of calls.
                drop(program.send(Ok(call_id)));
                None
            }
            Some(Placer::Both { console, program }) => {
                drop(program.send(Ok(call_id)));
                Some(Placer::Console(console))
            }
            Some(Placer::Console(console)) => Some(Placer::Console(console)),
            None => None,
        };
    }

    fn refuse_placer(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Done => {}
            Outcome::Refused { code, text } => {
                self.refuse_place(NotPlaced::Refused { code: *code, text: text.clone() });
            }
            Outcome::Unreachable { why } => {
                self.refuse_place(NotPlaced::Unreachable { why: why.clone() });
            }
        }
    }

    pub(super) fn refuse_place(&mut self, why: NotPlaced) {
        match self.facts.placer.take() {
            Some(Placer::Console(console)) => self.refuse_console(console, &why),
            Some(Placer::Both { console, program }) => {
                self.refuse_console(console, &why);
                drop(program.send(Err(why)));
            }
            // A program that does not wait any more has no use for it.
            Some(Placer::Program(program)) => drop(program.send(Err(why))),
            None => {}
        }
    }

    fn refuse_console(&self, console: ConsoleId, why: &NotPlaced) {
        let (what, code, text) = ("place".into(), why.code(), why.to_string());
        self.line.consoles().send(console, ToConsole::Refused { what, code, text });
    }

    pub(super) async fn read_whatsapp(&mut self, event: LegEvent) -> Option<Input> {
        match event {
            LegEvent::IceConnected { at_ms } => {
                self.facts.ice_ms = at_ms;
                self.watch_set_up("ice", Duration::from_millis(at_ms));
                None
            }
            LegEvent::DtlsConnected { at_ms, .. } => {
                let took = at_ms.saturating_sub(self.facts.ice_ms);
                self.watch_set_up("dtls", Duration::from_millis(took));
                self.watch_moment(Point::MediaUp, "media_up");
                self.facts.media_at.get_or_insert_with(|| self.line.now());
                Some(Input::MediaConnected)
            }
            LegEvent::FirstMedia => {
                self.watch_moment(Point::FirstAudio, "first_audio");
                Some(Input::MediaHeard)
            }
            LegEvent::Digit(digit) => {
                self.facts.keys_pressed = self.facts.keys_pressed.saturating_add(1);
                Key::new(digit.sign()).map(Input::UserKey)
            }
            LegEvent::PlaybackDone if self.heard_announcement().await => None,
            LegEvent::PlaybackDone => Some(Input::PlaybackDone),
            LegEvent::MediaStopped { for_ms, .. } => {
                Some(Input::MediaStopped { seconds: (for_ms + 500) / 1000 })
            }
            LegEvent::Failed { reason } => {
                let why = reason.to_string();
                Some(Input::MediaFailed { side: Side::Whatsapp, why })
            }
            LegEvent::MediaResumed | LegEvent::Closed(_) => None,
        }
    }

    /// The agent's path was lost: the switchboard decides who waits for whom. A page whose call does
    /// not wait for it would wait for sound for ever, so it is told.
    pub(super) fn read_agent(&self, event: &LegEvent, side: Side) -> Option<Input> {
        if let LegEvent::Digit(digit) = event {
            return self.heard_key(side, *digit);
        }
        let why = loss(event)?;
        let leg = match side {
            Side::Agent => self.agent_leg.as_ref(),
            Side::Consulted => self.consulted_leg.as_ref(),
            Side::Supervisor => self.supervisor_leg.as_ref(),
            Side::Whatsapp => None,
        };
        if leg.is_some_and(|leg| !leg.takes_part()) {
            // A telephone that holds the call may be silent.
            return None;
        }
        let may_return = side == Side::Agent && self.call.state().is_answered_by_agent();
        if let Some(console) = leg.filter(|_| !may_return).and_then(AgentLeg::console) {
            let text = format!("The audio path to your browser failed: {why}.");
            let (what, code) = ("answer".into(), "media".into());
            self.line.consoles().send(console, ToConsole::Refused { what, code, text });
        }
        Some(Input::MediaFailed { side, why })
    }

    /// Agents who took the call while its record was being written learn that it is over; the
    /// platform's figures still go into the record.
    pub(super) async fn answer_the_late(&mut self) {
        self.inbox.close();
        while let Ok(sealed) = self.inbox.try_recv() {
            match sealed.letter {
                Letter::AgentAnswers { console, .. } => {
                    let (what, code) = ("answer".into(), "taken".into());
                    let text = "The call no longer rings.".into();
                    self.line.consoles().send(console, ToConsole::Refused { what, code, text });
                }
                Letter::AgentReturns { console, .. } => {
                    let (what, code) = ("rejoin".into(), "over".into());
                    let text = "The call is over.".into();
                    self.line.consoles().send(console, ToConsole::Refused { what, code, text });
                }
                Letter::SupervisorListens { console, .. } => {
                    let (what, code) = ("listen".into(), "over".into());
                    let text = "The call is over.".into();
                    self.line.consoles().send(console, ToConsole::Refused { what, code, text });
                }
                Letter::Terminated { call_id, figures } => {
                    orphans::amend_late(&self.office, &self.line, call_id, &figures).await;
                }
                Letter::Answer { .. }
                | Letter::Status { .. }
                | Letter::AgentDeclines(_)
                // Whoever asked sees that nobody answers.
                | Letter::Do { .. }
                | Letter::Record { .. }
                | Letter::ConsoleClosed { .. }
                | Letter::AgentMutes { .. }
                | Letter::AgentKey { .. }
                | Letter::Queue(_)
                | Letter::Look(_)
                | Letter::Stop => {}
            }
            drop(sealed.receipt);
        }
    }
}

/// How an agent's leg was lost, if it was. A browser that never sent audio may still hear.
fn loss(event: &LegEvent) -> Option<String> {
    match event {
        LegEvent::Failed { reason } => Some(reason.to_string()),
        LegEvent::MediaStopped { for_ms, from_start: false } => {
            Some(format!("nothing came for {} seconds", (for_ms + 500) / 1000))
        }
        LegEvent::MediaStopped { for_ms: _, from_start: true }
        | LegEvent::IceConnected { .. }
        | LegEvent::DtlsConnected { .. }
        | LegEvent::FirstMedia
        | LegEvent::Digit(_)
        | LegEvent::PlaybackDone
        | LegEvent::MediaResumed
        | LegEvent::Closed(_) => None,
    }
}
