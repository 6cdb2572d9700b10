//! Who turns samples into frames, whatever the codec?

use crate::{
    FRAME_SAMPLES,
    coding::Coding,
    g711, g722,
    opus::{self, CodecError, Settings},
};

/// The encoder of one voice.
#[derive(Debug)]
pub struct Encoder(Codec);

#[derive(Debug)]
enum Codec {
    G711(g711::Encoder),
    G722(Box<g722::Encoder>),
    Opus { encoder: opus::Encoder, waiting: Vec<i16> },
}

impl Encoder {
    /// Of Opus.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn opus(settings: Settings) -> Result<Self, CodecError> {
        let encoder = opus::Encoder::new(settings)?;
        Ok(Self(Codec::Opus { encoder, waiting: Vec::new() }))
    }

    /// Of Opus, for a voice that has nothing above 4 kHz.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn narrow_opus(settings: Settings) -> Result<Self, CodecError> {
        let encoder = opus::Encoder::narrowband(settings)?;
        Ok(Self(Codec::Opus { encoder, waiting: Vec::new() }))
    }

    /// Of a telephone's codec.
    #[must_use]
    pub fn telephone(coding: impl Into<Coding>) -> Self {
        Self(match coding.into() {
            Coding::G711(law) => Codec::G711(g711::Encoder::new(law)),
            Coding::G722 => Codec::G722(Box::default()),
        })
    }

    /// Takes samples at 48 kHz and returns the frames of 20 ms they complete.
    ///
    /// # Errors
    ///
    /// [`CodecError::Encode`] from libopus.
    pub fn push(&mut self, samples: &[i16]) -> Result<Vec<Box<[u8]>>, CodecError> {
        match &mut self.0 {
            Codec::G711(encoder) => Ok(encoder.push(samples)),
            Codec::G722(encoder) => Ok(encoder.push(samples)),
            Codec::Opus { encoder, waiting } => {
                waiting.extend_from_slice(samples);
                let whole = waiting.len() / FRAME_SAMPLES * FRAME_SAMPLES;
                let frames = encoder.encode_all(&waiting[..whole]);
                waiting.drain(..whole);
                frames
            }
        }
    }

    /// The frame that was begun, with silence to its end.
    ///
    /// # Errors
    ///
    /// [`CodecError::Encode`] from libopus.
    pub fn finish(&mut self) -> Result<Option<Box<[u8]>>, CodecError> {
        let missing = match &self.0 {
            Codec::G711(encoder) => encoder.missing(),
            Codec::G722(encoder) => encoder.missing(),
            Codec::Opus { waiting, .. } => FRAME_SAMPLES - waiting.len(),
        };
        if missing == FRAME_SAMPLES {
            return Ok(None);
        }
        self.push(&vec![0; missing]).map(|frames| frames.into_iter().next())
    }

    /// Sets the effort, 0 to 10, from the next frame on; a telephone's codec has but one.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] for another number.
    pub fn set_complexity(&mut self, complexity: i32) -> Result<(), CodecError> {
        match &mut self.0 {
            Codec::G711(_) | Codec::G722(_) => Ok(()),
            Codec::Opus { encoder, .. } => encoder.set_complexity(complexity),
        }
    }

    /// The next 20 ms of silence, where a listener must hear it from this encoder: one of G.722 goes on from
    /// what came before. `None` where any frame of silence does.
    pub fn silence(&mut self) -> Option<Box<[u8]>> {
        match &mut self.0 {
            Codec::G722(encoder) => encoder.push(&[0; FRAME_SAMPLES]).pop(),
            Codec::G711(_) | Codec::Opus { .. } => None,
        }
    }
}
