//! Which line does a `Call-ID` name?
//!
//! A telephone that wants to take the place of another one names that one's call so ([`super::replacing`]).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::mpsc;

use super::{line::Said, road::Road};

/// The lines that stand, by the `Call-ID` of their SIP call.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    known: Mutex<HashMap<String, Weak<Known>>>,
}

/// A line, for as long as its call holds this.
#[derive(Debug)]
pub(crate) struct Known {
    /// Its trunk.
    pub(crate) road: Arc<Road>,
    /// Its number in its call.
    pub(crate) number: u64,
    /// Where its call hears of it.
    pub(crate) tell: mpsc::Sender<Said>,
}

impl Lines {
    /// Knows a line until what comes back is dropped.
    pub(crate) fn know(&self, sip_call_id: &str, line: Known) -> Arc<Known> {
        let line = Arc::new(line);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= known.capacity() {
            known.retain(|_, line| line.strong_count() > 0);
        }
        known.insert(sip_call_id.to_owned(), Arc::downgrade(&line));
        line
    }

    /// The line of this `Call-ID`.
    pub(crate) fn find(&self, sip_call_id: &str) -> Option<Arc<Known>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(sip_call_id)?.upgrade()
    }
}
