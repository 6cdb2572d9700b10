//! How do two sides of a recording become one file for people and programs?
//!
//! Both are decoded side by side, frame by frame, and written at once: an hour needs no more memory
//! than a frame. Channel 0 is the business, channel 1 the user; a mix is one channel.

use std::{
    io::{self, Write},
    time::Duration,
};

use crate::{
    FRAME_SAMPLES, SAMPLE_RATE,
    ogg::OggError,
    opus::{CodecError, Decoder, Encoder, Settings, StereoEncoder},
    pages::{PRE_SKIP, Writer},
    resample::Resampler,
    wav,
};

/// Bits per second of two channels.
const STEREO_BITRATE: i32 = 40_000;

/// The rate of one voice: what speech recognition wants.
pub const VOICE_RATE: u32 = 16_000;

/// Effort of the encoder: an hour takes about half a minute of one core.
const COMPLEXITY: i32 = 3;

/// What becomes of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// The business left, the user right.
    Stereo,
    /// Both in one.
    Mixed,
}

/// Why a recording cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// libopus refuses.
    #[error("cannot decode or encode")]
    Codec(#[source] CodecError),
    /// Ogg refuses.
    #[error("cannot write Ogg Opus")]
    Ogg(#[source] OggError),
    /// The reader is gone.
    #[error("nobody takes the file")]
    Write(#[source] io::Error),
}

/// Writes both sides as WAV at 48 kHz.
///
/// # Errors
///
/// [`ExportError`].
pub fn write_wav<P: Iterator<Item = Box<[u8]>>>(
    [business, user]: [P; 2],
    channels: Channels,
    lasts: Duration,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let count = match channels {
        Channels::Stereo => 2,
        Channels::Mixed => 1,
    };
    let samples = u32::try_from(frames_of(lasts) * FRAME_SAMPLES as u64).unwrap_or(u32::MAX);
    out.write_all(&wav::head(count, SAMPLE_RATE, samples)).map_err(ExportError::Write)?;
    each_frame([business, user], lasts, |business, user| {
        let bytes: Vec<u8> = match channels {
            Channels::Stereo => {
                let both = business.iter().zip(user).flat_map(|(left, right)| [*left, *right]);
                both.flat_map(i16::to_le_bytes).collect()
            }
            Channels::Mixed => {
                mixed(business, user).iter().flat_map(|it| it.to_le_bytes()).collect()
            }
        };
        out.write_all(&bytes).map_err(ExportError::Write)
    })
}

/// Writes one side as WAV at [`VOICE_RATE`].
///
/// # Errors
///
/// [`ExportError`].
pub fn write_voice<P: Iterator<Item = Box<[u8]>>>(
    side: P,
    lasts: Duration,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let mut side = Side::new(side)?;
    let mut slower = Resampler::between(SAMPLE_RATE, VOICE_RATE);
    let samples = frames_of(lasts) * FRAME_SAMPLES as u64 * u64::from(VOICE_RATE);
    let samples = u32::try_from(samples / u64::from(SAMPLE_RATE)).unwrap_or(u32::MAX);
    out.write_all(&wav::head(1, VOICE_RATE, samples)).map_err(ExportError::Write)?;
    for _ in 0..frames_of(lasts) {
        let slow = slower.push(&side.frame());
        let bytes: Vec<u8> = slow.into_iter().flat_map(i16::to_le_bytes).collect();
        out.write_all(&bytes).map_err(ExportError::Write)?;
    }
    Ok(())
}

/// Writes both sides as Ogg Opus.
///
/// # Errors
///
/// [`ExportError`].
pub fn write_ogg<P: Iterator<Item = Box<[u8]>>>(
    sides: [P; 2],
    channels: Channels,
    lasts: Duration,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let (pages, mut encoder) = match channels {
        Channels::Stereo => {
            let mut encoder =
                StereoEncoder::new(STEREO_BITRATE, COMPLEXITY).map_err(ExportError::Codec)?;
            let pre_skip = encoder.pre_skip().map_err(ExportError::Codec)?;
            (Writer::new(2, pre_skip, 1), Encoding::Stereo(encoder))
        }
        Channels::Mixed => {
            let encoder = Encoder::new(Settings::default()).map_err(ExportError::Codec)?;
            (Writer::new(1, PRE_SKIP, 1), Encoding::Mixed(encoder))
        }
    };
    let mut pages = pages.map_err(ExportError::Ogg)?;
    each_frame(sides, lasts, |business, user| {
        let packet = match &mut encoder {
            Encoding::Stereo(encoder) => encoder.encode(business, user),
            Encoding::Mixed(encoder) => encoder.encode(&mixed(business, user)),
        };
        pages.push(&packet.map_err(ExportError::Codec)?).map_err(ExportError::Ogg)?;
        out.write_all(&pages.take()).map_err(ExportError::Write)
    })?;
    pages.end().map_err(ExportError::Ogg)?;
    out.write_all(&pages.take()).map_err(ExportError::Write)
}

enum Encoding {
    Stereo(StereoEncoder),
    Mixed(Encoder),
}

fn frames_of(lasts: Duration) -> u64 {
    u64::try_from(lasts.as_millis().div_ceil(20)).unwrap_or(u64::MAX)
}

fn each_frame<P: Iterator<Item = Box<[u8]>>>(
    [business, user]: [P; 2],
    lasts: Duration,
    mut take: impl FnMut(&[i16], &[i16]) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (mut business, mut user) = (Side::new(business)?, Side::new(user)?);
    for _ in 0..frames_of(lasts) {
        take(&business.frame(), &user.frame())?;
    }
    Ok(())
}

/// One side being decoded.
struct Side<P> {
    packets: P,
    decoder: Decoder,
    waiting: Vec<i16>,
    skip: usize,
}

impl<P: Iterator<Item = Box<[u8]>>> Side<P> {
    fn new(packets: P) -> Result<Self, ExportError> {
        let decoder = Decoder::new().map_err(ExportError::Codec)?;
        Ok(Self { packets, decoder, waiting: Vec::new(), skip: PRE_SKIP.into() })
    }

    /// The next frame; silence when there is no more.
    fn frame(&mut self) -> Vec<i16> {
        while self.waiting.len() < FRAME_SAMPLES + self.skip {
            let Some(packet) = self.packets.next() else { break };
            // What cannot be decoded was placed as a packet all the same.
            match self.decoder.decode(&packet) {
                Ok(samples) => self.waiting.extend_from_slice(samples),
                Err(_) => self.waiting.extend([0; FRAME_SAMPLES]),
            }
        }
        self.waiting.drain(..self.skip.min(self.waiting.len()));
        self.skip = 0;
        let mut frame: Vec<i16> =
            self.waiting.drain(..FRAME_SAMPLES.min(self.waiting.len())).collect();
        frame.resize(FRAME_SAMPLES, 0);
        frame
    }
}

fn mixed(business: &[i16], user: &[i16]) -> Vec<i16> {
    business.iter().zip(user).map(|(one, other)| one.saturating_add(*other)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Measure, ogg, opus::decode_stereo, prompt, tone};

    fn sides() -> [std::vec::IntoIter<Box<[u8]>>; 2] {
        [440.0, 660.0].map(|hz| prompt::encode(&tone::sine(hz, -12.0, 1_000)).unwrap().into_iter())
    }

    fn is_tone(samples: &[i16], hz: f32) -> bool {
        let mut measure = Measure::default();
        measure.push(samples);
        measure.report().is_tone(hz)
    }

    #[test]
    fn each_side_is_in_its_channel_and_a_mix_has_both() {
        let lasts = Duration::from_millis(1_200);
        let mut file = Vec::new();
        write_wav(sides(), Channels::Stereo, lasts, &mut file).unwrap();
        assert_eq!(file.len(), 44 + 60 * 960 * 4);
        let channel = |at: usize| -> Vec<i16> {
            file[44..].chunks_exact(4).map(|it| i16::from_le_bytes([it[at], it[at + 1]])).collect()
        };
        assert!(is_tone(&channel(0)[..44_000], 440.0) && is_tone(&channel(2)[..44_000], 660.0));
        let mut file = Vec::new();
        write_ogg(sides(), Channels::Stereo, lasts, &mut file).unwrap();
        let (left, right) = decode_stereo(&ogg::read(&file).unwrap().packets).unwrap();
        assert!(is_tone(&left[..44_000], 440.0) && is_tone(&right[..44_000], 660.0));
        let mut file = Vec::new();
        write_ogg(sides(), Channels::Mixed, lasts, &mut file).unwrap();
        assert_eq!(
            (ogg::read(&file).unwrap().channels, ogg::read(&file).unwrap().packets.len()),
            (1, 61)
        );
        let mut file = Vec::new();
        write_wav(sides(), Channels::Mixed, lasts, &mut file).unwrap();
        assert_eq!(file.len(), 44 + 60 * 960 * 2);
    }

    #[test]
    fn one_voice_is_at_the_rate_of_speech_recognition_and_as_long() {
        let [business, _] = sides();
        let mut file = Vec::new();
        write_voice(business, Duration::from_millis(1_200), &mut file).unwrap();
        assert_eq!(file.len(), 44 + 60 * 320 * 2);
        let samples = wav::read(&file).unwrap();
        assert!(is_tone(&samples[..44_000], 440.0), "read back at 48 kHz");
    }
}
