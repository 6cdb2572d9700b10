//! What is counted of an ended call?
//!
//! One narrow row beside each record, written with it, so that sums are made by the database. The
//! record is the truth: rows that are missing, such as those of an older gateway, are made from it.

use std::time::Duration;

use rules::reconciliation::Ours;
use rusqlite::{Connection, params};
use rust_decimal::Decimal;
use terms::{Country, Direction, PhoneNumberId, Timestamp, WaId};

use super::{LineSet, Store, StoreError, amount};
use crate::{
    cdr::Cdr,
    tariff::{self, Tariff},
};

/// How many records one job makes rows of.
const CATCH_UP_MAX: u32 = 500;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS call_figures (
    number TEXT NOT NULL, call_id TEXT NOT NULL, direction TEXT NOT NULL, country TEXT,
    agent TEXT, who TEXT NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,
    counted_ms INTEGER NOT NULL, month TEXT NOT NULL, answered INTEGER NOT NULL, wait_ms INTEGER,
    duration_s INTEGER, reason TEXT NOT NULL, market TEXT, pulses INTEGER, billed_ms INTEGER,
    currency TEXT NOT NULL, list INTEGER, paid INTEGER, notes TEXT, wrap_up TEXT,
    confirmed INTEGER NOT NULL, PRIMARY KEY (number, call_id));
CREATE INDEX IF NOT EXISTS figures_by_start ON call_figures (started_ms, call_id);
CREATE INDEX IF NOT EXISTS figures_by_month
    ON call_figures (number, month, market, billed_ms, currency, paid);
CREATE INDEX IF NOT EXISTS figures_by_end
    ON call_figures (number, direction, ended_ms, answered);
CREATE INDEX IF NOT EXISTS figures_by_count ON call_figures (number, counted_ms);
";

/// Prices a record by what its month has used before it.
pub(super) fn price(db: &Connection, cdr: &mut Cdr, tariff: &Tariff) -> Result<(), StoreError> {
    let used = match tariff.market_of(cdr) {
        Some(market) => {
            let month = tariff.month_of(cdr).to_string();
            used(db, &tariff.counted_with, &month, &market, cdr.call_id.as_str())?
        }
        None => Duration::ZERO,
    };
    tariff.price(cdr, used);
    Ok(())
}

/// What a month has used of a market, but for this call.
fn used(
    db: &Connection,
    numbers: &LineSet,
    month: &str,
    market: &str,
    but_for: &str,
) -> Result<Duration, StoreError> {
    let sql = "SELECT COALESCE(SUM(billed_ms), 0) FROM call_figures
               WHERE number IN (SELECT value FROM json_each(?1)) AND month = ?2 AND market = ?3
                 AND call_id <> ?4";
    let row = params![numbers, month, market, but_for];
    let used_ms: i64 = db.prepare_cached(sql)?.query_row(row, |row| row.get(0))?;
    Ok(Duration::from_millis(u64::try_from(used_ms).unwrap_or(0)))
}

/// Writes the row of a record; one that is there is replaced.
pub(super) fn write(db: &Connection, cdr: &Cdr, tariff: &Tariff) -> Result<(), StoreError> {
    let sql =
        "INSERT OR REPLACE INTO call_figures (call_id, number, direction, country, agent, who,
                 started_ms, ended_ms, counted_ms, month, answered, wait_ms, duration_s, reason,
                 market, pulses, billed_ms, currency, list, paid, notes, wrap_up, confirmed)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19, ?20, ?21, ?22, ?23)";
    let paid = cdr.price.map(|price| price.amount);
    let list = cdr.cost.as_ref().map(|cost| cost.list.amount).or(paid);
    let currency = cdr.price.map_or(tariff.price.currency, |price| price.currency);
    let billed = cdr.pulses.map(|pulses| tariff.billed(pulses));
    let wait = cdr.answered_at.map(|at| at.since(cdr.started_at));
    let market = cdr.pulses.and_then(|_| {
        cdr.cost.as_ref().map(|cost| cost.market.clone()).or_else(|| tariff.market_of(cdr))
    });
    db.prepare_cached(sql)?.execute(params![
        cdr.call_id.as_str(),
        tariff.number.as_str(),
        cdr.direction.as_str(),
        tariff::country(cdr).as_ref().map(Country::as_str),
        cdr.agent.as_ref().map(terms::AgentId::as_str),
        who(cdr),
        cdr.started_at.unix_ms(),
        cdr.ended_at.unix_ms(),
        tariff.counted_at(cdr).unix_ms(),
        tariff.month_of(cdr).to_string(),
        cdr.answered_at.is_some(),
        wait.map(milliseconds),
        whole(cdr.duration_s),
        cdr.reason,
        market,
        whole(cdr.pulses),
        billed.map(milliseconds),
        currency.as_str(),
        list.and_then(amount::to_row),
        paid.and_then(amount::to_row),
        cdr.notes.as_deref().map(str::to_lowercase),
        cdr.wrap_up,
        !cdr.unconfirmed,
    ])?;
    Ok(())
}

