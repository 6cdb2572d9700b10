//! What happens to this one call?
//!
//! One task owns one call. It takes letters, leg events, answers of the platform and the time, hands
//! them to the switchboard one by one and carries out what comes back. It ends when the call is over
//! and recorded.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use engine::LegEvent;
use switchboard::{
    call::{Answerer, Call, Effect, Input, Outcome, Plan, Side, State},
    flow::Key,
};
use terms::{AgentId, CallId, Direction, Timestamp, WaId};
use tokio::{sync::mpsc, time::Instant};
use wire::{
    SdpText,
    console::{CallState, Peer, RingStopped, ToConsole},
};

use super::{
    legs::{self, AgentLeg},
    placing::{NotPlaced, Placer},
    registry::{CallHandle, Figures, Letter, Look, OPAQUE_PREFIX, Running},
};
use crate::{cdr::LegRecord, clock, events::ConsoleId, office::Office};

/// How many answers of the platform may wait; at most two requests of a call run at a time.
const RETURNS_MAX: usize = 8;
/// How long a leg may take to tell its figures before the record is written without them.
const FIGURES_WAIT: Duration = Duration::from_millis(300);

/// What a user's call brought with it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) call_id: CallId,
    pub(crate) contact: Peer,
    pub(crate) started_at: Timestamp,
    pub(crate) offer: SdpText,
    pub(crate) deeplink_payload: Option<String>,
    pub(crate) cta_payload: Option<String>,
}

/// What an agent wants placed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: WaId,
    pub(crate) name: Option<String>,
    pub(crate) agent: AgentId,
    pub(crate) console: ConsoleId,
    pub(crate) offer: SdpText,
}

/// What came back from the platform.
#[derive(Debug)]
pub(super) enum Return {
    Input(Input),
    Placed(CallId),
}

/// The task that owns a call.
#[derive(Debug)]
pub(crate) struct CallActor {
    pub(super) office: Arc<Office>,
    pub(super) call: Call,
    pub(super) facts: Facts,
    pub(super) whatsapp: Option<legs::WhatsappLeg>,
    pub(super) whatsapp_events: mpsc::Receiver<LegEvent>,
    pub(super) whatsapp_sender: mpsc::Sender<LegEvent>,
    pub(super) agent_leg: Option<AgentLeg>,
    pub(super) returns: mpsc::Sender<Return>,
    returned: mpsc::Receiver<Return>,
    inbox: mpsc::Receiver<Letter>,
    _running: Running,
}

/// What is known of the call beside its state.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) call_id: Option<CallId>,
    pub(super) opaque: Option<String>,
    pub(super) contact: Peer,
    pub(super) started_at: Timestamp,
    pub(super) deeplink_payload: Option<String>,
    pub(super) cta_payload: Option<String>,
    /// Their SDP: the offer of a user's call, the answer to ours.
    pub(super) theirs: Option<SdpText>,
    /// Our SDP, the same bytes in `pre_accept` and `accept`.
    pub(super) ours: Option<SdpText>,
    pub(super) agent: Option<AgentId>,
    /// Who waits to hear that the call is placed, until they have.
    pub(super) placer: Option<Placer>,
    pub(super) agent_figures: Option<LegRecord>,
    pub(super) answered: Option<(Timestamp, Instant)>,
    pub(super) over_since: Option<Instant>,
    pub(super) figures: Option<Figures>,
    pub(super) keys_pressed: u32,
    pub(super) step: Option<String>,
    pub(super) finished: bool,
}

impl Facts {
    fn new(contact: Peer, started_at: Timestamp) -> Self {
        Self {
            call_id: None,
            opaque: None,
            contact,
            started_at,
            deeplink_payload: None,
            cta_payload: None,
            theirs: None,
            ours: None,
            agent: None,
            placer: None,
            agent_figures: None,
            answered: None,
            over_since: None,
            figures: None,
            keys_pressed: 0,
            step: None,
            finished: false,
        }
    }
}

/// Starts the task of a user's call; `false` when it runs already or the gateway stops.
pub(crate) fn take(office: &Arc<Office>, incoming: Incoming) -> bool {
    let (handle, inbox) = CallHandle::new();
    let Some(running) = office.registry.enter(&incoming.call_id, handle) else { return false };
    let mut facts = Facts::new(incoming.contact, incoming.started_at);
    facts.call_id = Some(incoming.call_id);
    facts.theirs = Some(incoming.offer);
    facts.deeplink_payload = incoming.deeplink_payload;
    facts.cta_payload = incoming.cta_payload;
    let mut effects = Vec::new();
    let call = Call::incoming(plan(office), &mut effects);
    let actor = CallActor::new(Arc::clone(office), call, facts, inbox, running);
    tokio::spawn(actor.run(effects));
    true
}

