//! When is a request that failed asked again?
//!
//! Pure: the luck is an argument. A platform that did not answer or broke is asked once more; one that
//! takes no more requests from us for a moment is left alone for at least as long as it says, each time
//! twice as long. Pauses lie up to a half around what is said, so that calls that failed together do not
//! come back together. Whoever waits for longer than the platform waits for our answer need not ask.

use std::time::Duration;

/// How long before the one repetition: long enough for a hiccup, short beside the answer window.
const BROKEN: Duration = Duration::from_millis(300);
/// The first pause of a platform that has enough of us.
const THROTTLED: Duration = Duration::from_millis(500);
/// How often such a platform is asked again.
const THROTTLED_MAX: u32 = 3;
/// A caller waits 30 s for `accept` at the least (fact sheet 3.3); a longer pause is an answer.
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No answer, or one that says the platform is broken.
    Broken,
    /// Too many requests.
    Throttled {
        /// What `Retry-After` says.
        after: Option<Duration>,
    },
    /// The platform said no, and will again.
    Refused,
}

/// How long to wait before the next try; none when there is none. `failed` tries came before it; `luck`
/// is from 0 to 1.
pub(crate) fn pause(failure: Failure, failed: u32, luck: f64) -> Option<Duration> {
    let around = |pause: Duration| pause.mul_f64(0.5 + luck.clamp(0.0, 1.0));
    match failure {
        Failure::Refused => None,
        Failure::Broken => (failed == 0).then(|| around(BROKEN)),
        Failure::Throttled { .. } if failed >= THROTTLED_MAX => None,
        Failure::Throttled { after } => {
            let ours = around(THROTTLED.saturating_mul(2_u32.saturating_pow(failed)));
            let pause = after.map_or(ours, |after| after.max(ours));
            (pause <= PAUSE_MAX).then_some(pause)
        }
    }
}

/// Whether a code says that too much was asked: of the app, the number, the pair or of consent (fact
/// sheet 9.3 and 9.5); `429` is a front door's own. Limits of calls are none of these: they do not pass in a
/// moment.
pub(crate) fn is_throttled(code: i64) -> bool {
    matches!(code, 4 | 429 | 613 | 80_007 | 130_429 | 131_056)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_broken_platform_is_asked_once_more() {
        assert_eq!(pause(Failure::Broken, 0, 0.5), Some(MS(300)));
        assert_eq!(pause(Failure::Broken, 0, 0.0), Some(MS(150)));
        assert_eq!(pause(Failure::Broken, 1, 0.5), None);
        assert_eq!(pause(Failure::Refused, 0, 0.5), None);
    }

    #[test]
    fn a_throttled_request_waits_longer_each_time_and_as_long_as_it_is_told() {
        let none = Failure::Throttled { after: None };
        let pauses: Vec<_> = (0..4).map(|failed| pause(none, failed, 0.5)).collect();
        assert_eq!(pauses, [Some(MS(500)), Some(MS(1_000)), Some(MS(2_000)), None]);
        let told = |seconds| Failure::Throttled { after: Some(Duration::from_secs(seconds)) };
        assert_eq!(pause(told(3), 0, 0.0), Some(MS(3_000)));
        assert_eq!(pause(told(0), 1, 0.5), Some(MS(1_000)), "not sooner than we would");
        assert_eq!(pause(told(60), 0, 0.5), None, "the caller is gone by then");
    }

    #[test]
    fn limits_of_calls_are_no_throttling() {
        assert!([4, 429, 613, 80_007, 130_429, 131_056].into_iter().all(is_throttled));
        assert!(![138_002, 138_005, 138_012, 100, 190].into_iter().any(is_throttled));
    }
}
