//! One encoded stretch of audio, as it lies in an RTP payload.
//!
//! A prompt is encoded once and kept as frames; from then on the frames are only copied into
//! packets. A frame therefore checks its bytes when it is made and never again.

use thiserror::Error;

/// The longest Opus frame RFC 6716 section 3.4 allows; longer ones are refused.
pub const OPUS_FRAME_MAX: usize = 1275;

/// The RTP clock of Opus, whatever rate it was encoded from (RFC 7587 section 4.1).
pub const OPUS_CLOCK: u32 = 48_000;

/// Ticks of the Opus clock in the 20 ms packet everybody here sends.
pub const OPUS_SAMPLES_20_MS: u32 = 960;

/// The bytes of one Opus packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpusFrame(Box<[u8]>);

/// Why bytes are not an Opus frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// An Opus packet has at least its table-of-contents byte.
    #[error("an Opus frame cannot be empty")]
    Empty,
    /// Longer than the format allows.
    #[error("an Opus frame has at most {OPUS_FRAME_MAX} bytes, this has {0}")]
    TooLong(usize),
}

impl OpusFrame {
    /// Takes the bytes of one Opus packet.
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

impl AsRef<[u8]> for OpusFrame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_an_rtp_payload_may_hold_and_nothing_else() {
        assert_eq!(OpusFrame::new(vec![]), Err(FrameError::Empty));
        assert_eq!(OpusFrame::new(vec![0; 1276]), Err(FrameError::TooLong(1276)));
        assert_eq!(OpusFrame::new(vec![7; 1275]).unwrap().bytes().len(), 1275);
    }
}
