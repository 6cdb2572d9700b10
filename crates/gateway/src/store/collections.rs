//! What did the platform keep of calls that is still to be fetched?
//!
//! A row for each file it told of, made by the job that acts on its webhook, until the file is here or its
//! time is over; so a kill forgets none. A transcript is waited for from when its recording is here,
//! whether it was told of or not. What was collected is kept by the job that forgets its row.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest as _, Sha256};
use terms::{CallId, PhoneNumberId, Timestamp};
use wire::{
    console::Peer,
    event::{Recording, RecordingKind},
    webhook::MediaRef,
};

use super::{LineSet, Store, StoreError, calls, recordings, transcripts};
use crate::cdr::{Cdr, RecordingRecord};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS collections (
    id TEXT NOT NULL, what TEXT NOT NULL, line TEXT NOT NULL, call_id TEXT NOT NULL,
    contact TEXT NOT NULL, told_ms INTEGER NOT NULL, file TEXT, until_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL, tries INTEGER NOT NULL, why TEXT, PRIMARY KEY (id, what)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS collections_by_time ON collections (due_ms);
";

/// What the platform keeps of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    /// Its sound.
    Recording,
    /// What was said, in writing.
    Transcript,
}

/// Something that is to be fetched from the platform.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    pub thing: Thing,
    pub line: PhoneNumberId,
    pub call_id: CallId,
    /// The user, as the platform told of the file.
    pub contact: Peer,
    /// When it told of it.
    pub told_at: Timestamp,
    /// The file; none while the platform has not told of it.
    pub file: Option<MediaRef>,
    /// Until when the platform has it.
    pub until: Timestamp,
    /// How often it was tried.
    pub tries: u32,
}

impl Thing {
    /// The word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Transcript => "transcript",
        }
    }

    fn of(word: &str) -> Self {
        if word == Self::Transcript.as_str() { Self::Transcript } else { Self::Recording }
    }
}

impl Collection {
    /// The recording's id. A call has one of the platform's, so it is the same whoever asks and whenever.
    pub(crate) fn recording_id(&self) -> String {
        let of = format!("{}/{}", self.line.as_str(), self.call_id.as_str());
        let hash = Sha256::digest(of.as_bytes());
        let hex = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
        format!("rec_{}", hex.collect::<String>())
    }
}

impl Store {
    /// This is to be collected from now on; what was told of before is not told twice.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn owe_collection(&self, owed: Collection) -> Result<(), StoreError> {
        self.run(move |db| owe(db, &owed, owed.told_at)).await
    }

    /// Some of what is due, the longest first.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn collections_due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Collection>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT what, line, call_id, contact, told_ms, file, until_ms, tries
                       FROM collections WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query(params![now.unix_ms(), limit])?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                due.extend(read(row)?);
            }
            Ok(due)
        })
        .await
    }

    /// How many wait, of each thing.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn collections_waiting(&self) -> Result<[(Thing, i64); 2], StoreError> {
        self.run(|db| {
            let count = |thing: Thing| -> Result<_, StoreError> {
                let sql = "SELECT COUNT(*) FROM collections WHERE what = ?1 AND file IS NOT NULL";
                let row = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
                Ok((thing, db.prepare_cached(sql)?.query_row([thing.as_str()], row)?))
            };
            Ok([count(Thing::Recording)?, count(Thing::Transcript)?])
        })
        .await
    }

    /// The recording is here, or will never be: it is kept and told as any other, and stands in its
    /// call's record. Then its transcript is waited for, where the platform writes one, until this moment.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_collected(
        &self,
        owed: Collection,
        recording: Recording,
        path: Option<String>,
        (at, written_until): (Timestamp, Option<Timestamp>),
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            if let Some(until) = written_until {
                transcripts::await_elsewhere(db, &recording.recording_id)?;
                let thing = Thing::Transcript;
                owe(db, &Collection { thing, file: None, until, ..owed.clone() }, until)?;
            }
            recordings::keep(db, &recording, path.as_deref(), at)?;
            let line = LineSet::one(&recording.phone_number_id);
            if let Some(mut cdr) = calls::load(db, &line, &recording.call_id)? {
                put(db, &mut cdr)?;
                calls::rewrite(db, &cdr)?;
            }
            settle(db, &owed)
        })
        .await
    }

    /// What was said is here as it is to be kept; `false` while its recording is not.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_collected_transcript(
        &self,
        owed: Collection,
        kept: Vec<u8>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.run(move |db| {
            let lines = LineSet::one(&owed.line);
            let recording = recordings::load(db, &lines, &owed.recording_id())?;
            let Some(recording) = recording else { return Ok(false) };
            transcripts::await_elsewhere(db, &recording.recording_id)?;
            transcripts::keep(db, &recording, &kept, at)?;
            settle(db, &owed)?;
            Ok(true)
        })
        .await
    }

    /// Nobody will ever read what was said, and why.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn give_up_transcript(
        &self,
        owed: Collection,
        why: String,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let lines = LineSet::one(&owed.line);
            if let Some(recording) = recordings::load(db, &lines, &owed.recording_id())? {
                transcripts::await_elsewhere(db, &recording.recording_id)?;
                transcripts::miss(db, &recording, &why, None)?;
            }
            settle(db, &owed)
        })
        .await
    }

    /// Keeps why it was not collected, and when to try again.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn collection_missed(
        &self,
        owed: Collection,
        why: String,
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "UPDATE collections SET tries = tries + 1, why = ?3, due_ms = ?4
                       WHERE id = ?1 AND what = ?2";
            let row = params![owed.recording_id(), owed.thing.as_str(), why, again_at.unix_ms()];
            db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        })
        .await
    }
}

