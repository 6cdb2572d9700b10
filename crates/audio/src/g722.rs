//! How do samples become G.722, and back?
//!
//! ITU-T G.722 in its first mode: 16,000 samples a second, split at 4 kHz into two bands that are coded as
//! differences, a byte for every two samples. Its RTP clock says 8,000 all the same (RFC 3551 section
//! 4.5.2), so a packet is as long, in bytes and in ticks, as one of G.711. Both directions here speak
//! 48 kHz, as the rest of this crate does.

use std::fmt;

use audio_codec::{
    Decoder as _, Encoder as _,
    g722::{G722Decoder, G722Encoder},
};

use crate::{SAMPLE_RATE, conceal::Conceal, g711, resample::Resampler};

/// Samples per second before they are coded.
pub const RATE: u32 = 16_000;

/// Bytes of one frame of 20 ms.
pub const FRAME_BYTES: usize = g711::FRAME_BYTES;

/// Samples that one byte stands for.
const SAMPLES_PER_BYTE: usize = 2;

/// Samples of one frame before they are coded.
const FRAME: usize = FRAME_BYTES * SAMPLES_PER_BYTE;

/// Samples at 48 kHz for each that is coded.
const TIMES: usize = (SAMPLE_RATE / RATE) as usize;

/// Brings one voice down to 16 kHz and encodes it, frame by frame.
pub struct Encoder {
    coder: G722Encoder,
    slower: Resampler,
    waiting: Vec<i16>,
}

impl Encoder {
    /// Starts an encoder.
    #[must_use]
    pub fn new() -> Self {
        let slower = Resampler::between(SAMPLE_RATE, RATE);
        Self { coder: G722Encoder::new(), slower, waiting: Vec::new() }
    }

    /// Takes samples at 48 kHz and returns the frames they complete.
    pub fn push(&mut self, samples: &[i16]) -> Vec<Box<[u8]>> {
        let slow = self.slower.push(samples);
        self.waiting.extend(slow);
        let (frames, rest) = self.waiting.as_chunks::<FRAME>();
        let coded = frames.iter().map(|frame| {
            let mut bytes = [0; FRAME_BYTES];
            // There is room for what the frame becomes.
            self.coder.encode_into(frame, &mut bytes).ok();
            bytes.into()
        });
        let coded = coded.collect();
        self.waiting = rest.to_vec();
        coded
    }

    /// Samples at 48 kHz that its next frame still needs.
    pub(crate) fn missing(&self) -> usize {
        (FRAME - self.waiting.len()) * TIMES
    }

