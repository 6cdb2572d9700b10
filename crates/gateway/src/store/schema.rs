//! Which tables are there, and how does an older database become today's?
//!
//! `PRAGMA user_version` says how old a database is: 0 knew one line, 1 knew users by their number alone; a
//! new one is made as it is today. All steps run in one transaction with the new version. A table that is added needs none: every
//! start makes what is missing.

use rusqlite::Connection;
use terms::PhoneNumberId;

use super::{
    StoreError, account, api_keys, audit, bucket, by_contact, callbacks, collections, consent,
    deliveries, figures, identity, notes, outbox, recordings, spend, traces, transcripts, users,
    windows, wrap_ups,
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
CREATE TABLE IF NOT EXISTS chat (
    line TEXT NOT NULL, id TEXT NOT NULL, contact INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (line, id));
CREATE INDEX IF NOT EXISTS chat_by_contact ON chat (contact);
CREATE TABLE IF NOT EXISTS consents (
    no INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, contact INTEGER NOT NULL,
    body TEXT NOT NULL, line TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS consents_by_contact ON consents (contact, no);
CREATE TABLE IF NOT EXISTS standings (
    contact INTEGER PRIMARY KEY, line TEXT NOT NULL, expires_ms INTEGER, body TEXT NOT NULL);
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
const ROWS_OF_LINES: [&str; 2] = [
    "DROP INDEX IF EXISTS cdrs_by_time; DROP INDEX IF EXISTS parked_by_state;
     ALTER TABLE live_calls RENAME TO old_live_calls; ALTER TABLE cdrs RENAME TO old_cdrs;
     ALTER TABLE inbox ADD COLUMN lines TEXT NOT NULL DEFAULT '[\"?\"]';
     ALTER TABLE contacts ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     ALTER TABLE chat ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     ALTER TABLE standings ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     ALTER TABLE windows ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     ALTER TABLE consents ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     ALTER TABLE parked_calls ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     ALTER TABLE events ADD COLUMN line TEXT NOT NULL DEFAULT '?';
     UPDATE seen SET key = '?:' || key;
     UPDATE idempotency SET key = '?:' || key;
     UPDATE consents SET key = '?:' || key;
     UPDATE events SET key = '?:' || key;
     UPDATE parked_calls SET body = json_set(body, '$.phone_number_id', '?');",
    "INSERT INTO live_calls SELECT '?', call_id, json_set(body, '$.phone_number_id', '?')
         FROM old_live_calls;
     INSERT INTO cdrs SELECT '?', call_id, started_ms, json_set(body, '$.phone_number_id', '?')
         FROM old_cdrs;
     DROP TABLE old_live_calls; DROP TABLE old_cdrs;",
];

/// The version a new database has.
const NEWEST: i64 = 2;

/// Makes what is missing, and what is old new.
///
/// # Errors
///
/// The database refused a statement; then it is as it was.
pub(super) fn make(db: &Connection, first_line: &PhoneNumberId) -> Result<(), StoreError> {
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let fresh: bool =
        db.query_row("SELECT COUNT(*) = 0 FROM sqlite_master", [], |row| row.get(0))?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    let made =
        if fresh { tables(db).map_err(StoreError::from) } else { grow(db, version, first_line) };
    let made =
        made.and_then(|()| Ok(db.pragma_update(None, "user_version", NEWEST.max(version))?));
    match made {
        Ok(()) => Ok(db.execute_batch("COMMIT")?),
        Err(error) => {
            db.execute_batch("ROLLBACK")?;
            Err(error)
        }
    }
}

/// From this version to today's.
fn grow(db: &Connection, version: i64, first_line: &PhoneNumberId) -> Result<(), StoreError> {
    // An id is digits: nothing to escape.
    let [before, after] = ROWS_OF_LINES.map(|batch| batch.replace('?', first_line.as_str()));
    if version < 1 {
        db.execute_batch(&before)?;
    }
    if version < 2 {
        db.execute_batch(by_contact::BEFORE)?;
    }
    tables(db)?;
    if version < 1 {
        db.execute_batch(&after)?;
    }
    if version < 2 {
        by_contact::fill(db)?;
    }
    Ok(())
}

fn tables(db: &Connection) -> Result<(), rusqlite::Error> {
    let of_calls = [
        figures::SCHEMA,
        spend::SCHEMA,
        notes::SCHEMA,
        wrap_ups::SCHEMA,
        account::SCHEMA,
        callbacks::SCHEMA,
    ];
    let of_people = [
        consent::SCHEMA,
        api_keys::SCHEMA,
        audit::SCHEMA,
        users::SCHEMA,
        recordings::SCHEMA,
        bucket::SCHEMA,
        collections::SCHEMA,
        transcripts::SCHEMA,
    ];
    [TABLES, identity::SCHEMA, outbox::SCHEMA, deliveries::SCHEMA, windows::SCHEMA, traces::SCHEMA]
        .into_iter()
        .chain(of_calls)
        .chain(of_people)
        .try_for_each(|batch| db.execute_batch(batch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Asked, ContactKey, LineSet, Parked, Store};

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
            assert_eq!((&contact.line, contact.user.as_str()), (&line, "5215550000001"));
            let key = ContactKey { line: contact.line, user: contact.user };
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

    /// The tables of the last version that knew users by their number alone.
    const NUMBERED: &str = include_str!("../../tests/numbered_gateway.sql");

    #[tokio::test]
    async fn the_rows_of_numbers_become_contacts_and_two_numbers_of_one_bsuid_one() {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open(folder.path().join("gateway.db")).unwrap();
        db.execute_batch(NUMBERED).unwrap();
        drop(db);
        let line: PhoneNumberId = "1".parse().unwrap();
        let mine = LineSet::one(&line);
        let key = |user: &str| ContactKey { line: line.clone(), user: user.parse().unwrap() };
        for _ in 0..2 {
            let store = Store::open(Some(folder.path()), &line).unwrap();
            let ana = store.contact(key("MX.1")).await.unwrap().unwrap();
            assert_eq!(ana.user.wa_id().unwrap().as_str(), "5215550000002", "the newer one");
            assert_eq!(ana.name.as_deref(), Some("Ana"));
            assert_eq!(ana.grant.state, wire::console::PermissionState::Permanent);
            let chat = store.chat(key("5215550000002")).await.unwrap();
            let chat: Vec<_> = chat.iter().map(|line| line.id.as_str()).collect();
            assert_eq!(chat, ["wamid.2", "wamid.1"], "in the order they came");
            let standing = store.standing(key("MX.1")).await.unwrap();
            assert_eq!(standing.proof().map(|no| no.0), Some(7));
            assert_eq!(standing.unanswered_in_a_row(), 2);
            let open =
                store.open_windows(mine.clone(), terms::Timestamp::from_unix(0), 9, None).await;
            let until = terms::Timestamp::from_unix_ms(1_783_086_500_000);
            assert_eq!(
                open.unwrap().iter().map(|(_, it)| it.open_until).collect::<Vec<_>>(),
                [until]
            );
            let other = store.standing(key("5215550000003")).await.unwrap();
            assert_eq!(other.requests().len(), 1);
            let entries = store.consents(mine.clone(), None, 10, None).await.unwrap();
            let entries: Vec<_> = entries.iter().map(|it| (it.no.0, it.user.as_str())).collect();
            assert_eq!(entries, [(9, "5215550000003"), (7, "5215550000002")]);
            assert_eq!(store.contacts(mine.clone(), 10, None).await.unwrap().len(), 2);
            let elsewhere = LineSet::one(&"2".parse().unwrap());
            assert_eq!(store.contacts(elsewhere, 10, None).await.unwrap().len(), 1);
        }
    }
}
