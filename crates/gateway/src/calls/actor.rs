//! What happens to this one call?
//!
//! One task owns one call. It takes letters, leg events, answers of the platform and the time, hands
//! them to the switchboard one by one and carries out what comes back. It ends when the call is over
//! and recorded.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use engine::{LegEvent, Mix};
use switchboard::{
    call::{Answerer, Call, Effect, Input, Outcome, Plan, Side, State},
    flow::{Caller, Flow, Key},
};
use terms::{AgentId, CallId, Direction, Timestamp};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use wire::{
    SdpText,
    console::{CallState, Peer, RingStopped, ToConsole},
    event::What,
    trace::TraceParent,
};

use super::{
    clearance::Cleared,
    effects::Coming,
    facts::{Facts, Turned},
    legs::{self, AgentLeg},
    order::{Asker, Order},
    orphans,
    placing::{NotPlaced, Placer},
    queueing::Stay,
    recording::Recordings,
    registry::{CallHandle, Letter, Look, OPAQUE_PREFIX, Receipt, Running, Sealed},
    supervision::NO_SEAT,
    timeline::{Point, Timeline},
};
use crate::{
    bots::{Conversation, Said, sids::Sid},
    cdr::TransferRecord,
    clock,
    events::ConsoleId,
    flows::{
        FlowRecord,
        ask::{FlowClient, Question},
        facts,
        record::Asked,
        speech::Sound,
    },
    line::Line,
    office::Office,
    telemetry::trace::CallTrace,
};

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
    /// What a flow may know of the user.
    pub(crate) caller: Caller,
    pub(crate) trace: Option<CallTrace>,
    /// Dropped once the call is on disk.
    pub(crate) receipt: Receipt,
}

/// What an agent wants placed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: Cleared,
    pub(crate) name: Option<String>,
    pub(crate) agent: AgentId,
    pub(crate) console: ConsoleId,
    pub(crate) offer: SdpText,
    /// The program that waits to hear, if one does.
    pub(crate) program: Option<oneshot::Sender<Result<CallId, NotPlaced>>>,
}

/// What came back from the platform.
#[derive(Debug)]
pub(super) enum Return {
    Input(Input),
    Placed(CallId),
    /// The business's endpoint was asked for a flow.
    Flow(Option<Arc<Flow>>, Asked),
    /// A text was made into sound for what was to be heard then.
    Spoken {
        sounds: u64,
        forever: bool,
        sound: Option<Sound>,
    },
}

/// What a call begins with.
struct First {
    effects: Vec<Effect>,
    input: Option<Input>,
    receipt: Option<Receipt>,
}

/// The task that owns a call.
#[derive(Debug)]
pub(crate) struct CallActor {
    pub(super) office: Arc<Office>,
    pub(super) line: Arc<Line>,
    pub(super) call: Call,
    pub(super) facts: Facts,
    pub(super) timeline: Timeline,
    pub(super) trace: Option<CallTrace>,
    pub(super) whatsapp: Option<legs::WhatsappLeg>,
    pub(super) whatsapp_events: mpsc::Receiver<LegEvent>,
    pub(super) whatsapp_sender: mpsc::Sender<LegEvent>,
    pub(super) agent_leg: Option<AgentLeg>,
    /// Of the agent who is asked while the user waits.
    pub(super) consulted_leg: Option<AgentLeg>,
    /// Of the supervisor who is in the call.
    pub(super) supervisor_leg: Option<AgentLeg>,
    /// The bot that has the call.
    pub(super) bot: Option<Conversation>,
    /// The name of the call that bots of Twilio's know.
    pub(super) sid: Option<Sid>,
    pub(super) bot_tells: mpsc::Sender<Said>,
    bot_said: mpsc::Receiver<Said>,
    /// The seat at the mixer, while three can hear each other.
    pub(super) mix: Option<Mix>,
    pub(super) recordings: Recordings,
    pub(super) returns: mpsc::Sender<Return>,
    returned: mpsc::Receiver<Return>,
    inbox: mpsc::Receiver<Sealed>,
    _running: Running,
}

