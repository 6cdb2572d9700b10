//! Who turns a packet into samples, whatever its codec?

use crate::{
    coding::Coding,
    g711, g722,
    opus::{self, CodecError},
};

/// The decoder of one stream.
#[derive(Debug)]
pub(crate) enum Decoder {
    Opus(opus::Decoder),
    G711(g711::Decoder),
    G722(g722::Decoder),
}

impl Decoder {
    pub(crate) fn opus() -> Result<Self, CodecError> {
        opus::Decoder::new().map(Self::Opus)
    }

    /// Of 16 kHz.
    pub(crate) fn wideband() -> Result<Self, CodecError> {
        opus::Decoder::wideband().map(Self::Opus)
    }

    pub(crate) fn telephone(coding: Coding) -> Self {
        match coding {
            Coding::G711(law) => Self::G711(g711::Decoder::new(law)),
            Coding::G722 => Self::G722(g722::Decoder::new()),
        }
    }

    /// The length of what a packet holds, in samples as they are decoded; `None` where it is no packet of this codec.
    pub(crate) fn packet_samples(&self, packet: &[u8]) -> Option<usize> {
        match self {
            Self::Opus(decoder) => decoder.packet_samples(packet),
            Self::G711(_) | Self::G722(_) => g711::packet_samples(packet),
        }
    }

    /// A timestamp in units of 48 kHz; both wrap.
    pub(crate) const fn at_48_khz(&self, timestamp: u32) -> u32 {
        match self {
            Self::Opus(_) => timestamp,
            Self::G711(_) | Self::G722(_) => timestamp.wrapping_mul(g711::TIMES),
        }
    }

    pub(crate) fn decode(&mut self, packet: &[u8]) -> Result<&[i16], CodecError> {
        match self {
            Self::Opus(decoder) => decoder.decode(packet),
            Self::G711(decoder) => Ok(decoder.decode(packet)),
            Self::G722(decoder) => Ok(decoder.decode(packet)),
        }
    }

    /// What may have been in a frame that is lost, where it is known from the `next` packet.
    pub(crate) fn fill(&mut self, frame: usize, next: Option<&[u8]>) -> Result<&[i16], CodecError> {
        match self {
            Self::Opus(decoder) => match next.filter(|next| opus::packet_samples(next).is_some()) {
                Some(next) => decoder.recover(next, frame),
                None => decoder.conceal(frame),
            },
            Self::G711(decoder) => Ok(decoder.conceal(frame)),
            Self::G722(decoder) => Ok(decoder.conceal(frame)),
        }
    }
}
