//! Which events were told?
//!
//! An event is written once: its key says what it is the event of. It is numbered within its call as
//! it is written. Its place among all is the cursor of those who read.

use rusqlite::{Connection, OptionalExtension, params};
use terms::{CallId, PhoneNumberId, Timestamp};
use wire::event::{Event, What};

use super::{DeliveryRow, LineSet, Store, StoreError, deliveries, traces};

/// How many old events one job forgets.
const FORGET_MAX: u32 = 500;

/// Something to tell.
#[derive(Debug, Clone)]
pub(crate) struct News {
    /// The line it happened on.
    pub line: PhoneNumberId,
    /// What it is the event of: the same key of a line is told once.
    pub key: String,
    /// The call, the user or the number it is about.
    pub subject: String,
    /// The call, if it is about one.
    pub call_id: Option<CallId>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
}

/// An event as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Its place among all: the cursor.
    pub place: i64,
    /// Its type.
    pub kind: String,
    /// The document, as every receiver gets it.
    pub body: String,
}

/// Which events are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Only those of these lines.
    pub lines: LineSet,
    /// Only those after this place.
    pub after: i64,
    /// Only those of this type.
    pub kind: Option<String>,
    /// Only those of this call.
    pub call_id: Option<String>,
    /// How many at most.
    pub limit: u32,
}

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS events (
    place INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL, subject TEXT NOT NULL, call_id TEXT, sequence INTEGER,
    told_ms INTEGER NOT NULL, body TEXT NOT NULL, line TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_call ON events (call_id, sequence) WHERE call_id IS NOT NULL;
";

/// Writes an event in the transaction of the fact it tells; `false` when it was told before.
pub(super) fn keep(db: &Connection, news: News) -> Result<bool, StoreError> {
    let key = format!("{}:{}", news.line, news.key);
    let known = "SELECT 1 FROM events WHERE key = ?1";
    if db.prepare_cached(known)?.query_row([&key], |_| Ok(())).optional()?.is_some() {
        return Ok(false);
    }
    let id = format!("evt_{}", uuid::Uuid::now_v7().simple());
    let kind = news.what.kind();
    let source = format!("/numbers/{}", news.line);
    let mut event = Event::new(id, source, news.subject, news.at, news.what);
    if let Some(call_id) = &news.call_id {
        let sql = "SELECT COALESCE(MAX(sequence), 0) + 1 FROM events
                   WHERE call_id = ?1 AND line = ?2";
        let of = [call_id.as_str(), news.line.as_str()];
        event.sequence = Some(db.prepare_cached(sql)?.query_row(of, |row| row.get(0))?);
        event.traceparent = traces::find(db, &traces::of_call(&news.line, call_id))?;
    }
    let body = serde_json::to_string(&event)?;
    let sql = "INSERT INTO events (key, id, kind, subject, call_id, sequence, told_ms, body, line)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    db.prepare_cached(sql)?.execute(params![
        key,
        event.id,
        kind,
        event.subject,
        news.call_id.as_ref().map(CallId::as_str),
        event.sequence,
        crate::clock::now().unix_ms(),
        body,
        news.line.as_str()
    ])?;
    Ok(true)
}

/// The place of the newest event ever written.
pub(super) fn newest(db: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

impl Store {
    /// Writes events; those told before stand.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_news(&self, news: Vec<News>) -> Result<(), StoreError> {
        self.run(move |db| {
            for news in news {
                keep(db, news)?;
            }
            Ok(())
        })
        .await
    }

    /// Hands an event to the store's thread and does not wait; `false` when its queue is full. Jobs
    /// are done in order: whoever waits for a later one knows that this one is on disk.
    pub(crate) fn post_news(&self, news: News) -> bool {
        self.post(move |db| keep(db, news).map(|_| ()))
    }

    /// Events in the order they were told.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn events(&self, asked: Asked) -> Result<Vec<Told>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT place, kind, body FROM events WHERE place > ?1
                       AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR call_id = ?3)
                       AND line IN (SELECT value FROM json_each(?5))
                       ORDER BY place LIMIT ?4";
            let mut statement = db.prepare_cached(sql)?;
            let Asked { lines, after, kind, call_id, limit } = asked;
            let row = params![after, kind, call_id, limit, lines];
            let rows = statement.query_map(row, told)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One event of these lines with its deliveries, if it is known.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn event(
        &self,
        lines: LineSet,
        id: String,
    ) -> Result<Option<(Told, Vec<DeliveryRow>)>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT place, kind, body FROM events
                       WHERE id = ?1 AND line IN (SELECT value FROM json_each(?2))";
            let found = db.prepare_cached(sql)?.query_row(params![id, lines], told);
            let Some(event) = found.optional()? else { return Ok(None) };
            let deliveries = deliveries::of_event(db, event.place)?;
            Ok(Some((event, deliveries)))
        })
        .await
    }

    /// Forgets some of the events told before this time; `true` when there may be more.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn forget_events(&self, before: Timestamp) -> Result<bool, StoreError> {
        self.run(move |db| {
            // Told in the order of their places, so the oldest are at the front.
            let sql = "SELECT MAX(place) FROM (SELECT place, told_ms FROM events
                       ORDER BY place LIMIT ?1) WHERE told_ms < ?2";
            let row = params![FORGET_MAX, before.unix_ms()];
            let last: Option<i64> = db.prepare_cached(sql)?.query_row(row, |row| row.get(0))?;
            let Some(last) = last else { return Ok(false) };
            db.prepare_cached("DELETE FROM deliveries WHERE place <= ?1")?.execute([last])?;
            db.prepare_cached("DELETE FROM events WHERE place <= ?1")?.execute([last])?;
            Ok(true)
        })
        .await
    }
}

fn told(row: &rusqlite::Row<'_>) -> Result<Told, rusqlite::Error> {
    Ok(Told { place: row.get(0)?, kind: row.get(1)?, body: row.get(2)? })
}
