//! What does a phone report about a call?

use audio::{
    measure::Report,
    wav::{self, WavError},
};

/// What the phone heard from the answer on. What was not measured is absent, never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Heard {
    /// Level, tone and length of the sound; absent when no audio came.
    pub sound: Option<Report>,
    /// Packets that arrived.
    pub packets: u64,
    /// Packets that never did.
    pub lost: u64,
    /// Packets sent.
    pub sent: u64,
    /// Interarrival jitter.
    pub jitter_ms: Option<f32>,
    /// Round trip by RTCP.
    pub rtt_ms: Option<f32>,
    /// Estimated listening quality, 1 to 4.5.
    pub mos: Option<f32>,
    /// How long each step took.
    pub set_up: SetUp,
}

/// How long setting up took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SetUp {
    /// From dialling until the platform rang, for a call this phone placed.
    pub ring_ms: Option<u64>,
    /// From dialling, or from the first ring, until the call was answered.
    pub answer_ms: Option<u64>,
    /// From the answer until the first audio; zero when audio came first.
    pub first_media_ms: Option<u64>,
    /// From the platform's SDP until ICE had a path.
    pub ice_ms: Option<u64>,
    /// From the platform's SDP until DTLS had keys.
    pub dtls_ms: Option<u64>,
}

/// Both directions of a call from the answer on, 48 kHz.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// What the phone heard.
    pub heard: Vec<i16>,
    /// What it said.
    pub said: Vec<i16>,
}

impl Recording {
    /// As a WAV file: what was heard on the left, what was said on the right.
    ///
    /// # Errors
    ///
    /// The sound does not fit a WAV file (4 GiB).
    pub fn to_wav(&self) -> Result<Vec<u8>, WavError> {
        wav::write_stereo(&self.heard, &self.said)
    }
}
