//! Does so much come that it is worth waiting for more?
//!
//! A thread that wakes for every datagram is soonest; one that lets datagrams gather for a moment wakes less
//! often, but no less than once in that moment, whatever comes. So gathering is cheaper from the rate on at which
//! more than one datagram comes meanwhile.

use std::time::{Duration, Instant};

use super::BUSY;

/// How long is counted, before what comes next is judged by it.
const COUNTED: Duration = Duration::from_millis(100);

/// More datagrams than turns in that time are more than one in each.
const MANY: u128 = COUNTED.as_micros() / BUSY.at_most.as_micros();

/// How much comes.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    /// All that had come then.
    before: u64,
    is_high: bool,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, before: 0, is_high: false }
    }

    /// Takes how many datagrams have come by now in all.
    pub(super) fn look(&mut self, received: u64, now: Instant) {
        let counted = now.saturating_duration_since(self.since);
        if counted < COUNTED {
            return;
        }
        // A thread that was held up counted for longer.
        let parts = (counted.as_micros() / COUNTED.as_micros()).max(1);
        self.is_high = u128::from(received.saturating_sub(self.before)) >= MANY * parts;
        (self.since, self.before) = (now, received);
    }

    /// Whether datagrams shall gather.
    pub(super) fn is_high(&self) -> bool {
        self.is_high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of so many datagrams a second, five seconds later.
    fn gathers(a_second: u64) -> bool {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        for ms in 0..5_000 {
            pace.look(a_second * ms / 1_000, begin + Duration::from_millis(ms));
        }
        pace.is_high()
    }

    #[test]
    fn datagrams_gather_from_more_than_one_at_a_time_on() {
        assert_eq!(
            [0, 50, 250, 450, 550, 100_000].map(gathers),
            [false, false, false, false, true, true]
        );
    }

    #[test]
    fn a_thread_that_was_held_up_does_not_think_that_much_comes() {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        pace.look(250, begin + Duration::from_secs(1));
        assert!(!pace.is_high());
        pace.look(250 + 600, begin + Duration::from_secs(2));
        assert!(pace.is_high());
    }
}
