//! What holds for every number, not only for those of the tables.

use std::time::Duration;

use offhook_rules::{
    delivery::{Attempt, Next, Topic, expires_at, next},
    limits::Rolling,
    permission::{Choice, check},
    price::{cards, price},
    rulebook::list,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use terms::{Direction, Timestamp};

use crate::facts::Pair;

fn ms(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(1_783_512_000_000 + unix_ms)
}

proptest! {
    /// A rolling limit counts what a list of all moments says, whatever is forgotten on the way, and
    /// names the first moment with room.
    #[test]
    fn a_rolling_limit_counts_and_frees(
        gaps in prop::collection::vec(0_i64..40_000, 1..60),
        later in 0_i64..120_000,
        max in 1_u32..8,
    ) {
        let period = Duration::from_secs(60);
        let mut rolling = Rolling::default();
        let mut moments = Vec::new();
        let mut now = 0;
        for gap in gaps {
            now += gap;
            rolling.record(ms(now), period);
            moments.push(now);
        }
        let now = now + later;
        let count = |at: i64| moments.iter().filter(|moment| **moment + 60_000 > at).count();
        let got = rolling.usage(max, period, ms(now));
        prop_assert_eq!(got.used as usize, count(now));
        prop_assert_eq!(got.allowed_at.is_some(), got.is_reached());
        if let Some(frees) = got.allowed_at {
            let frees = frees.unix_ms() - ms(0).unix_ms();
            prop_assert!(frees > now);
            prop_assert!(count(frees) < max as usize);
            prop_assert!(count(frees - 1) >= max as usize);
        }
    }

    /// A temporary permission stands from the answer for its lifetime, to the millisecond.
    #[test]
    fn a_temporary_permission_stands_for_its_lifetime(
        given in 0_i64..4_000_000_000, asked in 0_i64..1_300_000_000, newest in any::<bool>(),
    ) {
        let book = &list()[usize::from(newest)];
        let mut pair = Pair::new(std::sync::Arc::clone(book));
        pair.choose(Choice::Temporary, ms(given));
        let stands = check(&pair.consent, ms(given + asked)).is_ok();
        prop_assert_eq!(stands, asked < 7 * 86_400_000);
    }

    /// The more a month has used, the less a minute costs, on every shipped card.
    #[test]
    fn a_tier_is_never_dearer_than_the_one_before(
        less in 0_u64..20_000_000, more in 0_u64..20_000_000, seconds in 1_u64..100_000,
    ) {
        let (less, more) = (less.min(more), less.max(more));
        for card in cards() {
            for country in ["MX", "KE", "BR"] {
                let rate = |minutes: u64| {
                    let country = country.parse().ok();
                    let used = Duration::from_secs(minutes * 60);
                    let connected = Duration::from_secs(seconds);
                    let direction = Direction::BusinessInitiated;
                    price(card, direction, country, connected, used, &list()[0])
                        .map(|price| price.per_minute.amount)
                };
                if let (Some(first), Some(second)) = (rate(less), rate(more)) {
                    prop_assert!(second <= first, "{} {}: {} > {}", card.name, country, second, first);
                    prop_assert!(second > Decimal::ZERO);
                }
            }
        }
    }

    /// An endpoint that never answers is asked again in growing steps, and never after the webhook's
    /// time is over; one that recovers gets it.
    #[test]
    fn a_webhook_is_tried_until_its_time_is_over(
        slow in prop::collection::vec(0_i64..20_000, 1..40), recovers in 0_u32..40, calls in any::<bool>(),
    ) {
        let book = &list()[0];
        let topic = if calls { Topic::Calls } else { Topic::Other };
        let (made, mut now, mut last) = (ms(0), ms(0), Duration::ZERO);
        for (attempts, slow) in (1_u32..).zip(slow) {
            now = Timestamp::from_unix_ms(now.unix_ms() + slow);
            let attempt = if attempts > recovers { Attempt::Answered(200) } else { Attempt::TimedOut };
            match next(attempt, attempts, topic, made, book, now) {
                Next::Delivered => {
                    prop_assert!(attempts > recovers);
                    return Ok(());
                }
                Next::RetryAt(due) => {
                    prop_assert!(due.since(now) >= last && due < expires_at(topic, made, book));
                    last = due.since(now);
                    now = due;
                }
                Next::Expired => {
                    prop_assert!(now + Duration::from_secs(3 * 3_600) >= expires_at(topic, made, book));
                    return Ok(());
                }
            }
        }
    }
}
