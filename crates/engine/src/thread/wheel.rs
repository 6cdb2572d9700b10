//! Which legs want their timers run now?
//!
//! A hashed wheel of 10 ms slots. A leg is entered under its next deadline; when that moves nearer it
//! is entered again, and when it moves away the old entry just finds nothing to do. So an entry is a
//! hint, never a promise, and nothing is ever searched.

use std::time::{Duration, Instant};

/// How fine the wheel turns: half an audio packet.
pub(super) const SLOT: Duration = Duration::from_millis(10);

/// Slots; the wheel spans 5 s, the longest usual deadline. Later ones go round again.
const SLOTS: usize = 512;

/// Entries a slot has room for from the start, so that few calls let none of them grow.
const ROOM: usize = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Vec<Vec<Entry>>,
    origin: Instant,
    /// The next slot to look at, counted from the origin.
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    leg: u32,
    slot: u64,
}

impl Wheel {
    pub(super) fn new(origin: Instant) -> Self {
        let slots = (0..SLOTS).map(|_| Vec::with_capacity(ROOM)).collect();
        Self { slots, origin, next: 0 }
    }

    /// Enters a leg and says under which slot; a leg entered under an earlier one stays there.
    pub(super) fn enter(&mut self, leg: u32, at: Instant, entered: Option<u64>) -> u64 {
        let slot = self.slot_of(at).max(self.next);
        if let Some(entered) = entered
            && entered <= slot
            && entered >= self.next
        {
            return entered;
        }
        if let Some(slots) = self.slots.get_mut(place(slot)) {
            slots.push(Entry { leg, slot });
        }

        slot
    }

    /// When the next slot's legs are due.
    pub(super) fn next_at(&self) -> Instant {
        self.origin + Duration::from_nanos(nanos(SLOT).saturating_mul(self.next))
    }

    /// Moves on to `now` and puts the legs that are due into `due`.
    pub(super) fn advance(&mut self, now: Instant, due: &mut Vec<(u32, u64)>) {
        let until = self.slot_of_past(now);
        // After a long pause each slot is still looked at only once.
        let first = self.next.max(until.saturating_sub(SLOTS as u64));
        for slot in first..until {
            let Some(entries) = self.slots.get_mut(place(slot)) else {
                continue;
            };
            entries.retain(|entry| {
                if entry.slot < until {
                    due.push((entry.leg, entry.slot));
                }
                entry.slot >= until
            });
        }
        self.next = self.next.max(until);
    }

    /// The first slot that ends at or after `at`, so that nobody is asked too early.
    fn slot_of(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin);
        nanos(since).div_ceil(nanos(SLOT))
    }

    /// The first slot that lies in the future.
    fn slot_of_past(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.origin);
        (nanos(since) / nanos(SLOT)).saturating_add(1)
    }
}

/// In one word, which divides much faster than two and holds centuries.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "the remainder is below SLOTS")]
const fn place(slot: u64) -> usize {
    (slot % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(wheel: &mut Wheel, now: Instant) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.advance(now, &mut due);
        due.into_iter().map(|(leg, _)| leg).collect()
    }

    #[test]
    fn a_leg_is_due_within_a_slot_after_its_deadline_and_never_before() {
        let start = Instant::now();
        for ms in [0, 1, 9, 10, 11, 999, 5_119, 5_120, 5_121, 20_000] {
            let mut wheel = Wheel::new(start);
            let now = start + Duration::from_millis(ms);
            wheel.enter(7, now, None);
            assert!(ms == 0 || due(&mut wheel, now - Duration::from_millis(1)).is_empty());
            let mut at = now;
            let mut waited = Duration::ZERO;
            while due(&mut wheel, at).is_empty() {
                at += Duration::from_millis(1);
                waited += Duration::from_millis(1);
            }
            assert!(waited <= SLOT, "{ms} ms: waited {waited:?}");
        }
    }

    #[test]
    fn a_nearer_deadline_counts_and_a_farther_one_changes_nothing() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let far = wheel.enter(1, start + Duration::from_secs(3), None);
        let near = wheel.enter(1, start + Duration::from_millis(50), Some(far));
        assert!(near < far);
        assert_eq!(wheel.enter(1, start + Duration::from_secs(4), Some(near)), near);
        assert_eq!(due(&mut wheel, start + Duration::from_millis(60)), [1]);
    }

    #[test]
    fn a_deadline_beyond_the_wheel_goes_round() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.enter(1, start + Duration::from_secs(12), None);
        for ms in (0..12_000).step_by(10) {
            assert_eq!(due(&mut wheel, start + Duration::from_millis(ms)), [] as [u32; 0], "{ms}");
        }
        assert_eq!(due(&mut wheel, start + Duration::from_millis(12_010)), [1]);
    }

    #[test]
    fn the_next_slot_is_never_later_than_whoever_is_entered() {
        let start = Instant::now();
        for ms in [0, 3, 10, 47, 5_120, 90_000_000_000] {
            let mut wheel = Wheel::new(start);
            let now = start + Duration::from_millis(ms);
            due(&mut wheel, now);
            wheel.enter(1, now, None);
            let next = wheel.next_at();
            assert!(next > now && next <= now + SLOT, "{ms} ms");
            assert_eq!(due(&mut wheel, next), [1], "{ms} ms");
        }
    }

    #[test]
    fn a_long_pause_loses_nobody() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        for leg in 0..100 {
            wheel.enter(leg, start + Duration::from_millis(u64::from(leg) * 97), None);
        }
        let mut all = due(&mut wheel, start + Duration::from_secs(60));
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }
}
