//! In which month, on which day, by whose calendar?
//!
//! Minutes and free messages are counted by the calendar month in the account's time zone; a month
//! begins at its first midnight there, whatever the clocks did the night before.

use std::fmt;

use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use terms::Timestamp;

use crate::{
    hours,
    rulebook::{CallMoment, Rulebook},
};

/// The moment by which a call belongs to a month, a day and a rate card. One that was never answered
/// costs nothing and has its end.
#[must_use]
pub fn counted_at(
    answered_at: Option<Timestamp>,
    ended_at: Timestamp,
    book: &Rulebook,
) -> Timestamp {
    match book.price.counted_at.value {
        CallMoment::Answer => answered_at.unwrap_or(ended_at),
        CallMoment::End => ended_at,
    }
}

/// A calendar month, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month of a moment.
    #[must_use]
    pub fn of(zone: &TimeZone, at: Timestamp) -> Self {
        let day = day(zone, at);
        Self { year: day.year(), month: day.month() }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The day of a moment.
#[must_use]
pub fn day(zone: &TimeZone, at: Timestamp) -> Date {
    hours::date_in(zone, at)
}
