//! How long did agents wrap up after a call?
//!
//! A call may have had several agents, and one who gave it away is done before the call is over: until its
//! record is written the time waits here.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use switchboard::agent::Talk;

use super::{LineSet, Store, StoreError, calls};
use crate::cdr::Cdr;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS call_wrap_ups (
    line TEXT NOT NULL, call_id TEXT NOT NULL, ms INTEGER NOT NULL, PRIMARY KEY (line, call_id));
";

impl Store {
    /// An agent is done with a call.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn wrapped_up(&self, talk: Talk, took: Duration) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "INSERT INTO call_wrap_ups (line, call_id, ms) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET ms = min(ms + excluded.ms, 4294967295)";
            let ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
            let row = params![talk.line.as_str(), talk.call_id.as_str(), ms];
            db.prepare_cached(sql)?.execute(row)?;
            if let Some(mut cdr) = calls::load(db, &LineSet::one(&talk.line), &talk.call_id)? {
                put(db, &mut cdr)?;
                calls::rewrite(db, &cdr)?;
            }
            Ok(())
        })
        .await
    }
}

/// Puts what is known so far into the call's record.
pub(super) fn put(db: &Connection, cdr: &mut Cdr) -> Result<(), StoreError> {
    let sql = "SELECT ms FROM call_wrap_ups WHERE line = ?1 AND call_id = ?2";
    let row = [cdr.phone_number_id.as_str(), cdr.call_id.as_str()];
    let ms: Option<u32> = db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
    cdr.wrap_up_s = ms.map(|ms| u64::from(ms / 1_000));
    Ok(())
}
