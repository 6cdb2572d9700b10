//! Which tables are there, and how does an older database become today's?
//!
//! `PRAGMA user_version` says which of [`MIGRATIONS`] a database has been through; a new one is made as
//! it is today. Each runs in one transaction with its number. A table that is added needs none: every
//! start makes what is missing.

use rusqlite::Connection;
use terms::PhoneNumberId;

use super::{
    account, api_keys, audit, callbacks, deliveries, figures, notes, outbox, recordings, spend,
    traces, users, windows,
};

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL, body BLOB NOT NULL,
    lines TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS live_calls (
    line TEXT NOT NULL, call_id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (line, call_id));
CREATE TABLE IF NOT EXISTS cdrs (
    line TEXT NOT NULL, call_id TEXT NOT NULL, started_ms INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (line, call_id));
CREATE INDEX IF NOT EXISTS cdrs_by_time ON cdrs (started_ms);
CREATE INDEX IF NOT EXISTS cdrs_by_call ON cdrs (call_id);
CREATE TABLE IF NOT EXISTS contacts (
    line TEXT NOT NULL, wa_id TEXT NOT NULL, updated_ms INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (line, wa_id));
CREATE TABLE IF NOT EXISTS chat (
    line TEXT NOT NULL, id TEXT NOT NULL, wa_id TEXT NOT NULL, at_ms INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (line, id));
