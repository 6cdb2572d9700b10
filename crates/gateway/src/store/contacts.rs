//! Whom has the business seen, may they be called, and what was said?

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use terms::{PhoneNumberId, Timestamp, UserId, UserRef};
use wire::console::{ChatLine, Peer, PermissionState};

use super::{
    ContactKey, LineSet, News, Store, StoreError,
    identity::{self, ContactId},
    outbox, windows,
};

/// How many lines of a chat are read at most; the console shows the newest.
const CHAT_MAX: u32 = 500;

/// A user one line has seen.
#[derive(Debug, Clone)]
pub(crate) struct ContactRow {
    /// Its own id, which never changes.
    pub id: ContactId,
    /// The line.
    pub line: PhoneNumberId,
    /// The number, the business-scoped id, or both.
    pub user: UserRef,
    /// The name, where known.
    pub name: Option<String>,
    /// The id scoped to the business above, where that has them.
    pub parent_user_id: Option<UserId>,
    /// The ledger: what the last reply, request or look upstream said.
    pub grant: Grant,
    /// Until when the service window is open, as far as we saw.
    pub window_until: Option<Timestamp>,
}

/// What is known beside the ids, as it lies in the table.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Known {
    name: Option<String>,
    parent_user_id: Option<UserId>,
    grant: Grant,
    window_until: Option<Timestamp>,
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

impl Default for Grant {
    fn default() -> Self {
        Self { state: PermissionState::None, expires_at: None, learnt_at: None }
    }
}

impl ContactRow {
    fn learn(&mut self, known: Known) {
        self.name = known.name.or_else(|| self.name.take());
        self.parent_user_id = known.parent_user_id.or_else(|| self.parent_user_id.take());
        self.window_until = self.window_until.max(known.window_until);
        // A request of ours is noted without a word of the platform.
        let newer = known.grant.learnt_at > self.grant.learnt_at;
        if newer || self.grant == Grant::default() {
            self.grant = known.grant;
        }
    }

    /// A webhook named the user so. What it did not say stays.
    pub(crate) fn see(&mut self, peer: Peer) {
        self.name = peer.name.or_else(|| self.name.take());
        self.parent_user_id = peer.parent_user_id.or_else(|| self.parent_user_id.take());
    }

    /// The user and the name.
    pub(crate) fn peer(&self) -> Peer {
        let parent_user_id = self.parent_user_id.clone();
        Peer { parent_user_id, ..Peer::of(&self.user, self.name.clone()) }
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
            let mut contact = met(db, &key, now)?;
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
            let changed = crate::clock::now();
            let mut contact = met(db, &key, changed)?;
            change(&mut contact);
            save(db, &contact, changed)?;
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

    /// Users these lines have seen, the one changed last first, after the one of this time and id; each
    /// with the milliseconds of its last change.
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
            let sql = "SELECT id, line, wa_id, user_id, body, updated_ms FROM contacts
                       WHERE line IN (SELECT value FROM json_each(?4))
                       AND (?1 IS NULL OR (updated_ms, id) < (?1, CAST(?2 AS INTEGER)))
                       ORDER BY updated_ms DESC, id DESC LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let (at_ms, id) = after.unzip();
            let rows = statement.query_map(params![at_ms, id, limit, lines], |row| {
                Ok((row.get::<_, i64>(5)?, columns(row)?))
            })?;
            let mut contacts = Vec::new();
            for row in rows {
                let (at_ms, columns) = row?;
                contacts.extend(contact(columns)?.map(|contact| (at_ms, contact)));
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
            let sql = "INSERT OR REPLACE INTO chat (line, id, contact, at_ms, body)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let body = serde_json::to_string(&line)?;
            let contact = identity::meet(db, &key, line.at)?;
            let row = params![key.line.as_str(), line.id, contact, line.at.unix_ms(), body];
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
                       WHERE contact = ?1 AND json_extract(body, '$.kind') = 'call'";
            let Some(contact) = identity::find(db, &key)? else { return Ok(0) };
            Ok(db.prepare_cached(sql)?.query_row([contact], |row| row.get(0))?)
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
                       WHERE contact = ?1
                       ORDER BY rowid DESC LIMIT ?2) ORDER BY place";
            let Some(contact) = identity::find(db, &key)? else { return Ok(Vec::new()) };
            let mut statement = db.prepare_cached(sql)?;
            let rows =
                statement.query_map(params![contact, CHAT_MAX], |row| row.get::<_, String>(0))?;
            let mut lines = Vec::new();
            for body in rows {
                lines.push(serde_json::from_str(&body?)?);
            }
            Ok(lines)
        })
        .await
    }
}

