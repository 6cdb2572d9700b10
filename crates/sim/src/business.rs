//! What does the gateway do with a webhook, an answer, an effect?

use std::time::Duration;

use rules::delivery::{self, Attempt, Next, Topic};
use switchboard::{
    call::{
        Answerer, Call, Consulted, Destination, Effect, Input, LegTrouble, Manner, Outcome, Plan,
        Status, Termination,
    },
    flow::{Caller, Ring},
};
use terms::{AgentId, Direction, Timestamp};

use crate::{
    post::{Action, CallNo, Event, Hook},
    world::World,
};

/// How old a connect webhook may be before nobody waits for it any more.
const CONNECT_AGE_MAX: Duration = Duration::from_secs(60);

fn lia() -> AgentId {
    "lia".parse().expect("an agent's id")
}

fn sol() -> AgentId {
    "sol".parse().expect("a supervisor's id")
}

fn rui() -> AgentId {
    "rui".parse().expect("an agent's id")
}

impl World {
    /// An agent places a call.
    pub(crate) fn agent_calls(&mut self) {
        let no = self.new_call(Direction::BusinessInitiated);
        self.tell(&format!("call {no}: an agent calls the user"));
        let mut effects = Vec::new();
        let plan = self.plan();
        self.calls[no].business =
            Some(Call::outgoing(plan, Answerer::Agent(lia()), self.now, &mut effects));
        self.carry_out_business(no, effects);
        if self.dice.chance(15) {
            let at = self.now + self.dice.ms(50, 60_000);
            self.post.put(at, Event::Business { call: no, input: Input::AgentHungUp(lia()) });
        }
    }

    fn plan(&self) -> Plan {
        let return_for = Duration::from_secs(15);
        let (ring_for, flow) = (self.ring_for, self.flow.clone());
        let caller = Caller::default();
        Plan { ring_for, return_for, ring_first: true, flow, flow_asked: false, caller }
    }

    /// The platform sends a webhook; now and then it also sends it a second time.
    pub(crate) fn send(&mut self, no: CallNo, hook: Hook) {
        let copies = if self.dice.chance(8) { 2 } else { 1 };
        for _ in 0..copies {
            let at = self.now + self.dice.ms(5, 1_500);
            let created_at = self.now;
            self.post.put(at, Event::Webhook { call: no, hook, attempts: 1, created_at });
        }
    }

    /// One attempt; a failed one is made again when the rules say so.
    pub(crate) fn webhook(&mut self, no: CallNo, hook: Hook, attempts: u32, created_at: Timestamp) {
        let failed = self.dice.chance(8);
        let attempt = if failed { Attempt::TimedOut } else { Attempt::Answered(200) };
        let next =
            delivery::next(attempt, attempts, Topic::Calls, created_at, &self.book, self.now);
        match next {
            Next::Delivered => self.webhook_arrived(no, hook, created_at),
            Next::RetryAt(at) => {
                let attempts = attempts + 1;
                self.post.put(at, Event::Webhook { call: no, hook, attempts, created_at });
            }
            Next::Expired => self.fault(&format!("call {no}: a webhook expired")),
        }
    }

    fn webhook_arrived(&mut self, no: CallNo, hook: Hook, created_at: Timestamp) {
        let user_initiated = self.calls[no].direction == Some(Direction::UserInitiated);
        match hook {
            Hook::Connect if user_initiated => self.user_call_arrived(no, created_at),
            Hook::Connect => self.business_input(no, Input::AnswerArrived),
            Hook::Status(status) => {
                self.business_input(no, Input::Status(told(status)));
            }
            Hook::Terminate(ending) => {
                self.calls[no].terminate_seen = true;
                let error = ending.reason.error().map(|e| (i64::from(e.code()), e.title().into()));
                let picked_up = ending.answered_at.is_some();
                self.business_input(no, Input::Terminated(Termination { picked_up, error }));
            }
        }
    }

