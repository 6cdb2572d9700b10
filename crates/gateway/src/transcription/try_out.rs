//! Does whoever is to write down what was said do it?

use std::{
    io::{BufWriter, Write as _},
    time::Duration,
};

use audio::export;
use tempfile::NamedTempFile;
use wire::voices::joined;

use super::{ListenFault, TranscriptionFault, in_words, listen::listen, voices::VoicesFault};
use crate::{config::Transcription, outbox::deliver};

/// What is given to be written down: silence.
const SILENCE: Duration = Duration::from_secs(1);
/// The longest anybody waits for a doctor.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Has a second of silence written down; or why it was not.
///
/// # Errors
///
/// Why, in words that hold no name of a file or an endpoint.
pub(crate) async fn try_out(transcription: &Transcription) -> Result<(), String> {
    tried(transcription).await.map_err(|fault| in_words(&fault))
}

async fn tried(transcription: &Transcription) -> Result<(), TranscriptionFault> {
    let timeout = transcription.timeout.min(ANSWER_WITHIN);
    let transcription = Transcription { timeout, ..transcription.clone() };
    let wav = tokio::task::spawn_blocking(silence).await;
    let wav = wav.map_err(|_| TranscriptionFault::Listen(ListenFault::Stopped))??;
    let client = deliver::client(timeout).map_err(std::io::Error::other);
    let client = client.map_err(TranscriptionFault::Keep)?;
    let said = listen(&transcription, &client, wav.path(), SILENCE).await?;
    joined(&[Vec::new(), said], SILENCE.as_secs_f64())?;
    Ok(())
}

fn silence() -> Result<NamedTempFile, VoicesFault> {
    let file = tempfile::Builder::new().prefix("offhook-").suffix(".wav").tempfile();
    let file = file.map_err(VoicesFault::Write)?;
    let mut wav = BufWriter::new(file.as_file());
    export::write_voice(std::iter::empty(), SILENCE, &mut wav).map_err(VoicesFault::Decode)?;
    wav.flush().map_err(VoicesFault::Write)?;
    drop(wav);
    Ok(file)
}
