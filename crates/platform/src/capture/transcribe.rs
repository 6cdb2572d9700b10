//! What was said, in writing?
//!
//! The operator's transcriber runs once for each voice: it gets the path of a WAV file (16 kHz, one
//! channel) and prints plain text, or a JSON object with the fields of the fact sheet's `transcript`.
//! Whose voice it is we know, so both become the segments of one document. Without a transcriber, or
//! when it fails, the document comes with an empty text, as for a language that is not known (fact
//! sheet 12.2).

use std::{path::Path, time::Duration};

use terms::Timestamp;
use wire::{
    transcript::{TranscribedAudio, Transcript, TranscriptDocument, TranscriptMetadata},
    voices::joined,
};

use super::{
    Tools,
    command::Run,
    finish::{FinishFault, Sides, WAV_RATE},
    scratch::Folder,
};
use crate::api::chain;

/// The time a transcriber has for any call; a long call gets its own length on top.
const LIMIT: Duration = Duration::from_secs(120);

/// The longest output: hours of words with their times.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The document of a call. Blocks; belongs on a worker.
pub(super) fn document(tools: &Tools, sides: &Sides, now: Timestamp) -> TranscriptDocument {
    let duration = sides.lasts.as_secs_f64();
    let said = tools.transcriber.as_deref().and_then(|command| run(command, tools, sides));
    let transcript = said.map(|said| joined(&said, duration)).transpose();
    let transcript =
        transcript.inspect_err(|error| tracing::warn!(%error, "nothing is written down"));
    let transcript = transcript.ok().flatten().unwrap_or_default();
    TranscriptDocument {
        metadata: TranscriptMetadata {
            processed_at: now.to_string(),
            audio: TranscribedAudio {
                duration,
                sample_rate: WAV_RATE,
                channels: 2,
                audio_format: "stereo".to_owned(),
            },
        },
        transcript: Transcript { duration, ..transcript },
    }
}

/// What the command says of each voice; of one it fails at, nothing.
fn run(command: &str, tools: &Tools, sides: &Sides) -> Option<[Vec<u8>; 2]> {
    let written = tools.scratch.folder().map_err(FinishFault::Wav).and_then(|folder| {
        let paths = write(&folder, sides)?;
        Ok((folder, paths))
    });
    let (_folder, paths) = written
        .inspect_err(|fault| tracing::error!(fault = %chain(fault), "no transcript"))
        .ok()?;
    Some(paths.map(|path| path.and_then(|path| listen(command, &path, sides)).unwrap_or_default()))
}

/// Writes both voices; says where each lies, if a command can be told.
fn write(folder: &Folder, sides: &Sides) -> Result<[Option<String>; 2], FinishFault> {
    let (business, business_path) = folder.file("business.wav").map_err(FinishFault::Wav)?;
    let (user, user_path) = folder.file("customer.wav").map_err(FinishFault::Wav)?;
    sides.write_wavs([business, user])?;
    let text = |path: &Path| path.to_str().map(str::to_owned);
    Ok([text(&business_path), text(&user_path)])
}

fn listen(command: &str, path: &str, sides: &Sides) -> Option<Vec<u8>> {
    // The path stands where the command says `{wav}`, else at its end.
    let at_its_end = if command.contains("{wav}") { "" } else { " {wav}" };
    let output = Run {
        command: &format!("{command}{at_its_end}"),
        fill: &[("wav", path)],
        input: &[],
        limit: LIMIT + sides.lasts,
        bytes_max: BYTES_MAX,
    }
    .output();
    output.inspect_err(|fault| tracing::warn!(fault = %chain(fault), "no transcript")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides() -> Sides {
        Sides { lasts: Duration::from_millis(1_500), ..Sides::default() }
    }

    fn of(command: Option<&str>) -> TranscriptDocument {
        let transcriber = command.map(str::to_owned);
        let scratch = crate::capture::Scratch::open(None).unwrap();
        let tools = Tools { speech: None, transcriber, scratch };
        document(&tools, &sides(), Timestamp::from_unix(1_783_000_000))
    }

    #[test]
    fn without_a_transcriber_the_text_is_empty() {
        let json = serde_json::to_value(of(None)).unwrap();
        assert_eq!(json["transcript"]["text"], "");
        assert_eq!(json["transcript"]["segments"], serde_json::json!([]));
        let audio = &json["metadata"]["audio"];
        assert_eq!((&audio["sample_rate"], &audio["channels"]), (&16_000.into(), &2.into()));
        assert_eq!((&audio["audio_format"], &audio["duration"]), (&"stereo".into(), &1.5.into()));
        assert!(json["metadata"]["processed_at"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn plain_text_becomes_a_segment_of_each_voice() {
        let said = of(Some("head -c 4 {wav}")).transcript;
        assert_eq!(said.text, "[Business] RIFF [Customer] RIFF");
        let segments: Vec<_> = said
            .segments
            .iter()
            .map(|it| (it.id, &*it.speaker, it.channel, it.start, it.end, &*it.text))
            .collect();
        let (business, customer) =
            ((0, "Business", 0, 0.0, 1.5, "RIFF"), (1, "Customer", 1, 0.0, 1.5, "RIFF"));
        assert_eq!(segments, [business, customer]);
        let counted = of(Some("wc -c")).transcript.text;
        assert!(counted.starts_with("[Business] 48044 "), "1.5 s of one channel: {counted}");
        for nothing in ["false", "true"] {
            let said = of(Some(nothing)).transcript;
            assert_eq!((&*said.text, said.segments.len()), ("", 0), "{nothing}");
        }
    }
}
