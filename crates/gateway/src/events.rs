//! What do the consoles know, and who is at them?
//!
//! One [`Consoles`] knows every open console of an organisation, its agents and live calls. Each console
//! has a bounded queue; one that does not read is closed rather than waited for. Who is there is told
//! apart from it, as it stands: a hundred agents who come to their desks at once are one frame for
//! each console, not a hundred. No lock is held while anything is sent over a network.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use switchboard::{
    access::{self, Act},
    agent::{Presence, Roster, Says, Skills, Talk, WrappedUp},
    flow::Ring,
    queue::{Duty, Taker},
};
use terms::{AgentId, CallId, Timestamp};
use tokio::sync::{mpsc, watch};
use wire::console::{Agent, AgentState, Call, CallState, Colleague, RingStopped, ToConsole};

use crate::{
    clock, config,
    people::{People, Person},
};

/// How many frames may wait for a console: a minute of a busy day. More is a console that hangs.
const FRAMES_MAX: usize = 256;

/// Names consoles, each once in this process: organisations have rooms of their own.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One open console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConsoleId(u64);

/// Every open console, the agents and the live calls.
#[derive(Debug)]
pub(crate) struct Consoles {
    people: People,
    room: Mutex<Room>,
    /// Everybody, as the frame for every console.
    there: watch::Sender<Arc<str>>,
}

#[derive(Debug)]
struct Room {
    open: BTreeMap<ConsoleId, Console>,
    roster: Roster,
    live: BTreeMap<CallId, Call>,
    ringing: BTreeMap<CallId, Vec<AgentId>>,
    /// Agents who are asked to call somebody, by the offer's id.
    asked: BTreeMap<String, AgentId>,
    /// When the calls that still run are ended, once the gateway drains.
    draining_until: Option<Timestamp>,
}

#[derive(Debug)]
struct Console {
    agent: AgentId,
    frames: mpsc::Sender<ToConsole>,
}

/// A console that has just opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) id: ConsoleId,
    pub(crate) frames: mpsc::Receiver<ToConsole>,
    /// Who is there, as a frame; only the newest is worth sending.
    pub(crate) there: watch::Receiver<Arc<str>>,
    pub(crate) agent: Agent,
    pub(crate) calls: Vec<Call>,
    /// What else it must know at once.
    pub(crate) notice: Option<ToConsole>,
}

