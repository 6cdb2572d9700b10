//! Does the business take calls now, and when does the answer change?
//!
//! Call hours are weekly intervals in a time zone. A date with a holiday entry has only what that
//! entry says; whether its interval means open or closed is not documented, so the rulebook decides.
//! A day without an interval is closed; hours that are off, or never set, are open all the time.
//! An interval that ends at 23:59 lasts until midnight. Zones come from the compiled-in database, so
//! the answer does not depend on the machine.

use std::{fmt, str::FromStr, sync::LazyLock};

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};
use terms::Timestamp;

use crate::rulebook::{HolidayMeans, HoursRules, Rulebook, UnlistedDays};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Days looked at for the next change: a week, and every holiday a number may have.
const DAYS_AHEAD: i32 = 7 + 31;

/// A day of the week, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names of the days")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A time of day, `HHMM`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HourMinute {
    minute_of_day: i16,
}

/// A text that is not `HHMM`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected HHMM on a 24 hour clock, such as 0930")]
pub struct HourMinuteError;

/// An interval of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenInterval {
    /// The day.
    pub day_of_week: Day,
    /// Its beginning.
    pub open_time: HourMinute,
    /// Its end.
    pub close_time: HourMinute,
}

/// A date with its own interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// The date in the number's zone.
    pub date: Date,
    /// The interval's beginning.
    pub start_time: HourMinute,
    /// Its end.
    pub end_time: HourMinute,
}

/// `calling.call_hours`, checked: made by [`crate::settings`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallHours {
    /// `ENABLED` or `DISABLED`; off means open all the time.
    pub status: super::settings::Switch,
    /// An IANA name.
    pub timezone_id: String,
    /// The week.
    pub weekly_operating_hours: Vec<OpenInterval>,
    /// The exceptions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holiday_schedule: Vec<Holiday>,
}

/// Whether calls are taken at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Calls are taken.
    Open {
        /// When that ends; `None` if not within weeks.
        closes_at: Option<Timestamp>,
    },
    /// They are not.
    Closed {
        /// When that ends; `None` if not within weeks.
        opens_at: Option<Timestamp>,
    },
}

/// The zone of this name.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// The date of a moment in a zone.
pub(crate) fn date_in(zone: &TimeZone, now: Timestamp) -> Date {
    zone.to_datetime(now.to_jiff()).date()
}

/// Does the business take calls at `now`?
#[must_use]
pub fn check(hours: Option<&CallHours>, book: &Rulebook, now: Timestamp) -> Verdict {
    use super::settings::Switch;
    let always = Verdict::Open { closes_at: None };
    let Some(hours) = hours else { return always };
    match hours.status {
        Switch::Disabled => return always,
        Switch::Enabled => {}
    }
    let Some(zone) = zone(&hours.timezone_id) else { return always };
    let today = date_in(&zone, now);
    let spans = open_spans(hours, &book.hours, &zone, today);
    let horizon = midnight(&zone, today, DAYS_AHEAD);
    let within = |at: Timestamp| Some(at).filter(|at| *at < horizon);
    match spans.iter().find(|(_, end)| now < *end) {
        Some((start, end)) if *start <= now => Verdict::Open { closes_at: within(*end) },
        Some((start, _)) => Verdict::Closed { opens_at: Some(*start) },
        None => Verdict::Closed { opens_at: None },
    }
}

/// The open spans from yesterday to the horizon, in order, touching ones joined.
fn open_spans(
    hours: &CallHours,
    rules: &HoursRules,
    zone: &TimeZone,
    today: Date,
) -> Vec<(Timestamp, Timestamp)> {
    let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
    for offset in -1..DAYS_AHEAD {
        let Ok(date) = today.checked_add(offset.days()) else { continue };
        for (open, close) in open_minutes(hours, rules, date) {
            let start = moment(zone, date, open);
            let end = moment(zone, date, close);
            match spans.last_mut() {
                Some((_, last_end)) if start <= *last_end => *last_end = end.max(*last_end),
                Some(_) | None if start < end => spans.push((start, end)),
                Some(_) | None => {}
            }
        }
    }
    spans
}

