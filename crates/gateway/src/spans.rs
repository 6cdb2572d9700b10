//! Which stretches of time does a question about calls mean?
//!
//! Pure. Days and hours are those of the number's zone and tile the time asked for without gap or
//! overlap, whatever the clocks there do.

use jiff::{civil::Date, tz::TimeZone};
use rules::analytics::Granularity;
use terms::Timestamp;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// The most stretches of one question: three years of days, seven weeks of hours.
pub(crate) const SPANS_MAX: usize = 1_200;

/// From its first moment until before its last.
pub(crate) type Span = (Timestamp, Timestamp);

/// How long a stretch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Each {
    /// From a full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
}

/// A moment, or the midnight in this zone a date begins with.
pub(crate) fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let date: Date = text.parse().ok()?;
    // 2026-11-28T10 is a date to the calendar's parser.
    if text.len() != 10 {
        return None;
    }
    let midnight = zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    Some(Timestamp::from_unix_ms(midnight.as_millisecond()))
}

/// The stretches of a span, the first and the last cut to it; `None` when there are too many.
pub(crate) fn tile((from, to): Span, each: Each, zone: &TimeZone) -> Option<Vec<Span>> {
    let length_s = match each {
        Each::Hour => HOUR_S,
        Each::Day => DAY_S,
    };
    let most = u64::try_from(length_s).ok()?.saturating_mul(SPANS_MAX as u64);
    if to.since(from).as_secs() > most {
        return None;
    }
    let mut spans = Vec::new();
    let mut at = from;
    while at < to {
        let end = match each {
            Each::Hour => end_of_hour(at, zone),
            Each::Day => Granularity::Daily.bucket(zone, at).end,
        };
        // A calendar that ends brings no next day.
        let end = if end > at { end.min(to) } else { to };
        spans.push((at, end));
        at = end;
    }
    Some(spans)
}

fn end_of_hour(at: Timestamp, zone: &TimeZone) -> Timestamp {
    let local = zone.to_datetime(at.to_jiff());
    let past = i64::from(local.minute()) * 60 + i64::from(local.second());
    Timestamp::from_unix(at.unix() - past + HOUR_S)
}

/// How people in this zone write the beginning of a stretch.
pub(crate) fn label(at: Timestamp, each: Each, zone: &TimeZone) -> String {
    let local = zone.to_datetime(at.to_jiff());
    match each {
        Each::Day => local.date().to_string(),
        Each::Hour => local.strftime("%Y-%m-%dT%H:%M").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        rules::hours::zone(name).unwrap()
    }

    #[test]
    fn a_date_is_the_midnight_of_its_zone_and_nonsense_is_none() {
        let sao_paulo = zone("America/Sao_Paulo");
        let at = |text| moment(text, &sao_paulo).map(|at| at.to_string());
        assert_eq!(at("2026-11-28").as_deref(), Some("2026-11-28T03:00:00Z"));
        assert_eq!(at("2026-11-28T09:00:00Z").as_deref(), Some("2026-11-28T09:00:00Z"));
        for wrong in ["", "yesterday", "2026-11-28T09:00", "2026-13-01", "20261128"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_and_hours_tile_the_time_also_where_clocks_change() {
        for (name, from, to) in [
            ("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-03T13:00:00Z", "2026-04-05T13:30:00Z"),
            ("Asia/Kolkata", "2026-11-28T00:00:00Z", "2026-11-29T00:10:00Z"),
        ] {
            let (zone, span) = (zone(name), (from.parse().unwrap(), to.parse().unwrap()));
            for each in [Each::Hour, Each::Day] {
                let spans = tile(span, each, &zone).unwrap();
                assert_eq!((spans[0].0, spans[spans.len() - 1].1), span, "{name}");
                let mut pairs = spans.windows(2);
                assert!(
                    pairs.all(|pair| pair[0].1 == pair[1].0 && pair[0].0 < pair[0].1),
                    "{name}"
                );
            }
        }
        let berlin = zone("Europe/Berlin");
        let span =
            ("2026-10-24T22:00:00Z".parse().unwrap(), "2026-10-25T23:00:00Z".parse().unwrap());
        let days = tile(span, Each::Day, &berlin).unwrap();
        assert_eq!(days.len(), 1, "a day of twenty-five hours");
        assert_eq!(tile(span, Each::Hour, &berlin).unwrap().len(), 25);
        assert_eq!(label(days[0].0, Each::Day, &berlin), "2026-10-25");
        assert_eq!(label(days[0].0, Each::Hour, &berlin), "2026-10-25T00:00");
    }

    #[test]
    fn too_much_is_not_tiled_and_nothing_is_empty() {
        let (early, late) = (Timestamp::from_unix(0), Timestamp::from_unix(i64::MAX));
        assert_eq!(tile((early, late), Each::Day, &TimeZone::UTC), None);
        assert_eq!(tile((late, early), Each::Day, &TimeZone::UTC), Some(Vec::new()));
        let end_of_time =
            tile((late - std::time::Duration::from_secs(5), late), Each::Day, &TimeZone::UTC);
        assert!(end_of_time.is_some());
    }
}