/// The user's row, who may be new.
fn met(db: &Connection, key: &ContactKey, now: Timestamp) -> Result<ContactRow, StoreError> {
    let id = identity::meet(db, key, now)?;
    Ok(of_id(db, id)?.unwrap_or_else(|| {
        let ContactKey { line, user } = key.clone();
        row(id, line, user, Known::default())
    }))
}

pub(super) fn load(db: &Connection, key: &ContactKey) -> Result<Option<ContactRow>, StoreError> {
    let id = identity::find(db, key)?;
    Ok(id.map(|id| of_id(db, id)).transpose()?.flatten())
}

pub(super) fn of_id(db: &Connection, id: ContactId) -> Result<Option<ContactRow>, StoreError> {
    let sql = "SELECT id, line, wa_id, user_id, body FROM contacts WHERE id = ?1";
    match db.prepare_cached(sql)?.query_row([id], columns).optional()? {
        Some(columns) => contact(columns),
        None => Ok(None),
    }
}

/// What was known of one contact is known of the other, the newer word first.
pub(super) fn join(db: &Connection, from: ContactId, into: ContactId) -> Result<(), StoreError> {
    let (Some(from), Some(mut into)) = (of_id(db, from)?, of_id(db, into)?) else {
        return Ok(());
    };
    let ContactRow { name, parent_user_id, grant, window_until, .. } = from;
    let name = into.name.clone().or(name);
    let parent_user_id = into.parent_user_id.clone().or(parent_user_id);
    into.learn(Known { name, parent_user_id, grant, window_until });
    write(db, &into)
}

/// What an older database knew of a contact, newer than what is known of it now.
pub(super) fn take_over(
    db: &Connection,
    id: ContactId,
    body: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut contact) = of_id(db, id)? else { return Ok(()) };
    contact.learn(serde_json::from_str(body)?);
    save(db, &contact, now)
}

fn save(db: &Connection, contact: &ContactRow, now: Timestamp) -> Result<(), StoreError> {
    write(db, contact)?;
    let sql = "UPDATE contacts SET updated_ms = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![contact.id, now.unix_ms()])?;
    Ok(())
}

fn write(db: &Connection, contact: &ContactRow) -> Result<(), StoreError> {
    let ContactRow { id, line: _, user: _, name, parent_user_id, grant, window_until } = contact;
    let (name, parent_user_id) = (name.clone(), parent_user_id.clone());
    let known = Known { name, parent_user_id, grant: *grant, window_until: *window_until };
    let body = serde_json::to_string(&known)?;
    let sql = "UPDATE contacts SET body = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![id, body])?;
    Ok(())
}

type Columns = (ContactId, String, [Option<String>; 2], String);

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, [row.get(2)?, row.get(3)?], row.get(4)?))
}

/// `None` for a row whose ids cannot be read.
fn contact((id, line, [wa_id, user_id], body): Columns) -> Result<Option<ContactRow>, StoreError> {
    let known = serde_json::from_str(&body)?;
    let user = identity::ids(wa_id.as_deref(), user_id.as_deref());
    let (Some(user), Ok(line)) = (user, line.parse()) else { return Ok(None) };
    Ok(Some(row(id, line, user, known)))
}

fn row(id: ContactId, line: PhoneNumberId, user: UserRef, known: Known) -> ContactRow {
    let Known { name, parent_user_id, grant, window_until } = known;
    ContactRow { id, line, user, name, parent_user_id, grant, window_until }
}
