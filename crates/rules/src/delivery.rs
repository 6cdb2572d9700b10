//! When is a webhook sent, sent again, or given up?
//!
//! The outbox stores and sends; it asks here what to do next. A delivery is tried until it succeeds
//! or its time is over. Order is not guaranteed to anybody: the platform only starts the webhooks
//! of one call one after the other while none of them is failing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::Timestamp;

use crate::rulebook::{DeliveryOrder, Rulebook};

/// Which expiry applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Field `calls`.
    Calls,
    /// Any other field.
    Other,
}

/// How one attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// An HTTP status came back in time.
    Answered(u16),
    /// No whole answer within [`attempt_timeout`].
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
}

/// What to do with a delivery now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// The endpoint took it.
    Delivered,
    /// Try again then.
    RetryAt(Timestamp),
    /// Its time is over.
    Expired,
}

/// Where a delivery stands, for the order of those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not tried yet, or its first attempt is on the way.
    Fresh,
    /// Tried and failed; waiting to be tried again.
    Failing,
    /// Delivered or expired.
    Over,
}

/// How long one attempt may take.
#[must_use]
pub fn attempt_timeout(book: &Rulebook) -> Duration {
    book.delivery.attempt_timeout.value
}

/// What follows attempt number `attempts` (from 1) of a webhook created at `created_at`.
#[must_use]
pub fn next(
    attempt: Attempt,
    attempts: u32,
    topic: Topic,
    created_at: Timestamp,
    book: &Rulebook,
    now: Timestamp,
) -> Next {
    match attempt {
        Attempt::Answered(200..=299) => return Next::Delivered,
        Attempt::Answered(_) | Attempt::TimedOut | Attempt::Unreachable => {}
    }
    let due = now + wait_after(attempts, book);
    if due >= expires_at(topic, created_at, book) { Next::Expired } else { Next::RetryAt(due) }
}

/// When a webhook is given up.
#[must_use]
pub fn expires_at(topic: Topic, created_at: Timestamp, book: &Rulebook) -> Timestamp {
    created_at
        + match topic {
            Topic::Calls => book.delivery.calls_expiry.value,
            Topic::Other => book.delivery.expiry.value,
        }
}

/// May a webhook start its first attempt, given the earlier ones of the same call and endpoint?
#[must_use]
pub fn may_start(earlier: impl IntoIterator<Item = Standing>, book: &Rulebook) -> bool {
    match book.delivery.order.value {
        DeliveryOrder::Call => earlier.into_iter().all(|standing| standing != Standing::Fresh),
        DeliveryOrder::None => true,
    }
}

/// The wait after attempt number `attempts`; the last step repeats.
fn wait_after(attempts: u32, book: &Rulebook) -> Duration {
    let waits = &book.delivery.retry_waits.value;
    let step = (attempts.saturating_sub(1) as usize).min(waits.len() - 1);
    waits[step]
}
