//! How does what the platform kept of calls come here?
//!
//! It tells of a recording soon after its call, and of the transcript; what it told of stands in the store
//! until it is fetched, so a gateway that was killed goes on where it was. A recording becomes one like
//! any other: taken apart into its sides, encrypted, brought to the bucket, told. What cannot be fetched
//! is tried again, less and less often, until the platform has it no longer; then that is kept, and why.

#[cfg(test)]
mod collect_test;
mod fetch;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use rules::rulebook::Rulebook;
use terms::Timestamp;
use tokio::time::{sleep, timeout};
use wire::{
    console::Peer,
    event::{Recording, RecordingKind, RecordingState, TranscriptState},
    webhook::{MediaRef, call::CallEntry},
};

use self::fetch::FetchFault;
use crate::{
    bucket::porter::wait_after,
    cdr::Cdr,
    clock,
    line::Line,
    office::Office,
    recorder::Taken,
    recordings,
    store::{Collection, LineSet, StoreError, Thing},
    transcription,
};

/// How often it is looked for work.
const EVERY: Duration = Duration::from_secs(1);
/// How many are fetched at a time; taking one apart takes a core.
const FETCHED_MAX: usize = 2;
/// The longest wait before the next try.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// How often something is tried that the platform itself says is not so: two minutes and more.
const TRIES_MAX: u32 = 6;
/// How long nobody is asked after the store failed.
const AFTER_FAULT: Duration = Duration::from_secs(60);
/// How long a transcript is waited for that the platform tells nothing of.
const TRANSCRIPT_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
/// Why there is no transcript then.
const NEVER_TOLD: &str = "the platform told of no transcript within a day";

/// The platform told of something it kept of a call.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn told(
    office: &Office,
    line: &Line,
    (call, contact): (&CallEntry, Peer),
    (thing, file): (Thing, MediaRef),
    at: Timestamp,
) -> Result<(), StoreError> {
    let until = at + Rulebook::beta().files.capture_lifetime.value;
    // A link is over by the time it is followed; a fresh one is asked for.
    let file = Some(MediaRef { url: None, ..file });
    let (line, call_id) = (line.id().clone(), call.id.clone());
    let owed = Collection { thing, line, call_id, contact, told_at: at, file, until, tries: 0 };
    office.store.owe_collection(owed).await
}

/// Fetches for ever.
pub(crate) async fn run(office: Arc<Office>) {
    let (mut work, mut under_way) = (FuturesUnordered::new(), BTreeSet::new());
    loop {
        match due(&office, &under_way).await {
            Ok(due) => {
                for owed in due {
                    under_way.insert((owed.recording_id(), owed.thing));
                    work.push(one(&office, owed));
                }
            }
            Err(error) => {
                tracing::error!(%error, "what the platform recorded is not fetched");
                sleep(AFTER_FAULT).await;
            }
        }
        match timeout(EVERY, work.next()).await {
            Ok(Some(done)) => drop(under_way.remove(&done)),
            Ok(None) => sleep(EVERY).await,
            Err(_) => {}
        }
    }
}

/// What is due and not under way, as much as there are seats for.
async fn due(
    office: &Office,
    under_way: &BTreeSet<(String, Thing)>,
) -> Result<Vec<Collection>, StoreError> {
    for (thing, waiting) in office.store.collections_waiting().await? {
        office.metrics.collections_waiting(thing.as_str(), waiting);
    }
    let free = FETCHED_MAX.saturating_sub(under_way.len());
    if free == 0 {
        return Ok(Vec::new());
    }
    // Those under way are due as well, until they are done.
    let mut due = office.store.collections_due(clock::now(), 2 * FETCHED_MAX).await?;
    due.retain(|owed| !under_way.contains(&(owed.recording_id(), owed.thing)));
    due.truncate(free);
    Ok(due)
}

/// Collects one, and says which.
async fn one(office: &Office, owed: Collection) -> (String, Thing) {
    let which = (owed.recording_id(), owed.thing);
    if let Err(error) = collect(office, owed).await {
        tracing::error!(%error, "what the platform recorded cannot be kept in the store");
        // It is still due: nobody asks the platform for it again at once.
        sleep(AFTER_FAULT).await;
    }
    which
}