/// Nobody wants a recording any more: nothing of it is collected.
pub(super) fn forget(db: &Connection, id: &str) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM collections WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Puts what the platform recorded of a call into its record.
pub(super) fn put(db: &Connection, cdr: &mut Cdr) -> Result<(), StoreError> {
    let sql = "SELECT id FROM recordings WHERE call_id = ?1 AND line = ?2
               AND json_extract(body, '$.by_platform') AND json_extract(body, '$.state') = 'ready'";
    let row = [cdr.call_id.as_str(), cdr.phone_number_id.as_str()];
    let mut statement = db.prepare_cached(sql)?;
    let id = statement.query_row(row, |row| row.get::<_, String>(0)).optional()?;
    let Some(recording_id) = id else { return Ok(()) };
    if cdr.recordings.iter().all(|known| known.recording_id != recording_id) {
        cdr.recordings.push(RecordingRecord { recording_id, kind: RecordingKind::Call });
    }
    Ok(())
}

fn owe(db: &Connection, owed: &Collection, due: Timestamp) -> Result<(), StoreError> {
    // What was waited for is told of now; a second word changes nothing.
    let sql = "INSERT INTO collections
               (id, what, line, call_id, contact, told_ms, file, until_ms, due_ms, tries)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)
               ON CONFLICT DO UPDATE SET told_ms = excluded.told_ms, file = excluded.file,
               until_ms = excluded.until_ms, due_ms = excluded.due_ms, tries = 0
               WHERE file IS NULL AND excluded.file IS NOT NULL";
    let file = owed.file.as_ref().map(serde_json::to_string).transpose()?;
    let row = params![
        owed.recording_id(),
        owed.thing.as_str(),
        owed.line.as_str(),
        owed.call_id.as_str(),
        serde_json::to_string(&owed.contact)?,
        owed.told_at.unix_ms(),
        file,
        owed.until.unix_ms(),
        due.unix_ms()
    ];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn settle(db: &Connection, owed: &Collection) -> Result<(), StoreError> {
    let sql = "DELETE FROM collections WHERE id = ?1 AND what = ?2";
    db.prepare_cached(sql)?.execute([&owed.recording_id(), owed.thing.as_str()])?;
    Ok(())
}

/// `None` for ids of a later version.
fn read(row: &rusqlite::Row<'_>) -> Result<Option<Collection>, StoreError> {
    let text = |nth| row.get::<_, String>(nth);
    let (Ok(line), Ok(call_id)) = (text(1)?.parse(), text(2)?.parse()) else { return Ok(None) };
    let moment = |nth| row.get(nth).map(Timestamp::from_unix_ms);
    let file = row.get::<_, Option<String>>(5)?;
    Ok(Some(Collection {
        thing: Thing::of(&text(0)?),
        line,
        call_id,
        contact: serde_json::from_str(&text(3)?)?,
        told_at: moment(4)?,
        file: file.map(|file| serde_json::from_str(&file)).transpose()?,
        until: moment(6)?,
        tries: row.get(7)?,
    }))
}
