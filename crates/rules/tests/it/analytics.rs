//! Points of analytics: buckets of every length, across every kind of day, and what they add up to.

use std::time::Duration;

use jiff::tz::TimeZone;
use offhook_rules::{
    analytics::{Call, Dimensions, Granularity, Point, Query, Tally},
    hours,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use terms::{Direction, Timestamp};

use crate::facts::{beta, s};

const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Havana",
    "Etc/UTC",
];

const GRANULARITIES: [Granularity; 3] =
    [Granularity::HalfHour, Granularity::Daily, Granularity::Monthly];

fn zone(name: &str) -> TimeZone {
    hours::zone(name).unwrap()
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn query(start: &str, end: &str, granularity: Granularity) -> Query {
    Query {
        start: moment(start),
        end: moment(end),
        granularity,
        phones: Vec::new(),
        countries: Vec::new(),
        directions: Vec::new(),
        dimensions: Dimensions::default(),
    }
}

fn call(at: &str, seconds: u64, cost: &str) -> Call {
    Call {
        at: moment(at),
        phone: "551140000000".parse().unwrap(),
        direction: Direction::BusinessInitiated,
        country: "MX".parse().ok(),
        connected: s(seconds),
        cost: cost.parse().ok(),
    }
}

fn points(query: &Query, zone: &TimeZone, calls: &[Call]) -> Vec<Point> {
    let mut tally = Tally::new(query, zone, &beta()).unwrap();
    calls.iter().for_each(|call| tally.add(call));
    tally.finish()
}

/// Start, end and length in hours of the bucket of a moment.
fn bucket(name: &str, granularity: Granularity, at: &str) -> (String, String, i64) {
    let bucket = granularity.bucket(&zone(name), moment(at));
    let hours = (bucket.end.unix() - bucket.start.unix()) / 3_600;
    (bucket.start.to_string(), bucket.end.to_string(), hours)
}

#[test]
fn days_and_months_follow_the_clocks() {
    let berlin = "Europe/Berlin";
    let table = [
        (Granularity::Daily, "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", 25),
        (Granularity::Daily, "2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z", 24),
        (Granularity::Daily, "2027-03-27T23:00:00Z", "2027-03-27T23:00:00Z", 23),
        (Granularity::Daily, "2027-03-28T21:59:59Z", "2027-03-27T23:00:00Z", 23),
        (Granularity::Monthly, "2026-10-31T22:59:59Z", "2026-09-30T22:00:00Z", 31 * 24 + 1),
        (Granularity::Monthly, "2027-03-31T21:59:59Z", "2027-02-28T23:00:00Z", 31 * 24 - 1),
        (Granularity::Monthly, "2027-02-14T00:00:00Z", "2027-01-31T23:00:00Z", 28 * 24),
        (Granularity::Monthly, "2028-02-29T12:00:00Z", "2028-01-31T23:00:00Z", 29 * 24),
    ];
    for (granularity, at, start, hours) in table {
        let got = bucket(berlin, granularity, at);
        assert_eq!((got.0.as_str(), got.2), (start, hours), "{granularity:?} {at}");
    }
    let half = |name, at| bucket(name, Granularity::HalfHour, at).0;
    assert_eq!(half("Asia/Kathmandu", "2026-11-22T10:20:00Z"), "2026-11-22T10:15:00Z");
    assert_eq!(half(berlin, "2026-10-25T00:59:59Z"), "2026-10-25T00:30:00Z");
    assert_eq!(half(berlin, "2026-10-25T01:00:00Z"), "2026-10-25T01:00:00Z", "the second 02:00");
}

#[test]
fn the_sheets_own_figures() {
    let mut asked = query("2026-07-02T13:46:40Z", "2026-07-09T12:26:40Z", Granularity::Daily);
    asked.dimensions.country = true;
    let mut calls = vec![call("2026-07-03T10:00:00Z", 60, "0.0094"); 3];
    calls[0].country = "BR".parse().ok();
    calls.push(call("2026-07-02T13:46:39.999Z", 1, "1"));
    calls.push(call("2026-07-09T12:26:40Z", 1, "1"));
    let got = points(&asked, &zone("Etc/UTC"), &calls);
    let shown: Vec<_> = got
        .iter()
        .map(|p| (p.bucket.start.unix(), p.bucket.end.unix(), p.country, p.count, p.cost))
        .collect();
    let cost = |text: &str| text.parse::<Decimal>().ok();
    let want = [
        (1_783_036_800, 1_783_123_200, Some("BR".parse().ok()), 1, cost("0.0094")),
        (1_783_036_800, 1_783_123_200, Some("MX".parse().ok()), 2, cost("0.0188")),
    ];
    assert_eq!(shown, want, "in the range, its end not; the sum of 2 x 0.0094");
    assert!(got.iter().all(|point| point.average_s() == 60 && point.direction.is_none()));
}

#[test]
fn filters_and_means() {
    let mut asked = query("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z", Granularity::Monthly);
    let mut calls: Vec<_> = [60, 61, 62].map(|it| call("2026-07-03T10:00:00Z", it, "0.5")).into();
    calls[1].connected = Duration::from_millis(61_500);
    calls[2].direction = Direction::UserInitiated;
    calls[2].country = None;
    let utc = zone("Etc/UTC");
    let count = |asked: &Query| points(asked, &utc, &calls).iter().map(|it| it.count).sum::<u64>();
    assert_eq!(count(&asked), 3);
    assert_eq!(points(&asked, &utc, &calls)[0].average_s(), 61, "61.166… is nearer to 61");
    asked.directions = vec![Direction::BusinessInitiated];
    assert_eq!(count(&asked), 2);
    assert_eq!(points(&asked, &utc, &calls)[0].average_s(), 61, "60.75");
    asked.countries = vec!["BR".parse().unwrap()];
    assert_eq!(count(&asked), 0);
    asked.countries = vec!["BR".parse().unwrap(), "MX".parse().unwrap()];
    assert_eq!(count(&asked), 2);
    asked.phones = vec!["4930000000".parse().unwrap()];
    assert_eq!(count(&asked), 0);
}

#[test]
fn an_unknown_price_leaves_the_cost_out() {
    let asked = query("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z", Granularity::Monthly);
    let calls = [call("2026-07-03T10:00:00Z", 60, "0.5"), call("2026-07-03T10:00:00Z", 60, "?")];
    let got = points(&asked, &zone("Etc/UTC"), &calls);
    assert_eq!((got[0].count, got[0].cost), (2, None), "never too little");
}

#[test]
fn an_impossible_question_names_the_parameter() {
    let why = |query: &Query| Tally::new(query, &zone("Etc/UTC"), &beta()).unwrap_err().to_string();
    let day = "2026-07-01T00:00:00Z";
    assert_eq!(why(&query(day, day, Granularity::Daily)), "end: must lie after start");
    let long = query("2016-07-01T00:00:00Z", day, Granularity::HalfHour);
    assert_eq!(why(&long), "granularity: 175296 points of HALF_HOUR; a request may ask for 20000");
}

prop_compose! {
    fn any_call()(
        ms in 1_780_000_000_000_i64..1_830_000_000_000,
        which in 0_usize..12,
        connected in 1_u64..5_000_000,
        cost in 0_i64..100_000,
    ) -> Call {
        Call {
            at: Timestamp::from_unix_ms(ms),
            phone: ["551140000000", "4930000000"][which % 2].parse().unwrap(),
            direction: [Direction::UserInitiated, Direction::BusinessInitiated][which / 2 % 2],
            country: ["MX", "BR", "?"][which % 3].parse().ok(),
            connected: Duration::from_millis(connected),
            cost: Some(Decimal::new(cost, 4)),
        }
    }
}

proptest! {
    /// Whatever the split and the length of buckets: what the points hold is what the range holds.
    #[test]
    fn the_sum_over_points_is_the_whole(
        calls in prop::collection::vec(any_call(), 0..60),
        split in 0_u8..8,
        length in 0_usize..3,
        which in 0..ZONES.len(),
        cut in 1_780_000_000_000_i64..1_800_000_000_000,
        span_ms in 1_i64..30_000_000_000,
    ) {
        let asked = Query {
            start: Timestamp::from_unix_ms(cut),
            end: Timestamp::from_unix_ms(cut + span_ms),
            dimensions: Dimensions {
                phone: split & 1 > 0,
                direction: split & 2 > 0,
                country: split & 4 > 0,
            },
            ..query("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z", GRANULARITIES[length])
        };
        let got = points(&asked, &zone(ZONES[which]), &calls);
        let inside: Vec<_> =
            calls.iter().filter(|it| it.at >= asked.start && it.at < asked.end).collect();
        prop_assert_eq!(got.iter().map(|it| it.count).sum::<u64>(), inside.len() as u64);
        let connected: Duration = inside.iter().map(|it| it.connected).sum();
        prop_assert_eq!(got.iter().map(|it| it.connected).sum::<Duration>(), connected);
        let cost: Decimal = inside.iter().filter_map(|it| it.cost).sum();
        prop_assert_eq!(got.iter().filter_map(|it| it.cost).sum::<Decimal>(), cost);
    }

    /// The next bucket begins where one ends, and a moment lies in its own.
    #[test]
    fn buckets_tile_the_time(
        ms in 1_780_000_000_000_i64..1_830_000_000_000,
        length in 0_usize..3,
        which in 0..ZONES.len(),
    ) {
        let (zone, granularity) = (zone(ZONES[which]), GRANULARITIES[length]);
        let mut bucket = granularity.bucket(&zone, Timestamp::from_unix_ms(ms));
        prop_assert!(bucket.start.unix_ms() <= ms && ms < bucket.end.unix_ms());
        for _ in 0..40 {
            let last = Timestamp::from_unix_ms(bucket.end.unix_ms() - 1);
            prop_assert_eq!(granularity.bucket(&zone, last), bucket);
            let next = granularity.bucket(&zone, bucket.end);
            prop_assert_eq!(next.start, bucket.end);
            bucket = next;
        }
    }
}
