//! Who waits, and which agent is offered which call?
//!
//! A [`Floor`] is all queues and the agents who serve them. Each queue is a line of [`Ticket`]s:
//! calls whose user hears music, and callbacks whose user hung up and kept the place. The agent who
//! has been idle longest is offered the call that has waited longest, among those of the highest
//! priority whose queue asks for no skill the agent lacks. One call is offered to one agent at a
//! time; an agent who declines or does not answer is offered that call again only after a pause.
//!
//! What is not known is absent: there is no estimate before a call was handled, or with nobody on
//! duty.

mod line;
mod tally;
mod word;

use std::{collections::BTreeMap, time::Duration};

use terms::{AgentId, Timestamp};

use crate::agent::Skills;
use line::{Line, Place};

pub use line::Waiting;
pub use tally::Tally;
pub use word::{Duty, Effect, Entry, Input, Left, Overflow, Rules, Taker, Ticket};

/// How many may wait in one queue, whatever its steps say.
pub const LENGTH_MAX: usize = 1_000;
/// How long an agent who did not take a call is not offered it again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How long an offer to an agent who is suddenly busy stands: the agent may just have taken it.
const TAKEN_GRACE: Duration = Duration::from_secs(2);

/// All queues and who serves them.
#[derive(Debug)]
pub struct Floor {
    lines: BTreeMap<String, Line>,
    agents: BTreeMap<AgentId, Agent>,
}

#[derive(Debug, Default)]
struct Agent {
    skills: Skills,
    duty: Duty,
    offer: Option<Offer>,
    serves: Option<Serves>,
}

/// What rings at an agent.
#[derive(Debug)]
struct Offer {
    ticket: Ticket,
    until: Timestamp,
}

/// A call from a queue that an agent has.
#[derive(Debug)]
struct Serves {
    queue: String,
    since: Timestamp,
}

/// How many of the agents who could serve a queue stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Staff {
    /// Can be offered a call.
    pub free: usize,
    /// Something rings there.
    pub ringing: usize,
    /// In a call.
    pub busy: usize,
    /// After one.
    pub wrap_up: usize,
}

impl Staff {
    fn on_duty(self) -> usize {
        self.free + self.ringing + self.busy + self.wrap_up
    }
}

impl Floor {
    /// These queues, empty, and nobody who serves them yet.
    pub fn new(queues: impl IntoIterator<Item = (String, Rules)>, now: Timestamp) -> Self {
        let lines = queues.into_iter().map(|(name, rules)| (name, Line::new(rules, now)));
        Self { lines: lines.collect(), agents: BTreeMap::new() }
    }

    /// Takes what happened; `effects` gets what to do about it, in order.
    pub fn handle(&mut self, input: Input, now: Timestamp, effects: &mut Vec<Effect>) {
        match input {
            Input::Enters { ticket, entry, since } => {
                self.enters(ticket, &entry, since, now, effects);
            }
            Input::Leaves { ticket, left } => self.leaves(&ticket, left, now),
            Input::Passes { ticket, agent } => self.passes(&ticket, &agent, now),
            Input::Duties(takers) => self.duties(takers, now),
            Input::Tick => {}
        }
        self.withdraw_late(now, effects);
        self.let_go(now, effects);
        self.offer(now, effects);
        self.tell_places(effects);
    }

