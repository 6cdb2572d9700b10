//! What did a month cost, and which thresholds of its budget were told?

use rusqlite::{Connection, params};
use rust_decimal::Decimal;
use switchboard::budget::{Budget, Threshold};
use terms::{Country, Direction, Money, PhoneNumberId, Timestamp};
use wire::event::{Spending, What};

use super::{LineSet, News, Store, StoreError, amount, figures, outbox};
use crate::tariff::Tariff;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS budget_thresholds (
    number TEXT NOT NULL, month TEXT NOT NULL, threshold TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (number, month, threshold)) WITHOUT ROWID;
";

/// What the calls of a number in a direction to a country amount to in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpendRow {
    /// Which number.
    pub number: String,
    /// Who called.
    pub direction: Direction,
    /// The users' country, where known.
    pub country: Option<Country>,
    /// All calls.
    pub calls: u64,
    /// Those that were picked up.
    pub answered: u64,
    /// How long those were.
    pub seconds: u64,
    /// Billing steps.
    pub pulses: u64,
    /// Calls that cost, but no rate is known.
    pub unpriced: u64,
    /// What the priced ones cost in the first tier.
    pub list: Option<Money>,
    /// What they cost.
    pub paid: Option<Money>,
}

impl Store {
    /// What a month of these lines amounts to.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn spend(
        &self,
        lines: LineSet,
        month: String,
    ) -> Result<Vec<SpendRow>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT number, direction, country, currency, COUNT(*), SUM(answered),
                         COALESCE(SUM(duration_s), 0), COALESCE(SUM(pulses), 0),
                         SUM(pulses IS NOT NULL AND paid IS NULL), SUM(list), SUM(paid)
                       FROM call_figures
                       WHERE month = ?1 AND number IN (SELECT value FROM json_each(?2))
                       GROUP BY number, direction, country, currency
                       ORDER BY number, direction, country, currency";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![month, lines], read)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        })
        .await
    }

    /// What a number has spent in a month of its budget.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn spent(
        &self,
        number: PhoneNumberId,
        month: String,
        currency: terms::Currency,
    ) -> Result<Decimal, StoreError> {
        self.run(move |db| figures::spent(db, number.as_str(), &month, currency.as_str())).await
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<SpendRow>> {
    let currency: String = row.get(3)?;
    let country: Option<String> = row.get(2)?;
    let Some(direction) = figures::direction(&row.get::<_, String>(1)?) else { return Ok(None) };
    Ok(Some(SpendRow {
        number: row.get(0)?,
        direction,
        country: country.and_then(|text| text.parse().ok()),
        calls: figures::count(row, 4)?,
        answered: figures::count(row, 5)?,
        seconds: figures::count(row, 6)?,
        pulses: figures::count(row, 7)?,
        unpriced: figures::count(row, 8)?,
        list: amount::money(row.get(9)?, &currency),
        paid: amount::money(row.get(10)?, &currency),
    }))
}

/// Tells the thresholds of the budget that this month has reached, each once for good.
pub(super) fn tell_thresholds(
    db: &Connection,
    tariff: &Tariff,
    month: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(budget) = &tariff.budget else { return Ok(()) };
    let (number, currency) = (tariff.number.as_str(), budget.monthly.currency);
    let spent = figures::spent(db, number, month, currency.as_str())?;
    for threshold in budget.reached(spent) {
        let name = name(threshold);
        let sql = "INSERT OR IGNORE INTO budget_thresholds (number, month, threshold, at_ms)
                   VALUES (?1, ?2, ?3, ?4)";
        let row = params![number, month, name, at.unix_ms()];
        if db.prepare_cached(sql)?.execute(row)? == 1 {
            let what = what(threshold, budget, spent, tariff, month);
            let key = format!("{}:{number}:{month}:{name}", what.kind());
            let (line, subject) = (tariff.number.clone(), number.to_owned());
            outbox::keep(db, News { line, key, subject, call_id: None, at, what })?;
        }
    }
    Ok(())
}

fn name(threshold: Threshold) -> String {
    match threshold {
        Threshold::Warning { share } => share.normalize().to_string(),
        Threshold::Exhausted => "exhausted".into(),
    }
}

fn what(
    threshold: Threshold,
    budget: &Budget,
    spent: Decimal,
    tariff: &Tariff,
    month: &str,
) -> What {
    let spending = |share: Option<String>| Spending {
        number: tariff.number.clone(),
        month: month.to_owned(),
        share,
        monthly: budget.monthly,
        spent: Money { amount: spent, currency: budget.monthly.currency },
        stop: budget.stop,
    };
    match threshold {
        Threshold::Warning { .. } => What::BudgetWarning(spending(Some(name(threshold)))),
        Threshold::Exhausted => What::BudgetExhausted(spending(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cdr::Cdr,
        store::Asked,
        tariff::tests::{placed, tariff},
    };

    const MEXICO: &str = "5215550000001";

    async fn save(store: &Store, tariff: &Tariff, cdr: Cdr) -> Cdr {
        store.save_cdr(cdr, tariff.clone(), |_| Vec::new()).await.unwrap()
    }

    /// Ten minutes of a month at the first rate, and the month begins in São Paulo.
    #[tokio::test]
    async fn a_tier_is_reached_by_the_month_of_the_number_and_begins_anew_with_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let tariff = tariff("America/Sao_Paulo");
        let tier = |cdr: &Cdr| cdr.cost.as_ref().map(|cost| cost.tier.clone());
        let store = Store::open(Some(folder.path()), &tariff.number).unwrap();
        let first = placed("A", MEXICO, "2026-11-30T20:00:00Z", 595);
        assert_eq!(tier(&save(&store, &tariff, first).await).as_deref(), Some("0:10"));
        drop(store);
        let store = Store::open(Some(folder.path()), &tariff.number).unwrap();
        let second = save(&store, &tariff, placed("B", MEXICO, "2026-12-01T02:59:00Z", 60)).await;
        assert_eq!(tier(&second).as_deref(), Some("11:MAX"), "November over a restart");
        assert_eq!(second.price.unwrap().to_string(), "0.05 USD");
        let third = save(&store, &tariff, placed("C", MEXICO, "2026-12-01T03:00:00Z", 60)).await;
        assert_eq!(tier(&third).as_deref(), Some("0:10"), "December there");
        let number: PhoneNumberId = "7".parse().unwrap();
        let other = Tariff { counted_with: LineSet::one(&number), number, ..tariff.clone() };
        let mut fourth = placed("D", MEXICO, "2026-11-30T23:00:00Z", 60);
        fourth.phone_number_id = other.number.clone();
        let fourth = save(&store, &other, fourth).await;
        assert_eq!(tier(&fourth).as_deref(), Some("0:10"), "another number's month");
        let both = [other.number.clone(), tariff.number.clone()].into_iter().collect();
        let other = Tariff { counted_with: both, ..other };
        let mut fifth = placed("E", MEXICO, "2026-11-30T23:30:00Z", 60);
        fifth.phone_number_id = other.number.clone();
        let fifth = save(&store, &other, fifth).await;
        assert_eq!(tier(&fifth).as_deref(), Some("11:MAX"), "of the same portfolio");

        let mine = LineSet::one(&tariff.number);
        let rows = store.spend(mine, "2026-11".into()).await.unwrap();
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((row.calls, row.answered, row.seconds, row.pulses), (2, 2, 655, 110));
        assert_eq!(row.list.unwrap().to_string(), "1.1 USD");
        assert_eq!(row.paid.unwrap().to_string(), "1.05 USD");
        let both = [tariff.number.clone(), other.number].into_iter().collect();
        assert_eq!(store.spend(both, "2026-11".into()).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_no_card_knows_is_counted_and_has_no_sum() {
        let tariff = tariff("UTC");
        let store = Store::open(None, &tariff.number).unwrap();
        save(&store, &tariff, placed("A", "4915550000001", "2026-11-28T12:00:00Z", 60)).await;
        let mine = LineSet::one(&tariff.number);
        let rows = store.spend(mine, "2026-11".into()).await.unwrap();
        assert_eq!((rows[0].unpriced, rows[0].pulses, rows[0].paid), (1, 10, None));
        assert_eq!(rows[0].country.unwrap().as_str(), "DE");
    }

    #[tokio::test]
    async fn each_threshold_of_a_month_is_told_once_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut tariff = tariff("UTC");
        let monthly = Money { amount: "0.2".parse().unwrap(), currency: tariff.price.currency };
        let warn_at = vec!["0.5".parse().unwrap(), "0.8".parse().unwrap()];
        tariff.budget = Some(Budget { monthly, warn_at, stop: true });
        let mut told = Vec::new();
        for (id, at) in [
            ("A", "2026-11-28T12:00:00Z"),
            ("B", "2026-11-28T13:00:00Z"),
            ("C", "2026-11-28T14:00:00Z"),
            ("D", "2026-12-01T00:00:00Z"),
        ] {
            let store = Store::open(Some(folder.path()), &tariff.number).unwrap();
            save(&store, &tariff, placed(id, MEXICO, at, 60)).await;
            let lines = LineSet::one(&tariff.number);
            let asked = Asked { lines, limit: 100, ..Asked::default() };
            let events = store.events(asked).await.unwrap();
            told.push(events.len());
            // Forgotten events are not told again.
            store.forget_events(Timestamp::from_unix(i64::MAX)).await.unwrap();
        }
        assert_eq!(told, [1, 2, 0, 1], "half; four fifths and all; nothing; December's half");
    }
}
