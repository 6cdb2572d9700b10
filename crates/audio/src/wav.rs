//! How is sound kept as a WAV file?
//!
//! Reads PCM of 8 to 32 bits or float, any number of channels, any rate in [`resample::RATES`], into
//! mono at 48 kHz. Writes 16 bits with one or two channels.

use std::{borrow::Cow, io::Cursor};

use crate::{
    SAMPLE_RATE,
    resample::{self, RateError},
    sample::clip,
};

/// The longest sound read, in samples per channel at its own rate: an hour at 48 kHz. A file may
/// claim anything, and a call plays what it reads from memory.
const SAMPLES_MAX: usize = 48_000 * 3_600;

/// From here a claimed length means that it was not known when the head was written.
const LENGTH_UNKNOWN: u32 = 0x7fff_0000;

/// Why a file is not a usable WAV file.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// Not WAV, cut short, or a coding this reader does not know.
    #[error("not a readable WAV file")]
    Malformed(#[source] hound::Error),
    /// The rate is out of range.
    #[error("the WAV file's rate cannot be used")]
    Rate(#[source] RateError),
    /// Longer than an hour.
    #[error("the WAV file is longer than an hour")]
    TooLong,
    /// No channel at all.
    #[error("the WAV file has no channels")]
    NoChannels,
}

/// Reads a WAV file as mono at 48 kHz; channels are averaged.
///
/// # Errors
///
/// [`WavError`] says what is wrong with the file.
pub fn read(file: &[u8]) -> Result<Vec<i16>, WavError> {
    let file = with_known_length(file);
    let mut reader = hound::WavReader::new(Cursor::new(&*file)).map_err(WavError::Malformed)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    if channels == 0 {
        return Err(WavError::NoChannels);
    }
    if reader.duration() as usize > SAMPLES_MAX {
        return Err(WavError::TooLong);
    }
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => {
            let scale = -f32::from(i16::MIN);
            collect(reader.samples::<f32>(), |sample| sample * scale)?
        }
        hound::SampleFormat::Int => {
            let scale = 2f32.powi(16 - i32::from(spec.bits_per_sample));
            collect(reader.samples::<i32>(), |sample| sample as f32 * scale)?
        }
    };
    let mono: Vec<i16> = samples
        .chunks_exact(channels)
        .map(|moment| clip(moment.iter().sum::<f32>() / f32::from(spec.channels)))
        .collect();
    resample::resample(&mono, spec.sample_rate, SAMPLE_RATE).map_err(WavError::Rate)
}

/// A program that writes to a pipe cannot know the length beforehand and claims one near the largest:
/// what is there counts.
fn with_known_length(file: &[u8]) -> Cow<'_, [u8]> {
    let mut at = 12;
    while let Some((head, rest)) = file.get(at..).and_then(|rest| rest.split_at_checked(8)) {
        let Some((_, &claimed)) = head.split_last_chunk::<4>() else { break };
        let claimed = u32::from_le_bytes(claimed);
        if head.starts_with(b"data") {
            // Whole moments: samples of one to four bytes on one or two channels.
            let there = u32::try_from(rest.len()).unwrap_or(u32::MAX) / 24 * 24;
            if claimed < LENGTH_UNKNOWN || claimed <= there {
                break;
            }
            let mut mended = file.to_vec();
            if let Some(size) = mended.get_mut(at + 4..at + 8) {
                size.copy_from_slice(&there.to_le_bytes());
            }
            return Cow::Owned(mended);
        }
        at = at
            .saturating_add(8)
            .saturating_add(claimed as usize)
            .saturating_add(claimed as usize % 2);
    }
    Cow::Borrowed(file)
}

fn collect<S>(
    samples: impl Iterator<Item = hound::Result<S>>,
    scaled: impl Fn(S) -> f32,
) -> Result<Vec<f32>, WavError> {
    samples.map(|sample| sample.map(&scaled).map_err(WavError::Malformed)).collect()
}

/// Writes one channel at 48 kHz.
///
/// # Errors
///
/// [`WavError::Malformed`] when the sound does not fit a WAV file (4 GiB).
pub fn write_mono(samples: &[i16]) -> Result<Vec<u8>, WavError> {
    write(1, samples.iter().copied())
}

