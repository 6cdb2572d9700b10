//! What was a request with this key answered?
//!
//! The key is taken before anything is done, so of several requests with one key one acts. What a
//! killed gateway left without an answer stays taken: nobody knows what became of it.

use rusqlite::{OptionalExtension, params};
use terms::Timestamp;

use super::{Store, StoreError};

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing: it is now taken by who asked.
    Nothing,
    /// A request of another content.
    OtherRequest,
    /// The same request, without an answer: it runs, or its gateway died.
    Unanswered,
    /// The same request and its answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
}

impl Store {
    /// Takes a key for a request, or says what is kept under it. Keys older than `oldest` are forgotten.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn take_key(
        &self,
        key: String,
        request: String,
        now: Timestamp,
        oldest: Timestamp,
    ) -> Result<Kept, StoreError> {
        self.run(move |db| {
            db.prepare_cached("DELETE FROM idempotency WHERE at_ms < ?1")?
                .execute([oldest.unix_ms()])?;
            let sql = "SELECT request, status, answer FROM idempotency WHERE key = ?1";
            let found = db
                .prepare_cached(sql)?
                .query_row([&key], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            Ok(match found {
                Some((known, _, _)) if known != request => Kept::OtherRequest,
                Some((_, Some(status), Some(body))) => Kept::Answered { status, body },
                Some((_, _, _)) => Kept::Unanswered,
                None => {
                    let sql = "INSERT INTO idempotency (key, request, at_ms) VALUES (?1, ?2, ?3)";
                    db.prepare_cached(sql)?.execute(params![key, request, now.unix_ms()])?;
                    Kept::Nothing
                }
            })
        })
        .await
    }

    /// Keeps the answer under a key that was taken.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_answer(
        &self,
        key: String,
        status: u16,
        body: String,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "UPDATE idempotency SET status = ?2, answer = ?3 WHERE key = ?1";
            db.prepare_cached(sql)?.execute(params![key, status, body])?;
            Ok(())
        })
        .await
    }

    /// Gives a key back: nothing was done.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn free_key(&self, key: String) -> Result<(), StoreError> {
        self.run(move |db| {
            db.prepare_cached("DELETE FROM idempotency WHERE key = ?1")?.execute([key])?;
            Ok(())
        })
        .await
    }
}
