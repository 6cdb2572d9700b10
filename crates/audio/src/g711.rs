//! How do samples become G.711, and back?
//!
//! ITU-T G.711, µ-law and A-law: eight bits for each of 8,000 samples a second, on a scale that is
//! fine for what is quiet and coarse for what is loud. Both directions here speak 48 kHz, as the rest
//! of this crate does.

use crate::{SAMPLE_RATE, conceal::Conceal, resample::Resampler};

/// Samples per second on the line.
pub const RATE: u32 = 8_000;

/// Samples, and bytes, of one frame of 20 ms on the line.
pub const FRAME_BYTES: usize = 160;

/// Samples at 48 kHz for each on the line.
pub(crate) const TIMES: u32 = SAMPLE_RATE / RATE;

/// The two scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// µ-law, PCMU: North America and Japan.
    Mu,
    /// A-law, PCMA: the rest of the world.
    A,
}

impl Law {
    /// The code of a sample.
    #[must_use]
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Mu => encode_mu(sample),
            Self::A => encode_a(sample),
        }
    }

    /// The sample a code stands for.
    #[must_use]
    pub const fn decode(self, code: u8) -> i16 {
        match self {
            Self::Mu => decode_mu(code),
            Self::A => decode_a(code),
        }
    }
}

/// What is added before the segment is looked for, on the scale of `i16`.
const MU_BIAS: u16 = 132;

/// The loudest sample that is told from louder ones.
const MU_CLIP: u16 = 32_635;

#[expect(clippy::cast_possible_truncation, reason = "a segment has three bits, a step four")]
const fn encode_mu(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let loud = sample.unsigned_abs();
    let biased = (if loud > MU_CLIP { MU_CLIP } else { loud }) + MU_BIAS;
    // The bias sets bit 7 at least, so there are 8 to 1 zeros before the highest bit.
    let segment = 8 - biased.leading_zeros() as u8;
    let step = (biased >> (segment + 3)) as u8 & 0x0f;
    !(sign | segment << 4 | step)
}

const fn decode_mu(code: u8) -> i16 {
    let code = !code;
    let (segment, step) = (code >> 4 & 0x07, code & 0x0f);
    let loud = (((step as i16) << 3) + MU_BIAS as i16) << segment;
    let loud = loud - MU_BIAS as i16;
    if code & 0x80 == 0 { loud } else { -loud }
}

/// A-law inverts every second bit, so that silence is not a run of equal bits.
const A_TOGGLED: u8 = 0x55;

#[expect(clippy::cast_possible_truncation, reason = "a segment has three bits, a step four")]
const fn encode_a(sample: i16) -> u8 {
    let sign = if sample < 0 { 0 } else { 0x80 };
    // One's complement: −1 is as loud as 0.
    let loud = if sample < 0 { !sample } else { sample } as u16;
    let code = if loud < 256 {
        (loud >> 4) as u8
    } else {
        let segment = 8 - loud.leading_zeros() as u8;
        segment << 4 | ((loud >> (segment + 3)) as u8 & 0x0f)
    };
    (sign | code) ^ A_TOGGLED
}

