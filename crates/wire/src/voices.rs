//! How does what a transcriber says of two voices become one transcript?
//!
//! It is run once for each voice and says plain text, or a JSON object with the fields of
//! [`Transcript`]. Whose voice it was we know.

use crate::transcript::{Transcript, TranscriptSegment};

/// Who speaks on which channel.
const SPEAKERS: [&str; 2] = ["Business", "Customer"];

/// Both voices, the business first, in one transcript in order of time; it lasts so many seconds.
#[must_use]
pub fn joined(said: &[Vec<u8>; 2], duration: f64) -> Transcript {
    let mut whole = Transcript::default();
    let mut confidences = Vec::new();
    for ((channel, speaker), said) in (0..).zip(SPEAKERS).zip(said) {
        let voice = read(said, duration);
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
    whole
}

/// One voice: JSON, or plain text, which is one segment as long as the call.
fn read(said: &[u8], duration: f64) -> Transcript {
    let text = String::from_utf8_lossy(said);
    let text = text.trim();
    let as_json = || serde_json::from_str::<Transcript>(text).ok();
    let plain = || Transcript { text: text.to_owned(), ..Transcript::default() };
    let mut voice = text.starts_with('{').then(as_json).flatten().unwrap_or_else(plain);
    if voice.segments.is_empty() && !voice.text.trim().is_empty() {
        voice.segments.push(TranscriptSegment {
            end: duration,
            text: voice.text.clone(),
            confidence: voice.confidence,
            ..TranscriptSegment::default()
        });
    }
    voice
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
        let transcript = joined(&[business.to_vec(), user.to_vec()], 3.0);
        assert_eq!(transcript.text, "[Customer] oi [Business] bom dia [Customer] tchau");
        let segments: Vec<_> =
            transcript.segments.iter().map(|it| (it.id, it.channel, it.words.len())).collect();
        assert_eq!(segments, [(0, 1, 0), (1, 0, 0), (2, 1, 1)]);
        assert_eq!(transcript.language, "pt");
        assert!((transcript.confidence - 0.8).abs() < 1e-9);
        assert_eq!(read(b"{not json", 1.0).text, "{not json");
    }
}
