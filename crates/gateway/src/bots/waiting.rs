//! Which bots have opened a socket and wait for a call?
//!
//! Each waits in a task of its own that proves its socket; a call takes the one that waits longest. A socket
//! serves one call: the bot opens the next one itself. So many may wait for one bot as can talk at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::extract::ws::WebSocket;
use terms::OrganisationId;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::socket::{Came, Socket};

/// Sockets of one bot that may wait.
pub(crate) const WAITING_MAX: usize = 32;

/// How often a socket that waits is proven.
const PING_EVERY: Duration = Duration::from_secs(5);

/// Whose socket it is: the organisation and the bot's name.
type Whose = (OrganisationId, String);

/// The sockets that wait; clones are the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tickets: Mutex<BTreeMap<Whose, VecDeque<Ticket>>>,
    /// Rung when a socket has come.
    came: Notify,
}

/// With which a call asks a socket's task for the socket.
type Ticket = oneshot::Sender<oneshot::Sender<Socket>>;

/// The task's end of a ticket: a place among those who wait.
#[derive(Debug)]
pub(crate) struct Place {
    asked: oneshot::Receiver<oneshot::Sender<Socket>>,
}

impl Waiting {
    /// A place for one more socket of this bot; `None` where too many wait.
    pub(crate) fn place(&self, whose: Whose) -> Option<Place> {
        let (ticket, asked) = oneshot::channel();
        let mut tickets = self.locked();
        let mine = tickets.entry(whose).or_default();
        mine.retain(|ticket| !ticket.is_closed());
        if mine.len() >= WAITING_MAX {
            return None;
        }
        mine.push_back(ticket);
        drop(tickets);
        self.0.came.notify_waiters();
        Some(Place { asked })
    }

    /// The socket that waited longest; one that comes within this time will do.
    pub(super) async fn take(&self, whose: &Whose, within: Duration) -> Option<Socket> {
        let until = Instant::now() + within;
        loop {
            let came = self.0.came.notified();
            while let Some(ticket) = self.first(whose) {
                let (give, given) = oneshot::channel();
                // A socket that broke just now has nothing to give.
                if ticket.send(give).is_ok()
                    && let Ok(Ok(socket)) = tokio::time::timeout_at(until, given).await
                {
                    return Some(socket);
                }
            }
            tokio::time::timeout_at(until, came).await.ok()?;
        }
    }

    fn first(&self, whose: &Whose) -> Option<Ticket> {
        self.locked().get_mut(whose)?.pop_front()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Whose, VecDeque<Ticket>>> {
        self.0.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Keeps the socket until a call takes it or it is gone: silent for longer than `patience`, or closed.
    pub(crate) async fn wait(mut self, socket: WebSocket, patience: Duration) {
        let mut socket = Socket::came(socket);
        let mut ping = tokio::time::interval(PING_EVERY);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                asked = &mut self.asked => {
                    if let Ok(give) = asked {
                        // A call that is over meanwhile leaves the socket to close.
                        drop(give.send(socket));
                    }
                    return;
                }
                // What a bot says before it has a call concerns nobody.
                came = socket.reader.next(patience) => match came {
                    Came::Frame(_) | Came::Alive => heard = Instant::now(),
                    Came::Goodbye | Came::Broken => return,
                },
                _ = ping.tick() => {
                    if heard.elapsed() > patience || socket.writer.ping().await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
