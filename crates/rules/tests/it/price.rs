//! Pulses, rates, tiers.

use std::time::Duration;

use offhook_rules::price::{Price, RateCard, card, cards, price, pulses};
use proptest::prelude::*;
use terms::{Country, Direction, WaId};

use crate::facts::{beta, s};

fn call(card: &RateCard, country: &str, connected: Duration, used: Duration) -> Price {
    let country = Some(country.parse().unwrap());
    price(card, Direction::BusinessInitiated, country, connected, used, &beta()).unwrap()
}

/// Brazil calls Mexico for 70 s: 12 pulses of 0.01, 0.12 USD.
#[test]
fn the_seeds_own_example() {
    let ana: WaId = "5215550000001".parse().unwrap();
    let country = Country::of(&ana).unwrap();
    let example = card("example").unwrap();
    let got = call(&example, country.as_str(), s(70), Duration::ZERO);
    assert_eq!(got.pulses, 12);
    assert_eq!(got.per_pulse.to_string(), "0.01 USD");
    assert_eq!(got.per_minute.to_string(), "0.1 USD");
    assert_eq!(got.total.to_string(), "0.12 USD");
    assert_eq!(got.market, "Mexico");
}

#[test]
fn pulses_come_from_the_unrounded_duration() {
    let table = [
        (0, 0),
        (1, 1),
        (6_000, 1),
        (6_001, 2),
        (11_500, 2),
        (12_000, 2),
        (56_000, 10),
        (70_000, 12),
    ];
    for (ms, want) in table {
        assert_eq!(pulses(Duration::from_millis(ms), &beta()), want, "{ms} ms");
    }
    assert_eq!(pulses(Duration::from_nanos(1), &beta()), 1);
}

#[test]
fn a_users_call_is_free() {
    let example = card("example").unwrap();
    let mexico = Some("MX".parse().unwrap());
    let free =
        price(&example, Direction::UserInitiated, mexico, s(70), Duration::ZERO, &beta()).unwrap();
    assert_eq!((free.pulses, free.total.to_string()), (0, "0 USD".into()));
}

#[test]
fn a_call_that_crosses_a_tier_gets_its_rate_as_a_whole() {
    let part = card("meta-2026-10-01-part").unwrap();
    let minutes = |m: u64| s(m * 60);
    let rate = |used, connected| call(&part, "KE", connected, used).per_minute.amount.to_string();
    assert_eq!(rate(minutes(0), s(60)), "0.0103");
    assert_eq!(rate(minutes(49_999), s(60)), "0.0103");
    assert_eq!(rate(minutes(49_999), s(61)), "0.0084");
    assert_eq!(rate(minutes(250_000), s(6)), "0.0074");
    assert_eq!(rate(minutes(9_000_000), s(6)), "0.0042");
}

#[test]
fn a_price_names_its_tier_and_the_one_it_left() {
    let part = card("meta-2026-10-01-part").unwrap();
    let tier = |used, connected| {
        let got = call(&part, "KE", connected, used);
        (got.tier, got.tier_before)
    };
    let minutes = |m: u64| s(m * 60);
    let (first, second) = ("0:50000".to_owned(), "50001:250000".to_owned());
    assert_eq!(tier(minutes(49_999), s(60)), (first.clone(), None));
    assert_eq!(tier(minutes(49_999), s(61)), (second.clone(), Some(first)));
    assert_eq!(tier(minutes(50_000) + s(6), s(6)), (second, None));
    assert_eq!(tier(minutes(5_000_001), s(6)).0, "5000001:MAX");
    let got = call(&part, "KE", s(6), s(0));
    assert_eq!(got.effective.unwrap().to_string(), "2026-10-01");
}

/// The card of 2025-08-01 was published for the first tier only, so it knows no rate beyond.
#[test]
fn beyond_a_closed_tier_no_rate_is_known() {
    let august = card("meta-2025-08-01").unwrap();
    let brazil = Some("BR".parse().unwrap());
    let direction = Direction::BusinessInitiated;
    let at = |used| price(&august, direction, brazil, s(6), used, &beta());
    assert_eq!(at(s(50_000 * 60 - 6)).unwrap().per_minute.to_string(), "0.0108 USD");
    assert_eq!(at(s(50_000 * 60)), None);
}