impl Consoles {
    pub(crate) fn new(agents: Vec<config::Agent>, wrap_up: Duration) -> Self {
        let skilled = agents.iter().map(|agent| (agent.id.clone(), agent.skills.clone()));
        let roster = Roster::new(skilled, wrap_up);
        let room = Room {
            open: BTreeMap::new(),
            roster,
            live: BTreeMap::new(),
            ringing: BTreeMap::new(),
            asked: BTreeMap::new(),
            draining_until: None,
        };
        Self {
            people: People::new(agents),
            room: Mutex::new(room),
            there: watch::Sender::new("".into()),
        }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody who works here.
    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    /// The agent of this id, if the log-in is not shut.
    pub(crate) fn agent(&self, id: &AgentId) -> Option<config::Agent> {
        self.people.agent(id)
    }

    /// Somebody knows about something else than before; their consoles stay open.
    pub(crate) fn learn(&self, person: Person) {
        self.room().roster.know(person.agent.id.clone(), person.agent.skills.clone());
        self.people.put(person);
        self.tell_agents();
    }

    /// Somebody is new or has changed; consoles that this one has open close, and open again as what
    /// the one is now, if at all.
    pub(crate) fn admit(&self, person: Person) {
        let (id, skills) = (person.agent.id.clone(), person.agent.skills.clone());
        self.people.put(person);
        let mut room = self.room();
        room.roster.know(id.clone(), skills);
        // Their queues end, so their sockets close, which leaves the roster.
        for console in room.open.values_mut().filter(|console| console.agent == id) {
            console.frames = mpsc::channel(1).0;
        }
        drop(room);
        self.tell_agents();
    }

    /// A console of this agent opens; everybody learns who is there.
    pub(crate) fn open(&self, agent: &config::Agent) -> Opened {
        let (sender, frames) = mpsc::channel(FRAMES_MAX);
        let mut room = self.room();
        let id = ConsoleId(NEXT.fetch_add(1, Ordering::Relaxed));
        room.roster.console_opened(&agent.id, clock::now());
        room.open.insert(id, Console { agent: agent.id.clone(), frames: sender });
        let calls = room.live.values().cloned().collect();
        let state = room.state_of(&agent.id);
        let notice = room.draining_until.map(|until| ToConsole::Draining { until });
        drop(room);
        let there = self.there.subscribe();
        self.tell_agents();
        let agent =
            Agent { id: agent.id.clone(), name: agent.name.clone(), role: agent.role, state };
        Opened { id, frames, there, agent, calls, notice }
    }

    /// A console closed; `true` when it was the agent's last.
    pub(crate) fn close(&self, id: ConsoleId, agent: &AgentId) -> bool {
        let mut room = self.room();
        // One that did not read is gone from here already, but not from the roster.
        room.open.remove(&id);
        room.roster.console_closed(agent, clock::now());
        let last = !room.has_console(agent);
        drop(room);
        self.tell_agents();
        last
    }

    /// A telephone of this agent is registered, or none is any more.
    pub(crate) fn telephone(&self, agent: &AgentId, registered: bool) {
        let mut room = self.room();
        if room.roster.has_telephone(agent) == registered {
            return;
        }
        room.roster.telephone(agent, registered, clock::now());
        drop(room);
        self.tell_agents();
    }

    /// Whether a console of this agent is open.
    pub(crate) fn has_console(&self, agent: &AgentId) -> bool {
        self.room().has_console(agent)
    }

    /// The agent takes calls, or not.
    pub(crate) fn agent_says(&self, agent: &AgentId, says: Says) {
        self.room().roster.says(agent, says, clock::now());
        self.tell_agents();
    }

    /// Takes an agent for a call; `false` when a call has the agent.
    #[must_use]
    pub(crate) fn claim(&self, agent: &AgentId) -> bool {
        let claimed = self.room().roster.claim(agent, clock::now());
        self.tell_agents();
        claimed
    }

    /// The call of this agent is over; an agent who talked in it has wrap-up to do.
    pub(crate) fn release(&self, agent: &AgentId, talked: Option<Talk>) {
        let (mut room, now) = (self.room(), clock::now());
        match talked {
            Some(talk) => room.roster.release_to_wrap_up(agent, talk, now),
            None => room.roster.release(agent, now),
        }
        drop(room);
        self.tell_agents();
    }

    /// Asks an agent to call somebody, in the console; `false` when the agent is not free, or not there.
    #[must_use]
    pub(crate) fn ask(&self, agent: &AgentId, offer: wire::console::Offer) -> bool {
        let mut room = self.room();
        if room.state_of(agent) != AgentState::Available || !room.has_console(agent) {
            return false;
        }
        room.asked.insert(offer.offer_id.clone(), agent.clone());
        room.send_to(agent, &ToConsole::Offered { offer });
        drop(room);
        self.tell_agents();
        true
    }

    /// The agent is asked no more.
    pub(crate) fn stop_asking(&self, offer_id: &str, why: RingStopped) {
        let mut room = self.room();
        let Some(agent) = room.asked.remove(offer_id) else { return };
        let offer_id = offer_id.to_owned();
        room.send_to(&agent, &ToConsole::OfferStopped { offer_id, why });
        drop(room);
        self.tell_agents();
    }

    /// How every agent stands towards queues.
    pub(crate) fn duties(&self) -> BTreeMap<AgentId, Taker> {
        let (room, now) = (self.room(), clock::now());
        let taker = |agent: config::Agent| {
            let duty = match room.state_of(&agent.id) {
                AgentState::Available => {
                    Duty::Free(room.roster.idle_since(&agent.id, now).unwrap_or(now))
                }
                AgentState::Ringing => Duty::Ringing,
                AgentState::Busy => Duty::Busy,
                AgentState::WrapUp => Duty::WrapUp,
                AgentState::Away | AgentState::Offline => Duty::Off,
            };
            (agent.id, Taker { duty, skills: agent.skills })
        };
        self.takers().into_iter().map(taker).collect()
    }

    /// Everybody who takes calls, as they stand.
    pub(crate) fn colleagues(&self) -> Vec<Colleague> {
        let room = self.room();
        self.takers().iter().map(|agent| room.colleague(agent)).collect()
    }

    /// Who takes no calls is nobody to give a call to.
    fn takers(&self) -> Vec<config::Agent> {
        let people = self.people.all().into_iter();
        let takes =
            |person: &Person| !person.disabled && access::may(person.agent.role, Act::TakeCalls);
        people.filter(takes).map(|person| person.agent).collect()
    }

    /// Tells when somebody opened or closed a console, took a call or was freed.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<str>> {
        self.there.subscribe()
    }

    /// Wrap-ups that have ended, each told once.
    pub(crate) fn take_wrapped_up(&self) -> Vec<WrappedUp> {
        self.room().roster.take_wrapped_up(clock::now())
    }

    /// When the next wrap-up ends by itself; then [`Consoles::tell_agents`] must be called.
    pub(crate) fn next_change(&self) -> Option<Timestamp> {
        self.room().roster.next_change(clock::now())
    }

    /// Of those who know about this and are free, the one who is so for longest.
    pub(crate) fn longest_idle(&self, skills: &Skills) -> Option<AgentId> {
        let room = self.room();
        let ring = Ring::LongestIdle { skills: skills.clone(), passed: Vec::new() };
        let free = room.roster.reached_by(&ring, clock::now());
        free.into_iter().find(|agent| !room.rings_at(agent))
    }

