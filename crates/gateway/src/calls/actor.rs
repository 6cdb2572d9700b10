//! What happens to this one call?
//!
//! One task owns one call. It takes letters, leg events, answers of the platform and the time, hands
//! them to the switchboard one by one and carries out what comes back. It ends when the call is over
//! and recorded.

use std::{collections::VecDeque, sync::Arc};

use engine::{LegEvent, Mix};
use switchboard::{
    call::{Call, Consulted, Effect, Input, Side, State},
    flow::Flow,
};
use terms::{CallId, Timestamp};
use tokio::{sync::mpsc, time::Instant};
use wire::event::What;

use super::{
    agent_telephone::Ringing,
    caller::Caller,
    facts::{Facts, Given, Turned},
    legs::{self, AgentLeg},
    order::{Asker, Order},
    recording::Recordings,
    referral::Referrer,
    registry::{Receipt, Running, Sealed},
    supervision::NO_SEAT,
    telephone::{self, Telephone},
    timeline::Timeline,
    watch::LegCounts,
};
use crate::{
    bots::{Conversation, Said, sids::Sid},
    clock,
    flows::{
        ask::{FlowClient, Question},
        record::Asked,
        speech::Sound,
    },
    line::Line,
    office::Office,
    telemetry::trace::CallTrace,
    trunks::line,
    upstream_sip::dialogue::Dialogue,
};

/// How many answers of the platform may wait; at most two requests of a call run at a time.
const RETURNS_MAX: usize = 8;

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
pub(super) struct First {
    pub(super) effects: Vec<Effect>,
    pub(super) input: Option<Input>,
    pub(super) receipt: Option<Receipt>,
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
    /// What the platform is spoken to with, where that is SIP.
    pub(super) dialogue: Option<Dialogue>,
    pub(super) whatsapp: Option<legs::WhatsappLeg>,
    pub(super) whatsapp_events: mpsc::Receiver<LegEvent>,
    pub(super) whatsapp_sender: mpsc::Sender<LegEvent>,
    pub(super) agent_leg: Option<AgentLeg>,
    /// Of the agent who is asked while the user waits.
    pub(super) consulted_leg: Option<AgentLeg>,
    /// Of the supervisor who is in the call.
    pub(super) supervisor_leg: Option<AgentLeg>,
    /// The telephones of agents that ring.
    pub(super) ringing: Vec<Ringing>,
    /// Those that are counted as running.
    pub(super) legs_counted: LegCounts,
    /// The bot that has the call.
    pub(super) bot: Option<Conversation>,
    /// The name of the call that bots of Twilio's know.
    pub(super) sid: Option<Sid>,
    pub(super) bot_tells: mpsc::Sender<Said>,
    bot_said: mpsc::Receiver<Said>,
    /// The telephone of the house that rings or talks.
    pub(super) trunk: Option<Telephone>,
    /// The one that gave the user to it and stays beside.
    pub(super) referrer: Option<Referrer>,
    /// The telephone that placed the call, until its leg is open.
    pub(super) caller: Option<Caller>,
    pub(super) trunk_tells: mpsc::Sender<line::Said>,
    trunk_said: mpsc::Receiver<line::Said>,
    /// The seat at the mixer, while three can hear each other.
    pub(super) mix: Option<Mix>,
    pub(super) recordings: Recordings,
    pub(super) returns: mpsc::Sender<Return>,
    returned: mpsc::Receiver<Return>,
    pub(super) inbox: mpsc::Receiver<Sealed>,
    _running: Running,
}

impl CallActor {
    pub(super) fn new(
        (office, line): (Arc<Office>, Arc<Line>),
        call: Call,
        facts: Facts,
        inbox: mpsc::Receiver<Sealed>,
        running: Running,
    ) -> Self {
        let (returns, returned) = mpsc::channel(RETURNS_MAX);
        let (bot_tells, bot_said) = mpsc::channel(RETURNS_MAX);
        let (trunk_tells, trunk_said) = mpsc::channel(sip::NEWS_MAX);
        let (whatsapp_sender, whatsapp_events) = mpsc::channel(engine::EVENTS_MAX);
        office.metrics.call_started(call.direction());
        Self {
            office,
            line,
            call,
            facts,
            timeline: Timeline::default(),
            trace: None,
            dialogue: None,
            whatsapp: None,
            whatsapp_events,
            whatsapp_sender,
            agent_leg: None,
            consulted_leg: None,
            supervisor_leg: None,
            ringing: Vec::new(),
            legs_counted: LegCounts::default(),
            bot: None,
            sid: None,
            bot_tells,
            bot_said,
            trunk: None,
            referrer: None,
            caller: None,
            trunk_tells,
            trunk_said,
            mix: None,
            recordings: Recordings::default(),
            returns,
            returned,
            inbox,
            _running: running,
        }
    }

    /// Asks beside the task; what comes back is a return like the platform's.
    pub(super) fn ask_for_flow(&self, asker: FlowClient, question: Question) {
        let (returns, asking) = (self.returns.clone(), self.asking());
        tokio::spawn(async move {
            let (flow, asked) = asker.ask(&question, asking).await;
            // A call that is over does not wait for it.
            drop(returns.send(Return::Flow(flow, asked)).await);
        });
    }

