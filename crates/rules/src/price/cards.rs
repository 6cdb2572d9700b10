//! Which card holds for an account at this moment?
//!
//! An account names a family of cards, such as `meta`. Of the family's cards in the account's
//! currency the newest holds that is in force on the day, by the account's calendar. An account may
//! also name one dated card, such as `meta-2025-08-01`, which then holds on every day.

use std::sync::{Arc, LazyLock};

use jiff::civil::Date;
use terms::Currency;

use super::{
    card::RateCard,
    message::MessageCard,
    sheet::{CardError, Lines},
};

/// Name and text of each compiled-in card.
const SHIPPED: [(&str, &str); 5] = [
    ("example", include_str!("../../ratecards/example.csv")),
    ("example-messages", include_str!("../../ratecards/example-messages.csv")),
    ("meta-2025-08-01", include_str!("../../ratecards/meta-2025-08-01.csv")),
    ("meta-2026-07-01-part", include_str!("../../ratecards/meta-2026-07-01-part.csv")),
    ("meta-2026-10-01-part", include_str!("../../ratecards/meta-2026-10-01-part.csv")),
];

static CARDS: LazyLock<Cards> = LazyLock::new(|| {
    let mut cards = Cards::default();
    for (name, text) in SHIPPED {
        cards.add(Card::parse(name, text).expect("tests read the shipped cards"));
    }
    cards
});

/// Every shipped card of call rates.
#[must_use]
pub fn cards() -> &'static [Arc<RateCard>] {
    &CARDS.calls
}

/// The shipped card of call rates of this name.
#[must_use]
pub fn card(name: &str) -> Option<Arc<RateCard>> {
    CARDS.calls.iter().find(|card| card.name == name).map(Arc::clone)
}

/// A card of either kind; the third column of its header tells which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Card {
    /// Rates of calls.
    Calls(RateCard),
    /// Rates of messages.
    Messages(MessageCard),
}

impl Card {
    /// Reads a card of either kind.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, CardError> {
        let lines = Lines::read(name, text)?;
        if MessageCard::is_header(&lines.header) {
            MessageCard::from_lines(name, &lines).map(Self::Messages)
        } else {
            RateCard::from_lines(name, &lines).map(Self::Calls)
        }
    }

    /// The day from which it holds.
    #[must_use]
    pub fn effective(&self) -> Option<Date> {
        match self {
            Self::Calls(card) => card.effective,
            Self::Messages(card) => card.effective,
        }
    }

    /// The cards it is one of.
    #[must_use]
    pub fn family(&self) -> &str {
        match self {
            Self::Calls(card) => &card.family,
            Self::Messages(card) => &card.family,
        }
    }

    /// Its currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        match self {
            Self::Calls(card) => card.currency,
            Self::Messages(card) => card.currency,
        }
    }
}

/// The cards there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cards {
    calls: Vec<Arc<RateCard>>,
    messages: Vec<Arc<MessageCard>>,
}

impl Cards {
    /// Those that are compiled in.
    #[must_use]
    pub fn shipped() -> Self {
        CARDS.clone()
    }

    /// What an account can name: the families of the call rates, each once.
    #[must_use]
    pub fn families(&self) -> Vec<&str> {
        let mut families: Vec<_> = self.calls.iter().map(|card| card.family.as_str()).collect();
        families.sort_unstable();
        families.dedup();
        families
    }

    /// Adds a card; one of the same kind, name and currency goes.
    pub fn add(&mut self, card: Card) {
        match card {
            Card::Calls(card) => {
                let is_same =
                    |it: &Arc<RateCard>| (&it.name, it.currency) == (&card.name, card.currency);
                self.calls.retain(|known| !is_same(known));
                self.calls.push(Arc::new(card));
            }
            Card::Messages(card) => {
                let is_same =
                    |it: &Arc<MessageCard>| (&it.name, it.currency) == (&card.name, card.currency);
                self.messages.retain(|known| !is_same(known));
                self.messages.push(Arc::new(card));
            }
        }
    }

    /// Whether an account may name this: a card, or the family of one.
    #[must_use]
    pub fn knows(&self, wanted: &str) -> bool {
        self.calls.iter().any(|card| card.name == wanted || card.family == wanted)
    }

    /// The card of call rates that holds on this day for an account that names `wanted`.
    #[must_use]
    pub fn calls(&self, wanted: &str, currency: Currency, on: Date) -> Option<&Arc<RateCard>> {
        let own = || self.calls.iter().filter(|card| card.currency == currency);
        own().find(|card| card.name == wanted && card.effective.is_some()).or_else(|| {
            own()
                .filter(|card| card.family == wanted && card.effective.is_none_or(|day| day <= on))
                .max_by_key(|card| card.effective)
        })
    }

    /// As [`Cards::calls`], for message rates. An account that names one dated card has the
    /// message rates of its family.
    #[must_use]
    pub fn messages(
        &self,
        wanted: &str,
        currency: Currency,
        on: Date,
    ) -> Option<&Arc<MessageCard>> {
        let family = super::name::CardName::of(wanted).family;
        self.messages
            .iter()
            .filter(|card| card.currency == currency)
            .filter(|card| card.family == family && card.effective.is_none_or(|day| day <= on))
            .max_by_key(|card| card.effective)
    }
}
