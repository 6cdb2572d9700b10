//! Which calls live, and how is one reached?
//!
//! A call is reached by its id or by its user. The registry also answers what the rules ask about
//! other calls: does this pair talk, how many run at this number. Its lock is held for a look-up,
//! never across a wait.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use media::sdp::AudioSession;
use terms::{CallId, PhoneNumberId, WaId, WabaId};
use tokio::sync::mpsc;

use super::actor::Command;

/// Commands that may wait for one call: more than phone and API together ever have under way.
pub(crate) const INBOX_MAX: usize = 64;

/// What others hold of a call.
#[derive(Debug, Clone)]
pub(crate) struct CallHandle {
    pub(crate) id: CallId,
    pub(crate) user: WaId,
    pub(crate) number: PhoneNumberId,
    pub(crate) account: WabaId,
    /// The platform's offer, for the answers to a user's call.
    pub(crate) offer: Option<Arc<AudioSession>>,
    pub(crate) inbox: mpsc::Sender<Command>,
}

/// How many calls run, as the rules count them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Running {
    /// With this user at this number.
    pub(crate) pair: u32,
    /// At this number.
    pub(crate) number: u32,
    /// At all numbers of the account.
    pub(crate) account: u32,
}

/// The live calls; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    calls: Arc<Mutex<BTreeMap<CallId, CallHandle>>>,
}

impl Registry {
    /// Adds a call.
    pub(crate) fn add(&self, handle: CallHandle) {
        self.lock().insert(handle.id.clone(), handle);
    }

    /// Removes a call that ended.
    pub(crate) fn remove(&self, id: &CallId) {
        self.lock().remove(id);
    }

    /// The call of this id.
    pub(crate) fn get(&self, id: &CallId) -> Option<CallHandle> {
        self.lock().get(id).cloned()
    }

    /// The newest live call of this user.
    pub(crate) fn of_user(&self, user: &WaId) -> Option<CallHandle> {
        self.lock().values().rfind(|call| call.user == *user).cloned()
    }

    /// The live call of this pair.
    pub(crate) fn of_pair(&self, number: &PhoneNumberId, user: &WaId) -> Option<CallHandle> {
        let calls = self.lock();
        calls.values().find(|call| call.number == *number && call.user == *user).cloned()
    }

    /// Every live call.
    pub(crate) fn all(&self) -> Vec<CallHandle> {
        self.lock().values().cloned().collect()
    }

    /// How many calls are live.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Counts what runs around a pair.
    pub(crate) fn running(&self, user: &WaId, number: &PhoneNumberId, account: &WabaId) -> Running {
        let mut running = Running::default();
        for call in self.lock().values() {
            let same_number = call.number == *number;
            running.account += u32::from(call.account == *account);
            running.number += u32::from(same_number);
            running.pair += u32::from(same_number && call.user == *user);
        }
        running
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CallId, CallHandle>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
