//! Which rate does a card give?
//!
//! A card is a CSV file: `Market,Currency`, then one column a tier, named by the minutes of the
//! month it covers: `0-50000`, `50001-250000`, `5000001+`. A card with one rate for all has `0+`
//! alone. A card whose last tier is closed gives no rate beyond it.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::civil::Date;
use rust_decimal::Decimal;
use terms::{Country, Currency};

use super::{
    market::markets_of,
    name::CardName,
    sheet::{CardError, Lines},
};

/// One tier of a market. Its text is the API's, such as `50001:250000` or `5000001:MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The first minute of the month in this tier.
    pub minutes_min: u64,
    /// The last one; `None` for a tier without end.
    pub minutes_max: Option<u64>,
    /// The rate.
    pub per_minute: Decimal,
}

impl Tier {
    /// The tier of this much time in the month.
    pub(super) fn of(tiers: &[Self], used: Duration) -> Option<&Self> {
        let minutes = used.as_nanos().div_ceil(Duration::from_mins(1).as_nanos());
        let fits = |tier: &&Self| tier.minutes_max.is_none_or(|max| minutes <= u128::from(max));
        tiers.iter().find(fits)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes_max {
            Some(max) => write!(f, "{}:{max}", self.minutes_min),
            None => write!(f, "{}:MAX", self.minutes_min),
        }
    }
}

/// The rates of calls in one currency, from one day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCard {
    /// Its name, the file's name without the ending.
    pub name: String,
    /// The cards it is one of, such as `meta`.
    pub family: String,
    /// From which day it holds; absent: always.
    pub effective: Option<Date>,
    /// Its currency.
    pub currency: Currency,
    markets: BTreeMap<String, Vec<Tier>>,
}

impl RateCard {
    /// Reads a card.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, CardError> {
        Self::from_lines(name, &Lines::read(name, text)?)
    }

    pub(super) fn from_lines(name: &str, lines: &Lines<'_>) -> Result<Self, CardError> {
        let bounds = read_bounds(&lines.header).map_err(|why| lines.header_fault(why))?;
        let (currency, markets) = lines.markets(|rates| read_tiers(rates, &bounds))?;
        let CardName { family, effective } = CardName::of(name);
        Ok(Self { name: name.to_owned(), family, effective, currency, markets })
    }

    /// The market of a country on this card: its own, else its region, else `Other`.
    #[must_use]
    pub fn market(&self, country: Option<Country>) -> Option<(&str, &[Tier])> {
        markets_of(country).into_iter().flatten().find_map(|name| {
            self.markets.get_key_value(name).map(|(name, tiers)| (name.as_str(), tiers.as_slice()))
        })
    }

    /// Every market with its tiers, by name.
    pub fn markets(&self) -> impl Iterator<Item = (&str, &[Tier])> {
        self.markets.iter().map(|(name, tiers)| (name.as_str(), tiers.as_slice()))
    }
}

/// Reads first and last minute of the tiers; each must begin where the one before ended.
fn read_bounds(header: &csv::StringRecord) -> Result<Vec<(u64, Option<u64>)>, String> {
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
        bounds.push((from, to));
    }
    Ok(bounds)
}

fn read_tiers(
    rates: &mut dyn Iterator<Item = &str>,
    bounds: &[(u64, Option<u64>)],
) -> Result<Vec<Tier>, String> {
    let tier = |(text, (minutes_min, minutes_max)): (&str, &(u64, Option<u64>))| {
        let per_minute = read_rate(text)?;
        Ok(Tier { minutes_min: *minutes_min, minutes_max: *minutes_max, per_minute })
    };
    rates.zip(bounds).map(tier).collect()
}

pub(super) fn read_rate(text: &str) -> Result<Decimal, String> {
    let rate: Decimal = text.parse().map_err(|_| format!("{text:?} is not a rate"))?;
    if rate.is_sign_negative() {
        return Err(format!("{text:?} is below zero"));
    }
    Ok(rate)
}
