//! Which calls wait for a user's consent?
//!
//! A parked call changes its state only from the state it is believed to be in, in one step. So two
//! who want to place it cannot both: the second finds it gone from `waiting`.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use terms::{CallId, MessageId, PhoneNumberId, Timestamp, UserId, UserRef};

use super::{LineSet, Store, StoreError};

/// A call that waits, or waited, for consent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Parked {
    /// Its id; ours.
    pub parked_id: String,
    /// The line that will call.
    pub phone_number_id: PhoneNumberId,
    /// The user: the number where it is known, else the business-scoped id.
    pub to: UserRef,
    /// The business-scoped id, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// When it was parked, by the platform's clock.
    pub created_at: Timestamp,
    /// When it is given up, by the platform's clock.
    pub deadline: Timestamp,
    /// Where it is.
    pub state: ParkedState,
    /// The message that asked for consent, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<MessageId>,
    /// The call it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// Why none was sent, or why it was given up; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Where a parked call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ParkedState {
    /// For consent.
    Waiting,
    /// `connect` is being sent, or was when the gateway died; it is never sent again.
    Placing,
    /// It became a call.
    Placed,
    /// It never will.
    GivenUp,
    /// A program took it back.
    Cancelled,
}

impl Parked {
    /// The user, by all that is known.
    pub(crate) fn user(&self) -> UserRef {
        let by_id = self.user_id.clone().map(UserRef::from);
        by_id.map_or_else(|| self.to.clone(), |by_id| self.to.clone().or(by_id))
    }
}

impl ParkedState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Placing => "placing",
            Self::Placed => "placed",
            Self::GivenUp => "given_up",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Store {
    /// Parks a call.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn park(&self, parked: Parked) -> Result<(), StoreError> {
        self.run(move |db| save(db, &parked)).await
    }

    /// Changes a parked call that is in this state; `None` when it is in another, or unknown.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn change_parked<F>(
        &self,
        id: String,
        from: ParkedState,
        change: F,
    ) -> Result<Option<Parked>, StoreError>
    where
        F: FnOnce(&mut Parked) + Send + 'static,
    {
        self.run(move |db| {
            let Some(mut parked) = load(db, &id)?.filter(|parked| parked.state == from) else {
                return Ok(None);
            };
            change(&mut parked);
            save(db, &parked)?;
            Ok(Some(parked))
        })
        .await
    }

    /// One parked call.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn parked_call(&self, id: String) -> Result<Option<Parked>, StoreError> {
        self.run(move |db| load(db, &id)).await
    }

    /// Parked calls of these lines, the newest first, after the one of this time and id.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn parked_calls(
        &self,
        lines: LineSet,
        limit: u32,
        after: Option<(i64, String)>,
    ) -> Result<Vec<Parked>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT body FROM parked_calls
                       WHERE line IN (SELECT value FROM json_each(?4))
                       AND (?1 IS NULL OR (created_ms, id) < (?1, ?2))
                       ORDER BY created_ms DESC, id DESC LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let (at_ms, id) = after.unzip();
            let row = params![at_ms, id, limit, lines];
            let rows = statement.query_map(row, |row| row.get::<_, String>(0))?;
            read(rows)
        })
        .await
    }

    /// The parked calls of a line in this state, the oldest first.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn parked_in(
        &self,
        line: PhoneNumberId,
        state: ParkedState,
    ) -> Result<Vec<Parked>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT body FROM parked_calls WHERE line = ?1 AND state = ?2
                       ORDER BY created_ms, id";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement
                .query_map([line.as_str(), state.as_str()], |row| row.get::<_, String>(0))?;
            read(rows)
        })
        .await
    }
}

fn load(db: &Connection, id: &str) -> Result<Option<Parked>, StoreError> {
    let mut statement = db.prepare_cached("SELECT body FROM parked_calls WHERE id = ?1")?;
    let body = statement.query_row([id], |row| row.get::<_, String>(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

fn save(db: &Connection, parked: &Parked) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO parked_calls (id, state, created_ms, body, line)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let body = serde_json::to_string(parked)?;
    let created_ms = parked.created_at.unix_ms();
    let line = parked.phone_number_id.as_str();
    let row = params![parked.parked_id, parked.state.as_str(), created_ms, body, line];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn read(rows: impl Iterator<Item = rusqlite::Result<String>>) -> Result<Vec<Parked>, StoreError> {
    let mut parked = Vec::new();
    for body in rows {
        parked.push(serde_json::from_str(&body?)?);
    }
    Ok(parked)
}
