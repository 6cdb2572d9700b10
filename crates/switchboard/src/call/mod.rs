//! What does the business do next with this call?
//!
//! One call as the business sees it, in both directions. What happened comes in as an [`Input`],
//! what the gateway must do goes out as [`Effect`]s, and [`Call::next_timeout`] says when to look
//! again and what is waited for. Webhooks come twice, late and in any order, so an input that has no
//! place in the state is refused and changes nothing. The states are drawn in [`State`].
//!
//! Two promises lie here. Media leaves only after `accept` returned 200 ([`Effect::OpenGate`] comes
//! from there alone, or from the user's picking up). And whoever the business made end is
//! terminated upstream, again and again while the platform does not answer.

mod effect;
mod ending;
mod hearing;
mod held;
mod incoming;
mod input;
mod inquiry;
mod outgoing;
mod reason;
mod referral;
mod state;
mod supervision;
mod telephone;
mod three_way;
mod transfer;

use std::{sync::Arc, time::Duration};

use terms::{AgentId, Direction, Timestamp};

pub use effect::Effect;
pub use held::Held;
pub use input::{Consulted, Input, LegTrouble, Outcome, Side, Status, Termination};
pub use inquiry::Inquiry;
pub use reason::{EndReason, Fault};
pub use state::{Answerer, Offered, Outward, State};
pub use supervision::{Manner, Supervision};
pub use three_way::ThreeWay;
pub use transfer::{Consult, Destination, Transfer};

use crate::flow::{Caller, Cursor, Flow, Heard, Progress, Ring, Room, Trail, Visit};

/// How long ICE and DTLS may take after the call was accepted; the user hears nothing meanwhile.
const JOIN_WAIT: Duration = Duration::from_secs(15);

/// What the business wants done with a call.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How long agents ring before the flow answers.
    pub ring_for: Duration,
    /// How long an agent whose browser went away in a call may take to come back.
    pub return_for: Duration,
    /// Whether agents ring before the flow answers a user's call; a queue is fair only without.
    pub ring_first: bool,
    /// What answers when nobody does.
    pub flow: Option<Arc<Flow>>,
    /// Whether another flow is asked for; the call is not accepted for a flow until
    /// [`Input::FlowChosen`] says which one it is.
    pub flow_asked: bool,
    /// What a flow may know of the user.
    pub caller: Caller,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    direction: Direction,
    plan: Plan,
    state: State,
    media: Media,
    /// Who is in the call beside those who talk.
    supervision: Option<Supervision>,
    trail: Trail,
    /// The flow that has the call, or had it last: the plan's, or the one of a transfer.
    walked: Option<Arc<Flow>>,
    /// Where an agent gave the call, if not to an agent or the flow.
    handed: Option<Room>,
    /// Whether the platform has confirmed our `connect`, or a webhook proved it has the call.
    placed: bool,
    /// Whether the flow met closed hours.
    closed: bool,
    /// Whether a telephone of the house placed it and has the user, or the one it gave the user to.
    by_telephone: bool,
}

/// What is known about the media path to WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Media {
    answered: bool,
    connected: bool,
    heard: bool,
}

/// Why an input changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The call is over: a late or repeated input.
    #[error("{input} came after the call was over")]
    Over {
        /// The input.
        input: &'static str,
    },
    /// The input has no place in this state, or was there before.
    #[error("{input} has no place while the call is {state}")]
    OutOfPlace {
        /// The input.
        input: &'static str,
        /// The state.
        state: &'static str,
    },
}

type Handled = Result<(), Refusal>;

impl Call {
    /// A user calls.
    pub fn incoming(plan: Plan, effects: &mut Vec<Effect>) -> Self {
        effects.push(Effect::OpenLeg);
        Self::new(Direction::UserInitiated, plan, State::Opening)
    }

    /// The business calls a user; the answerer speaks when the user picks up.
    pub fn outgoing(
        plan: Plan,
        answerer: Answerer,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Self {
        effects.push(Effect::Connect);
        let until = now + outgoing::PLACE_WAIT;
        let state = State::Placing(Outward { answerer, rejected: false, until });
        Self::new(Direction::BusinessInitiated, plan, state)
    }

    fn new(direction: Direction, plan: Plan, state: State) -> Self {
        let (media, trail) = (Media::default(), Trail::default());
        Self {
            direction,
            plan,
            state,
            media,
            supervision: None,
            trail,
            walked: None,
            handed: None,
            placed: false,
            closed: false,
            by_telephone: false,
        }
    }

    /// Where the call is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Who started it.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// What a flow may know of the user.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.plan.caller
    }

