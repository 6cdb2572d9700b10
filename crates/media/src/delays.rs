//! How are many delays spread?
//!
//! Counts by size: exact to 32 µs, and to a thirty-second above. What one leg has measured fits into
//! three kilobytes, and adding a delay touches one number.

use std::time::Duration;

/// Counts within one doubling.
const STEPS: usize = 32;

/// Doublings of 32 µs that are told apart; longer ones, from 16 s, count as the longest.
const DOUBLINGS: usize = 19;

/// Counts in all.
const COUNTS: usize = STEPS * (DOUBLINGS + 1);

/// Delays, counted by size.
#[derive(Clone, PartialEq, Eq)]
pub struct Delays(Box<[u32; COUNTS]>);

impl Default for Delays {
    fn default() -> Self {
        Self(Box::new([0; COUNTS]))
    }
}

impl std::fmt::Debug for Delays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Delays({}, median {:?})", self.len(), self.quantile(0.5))
    }
}

impl Delays {
    /// Counts a delay.
    pub fn add(&mut self, delay: Duration) {
        let count = &mut self.0[place(delay)];
        *count = count.saturating_add(1);
    }

    /// Counts the delays of others too.
    pub fn add_all(&mut self, others: &Self) {
        for (count, other) in self.0.iter_mut().zip(others.0.iter()) {
            *count = count.saturating_add(*other);
        }
    }

    /// What came since an earlier copy was taken.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut rest = self.clone();
        for (count, before) in rest.0.iter_mut().zip(earlier.0.iter()) {
            *count = count.saturating_sub(*before);
        }

        rest
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// The delay that this share of all does not exceed, 0 to 1; none when there are none.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count, not below one"
    )]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all = self.len();
        let rank = ((all as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut passed = 0;
        self.0.iter().enumerate().find_map(|(place, count)| {
            passed += u64::from(*count);
            (passed >= rank && *count > 0).then(|| middle(place))
        })
    }
}

/// Where a delay is counted.
fn place(delay: Duration) -> usize {
    let micros = usize::try_from(delay.as_micros()).unwrap_or(usize::MAX);
    let Some(doubling) = (micros / STEPS).checked_ilog2() else {
        return micros;
    };
    let step = (micros >> doubling) - STEPS;

    ((doubling as usize + 1) * STEPS + step).min(COUNTS - 1)
}

/// The middle of the delays counted at `place`.
fn middle(place: usize) -> Duration {
    let (doubling, step) = (place / STEPS, place % STEPS);
    let nanos = match doubling.checked_sub(1) {
        None => step * 1_000 + 500,
        Some(doubling) => (((STEPS + step) << doubling) * 1_000) + ((1_000 << doubling) / 2),
    };

    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_found_again_within_a_thirty_second() {
        for micros in [0, 1, 31, 32, 33, 63, 64, 1_000, 2_047, 2_048, 20_000, 999_999, 15_000_000] {
            let mut delays = Delays::default();
            delays.add(Duration::from_micros(micros));
            let found = delays.quantile(0.5).unwrap();
            let off = found.abs_diff(Duration::from_micros(micros)).as_nanos();
            assert!(off <= u128::from(micros) * 1_000 / 32 + 1_000, "{micros}: {found:?}");
        }
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut delays = Delays::default();
        assert_eq!((delays.quantile(0.5), delays.is_empty()), (None, true));
        for ms in 1..=100 {
            delays.add(Duration::from_millis(ms));
        }
        let near = |share: f64, ms: f64| {
            let found = delays.quantile(share).unwrap().as_secs_f64() * 1_000.0;
            assert!((found - ms).abs() <= ms / 32.0 + 0.01, "{share}: {found}");
        };
        near(0.0, 1.0);
        near(0.5, 50.0);
        near(0.99, 99.0);
        near(1.0, 100.0);
        assert_eq!(delays.len(), 100);
    }

    #[test]
    fn what_came_since_is_the_difference() {
        let mut delays = Delays::default();
        delays.add(Duration::from_millis(5));
        let earlier = delays.clone();
        delays.add(Duration::from_millis(50));
        let rest = delays.since(&earlier);
        assert_eq!(rest.len(), 1);
        assert!(rest.quantile(0.5).unwrap() > Duration::from_millis(40));
        let mut both = rest;
        both.add_all(&earlier);
        assert_eq!(both, delays);
    }

    #[test]
    fn a_delay_without_end_counts_as_the_longest() {
        let mut delays = Delays::default();
        delays.add(Duration::MAX);
        assert!(delays.quantile(1.0).unwrap() > Duration::from_secs(15));
    }
}