    /// Rings everybody who can take this call; returns who rings.
    pub(crate) fn ring(&self, call: &Call, whom: &Ring) -> Vec<AgentId> {
        let mut room = self.room();
        let agents = room.roster.reached_by(whom, clock::now());
        if agents.is_empty() {
            return agents;
        }
        room.ringing.insert(call.call_id.clone(), agents.clone());
        for agent in &agents {
            room.send_to(agent, &ToConsole::Ringing { call: call.clone() });
        }
        drop(room);
        self.tell_agents();
        agents
    }

    /// Stops ringing a call, for one agent or for all who still ring.
    pub(crate) fn stop_ringing(&self, call_id: &CallId, only: Option<&AgentId>, why: RingStopped) {
        let mut room = self.room();
        let Some(ringing) = room.ringing.get_mut(call_id) else { return };
        let stopped: Vec<AgentId> = match only {
            Some(agent) => {
                ringing.retain(|other| other != agent);
                vec![agent.clone()]
            }
            None => std::mem::take(ringing),
        };
        if ringing.is_empty() {
            room.ringing.remove(call_id);
        }
        for agent in &stopped {
            room.send_to(agent, &ToConsole::RingStopped { call_id: call_id.clone(), why });
        }
        drop(room);
        self.tell_agents();
    }

    /// A call changed: every console learns it.
    pub(crate) fn tell_call(&self, call: Call) {
        let mut room = self.room();
        if call.state == CallState::Ended {
            room.live.remove(&call.call_id);
        } else {
            room.live.insert(call.call_id.clone(), call.clone());
        }
        room.send_to_all(&ToConsole::Call { call });
    }

    /// The live calls.
    pub(crate) fn live(&self) -> Vec<Call> {
        self.room().live.values().cloned().collect()
    }

    /// One live call.
    pub(crate) fn live_call(&self, call_id: &CallId) -> Option<Call> {
        self.room().live.get(call_id).cloned()
    }

    /// Sends a frame to one console.
    pub(crate) fn send(&self, id: ConsoleId, frame: ToConsole) {
        let mut room = self.room();
        let refused =
            room.open.get(&id).is_some_and(|console| console.frames.try_send(frame).is_err());
        if refused {
            room.open.remove(&id);
        }
    }

    /// The gateway drains: every console learns it, those that open later too.
    pub(crate) fn drain(&self, until: Timestamp) {
        let mut room = self.room();
        room.draining_until = Some(until);
        room.send_to_all(&ToConsole::Draining { until });
    }

    /// When the gateway drains, when that ends.
    pub(crate) fn draining_until(&self) -> Option<Timestamp> {
        self.room().draining_until
    }

    /// Sends a frame to every console.
    pub(crate) fn send_to_all(&self, frame: &ToConsole) {
        self.room().send_to_all(frame);
    }

    /// How an agent stands.
    pub(crate) fn state_of(&self, agent: &AgentId) -> AgentState {
        self.room().state_of(agent)
    }

    /// Tells every console who is there.
    pub(crate) fn tell_agents(&self) {
        let room = self.room();
        let agents = self.takers().iter().map(|agent| room.colleague(agent)).collect();
        let frame = serde_json::to_string(&ToConsole::Agents { agents });
        self.there.send_replace(frame.expect("a list of words is JSON").into());
        // Only then may another change be told.
        drop(room);
    }
}

impl Room {
    fn state_of(&self, agent: &AgentId) -> AgentState {
        match self.roster.presence(agent, clock::now()) {
            Presence::Offline => AgentState::Offline,
            Presence::Away => AgentState::Away,
            Presence::Busy => AgentState::Busy,
            Presence::WrapUp => AgentState::WrapUp,
            Presence::Available if self.rings_at(agent) => AgentState::Ringing,
            Presence::Available => AgentState::Available,
        }
    }

    fn has_console(&self, agent: &AgentId) -> bool {
        self.open.values().any(|console| console.agent == *agent)
    }

    fn rings_at(&self, agent: &AgentId) -> bool {
        self.ringing.values().flatten().chain(self.asked.values()).any(|other| other == agent)
    }

    fn colleague(&self, agent: &config::Agent) -> Colleague {
        let now = clock::now();
        Colleague {
            id: agent.id.clone(),
            name: agent.name.clone(),
            state: self.state_of(&agent.id),
            since: self.roster.since(&agent.id, now),
            wrap_up_until: self.roster.wrap_up_until(&agent.id, now),
            skills: agent.skills.iter().cloned().collect(),
            telephone: self.roster.has_telephone(&agent.id),
        }
    }

    fn send_to(&mut self, agent: &AgentId, frame: &ToConsole) {
        self.open.retain(|_, console| {
            console.agent != *agent || console.frames.try_send(frame.clone()).is_ok()
        });
    }

    fn send_to_all(&mut self, frame: &ToConsole) {
        self.open.retain(|_, console| console.frames.try_send(frame.clone()).is_ok());
    }
}
