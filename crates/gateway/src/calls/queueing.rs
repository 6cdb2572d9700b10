//! What do a call and the queue it waits in say to each other?
//!
//! Letters both ways. The call says when it comes and goes; the queue says where it stands and whom
//! to ring. Every word of the queue is the switchboard's to judge.

use switchboard::{
    call::Input,
    flow::{FromQueue, ToQueue},
    queue::{Entry, Left, Overflow, Ticket},
};
use terms::{AgentId, Timestamp};
use tokio::time::Instant;
use wire::{console::QueuePlace, event::What};

use super::actor::CallActor;
use crate::{
    callbacks::{self, Keeping, Wanted},
    cdr::QueueRecord,
    clock,
    queues::{Guest, ToFloor},
};

/// A call's time in a queue.
#[derive(Debug)]
pub(super) struct Stay {
    entry: Entry,
    since: Timestamp,
    entered: Instant,
    position: Option<u32>,
    estimated_wait_s: Option<u64>,
    offered_to: Vec<AgentId>,
    left: Option<(Left, u64)>,
}

impl Stay {
    /// Where the call stands, or from where it came to its agent.
    pub(super) fn place(&self) -> Option<QueuePlace> {
        let waits = match &self.left {
            None => true,
            Some((Left::Answered(_), _)) => false,
            Some((Left::Abandoned | Left::CalledBack | Left::Overflowed(_) | Left::MovedOn, _)) => {
                return None;
            }
        };
        Some(QueuePlace {
            name: self.entry.queue.clone(),
            since: self.since,
            position: self.position.filter(|_| waits),
            estimated_wait_s: self.estimated_wait_s.filter(|_| waits),
        })
    }

    pub(super) fn record(&self) -> QueueRecord {
        let (left, waited_s) = match &self.left {
            Some((left, waited_s)) => (left.as_str(), *waited_s),
            None => (Left::MovedOn.as_str(), self.entered.elapsed().as_secs()),
        };
        QueueRecord {
            name: self.entry.queue.clone(),
            waited_s,
            left: left.into(),
            offered_to: self.offered_to.clone(),
        }
    }
}

impl CallActor {
    /// Tells the queue; may bring the next input at once.
    pub(super) async fn tell_queue(&mut self, word: ToQueue) -> Option<Input> {
        let ticket = Ticket::Call(self.facts.call_id.clone()?);
        match word {
            ToQueue::Enter(entry) => return self.enter_queue(ticket, entry).await,
            ToQueue::Leave(left) => {
                if let Some(stay) = self.facts.queue.as_mut().filter(|stay| stay.left.is_none()) {
                    let waited = stay.entered.elapsed();
                    stay.left = Some((left.clone(), waited.as_secs()));
                    self.office.metrics.waited(left.as_str(), waited);
                    self.watch_beside("queue", false);
                }
                self.line.organisation.queues.tell(ToFloor::Leaves { ticket, left }).await;
            }
            ToQueue::Passed(agent) => {
                self.line.organisation.queues.tell(ToFloor::Passes { ticket, agent }).await;
            }
            ToQueue::KeepCallback => return Some(Input::Queue(self.keep_callback().await)),
        }
        None
    }

    /// Notes what the queue says before the switchboard judges it.
    pub(super) fn hear_queue(&mut self, word: FromQueue) -> Input {
        let mut first = false;
        if let Some(stay) = self.facts.queue.as_mut().filter(|stay| stay.left.is_none()) {
            match &word {
                FromQueue::Place { position, estimate } => {
                    first = stay.position.is_none();
                    stay.position = u32::try_from(*position).ok();
                    stay.estimated_wait_s = estimate.map(|estimate| estimate.as_secs());
                }
                FromQueue::Offered(agent) => stay.offered_to.push(agent.clone()),
                FromQueue::Withdrawn(_)
                | FromQueue::Overflow(_)
                | FromQueue::CallbackKept
                | FromQueue::CallbackNotKept => {}
            }
        }
        if first {
            self.tell_outside_by(&self.facts.queues.to_string(), What::CallQueued);
        }
        Input::Queue(word)
    }

    async fn enter_queue(&mut self, ticket: Ticket, entry: Entry) -> Option<Input> {
        let since = clock::now();
        self.facts.queues = self.facts.queues.saturating_add(1);
        self.facts.queue = Some(Stay {
            entry: entry.clone(),
            since,
            entered: Instant::now(),
            position: None,
            estimated_wait_s: None,
            offered_to: Vec::new(),
            left: None,
        });
        self.watch_beside("queue", true);
        let call = self.facts.call_id.as_ref();
        let lines = &self.line.organisation.lines;
        let handle = call.and_then(|call_id| self.office.registry.find(lines, call_id, None));
        let guest = Guest { contact: self.facts.contact.clone(), call: handle };
        let entered = ToFloor::Enters { ticket, entry, since, guest };
        let taken = self.line.organisation.queues.send(entered).await;
        (!taken).then_some(Input::Queue(FromQueue::Overflow(Overflow::NoQueue)))
    }

    async fn keep_callback(&self) -> FromQueue {
        let (Some(stay), Some(call_id)) = (&self.facts.queue, &self.facts.call_id) else {
            return FromQueue::CallbackNotKept;
        };
        let wanted = Wanted {
            queue: stay.entry.queue.clone(),
            priority: stay.entry.priority,
            since: stay.since,
            contact: self.facts.contact.clone(),
            from_call: Some(call_id.clone()),
        };
        match callbacks::keep(&self.office, &self.line, wanted).await {
            Ok(Keeping::Kept(_) | Keeping::Already(_)) => FromQueue::CallbackKept,
            Ok(Keeping::NoUser | Keeping::Full) => FromQueue::CallbackNotKept,
            Err(error) => {
                tracing::error!(%error, "a callback is not on disk");
                FromQueue::CallbackNotKept
            }
        }
    }
}