    /// A call that ended already, is known, or is too old begins nothing.
    fn user_call_arrived(&mut self, no: CallNo, created_at: Timestamp) {
        let sides = &self.calls[no];
        let stale = self.now.since(created_at) > CONNECT_AGE_MAX;
        if sides.terminate_seen || sides.business.is_some() || stale {
            return;
        }
        let mut effects = Vec::new();
        let plan = self.plan();
        self.calls[no].business = Some(Call::incoming(plan, &mut effects));
        self.carry_out_business(no, effects);
    }

    /// A request's outcome.
    pub(crate) fn answer(&mut self, no: CallNo, action: Action, outcome: Outcome) {
        let input = match action {
            Action::Connect => Input::Placed(outcome),
            Action::PreAccept => Input::PreAccepted(outcome),
            Action::Accept => Input::Accepted(outcome),
            Action::Reject | Action::Terminate => Input::Closed(outcome),
        };
        self.business_input(no, input);
    }

    pub(crate) fn business_input(&mut self, no: CallNo, input: Input) {
        if matches!(input, Input::MediaConnected) {
            self.calls[no].path = true;
        }
        let now = self.now;
        let Some(call) = &mut self.calls[no].business else { return };
        let was = call.state().as_str();
        let mut effects = Vec::new();
        // A refused input is a late or repeated one, and harmless.
        let taken = call.handle(input, now, &mut effects).is_ok();
        let is = call.state().as_str();
        if taken && was != is {
            self.tell(&format!("call {no}: the gateway is {is}"));
        }
        if was != "bridged" && is == "bridged" && self.dice.chance(40) {
            let at = self.now + self.dice.ms(500, 200_000);
            self.post.put(at, Event::Business { call: no, input: Input::AgentHungUp(lia()) });
        }
        self.carry_out_business(no, effects);
    }

