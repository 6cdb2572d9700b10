//! Whose call is it, and where is its task?
//!
//! A call is known by its id; one we place has none until the platform answers, so until then it is
//! known by the `biz_opaque_callback_data` we gave with it, which every webhook of it carries.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use switchboard::{
    call::{Status, Termination},
    flow::{FromQueue, Key},
    recording::Wish,
};
use terms::{AgentId, CallId, PhoneNumberId, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use wire::{SdpText, console::Call, webhook::call::EndStatus};

use super::order::{Asker, Order};
use crate::{cdr::LegRecord, events::ConsoleId, flows::FlowRecord, store::LineSet};

/// How many letters may wait for one call: a whole call gets about twenty.
const LETTERS_MAX: usize = 64;

/// What starts the opaque data of our calls, so that a call of a gateway that died is recognised.
pub(crate) const OPAQUE_PREFIX: &str = "offhook-";

/// Something for the task of a call.
#[derive(Debug)]
pub(crate) enum Letter {
    /// The platform answered our offer.
    Answer { call_id: CallId, sdp: SdpText },
    /// The platform says how far our call is.
    Status { call_id: CallId, status: Status },
    /// The platform says the call is over.
    Terminated { call_id: CallId, figures: Box<Figures> },
    /// An agent takes the call.
    AgentAnswers { agent: AgentId, console: ConsoleId, offer: SdpText },
    /// An agent whose page was gone is back in the call.
    AgentReturns { agent: AgentId, console: ConsoleId, offer: SdpText },
    /// A supervisor wants to listen.
    SupervisorListens { supervisor: AgentId, console: ConsoleId, offer: SdpText },
    /// Do this; the answer says whether it is done, or why not.
    Do { order: Order, asker: Asker, answer: oneshot::Sender<Result<(), String>> },
    /// What is to become of the recording; the answer says whether it is done, or why not.
    Record { wish: Wish, asker: Asker, answer: oneshot::Sender<Result<(), String>> },
    /// An agent does not want it.
    AgentDeclines(AgentId),
    /// A console closed; `last` when the agent has no other.
    ConsoleClosed { agent: AgentId, console: ConsoleId, last: bool },
    /// The microphone of an agent or supervisor in the call.
    AgentMutes { agent: AgentId, on: bool },
    /// The agent's dialpad.
    AgentKey { agent: AgentId, key: Key },
    /// The queue has a word for it.
    Queue(FromQueue),
    /// How is it going?
    Look(oneshot::Sender<Look>),
    /// The gateway stops.
    Stop,
}

/// A letter and what holds its webhook in the inbox.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) letter: Letter,
    pub(crate) receipt: Option<Receipt>,
}

/// Held until what a webhook brought is on disk: only then the webhook may leave the inbox. Whoever
/// carries it out drops it; nothing is sent.
#[derive(Debug, Clone)]
pub(crate) struct Receipt(
    #[expect(dead_code, reason = "it is held, not used")] mpsc::Sender<Infallible>,
);

/// Tells when every copy of a [`Receipt`] is gone.
#[derive(Debug)]
pub(crate) struct Settled(mpsc::Receiver<Infallible>);

impl Receipt {
    /// A receipt and what waits for it.
    pub(crate) fn new() -> (Self, Settled) {
        let (held, dropped) = mpsc::channel(1);
        (Self(held), Settled(dropped))
    }
}

impl Settled {
    /// Whether every copy is gone.
    pub(crate) fn is_settled(&self) -> bool {
        self.0.sender_strong_count() == 0
    }

    /// Waits until every copy is gone.
    pub(crate) async fn wait(mut self) {
        let nothing = self.0.recv().await;
        debug_assert!(nothing.is_none(), "an Infallible cannot be sent");
    }
}

/// What the `terminate` webhook says.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) termination: Termination,
    /// How it ended, in the platform's word.
    pub(crate) status: Option<EndStatus>,
    pub(crate) at: Timestamp,
    pub(crate) start: Option<Timestamp>,
    pub(crate) duration_s: Option<u64>,
}

impl Figures {
    /// How it ended, as a record says it.
    pub(crate) fn status_word(&self) -> Option<String> {
        self.status.as_ref().map(|status| status.as_str().to_ascii_uppercase())
    }
}

/// A live call seen from outside.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) call: Option<Call>,
    pub(crate) waiting_for: Option<&'static str>,
    pub(crate) step: Option<String>,
    pub(crate) flow: Option<FlowRecord>,
    pub(crate) whatsapp_leg: Option<LegRecord>,
    pub(crate) agent_leg: Option<LegRecord>,
}

/// What others hold of a call.
#[derive(Debug, Clone)]
pub(crate) struct CallHandle {
    line: PhoneNumberId,
    letters: mpsc::Sender<Sealed>,
}

impl CallHandle {
    /// A handle and the inbox it fills.
    pub(crate) fn new(line: PhoneNumberId) -> (Self, mpsc::Receiver<Sealed>) {
        let (letters, inbox) = mpsc::channel(LETTERS_MAX);
        (Self { line, letters }, inbox)
    }

    /// The line the call is on.
    pub(crate) fn line(&self) -> &PhoneNumberId {
        &self.line
    }

    /// Sends a letter; `false` when the call is over or does not read.
    pub(crate) fn send(&self, letter: Letter) -> bool {
        self.post(Sealed { letter, receipt: None })
    }

    /// Sends what a webhook brought; the receipt is dropped once that is on disk.
    pub(crate) fn deliver(&self, letter: Letter, receipt: Receipt) -> bool {
        self.post(Sealed { letter, receipt: Some(receipt) })
    }

