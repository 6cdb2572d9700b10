//! Where do callers wait for agents?
//!
//! One task owns all queues of an organisation ([`floor`]). Calls send it letters through a bounded channel and wait
//! when it is full; it sends letters to calls and never waits for them. What supervisors see is a
//! [`board`] that is put up again after every change.

mod board;
pub(crate) mod floor;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use switchboard::queue::{Entry, Left, Ticket};
use terms::{AgentId, Timestamp};
use tokio::sync::{mpsc, watch};
use wire::console::{Peer, Queue};

use crate::{calls::registry::CallHandle, config};

/// How many letters may wait for the task: some for each of a thousand calls.
const LETTERS_MAX: usize = 4_096;

/// A letter to the task.
#[derive(Debug)]
pub(crate) enum ToFloor {
    /// Somebody comes to wait.
    Enters { ticket: Ticket, entry: Entry, since: Timestamp, guest: Guest },
    /// Somebody waits no more.
    Leaves { ticket: Ticket, left: Left },
    /// An agent does not take it.
    Passes { ticket: Ticket, agent: AgentId },
}

/// Who waits, beside the ticket.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) contact: Peer,
    /// The task of the call; a callback has none.
    pub(crate) call: Option<CallHandle>,
}

/// What others hold of an organisation's queues.
#[derive(Debug)]
pub(crate) struct Queues {
    pub(crate) configured: Vec<config::Queue>,
    letters: mpsc::Sender<ToFloor>,
    /// Until the task takes it.
    inbox: Mutex<Option<mpsc::Receiver<ToFloor>>>,
    board: watch::Sender<Arc<[Queue]>>,
}

impl Queues {
    pub(crate) fn new(configured: Vec<config::Queue>) -> Self {
        let (letters, inbox) = mpsc::channel(LETTERS_MAX);
        let board = watch::Sender::new(Vec::new().into());
        Self { configured, letters, inbox: Mutex::new(Some(inbox)), board }
    }

    /// Whether there is no queue.
    pub(crate) fn are_none(&self) -> bool {
        self.configured.is_empty()
    }

    /// What each queue asks its agents to know about.
    pub(crate) fn skills(&self) -> impl Iterator<Item = (&str, &str)> {
        let queues = self.configured.iter();
        queues.flat_map(|queue| {
            queue.skills.iter().map(|skill| (queue.name.as_str(), skill.as_str()))
        })
    }

    /// How long one agent rings for a call of this queue.
    pub(crate) fn ring_for(&self, queue: &str) -> Option<Duration> {
        let configured = self.configured.iter().find(|known| known.name == queue);
        configured.map(|queue| queue.ring_for)
    }

    /// Sends a letter; `false` when there is no task any more.
    pub(crate) async fn send(&self, letter: ToFloor) -> bool {
        self.letters.send(letter).await.is_ok()
    }

    /// Sends a letter that a gateway which stops can do without: what it says is on disk.
    pub(crate) async fn tell(&self, letter: ToFloor) {
        if !self.send(letter).await {
            tracing::debug!("the queues have stopped");
        }
    }

    /// What supervisors see, from now on; the first look is a change, where there are queues.
    pub(crate) fn board(&self) -> watch::Receiver<Arc<[Queue]>> {
        let mut board = self.board.subscribe();
        if !board.borrow().is_empty() {
            board.mark_changed();
        }
        board
    }

    /// The same, once.
    pub(crate) fn now(&self) -> Arc<[Queue]> {
        Arc::clone(&self.board.borrow())
    }

    fn take_inbox(&self) -> Option<mpsc::Receiver<ToFloor>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
