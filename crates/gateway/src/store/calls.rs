//! Which calls run, which have ended, and what did they cost?

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use terms::{CallId, Direction, PhoneNumberId, Timestamp};
use wire::console::Peer;

use super::{
    LineSet, News, Store, StoreError, collections, figures, notes, outbox, spend, wrap_ups,
};
use crate::{cdr::Cdr, tariff::Tariff};

/// What a gateway that comes back must know of a call it left behind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LiveCall {
    /// Its id.
    pub call_id: CallId,
    /// The line it is on.
    pub phone_number_id: PhoneNumberId,
    /// Who started it.
    pub direction: Direction,
    /// The user.
    pub contact: Peer,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was answered, as far as it was.
    pub answered_at: Option<Timestamp>,
    /// From the deep link.
    pub deeplink_payload: Option<String>,
    /// From the button.
    pub cta_payload: Option<String>,
}

impl Store {
    /// Remembers a running call.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn save_live(&self, call: LiveCall) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "INSERT OR REPLACE INTO live_calls (line, call_id, body)
                       VALUES (?1, ?2, ?3)";
            let body = serde_json::to_string(&call)?;
            let row = params![call.phone_number_id.as_str(), call.call_id.as_str(), body];
            db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        })
        .await
    }

    /// The calls that were running when the last gateway stopped.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn live_calls(&self) -> Result<Vec<LiveCall>, StoreError> {
        self.run(|db| {
            let mut statement = db.prepare_cached("SELECT body FROM live_calls")?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            let mut calls = Vec::new();
            for body in rows {
                calls.push(serde_json::from_str(&body?)?);
            }
            Ok(calls)
        })
        .await
    }

    /// Forgets a call that no longer runs.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn forget_live(
        &self,
        line: PhoneNumberId,
        call_id: CallId,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "DELETE FROM live_calls WHERE line = ?1 AND call_id = ?2";
            db.prepare_cached(sql)?.execute([line.as_str(), call_id.as_str()])?;
            Ok(())
        })
        .await
    }

    /// Prices and writes the record of an ended call and tells its end, once: the first record of a
    /// call stands. Returns the one that stands.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn save_cdr<F>(
        &self,
        mut cdr: Cdr,
        tariff: Tariff,
        end: F,
    ) -> Result<Cdr, StoreError>
    where
        F: FnOnce(&Cdr) -> Vec<News> + Send + 'static,
    {
        self.run(move |db| {
            let line = LineSet::one(&cdr.phone_number_id);
            if let Some(known) = load(db, &line, &cdr.call_id)? {
                return Ok(known);
            }
            notes::take(db, &mut cdr)?;
            wrap_ups::put(db, &mut cdr)?;
            figures::price(db, &mut cdr, &tariff)?;
            let sql = "INSERT INTO cdrs (line, call_id, started_ms, body) VALUES (?1, ?2, ?3, ?4)";
            let row = params![
                cdr.phone_number_id.as_str(),
                cdr.call_id.as_str(),
                cdr.started_at.unix_ms(),
                serde_json::to_string(&cdr)?
            ];
            db.prepare_cached(sql)?.execute(row)?;
            for news in end(&cdr) {
                outbox::keep(db, news)?;
            }
            count(db, &cdr, &tariff)?;
            Ok(cdr)
        })
        .await
    }

    /// Changes a record in place: the platform's figures came after it was written. Returns it priced.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn amend_cdr<F>(
        &self,
        mut cdr: Cdr,
        tariff: Tariff,
        news: F,
    ) -> Result<Cdr, StoreError>
    where
        F: FnOnce(&Cdr) -> News + Send + 'static,
    {
        self.run(move |db| {
            collections::put(db, &mut cdr)?;
            figures::price(db, &mut cdr, &tariff)?;
            rewrite(db, &cdr)?;
            outbox::keep(db, news(&cdr))?;
            count(db, &cdr, &tariff)?;
            Ok(cdr)
        })
        .await
    }

    /// A page of the records of these lines' calls that started from `from` until before `to`, in the order they
    /// started, after the call of this start and id.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn cdrs_between(
        &self,
        lines: LineSet,
        from: Timestamp,
        to: Timestamp,
        after: (i64, String),
        limit: u32,
    ) -> Result<Vec<Cdr>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT body FROM cdrs WHERE started_ms >= ?1 AND started_ms < ?2
                       AND (started_ms, call_id) > (?3, ?4)
                       AND line IN (SELECT value FROM json_each(?6))
                       ORDER BY started_ms, call_id LIMIT ?5";
            let mut statement = db.prepare_cached(sql)?;
            let row = params![from.unix_ms(), to.unix_ms(), after.0, after.1, limit, lines];
            let rows = statement.query_map(row, |row| row.get::<_, String>(0))?;
            let mut cdrs = Vec::new();
            for body in rows {
                cdrs.push(serde_json::from_str(&body?)?);
            }
            Ok(cdrs)
        })
        .await
    }

    /// The record of one call, if it was on one of these lines.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn cdr(
        &self,
        lines: LineSet,
        call_id: CallId,
    ) -> Result<Option<Cdr>, StoreError> {
        self.run(move |db| load(db, &lines, &call_id)).await
    }
}

/// The record of a call, if it was on one of these lines.
pub(super) fn load(
    db: &Connection,
    lines: &LineSet,
    call_id: &CallId,
) -> Result<Option<Cdr>, StoreError> {
    let sql = "SELECT body FROM cdrs
               WHERE call_id = ?1 AND line IN (SELECT value FROM json_each(?2))";
    let mut statement = db.prepare_cached(sql)?;
    let row = params![call_id.as_str(), lines];
    let body = statement.query_row(row, |row| row.get::<_, String>(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

/// Writes a record that is there anew.
pub(super) fn rewrite(db: &Connection, cdr: &Cdr) -> Result<(), StoreError> {
    let sql = "UPDATE cdrs SET body = ?3 WHERE line = ?1 AND call_id = ?2";
    let body = serde_json::to_string(cdr)?;
    let row = params![cdr.phone_number_id.as_str(), cdr.call_id.as_str(), body];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Counts a call in the sums, and what of the budget that reaches.
fn count(db: &Connection, cdr: &Cdr, tariff: &Tariff) -> Result<(), StoreError> {
    figures::write(db, cdr, tariff)?;
    let month = tariff.month_of(cdr).to_string();
    if cdr.price.is_none() {
        return Ok(());
    }
    spend::tell_thresholds(db, tariff, &month, tariff.counted_at(cdr))
}