    fn post(&self, sealed: Sealed) -> bool {
        match self.letters.try_send(sealed) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::warn!("the inbox of a call is full; an input is lost");
                false
            }
        }
    }
}

/// The tasks of all live calls.
#[derive(Debug)]
pub(crate) struct Registry {
    calls: Mutex<Calls>,
    /// How many tasks run; those who stop wait for zero.
    running: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Calls {
    by_id: BTreeMap<CallId, CallHandle>,
    by_opaque: BTreeMap<String, CallHandle>,
    doors: Doors,
}

/// Whether new calls come in and go out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Doors {
    #[default]
    Open,
    /// The gateway drains or stops.
    Closed,
}

/// A call that was entered.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) running: Running,
    /// It came too late: the gateway stops.
    pub(crate) too_late: bool,
}

/// Counts a running task until it is dropped.
#[derive(Debug)]
pub(crate) struct Running(watch::Sender<usize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { calls: Mutex::default(), running: watch::Sender::new(0) }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a user's call; `None` when it runs already. One that comes when the doors are closed is
    /// entered too: somebody must tell the platform.
    pub(crate) fn enter(&self, call_id: &CallId, handle: CallHandle) -> Option<Entered> {
        let mut calls = self.calls();
        if calls.by_id.contains_key(call_id) {
            return None;
        }
        calls.by_id.insert(call_id.clone(), handle);
        let too_late = calls.doors == Doors::Closed;
        Some(Entered { running: self.counted(), too_late })
    }

    /// Enters a call we place; `None` when the gateway stops.
    pub(crate) fn enter_placed(&self, opaque: &str, handle: CallHandle) -> Option<Running> {
        let mut calls = self.calls();
        if calls.doors == Doors::Closed {
            return None;
        }
        calls.by_opaque.insert(opaque.to_owned(), handle);
        Some(self.counted())
    }

    fn counted(&self) -> Running {
        self.running.send_modify(|count| *count += 1);
        Running(self.running.clone())
    }

    /// A placed call learnt its id.
    pub(crate) fn name(&self, call_id: &CallId, opaque: &str) {
        let mut calls = self.calls();
        if let Some(handle) = calls.by_opaque.get(opaque).cloned() {
            calls.by_id.insert(call_id.clone(), handle);
        }
    }

    /// A call is over.
    pub(crate) fn leave(&self, call_id: Option<&CallId>, opaque: Option<&str>) {
        let mut calls = self.calls();
        if let Some(call_id) = call_id {
            calls.by_id.remove(call_id);
        }
        if let Some(opaque) = opaque {
            calls.by_opaque.remove(opaque);
        }
    }

    /// The task of a call on one of these lines, by id or by the data we gave with it.
    pub(crate) fn find(
        &self,
        lines: &LineSet,
        call_id: &CallId,
        opaque: Option<&str>,
    ) -> Option<CallHandle> {
        let calls = self.calls();
        let by_opaque = || opaque.and_then(|opaque| calls.by_opaque.get(opaque));
        let found = calls.by_id.get(call_id).or_else(by_opaque);
        found.filter(|call| lines.contains(call.line())).cloned()
    }

    /// Sends a letter to every call.
    pub(crate) fn send_to_all(&self, letter: impl Fn() -> Letter) {
        let calls = self.calls();
        let placed = calls.by_opaque.values();
        let mine: Vec<_> = calls.by_id.values().chain(placed).cloned().collect();
        drop(calls);
        for handle in mine {
            handle.send(letter());
        }
    }

    /// How many tasks run.
    pub(crate) fn count(&self) -> usize {
        *self.running.borrow()
    }

    /// From now on no call is placed, and a user's call is told that it comes too late.
    pub(crate) fn close_doors(&self) {
        self.calls().doors = Doors::Closed;
    }

    /// Waits until no task runs.
    pub(crate) async fn run_dry(&self) {
        let mut running = self.running.subscribe();
        // The sender is ours: it cannot be gone.
        drop(running.wait_for(|count| *count == 0).await);
    }

    /// Ends every call and waits until all are recorded, or until the patience is over.
    pub(crate) async fn stop(&self, patience: Duration) {
        self.close_doors();
        self.send_to_all(|| Letter::Stop);
        let stopped = tokio::time::timeout(patience, self.run_dry()).await;
        if stopped.is_err() {
            tracing::warn!("calls are left that the platform has not confirmed as ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> PhoneNumberId {
        "1".parse().unwrap()
    }

    #[test]
    fn a_webhook_is_settled_when_the_last_letter_of_it_is_carried_out() {
        let (receipt, settled) = Receipt::new();
        let (call, mut inbox) = CallHandle::new(line());
        assert!(call.deliver(Letter::Stop, receipt.clone()));
        drop(receipt);
        assert!(!settled.is_settled(), "the letter waits");
        drop(inbox.try_recv().expect("a letter"));
        assert!(settled.is_settled());
    }

    #[test]
    fn behind_closed_doors_a_users_call_is_too_late_and_none_is_placed() {
        let registry = Registry::new();
        let id: CallId = "wacid.A".parse().unwrap();
        registry.close_doors();
        assert!(registry.enter_placed("offhook-1", CallHandle::new(line()).0).is_none());
        let entered = registry.enter(&id, CallHandle::new(line()).0).expect("it is new");
        assert!(entered.too_late && registry.count() == 1);
        let other = LineSet::one(&"2".parse().unwrap());
        assert!(registry.find(&LineSet::one(&line()), &id, None).is_some());
        assert!(registry.find(&other, &id, None).is_none(), "another line's call");
        assert!(registry.enter(&id, CallHandle::new(line()).0).is_none(), "it runs already");
        drop(entered);
        assert_eq!(registry.count(), 0);
    }
}
