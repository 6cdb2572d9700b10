//! What does one voice say?
//!
//! A command gets the path of its file, an endpoint the file itself. Both answer plain text, or the
//! JSON object of [`wire::transcript::Transcript`].

use std::{path::Path, time::Duration};

use axum::body::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use reqwest::{Body, Client, RequestBuilder, StatusCode, header};
use tokio::{fs::File, io::AsyncReadExt as _};

use crate::{
    command::{CommandFault, Leash, Run},
    config::{Transcriber, Transcription},
};

/// The longest answer: hours of words with their times.
const ANSWER_MAX: usize = 16 * 1024 * 1024;
/// Bytes of the file that are sent at a time.
const PIECE: usize = 64 * 1024;
/// Where the path stands among a command's words.
const PLACE: &str = "{wav}";

/// Why a voice was not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListenFault {
    #[error("the transcriber failed")]
    Command(#[source] CommandFault),
    #[error("the voice cannot be read")]
    Read(#[source] std::io::Error),
    #[error("the transcriber cannot be asked")]
    Ask(#[source] reqwest::Error),
    #[error("the transcriber answered {0}")]
    Refused(StatusCode),
    #[error("the transcriber answered more than {ANSWER_MAX} bytes")]
    TooMuch,
    #[error("the voice's path is no text")]
    Path,
    #[error("the gateway stops")]
    Stopped,
}

/// Asks whoever listens what is said in this file, which plays that long.
pub(super) async fn listen(
    transcription: &Transcription,
    client: &Client,
    wav: &Path,
    lasts: Duration,
) -> Result<Vec<u8>, ListenFault> {
    let limit = transcription.timeout + lasts;
    match &transcription.by {
        Transcriber::Command(words) => command(words, wav, limit).await,
        Transcriber::Endpoint { url, token } => {
            let request = client.post(url.clone()).timeout(limit);
            let request = match token {
                Some(token) => request.bearer_auth(token.expose()),
                None => request,
            };
            endpoint(request, wav).await
        }
    }
}

async fn command(words: &[String], wav: &Path, limit: Duration) -> Result<Vec<u8>, ListenFault> {
    let words = filled(words, wav.to_str().ok_or(ListenFault::Path)?);
    // Whoever stops the gateway does not wait for the command.
    let leash = Leash::default();
    let held = leash.held();
    let work = tokio::task::spawn_blocking(move || {
        Run { words: &words, input: &[], limit, bytes_max: ANSWER_MAX }.output(&held)
    });
    let output = work.await.map_err(|_| ListenFault::Stopped)?;
    drop(leash);
    output.map_err(ListenFault::Command)
}

/// The words with the path where it belongs.
fn filled(words: &[String], wav: &str) -> Vec<String> {
    let at_its_end = !words.iter().any(|word| word.contains(PLACE));
    let words = words.iter().map(|word| word.replace(PLACE, wav));
    words.chain(at_its_end.then(|| wav.to_owned())).collect()
}

async fn endpoint(request: RequestBuilder, wav: &Path) -> Result<Vec<u8>, ListenFault> {
    let file = File::open(wav).await.map_err(ListenFault::Read)?;
    let length = file.metadata().await.map_err(ListenFault::Read)?.len();
    let pieces = stream::try_unfold(file, |mut file| async {
        let mut piece = vec![0; PIECE];
        let count = file.read(&mut piece).await?;
        piece.truncate(count);
        let frame = Frame::data(Bytes::from(piece));
        Ok::<_, std::io::Error>((count > 0).then_some((frame, file)))
    });
    let request = request
        .header(header::CONTENT_TYPE, "audio/wav")
        .header(header::CONTENT_LENGTH, length)
        .body(Body::wrap(StreamBody::new(pieces)));
    let ask = |error: reqwest::Error| ListenFault::Ask(error.without_url());
    let mut response = request.send().await.map_err(ask)?;
    if !response.status().is_success() {
        return Err(ListenFault::Refused(response.status()));
    }
    let mut answer = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(ask)? {
        if answer.len() + piece.len() > ANSWER_MAX {
            return Err(ListenFault::TooMuch);
        }
        answer.extend_from_slice(&piece);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_stands_where_the_words_say_else_at_the_end() {
        for (words, expected) in [
            (["x", "-f"].as_slice(), ["x", "-f", "/a b.wav"].as_slice()),
            (&["x", "{wav}", "-q"], &["x", "/a b.wav", "-q"]),
            (&["x", "--file={wav}"], &["x", "--file=/a b.wav"]),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(filled(&words, "/a b.wav"), expected);
        }
    }
}
