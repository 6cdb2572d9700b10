//! Which users wait to be called back?
//!
//! A callback changes its state only from the state it is believed to be in, in one step. So two
//! who want to place it cannot both.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use terms::{CallId, MessageId, PhoneNumberId, Timestamp};
use wire::console::Peer;

use super::{LineSet, Store, StoreError};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS callbacks (
    id TEXT PRIMARY KEY, line TEXT NOT NULL, state TEXT NOT NULL, since_ms INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS callbacks_by_state ON callbacks (line, state);
";

/// A user who hung up in a queue and kept the place, or for whom a program took one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Callback {
    /// Its id; ours.
    pub callback_id: String,
    /// The line that was called and will call.
    pub phone_number_id: PhoneNumberId,
    /// The queue.
    pub queue: String,
    /// Higher goes first.
    pub priority: u8,
    /// The user.
    pub contact: Peer,
    /// Since when the user waits.
    pub since: Timestamp,
    /// Where it is.
    pub state: CallbackState,
    /// The call in which the user asked for it; a program did where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_call: Option<CallId>,
    /// The message that asked for consent, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<MessageId>,
    /// The call it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// Why it waits for consent, or was given up; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Where a callback is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallbackState {
    /// In the queue.
    Waiting,
    /// Out of it until the user consents.
    Asking,
    /// An agent rings for it.
    Offered,
    /// `connect` is being sent, or was when the gateway died; it is never sent again.
    Placing,
    /// It became a call.
    Placed,
    /// It never will.
    GivenUp,
    /// A program took it back.
    Cancelled,
}

impl CallbackState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Asking => "asking",
            Self::Offered => "offered",
            Self::Placing => "placing",
            Self::Placed => "placed",
            Self::GivenUp => "given_up",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Store {
    /// Keeps a new callback.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_callback(&self, callback: Callback) -> Result<(), StoreError> {
        self.run(move |db| save(db, &callback)).await
    }

    /// Changes a callback that is in one of these states; `None` when it is in another, or unknown.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn change_callback<F>(
        &self,
        id: String,
        from: &'static [CallbackState],
        change: F,
    ) -> Result<Option<Callback>, StoreError>
    where
        F: FnOnce(&mut Callback) + Send + 'static,
    {
        self.run(move |db| {
            let known = load(db, &id)?.filter(|callback| from.contains(&callback.state));
            let Some(mut callback) = known else { return Ok(None) };
            change(&mut callback);
            save(db, &callback)?;
            Ok(Some(callback))
        })
        .await
    }

    /// One callback.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn callback(&self, id: String) -> Result<Option<Callback>, StoreError> {
        self.run(move |db| load(db, &id)).await
    }

    /// Callbacks of these lines, the newest first, after the one of this time and id.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn callbacks(
        &self,
        lines: LineSet,
        limit: u32,
        after: Option<(i64, String)>,
    ) -> Result<Vec<Callback>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT body FROM callbacks
                       WHERE line IN (SELECT value FROM json_each(?4))
                       AND (?1 IS NULL OR (since_ms, id) < (?1, ?2))
                       ORDER BY since_ms DESC, id DESC LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let (since_ms, id) = after.unzip();
            let row = params![since_ms, id, limit, lines];
            let rows = statement.query_map(row, |row| row.get::<_, String>(0))?;
            read(rows)
        })
        .await
    }

    /// The callbacks of a line in this state, the oldest first.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn callbacks_in(
        &self,
        line: PhoneNumberId,
        state: CallbackState,
    ) -> Result<Vec<Callback>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT body FROM callbacks WHERE line = ?1 AND state = ?2
                       ORDER BY since_ms, id";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement
                .query_map([line.as_str(), state.as_str()], |row| row.get::<_, String>(0))?;
            read(rows)
        })
        .await
    }
}

fn load(db: &Connection, id: &str) -> Result<Option<Callback>, StoreError> {
    let mut statement = db.prepare_cached("SELECT body FROM callbacks WHERE id = ?1")?;
    let body = statement.query_row([id], |row| row.get::<_, String>(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

fn save(db: &Connection, callback: &Callback) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO callbacks (id, line, state, since_ms, body)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let body = serde_json::to_string(callback)?;
    let since_ms = callback.since.unix_ms();
    let (line, state) = (callback.phone_number_id.as_str(), callback.state.as_str());
    let row = params![callback.callback_id, line, state, since_ms, body];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn read(rows: impl Iterator<Item = rusqlite::Result<String>>) -> Result<Vec<Callback>, StoreError> {
    let mut callbacks = Vec::new();
    for body in rows {
        callbacks.push(serde_json::from_str(&body?)?);
    }
    Ok(callbacks)
}
