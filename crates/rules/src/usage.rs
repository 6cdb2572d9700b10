//! In which month, on which day, by whose calendar?
//!
//! Minutes and free messages are counted by the calendar month in the account's time zone; a month
//! begins at its first midnight there, whatever the clocks did the night before.

use std::{fmt, str::FromStr};

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

    /// Its first moment, and the first one after it.
    #[must_use]
    pub fn span(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let first = Date::new(self.year, self.month, 1).unwrap_or(Date::MAX);
        let days = i32::from(first.days_in_month());
        (hours::midnight(zone, first, 0), hours::midnight(zone, first, days))
    }
}

/// A text that is not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a month, such as 2026-11")]
pub struct MonthError;

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let shape = text.len() == 7 && text.is_ascii() && !text.starts_with(['-', '+']);
        let first: Date = format!("{text}-01").parse().map_err(|_| MonthError)?;
        if shape { Ok(Self { year: first.year(), month: first.month() }) } else { Err(MonthError) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_read_and_has_the_midnights_of_its_zone() {
        let zone = hours::zone("America/Sao_Paulo").unwrap();
        let november: Month = "2026-11".parse().unwrap();
        assert_eq!(november.to_string(), "2026-11");
        let (from, to) = november.span(&zone);
        assert_eq!(from.to_string(), "2026-11-01T03:00:00Z");
        assert_eq!(to.to_string(), "2026-12-01T03:00:00Z");
        assert_eq!(Month::of(&zone, to), "2026-12".parse().unwrap());
        assert_ne!(Month::of(&zone, to), november);
        for wrong in ["", "2026", "2026-13", "2026-11-01", "26-11", "2026-1", "+026-11"] {
            assert_eq!(wrong.parse::<Month>(), Err(MonthError), "{wrong}");
        }
    }
}