/// The open minutes of one date, in order.
fn open_minutes(hours: &CallHours, rules: &HoursRules, date: Date) -> Vec<(i16, i16)> {
    let day = Day::from(date.weekday());
    let week = hours.weekly_operating_hours.iter().filter(|open| open.day_of_week == day);
    let mut weekly: Vec<_> =
        week.map(|open| (open.open_time.minute_of_day, open.close_time.end_minute())).collect();
    weekly.sort_unstable();
    match rules.unlisted_days.value {
        UnlistedDays::Open if weekly.is_empty() => weekly.push((0, 1440)),
        UnlistedDays::Open | UnlistedDays::Closed => {}
    }
    let holidays = hours.holiday_schedule.iter().filter(|holiday| holiday.date == date);
    let mut special: Vec<_> =
        holidays.map(|h| (h.start_time.minute_of_day, h.end_time.end_minute())).collect();
    special.sort_unstable();
    match rules.holiday_means.value {
        HolidayMeans::Open if !special.is_empty() => special,
        HolidayMeans::Open => weekly,
        HolidayMeans::Closed => special.iter().fold(weekly, |open, closed| without(&open, *closed)),
    }
}

/// The intervals less one.
fn without(open: &[(i16, i16)], (from, until): (i16, i16)) -> Vec<(i16, i16)> {
    open.iter()
        .flat_map(|(start, end)| [(*start, (*end).min(from)), ((*start).max(until), *end)])
        .filter(|(start, end)| start < end)
        .collect()
}

/// A minute of a date as a moment; a time the clock skips is the one after the gap.
fn moment(zone: &TimeZone, date: Date, minute_of_day: i16) -> Timestamp {
    if minute_of_day >= 1440 {
        return midnight(zone, date, 1);
    }
    let (hour, minute) = (minute_of_day / 60, minute_of_day % 60);
    let hour = i8::try_from(hour).expect("below 24");
    let minute = i8::try_from(minute).expect("below 60");
    at(zone, date, hour, minute)
}

/// The beginning of the date so many days after `date`.
pub(crate) fn midnight(zone: &TimeZone, date: Date, days: i32) -> Timestamp {
    at(zone, date.checked_add(days.days()).unwrap_or(Date::MAX), 0, 0)
}

fn at(zone: &TimeZone, date: Date, hour: i8, minute: i8) -> Timestamp {
    let moment = zone.to_timestamp(date.at(hour, minute, 0, 0));
    let ms = moment.map_or(i64::MAX, |moment| moment.as_millisecond());
    Timestamp::from_unix_ms(ms)
}

impl HourMinute {
    /// As the end of an interval; 23:59 is midnight.
    fn end_minute(self) -> i16 {
        if self.minute_of_day == 1439 { 1440 } else { self.minute_of_day }
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

impl FromStr for HourMinute {
    type Err = HourMinuteError;

    fn from_str(text: &str) -> Result<Self, HourMinuteError> {
        if text.len() != 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HourMinuteError);
        }
        let number: i16 = text.parse().map_err(|_| HourMinuteError)?;
        let (hour, minute) = (number / 100, number % 100);
        if hour > 23 || minute > 59 {
            return Err(HourMinuteError);
        }
        Ok(Self { minute_of_day: hour * 60 + minute })
    }
}

impl fmt::Display for HourMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}{:02}", self.minute_of_day / 60, self.minute_of_day % 60)
    }
}

impl fmt::Debug for HourMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for HourMinute {
    type Error = HourMinuteError;

    fn try_from(text: String) -> Result<Self, HourMinuteError> {
        text.parse()
    }
}

impl From<HourMinute> for String {
    fn from(time: HourMinute) -> Self {
        time.to_string()
    }
}
