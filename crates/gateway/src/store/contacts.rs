//! Whom has the business seen, may they be called, and what was said?

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use terms::{PhoneNumberId, Timestamp, UserId, WaId};
use wire::console::{ChatLine, PermissionState};

use super::{ContactKey, LineSet, News, Store, StoreError, outbox, windows};

/// How many lines of a chat are read at most; the console shows the newest.
const CHAT_MAX: u32 = 500;

/// A user one line has seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ContactRow {
    /// The line.
    pub line: PhoneNumberId,
    /// The number.
    pub wa_id: WaId,
    /// The business-scoped id, where known.
    pub user_id: Option<UserId>,
    /// The name, where known.
    pub name: Option<String>,
    /// The ledger: what the last reply, request or look upstream said.
    pub grant: Grant,
    /// Until when the service window is open, as far as we saw.
    pub window_until: Option<Timestamp>,
}

/// One user's permission to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// Which kind.
    pub state: PermissionState,
    /// When a temporary one ends.
    pub expires_at: Option<Timestamp>,
    /// When we learnt it.
    pub learnt_at: Option<Timestamp>,
}

impl ContactRow {
    /// A user of whom only the number is known.
    #[must_use]
    pub(crate) fn new(key: ContactKey) -> Self {
        let ContactKey { line, user: wa_id } = key;
        let grant = Grant { state: PermissionState::None, expires_at: None, learnt_at: None };
        Self { line, wa_id, user_id: None, name: None, grant, window_until: None }
    }

    /// Whose row it is.
    pub(crate) fn key(&self) -> ContactKey {
        ContactKey { line: self.line.clone(), user: self.wa_id.clone() }
    }
}

