//! What becomes of recordings once they are made?
//!
//! One that ran when the gateway died is ready up to where its files go. Those older than the
//! configuration says go, unless somebody holds them. Whoever reads one reads it through [`sides`].

use std::{sync::Arc, time::Duration};

use audio::opus;
use tokio::time::{MissedTickBehavior, interval};
use wire::event::{Recording, RecordingState};

use crate::{
    clock,
    office::Office,
    recorder::{Cut, OpenFault, Sides},
    store::{Deed, StoreError},
    transcription,
};

/// How often old ones are looked for.
const EVERY: Duration = Duration::from_secs(60);

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
        office.store.keep_recording(recording, clock::now()).await?;
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
        remove(office, &recording, None).await?;
    }
    Ok(())
}

/// Removes a recording's files, then its row: a row without files would be a promise.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn remove(
    office: &Office,
    recording: &Recording,
    deed: Option<Deed>,
) -> Result<(), StoreError> {
    let folder = office.recorder.folder_of(&recording.recording_id);
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await;
    if let Ok(Err(error)) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::error!(%error, "a recording's files cannot be removed");
        return Ok(());
    }
    office.store.forget_recording(recording.recording_id.clone(), deed).await
}

/// The sides of a recording: of one that is incomplete as far as they go, else all or nothing.
///
/// # Errors
///
/// [`OpenFault`].
pub(crate) async fn sides(office: &Office, recording: &Recording) -> Result<Sides, OpenFault> {
    let (recorder, id) = (office.recorder.clone(), recording.recording_id.clone());
    let cut = if recording.incomplete { Cut::Read } else { Cut::Refused };
    let opened = tokio::task::spawn_blocking(move || recorder.open(&id, cut)).await;
    opened.map_err(|error| OpenFault::Read(error.into()))?
}

/// How long a recording plays; its files say where nobody wrote it down.
///
/// # Errors
///
/// [`OpenFault`].
pub(crate) async fn lasts(office: &Office, recording: &Recording) -> Result<Duration, OpenFault> {
    if let Some(ms) = recording.duration_ms {
        return Ok(Duration::from_millis(ms));
    }
    let sides = sides(office, recording).await?;
    let longest = tokio::task::spawn_blocking(move || longest(sides)).await;
    longest.map_err(|error| OpenFault::Read(error.into()))
}

fn longest(sides: Sides) -> Duration {
    let side = |packets: Option<_>| {
        let packets: audio::pages::Packets<_> = packets?;
        let samples: usize = packets.filter_map(|packet| opus::packet_samples(&packet)).sum();
        Some(Duration::from_micros(samples as u64 * 1_000 / 48))
    };
    sides.into_iter().filter_map(side).max().unwrap_or_default()
}
