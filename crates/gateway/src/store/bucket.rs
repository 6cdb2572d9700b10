//! Which recordings lie in the bucket, which are still to be brought there, and which removed?
//!
//! A row for each recording of a gateway that has a bucket, made by the job that makes the recording
//! ready; it outlives the recording until what lies in the bucket is removed, so that nothing is
//! forgotten there.

use rusqlite::{Connection, OptionalExtension, params};
use terms::Timestamp;

use super::{Store, StoreError};
use crate::bucket::Brought;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS bucket (
    id TEXT PRIMARY KEY, path TEXT NOT NULL, task TEXT, files TEXT, tries INTEGER NOT NULL,
    due_ms INTEGER, why TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bucket_by_time ON bucket (due_ms) WHERE due_ms IS NOT NULL;
";

/// What is to be done with a recording's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// They are to be brought to the bucket.
    Bring,
    /// Nobody wants them: they are to be removed there.
    Remove,
}

/// A task that is due.
#[derive(Debug, Clone)]
pub(crate) struct Owed {
    /// The recording's id.
    pub id: String,
    /// Where its files lie in the bucket.
    pub path: String,
    pub task: Task,
    /// How often it was tried.
    pub tries: u32,
}

/// Where a recording's files lie in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct There {
    pub path: String,
    pub files: Vec<Brought>,
}

impl Task {
    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bring => "bring",
            Self::Remove => "remove",
        }
    }

    fn of(word: &str) -> Self {
        if word == Self::Remove.as_str() { Self::Remove } else { Self::Bring }
    }
}

impl Store {
    /// Every recording that is ready and not in the bucket is to be brought there.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn bring_all(&self, prefix: String) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "INSERT OR IGNORE INTO bucket (id, path, task, tries, due_ms)
                       SELECT id, ?1 || id, 'bring', 0, started_ms FROM recordings
                       WHERE running = 0 AND json_extract(body, '$.state') = 'ready'";
            db.prepare_cached(sql)?.execute([prefix])?;
            Ok(())
        })
        .await
    }

    /// Some of what is due, but for these recordings.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn owed_to_bucket(
        &self,
        now: Timestamp,
        but_for: Vec<String>,
        limit: usize,
    ) -> Result<Vec<Owed>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT id, path, task, tries FROM bucket
                       WHERE due_ms <= ?1 AND id NOT IN (SELECT value FROM json_each(?2))
                       ORDER BY due_ms LIMIT ?3";
            let row = |row: &rusqlite::Row<'_>| {
                let task = Task::of(&row.get::<_, String>(2)?);
                Ok(Owed { id: row.get(0)?, path: row.get(1)?, task, tries: row.get(3)? })
            };
            let but_for = serde_json::to_string(&but_for)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = db.prepare_cached(sql)?;
            let owed = statement.query_map(params![now.unix_ms(), but_for, limit], row)?;
            Ok(owed.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many recordings lie in a bucket, or are to be carried.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn of_bucket(&self) -> Result<i64, StoreError> {
        self.run(|db| Ok(db.query_row("SELECT COUNT(*) FROM bucket", [], |row| row.get(0))?)).await
    }

    /// How many wait for each task.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn bucket_waiting(&self) -> Result<[(Task, i64); 2], StoreError> {
        self.run(|db| {
            let count = |task: Task| -> Result<_, StoreError> {
                let sql = "SELECT COUNT(*) FROM bucket WHERE due_ms IS NOT NULL AND task = ?1";
                let row = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
                Ok((task, db.prepare_cached(sql)?.query_row([task.as_str()], row)?))
            };
            Ok([count(Task::Bring)?, count(Task::Remove)?])
        })
        .await
    }

    /// These files lie in the bucket now; `false` when nobody wants them any more.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn brought(
        &self,
        id: String,
        files: Vec<Brought>,
    ) -> Result<bool, StoreError> {
        self.run(move |db| {
            let sql = "UPDATE bucket SET task = NULL, due_ms = NULL, why = NULL, files = ?2
                       WHERE id = ?1 AND task = 'bring'";
            let files = serde_json::to_string(&files)?;
            Ok(db.prepare_cached(sql)?.execute(params![id, files])? == 1)
        })
        .await
    }

    /// What nobody wanted is gone.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn removed_from_bucket(&self, id: String) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "DELETE FROM bucket WHERE id = ?1 AND task = 'remove'";
            db.prepare_cached(sql)?.execute([id])?;
            Ok(())
        })
        .await
    }

    /// Keeps why a task was not done, and when to try again.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn bucket_missed(
        &self,
        owed: Owed,
        why: String,
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "UPDATE bucket SET tries = tries + 1, why = ?3, due_ms = ?4
                       WHERE id = ?1 AND task = ?2";
            let row = params![owed.id, owed.task.as_str(), why, again_at.unix_ms()];
            db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        })
        .await
    }

    /// Where a recording lies in the bucket; `None` while its files are where they were written.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn in_bucket(&self, id: String) -> Result<Option<There>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT path, files FROM bucket WHERE id = ?1 AND task IS NULL";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
            let Some((path, files)) = db.prepare_cached(sql)?.query_row([id], row).optional()?
            else {
                return Ok(None);
            };
            Ok(Some(There { path, files: serde_json::from_str(&files)? }))
        })
        .await
    }
}

/// A recording that is ready is to be brought to this path.
pub(super) fn bring(
    db: &Connection,
    id: &str,
    path: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO bucket (id, path, task, tries, due_ms)
               VALUES (?1, ?2, 'bring', 0, ?3)";
    db.prepare_cached(sql)?.execute(params![id, path, at.unix_ms()])?;
    Ok(())
}

/// Nobody wants a recording any more: whatever of it lies in the bucket goes.
pub(super) fn forget(db: &Connection, id: &str) -> Result<(), StoreError> {
    let sql = "UPDATE bucket SET task = 'remove', files = NULL, tries = 0, why = NULL, due_ms = 0
               WHERE id = ?1";
    db.prepare_cached(sql)?.execute([id])?;
    Ok(())
}
