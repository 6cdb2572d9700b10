//! What does a call of this number cost, at this point of its month?
//!
//! Pure. The platform tells no price, so it is made from the rate card of the day, the pulses and the
//! tier that the month's minutes to that market have reached. What no card knows stays absent.

use std::time::Duration;

use rules::{
    price::{self, Price},
    usage::{self, Month},
};
use switchboard::budget::Budget;
use terms::{Country, Direction, Money, PhoneNumberId, Timestamp};

use crate::{
    cdr::{Cdr, Cost},
    config,
    store::LineSet,
};

/// By what the calls of a number are priced and counted.
#[derive(Debug, Clone)]
pub(crate) struct Tariff {
    /// Which number.
    pub number: PhoneNumberId,
    /// Which rules and rates hold.
    pub price: config::Price,
    /// What a month may cost.
    pub budget: Option<Budget>,
    /// The numbers whose minutes count together for the tiers, this one among them.
    pub counted_with: LineSet,
}

impl Tariff {
    /// The moment by which a call belongs to a month and a card.
    pub(crate) fn counted_at(&self, cdr: &Cdr) -> Timestamp {
        usage::counted_at(cdr.answered_at, cdr.ended_at, &self.price.rulebook)
    }

    /// The month a call belongs to.
    pub(crate) fn month_of(&self, cdr: &Cdr) -> Month {
        self.price.month_at(self.counted_at(cdr))
    }

    /// The market of the user, on the card of the call's day.
    pub(crate) fn market_of(&self, cdr: &Cdr) -> Option<String> {
        self.market_at(self.counted_at(cdr), country(cdr))
    }

    /// A country's market, on the card of a day.
    pub(crate) fn market_at(&self, at: Timestamp, country: Option<Country>) -> Option<String> {
        self.price.card_at(at)?.market(country).map(|(name, _)| name.to_owned())
    }

    /// What a call of ours that still runs has cost; none where no rate is known.
    pub(crate) fn until_now(
        &self,
        answered_at: Timestamp,
        country: Option<Country>,
        now: Timestamp,
        used: Duration,
    ) -> Option<Money> {
        let (card, book) = (self.price.card_at(answered_at)?, &self.price.rulebook);
        let direction = Direction::BusinessInitiated;
        let connected = now.since(answered_at);
        price::price(card, direction, country, connected, used, book).map(|price| price.total)
    }

    /// How long so many pulses are.
    pub(crate) fn billed(&self, pulses: u64) -> Duration {
        let pulses = u32::try_from(pulses).unwrap_or(u32::MAX);
        self.price.rulebook.price.pulse.value.saturating_mul(pulses)
    }

    /// Fills in what a call cost. `used` is what its market used in its month before it.
    pub(crate) fn price(&self, cdr: &mut Cdr, used: Duration) {
        (cdr.pulses, cdr.price, cdr.cost) = (None, None, None);
        let Some(connected) = cdr.connected else { return };
        if cdr.direction == Direction::UserInitiated {
            return;
        }
        let (book, at) = (&self.price.rulebook, self.counted_at(cdr));
        // Pulses are counted, whether a rate is known or not.
        cdr.pulses = Some(price::pulses(connected, book));
        let Some(card) = self.price.card_at(at) else { return };
        let (country, direction) = (country(cdr), cdr.direction);
        let Some(list) = price::list(card, country, connected, book) else { return };
        let priced = price::price(card, direction, country, connected, used, book);
        let Some(Price {
            pulses,
            total,
            market,
            tier,
            tier_before,
            per_minute,
            per_pulse,
            card,
            effective,
        }) = priced
        else {
            return;
        };
        cdr.pulses = Some(pulses);
        cdr.price = Some(total);
        cdr.cost = Some(Box::new(Cost {
            market,
            card,
            card_date: effective.map(|day| day.to_string()),
            tier,
            tier_before,
            per_minute,
            per_pulse,
            list,
            paid: total,
            month: self.price.month_at(at).to_string(),
        }));
    }
}

