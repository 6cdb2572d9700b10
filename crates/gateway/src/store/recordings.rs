//! What was recorded?
//!
//! A row for each recording, made when it begins, so that one whose gateway was killed is found again.

use rusqlite::{Connection, OptionalExtension, params};
use terms::{CallId, Timestamp};
use wire::event::{Recording, RecordingKind, RecordingState, TranscriptState, What};

use super::{
    Deed, LineSet, News, Store, StoreError, audit, bucket, collections, outbox, transcripts,
};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS recordings (
    id TEXT PRIMARY KEY, line TEXT NOT NULL, call_id TEXT NOT NULL, started_ms INTEGER NOT NULL,
    running INTEGER NOT NULL, held INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS recordings_by_time ON recordings (started_ms);
CREATE INDEX IF NOT EXISTS recordings_by_call ON recordings (call_id);
";

impl Store {
    /// Keeps a recording as it is; one that is ready is told, once, and brought to this path in the
    /// bucket where there is one.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_recording(
        &self,
        recording: Recording,
        path: Option<String>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(move |db| keep(db, &recording, path.as_deref(), at)).await
    }

    /// One of these lines.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn recording(
        &self,
        lines: LineSet,
        id: String,
    ) -> Result<Option<Recording>, StoreError> {
        self.run(move |db| load(db, &lines, &id)).await
    }

    /// Those of these lines, the newest first, after the one of this time and id.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn recordings(
        &self,
        lines: LineSet,
        (call_id, kind): (Option<CallId>, Option<RecordingKind>),
        limit: u32,
        after: Option<(i64, String)>,
    ) -> Result<Vec<Recording>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT body FROM recordings
                       WHERE line IN (SELECT value FROM json_each(?1))
                       AND (?2 IS NULL OR call_id = ?2)
                       AND (?6 IS NULL OR kind = ?6)
                       AND (?3 IS NULL OR (started_ms, id) < (?3, ?4))
                       ORDER BY started_ms DESC, id DESC LIMIT ?5";
            let (started_ms, id) = after.unzip();
            let call_id = call_id.as_ref().map(CallId::as_str);
            let kind = kind.map(kind_word);
            read(db, sql, params![lines, call_id, started_ms, id, limit, kind])
        })
        .await
    }

    /// Those that ran when the gateway died.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn recordings_left_behind(&self) -> Result<Vec<Recording>, StoreError> {
        self.run(|db| read(db, "SELECT body FROM recordings WHERE running = 1", [])).await
    }

    /// Some that began before then and are not held.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn recordings_before(
        &self,
        before: Timestamp,
    ) -> Result<Vec<Recording>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT body FROM recordings
                       WHERE started_ms < ?1 AND running = 0 AND held = 0
                       ORDER BY started_ms LIMIT 100";
            read(db, sql, [before.unix_ms()])
        })
        .await
    }

    /// Holds a recording beyond its time, or no longer; `None` when there is none of these lines.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn hold_recording(
        &self,
        lines: LineSet,
        id: String,
        held: bool,
        deed: Deed,
    ) -> Result<Option<Recording>, StoreError> {
        self.run(move |db| {
            let Some(mut recording) = load(db, &lines, &id)? else { return Ok(None) };
            recording.held = held;
            save(db, &recording)?;
            audit::write(db, &deed)?;
            Ok(Some(recording))
        })
        .await
    }

    /// Forgets a recording whose files are gone here; those in the bucket are owed to go.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn forget_recording(
        &self,
        id: String,
        deed: Option<Deed>,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            db.prepare_cached("DELETE FROM recordings WHERE id = ?1")?.execute([&id])?;
            transcripts::forget(db, &id)?;
            bucket::forget(db, &id)?;
            collections::forget(db, &id)?;
            deed.map_or(Ok(()), |deed| audit::write(db, &deed))
        })
        .await
    }

    /// Keeps who did something that changes nothing, such as to listen.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_deed(&self, deed: Deed) -> Result<(), StoreError> {
        self.run(move |db| audit::write(db, &deed)).await
    }
}

/// As [`Store::keep_recording`]. One whose transcript waits already stays as it is in that.
pub(super) fn keep(
    db: &Connection,
    recording: &Recording,
    path: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    save(db, recording)?;
    if recording.transcript == Some(TranscriptState::Waiting) {
        transcripts::wait(db, &recording.recording_id, at)?;
    }
    if recording.state == RecordingState::Ready {
        if let Some(path) = path {
            bucket::bring(db, &recording.recording_id, path, at)?;
        }
        outbox::keep(db, news(recording.clone(), at))?;
    }
    Ok(())
}

pub(super) fn save(db: &Connection, recording: &Recording) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO recordings
               (id, line, call_id, started_ms, running, held, body, kind)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let body = serde_json::to_string(recording)?;
    let running = recording.state == RecordingState::Recording;
    let (line, call_id) = (recording.phone_number_id.as_str(), recording.call_id.as_str());
    let (id, started_ms) = (&recording.recording_id, recording.started_at.unix_ms());
    let kind = kind_word(recording.kind);
    let row = params![id, line, call_id, started_ms, running, recording.held, body, kind];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn kind_word(kind: RecordingKind) -> &'static str {
    match kind {
        RecordingKind::Call => "call",
        RecordingKind::Voicemail => "voicemail",
    }
}

pub(super) fn load(
    db: &Connection,
    lines: &LineSet,
    id: &str,
) -> Result<Option<Recording>, StoreError> {
    let sql = "SELECT body FROM recordings
               WHERE id = ?1 AND line IN (SELECT value FROM json_each(?2))";
    let mut statement = db.prepare_cached(sql)?;
    let body = statement.query_row(params![id, lines], |row| row.get::<_, String>(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

fn read(
    db: &Connection,
    sql: &str,
    row: impl rusqlite::Params,
) -> Result<Vec<Recording>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(row, |row| row.get::<_, String>(0))?;
    let mut recordings = Vec::new();
    for body in rows {
        recordings.push(serde_json::from_str(&body?)?);
    }
    Ok(recordings)
}

fn news(recording: Recording, at: Timestamp) -> News {
    let call_id = recording.call_id.clone();
    let (line, subject) = (recording.phone_number_id.clone(), call_id.as_str().to_owned());
    let key = format!("recording.ready:{}", recording.recording_id);
    let what = match recording.kind {
        RecordingKind::Call => What::RecordingReady(Box::new(recording)),
        RecordingKind::Voicemail => What::VoicemailReceived(Box::new(recording)),
    };
    News { line, key, subject, call_id: Some(call_id), at, what }
}
