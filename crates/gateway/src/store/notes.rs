//! What was noted about calls?
//!
//! A note of a call that is over goes into its record; one of a call that still runs waits here until
//! the record is written.

use rusqlite::{Connection, OptionalExtension, params};
use terms::{AgentId, CallId, Timestamp};
use wire::{
    console::NoteChange,
    event::{Noted, What},
};

use super::{News, Store, StoreError, calls, outbox};
use crate::cdr::Cdr;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS call_notes (call_id TEXT PRIMARY KEY, body TEXT NOT NULL);
";

impl Store {
    /// Notes something about a call and tells it; `None` when it neither runs nor has a record.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn note(
        &self,
        call_id: CallId,
        change: NoteChange,
        by: Option<AgentId>,
        at: Timestamp,
    ) -> Result<Option<Noted>, StoreError> {
        let source = self.source();
        self.run(move |db| {
            let known = match calls::load(db, &call_id)? {
                Some(cdr) => Some((noted_of(&cdr), Some(cdr))),
                None => live(db, &call_id)?.map(|noted| (noted, None)),
            };
            let Some((mut noted, record)) = known else { return Ok(None) };
            noted.notes = change.notes.unwrap_or(noted.notes).filter(|text| !text.is_empty());
            noted.wrap_up = change.wrap_up.unwrap_or(noted.wrap_up);
            (noted.by, noted.at) = (by, at);
            match record {
                Some(mut cdr) => {
                    put(&noted, &mut cdr);
                    calls::rewrite(db, &cdr)?;
                    index(db, &noted)?;
                }
                None => {
                    let sql = "INSERT OR REPLACE INTO call_notes (call_id, body) VALUES (?1, ?2)";
                    let row = params![call_id.as_str(), serde_json::to_string(&noted)?];
                    db.prepare_cached(sql)?.execute(row)?;
                }
            }
            outbox::keep(db, &source, news(&noted))?;
            Ok(Some(noted))
        })
        .await
    }

    /// What was noted about a call that runs.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn notes(&self, call_id: CallId) -> Result<Option<Noted>, StoreError> {
        self.run(move |db| waiting(db, &call_id)).await
    }
}

/// Moves what was noted of a call while it ran into its record.
pub(super) fn take(db: &Connection, cdr: &mut Cdr) -> Result<(), StoreError> {
    if let Some(noted) = waiting(db, &cdr.call_id)? {
        put(&noted, cdr);
        let sql = "DELETE FROM call_notes WHERE call_id = ?1";
        db.prepare_cached(sql)?.execute([cdr.call_id.as_str()])?;
    }
    Ok(())
}

fn waiting(db: &Connection, call_id: &CallId) -> Result<Option<Noted>, StoreError> {
    let sql = "SELECT body FROM call_notes WHERE call_id = ?1";
    let found: Option<String> =
        db.prepare_cached(sql)?.query_row([call_id.as_str()], |row| row.get(0)).optional()?;
    Ok(found.map(|body| serde_json::from_str(&body)).transpose()?)
}

/// Of a call that runs: what was noted, or that nothing was.
fn live(db: &Connection, call_id: &CallId) -> Result<Option<Noted>, StoreError> {
    let sql = "SELECT 1 FROM live_calls WHERE call_id = ?1";
    let runs = db.prepare_cached(sql)?.query_row([call_id.as_str()], |_| Ok(())).optional()?;
    if runs.is_none() {
        return Ok(None);
    }
    let (call_id_of, at) = (call_id.clone(), Timestamp::from_unix_ms(0));
    let nothing = Noted { call_id: call_id_of, notes: None, wrap_up: None, by: None, at };
    Ok(Some(waiting(db, call_id)?.unwrap_or(nothing)))
}

fn noted_of(cdr: &Cdr) -> Noted {
    Noted {
        call_id: cdr.call_id.clone(),
        notes: cdr.notes.clone(),
        wrap_up: cdr.wrap_up.clone(),
        by: cdr.noted_by.clone(),
        at: cdr.noted_at.unwrap_or(cdr.ended_at),
    }
}

fn put(noted: &Noted, cdr: &mut Cdr) {
    cdr.notes.clone_from(&noted.notes);
    cdr.wrap_up.clone_from(&noted.wrap_up);
    cdr.noted_by.clone_from(&noted.by);
    cdr.noted_at = Some(noted.at);
}

fn index(db: &Connection, noted: &Noted) -> Result<(), StoreError> {
    let sql = "UPDATE call_figures SET notes = ?2, wrap_up = ?3 WHERE call_id = ?1";
    let folded = noted.notes.as_deref().map(str::to_lowercase);
    db.prepare_cached(sql)?.execute(params![noted.call_id.as_str(), folded, noted.wrap_up])?;
    Ok(())
}

fn news(noted: &Noted) -> News {
    News {
        // Every note is an event of its own.
        key: format!("call.updated:{}:{}", noted.call_id, uuid::Uuid::now_v7()),
        subject: noted.call_id.as_str().to_owned(),
        call_id: Some(noted.call_id.clone()),
        at: noted.at,
        what: What::CallUpdated(noted.clone()),
    }
}