/// One try.
async fn collect(office: &Office, owed: Collection) -> Result<(), StoreError> {
    let thing = owed.thing.as_str();
    let Some(file) = owed.file.clone() else {
        office.metrics.collection(thing, "never_told");
        return office.store.give_up_transcript(owed, NEVER_TOLD.to_owned()).await;
    };
    let done = match owed.thing {
        Thing::Recording => recording(office, &owed, &file).await,
        Thing::Transcript => transcript(office, &owed, &file).await,
    };
    let Err(fault) = done else {
        office.metrics.collection(thing, "done");
        return Ok(());
    };
    let (why, tries) = (fault.in_words(), owed.tries + 1);
    let is_over = clock::now() >= owed.until || fault.is_of_the_file() && tries >= TRIES_MAX;
    office.metrics.collection(thing, fault.as_str());
    if fault.is_early() {
        tracing::debug!(what = thing, tries, "it is fetched later");
    } else {
        tracing::warn!(what = thing, fault = fault.as_str(), tries, "it is not fetched");
    }
    if is_over {
        office.metrics.collection(thing, "given_up");
        tracing::error!(what = thing, fault = fault.as_str(), "it is never fetched");
        return give_up(office, owed, why).await;
    }
    let again_at = clock::now() + wait_after(owed.tries, WAIT_MAX);
    office.store.collection_missed(owed, why, again_at).await
}

async fn recording(office: &Office, owed: &Collection, file: &MediaRef) -> Result<(), FetchFault> {
    let line = line_of(office, owed)?;
    let cdr = record_of(office, owed).await?.ok_or(FetchFault::NoRecord)?;
    let taken = fetch::recording(office, line, &owed.recording_id(), file).await?;
    Ok(keep(office, owed, as_taken(office, owed, &cdr, taken)).await?)
}

async fn transcript(office: &Office, owed: &Collection, file: &MediaRef) -> Result<(), FetchFault> {
    let line = line_of(office, owed)?;
    let id = owed.recording_id();
    // Its words hang on its recording: they are not fetched before that is here.
    if office.store.recording(LineSet::one(&owed.line), id.clone()).await?.is_none() {
        return Err(FetchFault::NoRecording);
    }
    let kept = fetch::transcript(office, line, &id, file).await?;
    let is_kept = office.store.keep_collected_transcript(owed.clone(), kept, clock::now()).await?;
    if is_kept { Ok(()) } else { Err(FetchFault::NoRecording) }
}

fn line_of<'a>(office: &'a Office, owed: &Collection) -> Result<&'a Line, FetchFault> {
    let line = office.lines.iter().find(|line| *line.id() == owed.line);
    line.map(AsRef::as_ref).ok_or(FetchFault::NoLine)
}

async fn record_of(office: &Office, owed: &Collection) -> Result<Option<Cdr>, StoreError> {
    office.store.cdr(LineSet::one(&owed.line), owed.call_id.clone()).await
}

fn as_taken(office: &Office, owed: &Collection, cdr: &Cdr, taken: Taken) -> Recording {
    let Taken { lasts, mixed } = taken;
    // Nobody could say who spoke where both are in one: only the platform may write that down.
    let ours = transcription::wanted(office).filter(|_| !mixed);
    let theirs = is_transcribed(office).then_some(TranscriptState::Waiting);
    Recording {
        contact: cdr.contact.clone(),
        started_at: cdr.answered_at.unwrap_or(cdr.started_at),
        state: RecordingState::Ready,
        mixed,
        duration_ms: Some(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX)),
        transcript: theirs.or(ours),
        ..never_taken(owed)
    }
}

/// Whether the platform writes down what was said.
fn is_transcribed(office: &Office) -> bool {
    office.config.recording.by_platform.as_ref().is_some_and(|asked| asked.transcribes)
}

fn never_taken(owed: &Collection) -> Recording {
    Recording {
        recording_id: owed.recording_id(),
        phone_number_id: owed.line.clone(),
        call_id: owed.call_id.clone(),
        contact: owed.contact.clone(),
        kind: RecordingKind::Call,
        state: RecordingState::Failed,
        by_platform: true,
        mixed: false,
        why: None,
        started_at: owed.told_at,
        duration_ms: None,
        incomplete: false,
        announcement: None,
        pauses: Vec::new(),
        held: false,
        transcript: None,
    }
}

/// Whoever looks for it learns why it is not there.
async fn give_up(office: &Office, owed: Collection, why: String) -> Result<(), StoreError> {
    match owed.thing {
        Thing::Transcript => office.store.give_up_transcript(owed, why).await,
        Thing::Recording => {
            let cdr = record_of(office, &owed).await?;
            let mut failed = Recording { why: Some(why), ..never_taken(&owed) };
            if let Some(cdr) = cdr {
                failed.started_at = cdr.answered_at.unwrap_or(cdr.started_at);
                failed.contact = cdr.contact;
            }
            keep(office, &owed, failed).await
        }
    }
}

async fn keep(office: &Office, owed: &Collection, recording: Recording) -> Result<(), StoreError> {
    let path = recordings::path_in_bucket(office, &recording.recording_id);
    let now = clock::now();
    let waits = recording.transcript == Some(TranscriptState::Waiting) && is_transcribed(office);
    let written_until = waits.then_some(now + TRANSCRIPT_WITHIN);
    office.store.keep_collected(owed.clone(), recording, path, (now, written_until)).await
}
