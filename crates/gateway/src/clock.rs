//! What time is it, here and at the platform?
//!
//! [`now`] is the one place that asks this machine. A sandbox has a clock of its own, which tests move
//! by days; what it says in the `Date` of its answers is kept as [`PlatformClock`], so that windows
//! and permissions end when the platform thinks so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use terms::Timestamp;
use tokio::sync::watch;

/// `Date` has whole seconds and travels a while; a smaller difference is no other clock.
const SAME_CLOCK: Duration = Duration::from_secs(5);

/// Now, UTC.
#[must_use]
pub(crate) fn now() -> Timestamp {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::from_unix_ms(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// How far the platform's clock is ahead of ours, as its last answer said.
#[derive(Debug)]
pub(crate) struct PlatformClock {
    /// In milliseconds; `None` before the first answer.
    ahead: watch::Sender<Option<i64>>,
}

impl Default for PlatformClock {
    fn default() -> Self {
        Self { ahead: watch::Sender::new(None) }
    }
}

impl PlatformClock {
    /// Takes the `Date` of an answer that has just come; one that cannot be read changes nothing.
    pub(crate) fn set(&self, date: &str) {
        let Some(there) = read(date) else { return };
        let ahead_ms = there.unix_ms() - now().unix_ms();
        let ahead_ms = if is_small(ahead_ms) { 0 } else { ahead_ms };
        self.ahead.send_if_modified(|known| {
            let moved = known.is_none_or(|known| !is_small(ahead_ms - known));
            *known = Some(ahead_ms);
            moved
        });
    }

    /// Now, by the platform's clock; by ours before its first answer.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(now().unix_ms() + self.ahead.borrow().unwrap_or(0))
    }

    /// Whether the platform has told its time.
    pub(crate) fn is_known(&self) -> bool {
        self.ahead.borrow().is_some()
    }

    /// Tells when the platform's clock is found to have been moved.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<i64>> {
        self.ahead.subscribe()
    }
}

fn is_small(ms: i64) -> bool {
    u128::from(ms.unsigned_abs()) < SAME_CLOCK.as_millis()
}

/// Reads the `Date` of an answer.
pub(crate) fn read(date: &str) -> Option<Timestamp> {
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

    #[test]
    fn whoever_watches_learns_of_a_move_and_of_nothing_else() {
        let clock = PlatformClock::default();
        let watch = clock.watch();
        assert!(!clock.is_known());
        clock.set("Sun, 22 Nov 2076 20:46:48 GMT");
        assert!(clock.is_known() && watch.has_changed().unwrap());
        let watch = clock.watch();
        clock.set("Sun, 22 Nov 2076 20:46:49 GMT");
        assert!(!watch.has_changed().unwrap(), "a second is no move");
        clock.set("Sun, 29 Nov 2076 20:46:49 GMT");
        assert!(watch.has_changed().unwrap());
    }
}
