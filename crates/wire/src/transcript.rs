//! What does the document of a transcript look like (fact sheet 12.2)?

use serde::{Deserialize, Serialize};

/// The document behind `call_transcription_available`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranscriptDocument {
    /// About the sound.
    pub metadata: TranscriptMetadata,
    /// What was said.
    pub transcript: Transcript,
}

/// About the sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranscriptMetadata {
    /// When it was written, ISO 8601 in UTC.
    pub processed_at: String,
    /// The sound itself.
    pub audio: TranscribedAudio,
}

/// The sound that was transcribed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranscribedAudio {
    /// Seconds.
    pub duration: f64,
    /// Samples a second.
    pub sample_rate: u32,
    /// Two: the business and the user.
    pub channels: u8,
    /// `stereo`.
    pub audio_format: String,
}

/// What was said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transcript {
    /// Everything, each segment behind `[Business]` or `[Customer]`.
    pub text: String,
    /// ISO 639.
    pub language: String,
    /// Seconds.
    pub duration: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// In order of time.
    pub segments: Vec<TranscriptSegment>,
}

/// One stretch of one speaker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TranscriptSegment {
    /// Counted from 0.
    pub id: u32,
    /// `Business` or `Customer`.
    pub speaker: String,
    /// 0 the business, 1 the user.
    pub channel: u8,
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning.
    pub end: f64,
    /// What was said.
    pub text: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Word by word.
    pub words: Vec<TranscriptWord>,
}

/// One word.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TranscriptWord {
    /// The word.
    pub word: String,
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning.
    pub end: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// ISO 639.
    pub lang: String,
}