/// Starts the task of a user's call; `false` when it runs already.
pub(crate) fn take(office: &Arc<Office>, line: &Arc<Line>, incoming: Incoming) -> bool {
    let (handle, inbox) = CallHandle::new(line.id().clone());
    let Some(entered) = office.registry.enter(&incoming.call_id, handle) else { return false };
    let mut facts = Facts::new(incoming.contact, incoming.started_at);
    let question = Question::new(
        incoming.call_id.clone(),
        line.digits(),
        incoming.started_at,
        &incoming.caller,
    );
    facts.call_id = Some(incoming.call_id);
    facts.theirs = Some(incoming.offer);
    facts.deeplink_payload = incoming.deeplink_payload;
    facts.cta_payload = incoming.cta_payload;
    let mut effects = Vec::new();
    let asker = line.asker.as_ref().filter(|_| !entered.too_late);
    let plan = Plan { flow_asked: asker.is_some(), ..plan(office, line, incoming.caller) };
    let call = Call::incoming(plan, &mut effects);
    let place = (Arc::clone(office), Arc::clone(line));
    let mut actor = CallActor::new(place, call, facts, inbox, entered.running);
    if let Some(asker) = asker.cloned() {
        actor.ask_for_flow(asker, question);
    }
    actor.trace = incoming.trace;
    actor.pass(Point::Arrived);
    let first = First {
        effects,
        input: entered.too_late.then_some(Input::Stop),
        receipt: Some(incoming.receipt),
    };
    tokio::spawn(actor.run(first));
    true
}

/// Why a call cannot be placed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The agent's browser cannot have a leg.
    #[error(transparent)]
    Leg(legs::AgentLegError),
    /// The gateway stops.
    #[error("The gateway is being stopped and places no more calls.")]
    Stopping,
}

/// Starts the task of a call to a user. The agent is claimed for it.
///
/// # Errors
///
/// The browser's offer cannot be used, or the gateway stops.
pub(crate) fn place(
    office: &Arc<Office>,
    line: &Arc<Line>,
    outgoing: Outgoing,
    parent: Option<TraceParent>,
) -> Result<(), PlaceError> {
    let Outgoing { to, name, agent, console, offer, program } = outgoing;
    let leg = legs::answer_agent(&office.engine, None, agent.clone(), console, &offer)
        .map_err(PlaceError::Leg)?;
    let answerer = Answerer::Agent(agent);
    let placer = match program {
        Some(program) => Placer::Both { console, program },
        None => Placer::Console(console),
    };
    start_placed((office, line), (to, name), answerer, placer, Some(leg), parent)
}

/// Starts the task of a call to a user that the flow answers on our side.
///
/// # Errors
///
/// The gateway stops.
pub(super) fn place_flow(
    office: &Arc<Office>,
    line: &Arc<Line>,
    to: Cleared,
    name: Option<String>,
    placer: Placer,
    parent: Option<TraceParent>,
) -> Result<(), PlaceError> {
    start_placed((office, line), (to, name), Answerer::Flow, placer, None, parent)
}

fn start_placed(
    (office, line): (&Arc<Office>, &Arc<Line>),
    (to, name): (Cleared, Option<String>),
    answerer: Answerer,
    placer: Placer,
    leg: Option<AgentLeg>,
    parent: Option<TraceParent>,
) -> Result<(), PlaceError> {
    let (handle, inbox) = CallHandle::new(line.id().clone());
    let opaque = format!("{OPAQUE_PREFIX}{}", uuid::Uuid::now_v7());
    let running = office.registry.enter_placed(&opaque, handle).ok_or(PlaceError::Stopping)?;
    let now = clock::now();
    let to = to.into_user();
    let caller = facts::of_placed(&to, name.as_deref());
    let contact = Peer { name, wa_id: Some(to), user_id: None };
    // As a user's call, by the platform's clock: waits and months are counted in it.
    let mut facts = Facts::new(contact, line.now());
    facts.opaque = Some(opaque);
    facts.agent = answerer.agent().cloned();
    facts.placer = Some(placer);
    let mut effects = Vec::new();
    let call = Call::outgoing(plan(office, line, caller), answerer, now, &mut effects);
    let place = (Arc::clone(office), Arc::clone(line));
    let mut actor = CallActor::new(place, call, facts, inbox, running);
    actor.agent_leg = leg;
    actor.trace = office.telemetry.call(parent, now);
    tokio::spawn(actor.run(First { effects, input: None, receipt: None }));
    Ok(())
}

fn plan(office: &Office, line: &Line, caller: Caller) -> Plan {
    Plan {
        ring_for: office.config.ring_for,
        return_for: office.config.return_for,
        ring_first: office.config.ring_first.unwrap_or_else(|| line.organisation.queues.are_none()),
        flow: line.shelf.flow.as_ref().map(Arc::clone),
        flow_asked: false,
        caller,
    }
}

