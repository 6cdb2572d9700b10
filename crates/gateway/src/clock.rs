//! What time is it, here and at the platform?
//!
//! [`now`] is the one place that asks this machine. A sandbox has a clock of its own, which tests move
//! by days; what it says in the `Date` of its answers is kept as [`PlatformClock`], so that windows
//! and permissions end when the platform thinks so.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use terms::Timestamp;

/// `Date` has whole seconds and travels a while; a smaller difference is no other clock.
const SAME_CLOCK: Duration = Duration::from_secs(5);

/// Now, UTC.
#[must_use]
pub(crate) fn now() -> Timestamp {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::from_unix_ms(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// How far the platform's clock is ahead of ours, as its last answer said.
#[derive(Debug, Default)]
pub(crate) struct PlatformClock {
    ahead_ms: AtomicI64,
}

impl PlatformClock {
    /// Takes the `Date` of an answer that has just come; one that cannot be read changes nothing.
    pub(crate) fn set(&self, date: &str) {
        let Some(there) = read(date) else { return };
        let ahead_ms = there.unix_ms() - now().unix_ms();
        let same = u128::from(ahead_ms.unsigned_abs()) < SAME_CLOCK.as_millis();
        self.ahead_ms.store(if same { 0 } else { ahead_ms }, Ordering::Relaxed);
    }

    /// Now, by the platform's clock.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(now().unix_ms() + self.ahead_ms.load(Ordering::Relaxed))
    }
}

fn read(date: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(Timestamp::from_unix_ms(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_days_ahead_is_followed_and_a_hiccup_is_not() {
        let clock = PlatformClock::default();
        clock.set("Sun, 22 Nov 2076 20:46:48 GMT");
        assert!(clock.now() > Timestamp::from_unix(3_000_000_000));
        clock.set("no date");
        assert!(clock.now() > Timestamp::from_unix(3_000_000_000));
        let at = now().to_jiff().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        clock.set(&at);
        assert!(clock.now().since(now()) < Duration::from_secs(1));
    }
}
