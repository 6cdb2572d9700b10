//! To whom are events still owed?
//!
//! Each endpoint has a mark up to which events were given to it, so that an event is owed to everybody
//! without its writer knowing anybody, and an endpoint that was configured later gets what happened
//! later. A delivery that ended is kept with its event, for whoever asks.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use terms::Timestamp;

use super::{LineSet, Store, StoreError, outbox::newest};

/// How many events are given to an endpoint in one job: the store's other jobs wait for it.
const FAN_OUT_MAX: u32 = 200;
/// A delivery that failed this often no longer holds back later ones of its subject.
const HOLDS_BACK: u32 = 3;

/// A delivery that is due.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub place: i64,
    pub id: String,
    pub body: String,
    /// How many attempts failed before.
    pub failed: u32,
}

/// What is due at an endpoint now, and when to look again.
#[derive(Debug, Clone)]
pub(crate) struct Agenda {
    pub due: Vec<Due>,
    pub next_at: Option<Timestamp>,
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Attempted {
    pub place: i64,
    pub status: Option<u16>,
    pub error: Option<&'static str>,
    pub next: Next,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: it arrived.
    Delivered,
    /// Another one.
    Again {
        /// When.
        at: Timestamp,
    },
    /// Nothing: it was tried often enough.
    Dead,
}

/// How a delivery stands.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct DeliveryRow {
    /// The endpoint's name.
    pub endpoint: String,
    /// `waiting`, `delivered` or `dead`.
    pub state: String,
    /// How many attempts failed since it was last asked for.
    pub failed_attempts: u32,
    /// When the next one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// What the receiver answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// Why it did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS endpoints (name TEXT PRIMARY KEY, given INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    place INTEGER NOT NULL, endpoint TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
    failed INTEGER NOT NULL, due_ms INTEGER NOT NULL, status INTEGER, error TEXT,
    PRIMARY KEY (place, endpoint)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (endpoint, due_ms)
    WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS deliveries_in_order ON deliveries (endpoint, subject, place)
    WHERE state = 'waiting';
";

/// The deliveries of the event in this place.
pub(super) fn of_event(db: &Connection, place: i64) -> Result<Vec<DeliveryRow>, StoreError> {
    let sql = "SELECT endpoint, state, failed, due_ms, status, error FROM deliveries
               WHERE place = ?1 ORDER BY endpoint";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([place], |row| {
        let state: String = row.get(1)?;
        let due = Timestamp::from_unix_ms(row.get(3)?);
        Ok(DeliveryRow {
            endpoint: row.get(0)?,
            next_at: (state == "waiting").then_some(due),
            state,
            failed_attempts: row.get(2)?,
            last_status: row.get(4)?,
            last_error: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Store {
    /// Makes an endpoint known; a new one is owed what is told from now on.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn know_endpoint(&self, name: String) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "INSERT OR IGNORE INTO endpoints (name, given) VALUES (?1, ?2)";
            db.prepare_cached(sql)?.execute(params![name, newest(db)?])?;
            Ok(())
        })
        .await
    }

    /// Gives new events to an endpoint, and says which deliveries are due; those that are under way
    /// are left out.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn agenda<F>(
        &self,
        endpoint: String,
        (lines, wants): (LineSet, F),
        under_way: BTreeSet<i64>,
        free: usize,
        now: Timestamp,
    ) -> Result<Agenda, StoreError>
    where
        F: Fn(&str) -> bool + Send + 'static,
    {
        self.run(move |db| {
            let more = give(db, &endpoint, &lines, wants, now)?;
            let due = due(db, &endpoint, &under_way, free, now)?;
            let sql = "SELECT MIN(due_ms) FROM deliveries
                       WHERE endpoint = ?1 AND state = 'waiting' AND due_ms > ?2";
            let next: Option<i64> = db
                .prepare_cached(sql)?
                .query_row(params![endpoint, now.unix_ms()], |row| row.get(0))?;
            let next_at = if more { Some(now) } else { next.map(Timestamp::from_unix_ms) };
            Ok(Agenda { due, next_at })
        })
        .await
    }