impl CallActor {
    fn new(
        (office, line): (Arc<Office>, Arc<Line>),
        call: Call,
        facts: Facts,
        inbox: mpsc::Receiver<Sealed>,
        running: Running,
    ) -> Self {
        let (returns, returned) = mpsc::channel(RETURNS_MAX);
        let (bot_tells, bot_said) = mpsc::channel(RETURNS_MAX);
        let (whatsapp_sender, whatsapp_events) = mpsc::channel(engine::EVENTS_MAX);
        office.metrics.call_started(call.direction());
        Self {
            office,
            line,
            call,
            facts,
            timeline: Timeline::default(),
            trace: None,
            whatsapp: None,
            whatsapp_events,
            whatsapp_sender,
            agent_leg: None,
            consulted_leg: None,
            supervisor_leg: None,
            bot: None,
            sid: None,
            bot_tells,
            bot_said,
            mix: None,
            recordings: Recordings::default(),
            returns,
            returned,
            inbox,
            _running: running,
        }
    }

    /// Asks beside the task; what comes back is a return like the platform's.
    fn ask_for_flow(&self, asker: FlowClient, question: Question) {
        let returns = self.returns.clone();
        tokio::spawn(async move {
            let (flow, asked) = asker.ask(&question).await;
            // A call that is over does not wait for it.
            drop(returns.send(Return::Flow(flow, asked)).await);
        });
    }

    async fn run(mut self, first: First) {
        self.watch_state();
        let mut inputs = VecDeque::from_iter(first.input);
        for effect in first.effects {
            inputs.extend(self.carry_out(effect).await);
        }
        // The first effect put the call on disk.
        drop(first.receipt);
        self.feed(inputs).await;
        while !self.facts.finished {
            let deadline = self.call.next_timeout().map(|(at, _)| until(at));
            // Held until what the letter brought is carried out.
            let mut receipt = None;
            let input = tokio::select! {
                Some(sealed) = self.inbox.recv() => {
                    receipt = sealed.receipt;
                    self.read(sealed.letter).await
                }
                Some(returned) = self.returned.recv() => self.read_return(returned).await,
                Some(said) = self.bot_said.recv() => self.hear_bot(said),
                Some(event) = self.whatsapp_events.recv() => self.read_whatsapp(event).await,
                Some(()) = self.recordings.silence.recv() => Some(Input::UserSilent),
                Some(event) = legs::next_event(&mut self.agent_leg) => {
                    self.read_agent(&event, Side::Agent)
                }
                Some(event) = legs::next_event(&mut self.consulted_leg) => {
                    self.read_agent(&event, Side::Consulted)
                }
                Some(event) = legs::next_event(&mut self.supervisor_leg) => {
                    self.read_agent(&event, Side::Supervisor)
                }
                () = sleep_until(deadline) => Some(Input::Tick),
            };
            self.feed(VecDeque::from_iter(input)).await;
            drop(receipt);
        }
        self.answer_the_late().await;
    }

    /// Agents who took the call while its record was being written learn that it is over; the
    /// platform's figures still go into the record.
    async fn answer_the_late(&mut self) {
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

    /// Hands inputs to the switchboard and carries out what it decides, until nothing follows.
    async fn feed(&mut self, mut inputs: VecDeque<Input>) {
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            let handled = self.call.handle(input, clock::now(), &mut effects);
            if let Err(refusal) = handled {
                tracing::debug!(call = ?self.facts.call_id, %refusal, "an input changed nothing");
            }
            self.note_state();
            for effect in effects {
                inputs.extend(self.carry_out(effect).await);
            }
        }
    }

    /// What the record says about where the call has been.
    pub(super) fn note_state(&mut self) {
        self.watch_state();
        self.leave_bot_if_over();
        let state = self.call.state();
        if self.facts.over_since.is_none() && state.is_over() {
            self.facts.over_since = Some(Instant::now());
        }
        let bridged = matches!(state, State::Bridged { .. } | State::ThreeWay(_));
        let turned = self.facts.waiting.note(state.is_waiting(), Instant::now());
        match turned {
            Some(Turned::Held(time)) => self.tell_outside_by(&time.to_string(), What::CallHeld),
            Some(Turned::Resumed(time)) if bridged => {
                self.tell_outside_by(&time.to_string(), What::CallResumed);
            }
            Some(Turned::Resumed(_)) | None => {}
        }
        self.note_beside();
        let state = self.call.state();
        self.facts.step = self.call.step_name().map(str::to_owned);
        let (Some(from), State::InFlow(_)) = (&self.facts.agent, state) else { return };
        if !self.facts.was_given_to_flow() {
            let record = TransferRecord { at: clock::now(), from: from.clone(), to: None };
            self.facts.transfers.push(record);
            self.tell_transferred();
        }
    }

