//! Whose service window is open, and what of it was told?
//!
//! A row for each open window. It is written with the contact's change and its event in one
//! transaction, and removed with the event that the window closed: a restart loses none and tells
//! none twice.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use terms::{PhoneNumberId, Timestamp};
use wire::event::{What, Window};

use super::{ContactRow, LineSet, News, Store, StoreError, contacts, identity::ContactId, outbox};

/// How many windows one job turns; the store's other jobs wait for it.
const TURN_MAX: u32 = 200;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS windows (
    contact INTEGER PRIMARY KEY, line TEXT NOT NULL, until_ms INTEGER NOT NULL,
    closing_told INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS windows_by_end ON windows (line, until_ms);
";

/// A user's window is open until then, because of something at `at`.
pub(super) fn open(
    db: &Connection,
    contact: &ContactRow,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(until) = contact.window_until.filter(|until| *until > now) else { return Ok(()) };
    let sql = "SELECT until_ms FROM windows WHERE contact = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let before: Option<i64> = statement.query_row([contact.id], |row| row.get(0)).optional()?;
    if before.is_some_and(|before| before >= until.unix_ms()) {
        return Ok(());
    }
    if before.is_some_and(|before| before <= at.unix_ms()) {
        // It had closed before the user came back, and nobody has said so yet.
        let closed = Timestamp::from_unix_ms(before.unwrap_or_default());
        outbox::keep(db, news(contact, Turn::Closed, closed, closed))?;
    }
    if before.is_none_or(|before| before <= at.unix_ms()) {
        outbox::keep(db, news(contact, Turn::Opened, at, until))?;
    }
    let sql = "INSERT OR REPLACE INTO windows (contact, line, until_ms, closing_told)
               VALUES (?1, ?2, ?3, 0)";
    let row = params![contact.id, contact.line.as_str(), until.unix_ms()];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// The window of one contact is the other's, whose own may be open longer.
pub(super) fn join(db: &Connection, from: ContactId, into: ContactId) -> Result<(), StoreError> {
    let longer = "UPDATE OR IGNORE windows SET contact = ?2 WHERE contact = ?1";
    let shorter = "DELETE FROM windows WHERE contact = ?2 AND until_ms <=
                     (SELECT until_ms FROM windows WHERE contact = ?1)";
    for sql in [shorter, longer] {
        db.prepare_cached(sql)?.execute(params![from, into])?;
    }
    db.prepare_cached("DELETE FROM windows WHERE contact = ?1")?.execute([from])?;
    Ok(())
}

impl Store {
    /// Tells which windows of a line close within this time and which have closed; `true` when there may be
    /// more.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn turn_windows(
        &self,
        line: PhoneNumberId,
        now: Timestamp,
        closing: Duration,
    ) -> Result<bool, StoreError> {
        self.run(move |db| {
            let sql = "SELECT contact, until_ms FROM windows
                       WHERE line = ?4 AND
                           (until_ms <= ?1 OR closing_told = 0 AND until_ms <= ?2)
                       ORDER BY until_ms LIMIT ?3";
            let soon = now + closing;
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement
                .query_map(
                    params![now.unix_ms(), soon.unix_ms(), TURN_MAX, line.as_str()],
                    |row| Ok((row.get::<_, ContactId>(0)?, row.get::<_, i64>(1)?)),
                )?
                .collect::<Result<Vec<_>, _>>()?;
            let count = rows.len();
            for (id, until_ms) in rows {
                turn(db, id, Timestamp::from_unix_ms(until_ms), now)?;
            }
            Ok(u32::try_from(count).is_ok_and(|count| count == TURN_MAX))
        })
        .await
    }
}

impl Store {
    /// Windows of these lines that are open at `now`, the first to close first, after the one of this end
    /// and place; each with its place among those that close at the same time.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn open_windows(
        &self,
        lines: LineSet,
        now: Timestamp,
        limit: u32,
        after: Option<(i64, String)>,
    ) -> Result<Vec<(String, Window)>, StoreError> {
        self.run(move |db| {
            // A row without its contact would make a page shorter than what was read for it.
            let sql = "SELECT contact, until_ms FROM windows WHERE until_ms > ?1
                         AND line IN (SELECT value FROM json_each(?3))
                         AND (?4 IS NULL OR (until_ms, contact) > (?4, CAST(?5 AS INTEGER)))
                         AND EXISTS (SELECT 1 FROM contacts WHERE id = contact)
                       ORDER BY until_ms, contact LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let (after_ms, place) = after.unzip();
            let asked = params![now.unix_ms(), limit, lines, after_ms, place];
            let rows = statement
                .query_map(asked, |row| Ok((row.get::<_, ContactId>(0)?, row.get::<_, i64>(1)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            let mut windows = Vec::new();
            for (id, until_ms) in rows {
                let Some(contact) = contacts::of_id(db, id)? else { continue };
                let open_until = Timestamp::from_unix_ms(until_ms);
                windows.push((id.to_string(), Window { contact: contact.peer(), open_until }));
            }
            Ok(windows)
        })
        .await
    }
}

fn turn(
    db: &Connection,
    id: ContactId,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let closed = until <= now;
    if let Some(contact) = contacts::of_id(db, id)? {
        let (turn, at) = if closed { (Turn::Closed, until) } else { (Turn::Closing, now) };
        outbox::keep(db, news(&contact, turn, at, until))?;
    }
    let sql = if closed {
        "DELETE FROM windows WHERE contact = ?1"
    } else {
        "UPDATE windows SET closing_told = 1 WHERE contact = ?1"
    };
    db.prepare_cached(sql)?.execute([id])?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Turn {
    Opened,
    Closing,
    Closed,
}

fn news(contact: &ContactRow, turn: Turn, at: Timestamp, open_until: Timestamp) -> News {
    let window = Window { contact: contact.peer(), open_until };
    let what = match turn {
        Turn::Opened => What::WindowOpened(window),
        Turn::Closing => What::WindowClosing(window),
        Turn::Closed => What::WindowClosed(window),
    };
    let subject = contact.user.as_str().to_owned();
    let key = format!("{}:{subject}:{}", what.kind(), open_until.unix_ms());
    News { line: contact.line.clone(), key, subject, call_id: None, at, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Asked, ContactKey, LineSet};

    const ANA: &str = "5511988887777";
    const HOUR: i64 = 3_600;
    const CLOSING: Duration = Duration::from_secs(1_800);

    fn line() -> PhoneNumberId {
        "1".parse().unwrap()
    }

    fn ana() -> ContactKey {
        ContactKey { line: line(), user: ANA.parse().unwrap() }
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_unix(1_783_000_000 + hours * HOUR)
    }

    /// Ana writes.
    async fn writes(store: &Store, when: Timestamp) {
        let change = move |contact: &mut ContactRow| {
            contact.window_until = Some(when + Duration::from_secs(24 * 3_600));
        };
        store.open_window(ana(), when, when, change).await.unwrap();
    }

    async fn told(store: &Store) -> Vec<String> {
        let events = store
            .events(Asked { lines: LineSet::one(&line()), limit: 100, ..Asked::default() })
            .await
            .unwrap();
        events.into_iter().map(|told| told.kind).collect()
    }

    #[tokio::test]
    async fn a_window_opens_closes_soon_and_closes_each_told_once_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Some(folder.path()), &line()).unwrap();
        writes(&store, at(0)).await;
        writes(&store, at(1)).await;
        let mine = LineSet::one(&line());
        let open = store.open_windows(mine.clone(), at(2), 10, None).await.unwrap();
        assert_eq!(open.iter().map(|(_, it)| it.open_until).collect::<Vec<_>>(), [at(25)]);
        assert!(store.open_windows(mine, at(25), 10, None).await.unwrap().is_empty());
        store.turn_windows(line(), at(24), CLOSING).await.unwrap();
        assert_eq!(told(&store).await, ["window.opened"], "renewed: nothing closes yet");
        drop(store);

        let store = Store::open(Some(folder.path()), &line()).unwrap();
        for _ in 0..2 {
            store.turn_windows(line(), at(25) - Duration::from_secs(60), CLOSING).await.unwrap();
        }
        assert_eq!(told(&store).await, ["window.opened", "window.closing"]);
        for _ in 0..2 {
            store.turn_windows(line(), at(30), CLOSING).await.unwrap();
        }
        assert_eq!(told(&store).await, ["window.opened", "window.closing", "window.closed"]);
        let events = store
            .events(Asked { lines: LineSet::one(&line()), limit: 100, ..Asked::default() })
            .await
            .unwrap();
        assert!(events[2].body.contains(&format!("\"time\":\"{}\"", at(25))), "when it closed");
    }

    #[tokio::test]
    async fn open_windows_come_page_by_page_and_none_twice() {
        let store = Store::open(None, &line()).unwrap();
        for (user, when) in [("552", at(0)), ("551", at(0)), ("553", at(1))] {
            let key = ContactKey { line: line(), user: user.parse().unwrap() };
            let until = when + Duration::from_secs(24 * 3_600);
            let change = move |contact: &mut ContactRow| contact.window_until = Some(until);
            store.open_window(key, when, when, change).await.unwrap();
        }
        let (mut seen, mut after) = (Vec::new(), None);
        for _ in 0..4 {
            let page = store.open_windows(LineSet::one(&line()), at(2), 1, after.clone());
            let Some((place, window)) = page.await.unwrap().pop() else { break };
            seen.push(place.clone());
            after = Some((window.open_until.unix_ms(), place));
        }
        assert_eq!(seen, ["1", "2", "3"], "in the order they were seen");
    }

    #[tokio::test]
    async fn who_comes_back_before_it_was_said_closes_one_window_and_opens_another() {
        let store = Store::open(None, &line()).unwrap();
        writes(&store, at(0)).await;
        writes(&store, at(48)).await;
        assert_eq!(told(&store).await, ["window.opened", "window.closed", "window.opened"]);
    }

    #[tokio::test]
    async fn what_comes_a_day_late_opens_nothing() {
        let store = Store::open(None, &line()).unwrap();
        let change = |contact: &mut ContactRow| contact.window_until = Some(at(24));
        store.open_window(ana(), at(0), at(25), change).await.unwrap();
        assert!(told(&store).await.is_empty());
    }
}
