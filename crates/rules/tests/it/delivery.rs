//! Webhook delivery.

use offhook_rules::delivery::{
    Attempt, Next, Standing, Topic, attempt_timeout, expires_at, may_start, next,
};

use crate::facts::{at, beta, s};

#[test]
fn an_answer_of_success_ends_it_and_nothing_else_does() {
    let after = |attempt| next(attempt, 1, Topic::Calls, at(0), &beta(), at(0));
    for status in [200, 204, 299] {
        assert_eq!(after(Attempt::Answered(status)), Next::Delivered);
    }
    for failed in [
        Attempt::Answered(199),
        Attempt::Answered(301),
        Attempt::Answered(404),
        Attempt::Answered(500),
        Attempt::TimedOut,
        Attempt::Unreachable,
    ] {
        assert_eq!(after(failed), Next::RetryAt(at(5)), "{failed:?}");
    }
    assert_eq!(attempt_timeout(&beta()), s(20));
}

/// Walks a webhook that always fails from its creation to its end.
fn walk(topic: Topic) -> (Vec<u64>, i64) {
    let mut now = at(0);
    let mut waits = Vec::new();
    for attempts in 1.. {
        match next(Attempt::TimedOut, attempts, topic, at(0), &beta(), now) {
            Next::RetryAt(due) => {
                assert!(due < expires_at(topic, at(0), &beta()));
                waits.push(due.since(now).as_secs());
                now = due;
            }
            Next::Expired => return (waits, now.unix() - at(0).unix()),
            Next::Delivered => panic!("a time-out is no delivery"),
        }
    }
    unreachable!("every delivery ends")
}

#[test]
fn waits_grow_and_end_before_expiry() {
    let (waits, last) = walk(Topic::Calls);
    assert_eq!(waits[..9], [5, 15, 30, 60, 300, 900, 3_600, 10_800, 10_800]);
    assert!(waits.is_sorted());
    assert!(last < 7 * 86_400 && last > 6 * 86_400, "{last}");
    assert_eq!(walk(Topic::Other), (waits, last), "calls are retried as long");
}

#[test]
fn webhooks_of_one_call_start_in_order_until_one_fails() {
    let unordered = beta().with(&[("delivery.order", "none")]).unwrap();
    assert!(may_start([], &beta()));
    assert!(may_start([Standing::Over, Standing::Failing], &beta()));
    assert!(!may_start([Standing::Over, Standing::Fresh], &beta()));
    assert!(may_start([Standing::Fresh], &unordered));
}