    /// Does what somebody asked for, or says why not.
    async fn carry_out_order(&mut self, order: Order, asker: Asker) -> Result<(), String> {
        let is_supervisors = order.is_supervisors();
        let whose = if is_supervisors {
            self.call.supervision().map(|it| &it.supervisor)
        } else {
            self.call.state().agent()
        };
        let is_merge = order == Order::Merge;
        let input = match (asker, whose) {
            (Asker::Agent(agent), _) => order.input(agent),
            (Asker::Business, _) if order == Order::HangUp => Input::HangUp,
            (Asker::Business, Some(agent)) => order.input(agent.clone()),
            (Asker::Business, None) if is_supervisors => {
                return Err("No supervisor is in this call: listening begins in a console.".into());
            }
            (Asker::Business, None) => return Err("No agent has this call.".into()),
        };
        if is_merge && !self.take_mix() {
            return Err(NO_SEAT.into());
        }
        let mut effects = Vec::new();
        let handled = self.call.handle(input, clock::now(), &mut effects);
        if let Err(refusal) = handled {
            self.let_mix_go();
            return Err(format!("This is not possible: {refusal}."));
        }
        self.after(effects).await;
        Ok(())
    }

    /// Carries out what followed from an input that was handed in apart, and what follows from that.
    pub(super) async fn after(&mut self, effects: Vec<Effect>) {
        self.note_state();
        let mut inputs = VecDeque::new();
        for effect in effects {
            inputs.extend(self.carry_out(effect).await);
        }
        self.feed(inputs).await;
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

    fn if_theirs(&self, agent: &AgentId, input: Input) -> Option<Input> {
        (self.call.state().agent() == Some(agent)).then_some(input)
    }

    fn console_closed(&self, agent: AgentId, console: ConsoleId, last: bool) -> Option<Input> {
        let had_leg = self.legs_of_ours().any(|leg| leg.console == console);
        let has_other = self.legs_of_ours().any(|leg| leg.agent == agent);
        (had_leg || last && !has_other).then_some(Input::AgentGone(agent))
    }

    /// The legs of people of the business.
    pub(super) fn legs_of_ours(&self) -> impl Iterator<Item = &AgentLeg> {
        self.agent_leg.iter().chain(&self.consulted_leg).chain(&self.supervisor_leg)
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

    async fn read_whatsapp(&mut self, event: LegEvent) -> Option<Input> {
        match event {
            LegEvent::DtlsConnected { .. } => {
                self.watch_moment(Point::MediaUp, "media_up");
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
            LegEvent::IceConnected { .. } | LegEvent::MediaResumed | LegEvent::Closed(_) => None,
        }
    }

    /// The agent's path was lost: the switchboard decides who waits for whom. A page whose call does
    /// not wait for it would wait for sound for ever, so it is told.
    fn read_agent(&self, event: &LegEvent, side: Side) -> Option<Input> {
        let why = loss(event)?;
        let leg = match side {
            Side::Agent => self.agent_leg.as_ref(),
            Side::Consulted => self.consulted_leg.as_ref(),
            Side::Supervisor => self.supervisor_leg.as_ref(),
            Side::Whatsapp => None,
        };
        let may_return = side == Side::Agent && self.call.state().is_answered_by_agent();
        if let Some(leg) = leg.filter(|_| !may_return) {
            let text = format!("The audio path to your browser failed: {why}.");
            let (what, code) = ("answer".into(), "media".into());
            self.line.consoles().send(leg.console, ToConsole::Refused { what, code, text });
        }
        Some(Input::MediaFailed { side, why })
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
            flow: FlowRecord::of(self.call.trail(), self.facts.asked.as_ref()),
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
            self.line.digits().to_owned(),
            facts.started_at,
        );
        call.agent = self.call.state().agent().or(facts.agent.as_ref()).cloned();
        call.other = self.call.state().other_agent().cloned();
        call.supervisor = self.supervisor();
        call.queue = facts.queue.as_ref().and_then(Stay::place);
        call.context.clone_from(&facts.context);
        call.away = call.agent.as_ref().is_some_and(|agent| self.call.state().waits_for(agent));
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
        State::Held(_) => CallState::Held,
        State::Transferring(_) => CallState::Transferring,
        State::Consulting(_) => CallState::Consulting,
        State::ThreeWay(_) => CallState::ThreeWay,
        State::Placing(_) | State::Dialing(_) => CallState::Placing,
        State::Ending { .. } | State::Ended { .. } => CallState::Ended,
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

fn until(at: Timestamp) -> Instant {
    Instant::now() + at.since(clock::now())
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
