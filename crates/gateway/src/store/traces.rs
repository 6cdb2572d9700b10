//! Which trace does a webhook or a call belong to?
//!
//! Kept beside them, so that what is told of a call carries its trace, whoever tells it and whenever: a
//! gateway that ends the calls of a killed one, too. Empty while nobody traces.

use rusqlite::{Connection, OptionalExtension, params};
use terms::{CallId, PhoneNumberId, Timestamp};
use wire::trace::TraceParent;

use super::{Store, StoreError};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS traces (
    key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, traceparent TEXT NOT NULL) WITHOUT ROWID;
";

impl Store {
    /// Remembers the trace of a call. Does not wait: what is told later finds it.
    pub(crate) fn note_trace(
        &self,
        line: &PhoneNumberId,
        call_id: &CallId,
        trace: TraceParent,
        now: Timestamp,
    ) {
        let key = of_call(line, call_id);
        if !self.post(move |db| keep(db, &key, trace, now)) {
            tracing::warn!("the store cannot follow: the events of a call carry no trace");
        }
    }

    /// Forgets traces noted before this time.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn forget_traces(&self, before: Timestamp) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "DELETE FROM traces WHERE at_ms < ?1";
            db.prepare_cached(sql)?.execute([before.unix_ms()])?;
            Ok(())
        })
        .await
    }
}

/// The key of a call.
pub(super) fn of_call(line: &PhoneNumberId, call_id: &CallId) -> String {
    format!("{line}:{call_id}")
}

/// The key of a webhook in the inbox.
pub(super) fn of_webhook(id: i64) -> String {
    format!("inbox:{id}")
}

pub(super) fn keep(
    db: &Connection,
    key: &str,
    trace: TraceParent,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO traces (key, at_ms, traceparent) VALUES (?1, ?2, ?3)";
    db.prepare_cached(sql)?.execute(params![key, now.unix_ms(), trace.to_string()])?;
    Ok(())
}

pub(super) fn find(db: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT traceparent FROM traces WHERE key = ?1";
    Ok(db.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?)
}