/// What a search for a user looks at.
fn who(cdr: &Cdr) -> String {
    let contact = &cdr.contact;
    let parts = [
        contact.name.as_deref(),
        contact.wa_id.as_ref().map(WaId::as_str),
        contact.user_id.as_ref().map(terms::UserId::as_str),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn whole(number: Option<u64>) -> Option<i64> {
    number.and_then(|number| i64::try_from(number).ok())
}

/// A count of a row; the database has no unsigned numbers.
pub(super) fn count(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(index)?).unwrap_or(0))
}

/// A count that may be absent.
pub(super) fn count_if(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(index)?.and_then(|number| u64::try_from(number).ok()))
}

/// What this month has cost so far, in the budget's currency.
pub(super) fn spent(
    db: &Connection,
    number: &str,
    month: &str,
    currency: &str,
) -> Result<Decimal, StoreError> {
    let sql = "SELECT COALESCE(SUM(paid), 0) FROM call_figures
               WHERE number = ?1 AND month = ?2 AND currency = ?3";
    let row = params![number, month, currency];
    Ok(amount::from_row(db.prepare_cached(sql)?.query_row(row, |row| row.get(0))?))
}

impl Store {
    /// What a month of these numbers has used of a market.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn used(
        &self,
        numbers: LineSet,
        month: String,
        market: String,
    ) -> Result<Duration, StoreError> {
        self.run(move |db| used(db, &numbers, &month, &market, "")).await
    }

    /// The connected calls of a number that count from `from` until before `to`.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn counted_calls(
        &self,
        number: PhoneNumberId,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<Ours>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT call_id, counted_ms, direction, country, duration_s, paid, confirmed
                       FROM call_figures WHERE number = ?1 AND counted_ms >= ?2 AND counted_ms < ?3
                         AND duration_s IS NOT NULL";
            let mut statement = db.prepare_cached(sql)?;
            let row = params![number.as_str(), from.unix_ms(), to.unix_ms()];
            let rows = statement.query_map(row, ours)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        })
        .await
    }

    /// Makes the rows that records of a number lack; their prices stand. Called before anything is recorded.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn catch_up_figures(&self, tariff: Tariff) -> Result<(), StoreError> {
        let mut more = true;
        while more {
            let tariff = tariff.clone();
            more = self
                .run(move |db| {
                    let sql = "SELECT body FROM cdrs WHERE line = ?2 AND call_id NOT IN
                               (SELECT call_id FROM call_figures WHERE number = ?2) LIMIT ?1";
                    let mut statement = db.prepare_cached(sql)?;
                    let row = params![CATCH_UP_MAX, tariff.number.as_str()];
                    let rows = statement.query_map(row, |row| row.get::<_, String>(0))?;
                    let bodies = rows.collect::<Result<Vec<_>, _>>()?;
                    for body in &bodies {
                        write(db, &serde_json::from_str(body)?, &tariff)?;
                    }
                    Ok(!bodies.is_empty())
                })
                .await?;
        }
        Ok(())
    }
}

fn ours(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Ours>> {
    let (call_id, country): (String, Option<String>) = (row.get(0)?, row.get(3)?);
    let (Ok(call_id), Some(direction)) = (call_id.parse(), direction(&row.get::<_, String>(2)?))
    else {
        return Ok(None);
    };
    Ok(Some(Ours {
        call_id,
        at: Timestamp::from_unix_ms(row.get(1)?),
        direction,
        country: country.and_then(|text| text.parse().ok()),
        connected: Duration::from_secs(count(row, 4)?),
        cost: row.get::<_, Option<i64>>(5)?.map(amount::from_row),
        is_confirmed: row.get(6)?,
    }))
}

/// A direction of a table.
pub(super) fn direction(text: &str) -> Option<Direction> {
    [Direction::UserInitiated, Direction::BusinessInitiated]
        .into_iter()
        .find(|direction| direction.as_str() == text)
}
