//! What was said in recordings, in writing?
//!
//! A row for each recording that is to be written down, made by the job that makes it ready, so that a
//! kill forgets none. A recording that is removed takes its row along.

use rusqlite::{Connection, OptionalExtension, params};
use terms::Timestamp;
use wire::event::{Recording, TranscriptState, What};

use super::{LineSet, News, Store, StoreError, outbox, recordings};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS transcripts (
    id TEXT PRIMARY KEY, tries INTEGER NOT NULL, due_ms INTEGER, why TEXT, body TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS transcripts_by_time ON transcripts (due_ms) WHERE due_ms IS NOT NULL;
";

/// A recording whose words are to be written down.
#[derive(Debug)]
pub(crate) struct Untranscribed {
    pub recording: Recording,
    /// How often it was tried.
    pub tries: u32,
}

/// What became of a recording's words.
#[derive(Debug)]
pub(crate) struct TranscriptRow {
    /// What was said as it was kept, once it is written down.
    pub kept: Option<Vec<u8>>,
    /// Why it was not, the last time.
    pub why: Option<String>,
}

impl Store {
    /// The next recording that is due.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn next_untranscribed(
        &self,
        now: Timestamp,
    ) -> Result<Option<Untranscribed>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT recordings.body, tries FROM transcripts JOIN recordings USING (id)
                       WHERE due_ms <= ?1 ORDER BY due_ms LIMIT 1";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
            let mut statement = db.prepare_cached(sql)?;
            let Some((body, tries)) = statement.query_row([now.unix_ms()], row).optional()? else {
                return Ok(None);
            };
            Ok(Some(Untranscribed { recording: serde_json::from_str(&body)?, tries }))
        })
        .await
    }

    /// Keeps what was said as it is given, and tells that it can be read; nothing when the recording was removed meanwhile.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_transcript(
        &self,
        recording: Recording,
        kept: Vec<u8>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(move |db| keep(db, &recording, &kept, at)).await
    }

    /// Keeps that nobody could write it down, and when to try again; without a moment it has failed.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn miss_transcript(
        &self,
        recording: Recording,
        why: String,
        again_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.run(move |db| miss(db, &recording, &why, again_at)).await
    }

    /// What became of a recording's words; `None` when nobody was to write them down.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn transcript(&self, id: String) -> Result<Option<TranscriptRow>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT body, why FROM transcripts WHERE id = ?1";
            let row = |row: &rusqlite::Row<'_>| {
                // Older rows are text.
                let kept = row.get_ref(0)?.as_bytes_or_null()?.map(<[u8]>::to_vec);
                Ok(TranscriptRow { kept, why: row.get(1)? })
            };
            Ok(db.prepare_cached(sql)?.query_row([id], row).optional()?)
        })
        .await
    }
}

/// Somebody is to write down what was said in this recording.
pub(super) fn wait(db: &Connection, id: &str, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO transcripts (id, tries, due_ms) VALUES (?1, 0, ?2)";
    db.prepare_cached(sql)?.execute(params![id, at.unix_ms()])?;
    Ok(())
}

/// What was said in this recording comes from elsewhere: it is nobody's work here.
pub(super) fn await_elsewhere(db: &Connection, id: &str) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO transcripts (id, tries, due_ms) VALUES (?1, 0, NULL)";
    db.prepare_cached(sql)?.execute([id])?;
    Ok(())
}

/// As [`Store::keep_transcript`].
pub(super) fn keep(
    db: &Connection,
    recording: &Recording,
    kept: &[u8],
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(recording) = settle(db, recording, TranscriptState::Ready)? else { return Ok(()) };
    let sql = "UPDATE transcripts SET due_ms = NULL, why = NULL, body = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![recording.recording_id, kept])?;
    outbox::keep(db, news(recording, at))?;
    Ok(())
}

/// As [`Store::miss_transcript`].
pub(super) fn miss(
    db: &Connection,
    recording: &Recording,
    why: &str,
    again_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "UPDATE transcripts SET tries = tries + 1, due_ms = ?2, why = ?3 WHERE id = ?1";
    let due_ms = again_at.map(Timestamp::unix_ms);
    db.prepare_cached(sql)?.execute(params![recording.recording_id, due_ms, why])?;
    if again_at.is_none() {
        settle(db, recording, TranscriptState::Failed)?;
    }
    Ok(())
}

pub(super) fn forget(db: &Connection, id: &str) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM transcripts WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// The recording as it is today, with this state; `None` when it was removed.
fn settle(
    db: &Connection,
    recording: &Recording,
    state: TranscriptState,
) -> Result<Option<Recording>, StoreError> {
    let lines = LineSet::one(&recording.phone_number_id);
    let today = recordings::load(db, &lines, &recording.recording_id)?;
    let Some(mut today) = today else { return Ok(None) };
    today.transcript = Some(state);
    recordings::save(db, &today)?;
    Ok(Some(today))
}

fn news(recording: Recording, at: Timestamp) -> News {
    let call_id = recording.call_id.clone();
    let (line, subject) = (recording.phone_number_id.clone(), call_id.as_str().to_owned());
    let key = format!("transcript.ready:{}", recording.recording_id);
    let what = What::TranscriptReady(Box::new(recording));
    News { line, key, subject, call_id: Some(call_id), at, what }
}