    /// Writes what became of an attempt.
    ///
    /// # Errors
    ///
    /// The store failed; the delivery is still due.
    pub(crate) async fn note_attempt(
        &self,
        endpoint: String,
        attempted: Attempted,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let Attempted { place, status, error, next } = attempted;
            let (state, failed, due) = match next {
                Next::Delivered => ("delivered", 0, 0),
                Next::Again { at } => ("waiting", 1, at.unix_ms()),
                Next::Dead => ("dead", 1, 0),
            };
            let sql = "UPDATE deliveries SET state = ?3, failed = failed + ?4, due_ms = ?5,
                       status = ?6, error = ?7 WHERE place = ?1 AND endpoint = ?2";
            let row = params![place, endpoint, state, failed, due, status, error];
            db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        })
        .await
    }

    /// Owes an event of these lines to these endpoints again, at once; `false` when there is no such event.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn owe_again(
        &self,
        lines: LineSet,
        id: String,
        endpoints: Vec<String>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let owed = self
            .run(move |db| {
                let sql = "SELECT place, subject FROM events
                           WHERE id = ?1 AND line IN (SELECT value FROM json_each(?2))";
                let found = db
                    .prepare_cached(sql)?
                    .query_row(params![id, lines], |row| {
                        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
                    })
                    .optional()?;
                let Some((place, subject)) = found else { return Ok(false) };
                let sql = "INSERT OR REPLACE INTO deliveries
                           (place, endpoint, subject, state, failed, due_ms)
                           VALUES (?1, ?2, ?3, 'waiting', 0, ?4)";
                for endpoint in endpoints {
                    let row = params![place, endpoint, subject, now.unix_ms()];
                    db.prepare_cached(sql)?.execute(row)?;
                }
                Ok(true)
            })
            .await?;
        self.ring();
        Ok(owed)
    }

    /// How many deliveries wait.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn waiting_deliveries(&self) -> Result<u32, StoreError> {
        self.run(|db| {
            let sql = "SELECT COUNT(*) FROM deliveries WHERE state = 'waiting'";
            Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
        })
        .await
    }
}

/// Owes the endpoint the events it wants past its mark; `true` when there are more.
fn give<F: Fn(&str) -> bool>(
    db: &Connection,
    endpoint: &str,
    lines: &LineSet,
    wants: F,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "SELECT place, kind, subject, line FROM events
               WHERE place > (SELECT given FROM endpoints WHERE name = ?1)
               ORDER BY place LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![endpoint, FAN_OUT_MAX])?;
    let (mut last, mut count) = (None, 0);
    while let Some(row) = rows.next()? {
        let (place, kind, subject): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let line: String = row.get(3)?;
        if wants(&kind) && line.parse().is_ok_and(|line| lines.contains(&line)) {
            let sql = "INSERT OR IGNORE INTO deliveries
                       (place, endpoint, subject, state, failed, due_ms)
                       VALUES (?1, ?2, ?3, 'waiting', 0, ?4)";
            db.prepare_cached(sql)?.execute(params![place, endpoint, subject, now.unix_ms()])?;
        }
        last = Some(place);
        count += 1;
    }
    if let Some(last) = last {
        let sql = "UPDATE endpoints SET given = ?2 WHERE name = ?1";
        db.prepare_cached(sql)?.execute(params![endpoint, last])?;
    }
    Ok(count == FAN_OUT_MAX)
}

/// What is due and not held back by an earlier event of the same subject.
fn due(
    db: &Connection,
    endpoint: &str,
    under_way: &BTreeSet<i64>,
    free: usize,
    now: Timestamp,
) -> Result<Vec<Due>, StoreError> {
    let sql = "SELECT d.place, d.failed, e.id, e.body FROM deliveries d
               JOIN events e ON e.place = d.place
               WHERE d.endpoint = ?1 AND d.state = 'waiting' AND d.due_ms <= ?2
               AND NOT EXISTS (SELECT 1 FROM deliveries p WHERE p.endpoint = d.endpoint
                   AND p.subject = d.subject AND p.place < d.place AND p.state = 'waiting'
                   AND p.failed < ?3)
               ORDER BY d.due_ms, d.place LIMIT ?4";
    let mut statement = db.prepare_cached(sql)?;
    let limit = u32::try_from(free + under_way.len()).unwrap_or(u32::MAX);
    let mut rows = statement.query(params![endpoint, now.unix_ms(), HOLDS_BACK, limit])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let place = row.get(0)?;
        if !under_way.contains(&place) && due.len() < free {
            due.push(Due { place, failed: row.get(1)?, id: row.get(2)?, body: row.get(3)? });
        }
    }
    Ok(due)
}

#[cfg(test)]
mod tests {
    use wire::{
        console::Peer,
        event::{Permission, What},
    };

    use terms::PhoneNumberId;

    use super::*;
    use crate::store::{Asked, News};

    fn line() -> PhoneNumberId {
        "1".parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(4_000_000_000 + seconds)
    }

