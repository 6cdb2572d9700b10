//! What does a call cost?
//!
//! A user's call is free. A business's call is billed from the answer, in pulses of six seconds, a
//! part of one counting whole, at the rate of the called number's market. The pulses come from the
//! unrounded duration. A call that crosses into a cheaper tier of the month gets its rate as a whole.

mod card;
mod cards;
mod market;
mod message;
mod name;
mod sheet;

use std::time::Duration;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use terms::{Country, Direction, Money};

pub use card::{RateCard, Tier};
pub use cards::{Card, Cards, card, cards};
pub use market::{Market, market_of};
pub use message::{Category, Charge, MessageCard, MessageRate, charge};
pub use sheet::CardError;

use crate::rulebook::Rulebook;

/// The price of one call, with what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Billed pulses.
    pub pulses: u64,
    /// The market of the called number, as the card names it.
    pub market: String,
    /// Rate of one minute.
    pub per_minute: Money,
    /// Rate of one pulse.
    pub per_pulse: Money,
    /// The price.
    pub total: Money,
    /// The rate card's name.
    pub card: String,
    /// From which day the card holds; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Date>,
    /// The tier the whole call has its rate from, such as `0:50000`.
    #[serde(default)]
    pub tier: String,
    /// The tier the month was in before this call, if the call left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_before: Option<String>,
}

/// How many pulses a connected time has; a part counts whole.
#[must_use]
pub fn pulses(connected: Duration, book: &Rulebook) -> u64 {
    let pulses = connected.as_nanos().div_ceil(book.price.pulse.value.as_nanos());
    u64::try_from(pulses).unwrap_or(u64::MAX)
}

/// How much of the month a call of this connected time uses up: its pulses, whole.
#[must_use]
pub fn billed(direction: Direction, connected: Duration, book: &Rulebook) -> Duration {
    match direction {
        Direction::UserInitiated => Duration::ZERO,
        Direction::BusinessInitiated => {
            let count = u32::try_from(pulses(connected, book)).unwrap_or(u32::MAX);
            book.price.pulse.value.saturating_mul(count)
        }
    }
}

/// The price of one call to a user of this country.
///
/// `used` is what this market has used in the calendar month before this call; `None` if the card
/// knows no rate: it lacks the country's market, its region and `Other`, or the tier.
#[must_use]
pub fn price(
    card: &RateCard,
    direction: Direction,
    country: Option<Country>,
    connected: Duration,
    used: Duration,
    book: &Rulebook,
) -> Option<Price> {
    let (market, tiers) = card.market(country)?;
    let pulses = match direction {
        Direction::UserInitiated => 0,
        Direction::BusinessInitiated => pulses(connected, book),
    };
    let before = Tier::of(tiers, used);
    let tier = Tier::of(tiers, used.saturating_add(billed(direction, connected, book)))?;
    let per_minute = match direction {
        Direction::UserInitiated => Decimal::ZERO,
        Direction::BusinessInitiated => tier.per_minute,
    };
    let pulse_ms = Decimal::from(book.price.pulse.value.as_millis());
    let per_pulse = per_minute * pulse_ms / Decimal::from(60_000);
    let total = per_pulse.checked_mul(Decimal::from(pulses))?;
    let money = |amount: Decimal| Money { amount: amount.normalize(), currency: card.currency };
    Some(Price {
        pulses,
        market: market.to_owned(),
        per_minute: money(per_minute),
        per_pulse: money(per_pulse),
        total: money(total),
        card: card.name.clone(),
        effective: card.effective,
        tier: tier.to_string(),
        tier_before: before.filter(|before| *before != tier).map(Tier::to_string),
    })
}

/// What a call would cost in the month's first tier: the list price.
#[must_use]
pub fn list(
    card: &RateCard,
    country: Option<Country>,
    connected: Duration,
    book: &Rulebook,
) -> Option<Money> {
    let (_, tiers) = card.market(country)?;
    let per_minute = tiers.first()?.per_minute;
    let pulse_ms = Decimal::from(book.price.pulse.value.as_millis());
    let per_pulse = per_minute * pulse_ms / Decimal::from(60_000);
    let total = per_pulse.checked_mul(Decimal::from(pulses(connected, book)))?;
    Some(Money { amount: total.normalize(), currency: card.currency })
}
