//! What was said, in writing?
//!
//! The operator's transcriber gets the path of a WAV file (16 kHz, channel 0 the business, 1 the
//! user) and prints plain text, or a JSON object with the fields of the fact sheet's `transcript`.
//! Without one, or when it fails, the document comes with an empty text, as for a language that is
//! not known (fact sheet 12.2).

use std::time::Duration;

use terms::Timestamp;
use wire::transcript::{TranscribedAudio, Transcript, TranscriptDocument, TranscriptMetadata};

use super::{
    command::Run,
    finish::{Sides, WAV_RATE},
};
use crate::api::chain;

/// The time a transcriber has for any call; a long call gets its own length on top.
const LIMIT: Duration = Duration::from_secs(120);

/// The longest output: hours of words with their times.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The document of a call. Blocks; belongs on a worker.
pub(super) fn document(
    transcriber: Option<&str>,
    sides: &Sides,
    now: Timestamp,
) -> TranscriptDocument {
    let duration = sides.lasts.as_secs_f64();
    let said = transcriber.and_then(|command| run(command, sides)).unwrap_or_default();
    let transcript = Transcript { duration, ..read(&said) };
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
        transcript,
    }
}

fn run(command: &str, sides: &Sides) -> Option<Vec<u8>> {
    let name = format!("offhook-{}.wav", uuid::Uuid::new_v4().simple());
    let path = std::env::temp_dir().join(name);
    let said = write_and_run(command, sides, &path);
    if let Err(fault) = std::fs::remove_file(&path) {
        tracing::debug!(%fault, "no WAV file to remove");
    }
    said
}

fn write_and_run(command: &str, sides: &Sides, path: &std::path::Path) -> Option<Vec<u8>> {
    let written = sides.write_wav(path);
    if let Err(fault) = &written {
        tracing::error!(fault = %chain(fault), "no transcript");
        return None;
    }
    let path = path.to_str()?;
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

/// JSON, or plain text.
fn read(said: &[u8]) -> Transcript {
    let text = String::from_utf8_lossy(said);
    let text = text.trim();
    let as_json = || serde_json::from_str::<Transcript>(text).ok();
    let Some(mut read) = text.starts_with('{').then(as_json).flatten() else {
        return Transcript { text: text.to_owned(), ..Transcript::default() };
    };
    for (nth, segment) in (0..).zip(&mut read.segments) {
        segment.id = nth;
        // Whoever knows the channel knows the speaker, and the other way round.
        if segment.speaker.is_empty() {
            segment.speaker = speaker(segment.channel).to_owned();
        }
        segment.channel = u8::from(segment.speaker != speaker(0));
    }
    if read.text.is_empty() {
        let lines = read.segments.iter().map(|it| format!("[{}] {}", it.speaker, it.text.trim()));
        read.text = lines.collect::<Vec<_>>().join(" ");
    }
    read
}

fn speaker(channel: u8) -> &'static str {
    if channel == 0 { "Business" } else { "Customer" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides() -> Sides {
        Sides { lasts: Duration::from_millis(1_500), ..Sides::default() }
    }

    #[test]
    fn without_a_transcriber_the_text_is_empty() {
        let document = document(None, &sides(), Timestamp::from_unix(1_783_000_000));
        let json = serde_json::to_value(&document).unwrap();
        assert_eq!(json["transcript"]["text"], "");
        assert_eq!(json["transcript"]["segments"], serde_json::json!([]));
        let audio = &json["metadata"]["audio"];
        assert_eq!((&audio["sample_rate"], &audio["channels"]), (&16_000.into(), &2.into()));
        assert_eq!((&audio["audio_format"], &audio["duration"]), (&"stereo".into(), &1.5.into()));
        assert!(json["metadata"]["processed_at"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_command_gets_the_file_and_says_text_or_json() {
        let of = |command: &str| document(Some(command), &sides(), Timestamp::from_unix(1));
        assert!(of("wc -c").transcript.text.starts_with("96044 "), "1.5 s of two channels");
        assert!(of("head -c 4 {wav}").transcript.text.starts_with("RIFF"));
        assert_eq!(of("false").transcript.text, "");
    }

    #[test]
    fn segments_get_their_numbers_speakers_and_text() {
        let said = br#"{"language":"pt","confidence":0.9,"segments":[
            {"channel":1,"start":0.1,"end":0.9,"text":" oi "},
            {"speaker":"Business","channel":7,"start":1.0,"end":1.4,"text":"bom dia"}]}"#;
        let transcript = read(said);
        assert_eq!(transcript.text, "[Customer] oi [Business] bom dia");
        assert_eq!((transcript.segments[1].id, transcript.segments[1].channel), (1, 0));
        assert_eq!(transcript.language, "pt");
        assert_eq!(read(b"{not json").text, "{not json");
    }
}