    pub(super) async fn run(mut self, first: First) {
        self.watch_state();
        self.watch_legs();
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
                Some(said) = self.trunk_said.recv() => self.hear_line(said).await,
                Some(event) = telephone::next_event(&mut self.trunk) => self.read_trunk(&event),
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

    /// Hands inputs to the switchboard and carries out what it decides, until nothing follows.
    async fn feed(&mut self, mut inputs: VecDeque<Input>) {
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            let handled = self.call.handle(input, clock::now(), &mut effects);
            if let Err(refusal) = handled {
                tracing::debug!(call = ?self.facts.call_id, %refusal, "an input changed nothing");
            }
            self.note_state();
            self.leave_trunk_if_over().await;
            for effect in effects {
                inputs.extend(self.carry_out(effect).await);
            }
        }
        self.watch_legs();
    }

    /// Agents of ours ring, or the user's phone does.
    pub(super) fn note_ringing(&mut self) {
        let state = self.call.state();
        let rings = !state.is_over() && self.facts.rings_here || matches!(state, State::Ringing(_));
        if let Some(Turned::Began(1)) = self.facts.ringing.note(rings, Instant::now()) {
            self.facts.ringing_at = Some(self.line.now());
        }
        self.watch_beside("agents_ring", self.facts.rings_here);
    }

    /// What the record says about where the call has been.
    pub(super) fn note_state(&mut self) {
        self.watch_state();
        self.leave_bot_if_over();
        self.note_ringing();
        let state = self.call.state();
        if self.facts.over_since.is_none() && state.is_over() {
            self.facts.over_since = Some(Instant::now());
        }
        let bridged = matches!(state, State::Bridged { .. } | State::ThreeWay(_));
        let turned = self.facts.waiting.note(state.is_waiting(), Instant::now());
        match turned {
            Some(Turned::Began(time)) => self.tell_outside_by(&time.to_string(), What::CallHeld),
            Some(Turned::Ceased(time)) if bridged => {
                self.tell_outside_by(&time.to_string(), What::CallResumed);
            }
            Some(Turned::Ceased(_)) | None => {}
        }
        self.note_beside();
        let state = self.call.state();
        self.facts.step = self.call.step_name().map(str::to_owned);
        let (Some(from), State::InFlow(_)) = (&self.facts.agent, state) else { return };
        if !self.facts.is_given {
            let from = from.clone();
            let to = self.call.handed_to().map_or(Given::Flow, Given::Room);
            self.facts.is_given = true;
            self.facts.note_transfer(from, to);
            self.tell_transferred();
        }
    }

    /// Does what somebody asked for, or says why not.
    pub(super) async fn carry_out_order(
        &mut self,
        order: Order,
        asker: Asker,
    ) -> Result<(), String> {
        let order = self.with_somebody(order)?;
        let is_supervisors = order.is_supervisors();
        let whose = if is_supervisors {
            self.call.supervision().map(|it| &it.supervisor)
        } else {
            self.call.state().agent()
        };
        let is_merge = order == Order::Merge;
        let whose = order.named().or(whose).cloned();
        let inputs = match (asker, whose) {
            (Asker::Agent(agent), whose)
                if order.is_of_who_has_it() && whose.as_ref() != Some(&agent) =>
            {
                return Err("You do not have this call.".into());
            }
            (Asker::Agent(agent), _) => order.inputs(agent),
            (Asker::Business, _) if order == Order::HangUp => vec![Input::HangUp],
            (Asker::Business, Some(agent)) => order.inputs(agent),
            (Asker::Business, None) if is_supervisors => {
                return Err("No supervisor is in this call: listening begins in a console.".into());
            }
            (Asker::Business, None) => return Err("No agent has this call.".into()),
        };
        if is_merge && !self.take_mix() {
            return Err(NO_SEAT.into());
        }
        let mut effects = Vec::new();
        for input in inputs {
            // Of several the first one is refused or none: they are keys, which change no state.
            if let Err(refusal) = self.call.handle(input, clock::now(), &mut effects) {
                self.let_mix_go();
                return Err(format!("This is not possible: {refusal}."));
            }
        }
        self.after(effects).await;
        Ok(())
    }

    /// Puts whoever serves the queue and is free into an order that names a queue.
    fn with_somebody(&self, order: Order) -> Result<Order, String> {
        let Order::ConsultQueue(name) = order else { return Ok(order) };
        let house = &self.line.organisation;
        let queue = house.queues.configured.iter().find(|queue| queue.name == name);
        let queue = queue.ok_or_else(|| format!("There is no queue {name}."))?;
        let free = house.consoles.longest_idle(&queue.skills);
        let free = free.ok_or_else(|| format!("Nobody of {name} is free now."))?;
        Ok(Order::Consult(Consulted::Agent(free)))
    }

    /// Carries out what followed from an input that was handed in apart, and what follows from that.
    pub(super) async fn after(&mut self, effects: Vec<Effect>) {
        self.note_state();
        self.leave_trunk_if_over().await;
        let mut inputs = VecDeque::new();
        for effect in effects {
            inputs.extend(self.carry_out(effect).await);
        }
        self.feed(inputs).await;
    }

    /// The legs of people of the business.
    pub(super) fn legs_of_ours(&self) -> impl Iterator<Item = &AgentLeg> {
        self.agent_leg.iter().chain(&self.consulted_leg).chain(&self.supervisor_leg)
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
