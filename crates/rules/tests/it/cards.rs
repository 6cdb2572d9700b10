//! Which card holds when, for whom.

use jiff::civil::{Date, date};
use offhook_rules::price::{Card, Cards};
use terms::Currency;

fn cards() -> Cards {
    let mut cards = Cards::shipped();
    for (name, text) in [
        ("ours-2026-01-01", "Market,Currency,0+\nOther,EUR,0.01\n"),
        ("ours-2026-04-01", "Market,Currency,0+\nOther,EUR,0.02\n"),
        ("ours-2026-03-01", "Market,Currency,0+\nOther,MXN,0.30\n"),
        ("ours-messages-2026-04-01", "Market,Currency,Marketing\nOther,EUR,0.05\n"),
    ] {
        cards.add(Card::parse(name, text).unwrap());
    }
    cards
}

fn currency(text: &str) -> Currency {
    text.parse().unwrap()
}

#[test]
fn the_newest_card_in_force_holds() {
    let cards = cards();
    let at = |wanted: &str, in_currency: &str, on: Date| {
        cards.calls(wanted, currency(in_currency), on).map(|card| card.name.clone())
    };
    let table = [
        ("ours", "EUR", date(2025, 12, 31), None),
        ("ours", "EUR", date(2026, 1, 1), Some("ours-2026-01-01")),
        ("ours", "EUR", date(2026, 3, 31), Some("ours-2026-01-01")),
        ("ours", "EUR", date(2026, 4, 1), Some("ours-2026-04-01")),
        ("ours", "MXN", date(2026, 4, 1), Some("ours-2026-03-01")),
        ("ours", "USD", date(2026, 4, 1), None),
        ("ours-2026-04-01", "EUR", date(2026, 1, 1), Some("ours-2026-04-01")),
        ("meta", "USD", date(2025, 7, 31), None),
        ("meta", "USD", date(2026, 6, 30), Some("meta-2025-08-01")),
        ("meta", "USD", date(2026, 9, 30), Some("meta-2026-07-01-part")),
        ("meta", "USD", date(2026, 10, 1), Some("meta-2026-10-01-part")),
        ("example", "USD", date(2020, 1, 1), Some("example")),
        ("example", "EUR", date(2026, 1, 1), None),
    ];
    for (wanted, in_currency, on, want) in table {
        assert_eq!(at(wanted, in_currency, on).as_deref(), want, "{wanted} {in_currency} {on}");
    }
}

#[test]
fn message_rates_have_the_same_family() {
    let cards = cards();
    let at = |wanted, on| cards.messages(wanted, currency("EUR"), on).map(|it| it.name.clone());
    let april = date(2026, 4, 1);
    assert_eq!(at("ours", date(2026, 3, 31)), None);
    assert_eq!(at("ours", april).as_deref(), Some("ours-messages-2026-04-01"));
    assert_eq!(at("ours-2026-01-01", april).as_deref(), Some("ours-messages-2026-04-01"));
    assert!(cards.messages("meta", Currency::USD, april).is_none(), "none was published");
}

#[test]
fn a_card_of_the_same_name_replaces() {
    let mut cards = cards();
    cards.add(Card::parse("ours-2026-04-01", "Market,Currency,0+\nOther,EUR,0.9\n").unwrap());
    let card = cards.calls("ours", currency("EUR"), date(2026, 4, 1)).unwrap();
    let (_, tiers) = card.market(None).unwrap();
    assert_eq!(tiers[0].per_minute.to_string(), "0.9");
}

#[test]
fn a_card_is_read_as_spreadsheets_write_it() {
    let text = "\u{feff}Market, Currency, 0+\r\n\"Rest of Africa\", $US, 0.0103\r\n";
    let Card::Calls(card) = Card::parse("x", text).unwrap() else { panic!("rates of calls") };
    assert_eq!(card.currency, Currency::USD);
    assert!(card.market("KE".parse().ok()).is_some());
}

#[test]
fn a_broken_card_of_messages_names_its_line() {
    let refused = |text: &str| Card::parse("mine", text).unwrap_err().to_string();
    let table = [
        (
            "Market,Currency,Marketing,Voice\nX,USD,1,1\n",
            "rate card mine, line 1: \"Voice\" is not a category of messages",
        ),
        (
            "Market,Currency,Utility,utility\nX,USD,1,1\n",
            "rate card mine, line 1: utility stands here twice",
        ),
        (
            "Market,Currency,Utility\nX,USD,1\n\nY,USD,x\n",
            "rate card mine, line 4: \"x\" is not a rate",
        ),
    ];
    for (text, want) in table {
        assert_eq!(refused(text), want);
    }
}