    /// Encodes a whole signal; silence fills the last frame.
    #[must_use]
    pub fn encode_all(mut self, samples: &[i16]) -> Vec<Box<[u8]>> {
        let mut frames = self.push(samples);
        let rest = samples.len().next_multiple_of(FRAME * TIMES) - samples.len();
        frames.extend(self.push(&vec![0; rest]));
        frames
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// Decodes one voice and brings it up to 48 kHz.
pub struct Decoder {
    coder: G722Decoder,
    faster: Resampler,
    conceal: Conceal,
}

impl Decoder {
    /// Starts a decoder.
    #[must_use]
    pub fn new() -> Self {
        let faster = Resampler::between(RATE, SAMPLE_RATE);
        Self { coder: G722Decoder::new(), faster, conceal: Conceal::default() }
    }

    /// Decodes one packet: six samples for each of its bytes.
    pub fn decode(&mut self, packet: &[u8]) -> &[i16] {
        let mut slow = vec![0; packet.len() * SAMPLES_PER_BYTE];
        // There is room for what the packet becomes.
        self.coder.decode_into(packet, &mut slow).ok();
        self.conceal.keep(self.faster.push(&slow))
    }

    /// Guesses `samples` that never arrived.
    pub fn conceal(&mut self, samples: usize) -> &[i16] {
        self.conceal.fill(samples)
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("conceal", &self.conceal).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Measure, tone};

    fn there_and_back(samples: &[i16]) -> Vec<i16> {
        let mut decoder = Decoder::new();
        let frames = Encoder::new().encode_all(samples);
        let heard = frames.iter().flat_map(|frame| {
            assert_eq!(frame.len(), FRAME_BYTES);
            let samples = decoder.decode(frame);
            assert_eq!(samples.len(), 960);
            samples.to_vec()
        });
        heard.collect()
    }

    /// How far what is heard stands above what is wrong with it, in dB, at the delay that suits best.
    fn snr(said: &[i16], heard: &[i16]) -> f64 {
        let power = |late: usize| -> f64 {
            let pairs = said[9_600..].iter().zip(&heard[9_600 + late..]);
            pairs.map(|(said, heard)| f64::from(i32::from(*said) - i32::from(*heard)).powi(2)).sum()
        };
        let noise = (0..960).map(power).fold(f64::INFINITY, f64::min);
        let signal: f64 = said[9_600..].iter().map(|it| f64::from(*it).powi(2)).sum();
        10.0 * (signal / noise).log10()
    }

    #[test]
    fn a_tone_of_either_band_survives_with_little_noise() {
        for (hz, least) in [(440.0, 40.0), (1_000.0, 40.0), (3_000.0, 30.0), (5_000.0, 12.0)] {
            let said = tone::sine(hz, -20.0, 2_000);
            let heard = there_and_back(&said);
            assert_eq!(heard.len(), said.len());
            let mut measure = Measure::default();
            measure.push(&heard);
            let report = measure.report();
            assert!((report.tone_hz.unwrap() - hz).abs() < hz / 100.0, "{report:?}");
            assert!((report.dbfs.unwrap() + 20.0).abs() < 1.0, "{report:?}");
            let snr = snr(&said, &heard);
            assert!(snr > least, "{hz} Hz: {snr:.1} dB");
        }
    }

    #[test]
    fn what_is_lost_is_repeated_and_fades_and_what_follows_is_right_at_once() {
        let mut decoder = Decoder::new();
        assert!(decoder.conceal(960).iter().all(|sample| *sample == 0), "nothing came before");
        let frames = Encoder::new().encode_all(&tone::sine(1_000.0, -12.0, 400));
        let peak = |samples: &[i16]| samples.iter().map(|it| it.unsigned_abs()).max().unwrap();
        let loud: Vec<u16> = frames
            .iter()
            .enumerate()
            .map(|(n, frame)| {
                peak(if n == 10 { decoder.conceal(960) } else { decoder.decode(frame) })
            })
            .collect();
        assert!(loud[10].abs_diff(loud[9] / 2) <= 1, "{loud:?}");
        assert!(loud[11..].iter().all(|it| it.abs_diff(loud[9]) < loud[9] / 4), "{loud:?}");
        assert_eq!(decoder.decode(&[]).len(), 0);
        assert_eq!(decoder.conceal(480).len(), 480);
    }

    /// Of a leg that is filled with silence when its voice pauses, as a transcoder's does after 200 ms.
    #[test]
    fn after_silence_that_no_encoder_made_a_voice_is_soon_as_loud_as_it_is() {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
        let peak = |samples: &[i16]| samples.iter().map(|it| it.unsigned_abs()).max().unwrap();
        let said = tone::sine(1_000.0, -12.0, 200);
        for frame in encoder.push(&[said.as_slice(), &[0; 9_600]].concat()) {
            decoder.decode(&frame);
        }
        let silence: Vec<u16> =
            (0..10).map(|_| peak(decoder.decode(&[0xFD; FRAME_BYTES]))).collect();
        assert!(silence[1..].iter().all(|it| *it < 64), "{silence:?}");
        let again: Vec<u16> =
            encoder.push(&said).iter().map(|frame| peak(decoder.decode(frame))).collect();
        assert!(again[2..].iter().all(|it| it.abs_diff(11_600) < 3_000), "{again:?}");
    }
}
