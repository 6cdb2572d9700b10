//! How is each decision carried out?
//!
//! One match: each effect is one call to the world. Requests to the platform run beside the task, so
//! that a slow platform never keeps the call from hearing that the user hung up; their answers come
//! back as inputs.

use std::time::Duration;

use engine::{PayloadTypes, Source};
use media::{dtmf::Digit, sdp::Keying};
use switchboard::{
    agent::Talk,
    call::{Effect, EndReason, Input, LegTrouble, Outcome},
    flow::{Key, Ring},
};
use terms::{AgentId, Direction};
use tokio::time::Instant;
use wire::{
    SdpText,
    console::{Call, RingStopped, ToConsole},
    event::What,
    graph::call::Captures,
};

use super::{
    actor::{CallActor, Return},
    facts::Given,
    legs::{self, AgentLeg, TalksAt},
    placing::NotPlaced,
    queueing::Stay,
    sounds,
};
use crate::{
    cdr::{Cdr, LegRecord, TrunkRecord},
    clock,
    config::PlatformRecording,
    contacts,
    flows::FlowRecord,
    outbox::news,
    store::{LiveCall, StoreError},
};

/// How long a key that an agent presses sounds: what phones do.
const KEY_MS: u32 = 120;
/// How long a leg may take to tell its figures before the record is written without them.
const FIGURES_WAIT: Duration = Duration::from_millis(500);
/// How far the platform's duration and ours may lie apart and still be the same call time: ours is
/// unrounded and decides the pulses; further apart, the platform has a clock of its own.
const SAME_DURATION: Duration = Duration::from_secs(2);

/// What is asked of the platform about a call that has an id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    PreAccept,
    Accept,
    Reject,
    Terminate,
}