CREATE INDEX IF NOT EXISTS chat_by_contact ON chat (line, wa_id);
CREATE TABLE IF NOT EXISTS consents (
    no INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, wa_id TEXT NOT NULL,
    body TEXT NOT NULL, line TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS consents_by_contact ON consents (line, wa_id, no);
CREATE TABLE IF NOT EXISTS standings (
    line TEXT NOT NULL, wa_id TEXT NOT NULL, expires_ms INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (line, wa_id));
CREATE INDEX IF NOT EXISTS standings_by_end ON standings (line, expires_ms)
    WHERE expires_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS parked_calls (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, created_ms INTEGER NOT NULL, body TEXT NOT NULL,
    line TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS parked_by_state ON parked_calls (line, state);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, at_ms INTEGER NOT NULL, status INTEGER,
    answer TEXT) WITHOUT ROWID;
";

/// Every row gets its line. `?` is the first line's id: until then there was only one.
const ROWS_OF_LINES: [&str; 3] = [
    "DROP INDEX IF EXISTS cdrs_by_time; DROP INDEX IF EXISTS chat_by_contact;
     DROP INDEX IF EXISTS consents_by_contact; DROP INDEX IF EXISTS standings_by_end;
     DROP INDEX IF EXISTS parked_by_state; DROP INDEX IF EXISTS windows_by_end;
     ALTER TABLE live_calls RENAME TO old_live_calls; ALTER TABLE cdrs RENAME TO old_cdrs;
     ALTER TABLE contacts RENAME TO old_contacts; ALTER TABLE chat RENAME TO old_chat;
     ALTER TABLE standings RENAME TO old_standings; ALTER TABLE windows RENAME TO old_windows;
     ALTER TABLE inbox ADD COLUMN lines TEXT NOT NULL DEFAULT '[\"?\"]';
     ALTER TABLE consents ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     ALTER TABLE parked_calls ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     ALTER TABLE events ADD COLUMN line TEXT NOT NULL DEFAULT '?';",
    "UPDATE seen SET key = '?:' || key;
     UPDATE idempotency SET key = '?:' || key;
     UPDATE consents SET key = '?:' || key;
     UPDATE events SET key = '?:' || key;
     UPDATE parked_calls SET body = json_set(body, '$.phone_number_id', '?');
     INSERT INTO live_calls SELECT '?', call_id, json_set(body, '$.phone_number_id', '?')
         FROM old_live_calls;
     INSERT INTO cdrs SELECT '?', call_id, started_ms, json_set(body, '$.phone_number_id', '?')
         FROM old_cdrs;
     INSERT INTO contacts SELECT '?', wa_id, updated_ms, json_set(body, '$.line', '?')
         FROM old_contacts;
     INSERT INTO chat SELECT '?', id, wa_id, at_ms, body FROM old_chat ORDER BY rowid;
     INSERT INTO standings SELECT '?', wa_id, expires_ms, body FROM old_standings;
     INSERT INTO windows SELECT '?', wa_id, until_ms, closing_told FROM old_windows;",
    "DROP TABLE old_live_calls; DROP TABLE old_cdrs; DROP TABLE old_contacts; DROP TABLE old_chat;
     DROP TABLE old_standings; DROP TABLE old_windows;",
];

/// The version a new database has.
const NEWEST: i64 = 1;

/// Makes what is missing, and what is old new.
///
/// # Errors
///
/// The database refused a statement; then it is as it was.
pub(super) fn make(db: &Connection, first_line: &PhoneNumberId) -> Result<(), rusqlite::Error> {
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let fresh: bool =
        db.query_row("SELECT COUNT(*) = 0 FROM sqlite_master", [], |row| row.get(0))?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    let made = if version < 1 && !fresh { rows_of_lines(db, first_line) } else { tables(db) };
    match made.and_then(|()| db.pragma_update(None, "user_version", NEWEST.max(version))) {
        Ok(()) => db.execute_batch("COMMIT"),
        Err(error) => db.execute_batch("ROLLBACK").and(Err(error)),
    }
}

fn tables(db: &Connection) -> Result<(), rusqlite::Error> {
    let of_calls =
        [figures::SCHEMA, spend::SCHEMA, notes::SCHEMA, account::SCHEMA, callbacks::SCHEMA];
    let of_people = [api_keys::SCHEMA, audit::SCHEMA, users::SCHEMA, recordings::SCHEMA];
    [TABLES, outbox::SCHEMA, deliveries::SCHEMA, windows::SCHEMA, traces::SCHEMA]
        .into_iter()
        .chain(of_calls)
        .chain(of_people)
        .try_for_each(|batch| db.execute_batch(batch))
}

fn rows_of_lines(db: &Connection, first_line: &PhoneNumberId) -> Result<(), rusqlite::Error> {
    let [before, copy, after] =
        // An id is digits: nothing to escape.
        ROWS_OF_LINES.map(|batch| batch.replace('?', first_line.as_str()));
    db.execute_batch(&before)?;
    tables(db)?;
    db.execute_batch(&copy)?;
    db.execute_batch(&after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Asked, LineSet, Parked, Store};

    /// The tables of the last version without lines, with a row in each.
    const OLD: &str = include_str!("../../tests/old_gateway.sql");

    #[tokio::test]
    async fn the_rows_of_a_database_without_lines_become_the_first_lines() {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open(folder.path().join("gateway.db")).unwrap();
        db.execute_batch(OLD).unwrap();
        drop(db);
        let line: PhoneNumberId = "109876543210987".parse().unwrap();
        let other: PhoneNumberId = "209876543210987".parse().unwrap();
        let mine = LineSet::one(&line);
        for _ in 0..2 {
            let store = Store::open(Some(folder.path()), &line).unwrap();
            let cdrs = async |lines| {
                let [from, to] = [i64::MIN, i64::MAX].map(terms::Timestamp::from_unix_ms);
                let after = (i64::MIN, String::new());
                store.cdrs_between(lines, from, to, after, 10).await.unwrap()
            };
            assert_eq!(cdrs(mine.clone()).await[0].phone_number_id, line);
            assert!(cdrs(LineSet::one(&other)).await.is_empty());
            assert_eq!(store.live_calls().await.unwrap()[0].phone_number_id, line);
            let contact = store.contacts(mine.clone(), 10, None).await.unwrap().remove(0).1;
            assert_eq!((&contact.line, contact.wa_id.as_str()), (&line, "5215550000001"));
            let key = contact.key();
            assert_eq!(store.chat(key.clone()).await.unwrap()[0].id, "wamid.1");
            assert!(store.standing(key).await.unwrap().proof().is_some());
            let consents = store.consents(mine.clone(), None, 10, None);
            assert_eq!(consents.await.unwrap().len(), 1);
            assert_eq!(store.waiting_of::<Parked>(mine.clone(), 10, None).await.unwrap().len(), 1);
            let asked = Asked { lines: mine.clone(), limit: 10, ..Asked::default() };
            assert_eq!(store.events(asked).await.unwrap().len(), 1);
            let seen = store.was_seen(line.clone(), "call:wacid.A:connect".into());
            assert!(seen.await.unwrap(), "nothing is acted on again");
            assert!(store.waiting_webhooks(0).await.unwrap()[0].lines.contains(&line));
        }
    }
}
