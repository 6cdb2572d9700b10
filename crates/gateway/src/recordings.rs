//! What becomes of recordings once they are made?
//!
//! One that ran when the gateway died is ready up to where its files go. Those older than the
//! configuration says go, unless somebody holds them. Whoever reads one reads it through [`sides`], from
//! the disk or, once it was brought there, from the bucket.

use std::{io, sync::Arc, time::Duration};

use audio::opus;
use tokio::time::{MissedTickBehavior, interval};
use wire::event::{Recording, RecordingState};

use crate::{
    bucket::BucketFault,
    clock,
    office::Office,
    recorder::{Cut, OpenFault, Sides},
    store::{Deed, StoreError, There},
    transcription,
};

/// How often old ones are looked for.
const EVERY: Duration = Duration::from_secs(60);

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault {
    /// Its files.
    #[error(transparent)]
    Open(#[from] OpenFault),
    /// The bucket it lies in.
    #[error(transparent)]
    Bucket(#[from] BucketFault),
    /// It lies in a bucket, and none is configured.
    #[error("the recording lies in a bucket, and none is configured")]
    NoBucket,
    /// The store does not say where it lies.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a recording is not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoveFault {
    /// Its files here.
    #[error("a recording's files cannot be removed")]
    Files(#[source] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a recording as it is.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn keep(office: &Office, recording: Recording) -> Result<(), StoreError> {
    let path = path_in_bucket(office, &recording.recording_id);
    office.store.keep_recording(recording, path, clock::now()).await
}

/// Where a recording goes in the bucket, if there is one.
pub(crate) fn path_in_bucket(office: &Office, id: &str) -> Option<String> {
    office.bucket.as_ref().map(|bucket| format!("{}{id}", bucket.prefix()))
}

/// Ends what a dead gateway left running.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn end_left_behind(office: &Office) -> Result<(), StoreError> {
    for mut recording in office.store.recordings_left_behind().await? {
        recording.state = RecordingState::Ready;
        recording.transcript = transcription::wanted(office);
        recording.incomplete = true;
        // Without its key it is not known how long it plays; whoever hears it later counts again.
        recording.duration_ms = match lasts(office, &recording).await {
            Ok(lasts) => Some(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX)),
            Err(fault) => {
                tracing::error!(%fault, "a recording that was left behind cannot be read");
                None
            }
        };
        keep(office, recording).await?;
    }
    Ok(())
}

/// Removes old ones for ever.
pub(crate) async fn run(office: Arc<Office>) {
    let Some(keep) = office.config.recording.keep else { return };
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = sweep(&office, keep).await {
            tracing::error!(%error, "old recordings are not removed");
        }
    }
}

async fn sweep(office: &Office, keep: Duration) -> Result<(), StoreError> {
    for recording in office.store.recordings_before(clock::now() - keep).await? {
        match remove(office, &recording, None).await {
            Ok(()) => {}
            Err(RemoveFault::Store(error)) => return Err(error),
            Err(fault @ RemoveFault::Files(_)) => tracing::error!(%fault, "it stays"),
        }
    }
    Ok(())
}

/// Removes a recording's files, then its row: a row without files would be a promise. What lies in the
/// bucket is owed to go from then on.
///
/// # Errors
///
/// [`RemoveFault`]: the row is still there.
pub(crate) async fn remove(
    office: &Office,
    recording: &Recording,
    deed: Option<Deed>,
) -> Result<(), RemoveFault> {
    let folder = office.recorder.folder_of(&recording.recording_id);
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await;
    match removed.map_err(io::Error::from).flatten() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(RemoveFault::Files(error));
        }
        Ok(()) | Err(_) => {}
    }
    Ok(office.store.forget_recording(recording.recording_id.clone(), deed).await?)
}

/// The sides of a recording: of one that is incomplete as far as they go, else all or nothing.
///
/// # Errors
///
/// [`ReadFault`].
pub(crate) async fn sides(office: &Office, recording: &Recording) -> Result<Sides, ReadFault> {
    let id = &recording.recording_id;
    let cut = if recording.incomplete { Cut::Read } else { Cut::Refused };
    let (recorder, here) = (office.recorder.clone(), id.clone());
    let opened = off_thread(move || recorder.open(&here, cut)).await;
    // Asked after the files were opened: they go only once the store says that they lie in the bucket.
    let Some(there) = office.store.in_bucket(id.clone()).await? else { return Ok(opened?) };
    let files = fetched(office, &there).await?;
    let (recorder, id) = (office.recorder.clone(), id.clone());
    Ok(off_thread(move || recorder.read(&id, files, cut)).await?)
}

async fn fetched(office: &Office, there: &There) -> Result<[Option<std::fs::File>; 2], ReadFault> {
    let bucket = office.bucket.as_ref().ok_or(ReadFault::NoBucket)?;
    Ok(bucket.fetch(&there.path, &there.files, office.recorder.folder()).await?)
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenFault> + Send + 'static,
) -> Result<T, OpenFault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| OpenFault::Read(error.into()))?
}

/// How long a recording plays; its files say where nobody wrote it down.
///
/// # Errors
///
/// [`ReadFault`].
pub(crate) async fn lasts(office: &Office, recording: &Recording) -> Result<Duration, ReadFault> {
    if let Some(ms) = recording.duration_ms {
        return Ok(Duration::from_millis(ms));
    }
    let sides = sides(office, recording).await?;
    Ok(off_thread(move || Ok(longest(sides))).await?)
}

fn longest(sides: Sides) -> Duration {
    let side = |packets: Option<_>| {
        let packets: audio::pages::Packets<_> = packets?;
        let samples: usize = packets.filter_map(|packet| opus::packet_samples(&packet)).sum();
        Some(Duration::from_micros(samples as u64 * 1_000 / 48))
    };
    sides.into_iter().filter_map(side).max().unwrap_or_default()
}