impl CallActor {
    /// Carries out one effect; may bring the next input at once.
    pub(super) async fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        if sounds::changes(&effect) {
            self.facts.sounds += 1;
            self.cut_announcement();
        }
        match effect {
            Effect::OpenLeg => return self.open_leg().await,
            Effect::Connect => return self.connect(),
            Effect::ApplyAnswer => return self.apply_answer(),
            Effect::PreAccept => return self.ask_platform(Ask::PreAccept),
            Effect::Accept => return self.ask_platform(Ask::Accept),
            Effect::Reject => return self.ask_platform(Ask::Reject),
            Effect::Terminate => return self.ask_platform(Ask::Terminate),
            Effect::OpenGate => self.open_gate().await,
            Effect::WatchMedia => self.with_whatsapp(|leg| leg.watch_from_now()),
            Effect::Ring(whom) => return self.ring(&whom),
            Effect::StopRinging { taken_by } => self.stop_ringing(taken_by.as_ref()),
            Effect::Queue(word) => return self.tell_queue(word).await,
            Effect::Bot(word) => return self.tell_bot(word),
            Effect::Trunk(word) => return self.tell_trunk(word).await,
            Effect::Bridge => {
                if let Some(lost) = self.answer_agents_telephone() {
                    return Some(lost);
                }
                self.bridge();
                self.record_talk().await;
            }
            Effect::Hold | Effect::BridgeConsult | Effect::Arrange => self.arrange(),
            Effect::TakeOver => self.take_over().await,
            Effect::DropConsulted => self.drop_consulted().await,
            Effect::DropSupervisor => self.drop_supervisor().await,
            Effect::DropAgent => self.drop_agent().await,
            Effect::Play { prompt, forever } => return self.play(&prompt, forever),
            Effect::Record(word) => self.record_word(word).await,
            Effect::TakeMessage { silence } => self.take_message(silence).await,
            Effect::KeepMessage => self.keep_message().await,
            Effect::PlayNothing => self.play_to_user(Source::Silence),
            Effect::Echo => self.play_to_user(Source::Echo),
            Effect::Say { spoken, forever } => return self.say(spoken, forever),
            Effect::SendKey(key) => self.send_key(key),
            Effect::MuteAgent { agent, on } => self.mute(&agent, on),
            Effect::Tell => self.tell(),
            Effect::Finish(reason) => self.finish(&reason).await,
        }
        None
    }

    pub(super) fn with_whatsapp(&self, order: impl FnOnce(&engine::LegHandle)) {
        if let Some(leg) = &self.whatsapp {
            order(&leg.handle);
        }
    }

    /// The call is on disk before the platform hears of us: whoever finds it there ends it.
    async fn open_leg(&mut self) -> Option<Input> {
        self.save_live().await;
        let offer = self.facts.theirs.clone()?;
        let sender = self.whatsapp_sender.clone();
        let goes = self.answer_goes();
        Some(match legs::answer_whatsapp(&self.office.engine, &offer, goes, sender) {
            Ok((leg, answer)) => {
                self.whatsapp = Some(leg);
                self.listen_for_keys();
                self.facts.ours = Some(answer);
                Input::LegReady
            }
            Err(trouble) => Input::LegUnusable(trouble),
        })
    }

    fn connect(&mut self) -> Option<Input> {
        let sender = self.whatsapp_sender.clone();
        let beside = self.agent_leg.as_ref().map(|leg| leg.handle.id());
        let keying = self.line.sip.as_ref().map_or(Keying::Dtls, |edge| edge.config.keying);
        let opened = legs::offer_whatsapp(&self.office.engine, beside, keying, sender);
        let (leg, offer) = match opened {
            Ok(opened) => opened,
            Err(trouble) => {
                self.lose_caller();
                return Some(Input::LegUnusable(trouble));
            }
        };
        self.whatsapp = Some(leg);
        if let Some(unusable) = self.seat_caller() {
            return Some(unusable);
        }
        if self.line.sip.is_some() {
            self.connect_by_sip(offer);
            return None;
        }
        let to = self.facts.contact.user()?;
        let opaque = self.facts.opaque.clone().unwrap_or_default();
        let (graph, returns) = (self.graph(), self.returns.clone());
        let captures = self.captures();
        tokio::spawn(async move {
            let returned = match graph.connect(to, offer, opaque, captures).await {
                Ok(call_id) => Return::Placed(call_id),
                Err(error) => Return::Input(Input::Placed(Outcome::from(error))),
            };
            // A call that is over does not wait for it.
            drop(returns.send(returned).await);
        });
        None
    }

    fn apply_answer(&mut self) -> Option<Input> {
        let applied = match (&mut self.whatsapp, &self.facts.theirs) {
            (Some(leg), Some(answer)) => legs::apply_answer(leg, answer),
            (_, _) => Err(LegTrouble::TheirSession("the answer has no SDP".into())),
        };
        if applied.is_ok() {
            self.listen_for_keys();
        }
        applied.err().map(Input::LegUnusable)
    }

    /// Where the configuration wants it, the user's keys are looked for in what the user says.
    fn listen_for_keys(&self) {
        let Some(leg) = self.whatsapp.as_ref().filter(|_| self.office.config.media.in_band_keys)
        else {
            return;
        };
        let Some(audio) = leg.audio else { return };
        let types = PayloadTypes::opus(audio, None);
        if !self.office.in_band_keys.listen(&leg.handle, types) {
            tracing::warn!(
                "a user's keys count as telephone-events alone: too many are listened to"
            );
        }
    }

    fn ask_platform(&mut self, ask: Ask) -> Option<Input> {
        if self.dialogue.is_some() {
            return self.ask_by_sip(ask);
        }
        let call_id = self.facts.call_id.clone()?;
        let (graph, returns) = (self.graph(), self.returns.clone());
        let sdp = self.facts.ours.clone().unwrap_or_else(|| SdpText::from(""));
        let captures = self.captures();
        tokio::spawn(async move {
            let input = match ask {
                Ask::PreAccept => Input::PreAccepted(graph.pre_accept(call_id, sdp).await),
                Ask::Accept => Input::Accepted(graph.accept(call_id, sdp, captures).await),
                Ask::Reject => Input::Closed(graph.reject(call_id).await),
                Ask::Terminate => Input::Closed(graph.terminate(call_id).await),
            };
            // A call that is over does not wait for it.
            drop(returns.send(Return::Input(input)).await);
        });
        None
    }

    /// What the platform is asked to keep of the call.
    fn captures(&self) -> Captures {
        self.platform_recording().map(PlatformRecording::captures).unwrap_or_default()
    }

    async fn open_gate(&mut self) {
        self.with_whatsapp(|leg| leg.send_gate(true));
        self.facts.answered = Some((self.line.now(), Instant::now()));
        self.tell_outside(What::CallAccepted);
        self.save_live().await;
    }

    fn ring(&mut self, whom: &Ring) -> Option<Input> {
        let call = self.view()?;
        let mut ringing = self.line.consoles().ring(&call, whom);
        self.ring_telephones(&mut ringing);
        self.facts.rings_here = !ringing.is_empty();
        self.note_ringing();
        Some(Input::Rung(ringing))
    }

    fn stop_ringing(&mut self, taken_by: Option<&AgentId>) {
        self.facts.rings_here = false;
        self.note_ringing();
        self.stop_telephones(None, taken_by.is_some());
        let Some(call_id) = &self.facts.call_id else { return };
        let why = match taken_by {
            Some(_) => RingStopped::Taken,
            None if self.call.state().is_over() => RingStopped::Ended,
            None => RingStopped::TimedOut,
        };
        self.line.consoles().stop_ringing(call_id, None, why);
    }

    fn bridge(&mut self) {
        let Some(leg) = &mut self.agent_leg else { return };
        leg.talked = true;
        let agent = leg.agent.clone();
        self.arrange();
        let before = self.facts.agent.replace(agent.clone());
        let was_given = std::mem::take(&mut self.facts.is_given);
        if let Some(from) = before.filter(|before| !was_given && *before != agent) {
            self.facts.note_transfer(from, Given::Agent(agent));
            self.tell_transferred();
        }
        let who = self.facts.agent.as_ref().map_or("", |agent| agent.as_str()).to_owned();
        self.tell_outside_by(&who, What::CallAnswered);
    }

    async fn take_over(&mut self) {
        let other = self.consulted_leg.take();
        self.drop_agent().await;
        self.agent_leg = other;
        self.tell_assigned();
    }

    async fn drop_consulted(&mut self) {
        if let Some(leg) = self.consulted_leg.take() {
            self.close_agent(leg).await;
        }
    }

    async fn drop_agent(&mut self) {
        self.drop_consulted().await;
        self.refuse_agents_telephone();
        if let Some(leg) = self.agent_leg.take() {
            self.facts.agent_figures = self.close_agent(leg).await;
        }
    }

    pub(super) async fn close_agent(&self, leg: AgentLeg) -> Option<LegRecord> {
        leg.handle.play(Source::Silence);
        let figures = legs::figures(&leg.handle, FIGURES_WAIT).await;
        leg.handle.close();
        let talk = |call_id| Talk { line: self.line.id().clone(), call_id };
        let talked = self.facts.call_id.clone().filter(|_| leg.talked).map(talk);
        self.line.consoles().release(&leg.agent, talked);
        leg.leave();
        figures
    }

    fn send_key(&self, key: Key) {
        if let Some(digit) = Digit::new(key.sign()) {
            self.with_whatsapp(|leg| leg.send_digit(digit, KEY_MS));
        }
    }

    /// A page shows it, whoever asked for it.
    fn mute(&mut self, agent: &AgentId, on: bool) {
        let legs = [&mut self.agent_leg, &mut self.consulted_leg, &mut self.supervisor_leg];
        let leg = legs.into_iter().flatten().find(|leg| leg.agent == *agent);
        let Some(leg) = leg else { return };
        leg.handle.mute(on);
        leg.muted = on;
        self.tell();
    }

    /// An ended call is told with its record, which has the figures.
    fn tell(&self) {
        if self.call.state().is_over() {
            return;
        }
        self.let_agents_telephone_ring();
        if let Some(call) = self.view() {
            if let Some(news) = news::of_state(self.line.id(), call.clone(), clock::now()) {
                self.office.outbox.tell(news);
            }
            self.line.consoles().tell_call(call);
        }
    }

    /// Tells the business's systems what happens to the call, once.
    pub(super) fn tell_outside(&self, what: fn(Box<Call>) -> What) {
        self.tell_outside_by("", what);
    }

    /// The same of what each of several can do, or what can happen again: `who` tells them apart.
    pub(super) fn tell_outside_by(&self, who: &str, what: fn(Box<Call>) -> What) {
        if let Some(call) = self.view() {
            self.tell_of(who, call, what);
        }
    }

    pub(super) fn tell_of(&self, who: &str, call: Call, what: fn(Box<Call>) -> What) {
        let news = news::of_call_by(self.line.id(), who, call, clock::now(), what);
        self.office.outbox.tell(news);
    }

    /// The call went from an agent to another, or to the flow.
    pub(super) fn tell_transferred(&self) {
        self.tell_outside_by(&self.facts.transfers.len().to_string(), What::CallTransferred);
    }

    /// The agent of the leg has the call.
    pub(super) fn tell_assigned(&self) {
        let (Some(mut call), Some(leg)) = (self.view(), &self.agent_leg) else { return };
        call.agent = Some(leg.agent.clone());
        self.tell_of(leg.agent.as_str(), call, What::CallAssigned);
    }

    pub(super) fn send_answer(&self) {
        if let Some(leg) = &self.agent_leg {
            self.send_answer_of(leg);
        }
    }

    pub(super) fn send_answer_of(&self, leg: &AgentLeg) {
        if let Some(call_id) = &self.facts.call_id
            && let TalksAt::Console { id, answer, .. } = &leg.at
        {
            let answer = ToConsole::Answer { call_id: call_id.clone(), sdp: answer.clone() };
            self.line.consoles().send(*id, answer);
        }
    }

    pub(super) async fn save_live(&self) {
        let Some(call_id) = self.facts.call_id.clone() else { return };
        let live = LiveCall {
            call_id,
            phone_number_id: self.line.id().clone(),
            direction: self.call.direction(),
            contact: self.facts.contact.clone(),
            started_at: self.facts.started_at,
            answered_at: self.facts.answered.map(|(at, _)| at),
            deeplink_payload: self.facts.deeplink_payload.clone(),
            cta_payload: self.facts.cta_payload.clone(),
        };
        log_fault(self.office.store.save_live(live).await, "a running call is not on disk");
    }

    /// The call is over: legs close, the record is written, everybody learns it.
    async fn finish(&mut self, reason: &EndReason) {
        self.facts.finished = true;
        self.end_recordings().await;
        self.drop_supervisor().await;
        self.stop_telephones(None, false);
        let whatsapp_figures = match self.whatsapp.take() {
            Some(leg) => {
                leg.handle.play(Source::Silence);
                let figures = legs::figures(&leg.handle, FIGURES_WAIT).await;
                leg.handle.close();
                figures
            }
            None => None,
        };
        self.drop_agent().await;
        let fault = reason.fault().map_or("none", |fault| fault.as_str());
        let (call_id, opaque) = (self.facts.call_id.clone(), self.facts.opaque.clone());
        if let Some(call_id) = call_id.clone() {
            tracing::info!(call = %call_id.loggable(), reason = reason.as_str(), fault, "call ended");
            let mut cdr = self.record(call_id.clone(), reason);
            cdr.whatsapp_leg = whatsapp_figures;
            let store = &self.office.store;
            let number = self.line.digits().to_owned();
            let end = move |cdr: &Cdr| news::of_end(cdr, &number);
            let saved = store.save_cdr(cdr.clone(), self.line.tariff(), end).await;
            let cdr = saved.unwrap_or_else(|error| {
                tracing::error!(%error, "the record of a call is lost");
                cdr
            });
            // A platform that never confirmed is told again by the next start.
            if self.facts.figures.is_some() || !is_unreachable(reason) {
                log_fault(
                    store.forget_live(self.line.id().clone(), call_id).await,
                    "an ended call is still on disk",
                );
            }
            self.line.consoles().tell_call(cdr.to_call(self.line.digits()));
            contacts::note_call(&self.office, &self.line, &cdr).await;
            self.watch_end(reason, Some(&cdr));
        } else {
            self.watch_end(reason, None);
        }
        self.office.registry.leave(call_id.as_ref(), opaque.as_deref());
        self.refuse_place(NotPlaced::Ended { reason: reason.as_str(), text: reason.text() });
    }

    fn record(&self, call_id: terms::CallId, reason: &EndReason) -> Cdr {
        let facts = &self.facts;
        let ended_at = facts.figures.as_ref().map(|figures| figures.at);
        let ended_at = ended_at.unwrap_or_else(|| self.line.now());
        let contact = facts.contact.clone();
        let direction: Direction = self.call.direction();
        let (line, started_at) = (self.line.id().clone(), facts.started_at);
        let mut cdr = Cdr::new(line, call_id, direction, contact, started_at, ended_at, reason);
        cdr.organisation_id = Some(self.line.organisation.id.clone());
        cdr.signalling = self.line.signalling();
        cdr.agent.clone_from(&facts.agent);
        cdr.by_telephone.clone_from(&facts.by_telephone);
        cdr.transfers.clone_from(&facts.transfers);
        cdr.queue = facts.queue.as_ref().map(Stay::record);
        cdr.bots.clone_from(&facts.bot_records);
        cdr.ringing_at = facts.ringing_at;
        cdr.ring_s = facts.ringing.seconds();
        cdr.accepted_at = facts.answered.map(|(at, _)| at);
        cdr.media_at = facts.media_at;
        cdr.platform_status = facts.figures.as_ref().and_then(|figures| figures.status_word());
        cdr.trunks.clone_from(&facts.trunk_records);
        cdr.hold_s = facts.waiting.seconds();
        cdr.supervision.clone_from(&facts.supervision);
        cdr.three_way.clone_from(&facts.three_way);
        cdr.deeplink_payload.clone_from(&facts.deeplink_payload);
        cdr.cta_payload.clone_from(&facts.cta_payload);
        cdr.agent_leg.clone_from(&facts.agent_figures);
        cdr.flow = FlowRecord::of(self.call.trail(), facts.asked.as_ref());
        let talked = |trunk: &TrunkRecord| trunk.talked_s.is_some();
        let nobody = direction == Direction::UserInitiated
            && facts.agent.is_none()
            && !facts.trunk_records.iter().any(talked);
        cdr.outside_hours = (nobody && self.call.met_closed_hours()).then_some(true);
        cdr.recordings.clone_from(&self.recordings.made);
        let in_ms = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let stages = self.timeline.stages().map(|(stage, took)| (stage.to_owned(), in_ms(took)));
        cdr.set_up_ms = stages.collect();
        cdr.keys_pressed = (facts.keys_pressed > 0).then_some(facts.keys_pressed);
        if let Some((answered_at, duration, billed)) = self.talk() {
            cdr.talked(answered_at, billed);
            cdr.duration_s = Some(duration.as_secs());
        }
        cdr.unconfirmed = facts.figures.is_none();
        cdr
    }

    /// When it was picked up, the duration to show and the one to bill.
    fn talk(&self) -> Option<(terms::Timestamp, Duration, Duration)> {
        let facts = &self.facts;
        let end = facts.over_since.unwrap_or_else(Instant::now);
        let ours = facts.answered.map(|(at, since)| (at, end.saturating_duration_since(since)));
        let theirs = facts
            .figures
            .as_ref()
            .and_then(|figures| Some((figures.start?, Duration::from_secs(figures.duration_s?))));
        match (theirs, ours) {
            (Some((at, theirs)), Some((_, ours))) => {
                let same = theirs.abs_diff(ours) < SAME_DURATION;
                Some((at, theirs, if same { ours } else { theirs }))
            }
            (Some((at, theirs)), None) => Some((at, theirs, theirs)),
            // Picked up by our account alone: the platform has not said otherwise.
            (None, Some((at, ours))) if facts.figures.is_none() => Some((at, ours, ours)),
            (None, Some(_) | None) => None,
        }
    }
}

fn is_unreachable(reason: &EndReason) -> bool {
    matches!(reason, EndReason::PlatformUnreachable { .. })
}

/// An error with its causes, for the agent.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The store failing does not stop a call; it is said once, loudly.
fn log_fault<T>(result: Result<T, StoreError>, what: &'static str) {
    if let Err(error) = result {
        tracing::error!(error = chain(&error), what);
    }
}
