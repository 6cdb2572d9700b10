//! How does what a transcriber says of two voices become one transcript?
//!
//! It is run once for each voice and says plain text, or a JSON object with the fields of
//! [`Transcript`]. Whose voice it was we know.

use crate::transcript::{Transcript, TranscriptSegment};

/// Who speaks on which channel.
const SPEAKERS: [&str; 2] = ["Business", "Customer"];

/// What a transcriber said is no transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the transcriber's JSON cannot be read at line {line}, column {column}")]
pub struct VoiceFault {
    /// Where.
    pub line: usize,
    /// Where in it; nothing of what stands there, for those are somebody's words.
    pub column: usize,
}

/// Both voices, the business first, in one transcript in order of time; it lasts so many seconds.
///
/// # Errors
///
/// [`VoiceFault`]: what begins as an object is none.
pub fn joined(said: &[Vec<u8>; 2], duration: f64) -> Result<Transcript, VoiceFault> {
    let mut whole = Transcript::default();
    let mut confidences = Vec::new();
    for ((channel, speaker), said) in (0..).zip(SPEAKERS).zip(said) {
        let voice = read(said, duration)?;
        if whole.language.is_empty() {
            whole.language = voice.language;
        }
        confidences.extend((voice.confidence > 0.0).then_some(voice.confidence));
        whole.segments.extend(voice.segments.into_iter().map(|segment| TranscriptSegment {
            speaker: speaker.to_owned(),
            channel,
            ..segment
        }));
    }
    whole.segments.sort_by(|one, other| one.start.total_cmp(&other.start));
    for (nth, segment) in (0..).zip(&mut whole.segments) {
        segment.id = nth;
    }
    let lines = whole.segments.iter().map(|it| format!("[{}] {}", it.speaker, it.text.trim()));
    whole.text = lines.collect::<Vec<_>>().join(" ");
    if !confidences.is_empty() {
        whole.confidence = confidences.iter().sum::<f64>() / confidences.len() as f64;
    }
    Ok(whole)
}

/// One voice: JSON, or plain text, which is one segment as long as the call.
fn read(said: &[u8], duration: f64) -> Result<Transcript, VoiceFault> {
    let text = String::from_utf8_lossy(said);
    let text = text.trim();
    let mut voice = if text.starts_with('{') {
        serde_json::from_str::<Transcript>(text)
            .map_err(|error| VoiceFault { line: error.line(), column: error.column() })?
    } else {
        Transcript { text: text.to_owned(), ..Transcript::default() }
    };
    if voice.segments.is_empty() && !voice.text.trim().is_empty() {
        voice.segments.push(TranscriptSegment {
            end: duration,
            text: voice.text.clone(),
            confidence: voice.confidence,
            ..TranscriptSegment::default()
        });
    }
    Ok(voice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_get_their_numbers_speakers_and_order() {
        let business = br#"{"language":"pt","confidence":0.9,"segments":[
            {"channel":7,"start":1.0,"end":1.4,"text":" bom dia "}]}"#;
        let user = br#"{"confidence":0.7,"segments":[{"start":0.1,"end":0.9,"text":"oi"},
            {"start":2.0,"end":2.5,"text":"tchau","words":[{"word":"tchau"}]}]}"#;
        let transcript = joined(&[business.to_vec(), user.to_vec()], 3.0).unwrap();
        assert_eq!(transcript.text, "[Customer] oi [Business] bom dia [Customer] tchau");
        let segments: Vec<_> =
            transcript.segments.iter().map(|it| (it.id, it.channel, it.words.len())).collect();
        assert_eq!(segments, [(0, 1, 0), (1, 0, 0), (2, 1, 1)]);
        assert_eq!(transcript.language, "pt");
        assert!((transcript.confidence - 0.8).abs() < 1e-9);
        assert_eq!(read(b"good {morning}", 1.0).unwrap().text, "good {morning}");
        let broken = read(b"{\"text\": \"secret\"", 1.0).unwrap_err();
        assert_eq!(broken, VoiceFault { line: 1, column: 17 });
        assert!(!broken.to_string().contains("secret"), "nobody's words in a log");
    }
}