/// Why a call cannot be placed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The agent's browser cannot have a leg.
    #[error(transparent)]
    Leg(legs::AgentLegError),
    /// The gateway stops.
    #[error("the gateway is stopping")]
    Stopping,
}

/// Starts the task of a call to a user. The agent is claimed for it.
///
/// # Errors
///
/// The browser's offer cannot be used, or the gateway stops.
pub(crate) fn place(office: &Arc<Office>, outgoing: Outgoing) -> Result<(), PlaceError> {
    let Outgoing { to, name, agent, console, offer } = outgoing;
    let leg = legs::answer_agent(&office.engine, None, agent.clone(), console, &offer)
        .map_err(PlaceError::Leg)?;
    let contact = Peer { name, wa_id: Some(to), user_id: None };
    let answerer = Answerer::Agent(agent);
    start_placed(office, contact, answerer, Placer::Console(console), Some(leg))
}

/// Starts the task of a call to a user that the flow answers on our side.
///
/// # Errors
///
/// The gateway stops.
pub(super) fn place_flow(
    office: &Arc<Office>,
    to: WaId,
    name: Option<String>,
    placer: Placer,
) -> Result<(), PlaceError> {
    let contact = Peer { name, wa_id: Some(to), user_id: None };
    start_placed(office, contact, Answerer::Flow, placer, None)
}

fn start_placed(
    office: &Arc<Office>,
    contact: Peer,
    answerer: Answerer,
    placer: Placer,
    leg: Option<AgentLeg>,
) -> Result<(), PlaceError> {
    let (handle, inbox) = CallHandle::new();
    let opaque = format!("{OPAQUE_PREFIX}{}", uuid::Uuid::now_v7());
    let running = office.registry.enter_placed(&opaque, handle).ok_or(PlaceError::Stopping)?;
    let now = clock::now();
    let mut facts = Facts::new(contact, now);
    facts.opaque = Some(opaque);
    facts.agent = answerer.agent().cloned();
    facts.placer = Some(placer);
    let mut effects = Vec::new();
    let call = Call::outgoing(plan(office), answerer, now, &mut effects);
    let mut actor = CallActor::new(Arc::clone(office), call, facts, inbox, running);
    actor.agent_leg = leg;
    tokio::spawn(actor.run(effects));
    Ok(())
}

fn plan(office: &Office) -> Plan {
    Plan { ring_for: office.config.ring_for, flow: office.shelf.flow.as_ref().map(Arc::clone) }
}

impl CallActor {
    fn new(
        office: Arc<Office>,
        call: Call,
        facts: Facts,
        inbox: mpsc::Receiver<Letter>,
        running: Running,
    ) -> Self {
        let (returns, returned) = mpsc::channel(RETURNS_MAX);
        let (whatsapp_sender, whatsapp_events) = mpsc::channel(engine::EVENTS_MAX);
        office.metrics.call_started(call.direction());
        Self {
            office,
            call,
            facts,
            whatsapp: None,
            whatsapp_events,
            whatsapp_sender,
            agent_leg: None,
            returns,
            returned,
            inbox,
            _running: running,
        }
    }

    async fn run(mut self, first: Vec<Effect>) {
        let mut inputs = VecDeque::new();
        for effect in first {
            inputs.extend(self.carry_out(effect).await);
        }
        self.feed(inputs).await;
        while !self.facts.finished {
            let deadline = self.call.next_timeout().map(|(at, _)| until(at));
            let input = tokio::select! {
                Some(letter) = self.inbox.recv() => self.read(letter).await,
                Some(returned) = self.returned.recv() => self.read_return(returned).await,
                Some(event) = self.whatsapp_events.recv() => self.read_whatsapp(event),
                Some(event) = legs::next_event(&mut self.agent_leg) => read_agent(event),
                () = sleep_until(deadline) => Some(Input::Tick),
            };
            self.feed(VecDeque::from_iter(input)).await;
        }
        self.refuse_the_late();
    }

    /// Agents who took the call while its record was being written learn that it is over.
    fn refuse_the_late(&mut self) {
        self.inbox.close();
        while let Ok(letter) = self.inbox.try_recv() {
            if let Letter::AgentAnswers { console, .. } = letter {
                let (what, code) = ("answer".into(), "taken".into());
                let text = "The call no longer rings.".into();
                self.office.consoles.send(console, ToConsole::Refused { what, code, text });
            }
        }
    }