#[test]
fn a_country_falls_back_to_its_region_and_then_to_other() {
    let august = card("meta-2025-08-01").unwrap();
    let market = |country: &str| august.market(country.parse().ok()).unwrap().0.to_owned();
    let table = [
        ("MX", "Mexico"),
        ("KE", "Rest of Africa"),
        ("GE", "Rest of Central & Eastern Europe"),
        ("BD", "Rest of Asia Pacific"),
        ("US", "Other"),
        ("FJ", "Other"),
    ];
    for (country, want) in table {
        assert_eq!(market(country), want, "{country}");
    }
    assert_eq!(august.market(None).unwrap().0, "Other");
    assert_eq!(august.markets().count(), 28);
    let part = card("meta-2026-10-01-part").unwrap();
    assert_eq!(part.market("MX".parse().ok()), None, "a card that lacks a market gives no price");
}

/// From 1 October 2026 nine markets stand alone with unchanged rates (fact sheet 8.3): two of them come
/// from regions whose rates are known, the others have no price.
#[test]
fn markets_that_stand_alone_keep_the_rates_of_their_region() {
    let (july, october) =
        (card("meta-2026-07-01-part").unwrap(), card("meta-2026-10-01-part").unwrap());
    for (country, name, region) in
        [("MA", "Morocco", "Rest of Africa"), ("UA", "Ukraine", "Rest of Central & Eastern Europe")]
    {
        let country = country.parse().ok();
        let (before, after) = (july.market(country).unwrap(), october.market(country).unwrap());
        assert_eq!((before.0, after.0), (region, name));
        assert_eq!(before.1, after.1, "{name}");
    }
    for country in ["BD", "IQ", "KZ", "KW", "NP", "OM", "LK"] {
        assert_eq!(october.market(country.parse().ok()), None, "{country}");
    }
}

/// The tables of the fact sheet are what is shipped, number for number.
#[test]
fn the_shipped_rates_are_those_of_the_fact_sheet() {
    let sheet = include_str!("../../../../docs/calling-api.md");
    let section = sheet.split("### 8.3").nth(1).unwrap().split("### 8.4").next().unwrap();
    let mut listed = [0, 0];
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let is_rate = |cell: &&str| cell.starts_with("0.");
        let rates_of = |name: &str, market: &str| -> Vec<String> {
            let card = card(name).unwrap();
            let found = card.markets().find(|(it, _)| *it == market);
            let (_, tiers) = found.unwrap_or_else(|| panic!("{market} is not on {name}"));
            tiers.iter().map(|tier| tier.per_minute.to_string()).collect()
        };
        match cells[..] {
            [market, ref rates @ ..] if rates.len() == 6 && rates.iter().all(&is_rate) => {
                listed[0] += 1;
                for name in ["meta-2026-07-01-part", "meta-2026-10-01-part"] {
                    assert_eq!(rates_of(name, market), *rates, "{name}");
                }
            }
            [first, one, second, two] if is_rate(&one) && is_rate(&two) => {
                listed[1] += 2;
                assert_eq!(rates_of("meta-2025-08-01", first), [one]);
                assert_eq!(rates_of("meta-2025-08-01", second), [two]);
            }
            _ => {}
        }
    }
    assert_eq!(listed, [2, card("meta-2025-08-01").unwrap().markets().count()]);
}

#[test]
fn the_shipped_cards_read() {
    let names: Vec<_> = cards().iter().map(|card| card.name.as_str()).collect();
    assert_eq!(
        names,
        ["example", "meta-2025-08-01", "meta-2026-07-01-part", "meta-2026-10-01-part"]
    );
    assert!(card("none").is_none());
}

