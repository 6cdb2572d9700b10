//! Which rate does a card give?
//!
//! A card is a CSV file: `Market,Currency`, then one column a tier, named by the minutes of the
//! month it covers: `0-50000`, `50001-250000`, `5000001+`. A card with one tier has `0+` alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use rust_decimal::Decimal;
use terms::{Country, Currency};

use super::market::{OTHER, market_of};

/// One tier of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The last minute of the month in this tier; `None` for the last tier.
    pub minutes_max: Option<u64>,
    /// The rate.
    pub per_minute: Decimal,
}

impl Tier {
    /// The tier of this much time in the month; `tiers` is never empty.
    pub(super) fn of(tiers: &[Self], used: Duration) -> &Self {
        let minutes = used.as_nanos().div_ceil(Duration::from_mins(1).as_nanos());
        let fits = |tier: &&Self| tier.minutes_max.is_none_or(|max| minutes <= u128::from(max));
        tiers.iter().find(fits).unwrap_or(&tiers[tiers.len() - 1])
    }
}

/// The rates of one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCard {
    /// Its name, the file's name without the ending.
    pub name: String,
    /// Its currency.
    pub currency: Currency,
    markets: BTreeMap<String, Vec<Tier>>,
}

/// Why a rate card cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rate card {card}, line {line}: {reason}")]
pub struct CardError {
    /// The card.
    pub card: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

/// Name and text of each compiled-in card.
const SHIPPED: [(&str, &str); 3] = [
    ("example", include_str!("../../ratecards/example.csv")),
    ("meta-2025-08-01", include_str!("../../ratecards/meta-2025-08-01.csv")),
    ("meta-2026-10-01-part", include_str!("../../ratecards/meta-2026-10-01-part.csv")),
];

static CARDS: LazyLock<Vec<Arc<RateCard>>> = LazyLock::new(|| {
    let read = |(name, text): &(&str, &str)| RateCard::parse(name, text).map(Arc::new);
    SHIPPED.iter().map(read).collect::<Result<_, _>>().expect("tests read the shipped cards")
});

/// Every shipped card.
#[must_use]
pub fn cards() -> &'static [Arc<RateCard>] {
    &CARDS
}

/// The shipped card of this name.
#[must_use]
pub fn card(name: &str) -> Option<Arc<RateCard>> {
    CARDS.iter().find(|card| card.name == name).map(Arc::clone)
}

impl RateCard {
    /// Reads a card.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, CardError> {
        let fault = |line: u64, reason: String| CardError { card: name.into(), line, reason };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| {
                fault(error.position().map_or(0, csv::Position::line), error.to_string())
            })?;
            rows.push((row.position().map_or(0, csv::Position::line), row));
        }
        let Some(((line, header), body)) = rows.split_first() else {
            return Err(fault(1, "the card is empty".into()));
        };
        let bounds = read_header(header).map_err(|why| fault(*line, why))?;
        let mut markets = BTreeMap::new();
        let mut currency = None;
        for (line, row) in body {
            let (market, row_currency, tiers) =
                read_row(row, &bounds).map_err(|why| fault(*line, why))?;
            if *currency.get_or_insert(row_currency) != row_currency {
                return Err(fault(*line, "a card has one currency".into()));
            }
            if markets.insert(market.clone(), tiers).is_some() {
                return Err(fault(*line, format!("{market} stands here twice")));
            }
        }
        let currency = currency.ok_or_else(|| fault(*line, "the card has no market".into()))?;
        Ok(Self { name: name.to_owned(), currency, markets })
    }

    /// The market of a country on this card: its own, else its region, else `Other`.
    #[must_use]
    pub fn market(&self, country: Option<Country>) -> Option<(&str, &[Tier])> {
        let market = country.and_then(market_of);
        let names = [market.map(|m| m.name), market.map(|m| m.region), Some(OTHER)];
        names.into_iter().flatten().find_map(|name| {
            self.markets.get_key_value(name).map(|(name, tiers)| (name.as_str(), tiers.as_slice()))
        })
    }

    /// Every market with its tiers, by name.
    pub fn markets(&self) -> impl Iterator<Item = (&str, &[Tier])> {
        self.markets.iter().map(|(name, tiers)| (name.as_str(), tiers.as_slice()))
    }
}

/// Reads the upper bounds of the tiers; each tier must begin where the one before ended.
fn read_header(header: &csv::StringRecord) -> Result<Vec<Option<u64>>, String> {
    if header.get(0) != Some("Market") || header.get(1) != Some("Currency") || header.len() < 3 {
        return Err("expected the columns Market, Currency and one a tier".into());
    }
    let mut bounds = Vec::new();
    let mut next_from = Some(0);
    for column in header.iter().skip(2) {
        let wrong = || format!("{column:?} is not the next tier, such as 0-50000 or 50001+");
        let (from, to) = match column.split_once('-') {
            Some((from, to)) => (from, Some(to.parse::<u64>().map_err(|_| wrong())?)),
            None => (column.strip_suffix('+').ok_or_else(wrong)?, None),
        };
        let from: u64 = from.parse().map_err(|_| wrong())?;
        if next_from != Some(from) || to.is_some_and(|to| to <= from) {
            return Err(wrong());
        }
        next_from = to.map(|to| to.saturating_add(1));
        bounds.push(to);
    }
    if next_from.is_some() {
        return Err("the last tier must be open, such as 5000001+".into());
    }
    Ok(bounds)
}

fn read_row(
    row: &csv::StringRecord,
    bounds: &[Option<u64>],
) -> Result<(String, Currency, Vec<Tier>), String> {
    let market = row.get(0).filter(|name| !name.is_empty()).ok_or("the market has no name")?;
    let currency: Currency =
        row.get(1).unwrap_or("").parse().map_err(|error| format!("{error}"))?;
    let rates = row.iter().skip(2).zip(bounds).map(|(rate, minutes_max)| {
        let per_minute: Decimal = rate.parse().map_err(|_| format!("{rate:?} is not a rate"))?;
        if per_minute.is_sign_negative() {
            return Err(format!("{rate:?} is below zero"));
        }
        Ok(Tier { minutes_max: *minutes_max, per_minute })
    });
    Ok((market.to_owned(), currency, rates.collect::<Result<_, String>>()?))
}
