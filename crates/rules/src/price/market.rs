//! Which market does a country belong to?
//!
//! The table is `ratecards/markets.csv`: country, market, region. A card that does not list the
//! market has it under its region, and else under `Other`.

use std::{collections::BTreeMap, sync::LazyLock};

use terms::Country;

/// The market of every country that is listed nowhere.
const OTHER: &str = "Other";

/// A country's market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Market {
    /// The market's own name.
    pub name: &'static str,
    /// The market it is part of on cards that do not list it.
    pub region: &'static str,
}

static MARKETS: LazyLock<BTreeMap<Country, Market>> = LazyLock::new(|| {
    let rows = include_str!("../../ratecards/markets.csv").lines().skip(1);
    rows.map(|row| read_row(row).expect("tests read the shipped table")).collect()
});

/// The market of a country; `None` means `Other`.
#[must_use]
pub fn market_of(country: Country) -> Option<Market> {
    MARKETS.get(&country).copied()
}

/// The names under which a card may list a country, the best first: its market, the market's region,
/// `Other`.
pub(super) fn markets_of(country: Option<Country>) -> [Option<&'static str>; 3] {
    let market = country.and_then(market_of);
    [market.map(|it| it.name), market.map(|it| it.region), Some(OTHER)]
}

fn read_row(row: &'static str) -> Option<(Country, Market)> {
    let mut columns = row.split(',');
    let country = columns.next()?.parse().ok()?;
    let name = columns.next()?;
    let region = columns.next()?;
    Some((country, Market { name, region }))
}
