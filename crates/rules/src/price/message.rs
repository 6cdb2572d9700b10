//! What does a message cost?
//!
//! By its category, the user's market, and whether it is one of those that are free. Rates come from
//! a CSV like a card of calls, with a column a category: `Market,Currency,Marketing,Utility,
//! Authentication,Service`. An empty field is a rate that is not known: such a message has no price,
//! which is not the same as one that is free.

use std::{collections::BTreeMap, fmt};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use terms::{Country, Currency, Money};

use super::{
    card::read_rate,
    market::markets_of,
    name::CardName,
    sheet::{CardError, Lines},
};
use crate::rulebook::Rulebook;

/// What a message is, for its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    /// Free form, in an open window; a request for permission to call in free form too.
    Service,
    /// A template about something the user did.
    Utility,
    /// Any other template.
    Marketing,
    /// A template with a code to log in.
    Authentication,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Service, Self::Utility, Self::Marketing, Self::Authentication];

    /// The wire form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "SERVICE",
            Self::Utility => "UTILITY",
            Self::Marketing => "MARKETING",
            Self::Authentication => "AUTHENTICATION",
        }
    }

    /// The column of a card.
    fn of_column(column: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str().eq_ignore_ascii_case(column))
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Is a message paid for?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// Messages of this category are free here.
    Free,
    /// It is one of the month's free ones.
    FreeOfMonth,
    /// It answers the user, in the open window.
    FreeInWindow,
    /// It has its category's rate.
    Billed,
}

impl Charge {
    /// Its stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::FreeOfMonth => "free_of_month",
            Self::FreeInWindow => "free_in_window",
            Self::Billed => "billed",
        }
    }
}

/// Is this message paid for?
///
/// `free_used` is how many of the month's free messages its number has used before.
#[must_use]
pub fn charge(category: Category, window_open: bool, free_used: u32, book: &Rulebook) -> Charge {
    let price = &book.price;
    match category {
        Category::Service if !price.messages_billed.value => Charge::Free,
        Category::Service if free_used < price.free_messages_per_month.value => Charge::FreeOfMonth,
        Category::Utility if window_open && !price.utility_in_window_billed.value => {
            Charge::FreeInWindow
        }
        Category::Service | Category::Utility | Category::Marketing | Category::Authentication => {
            Charge::Billed
        }
    }
}

/// The rates of messages in one currency, from one day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageCard {
    /// Its name, the file's name without the ending.
    pub name: String,
    /// The cards it is one of.
    pub family: String,
    /// From which day it holds; absent: always.
    pub effective: Option<Date>,
    /// Its currency.
    pub currency: Currency,
    markets: BTreeMap<String, BTreeMap<Category, Decimal>>,
}

/// A message's rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRate<'a> {
    /// The market, as the card names it.
    pub market: &'a str,
    /// What one message costs.
    pub each: Money,
}

impl MessageCard {
    /// Reads a card.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, CardError> {
        Self::from_lines(name, &Lines::read(name, text)?)
    }

    pub(super) fn from_lines(name: &str, lines: &Lines<'_>) -> Result<Self, CardError> {
        let columns = read_columns(&lines.header).map_err(|why| lines.header_fault(why))?;
        let (currency, markets) = lines.markets(|rates| {
            let known = rates.zip(&columns).filter(|(text, _)| !text.is_empty());
            known.map(|(text, category)| Ok((*category, read_rate(text)?))).collect()
        })?;
        let CardName { family, effective } = CardName::of(name);
        Ok(Self { name: name.to_owned(), family, effective, currency, markets })
    }

    /// Is this the header of such a card?
    pub(super) fn is_header(header: &csv::StringRecord) -> bool {
        header.get(2).is_some_and(|column| Category::of_column(column).is_some())
    }

    /// What a message to a user of this country costs; `None` where no rate is known.
    #[must_use]
    pub fn rate(&self, country: Option<Country>, category: Category) -> Option<MessageRate<'_>> {
        let (market, rates) = markets_of(country)
            .into_iter()
            .flatten()
            .find_map(|name| self.markets.get_key_value(name))?;
        let amount = rates.get(&category)?.normalize();
        Some(MessageRate { market, each: Money { amount, currency: self.currency } })
    }
}

fn read_columns(header: &csv::StringRecord) -> Result<Vec<Category>, String> {
    let mut columns = Vec::new();
    for column in header.iter().skip(2) {
        let category = Category::of_column(column)
            .ok_or_else(|| format!("{column:?} is not a category of messages"))?;
        if columns.contains(&category) {
            return Err(format!("{column} stands here twice"));
        }
        columns.push(category);
    }
    Ok(columns)
}
