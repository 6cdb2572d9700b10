//! How much of a number's budget is spent this month, with what its running calls have cost so far?
//!
//! Records know what ended calls cost. A call that still runs has none, so its price until now is
//! reckoned in: an afternoon of long calls must not hide a spent budget until they end.

use rust_decimal::Decimal;
use switchboard::budget::{Budget, Spent};
use terms::{Direction, Timestamp};
use wire::console::Call;

use crate::{
    line::Line,
    store::{Store, StoreError},
};

/// A budget and what is gone of it.
#[derive(Debug, Clone)]
pub(crate) struct Spending {
    /// What may be spent.
    pub budget: Budget,
    /// What ended and running calls cost.
    pub spent: Decimal,
    /// The part of the running ones.
    pub running: Decimal,
    /// When the next month begins.
    pub until: Timestamp,
}

impl Spending {
    /// May another call go out?
    ///
    /// # Errors
    ///
    /// That it may not, and until when.
    pub(crate) fn verdict(&self) -> Result<(), Spent> {
        self.budget.verdict(self.spent, self.until)
    }
}

/// What this line has spent of its budget now; none where it has no budget.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn of(store: &Store, line: &Line) -> Result<Option<Spending>, StoreError> {
    let Some(budget) = line.config.budget.clone() else { return Ok(None) };
    let price = &line.config.price;
    let month = price.month_at(line.now());
    let currency = budget.monthly.currency;
    let ended = store.spent(line.id().clone(), month.to_string(), currency).await?;
    let mut running = Decimal::ZERO;
    for call in line.consoles().live() {
        running += so_far(store, line, &call).await?;
    }
    let (_, until) = month.span(&price.zone);
    Ok(Some(Spending { budget, spent: ended + running, running, until }))
}

/// What a running call of this line has cost until now; nothing where no rate is known.
async fn so_far(store: &Store, line: &Line, call: &Call) -> Result<Decimal, StoreError> {
    let is_ours = call.direction == Direction::BusinessInitiated && call.number == line.digits();
    let Some(answered_at) = call.answered_at.filter(|_| is_ours) else { return Ok(Decimal::ZERO) };
    let (tariff, now) = (line.tariff(), line.now());
    let Some(market) = tariff.market_at(answered_at, call.country) else {
        return Ok(Decimal::ZERO);
    };
    let month = tariff.price.month_at(answered_at).to_string();
    let used = store.used(tariff.counted_with.clone(), month, market).await?;
    let price = tariff.until_now(answered_at, call.country, now, used);
    Ok(price.map_or(Decimal::ZERO, |price| price.amount))
}