#[test]
fn a_broken_card_names_its_line() {
    let refused = |text: &str| RateCard::parse("mine", text).unwrap_err().to_string();
    let table = [
        ("", "rate card mine, line 1: the card is empty"),
        (
            "Market,Currency\n",
            "rate card mine, line 1: expected the columns Market, Currency and one a tier or category",
        ),
        ("Market,Currency,0+\n", "rate card mine, line 1: the card has no market"),
        (
            "Market,Currency,0-10,12+\nX,USD,1,2\n",
            "rate card mine, line 1: \"12+\" is not the next tier, such as 0-50000 or 50001+",
        ),
        (
            "Market,Currency,0-10,11-10\nX,USD,1,2\n",
            "rate card mine, line 1: \"11-10\" is not the next tier, such as 0-50000 or 50001+",
        ),
        ("Market,Currency,0+\nX,$,1\n", "rate card mine, line 2: not an ISO 4217 currency code"),
        ("Market,Currency,0+\nX,USD,1\nY,USD,a\n", "rate card mine, line 3: \"a\" is not a rate"),
        ("Market,Currency,0+\nX,USD,-1\n", "rate card mine, line 2: \"-1\" is below zero"),
        (
            "Market,Currency,0+\nX,USD,1\nY,EUR,1\n",
            "rate card mine, line 3: a card has one currency",
        ),
        ("Market,Currency,0+\nX,USD,1\nX,USD,1\n", "rate card mine, line 3: X stands here twice"),
    ];
    for (text, want) in table {
        assert_eq!(refused(text), want);
    }
    let short = refused("Market,Currency,0+\r\n\r\n\r\nX,USD\r\n");
    assert_eq!(short, "rate card mine, line 4: 2 columns, where the header has 3");
}

proptest! {
    #[test]
    fn a_pulse_is_never_short_and_never_two_long(ms in 0_u64..100_000_000) {
        let count = pulses(Duration::from_millis(ms), &beta());
        prop_assert!(count * 6_000 >= ms);
        prop_assert!(count * 6_000 < ms + 6_000);
    }

    #[test]
    fn the_price_is_pulses_times_a_tenth_of_the_rate(ms in 0_u64..100_000_000, which in 0_usize..3) {
        let card = &cards()[which];
        let (_, tiers) = card.markets().next().unwrap();
        let country = ["MX", "BR", "KE"][which];
        let got = call(card, country, Duration::from_millis(ms), Duration::ZERO);
        prop_assert!(!tiers.is_empty());
        let tenth = got.per_minute.amount / rust_decimal::Decimal::TEN;
        prop_assert_eq!(got.per_pulse.amount, tenth);
        prop_assert_eq!(got.total.amount, tenth * rust_decimal::Decimal::from(got.pulses));
    }

    /// The whole call has the rate of the tier that holds the month's minutes after it; more used
    /// is never dearer.
    #[test]
    fn the_tier_after_the_call_has_the_rate(used_s in 0_u64..400_000_000, ms in 1_u64..10_000_000) {
        let part = card("meta-2026-10-01-part").unwrap();
        let (_, tiers) = part.market("KE".parse().ok()).unwrap();
        let got = call(&part, "KE", Duration::from_millis(ms), s(used_s));
        let minutes = (used_s + got.pulses * 6).div_ceil(60);
        let holds = |it: &&offhook_rules::price::Tier| {
            it.minutes_min <= minutes && it.minutes_max.is_none_or(|max| minutes <= max)
        };
        let tier = tiers.iter().find(holds).unwrap();
        prop_assert_eq!(got.per_minute.amount, tier.per_minute);
        let later = call(&part, "KE", Duration::from_millis(ms), s(used_s + 60));
        prop_assert!(later.per_minute.amount <= got.per_minute.amount);
    }

    #[test]
    fn a_longer_call_never_has_fewer_pulses(a in 0_u64..100_000_000, b in 0_u64..100_000_000) {
        let (short, long) = (a.min(b), a.max(b));
        let count = |ms| pulses(Duration::from_millis(ms), &beta());
        prop_assert!(count(short) <= count(long));
    }
}