    /// Hands inputs to the switchboard and carries out what it decides, until nothing follows.
    async fn feed(&mut self, mut inputs: VecDeque<Input>) {
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            let handled = self.call.handle(input, clock::now(), &mut effects);
            if let Err(refusal) = handled {
                tracing::debug!(call = ?self.facts.call_id, %refusal, "an input changed nothing");
            }
            if self.facts.over_since.is_none() && self.call.state().is_over() {
                self.facts.over_since = Some(Instant::now());
            }
            self.facts.step = self.call.step_name().map(str::to_owned);
            for effect in effects {
                inputs.extend(self.carry_out(effect).await);
            }
        }
    }

    async fn read(&mut self, letter: Letter) -> Option<Input> {
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
                self.agent_answers(agent, console, &offer).await;
                None
            }
            Letter::AgentDeclines(agent) => {
                if let Some(call_id) = &self.facts.call_id {
                    let why = RingStopped::Declined;
                    self.office.consoles.stop_ringing(call_id, Some(&agent), why);
                }
                Some(Input::AgentDeclined(agent))
            }
            Letter::AgentHangsUp(agent) => Some(Input::AgentHungUp(agent)),
            Letter::ConsoleClosed { agent, console, last } => {
                self.console_closed(agent, console, last)
            }
            Letter::AgentMutes { agent, on } => self.if_theirs(&agent, Input::AgentMute(on)),
            Letter::AgentKey { agent, key } => self.if_theirs(&agent, Input::AgentKey(key)),
            Letter::Look(answer) => {
                // Whoever asked may have gone; then nobody needs to know.
                drop(answer.send(self.look().await));
                None
            }
            Letter::Stop => Some(Input::Stop),
        }
    }

    fn if_theirs(&self, agent: &AgentId, input: Input) -> Option<Input> {
        (self.call.state().agent() == Some(agent)).then_some(input)
    }

    fn console_closed(&self, agent: AgentId, console: ConsoleId, last: bool) -> Option<Input> {
        let has_leg = self.agent_leg.as_ref().is_some_and(|leg| leg.console == console);
        (has_leg || last && self.agent_leg.is_none()).then_some(Input::AgentGone(agent))
    }

    async fn read_return(&mut self, returned: Return) -> Option<Input> {
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
            Return::Input(input) => Some(input),
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
        self.save_live().await;
        if let Some(Placer::Program(program)) =
            self.facts.placer.take_if(|placer| matches!(placer, Placer::Program(_)))
        {
            // A program that does not wait any more reads it from the list of calls.
            drop(program.send(Ok(call_id)));
        }
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
            Some(Placer::Console(console)) => {
                let (what, code, text) = ("place".into(), why.code(), why.to_string());
                self.office.consoles.send(console, ToConsole::Refused { what, code, text });
            }
            // A program that does not wait any more has no use for it.
            Some(Placer::Program(program)) => drop(program.send(Err(why))),
            None => {}
        }
    }

    fn read_whatsapp(&mut self, event: LegEvent) -> Option<Input> {
        match event {
            LegEvent::DtlsConnected { .. } => Some(Input::MediaConnected),
            LegEvent::FirstMedia => Some(Input::MediaHeard),
            LegEvent::Digit(digit) => {
                self.facts.keys_pressed = self.facts.keys_pressed.saturating_add(1);
                Key::new(digit.sign()).map(Input::UserKey)
            }
            LegEvent::PlaybackDone => Some(Input::PlaybackDone),
            LegEvent::MediaStopped { for_ms, .. } => {
                Some(Input::MediaStopped { seconds: (for_ms + 500) / 1000 })
            }
            LegEvent::Failed { reason } => {
                let why = reason.to_string();
                Some(Input::MediaFailed { side: Side::Whatsapp, why })
            }
            LegEvent::IceConnected { .. } | LegEvent::MediaResumed | LegEvent::Closed(_) => None,
        }
    }

    async fn look(&self) -> Look {
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
            self.office.number().to_owned(),
            facts.started_at,
        );
        call.agent = self.call.state().agent().or(facts.agent.as_ref()).cloned();
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
        State::Placing(_) | State::Dialing(_) => CallState::Placing,
        State::Ending { .. } | State::Ended { .. } => CallState::Ended,
    }
}

fn read_agent(event: LegEvent) -> Option<Input> {
    match event {
        LegEvent::Failed { reason } => {
            Some(Input::MediaFailed { side: Side::Agent, why: reason.to_string() })
        }
        LegEvent::IceConnected { .. }
        | LegEvent::DtlsConnected { .. }
        | LegEvent::FirstMedia
        | LegEvent::Digit(_)
        | LegEvent::PlaybackDone
        | LegEvent::MediaStopped { .. }
        | LegEvent::MediaResumed
        | LegEvent::Closed(_) => None,
    }
}

fn until(at: Timestamp) -> Instant {
    Instant::now() + at.since(clock::now())
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