    /// When to hand in [`Input::Tick`], and what is waited for.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Timestamp, &'static str)> {
        let offers = self.agents.values().filter_map(|agent| agent.offer.as_ref());
        let offers = offers.map(|offer| (offer.until, "an agent to answer"));
        let places = self.lines.values().flat_map(|line| line.places.iter());
        let waits = places.filter(|place| self.offered_to(&place.ticket).is_none());
        let waits = waits.flat_map(|place| {
            let until = place.until.map(|at| (at, "the longest wait"));
            until.into_iter().chain(place.passed.values().map(|&at| (at, "another offer")))
        });
        offers.chain(waits).min_by_key(|(at, _)| *at)
    }

    /// The names of the queues.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// Who waits in a queue, in order.
    #[must_use]
    pub fn waiting(&self, queue: &str) -> Vec<Waiting> {
        let Some(line) = self.lines.get(queue) else { return Vec::new() };
        let waiting = |(index, place): (usize, &Place)| Waiting {
            ticket: place.ticket.clone(),
            since: place.since,
            priority: place.priority,
            position: index + 1,
            estimate: self.estimate(line, index + 1),
            offered_to: self.offered_to(&place.ticket).cloned(),
        };
        line.places.iter().enumerate().map(waiting).collect()
    }

    /// How the agents who could serve a queue stand.
    #[must_use]
    pub fn staff(&self, queue: &str) -> Staff {
        self.lines.get(queue).map_or_else(Staff::default, |line| self.staff_of(line))
    }

    /// What came of a queue's calls today.
    #[must_use]
    pub fn today(&self, queue: &str, now: Timestamp) -> Option<Tally> {
        let line = self.lines.get(queue)?;
        Some(line.tally.today(&line.rules.zone, now))
    }

    fn enters(
        &mut self,
        ticket: Ticket,
        entry: &Entry,
        since: Timestamp,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.forget(&ticket);
        let why = match self.lines.get(&entry.queue) {
            None => Overflow::NoQueue,
            Some(line) if line.places.len() >= entry.max_length.min(LENGTH_MAX) => Overflow::Full,
            Some(line) if entry.unless_nobody && self.staff_of(line).on_duty() == 0 => {
                Overflow::NobodyThere
            }
            Some(_) => {
                if let Some(line) = self.lines.get_mut(&entry.queue) {
                    line.enter(Place::new(ticket, entry, since));
                }
                return;
            }
        };
        if let Some(line) = self.lines.get_mut(&entry.queue) {
            line.count(&Left::Overflowed(why), Duration::ZERO, now);
        }
        effects.push(Effect::Overflow { ticket, why });
    }

    fn leaves(&mut self, ticket: &Ticket, left: Left, now: Timestamp) {
        let Some((queue, place)) = self.forget(ticket) else { return };
        if let Some(line) = self.lines.get_mut(&queue) {
            line.count(&left, now.since(place.since), now);
        }
        if let Left::Answered(agent) = left
            && let Some(agent) = self.agents.get_mut(&agent)
        {
            (agent.duty, agent.offer) = (Duty::Busy, None);
            agent.serves = Some(Serves { queue, since: now });
        }
    }

    fn passes(&mut self, ticket: &Ticket, agent: &AgentId, now: Timestamp) {
        let Some(known) = self.agents.get_mut(agent) else { return };
        if known.offer.take_if(|offer| offer.ticket == *ticket).is_some() {
            self.note_passed(ticket, agent.clone(), now);
        }
    }

    fn note_passed(&mut self, ticket: &Ticket, agent: AgentId, now: Timestamp) {
        let mut places = self.lines.values_mut().flat_map(|line| line.places.iter_mut());
        if let Some(place) = places.find(|place| place.ticket == *ticket) {
            place.passed.insert(agent, now + AGAIN_AFTER);
        }
    }

    fn duties(&mut self, takers: BTreeMap<AgentId, Taker>, now: Timestamp) {
        for agent in self.agents.values_mut() {
            agent.duty = Duty::Off;
        }
        for (id, taker) in takers {
            let agent = self.agents.entry(id).or_default();
            (agent.duty, agent.skills) = (taker.duty, taker.skills);
        }
        for agent in self.agents.values_mut() {
            match agent.duty {
                Duty::Free(_) | Duty::Ringing => {}
                Duty::Busy => {
                    if let Some(offer) = &mut agent.offer {
                        offer.until = offer.until.min(now + TAKEN_GRACE);
                    }
                    continue;
                }
                Duty::Off => {
                    if let Some(offer) = &mut agent.offer {
                        offer.until = now;
                    }
                }
                Duty::WrapUp => continue,
            }
            if let Some(served) = agent.serves.take()
                && let Some(line) = self.lines.get_mut(&served.queue)
            {
                line.handled_in(now.since(served.since));
            }
        }
    }

    /// Offers that nobody answered in time.
    fn withdraw_late(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut late = Vec::new();
        for (id, agent) in &mut self.agents {
            if let Some(offer) = agent.offer.take_if(|offer| offer.until <= now) {
                late.push((offer.ticket, id.clone()));
            }
        }
        for (ticket, agent) in late {
            self.note_passed(&ticket, agent.clone(), now);
            effects.push(Effect::Withdraw { ticket, agent });
        }
    }

    /// Who has waited as long as allowed goes, unless an agent rings for it right now.
    fn let_go(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let places = self.lines.values().flat_map(|line| line.places.iter());
        let over = places.filter(|place| place.until.is_some_and(|until| until <= now));
        let over = over.filter(|place| self.offered_to(&place.ticket).is_none());
        let over: Vec<Ticket> = over.map(|place| place.ticket.clone()).collect();
        for ticket in over {
            let why = Overflow::WaitedTooLong;
            self.leaves(&ticket, Left::Overflowed(why), now);
            effects.push(Effect::Overflow { ticket, why });
        }
    }

    /// Offers calls to free agents until one of both runs out.
    fn offer(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        for line in self.lines.values_mut() {
            for place in &mut line.places {
                place.passed.retain(|_, again_at| *again_at > now);
            }
        }
        let mut all: Vec<(&Line, &Place)> = Vec::new();
        for line in self.lines.values() {
            all.extend(line.places.iter().map(|place| (line, place)));
        }
        all.sort_by_key(|(_, place)| place.order());
        let mut offers: Vec<(AgentId, Offer)> = Vec::new();
        for (line, place) in all {
            if self.offered_to(&place.ticket).is_some() {
                continue;
            }
            let free = self.agents.iter().filter_map(|(id, agent)| {
                let fits = line.rules.skills.is_subset(&agent.skills)
                    && agent.offer.is_none()
                    && !place.passed.contains_key(id)
                    && offers.iter().all(|(other, _)| other != id);
                match agent.duty {
                    Duty::Free(since) if fits => Some((since, id)),
                    Duty::Free(_) | Duty::Ringing | Duty::Busy | Duty::WrapUp | Duty::Off => None,
                }
            });
            if let Some((_, agent)) = free.min() {
                let until = now + line.rules.ring_for;
                offers.push((agent.clone(), Offer { ticket: place.ticket.clone(), until }));
            }
        }
        for (id, offer) in offers {
            effects.push(Effect::Offer { ticket: offer.ticket.clone(), agent: id.clone() });
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.offer = Some(offer);
            }
        }
    }

    fn tell_places(&mut self, effects: &mut Vec<Effect>) {
        let mut told = Vec::new();
        for line in self.lines.values() {
            for (index, place) in line.places.iter().enumerate() {
                if place.told != Some(index + 1) {
                    told.push((place.ticket.clone(), self.estimate(line, index + 1)));
                }
            }
        }
        for line in self.lines.values_mut() {
            for (index, place) in line.places.iter_mut().enumerate() {
                place.told = Some(index + 1);
            }
        }
        for (ticket, estimate) in told {
            let place = self.lines.values().find_map(|line| line.position(&ticket));
            if let Some(position) = place {
                effects.push(Effect::Place { ticket, position, estimate });
            }
        }
    }

    fn forget(&mut self, ticket: &Ticket) -> Option<(String, Place)> {
        for agent in self.agents.values_mut() {
            agent.offer.take_if(|offer| offer.ticket == *ticket);
        }
        let mut lines = self.lines.iter_mut();
        lines.find_map(|(name, line)| Some((name.clone(), line.take(ticket)?)))
    }

    fn offered_to(&self, ticket: &Ticket) -> Option<&AgentId> {
        let has = |agent: &Agent| agent.offer.as_ref().is_some_and(|it| it.ticket == *ticket);
        self.agents.iter().find(|(_, agent)| has(agent)).map(|(id, _)| id)
    }

    fn staff_of(&self, line: &Line) -> Staff {
        let mut staff = Staff::default();
        for agent in self.agents.values().filter(|a| line.rules.skills.is_subset(&a.skills)) {
            match agent.duty {
                Duty::Free(_) if agent.offer.is_some() => staff.ringing += 1,
                Duty::Free(_) => staff.free += 1,
                Duty::Ringing => staff.ringing += 1,
                Duty::Busy => staff.busy += 1,
                Duty::WrapUp => staff.wrap_up += 1,
                Duty::Off => {}
            }
        }
        staff
    }

    /// The time calls of this queue take, shared among who is on duty.
    fn estimate(&self, line: &Line, position: usize) -> Option<Duration> {
        let on_duty = u32::try_from(self.staff_of(line).on_duty()).ok().filter(|&n| n > 0)?;
        let position = u32::try_from(position).ok()?;
        let wait = line.handling?.saturating_mul(position) / on_duty;
        Some(wait.max(Duration::from_secs(1)))
    }
}