    fn news(key: &str, subject: &str) -> News {
        let permission = Permission { contact: Peer::default(), permanent: None, expires_at: None };
        News {
            line: line(),
            key: key.to_owned(),
            subject: subject.to_owned(),
            call_id: subject.parse().ok(),
            at: at(0),
            what: What::PermissionRevoked(permission),
        }
    }

    async fn due_at(store: &Store, under_way: &[i64], now: Timestamp) -> Vec<i64> {
        let under_way = under_way.iter().copied().collect();
        let agenda = store
            .agenda("crm".into(), (LineSet::one(&line()), |_| true), under_way, 8, now)
            .await
            .unwrap();
        agenda.due.iter().map(|due| due.place).collect()
    }

    async fn fails(store: &Store, place: i64, again: Timestamp) {
        let next = Next::Again { at: again };
        let attempted = Attempted { place, status: Some(500), error: None, next };
        store.note_attempt("crm".into(), attempted).await.unwrap();
    }

    #[tokio::test]
    async fn the_events_of_a_call_wait_for_the_first_until_it_failed_three_times() {
        let store = Store::open(None, &line()).unwrap();
        store.know_endpoint("crm".into()).await.unwrap();
        let told = ["wacid.ONE", "wacid.ONE", "wacid.TWO"];
        let told = told.iter().enumerate().map(|(i, call)| news(&i.to_string(), call)).collect();
        store.keep_news(told).await.unwrap();
        assert_eq!(due_at(&store, &[], at(0)).await, [1, 3]);
        assert_eq!(due_at(&store, &[1], at(0)).await, [3], "under way");
        for _ in 0..2 {
            fails(&store, 1, at(10)).await;
            assert_eq!(due_at(&store, &[], at(0)).await, [3]);
        }
        fails(&store, 1, at(10)).await;
        assert_eq!(due_at(&store, &[], at(0)).await, [2, 3], "the first no longer holds it back");
        assert_eq!(due_at(&store, &[], at(10)).await, [2, 3, 1], "and is due again itself");
    }

    #[tokio::test]
    async fn a_new_endpoint_gets_what_is_told_from_then_on_and_each_event_once() {
        let store = Store::open(None, &line()).unwrap();
        store.keep_news(vec![news("a", "5511988887777")]).await.unwrap();
        store.know_endpoint("crm".into()).await.unwrap();
        assert!(due_at(&store, &[], at(0)).await.is_empty(), "told before it was there");
        store.keep_news(vec![news("b", "wacid.ONE"), news("b", "wacid.ONE")]).await.unwrap();
        assert_eq!(due_at(&store, &[], at(0)).await, [2], "the same key is the same event");
        let delivered =
            Attempted { place: 2, status: Some(200), error: None, next: Next::Delivered };
        store.note_attempt("crm".into(), delivered).await.unwrap();
        store.know_endpoint("crm".into()).await.unwrap();
        assert!(due_at(&store, &[], at(1_000)).await.is_empty());
        assert_eq!(store.waiting_deliveries().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn the_agenda_says_when_to_look_again() {
        let store = Store::open(None, &line()).unwrap();
        store.know_endpoint("crm".into()).await.unwrap();
        store.keep_news(vec![news("a", "wacid.ONE")]).await.unwrap();
        due_at(&store, &[], at(0)).await;
        fails(&store, 1, at(70)).await;
        let none = BTreeSet::new();
        let agenda = store
            .agenda("crm".into(), (LineSet::one(&line()), |_| true), none, 8, at(5))
            .await
            .unwrap();
        assert!(agenda.due.is_empty());
        assert_eq!(agenda.next_at, Some(at(70)));
    }

    #[tokio::test]
    async fn old_events_are_forgotten_with_their_deliveries_and_cursors_go_on() {
        let store = Store::open(None, &line()).unwrap();
        store.know_endpoint("crm".into()).await.unwrap();
        store.keep_news(vec![news("a", "wacid.ONE")]).await.unwrap();
        due_at(&store, &[], at(0)).await;
        assert_eq!(store.waiting_deliveries().await.unwrap(), 1);
        assert!(!store.forget_events(Timestamp::from_unix(0)).await.unwrap(), "not that old");
        while store.forget_events(at(0)).await.unwrap() {}
        assert_eq!(store.waiting_deliveries().await.unwrap(), 0);
        store.keep_news(vec![news("b", "wacid.TWO")]).await.unwrap();
        let told = store
            .events(Asked { limit: 9, lines: LineSet::one(&line()), ..Asked::default() })
            .await
            .unwrap();
        assert_eq!(told.iter().map(|told| told.place).collect::<Vec<_>>(), [2], "no place twice");
    }
}
