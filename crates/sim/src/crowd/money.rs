//! What does a call or a message cost here, and what should it?

use std::{collections::BTreeMap, time::Duration};

use jiff::tz::TimeZone;
use rules::{
    price::{self, Category, Charge, RateCard},
    usage::{self, Month},
};
use rust_decimal::Decimal;
use terms::{Direction, Timestamp};

use super::{
    town::{self, AccountNo, CallNo, NumberNo},
    world::World,
};

/// What was used of a market in a month, and what was paid for it.
#[derive(Debug)]
pub(super) struct Money {
    card: RateCard,
    /// By account, month and market.
    used: BTreeMap<(AccountNo, Month, String), Duration>,
    /// By number and month.
    free_used: BTreeMap<(NumberNo, Month), u32>,
    /// Every priced call, for the reference.
    bills: Vec<Bill>,
    /// Every message with its number and month, for the reference.
    messages: Vec<(NumberNo, String)>,
}

/// A priced call.
#[derive(Debug, Clone)]
struct Bill {
    account: AccountNo,
    month: String,
    market: String,
    pulses: u64,
    per_minute: Decimal,
    total: Decimal,
    /// It began a tier.
    crosses: bool,
}

impl Money {
    pub(super) fn new() -> Self {
        Self {
            card: town::card(),
            used: BTreeMap::new(),
            free_used: BTreeMap::new(),
            bills: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// A month's use of a market is the sum of its calls.
    pub(super) fn check_months(&self, faults: &mut Vec<String>) {
        let mut sums: BTreeMap<_, u64> = BTreeMap::new();
        for bill in &self.bills {
            let month = (bill.account, bill.month.clone(), bill.market.clone());
            *sums.entry(month).or_default() += bill.pulses * 6;
        }
        let used: BTreeMap<_, u64> = self
            .used
            .iter()
            .map(|((account, month, market), used)| {
                ((*account, month.to_string(), market.clone()), used.as_secs())
            })
            .collect();
        if sums != used {
            faults.push(format!("the months hold {used:?}, their calls {sums:?}"));
        }
    }

    /// A call costs a tenth of the rate each begun six seconds; the rate is of the tier its last
    /// minute falls into, and never above that of a call before in its month.
    fn wrong_with(&self, bill: &Bill, connected: Duration) -> Option<String> {
        let pulses = u64::try_from(connected.as_millis().div_ceil(6_000)).unwrap_or(u64::MAX);
        let same = |other: &&Bill| {
            (other.account, &other.month, &other.market)
                == (bill.account, &bill.month, &bill.market)
        };
        let before: u64 = self.bills.iter().filter(same).map(|other| other.pulses).sum();
        let cheapest = self.bills.iter().filter(same).map(|other| other.per_minute).min();
        let rate = rate_of(&bill.market, before + pulses);
        let total = rate * Decimal::from(pulses) / Decimal::from(10);
        let crosses = rate != rate_of(&bill.market, before);
        let got = (bill.pulses, bill.per_minute, bill.total, bill.crosses);
        if got != (pulses, rate, total, crosses) {
            let want = format!("{pulses} pulses at {rate}: {total}, crosses {crosses}");
            return Some(format!("{bill:?}, not {want}"));
        }
        cheapest
            .is_some_and(|cheapest| bill.per_minute > cheapest)
            .then(|| format!("{bill:?} is dearer than one before in its month"))
    }
}

/// The rate of a market once so many pulses are used, as the card in `town` has it.
fn rate_of(market: &str, pulses: u64) -> Decimal {
    let tiers: [i64; 3] = match market {
        "Mexico" => [10, 8, 5],
        "Brazil" => [20, 10, 2],
        _ => [30, 20, 10],
    };
    let tier = match pulses.div_ceil(10) {
        0..=10 => 0,
        11..=50 => 1,
        _ => 2,
    };
    Decimal::new(tiers[tier], 2)
}

impl World {
    fn zone_of(&self, account: AccountNo) -> TimeZone {
        rules::hours::zone(self.accounts[account].zone).unwrap_or(TimeZone::UTC)
    }

    /// The month of a moment where the account is, by the calendar alone.
    fn month_of(&self, account: AccountNo, at: Timestamp) -> String {
        let today = self.zone_of(account).to_datetime(at.to_jiff()).date();
        format!("{}-{:02}", today.year(), today.month())
    }

    /// Prices a call by the rules, and counts it towards its month: that of its answer.
    pub(super) fn bill(&mut self, no: CallNo, connected: Duration) {
        self.calls[no].bills += 1;
        self.report.counts.billed += 1;
        let (number, user) = (self.calls[no].number, self.calls[no].user);
        let (account, book) = (self.numbers[number].account, self.book(number));
        let answered_at = self.calls[no].answered_at;
        let at = usage::counted_at(answered_at, self.now, &book);
        let month = Month::of(&self.zone_of(account), at);
        let country = self.users[user].country.parse().ok();
        let money = &mut self.money;
        let market = money.card.market(country).map_or("", |(market, _)| market).to_owned();
        let used = money.used.entry((account, month, market.clone())).or_default();
        let direction = Direction::BusinessInitiated;
        let price = price::price(&money.card, direction, country, connected, *used, &book);
        *used += price::billed(direction, connected, &book);
        let Some(price) = price else {
            return self.fault(&format!("call {no} has no price"));
        };
        if !self.plan.checked {
            return;
        }
        let bill = Bill {
            account,
            month: self.month_of(account, answered_at.unwrap_or(self.now)),
            market,
            pulses: price.pulses,
            per_minute: price.per_minute.amount,
            total: price.total.amount,
            crosses: price.tier_before.is_some(),
        };
        if connected != self.lasted(no) {
            self.fault(&format!("call {no} lasted {:?}, not {connected:?}", self.lasted(no)));
        }
        if let Some(wrong) = self.money.wrong_with(&bill, connected) {
            self.fault(&format!("call {no}: {wrong}"));
        }
        self.money.bills.push(bill);
    }

    /// A free-form message: one of the month's free ones, or paid for.
    pub(super) fn charge_message(&mut self, number: NumberNo) {
        let (account, book, now) = (self.numbers[number].account, self.book(number), self.now);
        let month = Month::of(&self.zone_of(account), now);
        let used = self.money.free_used.entry((number, month)).or_default();
        let charge = price::charge(Category::Service, true, *used, &book);
        *used += u32::from(charge == Charge::FreeOfMonth);
        if !self.plan.checked {
            return;
        }
        let this = (number, self.month_of(account, now));
        let before = self.money.messages.iter().filter(|other| **other == this).count();
        let want = if self.accounts[account].is_beta {
            Charge::Free
        } else if before < self.accounts[account].limits.free_messages {
            Charge::FreeOfMonth
        } else {
            Charge::Billed
        };
        if charge != want {
            self.fault(&format!("message {before} of number {number}: {charge:?}, not {want:?}"));
        }
        self.money.messages.push(this);
    }
}
