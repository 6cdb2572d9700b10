//! Rules of price and delivery.

use std::time::Duration;

use offhook_rules::{
    delivery::{Attempt, Next, Standing, Topic, attempt_timeout, expires_at, may_start, next},
    price::pulses,
    rulebook::Rulebook,
};

use super::{Case, around};
use crate::facts::at;

pub(super) const CASES: &[Case] = &[
    Case { rule: "price.pulse", other: ["5 s", "7 s"], verdict: pulse },
    Case { rule: "delivery.attempt_timeout", other: ["10 s", "30 s"], verdict: timeout },
    Case { rule: "delivery.retry_waits", other: ["6 s, 16 s", "7 s"], verdict: waits },
    Case { rule: "delivery.calls_expiry", other: ["167 h", "169 h"], verdict: calls_expiry },
    Case { rule: "delivery.expiry", other: ["6 d", "8 d"], verdict: expiry },
    Case { rule: "delivery.order", other: ["call", "none"], verdict: order },
];

fn pulse(book: &Rulebook) -> String {
    around(6_000, |ms| pulses(Duration::from_millis(u64::try_from(ms).unwrap()), book))
}

fn timeout(book: &Rulebook) -> String {
    format!("{} s", attempt_timeout(book).as_secs())
}

fn waits(book: &Rulebook) -> String {
    let wait = |attempts: u32| match next(
        Attempt::Answered(500),
        attempts,
        Topic::Calls,
        at(0),
        book,
        at(0),
    ) {
        Next::RetryAt(due) => due.since(at(0)).as_secs(),
        ended @ (Next::Delivered | Next::Expired) => panic!("{ended:?}"),
    };
    (1..=10).map(|attempts| wait(attempts).to_string()).collect::<Vec<_>>().join(" ")
}

/// A failed attempt whose next would come before, at and after the end of its time.
fn last_try(topic: Topic, ends: i64, book: &Rulebook) -> String {
    assert!(expires_at(topic, at(0), book) > at(0));
    around(ends - 5, |second| match next(Attempt::Unreachable, 1, topic, at(0), book, at(second)) {
        Next::RetryAt(_) => "again",
        Next::Expired => "expired",
        Next::Delivered => "delivered",
    })
}

fn calls_expiry(book: &Rulebook) -> String {
    last_try(Topic::Calls, 7 * 86_400, book)
}

fn expiry(book: &Rulebook) -> String {
    last_try(Topic::Other, 7 * 86_400, book)
}

fn order(book: &Rulebook) -> String {
    let table = [
        ("after a fresh one", Standing::Fresh),
        ("after a failing one", Standing::Failing),
        ("after a delivered one", Standing::Over),
    ];
    table.map(|(name, earlier)| format!("{name} {}", may_start([earlier], book))).join(" | ")
}