/// The user's country.
pub(crate) fn country(cdr: &Cdr) -> Option<Country> {
    cdr.contact.country()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use rules::price::{Card, Cards};
    use switchboard::call::EndReason;
    use wire::console::Peer;

    use super::*;

    /// Two tiers: 0.10 up to ten minutes of a month, then 0.05.
    const CARD: &str = "Market,Currency,0-10,11+\nMexico,USD,0.10,0.05\n";

    pub(crate) fn tariff(zone: &str) -> Tariff {
        let mut cards = Cards::default();
        cards.add(Card::parse("ours-2026-01-01", CARD).unwrap());
        let zone = rules::hours::zone(zone).unwrap();
        let (cards, card) = (Arc::new(cards), "ours".to_owned());
        let number: PhoneNumberId = "109876543210987".parse().unwrap();
        Tariff {
            counted_with: LineSet::one(&number),
            number,
            price: config::Price { cards, card, zone, ..config::Price::default() },
            budget: None,
        }
    }

    pub(crate) fn placed(id: &str, to: &str, at: &str, seconds: u64) -> Cdr {
        let at: Timestamp = at.parse().unwrap();
        let contact = Peer { wa_id: to.parse().ok(), ..Peer::default() };
        let id = format!("wacid.{id}").parse().unwrap();
        let direction = Direction::BusinessInitiated;
        let end = at + Duration::from_secs(seconds);
        let line = "109876543210987".parse().unwrap();
        let mut cdr = Cdr::new(line, id, direction, contact, at, end, &EndReason::UserHungUp);
        cdr.talked(at, Duration::from_secs(seconds));
        cdr
    }

    const MEXICO: &str = "5215550000001";

    #[test]
    fn list_and_paid_differ_once_the_month_reached_a_cheaper_tier() {
        let tariff = tariff("UTC");
        let mut cdr = placed("A", MEXICO, "2026-11-28T12:00:00Z", 56);
        tariff.price(&mut cdr, Duration::from_secs(540));
        let cost = cdr.cost.clone().unwrap();
        assert_eq!((cdr.pulses, cost.paid.to_string()), (Some(10), "0.1 USD".into()));
        assert_eq!((cost.tier.as_str(), cost.tier_before), ("0:10", None));
        tariff.price(&mut cdr, Duration::from_secs(541));
        let cost = cdr.cost.clone().unwrap();
        assert_eq!(cost.list.to_string(), "0.1 USD");
        assert_eq!(cost.paid.to_string(), "0.05 USD");
        assert_eq!((cost.tier.as_str(), cost.tier_before.as_deref()), ("11:MAX", Some("0:10")));
        assert_eq!(cost.card_date.as_deref(), Some("2026-01-01"));
        assert_eq!(cost.month, "2026-11");
    }

    #[test]
    fn a_rate_that_is_not_known_is_absent_and_its_pulses_are_counted() {
        let mut cdr = placed("A", "4915550000001", "2026-11-28T12:00:00Z", 56);
        tariff("UTC").price(&mut cdr, Duration::ZERO);
        assert_eq!((cdr.pulses, cdr.price, cdr.cost.is_none()), (Some(10), None, true));
        let mut before = placed("B", MEXICO, "2025-12-31T12:00:00Z", 56);
        tariff("UTC").price(&mut before, Duration::ZERO);
        assert_eq!(before.price, None, "no card held then");
        let body = serde_json::to_value(&before).unwrap();
        assert_eq!(body.get("cost"), None);
    }

    #[test]
    fn a_running_call_costs_what_it_would_if_it_ended_now() {
        let (tariff, mexico) = (tariff("UTC"), "MX".parse().ok());
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (answered, now) = (at("2026-11-28T12:00:00Z"), at("2026-11-28T12:00:56Z"));
        let cost = |used| tariff.until_now(answered, mexico, now, Duration::from_secs(used));
        assert_eq!(cost(0).unwrap().to_string(), "0.1 USD");
        assert_eq!(cost(600).unwrap().to_string(), "0.05 USD");
        let germany = "DE".parse().ok();
        assert_eq!(tariff.until_now(answered, germany, now, Duration::ZERO), None);
    }

    #[test]
    fn the_month_is_that_of_the_answer_in_the_accounts_calendar() {
        let cdr = placed("A", MEXICO, "2026-12-01T02:59:30Z", 60);
        assert_eq!(tariff("America/Sao_Paulo").month_of(&cdr).to_string(), "2026-11");
        assert_eq!(tariff("UTC").month_of(&cdr).to_string(), "2026-12");
    }
}
