//! Call hours: weeks, holidays, clock changes.

use offhook_rules::hours::{CallHours, Verdict, check};
use proptest::prelude::*;
use terms::Timestamp;

use crate::facts::beta;

fn hours(zone: &str, week: &[(&str, &str, &str)], holidays: &[(&str, &str, &str)]) -> CallHours {
    let week: Vec<_> = week
        .iter()
        .map(|(day, open, close)| serde_json::json!({"day_of_week": day, "open_time": open, "close_time": close}))
        .collect();
    let holidays: Vec<_> = holidays
        .iter()
        .map(|(date, start, end)| serde_json::json!({"date": date, "start_time": start, "end_time": end}))
        .collect();
    serde_json::from_value(serde_json::json!({
        "status": "ENABLED", "timezone_id": zone,
        "weekly_operating_hours": week, "holiday_schedule": holidays,
    }))
    .unwrap()
}

fn t(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn open_until(text: &str) -> Verdict {
    Verdict::Open { closes_at: Some(t(text)) }
}

fn closed_until(text: &str) -> Verdict {
    Verdict::Closed { opens_at: Some(t(text)) }
}

fn ask(hours: &CallHours, now: &str) -> Verdict {
    check(Some(hours), &beta(), t(now))
}

/// São Paulo is UTC−3; 2026-11-23 is a Monday.
#[test]
fn a_week_in_its_own_zone() {
    let shop = hours(
        "America/Sao_Paulo",
        &[("MONDAY", "0900", "1200"), ("MONDAY", "1300", "1800"), ("TUESDAY", "0900", "1800")],
        &[],
    );
    assert_eq!(ask(&shop, "2026-11-23T11:59:59Z"), closed_until("2026-11-23T12:00:00Z"));
    assert_eq!(ask(&shop, "2026-11-23T12:00:00Z"), open_until("2026-11-23T15:00:00Z"));
    assert_eq!(ask(&shop, "2026-11-23T15:00:00Z"), closed_until("2026-11-23T16:00:00Z"));
    assert_eq!(ask(&shop, "2026-11-23T23:00:00Z"), closed_until("2026-11-24T12:00:00Z"));
    assert_eq!(ask(&shop, "2026-11-25T12:00:00Z"), closed_until("2026-11-30T12:00:00Z"));
}

#[test]
fn touching_windows_and_the_last_minute_of_a_day_join() {
    let all: Vec<_> =
        ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
            .iter()
            .flat_map(|day| [(*day, "0000", "1200"), (*day, "1200", "2359")])
            .collect();
    let always = hours("Asia/Singapore", &all, &[]);
    assert_eq!(ask(&always, "2026-11-23T15:59:30Z"), Verdict::Open { closes_at: None });
    let two = hours("UTC", &[("MONDAY", "1800", "2359"), ("TUESDAY", "0000", "0200")], &[]);
    assert_eq!(ask(&two, "2026-11-23T23:59:30Z"), open_until("2026-11-24T02:00:00Z"));
}

#[test]
fn off_or_unset_is_open() {
    let mut shop = hours("UTC", &[("MONDAY", "0900", "1000")], &[]);
    shop.status = offhook_rules::settings::Switch::Disabled;
    assert_eq!(ask(&shop, "2026-11-24T12:00:00Z"), Verdict::Open { closes_at: None });
    assert_eq!(check(None, &beta(), t("2026-11-24T12:00:00Z")), Verdict::Open { closes_at: None });
}

#[test]
fn a_holiday_overrides_its_date_as_the_rulebook_reads_it() {
    let week = [("FRIDAY", "0900", "1800"), ("MONDAY", "0900", "1800")];
    let shop = hours("UTC", &week, &[("2026-12-25", "1000", "1200")]);
    let closing = beta().with(&[("hours.holiday_means", "closed")]).unwrap();
    let noon = t("2026-12-25T11:00:00Z");
    assert_eq!(check(Some(&shop), &beta(), noon), open_until("2026-12-25T12:00:00Z"));
    assert_eq!(ask(&shop, "2026-12-25T09:30:00Z"), closed_until("2026-12-25T10:00:00Z"));
    assert_eq!(ask(&shop, "2026-12-25T13:00:00Z"), closed_until("2026-12-28T09:00:00Z"));
    assert_eq!(check(Some(&shop), &closing, noon), closed_until("2026-12-25T12:00:00Z"));
    let before = check(Some(&shop), &closing, t("2026-12-25T09:30:00Z"));
    assert_eq!(before, open_until("2026-12-25T10:00:00Z"));

    let shut = hours("UTC", &week, &[("2026-12-25", "0000", "2359")]);
    assert_eq!(check(Some(&shut), &closing, noon), closed_until("2026-12-28T09:00:00Z"));
    assert_eq!(check(Some(&shut), &beta(), noon), open_until("2026-12-26T00:00:00Z"));
}

/// In New York the clock goes from 01:59 EST to 03:00 EDT on 2026-03-08.
#[test]
fn a_skipped_hour_moves_to_the_next_moment_and_a_repeated_one_counts_once() {
    let night = hours("America/New_York", &[("SUNDAY", "0230", "0400")], &[]);
    assert_eq!(ask(&night, "2026-03-08T07:29:00Z"), closed_until("2026-03-08T07:30:00Z"));
    assert_eq!(ask(&night, "2026-03-08T07:45:00Z"), open_until("2026-03-08T08:00:00Z"));
    let autumn = hours("America/New_York", &[("SUNDAY", "0000", "0400")], &[]);
    assert_eq!(ask(&autumn, "2026-11-01T05:30:00Z"), open_until("2026-11-01T09:00:00Z"));
}

proptest! {
    /// The moment a verdict names is the first at which the verdict is another.
    #[test]
    fn the_named_moment_is_when_the_answer_changes(
        open in 0_i64..20, length in 1_i64..4, day in 0_usize..7, minutes in 0_i64..20_000,
    ) {
        let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
        let (from, to) = (format!("{open:02}15"), format!("{:02}45", (open + length).min(23)));
        let shop = hours("Asia/Kathmandu", &[(days[day], &from, &to)], &[]);
        let now = Timestamp::from_unix(1_783_000_000 + minutes * 60);
        let is_open = |at| matches!(check(Some(&shop), &beta(), at), Verdict::Open { .. });
        let change = match check(Some(&shop), &beta(), now) {
            Verdict::Open { closes_at } => closes_at,
            Verdict::Closed { opens_at } => opens_at,
        };
        let change = change.unwrap();
        prop_assert!(change > now);
        prop_assert_ne!(is_open(change), is_open(now));
        let just_before = Timestamp::from_unix_ms(change.unix_ms() - 1);
        prop_assert_eq!(is_open(just_before), is_open(now));
    }
}
