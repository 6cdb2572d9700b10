//! How busy is a media thread, and what gives way first?
//!
//! Measured, not guessed from the number of calls: the processor time a thread has used, over the time
//! that went by, in the last second. What gives way is decided here alone: first the taps, which only
//! listen, then calls that are not there yet. What is forwarded never does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time a share is measured over.
const WINDOW: Duration = Duration::from_secs(1);

/// Between two looks at the processor time.
const STEP: Duration = Duration::from_millis(100);

/// Looks in a window.
pub(crate) const MEASURES: usize = 10;

/// Shares of a media thread's time, 0 to 1, past which something gives way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BusyLimits {
    /// Taps get no packets.
    pub taps: f32,
    /// No call is taken on.
    pub calls: f32,
}

impl Default for BusyLimits {
    /// Calls past 80 %, taps past 70 %.
    fn default() -> Self {
        Self { taps: 0.7, calls: 0.8 }
    }
}

/// What a thread has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// All there is to do.
    Enough,
    /// Calls, but no taps.
    ForCalls,
    /// The calls it has.
    None,
}

impl BusyLimits {
    pub(crate) fn room_at(self, share: f32) -> Room {
        if share > self.calls {
            Room::None
        } else if share > self.taps {
            Room::ForCalls
        } else {
            Room::Enough
        }
    }
}

/// What one thread has used lately.
#[derive(Debug)]
pub(crate) struct Pressure {
    /// When, and the processor time used until then; oldest first, the window and one more.
    used: VecDeque<(Instant, Duration)>,
}

impl Default for Pressure {
    fn default() -> Self {
        // Room for all it ever holds: it grows beside the way of a packet.
        Self { used: VecDeque::with_capacity(2 * MEASURES) }
    }
}

impl Pressure {
    /// Whether it is time for [`Pressure::measure`].
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.used.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= STEP)
    }

    /// The share of the last second; none was busy before there is a whole one.
    pub(crate) fn measure(&mut self, now: Instant, used: Duration) -> f32 {
        let ago = |at: Instant| now.saturating_duration_since(at);
        // The newest that is a whole window old begins it.
        while self.used.get(1).is_some_and(|(at, _)| ago(*at) >= WINDOW) {
            self.used.pop_front();
        }
        self.used.push_back((now, used));
        match self.used.front() {
            Some((at, before)) if ago(*at) >= WINDOW => {
                used.saturating_sub(*before).div_duration_f32(ago(*at)).min(1.0)
            }
            Some(_) | None => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_give_way_before_calls_and_nothing_else_does() {
        let limits = BusyLimits::default();
        for (share, room) in [
            (0.0, Room::Enough),
            (0.7, Room::Enough),
            (0.701, Room::ForCalls),
            (0.8, Room::ForCalls),
            (0.801, Room::None),
            (1.0, Room::None),
        ] {
            assert_eq!(limits.room_at(share), room, "at {share}");
        }
        // Whoever sets the taps' limit higher has no step between.
        let calls_first = BusyLimits { taps: 0.9, calls: 0.5 };
        assert_eq!(calls_first.room_at(0.6), Room::None);
    }

    /// Runs a thread at these shares, 50 ms each, and says what was measured at the end.
    fn after(shares: &[f32]) -> f32 {
        let start = Instant::now();
        let mut pressure = Pressure::default();
        let (mut now, mut used) = (start, Duration::ZERO);
        for share in shares {
            if pressure.is_due(now) {
                pressure.measure(now, used);
            }
            now += Duration::from_millis(50);
            used += Duration::from_millis(50).mul_f32(*share);
        }
        pressure.measure(now, used)
    }

    #[test]
    fn the_share_is_that_of_the_last_second() {
        let close = |measured: f32, expected: f32| (measured - expected).abs() < 0.01;
        assert!(close(after(&[0.5; 40]), 0.5));
        // A second is needed before anything is said.
        assert!(close(after(&[1.0; 18]), 0.0));
        assert!(close(after(&[1.0; 20]), 1.0));
        // A burst of a fifth of a second is a fifth, and forgotten a second later.
        let burst = [vec![0.0; 40], vec![1.0; 4]].concat();
        assert!(close(after(&burst), 0.2), "{}", after(&burst));
        assert!(close(after(&[burst, vec![0.0; 24]].concat()), 0.0));
        // Two threads' worth in one thread's time cannot be.
        assert!(close(after(&[2.0; 40]), 1.0));
    }

    #[test]
    fn a_thread_that_slept_long_is_measured_over_its_sleep() {
        let start = Instant::now();
        let mut pressure = Pressure::default();
        pressure.measure(start, Duration::ZERO);
        let share = pressure.measure(start + Duration::from_secs(10), Duration::from_secs(5));
        assert!((share - 0.5).abs() < 0.01, "{share}");
    }
}
