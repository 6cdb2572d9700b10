//! How do rows of phone numbers become rows of contacts?
//!
//! An older database knew users by their number alone. Each becomes a contact with an id of its own; two
//! numbers of one BSUID become one contact, whose number is the one seen last. No row is lost: who
//! has a chat or an entry but was never kept as a contact becomes one.

use rusqlite::{Connection, params};
use terms::{PhoneNumberId, Timestamp};

use super::{ContactKey, StoreError, consent, contacts, identity};

/// Makes room for today's tables.
pub(super) const BEFORE: &str = "
    DROP INDEX IF EXISTS chat_by_contact; DROP INDEX IF EXISTS consents_by_contact;
    DROP INDEX IF EXISTS standings_by_end; DROP INDEX IF EXISTS windows_by_end;
    ALTER TABLE contacts RENAME TO old_contacts; ALTER TABLE chat RENAME TO old_chat;
    ALTER TABLE consents RENAME TO old_consents; ALTER TABLE standings RENAME TO old_standings;
    ALTER TABLE windows RENAME TO old_windows;
    CREATE TEMP TABLE moved (
        line TEXT, wa_id TEXT, contact INTEGER, PRIMARY KEY (line, wa_id));";

const MOVE: &str = "
    INSERT INTO chat (line, id, contact, at_ms, body)
        SELECT old.line, old.id, contact, at_ms, body
        FROM old_chat old JOIN moved USING (line, wa_id) ORDER BY old.rowid;
    INSERT INTO consents (no, key, contact, body, line)
        SELECT no, key, contact, body, line FROM old_consents JOIN moved USING (line, wa_id);
    INSERT INTO windows (contact, line, until_ms, closing_told)
        SELECT contact, line, MAX(until_ms), closing_told
        FROM old_windows JOIN moved USING (line, wa_id) GROUP BY contact;";

const AFTER: &str = "
    DROP TABLE moved; DROP TABLE old_contacts; DROP TABLE old_chat; DROP TABLE old_consents;
    DROP TABLE old_standings; DROP TABLE old_windows;";

/// Fills today's tables from those that [`BEFORE`] put aside.
///
/// # Errors
///
/// A statement was refused, or a record cannot be read.
pub(super) fn fill(db: &Connection) -> Result<(), StoreError> {
    for (line, wa_id, user_id, at_ms, body) in known(db)? {
        let now = Timestamp::from_unix_ms(at_ms);
        if let Some(id) = moved(db, &line, &wa_id, user_id.as_deref(), now)? {
            contacts::take_over(db, id, &body, now)?;
        }
    }
    for (line, wa_id) in unknown(db)? {
        moved(db, &line, &wa_id, None, Timestamp::from_unix(0))?;
    }
    db.execute_batch(MOVE)?;
    for (contact, line, body) in standings(db)? {
        let Ok(line) = line.parse::<PhoneNumberId>() else { continue };
        consent::join_standing(db, contact, &line, serde_json::from_str(&body)?)?;
    }
    Ok(db.execute_batch(AFTER)?)
}

/// Whose contact this number is from now on; `None` for what is no number.
fn moved(
    db: &Connection,
    line: &str,
    wa_id: &str,
    user_id: Option<&str>,
    now: Timestamp,
) -> Result<Option<identity::ContactId>, StoreError> {
    let (Ok(number), Some(user)) = (line.parse(), identity::ids(Some(wa_id), user_id)) else {
        return Ok(None);
    };
    let id = identity::meet(db, &ContactKey { line: number, user }, now)?;
    db.execute("INSERT INTO moved VALUES (?1, ?2, ?3)", params![line, wa_id, id])?;
    Ok(Some(id))
}

type Known = (String, String, Option<String>, i64, String);

fn known(db: &Connection) -> Result<Vec<Known>, StoreError> {
    let sql = "SELECT line, wa_id, json_extract(body, '$.user_id'), updated_ms, body
               FROM old_contacts ORDER BY updated_ms";
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    };
    Ok(db.prepare(sql)?.query_map([], read)?.collect::<Result<_, _>>()?)
}

fn unknown(db: &Connection) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT line, wa_id FROM old_chat UNION SELECT line, wa_id FROM old_consents
               UNION SELECT line, wa_id FROM old_standings
               UNION SELECT line, wa_id FROM old_windows
               EXCEPT SELECT line, wa_id FROM moved";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(db.prepare(sql)?.query_map([], read)?.collect::<Result<_, _>>()?)
}

fn standings(db: &Connection) -> Result<Vec<(identity::ContactId, String, String)>, StoreError> {
    let sql = "SELECT contact, line, body FROM old_standings JOIN moved USING (line, wa_id)";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    Ok(db.prepare(sql)?.query_map([], read)?.collect::<Result<_, _>>()?)
}
