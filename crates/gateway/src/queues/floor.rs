//! What happens in the queues?
//!
//! One task owns those of an organisation. It takes letters of calls, changes of agents' presence and the time, hands
//! them to [`switchboard::queue`] and carries out what comes back. A call whose task is gone or does
//! not read loses its place.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use switchboard::{
    agent::WrappedUp,
    flow::FromQueue,
    queue::{Effect, Floor, Input, Left, Overflow, Rules, Ticket},
};
use terms::Timestamp;
use tokio::{sync::mpsc, time::Instant};

use super::{Guest, ToFloor, board};
use crate::{
    callbacks, calls::registry::Letter, clock, config, office::Office, organisation::Organisation,
};

/// Owns the queues of an organisation, for ever.
pub(crate) async fn run(office: Arc<Office>, house: Arc<Organisation>) {
    let Some(inbox) = house.queues.take_inbox() else { return };
    let queues = house.queues.configured.iter().map(|queue| (queue.name.clone(), rules(queue)));
    let floor = Floor::new(queues, clock::now());
    Task { office, house, floor, guests: BTreeMap::new() }.run(inbox).await;
}

fn rules(queue: &config::Queue) -> Rules {
    Rules {
        skills: queue.skills.clone(),
        ring_for: queue.ring_for,
        in_time: queue.in_time,
        zone: queue.zone.clone(),
    }
}

struct Task {
    office: Arc<Office>,
    house: Arc<Organisation>,
    floor: Floor,
    guests: BTreeMap<Ticket, Guest>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<ToFloor>) {
        let mut presence = self.house.consoles.watch();
        self.feed(Input::Duties(self.house.consoles.duties()));
        loop {
            let wrapped_up = self.house.consoles.next_change();
            let next = self.floor.next_timeout().map(|(at, _)| at);
            let next = next.into_iter().chain(wrapped_up).min();
            let input = tokio::select! {
                letter = inbox.recv() => match letter {
                    Some(letter) => self.read(letter),
                    None => return,
                },
                Ok(()) = presence.changed() => Input::Duties(self.house.consoles.duties()),
                () = sleep_until(next) => {
                    if wrapped_up.is_some_and(|at| at <= clock::now()) {
                        self.house.consoles.tell_agents();
                    }
                    Input::Tick
                }
            };
            self.feed(input);
            self.note_wrap_ups().await;
        }
    }

    /// What agents did after their calls is in the records of those.
    async fn note_wrap_ups(&self) {
        for WrappedUp { talk, took } in self.house.consoles.take_wrapped_up() {
            if let Err(error) = self.office.store.wrapped_up(talk, took).await {
                tracing::error!(%error, "how long a wrap-up took is lost");
            }
        }
    }

    fn read(&mut self, letter: ToFloor) -> Input {
        match letter {
            ToFloor::Enters { ticket, entry, since, guest } => {
                self.guests.insert(ticket.clone(), guest);
                Input::Enters { ticket, entry, since }
            }
            ToFloor::Leaves { ticket, left } => {
                self.guests.remove(&ticket);
                if let Ticket::Callback(id) = &ticket {
                    self.house.offers.withdraw(id);
                }
                Input::Leaves { ticket, left }
            }
            ToFloor::Passes { ticket, agent } => Input::Passes { ticket, agent },
        }
    }

    /// Hands an input in and carries out what is decided, until nothing follows.
    fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            self.floor.handle(input, clock::now(), &mut effects);
            for effect in effects {
                inputs.extend(self.carry_out(effect));
            }
        }
        if !self.house.queues.are_none() {
            self.put_up();
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Offer { ticket: Ticket::Callback(id), agent } => {
                let (office, house) = (Arc::clone(&self.office), Arc::clone(&self.house));
                tokio::spawn(callbacks::offer(office, house, id, agent));
                None
            }
            Effect::Withdraw { ticket: Ticket::Callback(id), agent: _ } => {
                self.house.offers.withdraw(&id);
                None
            }
            Effect::Overflow { ticket: Ticket::Callback(id), why } => {
                self.guests.remove(&Ticket::Callback(id.clone()));
                tokio::spawn(callbacks::turned_away(Arc::clone(&self.office), id, why));
                None
            }
            // Nobody listens who could be told.
            Effect::Place { ticket: Ticket::Callback(_), .. } => None,
            Effect::Offer { ticket, agent } => self.tell(ticket, FromQueue::Offered(agent)),
            Effect::Withdraw { ticket, agent } => self.tell(ticket, FromQueue::Withdrawn(agent)),
            Effect::Overflow { ticket, why } => self.turn_away(&ticket, why),
            Effect::Place { ticket, position, estimate } => {
                self.tell(ticket, FromQueue::Place { position, estimate })
            }
        }
    }

    fn turn_away(&mut self, ticket: &Ticket, why: Overflow) -> Option<Input> {
        let call = self.guests.remove(ticket).and_then(|guest| guest.call);
        // A call that is over needs no word.
        call.map(|call| call.send(Letter::Queue(FromQueue::Overflow(why))));
        None
    }

    /// Tells a call; one that does not hear it waits no more.
    fn tell(&mut self, ticket: Ticket, word: FromQueue) -> Option<Input> {
        let call = self.guests.get(&ticket).and_then(|guest| guest.call.as_ref());
        if call.is_some_and(|call| call.send(Letter::Queue(word))) {
            return None;
        }
        self.guests.remove(&ticket);
        Some(Input::Leaves { ticket, left: Left::MovedOn })
    }

    fn put_up(&self) {
        let (queues, agents) = (&self.house.queues, self.house.consoles.colleagues());
        let configured = &queues.configured;
        let board = board::draw(&self.floor, configured, &self.guests, &agents, clock::now());
        queues.board.send_if_modified(|known| {
            let changed = **known != *board;
            if changed {
                *known = board.into();
            }
            changed
        });
    }
}

async fn sleep_until(at: Option<Timestamp>) {
    match at {
        Some(at) => tokio::time::sleep_until(Instant::now() + at.since(clock::now())).await,
        None => std::future::pending().await,
    }
}
