//! What was noted about calls?
//!
//! A note of a call that is over goes into its record; one of a call that still runs waits here until
//! the record is written.

use rusqlite::{Connection, OptionalExtension, params};
use terms::{AgentId, CallId, PhoneNumberId, Timestamp};
use wire::{
    console::NoteChange,
    event::{Noted, What},
};

use super::{LineSet, News, Store, StoreError, calls, outbox};
use crate::cdr::Cdr;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS call_notes (
    line TEXT NOT NULL, call_id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (line, call_id));
";

impl Store {
    /// Notes something about a call of these lines and tells it; `None` when it neither runs nor has a
    /// record.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn note(
        &self,
        lines: LineSet,
        call_id: CallId,
        change: NoteChange,
        by: Option<AgentId>,
        at: Timestamp,
    ) -> Result<Option<Noted>, StoreError> {
        self.run(move |db| {
            let known = match calls::load(db, &lines, &call_id)? {
                Some(cdr) => Some((cdr.phone_number_id.clone(), noted_of(&cdr), Some(cdr))),
                None => live(db, &lines, &call_id)?.map(|(line, noted)| (line, noted, None)),
            };
            let Some((line, mut noted, record)) = known else { return Ok(None) };
            noted.notes = change.notes.unwrap_or(noted.notes).filter(|text| !text.is_empty());
            noted.wrap_up = change.wrap_up.unwrap_or(noted.wrap_up);
            (noted.by, noted.at) = (by, at);
            match record {
                Some(mut cdr) => {
                    put(&noted, &mut cdr);
                    calls::rewrite(db, &cdr)?;
                    index(db, &line, &noted)?;
                }
                None => {
                    let sql = "INSERT OR REPLACE INTO call_notes (line, call_id, body)
                               VALUES (?1, ?2, ?3)";
                    let body = serde_json::to_string(&noted)?;
                    let row = params![line.as_str(), call_id.as_str(), body];
                    db.prepare_cached(sql)?.execute(row)?;
                }
            }
            outbox::keep(db, news(line, &noted))?;
            Ok(Some(noted))
        })
        .await
    }

    /// What was noted about a call of these lines that runs.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn notes(
        &self,
        lines: LineSet,
        call_id: CallId,
    ) -> Result<Option<Noted>, StoreError> {
        self.run(move |db| waiting(db, &lines, &call_id)).await
    }
}

/// Moves what was noted of a call while it ran into its record.
pub(super) fn take(db: &Connection, cdr: &mut Cdr) -> Result<(), StoreError> {
    let line = LineSet::one(&cdr.phone_number_id);
    if let Some(noted) = waiting(db, &line, &cdr.call_id)? {
        put(&noted, cdr);
        let sql = "DELETE FROM call_notes WHERE line = ?1 AND call_id = ?2";
        db.prepare_cached(sql)?.execute([cdr.phone_number_id.as_str(), cdr.call_id.as_str()])?;
    }
    Ok(())
}

fn waiting(
    db: &Connection,
    lines: &LineSet,
    call_id: &CallId,
) -> Result<Option<Noted>, StoreError> {
    let sql = "SELECT body FROM call_notes
               WHERE call_id = ?1 AND line IN (SELECT value FROM json_each(?2))";
    let row = params![call_id.as_str(), lines];
    let found: Option<String> =
        db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
    Ok(found.map(|body| serde_json::from_str(&body)).transpose()?)
}

/// Of a call that runs: what was noted, or that nothing was.
fn live(
    db: &Connection,
    lines: &LineSet,
    call_id: &CallId,
) -> Result<Option<(PhoneNumberId, Noted)>, StoreError> {
    let sql = "SELECT line FROM live_calls
               WHERE call_id = ?1 AND line IN (SELECT value FROM json_each(?2))";
    let row = params![call_id.as_str(), lines];
    let line: Option<String> =
        db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
    let Some(line) = line.and_then(|line| line.parse().ok()) else { return Ok(None) };
    let at = Timestamp::from_unix_ms(0);
    let nothing = Noted { call_id: call_id.clone(), notes: None, wrap_up: None, by: None, at };
    Ok(Some((line, waiting(db, lines, call_id)?.unwrap_or(nothing))))
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

fn index(db: &Connection, line: &PhoneNumberId, noted: &Noted) -> Result<(), StoreError> {
    let sql = "UPDATE call_figures SET notes = ?3, wrap_up = ?4
               WHERE number = ?1 AND call_id = ?2";
    let folded = noted.notes.as_deref().map(str::to_lowercase);
    let row = params![line.as_str(), noted.call_id.as_str(), folded, noted.wrap_up];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn news(line: PhoneNumberId, noted: &Noted) -> News {
    News {
        line,
        // Every note is an event of its own.
        key: format!("call.updated:{}:{}", noted.call_id, uuid::Uuid::now_v7()),
        subject: noted.call_id.as_str().to_owned(),
        call_id: Some(noted.call_id.clone()),
        at: noted.at,
        what: What::CallUpdated(noted.clone()),
    }
}