    /// Whether the flow looked at opening hours and found them closed when it last had the call.
    #[must_use]
    pub fn met_closed_hours(&self) -> bool {
        self.closed
    }

    /// Whether a bot has the call; one that has not is over.
    #[must_use]
    pub fn is_with_bot(&self) -> bool {
        matches!(&self.state, State::InFlow(cursor) if cursor.is_with_bot())
    }

    /// Whether the call is on a trunk; one that has it no longer is to be left.
    #[must_use]
    pub fn is_on_trunk(&self) -> bool {
        self.state.is_on_trunk()
    }

    /// The room an agent gave the call to last; none where that was an agent or the flow.
    #[must_use]
    pub fn handed_to(&self) -> Option<&Room> {
        self.handed.as_ref()
    }

    /// The flow's step the call is in, if it is in one.
    #[must_use]
    pub fn step_name(&self) -> Option<&str> {
        match (&self.state, &self.walked) {
            (State::InFlow(cursor), Some(flow)) => Some(cursor.step_name(flow)),
            (_, _) => None,
        }
    }

    /// Where the user has been in the flow, and what was learnt there.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Takes what happened; `effects` gets what to do about it, in order.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] when the input has no place; the call is then as it was.
    pub fn handle(&mut self, input: Input, now: Timestamp, effects: &mut Vec<Effect>) -> Handled {
        let before = effects.len();
        let handled = self.take(input, now, effects);
        if let Some(effect) = self.end_supervision() {
            effects.insert(before, effect);
        }
        handled
    }

    fn take(&mut self, input: Input, now: Timestamp, effects: &mut Vec<Effect>) -> Handled {
        match input {
            Input::LegReady => self.leg_ready(now, effects),
            Input::LegUnusable(trouble) => self.leg_unusable(trouble, now, effects),
            Input::PreAccepted(outcome) => self.pre_accepted(outcome, now, effects),
            Input::Accepted(outcome) => self.accepted(outcome, now, effects),
            Input::Placed(outcome) => self.placed(outcome, now, effects),
            Input::Closed(outcome) => self.closed(&outcome, now, effects),
            Input::AnswerArrived => self.answer_arrived(effects),
            Input::Status(status) => self.status(status, now, effects),
            Input::Terminated(termination) => self.terminated(termination, effects),
            Input::Rung(agents) => self.rung(agents, now, effects),
            Input::AgentAnswered(agent) => self.agent_answered(agent, now, effects),
            Input::AgentDeclined(agent) => self.agent_declined(&agent, now, effects),
            Input::AgentHungUp(agent) => self.agent_hung_up(agent, now, effects),
            Input::AgentGone(agent) => self.agent_gone(agent, now, effects),
            Input::AgentHolds(agent) => self.agent_holds(&agent, effects),
            Input::AgentResumes(agent) => self.agent_resumes(agent, effects),
            Input::AgentReturned(agent) => self.agent_returned(agent, effects),
            Input::AgentTransfers { agent, to } => self.agent_transfers(&agent, to, now, effects),
            Input::AgentConsults { agent, with } => match with {
                Consulted::Agent(with) => self.agent_consults(agent, with, now, effects),
                Consulted::Telephone { trunk, extension } => {
                    self.agent_asks_telephone(agent, (trunk, extension), now, effects)
                }
            },
            Input::AgentCompletes(agent) => self.agent_completes(&agent, now, effects),
            Input::AgentMerges(agent) => self.agent_merges(&agent, effects),
            Input::SupervisorListens(agent) => self.supervisor_listens(agent, effects),
            Input::SupervisorTurns { supervisor, to } => {
                self.supervisor_turns(&supervisor, to, effects)
            }
            Input::SupervisorLeaves(agent) => self.supervisor_leaves(&agent, effects),
            Input::AgentKey(key) => self.to_agent_leg("agent's key", Effect::SendKey(key), effects),
            Input::AgentMute { agent, on } => self.agent_mutes(agent, on, effects),
            Input::MediaConnected => self.media_connected(now, effects),
            Input::MediaHeard => self.media_heard(now, effects),
            Input::MediaStopped { seconds } => self.media_stopped(seconds, now, effects),
            Input::MediaFailed { side, why } => self.media_failed(side, why, now, effects),
            Input::UserKey(key) => self.flow_heard("user's key", &Heard::Key(key), now, effects),
            Input::Queue(word) => {
                self.flow_heard("a queue's word", &Heard::Queue(word), now, effects)
            }
            Input::Bot(word) => self.flow_heard("a bot's word", &Heard::Bot(word), now, effects),
            Input::Trunk(word) => self.trunk_said(word, now, effects),
            Input::TelephoneRefers { extension } => self.telephone_refers(&extension, now, effects),
            Input::UserSilent => self.flow_heard("silence", &Heard::Silence, now, effects),
            Input::PlaybackDone => {
                self.flow_heard("end of a prompt", &Heard::PlaybackDone, now, effects)
            }
            Input::FlowChosen(flow) => self.flow_chosen(flow, now, effects),
            Input::HangUp => self.close(EndReason::ProgramHungUp, now, effects),
            Input::Stop => self.close(EndReason::GatewayStopped, now, effects),
            Input::Tick => {
                self.tick(now, effects);
                Ok(())
            }
        }
    }

