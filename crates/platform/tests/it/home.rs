//! On which account do the tests stand?
//!
//! On the demo's, or on that of the seed file that `OFFHOOK_TEST_SEED` names: `cargo xtask test` runs all
//! of them on both. What a test expects of country, currency, zone, tier and rulebook it asks here.

use std::sync::LazyLock;

use offhook_platform::Seed;
use rules::price::Card;

const DEMO: &str = include_str!("../../seeds/demo.toml");

/// The seed file's text.
static SEED: LazyLock<String> = LazyLock::new(|| match std::env::var("OFFHOOK_TEST_SEED") {
    Ok(path) => std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{path}: {fault}")),
    Err(_) => DEMO.to_owned(),
});

/// The seed of the account.
pub(crate) fn seed() -> &'static str {
    &SEED
}

/// The account's seed with parts of its text replaced; each must be there.
pub(crate) fn seed_with(changes: &[(&str, &str)]) -> Seed {
    let mut text = seed().to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Seed::parse(&text).unwrap()
}

/// The line of a key of the account, to be replaced: `rulebook = "2025-beta"`.
pub(crate) fn line(key: &str) -> &'static str {
    let start = format!("{key} = ");
    let line = seed().lines().find(|line| line.starts_with(&start));
    line.unwrap_or_else(|| panic!("no {key}"))
}

/// The value of a key of the account, as it is written in the seed.
pub(crate) fn value(key: &str) -> &'static str {
    let value = line(key).split_once(" = \"").and_then(|(_, value)| value.strip_suffix('"'));
    value.unwrap_or_else(|| panic!("{key} is not a text"))
}

/// The other account's rate cards; the demo's are shipped.
pub(crate) fn rate_cards() -> Vec<Card> {
    let cards = [
        ("other", include_str!("seeds/other.csv")),
        ("other-messages", include_str!("seeds/other-messages.csv")),
    ];
    cards.map(|(name, csv)| Card::parse(name, csv).unwrap()).into()
}

/// What is expected on the demo's account, or on the other.
pub(crate) fn either<T>(demo: T, other: T) -> T {
    if seed() == DEMO { demo } else { other }
}

/// A call of the business needs an open window.
pub(crate) fn needs_window() -> bool {
    value("rulebook") == "2025-beta"
}
