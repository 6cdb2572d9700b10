//! One encoded stretch of audio, as it lies in an RTP payload.
//!
//! A prompt is encoded once and kept as frames; from then on the frames are only copied into
//! packets. A frame therefore checks its bytes when it is made and never again.

use thiserror::Error;

/// The longest Opus frame RFC 6716 section 3.4 allows; longer payloads are refused.
pub const OPUS_FRAME_MAX: usize = 1275;

/// The RTP clock of Opus, whatever rate it was encoded from (RFC 7587 section 4.1).
pub const OPUS_CLOCK: u32 = 48_000;

/// Ticks of the Opus clock in the 20 ms packet everybody here sends.
pub const OPUS_SAMPLES_20_MS: u32 = 960;

/// The RTP clock of G.711, and of G.722 though it is sampled twice as often (RFC 3551 section 4.5.2).
const TELEPHONE_CLOCK: u32 = 8_000;

/// How the audio of one leg is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AudioCodec {
    /// Opus (RFC 7587), the rule.
    #[default]
    Opus,
    /// G.722 (RFC 3551 section 4.5.2): 16 kHz, of telephones alone.
    G722,
    /// G.711 µ-law (RFC 3551 section 4.5.14).
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl AudioCodec {
    /// Those of 8 kHz, which a number may have beside Opus.
    pub const G711: [Self; 2] = [Self::Pcmu, Self::Pcma];

    /// Those of telephones, which a trunk may have beside Opus.
    pub const TELEPHONES: [Self; 3] = [Self::G722, Self::Pcmu, Self::Pcma];

    /// Ticks of its RTP clock in a second.
    #[must_use]
    pub const fn clock(self) -> u32 {
        match self {
            Self::Opus => OPUS_CLOCK,
            Self::G722 | Self::Pcmu | Self::Pcma => TELEPHONE_CLOCK,
        }
    }

    /// Ticks of its RTP clock in the 20 ms packet everybody here sends.
    #[must_use]
    pub const fn samples_20_ms(self) -> u32 {
        self.clock() / 50
    }

    /// 20 ms in which nothing is heard: for Opus an empty frame of CELT (RFC 6716 section 4.3: the
    /// silence flag is its first bit), for the others the
    /// code of zero, to which a decoder of G.722 falls within a few milliseconds.
    #[must_use]
    pub const fn silence_20_ms(self) -> &'static [u8] {
        match self {
            Self::Opus => &[0xF8, 0xFF, 0xFE],
            Self::G722 => &[0xFD; 160],
            Self::Pcmu => &[0xFF; 160],
            Self::Pcma => &[0xD5; 160],
        }
    }

    /// How SDP calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

/// The bytes of one packet's payload; of which codec, its leg knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFrame(Box<[u8]>);

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// An Opus packet has at least its table-of-contents byte, any other a sample.
    #[error("a frame cannot be empty")]
    Empty,
    /// Longer than the format allows.
    #[error("a frame has at most {OPUS_FRAME_MAX} bytes, this has {0}")]
    TooLong(usize),
}

impl AudioFrame {
    /// Takes the bytes of one packet.
    ///
    /// # Errors
    ///
    /// Refuses no bytes and too many of them.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, FrameError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(FrameError::Empty);
        }
        if bytes.len() > OPUS_FRAME_MAX {
            return Err(FrameError::TooLong(bytes.len()));
        }

        Ok(Self(bytes))
    }

    /// The bytes, as they go into an RTP payload.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for AudioFrame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_an_rtp_payload_may_hold_and_nothing_else() {
        assert_eq!(AudioFrame::new(vec![]), Err(FrameError::Empty));
        assert_eq!(AudioFrame::new(vec![0; 1276]), Err(FrameError::TooLong(1276)));
        assert_eq!(AudioFrame::new(vec![7; 1275]).unwrap().bytes().len(), 1275);
    }
}
