//! Is the business open at this moment?
//!
//! Opening hours are a list such as `mon-fri 08:00-18:00` in one time zone. A span ends before its
//! last minute begins (`18:00` is closed) and may end at `24:00`; it never crosses midnight.

use jiff::{civil::Weekday, tz::TimeZone};
use terms::Timestamp;

/// Weekly opening hours in a time zone.
#[derive(Debug, Clone)]
pub struct Hours {
    zone: TimeZone,
    spans: Vec<Span>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    days: (i8, i8),
    minutes: (u16, u16),
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Hours {
    /// Hours in this zone, closed all week until spans are added.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, spans: Vec::new() }
    }

    /// Adds a span such as `mon-fri 08:00-18:00` or `sun 10:00-12:00`; `false` when it is none.
    #[must_use]
    pub fn add(&mut self, text: &str) -> bool {
        match span(text) {
            Some(span) => self.spans.push(span),
            None => return false,
        }
        true
    }

    /// Whether a span covers this moment.
    #[must_use]
    pub fn open_at(&self, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now.to_jiff());
        let day = local.weekday().to_monday_zero_offset();
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        self.spans.iter().any(|span| span.covers(day, minute))
    }
}

impl Span {
    fn covers(self, day: i8, minute: u16) -> bool {
        let (first, last) = self.days;
        let on_day =
            if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last };
        on_day && (self.minutes.0..self.minutes.1).contains(&minute)
    }
}

fn span(text: &str) -> Option<Span> {
    let (days, times) = text.split_once(' ')?;
    let (from, to) = times.trim().split_once('-')?;
    let minutes = (minute(from)?, minute(to)?);
    let days = match days.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(days)?, day(days)?),
    };
    (minutes.0 < minutes.1).then_some(Span { days, minutes })
}

fn day(text: &str) -> Option<i8> {
    let (_, day) = DAYS.iter().find(|(name, _)| *name == text)?;
    Some(day.to_monday_zero_offset())
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(spans: &[&str], at: &str) -> bool {
        let mut hours = Hours::new(TimeZone::get("America/Sao_Paulo").unwrap());
        for span in spans {
            assert!(hours.add(span), "{span}");
        }
        hours.open_at(at.parse().unwrap())
    }

    #[test]
    fn the_zone_and_the_edges_count() {
        // São Paulo is three hours behind UTC; 2026-11-20 is a Friday.
        let week = ["mon-fri 08:00-18:00", "sat 09:00-13:00"];
        assert!(open(&week, "2026-11-20T11:00:00Z"));
        assert!(!open(&week, "2026-11-20T10:59:59Z"));
        assert!(open(&week, "2026-11-20T20:59:59Z"));
        assert!(!open(&week, "2026-11-20T21:00:00Z"));
        assert!(open(&week, "2026-11-21T12:30:00Z"));
        assert!(!open(&week, "2026-11-22T15:00:00Z"));
        assert!(open(&["sat-mon 00:00-24:00"], "2026-11-23T02:59:00Z"), "over the week's end");
    }

    #[test]
    fn what_is_not_a_span_is_refused() {
        let mut hours = Hours::new(TimeZone::UTC);
        for text in [
            "",
            "mon",
            "mon 8:00-9:00",
            "mon 09:00-08:00",
            "day 08:00-09:00",
            "mon 08:00-24:01",
            "mon 08:60-09:00",
        ] {
            assert!(!hours.add(text), "{text}");
        }
    }
}