/// Writes two channels at 48 kHz; silence fills the shorter one.
///
/// # Errors
///
/// [`WavError::Malformed`] when the sound does not fit a WAV file (4 GiB).
pub fn write_stereo(left: &[i16], right: &[i16]) -> Result<Vec<u8>, WavError> {
    let at = |side: &[i16], n: usize| side.get(n).copied().unwrap_or(0);
    let moments = 0..left.len().max(right.len());
    write(2, moments.flat_map(|n| [at(left, n), at(right, n)]))
}

fn write(channels: u16, samples: impl Iterator<Item = i16>) -> Result<Vec<u8>, WavError> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).map_err(WavError::Malformed)?;
    for sample in samples {
        writer.write_sample(sample).map_err(WavError::Malformed)?;
    }
    writer.finalize().map_err(WavError::Malformed)?;
    Ok(file.into_inner())
}

/// The head of a WAV file of 16 bits with `samples` a channel, for whoever writes the samples as
/// they come; sizes beyond 4 GiB are cut off, as the format wants.
#[must_use]
pub fn head(channels: u16, rate: u32, samples: u32) -> [u8; 44] {
    let frame = channels.saturating_mul(2);
    let bytes = samples.saturating_mul(u32::from(frame));
    let mut head = [0; 44];
    let mut at = 0;
    let mut put = |part: &[u8]| {
        head[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    };
    put(b"RIFF");
    put(&bytes.saturating_add(36).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    put(&1u16.to_le_bytes());
    put(&channels.to_le_bytes());
    put(&rate.to_le_bytes());
    put(&rate.saturating_mul(u32::from(frame)).to_le_bytes());
    put(&frame.to_le_bytes());
    put(&16u16.to_le_bytes());
    put(b"data");
    put(&bytes.to_le_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    fn file(
        spec: hound::WavSpec,
        write: impl Fn(&mut hound::WavWriter<&mut Cursor<Vec<u8>>>),
    ) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let sound = tone::sine(440.0, -12.0, 100);
        assert_eq!(read(&write_mono(&sound).unwrap()).unwrap(), sound);
        let both = read(&write_stereo(&sound, &sound[..2_400]).unwrap()).unwrap();
        assert_eq!(both.len(), sound.len());
        assert_eq!(both[100], sound[100]);
        assert!((f64::from(both[4_000]) - f64::from(sound[4_000]) / 2.0).abs() <= 0.5);
    }

    #[test]
    fn a_file_from_a_pipe_is_as_long_as_what_is_there() {
        let sound = tone::sine(440.0, -12.0, 100);
        let mut file = write_mono(&sound).unwrap();
        for (at, claimed) in [(4, 0x7fff_f024u32), (40, 0x7fff_f000)] {
            file[at..at + 4].copy_from_slice(&claimed.to_le_bytes());
        }
        assert_eq!(read(&file).unwrap(), sound);
    }

    #[test]
    fn a_head_of_our_own_is_read_back() {
        let mut file = head(2, 16_000, 100).to_vec();
        file.extend(std::iter::repeat_n(1_000i16.to_le_bytes(), 200).flatten());
        assert_eq!(read(&file).unwrap().len(), 300);
    }

    #[test]
    fn float_24_bit_and_8_bit_come_out_at_the_same_level() {
        let spec = |bits, format| hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: bits,
            sample_format: format,
        };
        let float = file(spec(32, hound::SampleFormat::Float), |w| w.write_sample(0.5f32).unwrap());
        assert_eq!(read(&float).unwrap(), [16_384]);
        let deep = file(spec(24, hound::SampleFormat::Int), |w| w.write_sample(1 << 22).unwrap());
        assert_eq!(read(&deep).unwrap(), [16_384]);
        let small = file(spec(8, hound::SampleFormat::Int), |w| w.write_sample(64i8).unwrap());
        assert_eq!(read(&small).unwrap(), [16_384]);
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        let whole = write_mono(&tone::sine(440.0, -12.0, 100)).unwrap();
        assert!(matches!(read(&whole[..whole.len() - 100]), Err(WavError::Malformed(_))));
        assert!(matches!(read(b"RIFF"), Err(WavError::Malformed(_))));
    }
}
