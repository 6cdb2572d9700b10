//! Which calls live, and how is one reached?
//!
//! A call is reached by its id or by its user. The registry also answers what the rules ask about
//! other calls: does this pair talk, how many run at this number. A call takes the place of neither
//! party once that one is told it is over, though its legs may still close; in voicemail it is over for
//! the business and not for the user. The lock is held for a look-up, never across a wait.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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
    /// For whom the call is over.
    pub(crate) over: Over,
    /// How many calls were placed before it; known once it is added.
    pub(crate) nth: u64,
    pub(crate) inbox: mpsc::Sender<Command>,
}

/// For whom a call that still has a task is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) for_user: bool,
    pub(crate) for_business: bool,
}

/// How many calls run, as the rules count them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Running {
    /// With this user at this number, as the user sees it.
    pub(crate) pair_of_user: u32,
    /// The same as the business sees it.
    pub(crate) pair_of_business: u32,
    /// At this number.
    pub(crate) number: u32,
    /// At all numbers of the account.
    pub(crate) account: u32,
}

/// The live calls; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    calls: Arc<Mutex<BTreeMap<CallId, CallHandle>>>,
    added: Arc<AtomicU64>,
}

impl Registry {
    /// Adds a call.
    pub(crate) fn add(&self, handle: CallHandle) {
        let nth = self.added.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(handle.id.clone(), CallHandle { nth, ..handle });
    }

    /// The user's phone is about to hear that this call is over.
    pub(crate) fn free_user(&self, id: &CallId) {
        if let Some(call) = self.lock().get_mut(id) {
            call.over.for_user = true;
        }
    }

    /// The business is about to hear that this call is over.
    pub(crate) fn free_business(&self, id: &CallId) {
        if let Some(call) = self.lock().get_mut(id) {
            call.over.for_business = true;
        }
    }

    /// Removes a call whose last figures are known.
    pub(crate) fn remove(&self, id: &CallId) {
        self.lock().remove(id);
    }

    /// The call of this id.
    pub(crate) fn get(&self, id: &CallId) -> Option<CallHandle> {
        self.lock().get(id).cloned()
    }

    /// The newest live call of this user; one that is over for the user comes last.
    pub(crate) fn of_user(&self, user: &WaId) -> Option<CallHandle> {
        let calls = self.lock();
        let of_user = calls.values().filter(|call| call.user == *user);
        of_user.max_by_key(|call| (!call.over.for_user, call.nth)).cloned()
    }

    /// The live call of this pair, as the business sees it.
    pub(crate) fn of_pair(&self, number: &PhoneNumberId, user: &WaId) -> Option<CallHandle> {
        let is_it = |call: &&CallHandle| {
            !call.over.for_business && call.number == *number && call.user == *user
        };
        self.lock().values().find(is_it).cloned()
    }

    /// Every call that has a task, also those that are over.
    pub(crate) fn all(&self) -> Vec<CallHandle> {
        self.lock().values().cloned().collect()
    }

    /// How many calls have a task, and so legs.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Counts what runs around a pair.
    pub(crate) fn running(&self, user: &WaId, number: &PhoneNumberId, account: &WabaId) -> Running {
        let mut running = Running::default();
        for call in self.lock().values() {
            let same_number = call.number == *number;
            let same_pair = same_number && call.user == *user;
            running.pair_of_user += u32::from(same_pair && !call.over.for_user);
            if !call.over.for_business {
                running.account += u32::from(call.account == *account);
                running.number += u32::from(same_number);
                running.pair_of_business += u32::from(same_pair);
            }
        }
        running
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CallId, CallHandle>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
