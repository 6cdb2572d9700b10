//! How much sound may be kept at a time?
//!
//! Every ear takes its packets from one budget, whatever it keeps them for, so that many calls cannot
//! fill the memory however few each of them holds.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes of sound kept in memory at a time: some two hundred hours of one voice.
pub(super) const BYTES_MAX: usize = 1 << 30;

/// What a packet costs beside its sound.
const PACKET_BYTES: usize = 64;

/// The budget; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    left: Arc<AtomicUsize>,
}

/// What one ear holds of it; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// A budget of this many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(bytes)) }
    }

    /// A share that holds nothing yet.
    pub(super) fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Takes room for a packet of this much sound; false if there is none.
    pub(super) fn take(&mut self, sound: usize) -> bool {
        let wanted = sound + PACKET_BYTES;
        let left = &self.budget.left;
        let take = |left: usize| left.checked_sub(wanted);
        let is_taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        if is_taken {
            self.bytes += wanted;
        }
        is_taken
    }

    /// Gives back the room of a packet of this much sound.
    pub(super) fn give(&mut self, sound: usize) {
        let given = (sound + PACKET_BYTES).min(self.bytes);
        self.bytes -= given;
        self.budget.left.fetch_add(given, Ordering::Relaxed);
    }

    /// Gives back everything.
    pub(super) fn give_all(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_take_from_one_budget_and_give_back() {
        let budget = Budget::new(2 * (100 + PACKET_BYTES));
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.take(100) && other.take(100));
        assert!(!one.take(0), "nothing is left");
        one.give(100);
        assert!(other.take(100));
        drop(other);
        assert!(one.take(100) && one.take(100) && !one.take(100));
    }
}
