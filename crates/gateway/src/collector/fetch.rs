//! How is one file fetched, and is it what the platform told of?

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::{sync::mpsc, task::JoinError};
use wire::{transcript::Transcript, webhook::MediaRef};

use crate::{
    graph::media::{Download, MediaFault},
    line::Line,
    office::Office,
    recorder::{Intake, IntakeFault, Taken},
    store::StoreError,
};

/// The longest recording that is taken: hours of two voices have a tenth of it.
const RECORDING_MAX: u64 = 256 * 1024 * 1024;
/// The longest transcript: hours of words with their times.
const TRANSCRIPT_MAX: u64 = 16 * 1024 * 1024;
/// How many pieces may wait for the disk.
const PIECES_MAX: usize = 8;

/// Why something is not here yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchFault {
    #[error(transparent)]
    Media(#[from] MediaFault),
    #[error(transparent)]
    Intake(#[from] IntakeFault),
    #[error("the platform does not say what the file hashes to")]
    Sum,
    #[error("what came is no transcript")]
    Words,
    #[error("the call has no record yet")]
    NoRecord,
    #[error("its recording is not here yet")]
    NoRecording,
    #[error("its number is not configured any more")]
    NoLine,
    #[error("it cannot be kept in the store")]
    Store(#[from] StoreError),
    #[error("it was not taken to its end")]
    Cut(#[from] JoinError),
}

impl FetchFault {
    /// Whether it is of the file itself, so that another try would hardly fare better.
    pub(super) fn is_of_the_file(&self) -> bool {
        match self {
            Self::Media(MediaFault::Gone(_) | MediaFault::TooMuch(_))
            | Self::Intake(IntakeFault::Changed | IntakeFault::Sound(_))
            | Self::Sum
            | Self::Words => true,
            Self::Media(MediaFault::Unreachable | MediaFault::Refused(_) | MediaFault::Link)
            | Self::Intake(IntakeFault::Disk(_))
            | Self::NoRecord
            | Self::NoRecording
            | Self::NoLine
            | Self::Store(_)
            | Self::Cut(_) => false,
        }
    }

    /// Whether what it belongs to is not here yet, as happens where webhooks overtake each other.
    pub(super) fn is_early(&self) -> bool {
        matches!(self, Self::NoRecord | Self::NoRecording)
    }

    /// One word of ours.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Media(MediaFault::Unreachable) => "unreachable",
            Self::Media(MediaFault::Refused(_)) => "refused",
            Self::Media(MediaFault::Gone(_)) => "gone",
            Self::Media(MediaFault::Link) => "link",
            Self::Media(MediaFault::TooMuch(_)) => "too_long",
            Self::Intake(IntakeFault::Changed) => "changed",
            Self::Intake(IntakeFault::Sound(_)) | Self::Words | Self::Sum => "unreadable",
            Self::Intake(IntakeFault::Disk(_)) => "disk",
            Self::NoRecord | Self::NoRecording => "too_early",
            Self::NoLine => "no_number",
            Self::Store(_) => "store",
            Self::Cut(_) => "cut",
        }
    }

    /// The fault and its causes; none of them holds an address or what was said.
    pub(super) fn in_words(&self) -> String {
        let first: Option<&dyn std::error::Error> = Some(self);
        let chain = std::iter::successors(first, |error| error.source());
        chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}

/// Fetches a recording and takes it apart.
pub(super) async fn recording(
    office: &Office,
    line: &Line,
    id: &str,
    file: &MediaRef,
) -> Result<Taken, FetchFault> {
    let sum = sum_of(file)?;
    let mut download = line.graph.fetch_media(&file.id, RECORDING_MAX).await?;
    let (recorder, id) = (office.recorder.clone(), id.to_owned());
    let (pieces, mut waiting) = mpsc::channel(PIECES_MAX);
    let taking = tokio::task::spawn_blocking(move || {
        let mut intake: Intake = recorder.intake(id).map_err(IntakeFault::Disk)?;
        while let Some(piece) = waiting.blocking_recv() {
            let Some(piece): Option<axum::body::Bytes> = piece else {
                return intake.finish(&sum).map(Some);
            };
            intake.take(&piece)?;
        }
        // Whoever fetched gave up before the end.
        Ok(None)
    });
    let came = hand_on(&mut download, pieces).await;
    let taken = taking.await?;
    came?;
    Ok(taken?.ok_or(MediaFault::Unreachable)?)
}

/// Hands all pieces on, and `None` at the end; whoever takes them may stop.
async fn hand_on(
    download: &mut Download,
    pieces: mpsc::Sender<Option<axum::body::Bytes>>,
) -> Result<(), MediaFault> {
    loop {
        let piece = download.next_piece().await?;
        let is_last = piece.is_none();
        if pieces.send(piece).await.is_err() || is_last {
            return Ok(());
        }
    }
}

/// Fetches what was said, as it is to be kept.
pub(super) async fn transcript(
    office: &Office,
    line: &Line,
    id: &str,
    file: &MediaRef,
) -> Result<Vec<u8>, FetchFault> {
    let sum = sum_of(file)?;
    let mut download = line.graph.fetch_media(&file.id, TRANSCRIPT_MAX).await?;
    let mut document = Vec::new();
    while let Some(piece) = download.next_piece().await? {
        document.extend_from_slice(&piece);
    }
    if Sha256::digest(&document).as_slice() != sum {
        return Err(IntakeFault::Changed.into());
    }
    let Document { transcript } =
        serde_json::from_slice(&document).map_err(|_| FetchFault::Words)?;
    let text = serde_json::to_vec(&transcript).map_err(|_| FetchFault::Words)?;
    Ok(office.recorder.seal(id, text).map_err(IntakeFault::Disk)?)
}

/// What we need of the platform's document.
#[derive(Deserialize)]
struct Document {
    transcript: Transcript,
}

/// What the file hashes to: in base64 as webhooks write it, or in hexadecimal as the API does.
fn sum_of(file: &MediaRef) -> Result<[u8; 32], FetchFault> {
    let text = file.sha256.as_bytes();
    if text.len() != 64 {
        let sum = BASE64_STANDARD.decode(text).ok();
        return sum.and_then(|sum| sum.try_into().ok()).ok_or(FetchFault::Sum);
    }
    let digit = |letter: u8| char::from(letter).to_digit(16);
    let mut sum = [0; 32];
    let (pairs, _) = text.as_chunks::<2>();
    for (byte, [high, low]) in sum.iter_mut().zip(pairs) {
        let both = digit(*high).zip(digit(*low)).ok_or(FetchFault::Sum)?;
        *byte = u8::try_from(both.0 << 4 | both.1).map_err(|_| FetchFault::Sum)?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_in_either_writing_and_nothing_else_is_one() {
        let sum = |text: &str| {
            let file = MediaRef {
                id: "1002700000000002".parse().unwrap(),
                sha256: text.to_owned(),
                mime_type: String::new(),
                url: None,
            };
            sum_of(&file).ok()
        };
        let hash: [u8; 32] = Sha256::digest(b"OggS").into();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((sum(&hex), sum(&BASE64_STANDARD.encode(hash))), (Some(hash), Some(hash)));
        for no in ["", "base64…=", &hex[2..], &hex.replace(&hex[..1], "g")] {
            assert_eq!(sum(no), None, "{no}");
        }
    }
}
