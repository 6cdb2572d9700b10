//! What does a file become so that a call can play it?
//!
//! Opus packets of 20 ms, mono, made once. An Ogg Opus file that already holds such packets passes
//! through untouched; anything else is decoded and encoded once, so playing costs no encoder.

use crate::{
    FRAME_SAMPLES,
    ogg::{self, OggError, OpusStream},
    opus::{self, CodecError, Decoder, Encoder, Settings},
    wav::{self, WavError},
};

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Neither WAV nor Ogg by its first bytes.
    #[error("neither a WAV nor an Ogg file")]
    UnknownFormat,
    /// The WAV file cannot be read.
    #[error("cannot read the WAV file")]
    Wav(#[source] WavError),
    /// The Ogg file cannot be read.
    #[error("cannot read the Ogg file")]
    Ogg(#[source] OggError),
    /// The sound cannot be encoded.
    #[error("cannot encode the prompt")]
    Codec(#[source] CodecError),
    /// There is no sound in it.
    #[error("the file holds no sound")]
    Empty,
}

/// Turns a WAV or Ogg Opus file into Opus packets of 20 ms.
///
/// # Errors
///
/// [`PromptError`] says what is wrong with the file.
pub fn load(file: &[u8]) -> Result<Vec<Box<[u8]>>, PromptError> {
    let packets = if file.starts_with(b"OggS") {
        let stream = ogg::read(file).map_err(PromptError::Ogg)?;
        if plays_as_it_is(&stream) {
            stream.packets
        } else {
            encode(&decode(&stream).map_err(PromptError::Codec)?)?
        }
    } else {
        encode(&samples(file)?)?
    };
    if packets.is_empty() { Err(PromptError::Empty) } else { Ok(packets) }
}

/// Encodes samples as a prompt.
///
/// # Errors
///
/// [`PromptError::Codec`] from libopus.
pub fn encode(samples: &[i16]) -> Result<Vec<Box<[u8]>>, PromptError> {
    // Encoded once and played often: the highest effort costs nothing later.
    let settings = Settings { complexity: 10, ..Settings::default() };
    Encoder::new(settings)
        .and_then(|mut encoder| encoder.encode_all(samples))
        .map_err(PromptError::Codec)
}

/// The samples of a WAV or Ogg Opus file, at 48 kHz.
///
/// # Errors
///
/// [`PromptError`] says what is wrong with the file.
pub fn samples(file: &[u8]) -> Result<Vec<i16>, PromptError> {
    if file.starts_with(b"OggS") {
        let stream = ogg::read(file).map_err(PromptError::Ogg)?;
        decode(&stream).map_err(PromptError::Codec)
    } else if file.starts_with(b"RIFF") {
        wav::read(file).map_err(PromptError::Wav)
    } else {
        Err(PromptError::UnknownFormat)
    }
}

fn plays_as_it_is(stream: &OpusStream) -> bool {
    stream
        .packets
        .iter()
        .all(|p| opus::packet_samples(p) == Some(FRAME_SAMPLES) && opus::is_mono(p))
}

fn decode(stream: &OpusStream) -> Result<Vec<i16>, CodecError> {
    let mut decoder = Decoder::new()?;
    let mut samples = Vec::new();
    for packet in &stream.packets {
        samples.extend_from_slice(decoder.decode(packet)?);
    }
    samples.drain(..usize::from(stream.pre_skip).min(samples.len()));
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Measure, tone};

    fn heard(packets: &[Box<[u8]>]) -> f32 {
        let mut decoder = Decoder::new().unwrap();
        let mut measure = Measure::default();
        for packet in packets {
            measure.push(decoder.decode(packet).unwrap());
        }
        measure.report().tone_hz.unwrap()
    }

    #[test]
    fn a_wav_file_becomes_packets_of_20_ms() {
        let file = wav::write_stereo(&tone::sine(500.0, -15.0, 990), &[]).unwrap();
        let packets = load(&file).unwrap();
        assert_eq!(packets.len(), 50);
        assert!((heard(&packets) - 500.0).abs() < 5.0);
    }

    #[test]
    fn packets_of_20_ms_pass_through_untouched() {
        let packets = encode(&tone::sine(600.0, -15.0, 400)).unwrap();
        let stream = OpusStream { channels: 1, pre_skip: 0, packets };
        assert_eq!(load(&ogg::write(&stream, 1).unwrap()).unwrap(), stream.packets);
    }

    #[test]
    fn packets_of_60_ms_are_cut_into_20() {
        let mut encoder =
            ::opus::Encoder::new(48_000, ::opus::Channels::Mono, ::opus::Application::Voip)
                .unwrap();
        let sound = tone::sine(700.0, -15.0, 1_200);
        let packets = sound
            .chunks_exact(2_880)
            .map(|chunk| encoder.encode_vec(chunk, 1_275).unwrap().into_boxed_slice())
            .collect();
        let stream = OpusStream { channels: 1, pre_skip: 312, packets };
        let cut = load(&ogg::write(&stream, 1).unwrap()).unwrap();
        assert_eq!(cut.len(), 60);
        assert!(plays_as_it_is(&OpusStream { packets: cut.clone(), ..stream }));
        assert!((heard(&cut) - 700.0).abs() < 7.0);
    }

    #[test]
    fn what_holds_no_sound_is_refused() {
        assert!(matches!(load(b"ID3 something"), Err(PromptError::UnknownFormat)));
        assert!(matches!(load(&wav::write_mono(&[]).unwrap()), Err(PromptError::Empty)));
    }
}