const fn decode_a(code: u8) -> i16 {
    let code = code ^ A_TOGGLED;
    let (segment, step) = (code >> 4 & 0x07, (code & 0x0f) as i16);
    let loud = match segment {
        0 => step << 4 | 8,
        segment => (step << 4 | 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 { -loud } else { loud }
}

/// The longest packet that is read as one: what Opus has at most, 120 ms.
const PACKET_BYTES_MAX: usize = 6 * FRAME_BYTES;

/// How many samples at 48 kHz a packet holds; `None` if it is empty or longer than any sender's.
pub(crate) fn packet_samples(packet: &[u8]) -> Option<usize> {
    (1..=PACKET_BYTES_MAX).contains(&packet.len()).then_some(packet.len() * TIMES as usize)
}

/// Brings one voice down to 8 kHz and encodes it, frame by frame.
#[derive(Debug)]
pub struct Encoder {
    law: Law,
    slower: Resampler,
    waiting: Vec<i16>,
}

impl Encoder {
    /// Starts an encoder.
    #[must_use]
    pub fn new(law: Law) -> Self {
        Self { law, slower: Resampler::between(SAMPLE_RATE, RATE), waiting: Vec::new() }
    }

    /// Takes samples at 48 kHz and returns the frames they complete.
    pub fn push(&mut self, samples: &[i16]) -> Vec<Box<[u8]>> {
        let slow = self.slower.push(samples);
        self.waiting.extend(slow);
        let whole = self.waiting.len() / FRAME_BYTES * FRAME_BYTES;
        let codes = |frame: &[i16]| frame.iter().map(|sample| self.law.encode(*sample)).collect();
        let frames = self.waiting[..whole].chunks_exact(FRAME_BYTES).map(codes).collect();
        self.waiting.drain(..whole);
        frames
    }

    /// Samples at 48 kHz that its next frame still needs.
    pub(crate) fn missing(&self) -> usize {
        (FRAME_BYTES - self.waiting.len()) * TIMES as usize
    }

    /// Encodes a whole signal; silence fills the last frame.
    #[must_use]
    pub fn encode_all(mut self, samples: &[i16]) -> Vec<Box<[u8]>> {
        let mut frames = self.push(samples);
        let frame = FRAME_BYTES * TIMES as usize;
        let rest = samples.len().next_multiple_of(frame) - samples.len();
        frames.extend(self.push(&vec![0; rest]));
        frames
    }
}

/// Decodes one voice and brings it up to 48 kHz.
#[derive(Debug)]
pub struct Decoder {
    law: Law,
    faster: Resampler,
    conceal: Conceal,
}

impl Decoder {
    /// Starts a decoder.
    #[must_use]
    pub fn new(law: Law) -> Self {
        let faster = Resampler::between(RATE, SAMPLE_RATE);
        Self { law, faster, conceal: Conceal::default() }
    }

    /// Decodes one packet: six samples for each of its bytes.
    pub fn decode(&mut self, packet: &[u8]) -> &[i16] {
        let slow: Vec<i16> = packet.iter().map(|code| self.law.decode(*code)).collect();
        self.conceal.keep(self.faster.push(&slow))
    }

    /// Guesses `samples` that never arrived.
    pub fn conceal(&mut self, samples: usize) -> &[i16] {
        self.conceal.fill(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Measure, tone};

    /// ITU-T G.711 tables 2a and 2b, positive and negative: the decision values' codes and the
    /// quantised values, brought from 14 bits to 16.
    #[test]
    fn the_values_of_table_2_for_mu_law() {
        for (code, value) in [
            (0x80, 8_031),
            (0x8f, 4_191),
            (0x90, 3_999),
            (0x9f, 2_079),
            (0xa0, 1_983),
            (0xaf, 1_023),
            (0xb0, 975),
            (0xbf, 495),
            (0xc0, 471),
            (0xcf, 231),
            (0xd0, 219),
            (0xdf, 99),
            (0xe0, 93),
            (0xef, 33),
            (0xf0, 30),
            (0xfe, 2),
            (0xff, 0),
        ] {
            assert_eq!(Law::Mu.decode(code), value * 4, "{code:#x}");
            assert_eq!(Law::Mu.decode(code & 0x7f), -value * 4, "{code:#x}");
        }
        assert_eq!(Law::Mu.encode(0), 0xff);
        assert_eq!((Law::Mu.encode(i16::MAX), Law::Mu.encode(i16::MIN)), (0x80, 0x00));
    }

    /// ITU-T G.711 table 1a, brought from 13 bits to 16; even bits inverted as on the line.
    #[test]
    fn the_values_of_table_1_for_a_law() {
        for (code, value) in [
            (0xff, 4_032),
            (0xf0, 2_112),
            (0xef, 2_016),
            (0xe0, 1_056),
            (0xdf, 1_008),
            (0xd0, 528),
            (0xcf, 504),
            (0xc0, 264),
            (0xbf, 252),
            (0xb0, 132),
            (0xaf, 126),
            (0xa0, 66),
            (0x9f, 63),
            (0x90, 33),
            (0x8f, 31),
            (0x80, 1),
        ] {
            assert_eq!(Law::A.decode(code ^ A_TOGGLED), value * 8, "{code:#x}");
            assert_eq!(Law::A.decode((code & 0x7f) ^ A_TOGGLED), -value * 8, "{code:#x}");
        }
        assert_eq!(Law::A.encode(0), 0xd5);
        assert_eq!((Law::A.encode(i16::MAX), Law::A.encode(i16::MIN)), (0xaa, 0x2a));
    }

    #[test]
    fn every_code_comes_back_and_every_sample_near() {
        for law in [Law::Mu, Law::A] {
            for code in 0..=u8::MAX {
                let again = law.encode(law.decode(code));
                // µ-law has two zeros, and a sample has one.
                let same = again == code || (law == Law::Mu && (code, again) == (0x7f, 0xff));
                assert!(same, "{law:?} {code:#x} {again:#x}");
            }
            let mut before = i16::MIN;
            for sample in i16::MIN..=i16::MAX {
                let near = law.decode(law.encode(sample));
                let off = i32::from(near).abs_diff(i32::from(sample));
                assert!(
                    off <= 16 + u32::from(sample.unsigned_abs()) / 32,
                    "{law:?} {sample} {near}"
                );
                assert!(near >= before, "{law:?} {sample}");
                before = near;
            }
        }
    }

    #[test]
    fn a_tone_survives_both_ways() {
        for law in [Law::Mu, Law::A] {
            let mut decoder = Decoder::new(law);
            let mut heard = Measure::default();
            let frames = Encoder::new(law).encode_all(&tone::sine(440.0, -20.0, 2_000));
            assert_eq!(frames.len(), 100);
            for frame in &frames {
                let samples = decoder.decode(frame);
                assert_eq!((frame.len(), samples.len()), (FRAME_BYTES, 960));
                heard.push(samples);
            }
            let report = heard.report();
            assert!((report.tone_hz.unwrap() - 440.0).abs() < 4.4, "{report:?}");
            assert!((report.dbfs.unwrap() + 20.0).abs() < 0.5, "{report:?}");
        }
    }

    #[test]
    fn what_is_lost_is_repeated_and_fades() {
        let mut decoder = Decoder::new(Law::Mu);
        assert!(decoder.conceal(960).iter().all(|sample| *sample == 0), "nothing came before");
        for frame in Encoder::new(Law::Mu).encode_all(&tone::sine(440.0, -12.0, 100)) {
            decoder.decode(&frame);
        }
        let peak = |samples: &[i16]| samples.iter().map(|it| it.unsigned_abs()).max();
        let first = peak(decoder.conceal(960)).unwrap();
        let second = peak(decoder.conceal(960)).unwrap();
        assert!(first > 3_000 && second.abs_diff(first / 2) <= 1, "{first} {second}");
        assert_eq!(decoder.decode(&[]).len(), 0);
        assert_eq!(decoder.conceal(480).len(), 480);
    }
}
