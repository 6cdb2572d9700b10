//! Months and days by the account's calendar.

use offhook_rules::{
    hours,
    usage::{Month, day},
};
use terms::Timestamp;

fn month(zone: &str, at: &str) -> String {
    let at: Timestamp = at.parse().unwrap();
    Month::of(&hours::zone(zone).unwrap(), at).to_string()
}

#[test]
fn a_month_ends_at_midnight_of_the_account() {
    let table = [
        ("America/Sao_Paulo", "2026-11-01T02:59:59.999Z", "2026-10"),
        ("America/Sao_Paulo", "2026-11-01T03:00:00Z", "2026-11"),
        ("Europe/Berlin", "2026-10-31T22:59:59Z", "2026-10"),
        ("Europe/Berlin", "2026-10-31T23:00:00Z", "2026-11"),
        ("Europe/Berlin", "2027-03-31T21:59:59Z", "2027-03"),
        ("Europe/Berlin", "2027-03-31T22:00:00Z", "2027-04"),
        ("Asia/Kathmandu", "2026-12-31T18:14:59Z", "2026-12"),
        ("Asia/Kathmandu", "2026-12-31T18:15:00Z", "2027-01"),
        ("Etc/UTC", "2028-02-29T23:59:59Z", "2028-02"),
    ];
    for (zone, at, want) in table {
        assert_eq!(month(zone, at), want, "{zone} {at}");
    }
    assert!("2026-09" < month("Etc/UTC", "2026-10-01T00:00:00Z").as_str(), "months sort as texts");
}

#[test]
fn a_day_may_have_an_hour_more_or_less() {
    let berlin = hours::zone("Europe/Berlin").unwrap();
    let on = |at: &str| day(&berlin, at.parse().unwrap()).to_string();
    assert_eq!(on("2026-10-24T22:00:00Z"), "2026-10-25");
    assert_eq!(on("2026-10-25T22:59:59Z"), "2026-10-25", "twenty-five hours");
    assert_eq!(on("2026-10-25T23:00:00Z"), "2026-10-26");
    assert_eq!(on("2027-03-28T21:59:59Z"), "2027-03-28", "twenty-three hours");
    assert_eq!(on("2027-03-28T22:00:00Z"), "2027-03-29");
}
