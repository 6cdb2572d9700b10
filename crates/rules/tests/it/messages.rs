//! Which messages are paid for, and how much.

use offhook_rules::price::{Category, Charge, MessageCard, charge};

use crate::facts::{beta, newest};

#[test]
fn before_october_2026_only_templates_outside_the_window_cost() {
    let book = beta();
    let table = [
        (Category::Service, true, 1_000_000, Charge::Free),
        (Category::Utility, true, 0, Charge::FreeInWindow),
        (Category::Utility, false, 0, Charge::Billed),
        (Category::Marketing, true, 0, Charge::Billed),
        (Category::Authentication, true, 0, Charge::Billed),
    ];
    for (category, open, used, want) in table {
        assert_eq!(charge(category, open, used, &book), want, "{category} {open}");
    }
}

#[test]
fn since_then_a_thousand_service_messages_are_free() {
    let book = newest();
    let table = [
        (Category::Service, 0, Charge::FreeOfMonth),
        (Category::Service, 999, Charge::FreeOfMonth),
        (Category::Service, 1_000, Charge::Billed),
        (Category::Utility, 0, Charge::Billed),
        (Category::Marketing, 0, Charge::Billed),
    ];
    for (category, used, want) in table {
        assert_eq!(charge(category, true, used, &book), want, "{category} {used}");
    }
    let two = book.with(&[("price.free_messages_per_month", "2")]).unwrap();
    assert_eq!(charge(Category::Service, true, 2, &two), Charge::Billed, "the rulebook decides");
}

#[test]
fn an_unknown_rate_is_absent() {
    let text = "Market,Currency,Marketing,Utility\nMexico,USD,0.05,\nOther,USD,0.08,0.02\n";
    let card = MessageCard::parse("x", text).unwrap();
    let each = |country: &str, category| {
        card.rate(country.parse().ok(), category).map(|rate| rate.each.to_string())
    };
    assert_eq!(each("MX", Category::Marketing).as_deref(), Some("0.05 USD"));
    assert_eq!(each("MX", Category::Utility), None, "the market is there, its rate is not");
    assert_eq!(each("BR", Category::Utility).as_deref(), Some("0.02 USD"));
    assert_eq!(each("BR", Category::Service), None);
}