    fn carry_out_business(&mut self, no: CallNo, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_business_one(no, effect);
        }
        let deadline = self.calls[no].business.as_ref().and_then(Call::next_timeout);
        if let Some((at, _)) = deadline {
            self.post.put(at, Event::Business { call: no, input: Input::Tick });
        }
        self.let_media_flow(no);
    }

    fn carry_out_business_one(&mut self, no: CallNo, effect: Effect) {
        match effect {
            Effect::OpenLeg => {
                let trouble = LegTrouble::OurSocket("no port".into());
                let unusable = self.dice.chance(2);
                let input = if unusable { Input::LegUnusable(trouble) } else { Input::LegReady };
                self.post.put(self.now, Event::Business { call: no, input });
            }
            Effect::PreAccept => self.ask(no, Action::PreAccept),
            Effect::Accept => self.ask(no, Action::Accept),
            Effect::Reject => self.ask(no, Action::Reject),
            Effect::Terminate => self.ask(no, Action::Terminate),
            Effect::Connect => self.ask(no, Action::Connect),
            Effect::ApplyAnswer => self.build_path(no),
            Effect::OpenGate => {
                if self.calls[no].answered_at.is_none() {
                    self.fault(&format!("call {no}: the gateway sends media before the answer"));
                }
                self.calls[no].gate = true;
            }
            Effect::WatchMedia => {
                let at = self.now + Duration::from_secs(20);
                self.post.put(at, Event::HearingWatch { call: no });
            }
            Effect::Ring(whom) => self.ring_agents(no, whom),
            Effect::Bridge => self.agent_acts(no),
            Effect::Play { .. } | Effect::Say { .. } => {
                let at = self.now + Duration::from_secs(2);
                self.post.put(at, Event::Business { call: no, input: Input::PlaybackDone });
            }
            // The flows of this world wait in no queue, have no bot and keep no sound.
            Effect::Queue(_)
            | Effect::Record(_)
            | Effect::TakeMessage { .. }
            | Effect::KeepMessage
            | Effect::Bot(_)
            | Effect::Trunk(_)
            | Effect::StopRinging { .. }
            | Effect::Hold
            | Effect::BridgeConsult
            | Effect::TakeOver
            | Effect::DropConsulted
            | Effect::Arrange
            | Effect::DropSupervisor
            | Effect::DropAgent
            | Effect::PlayNothing
            | Effect::Echo
            | Effect::SendKey(_)
            | Effect::MuteAgent { .. }
            | Effect::Tell
            | Effect::Finish(_) => {}
        }
    }

    /// Sends a request; now and then it, or its answer, is lost.
    fn ask(&mut self, no: CallNo, action: Action) {
        if self.dice.chance(4) {
            let outcome = Outcome::Unreachable { why: "the request was lost".into() };
            let at = self.now + Duration::from_secs(10);
            self.post.put(at, Event::Answer { call: no, action, outcome });
            return;
        }
        let answer_lost = self.dice.chance(4);
        let at = self.now + self.dice.ms(5, 400);
        self.post.put(at, Event::Request { call: no, action, answer_lost });
    }

    fn ring_agents(&mut self, no: CallNo, whom: Ring) {
        let who = match whom {
            Ring::Everyone | Ring::Skilled(_) | Ring::LongestIdle { .. } => lia(),
            Ring::Only(agents) => agents.into_iter().next().unwrap_or_else(lia),
            Ring::Back(agent) => agent,
        };
        let rings = self.dice.chance(80);
        let agents = if rings { vec![who.clone()] } else { Vec::new() };
        self.post.put(self.now, Event::Business { call: no, input: Input::Rung(agents) });
        let at = self.now + self.dice.ms(500, 55_000);
        let input = match self.dice.roll(10) {
            0..=6 => Input::AgentAnswered(who),
            7 => Input::AgentDeclined(who),
            8 => Input::AgentGone(who),
            _ => return,
        };
        self.post.put(at, Event::Business { call: no, input });
    }

    /// Now and then the agent who talks with the user does something with the call, and later another
    /// thing, whether it then has its place or not.
    fn agent_acts(&mut self, no: CallNo) {
        let (agent, with) = (lia(), rui());
        let (first, then) = match self.dice.roll(12) {
            0 => (Input::AgentHolds(agent.clone()), Input::AgentResumes(agent)),
            1 => {
                let to = Destination::Agent(with);
                (Input::AgentTransfers { agent: agent.clone(), to }, Input::AgentHungUp(agent))
            }
            2 => {
                let to = Destination::Flow { step: None };
                (Input::AgentTransfers { agent: agent.clone(), to }, Input::AgentHolds(agent))
            }
            3 => {
                let asks =
                    Input::AgentConsults { agent: agent.clone(), with: Consulted::Agent(with) };
                (asks, Input::AgentCompletes(agent))
            }
            4 => {
                let asks =
                    Input::AgentConsults { agent: agent.clone(), with: Consulted::Agent(with) };
                (asks, Input::AgentResumes(agent))
            }
            5 => (Input::AgentGone(agent.clone()), Input::AgentReturned(agent)),
            6 => {
                let asks = Input::AgentConsults {
                    agent: agent.clone(),
                    with: Consulted::Agent(with.clone()),
                };
                let later = self.now + self.dice.ms(30_000, 90_000);
                let leaves =
                    Input::AgentHungUp(if self.dice.chance(50) { agent.clone() } else { with });
                self.post.put(later, Event::Business { call: no, input: leaves });
                (asks, Input::AgentMerges(agent))
            }
            7 => {
                let joins = Input::SupervisorTurns { supervisor: sol(), to: Manner::Joined };
                (Input::SupervisorListens(sol()), joins)
            }
            _ => return,
        };
        let at = self.now + self.dice.ms(200, 20_000);
        self.post.put(at, Event::Business { call: no, input: first });
        let later = at + self.dice.ms(200, 25_000);
        self.post.put(later, Event::Business { call: no, input: then });
    }

    pub(crate) fn hearing_watch(&mut self, no: CallNo) {
        if !self.calls[no].user_heard {
            self.business_input(no, Input::MediaStopped { seconds: 20 });
        }
    }
}

fn told(status: rules::call::Status) -> Status {
    match status {
        rules::call::Status::Ringing => Status::Ringing,
        rules::call::Status::Accepted => Status::Accepted,
        rules::call::Status::Rejected => Status::Rejected,
    }
}
