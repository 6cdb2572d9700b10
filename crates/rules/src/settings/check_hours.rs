//! Are these call hours possible?

use terms::Timestamp;

use super::{
    Switch,
    change::{HolidayChange, HoursChange, IntervalChange},
    invalid, word,
};
use crate::{
    Refusal,
    hours::{CallHours, Day, Holiday, HourMinute, OpenInterval, date_in, zone},
    rulebook::Rulebook,
};

/// Checks `call_hours` as a whole; holidays left out are deleted.
pub(super) fn check_hours(
    change: &HoursChange,
    book: &Rulebook,
    now: Timestamp,
) -> Result<CallHours, Refusal> {
    let status = match &change.status {
        Some(status) => word::<Switch>("call_hours.status", status)?,
        None => return Err(invalid("call_hours.status", "is required")),
    };
    let Some(timezone_id) = change.timezone_id.clone() else {
        return Err(invalid("call_hours.timezone_id", "is required"));
    };
    let Some(zone) = zone(&timezone_id) else {
        return Err(invalid("call_hours.timezone_id", "is not a known time zone"));
    };
    let weekly = change.weekly_operating_hours.as_deref().unwrap_or_default();
    let holidays = change.holiday_schedule.as_deref().unwrap_or_default();
    Ok(CallHours {
        status,
        timezone_id,
        weekly_operating_hours: check_week(weekly, book)?,
        holiday_schedule: check_holidays(holidays, date_in(&zone, now), book)?,
    })
}

const WEEKLY: &str = "call_hours.weekly_operating_hours";
const HOLIDAYS: &str = "call_hours.holiday_schedule";

fn check_week(week: &[IntervalChange], book: &Rulebook) -> Result<Vec<OpenInterval>, Refusal> {
    if week.is_empty() {
        return Err(invalid(WEEKLY, "must not be empty"));
    }
    let mut intervals = Vec::new();
    for interval in week {
        let open = OpenInterval {
            day_of_week: word::<Day>(WEEKLY, &interval.day_of_week)?,
            open_time: time(WEEKLY, &interval.open_time)?,
            close_time: time(WEEKLY, &interval.close_time)?,
        };
        if open.open_time >= open.close_time {
            return Err(invalid(WEEKLY, "open_time must be before close_time"));
        }
        intervals.push(open);
    }
    let mut sorted = intervals.clone();
    sorted.sort_unstable();
    for (first, second) in sorted.iter().zip(sorted.iter().skip(1)) {
        if first.day_of_week != second.day_of_week {
            continue;
        }
        if second.open_time < first.close_time {
            return Err(invalid(WEEKLY, "entries of one day must not overlap"));
        }
        if second.open_time == first.close_time && !book.hours.touching_windows.value {
            return Err(invalid(WEEKLY, "entries of one day must not touch"));
        }
    }
    let max = book.hours.windows_per_day.value as usize;
    let crowded = |day: &OpenInterval| {
        sorted.iter().filter(|other| other.day_of_week == day.day_of_week).count() > max
    };
    if sorted.iter().any(crowded) {
        return Err(invalid(WEEKLY, &format!("at most {max} entries a day")));
    }
    Ok(intervals)
}

fn check_holidays(
    holidays: &[HolidayChange],
    today: jiff::civil::Date,
    book: &Rulebook,
) -> Result<Vec<Holiday>, Refusal> {
    let max = book.hours.holidays_max.value;
    if holidays.len() > max as usize {
        return Err(invalid(HOLIDAYS, &format!("at most {max} entries")));
    }
    holidays.iter().map(|holiday| check_holiday(holiday, today)).collect()
}

fn check_holiday(holiday: &HolidayChange, today: jiff::civil::Date) -> Result<Holiday, Refusal> {
    let text = &holiday.date;
    let date: jiff::civil::Date = match text.parse() {
        Ok(date) if text.len() == 10 => date,
        Ok(_) | Err(_) => return Err(invalid(HOLIDAYS, "date must be YYYY-MM-DD")),
    };
    if date < today {
        return Err(invalid(HOLIDAYS, &format!("{date} is in the past")));
    }
    let start_time = time(HOLIDAYS, &holiday.start_time)?;
    let end_time = time(HOLIDAYS, &holiday.end_time)?;
    if start_time > end_time {
        return Err(invalid(HOLIDAYS, "start_time must not be after end_time"));
    }
    Ok(Holiday { date, start_time, end_time })
}

fn time(field: &str, text: &str) -> Result<HourMinute, Refusal> {
    text.parse().map_err(|error: crate::hours::HourMinuteError| {
        invalid(field, &format!("{text:?}: {error}"))
    })
}
