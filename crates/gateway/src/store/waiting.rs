//! What waits, and who may take it from there?
//!
//! A parked call waits for consent, a callback in its queue: each is a row with a state, a line and the
//! moment since when. It changes its state only from one it is believed to be in, in one step. So two who
//! want to place it cannot both: the second finds it gone.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};
use terms::{PhoneNumberId, Timestamp};

use super::{LineSet, Store, StoreError};

/// Something that waits.
pub(crate) trait Waits: Serialize + DeserializeOwned + Send + 'static {
    /// Where it can be.
    type State: Copy + PartialEq + Send + 'static;
    /// The table of its rows.
    const TABLE: &'static str;
    /// The column that says since when, in ms.
    const SINCE: &'static str;
    /// Its id; ours.
    fn id(&self) -> &str;
    /// Whose it is.
    fn line(&self) -> &PhoneNumberId;
    /// Since when it waits.
    fn since(&self) -> Timestamp;
    /// Where it is.
    fn state(&self) -> Self::State;
    /// The word of a state in the table.
    fn word(state: Self::State) -> &'static str;
}

impl Store {
    /// Keeps something new that waits.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_waiting<W: Waits>(&self, waits: W) -> Result<(), StoreError> {
        self.run(move |db| save(db, &waits)).await
    }

    /// Changes what is in one of these states; `None` when it is in another, or unknown.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn change_waiting<W, F>(
        &self,
        id: String,
        from: &[W::State],
        change: F,
    ) -> Result<Option<W>, StoreError>
    where
        W: Waits,
        F: FnOnce(&mut W) + Send + 'static,
    {
        let from = from.to_vec();
        self.run(move |db| {
            let known = load::<W>(db, &id)?.filter(|waits| from.contains(&waits.state()));
            let Some(mut waits) = known else { return Ok(None) };
            change(&mut waits);
            save(db, &waits)?;
            Ok(Some(waits))
        })
        .await
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn waiting<W: Waits>(&self, id: String) -> Result<Option<W>, StoreError> {
        self.run(move |db| load(db, &id)).await
    }

    /// Those of these lines, the newest first, after the one of this time and id.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn waiting_of<W: Waits>(
        &self,
        lines: LineSet,
        limit: u32,
        after: Option<(i64, String)>,
    ) -> Result<Vec<W>, StoreError> {
        self.run(move |db| {
            let (table, since) = (W::TABLE, W::SINCE);
            let sql = format!(
                "SELECT body FROM {table}
                 WHERE line IN (SELECT value FROM json_each(?4))
                 AND (?1 IS NULL OR ({since}, id) < (?1, ?2))
                 ORDER BY {since} DESC, id DESC LIMIT ?3"
            );
            let (since_ms, id) = after.unzip();
            let mut statement = db.prepare_cached(&sql)?;
            let row = params![since_ms, id, limit, lines];
            let rows = statement.query_map(row, |row| row.get::<_, String>(0))?;
            read(rows)
        })
        .await
    }

    /// Those of a line in this state, the oldest first.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn waiting_in<W: Waits>(
        &self,
        line: PhoneNumberId,
        state: W::State,
    ) -> Result<Vec<W>, StoreError> {
        self.run(move |db| {
            let (table, since) = (W::TABLE, W::SINCE);
            let sql = format!(
                "SELECT body FROM {table} WHERE line = ?1 AND state = ?2 ORDER BY {since}, id"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let row = [line.as_str(), W::word(state)];
            let rows = statement.query_map(row, |row| row.get::<_, String>(0))?;
            read(rows)
        })
        .await
    }
}

fn load<W: Waits>(db: &Connection, id: &str) -> Result<Option<W>, StoreError> {
    let sql = format!("SELECT body FROM {} WHERE id = ?1", W::TABLE);
    let mut statement = db.prepare_cached(&sql)?;
    let body = statement.query_row([id], |row| row.get::<_, String>(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

fn save<W: Waits>(db: &Connection, waits: &W) -> Result<(), StoreError> {
    let (table, since) = (W::TABLE, W::SINCE);
    let sql = format!(
        "INSERT OR REPLACE INTO {table} (id, line, state, {since}, body) VALUES (?1, ?2, ?3, ?4, ?5)"
    );
    let (line, state) = (waits.line().as_str(), W::word(waits.state()));
    let body = serde_json::to_string(waits)?;
    let row = params![waits.id(), line, state, waits.since().unix_ms(), body];
    db.prepare_cached(&sql)?.execute(row)?;
    Ok(())
}

fn read<W: Waits>(
    rows: impl Iterator<Item = rusqlite::Result<String>>,
) -> Result<Vec<W>, StoreError> {
    let mut waiting = Vec::new();
    for body in rows {
        waiting.push(serde_json::from_str(&body?)?);
    }
    Ok(waiting)
}
