//! How is what was said in recordings written down?
//!
//! One recording at a time. Its row waits in the store until it is written down or was tried too
//! often, so a gateway that was killed goes on where it was. [`voices`] makes a file of each voice,
//! [`listen`] asks whoever the business named.

mod listen;
mod try_out;
mod voices;

use std::{io, sync::Arc, time::Duration};

use reqwest::Client;
use terms::Timestamp;
use tokio::time::sleep;
use wire::{
    event::TranscriptState,
    transcript::Transcript,
    voices::{VoiceFault, joined},
};

use self::{
    listen::ListenFault,
    voices::{Voices, VoicesFault},
};
pub(crate) use try_out::try_out;

use crate::{
    clock,
    config::Transcription,
    office::Office,
    outbox::deliver,
    recorder::OpenFault,
    recordings::{self, ReadFault},
    store::{StoreError, Untranscribed},
};

/// How often it is looked for work.
const EVERY: Duration = Duration::from_secs(1);
/// How long nobody is asked after the store failed: what was understood may be asked for again.
const AFTER_FAULT: Duration = Duration::from_secs(60);

/// Why what waited has failed.
const NOBODY: &str = "There is no [transcription] in the configuration any more.";
/// Later than whatever is due, in Unix seconds: the end of the year 9999.
const EVER: i64 = 253_402_300_799;

/// Why nobody wrote down what was said.
#[derive(Debug, thiserror::Error)]
enum TranscriptionFault {
    #[error("the voices cannot be read")]
    Open(#[from] ReadFault),
    #[error(transparent)]
    Voices(#[from] VoicesFault),
    #[error(transparent)]
    Said(#[from] VoiceFault),
    #[error(transparent)]
    Listen(#[from] ListenFault),
    #[error("what was said cannot be kept")]
    Keep(#[source] io::Error),
}

/// How a recording that is ready begins: it waits where somebody writes down what was said.
pub(crate) fn wanted(office: &Office) -> Option<TranscriptState> {
    office.config.transcription.as_ref().map(|_| TranscriptState::Waiting)
}

/// Writes down what is said, for ever.
pub(crate) async fn run(office: Arc<Office>) {
    let Some(transcription) = &office.config.transcription else { return give_up(&office).await };
    let client = match deliver::client(transcription.timeout) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "nothing is written down");
            return;
        }
    };
    loop {
        match next(&office, transcription, &client).await {
            Ok(true) => {}
            Ok(false) => sleep(EVERY).await,
            Err(error) => {
                tracing::error!(%error, "what is said cannot be read or kept in the store");
                sleep(AFTER_FAULT).await;
            }
        }
    }
}

/// What waits while nobody writes anything down is not waited for.
async fn give_up(office: &Office) {
    let given_up = async {
        let ever = Timestamp::from_unix(EVER);
        while let Some(due) = office.store.next_untranscribed(ever).await? {
            office.store.miss_transcript(due.recording, NOBODY.to_owned(), None).await?;
            office.metrics.transcript("failed");
        }
        Ok::<(), StoreError>(())
    };
    if let Err(error) = given_up.await {
        tracing::error!(%error, "recordings wait for a transcriber that is not there");
    }
}

/// Writes down the next that is due; whether there was one.
async fn next(
    office: &Office,
    transcription: &Transcription,
    client: &Client,
) -> Result<bool, StoreError> {
    let Some(due) = office.store.next_untranscribed(clock::now()).await? else { return Ok(false) };
    match written(office, transcription, client, &due).await {
        Ok(kept) => {
            office.store.keep_transcript(due.recording, kept, clock::now()).await?;
            office.metrics.transcript("ready");
        }
        Err(fault) => {
            let tried = usize::try_from(due.tries).unwrap_or(usize::MAX);
            let again_at = transcription.retries.get(tried).map(|&wait| clock::now() + wait);
            office.metrics.transcript(if again_at.is_some() { "again" } else { "failed" });
            let why = in_words(&fault);
            tracing::warn!(why, tries = due.tries + 1, "a recording is not written down");
            office.store.miss_transcript(due.recording, why, again_at).await?;
        }
    }
    Ok(true)
}

/// What was said in a recording, from how it was kept.
///
/// # Errors
///
/// [`OpenFault`].
pub(crate) fn read(office: &Office, id: &str, kept: Vec<u8>) -> Result<Transcript, OpenFault> {
    let text = office.recorder.unseal(id, kept)?;
    serde_json::from_slice(&text).map_err(|error| OpenFault::Read(error.into()))
}

/// What is said in a recording, as it is to be kept.
async fn written(
    office: &Office,
    transcription: &Transcription,
    client: &Client,
    due: &Untranscribed,
) -> Result<Vec<u8>, TranscriptionFault> {
    let lasts = recordings::lasts(office, &due.recording).await?;
    let sides = recordings::sides(office, &due.recording).await?;
    let folder = office.recorder.folder_of(&due.recording.recording_id);
    let voices = Voices::write(folder, sides, lasts).await?;
    let mut said = [Vec::new(), Vec::new()];
    for (said, file) in said.iter_mut().zip(voices.files()) {
        if let Some(file) = file {
            *said = listen::listen(transcription, client, file, lasts).await?;
        }
    }
    let duration = lasts.as_secs_f64();
    let transcript = Transcript { duration, ..joined(&said, duration)? };
    let text = serde_json::to_vec(&transcript).map_err(io::Error::from);
    let id = &due.recording.recording_id;
    text.and_then(|text| office.recorder.seal(id, text)).map_err(TranscriptionFault::Keep)
}

/// A fault and its causes; none of them holds what was said, or a file's or endpoint's name.
fn in_words(fault: &TranscriptionFault) -> String {
    let first: Option<&dyn std::error::Error> = Some(fault);
    let chain = std::iter::successors(first, |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