    /// When to hand in [`Input::Tick`], and what is waited for.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Timestamp, &'static str)> {
        match &self.state {
            State::Offered(offered) if offered.answerer.is_some() => {
                Some((offered.until, "the answer to pre_accept"))
            }
            State::Offered(offered) => Some((offered.until, "an agent to answer")),
            State::Accepting { until, answerer: _ } => Some((*until, "the answer to accept")),
            State::Joining { until, answerer: _ } => Some((*until, "the audio path to WhatsApp")),
            State::InFlow(cursor) => Some(cursor.next_timeout()),
            State::Held(held) => held.away_until.map(|at| (at, "the agent's browser to come back")),
            State::Transferring(transfer) => Some((transfer.until, "an agent to take over")),
            State::Consulting(consult) => consult.until.map(|at| (at, "the other agent to answer")),
            State::Inquiring(inquiry) => inquiry.until.map(|at| (at, "a word of the trunk")),
            State::Placing(out) => Some((out.until, "the answer to connect")),
            State::Dialing(out) => Some((out.until, "the user's phone to ring")),
            State::Ringing(out) => Some((out.until, "the user to pick up")),
            State::Ending { until, again_at, .. } => Some(match again_at {
                Some(at) => (*at, "the time to send terminate again"),
                None => (*until, "the platform's terminate webhook"),
            }),
            State::Opening | State::Bridged { .. } | State::ThreeWay(_) | State::Ended { .. } => {
                None
            }
        }
    }

    fn out_of_place(&self, input: &'static str) -> Refusal {
        if self.state.is_over() {
            return Refusal::Over { input };
        }
        Refusal::OutOfPlace { input, state: self.state.as_str() }
    }

    /// The call is accepted: media may leave, and the answerer gets it once the path is up.
    fn open(&mut self, answerer: Answerer, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.extend([Effect::OpenGate, Effect::WatchMedia]);
        self.state = State::Joining { answerer, until: now + JOIN_WAIT };
        if self.media.connected {
            self.join(now, effects);
        } else {
            effects.push(Effect::Tell);
        }
    }

    fn join(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let State::Joining { answerer, until: _ } = &self.state else { return };
        match answerer.clone() {
            Answerer::Agent(agent) => {
                self.state = State::Bridged { agent };
                effects.extend([Effect::Bridge, Effect::Tell]);
            }
            Answerer::Flow => self.enter_flow(now, effects),
            Answerer::Telephone { trunk, extension } => {
                self.telephone_takes((trunk, extension), now, effects);
            }
        }
    }

    fn enter_flow(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(flow) = self.plan.flow.clone() else {
            return self.end(EndReason::NobodyAnswered, now, effects);
        };
        self.handed = None;
        self.walk_from(flow.start, &flow, now, effects);
    }

    /// The caller is in the flow from here, unless it hangs up at once.
    fn walk_from(
        &mut self,
        step: usize,
        flow: &Arc<Flow>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.walked = Some(Arc::clone(flow));
        let (caller, trail) = (&self.plan.caller, &mut self.trail);
        let mut visit = Visit { flow, caller, trail, now, effects };
        let (cursor, progress) = Cursor::enter(step, &mut visit);
        self.closed = cursor.met_closed_hours();
        match progress {
            Progress::Stays => {
                self.state = State::InFlow(cursor);
                effects.push(Effect::Tell);
            }
            Progress::HangsUp => {
                self.end(EndReason::FlowHungUp { step: "start".into() }, now, effects);
            }
        }
    }

    fn flow_heard(
        &mut self,
        input: &'static str,
        heard: &Heard,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place(input);
        let (State::InFlow(cursor), Some(flow)) = (&mut self.state, &self.walked) else {
            return Err(refusal);
        };
        let (caller, trail) = (&self.plan.caller, &mut self.trail);
        let mut visit = Visit { flow, caller, trail, now, effects };
        let progress = cursor.handle(heard, &mut visit);
        self.closed = cursor.met_closed_hours();
        if progress == Progress::HangsUp {
            let step = cursor.step_name(flow).to_owned();
            let by_telephone = self.by_telephone.then_some(EndReason::TelephoneHungUp);
            let reason = by_telephone.unwrap_or(EndReason::FlowHungUp { step });
            self.end(reason, now, effects);
        }
        Ok(())
    }

    /// It is known which flow is the call's: the one that came, or the plan's.
    fn flow_chosen(
        &mut self,
        flow: Option<Arc<Flow>>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        // A caller stays in the flow that has begun.
        let begun = !self.trail.path().is_empty();
        if !std::mem::take(&mut self.plan.flow_asked) || self.state.is_over() || begun {
            return Err(self.out_of_place("a flow"));
        }
        if flow.is_some() {
            self.plan.flow = flow;
        }
        self.accept_if_due(now, effects);
        Ok(())
    }

    fn to_agent_leg(
        &self,
        input: &'static str,
        effect: Effect,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if !matches!(self.state, State::Bridged { .. } | State::ThreeWay(_)) {
            return Err(self.out_of_place(input));
        }
        effects.push(effect);
        Ok(())
    }

    fn agent_mutes(&self, agent: AgentId, on: bool, effects: &mut Vec<Effect>) -> Handled {
        let talks = match &self.state {
            State::Bridged { .. }
            | State::Held(_)
            | State::Consulting(_)
            | State::Inquiring(_)
            | State::ThreeWay(_) => {
                [self.state.agent(), self.state.consulted()].contains(&Some(&agent))
            }
            State::Opening
            | State::Offered(_)
            | State::Accepting { .. }
            | State::Joining { .. }
            | State::InFlow(_)
            | State::Transferring(_)
            | State::Placing(_)
            | State::Dialing(_)
            | State::Ringing(_)
            | State::Ending { .. }
            | State::Ended { .. } => false,
        };
        if !talks && !self.is_supervised_by(&agent) {
            return Err(self.out_of_place("mute"));
        }
        effects.push(Effect::MuteAgent { agent, on });
        Ok(())
    }

    fn media_connected(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Handled {
        if self.state.is_over() || self.media.connected {
            return Err(self.out_of_place("the media path"));
        }
        self.media.connected = true;
        self.join(now, effects);
        Ok(())
    }

    fn media_heard(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Handled {
        if self.state.is_over() || self.media.heard {
            return Err(self.out_of_place("the first audio"));
        }
        self.media.heard = true;
        self.picked_up(now, effects);
        Ok(())
    }

    fn tick(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.next_timeout().is_none_or(|(at, _)| at > now) {
            return;
        }
        match &self.state {
            State::Offered(_) => self.offered_too_long(now, effects),
            State::Accepting { .. } => self.unanswered("accept", now, effects),
            State::Joining { .. } => {
                let why = "ICE or DTLS did not finish in time".into();
                self.end(EndReason::WhatsappMediaFailed { why }, now, effects);
            }
            State::InFlow(_) => {
                let heard = self.flow_heard("time", &Heard::Tick, now, effects);
                debug_assert!(heard.is_ok(), "the call is in the flow");
            }
            State::Held(_) => self.away_too_long(now, effects),
            State::Transferring(_) | State::Consulting(_) => self.not_taken(now, effects),
            State::Inquiring(inquiry) => {
                let agent = inquiry.agent.clone();
                self.hold(agent, None, effects);
            }
            State::Placing(_) => self.unanswered("connect", now, effects),
            State::Dialing(_) | State::Ringing(_) => {
                self.end(EndReason::UserDidNotAnswer, now, effects);
            }
            State::Ending { .. } => self.ending_too_long(now, effects),
            State::Opening | State::Bridged { .. } | State::ThreeWay(_) | State::Ended { .. } => {}
        }
    }

    fn unanswered(&mut self, action: &'static str, now: Timestamp, effects: &mut Vec<Effect>) {
        let why = "no answer in time".into();
        self.end(EndReason::PlatformUnreachable { action, why }, now, effects);
    }
}

/// The ring of a new call.
const EVERYONE: Ring = Ring::Everyone;