impl Store {
    /// Changes what is known of a user, who may be new, and returns it.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn change_contact<F>(
        &self,
        key: ContactKey,
        now: Timestamp,
        change: F,
    ) -> Result<ContactRow, StoreError>
    where
        F: FnOnce(&mut ContactRow) + Send + 'static,
    {
        let silently = |contact: &mut ContactRow| {
            change(contact);
            None
        };
        self.change_contact_telling(key, now, silently).await
    }

    /// The same, and tells what the change returns, if it does.
    ///
    /// # Errors
    ///
    /// The store failed; then nothing has changed and nothing is told.
    pub(crate) async fn change_contact_telling<F>(
        &self,
        key: ContactKey,
        now: Timestamp,
        change: F,
    ) -> Result<ContactRow, StoreError>
    where
        F: FnOnce(&mut ContactRow) -> Option<News> + Send + 'static,
    {
        self.run(move |db| {
            let mut contact = load(db, &key)?.unwrap_or_else(|| ContactRow::new(key));
            if let Some(news) = change(&mut contact) {
                outbox::keep(db, news)?;
            }
            save(db, &contact, now)?;
            Ok(contact)
        })
        .await
    }

    /// Changes a user whose service window something at `at` opened or renewed; `now` is the
    /// platform's.
    ///
    /// # Errors
    ///
    /// The store failed; then nothing has changed and nothing is told.
    pub(crate) async fn open_window<F>(
        &self,
        key: ContactKey,
        at: Timestamp,
        now: Timestamp,
        change: F,
    ) -> Result<(), StoreError>
    where
        F: FnOnce(&mut ContactRow) + Send + 'static,
    {
        self.run(move |db| {
            let mut contact = load(db, &key)?.unwrap_or_else(|| ContactRow::new(key));
            change(&mut contact);
            save(db, &contact, crate::clock::now())?;
            windows::open(db, &contact, at, now)
        })
        .await
    }

    /// One user, if seen.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn contact(&self, key: ContactKey) -> Result<Option<ContactRow>, StoreError> {
        self.run(move |db| load(db, &key)).await
    }

    /// The number of a user known by the business-scoped id.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn wa_id_of(
        &self,
        line: PhoneNumberId,
        user_id: UserId,
    ) -> Result<Option<WaId>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT wa_id FROM contacts
                       WHERE line = ?1 AND json_extract(body, '$.user_id') = ?2";
            let mut statement = db.prepare_cached(sql)?;
            let found = statement
                .query_row([line.as_str(), user_id.as_str()], |row| row.get::<_, String>(0))
                .optional()?;
            Ok(found.and_then(|text| text.parse().ok()))
        })
        .await
    }

    /// Users these lines have seen, the one changed last first, after the one of this time and of this
    /// number and line (`5511988887777:109876543210987`); each with the milliseconds of its last change.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn contacts(
        &self,
        lines: LineSet,
        limit: u32,
        after: Option<(i64, String)>,
    ) -> Result<Vec<(i64, ContactRow)>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT updated_ms, body FROM contacts
                       WHERE line IN (SELECT value FROM json_each(?4))
                       AND (?1 IS NULL OR (updated_ms, wa_id || ':' || line) < (?1, ?2))
                       ORDER BY updated_ms DESC, wa_id || ':' || line DESC LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let (at_ms, id) = after.unzip();
            let rows = statement.query_map(params![at_ms, id, limit, lines], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?;
            let mut contacts = Vec::new();
            for row in rows {
                let (at_ms, body) = row?;
                contacts.push((at_ms, serde_json::from_str(&body)?));
            }
            Ok(contacts)
        })
        .await
    }

    /// Writes a line of a chat; the same id again changes it in its place.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn save_line(
        &self,
        key: ContactKey,
        line: ChatLine,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "INSERT OR REPLACE INTO chat (line, id, wa_id, at_ms, body)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let body = serde_json::to_string(&line)?;
            let ContactKey { line: number, user } = &key;
            let row = params![number.as_str(), line.id, user.as_str(), line.at.unix_ms(), body];
            db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        })
        .await
    }

    /// How many calls there were with a user.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn calls_with(&self, key: ContactKey) -> Result<u32, StoreError> {
        self.run(move |db| {
            // Every call has its line in the chat, which is found by the user.
            let sql = "SELECT count(*) FROM chat
                       WHERE line = ?1 AND wa_id = ?2 AND json_extract(body, '$.kind') = 'call'";
            let mut statement = db.prepare_cached(sql)?;
            Ok(statement.query_row([key.line.as_str(), key.user.as_str()], |row| row.get(0))?)
        })
        .await
    }

    /// The newest lines of a chat, in the order they came.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn chat(&self, key: ContactKey) -> Result<Vec<ChatLine>, StoreError> {
        self.run(move |db| {
            // In the order of arrival: the platform's times are whole seconds of another clock.
            let sql = "SELECT body FROM (SELECT body, rowid AS place FROM chat
                       WHERE line = ?1 AND wa_id = ?2
                       ORDER BY rowid DESC LIMIT ?3) ORDER BY place";
            let mut statement = db.prepare_cached(sql)?;
            let row = params![key.line.as_str(), key.user.as_str(), CHAT_MAX];
            let rows = statement.query_map(row, |row| row.get::<_, String>(0))?;
            let mut lines = Vec::new();
            for body in rows {
                lines.push(serde_json::from_str(&body?)?);
            }
            Ok(lines)
        })
        .await
    }
}

fn save(db: &Connection, contact: &ContactRow, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO contacts (line, wa_id, updated_ms, body)
               VALUES (?1, ?2, ?3, ?4)";
    let body = serde_json::to_string(contact)?;
    let row = params![contact.line.as_str(), contact.wa_id.as_str(), now.unix_ms(), body];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn load(db: &Connection, key: &ContactKey) -> Result<Option<ContactRow>, StoreError> {
    let sql = "SELECT body FROM contacts WHERE line = ?1 AND wa_id = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let key = [key.line.as_str(), key.user.as_str()];
    let body = statement.query_row(key, |row| row.get::<_, String>(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}
