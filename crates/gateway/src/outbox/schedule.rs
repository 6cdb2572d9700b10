//! When is a delivery that failed tried again?
//!
//! Pure: the luck is an argument. The waits are a list; after the last the delivery is dead. Each wait
//! is up to a fifth longer than said, so that what failed together does not come back together.

use std::time::Duration;

use terms::Timestamp;

use crate::store::Next;

/// The waits that Standard Webhooks suggests: 76 hours in all.
pub(crate) const RETRIES_DEFAULT: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(14 * 3_600),
    Duration::from_secs(20 * 3_600),
    Duration::from_secs(24 * 3_600),
];

/// The receiver says that it wants no more of this, ever.
const GONE: u16 = 410;

/// What follows an attempt that got this status, or none. `failed` attempts came before it; `luck` is
/// from 0 to 1.
pub(crate) fn next(
    retries: &[Duration],
    failed: u32,
    status: Option<u16>,
    now: Timestamp,
    luck: f64,
) -> Next {
    match status {
        Some(200..=299) => return Next::Delivered,
        Some(GONE) => return Next::Dead,
        Some(_) | None => {}
    }
    let wait = usize::try_from(failed).ok().and_then(|failed| retries.get(failed));
    wait.map_or(Next::Dead, |wait| Next::Again { at: now + wait.mul_f64(1.0 + luck / 5.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_783_000_000;

    fn after(failed: u32, status: Option<u16>, luck: f64) -> Next {
        next(&RETRIES_DEFAULT, failed, status, Timestamp::from_unix(NOW), luck)
    }

    fn again(ms: i64) -> Next {
        Next::Again { at: Timestamp::from_unix_ms(NOW * 1_000 + ms) }
    }

    #[test]
    fn the_schedule_of_standard_webhooks_and_then_dead() {
        assert_eq!(after(0, Some(500), 0.0), again(5_000));
        assert_eq!(after(1, None, 0.0), again(300_000));
        assert_eq!(after(8, Some(404), 0.0), again(86_400_000));
        assert_eq!(after(9, Some(500), 0.0), Next::Dead);
        assert_eq!(after(u32::MAX, None, 0.5), Next::Dead);
    }

    #[test]
    fn luck_makes_a_wait_up_to_a_fifth_longer_and_never_shorter() {
        assert_eq!(after(0, None, 0.5), again(5_500));
        assert_eq!(after(0, None, 1.0), again(6_000));
    }

    #[test]
    fn only_the_two_hundreds_arrived_and_gone_is_the_end() {
        assert_eq!(after(3, Some(200), 0.0), Next::Delivered);
        assert_eq!(after(9, Some(299), 0.0), Next::Delivered);
        assert_eq!(after(0, Some(301), 0.0), again(5_000), "a redirect is not followed");
        assert_eq!(after(0, Some(410), 0.0), Next::Dead);
    }
}
