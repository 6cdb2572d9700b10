//! How does a signal change its sample rate?
//!
//! A windowed sinc (Kaiser, β 10), evaluated at each output's exact place between the inputs; the
//! places repeat, so each is calculated once. Flat to 0.1 dB up to 0.88 of the lower of the two
//! Nyquist frequencies and at least 80 dB down from 1.04 of it on; what lies between may fold.

use std::{collections::BTreeMap, f32::consts::PI};

use crate::sample::clip;

/// The rates accepted, in samples per second.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Zero crossings of the sinc on each side: more make the transition narrower and the work longer.
const CROSSINGS: usize = 48;

/// Where the passband ends, as a share of the lower Nyquist frequency.
const CUTOFF: f32 = 0.96;

const KAISER_BETA: f32 = 10.0;

/// A rate outside [`RATES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sample rate of {rate} is outside {} to {}", RATES.start(), RATES.end())]
pub struct RateError {
    /// The rate asked for.
    pub rate: u32,
}

/// Converts a whole signal from one rate to another.
///
/// # Errors
///
/// [`RateError`] for a rate outside [`RATES`].
pub fn resample(samples: &[i16], from: u32, to: u32) -> Result<Vec<i16>, RateError> {
    if let Some(rate) = [from, to].into_iter().find(|rate| !RATES.contains(rate)) {
        return Err(RateError { rate });
    }
    if from == to {
        return Ok(samples.to_vec());
    }
    let (from, to) = (u64::from(from), u64::from(to));
    let shared = divisor(from, to);
    let (step, places) = (from / shared, to / shared);
    let kernel = Kernel::new(from as f32, to as f32);
    let mut rows: BTreeMap<u64, Vec<f32>> = BTreeMap::new();
    let count = (samples.len() as u64 * places).div_ceil(step);
    let output = (0..count).map(|n| {
        let position = n * step;
        let place = position % places;
        let row = rows.entry(place).or_insert_with(|| kernel.row(place as f32 / places as f32));
        clip(kernel.apply(row, samples, position / places))
    });
    Ok(output.collect())
}

/// Converts one signal from one rate to another as it comes.
///
/// The same filter as [`resample`]'s; the output is late by half its length, about 6 ms between 8 and
/// 48 kHz, and for every input there is output in the proportion of the rates, from the first on.
#[derive(Debug)]
pub struct Resampler {
    /// The weights for each place between two inputs.
    rows: Vec<Vec<f32>>,
    /// How far apart outputs are, in places.
    step: usize,
    /// The next output's place, counted from the first input that is not yet used up.
    next: usize,
    /// The inputs that outputs to come still look back at, then those not used up.
    inputs: Vec<f32>,
}

impl Resampler {
    /// Between two rates that are known to be good.
    pub(crate) fn between(from: u32, to: u32) -> Self {
        let shared = divisor(u64::from(from), u64::from(to));
        let part = |rate: u32| usize::try_from(u64::from(rate) / shared).unwrap_or(1);
        let kernel = Kernel::new(from as f32, to as f32);
        let places = part(to);
        let rows = (0..places).map(|place| kernel.row(place as f32 / places as f32)).collect();
        let inputs = vec![0.0; 2 * kernel.reach - 1];
        Self { rows, step: part(from), next: 0, inputs }
    }

    /// Forgets what came before, as if nothing had.
    pub(crate) fn reset(&mut self) {
        self.next = 0;
        self.inputs.fill(0.0);
    }

    /// Takes samples and returns as many as they stand for.
    pub fn push(&mut self, samples: &[i16]) -> Vec<i16> {
        let places = self.rows.len();
        self.inputs.extend(samples.iter().map(|sample| f32::from(*sample)));
        let mut output = Vec::with_capacity(samples.len() * places / self.step + 1);
        while self.next < samples.len() * places {
            let row = &self.rows[self.next % places];
            let seen = &self.inputs[self.next / places..];
            output.push(clip(weighed(row, seen)));
            self.next += self.step;
        }
        self.next -= samples.len() * places;
        self.inputs.drain(..samples.len());
        output
    }
}

/// The sum of the inputs, each by its weight: eight at a time, which a processor does at once.
fn weighed(row: &[f32], seen: &[f32]) -> f32 {
    let (rows, row_end) = row.as_chunks::<8>();
    let (inputs, _) = seen.get(..row.len()).unwrap_or(seen).as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (weights, inputs) in rows.iter().zip(inputs) {
        for ((sum, weight), input) in sums.iter_mut().zip(weights).zip(inputs) {
            *sum += weight * input;
        }
    }
    let end = row_end.iter().zip(seen.iter().skip(row.len() - row_end.len()));
    sums.iter().sum::<f32>() + end.map(|(weight, input)| weight * input).sum::<f32>()
}

fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// The filter, scaled to the lower of both rates.
struct Kernel {
    /// Cut-off in cycles per input sample, doubled.
    scale: f32,
    /// Input samples on each side.
    reach: usize,
}

impl Kernel {
    fn new(from: f32, to: f32) -> Self {
        let scale = CUTOFF * (to / from).min(1.0);
        let mut reach = CROSSINGS;
        while (reach as f32) * scale < CROSSINGS as f32 {
            reach += 1;
        }
        Self { scale, reach }
    }

    /// The weights for an output that lies `fraction` after an input.
    fn row(&self, fraction: f32) -> Vec<f32> {
        let edge = bessel(KAISER_BETA);
        let weights: Vec<f32> = (0..2 * self.reach)
            .map(|tap| {
                let distance = tap as f32 - (self.reach - 1) as f32 - fraction;
                let within = distance / self.reach as f32;
                let window = bessel(KAISER_BETA * (1.0 - within * within).max(0.0).sqrt()) / edge;
                sinc(distance * self.scale) * window
            })
            .collect();
        // Each row passes a constant unchanged, so no place is louder than another.
        let gain: f32 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / gain).collect()
    }

    fn apply(&self, row: &[f32], samples: &[i16], at: u64) -> f32 {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        row.iter()
            .enumerate()
            .filter_map(|(tap, weight)| {
                let index = (at + tap + 1).checked_sub(self.reach)?;
                samples.get(index).map(|sample| f32::from(*sample) * weight)
            })
            .sum()
    }
}

fn sinc(x: f32) -> f32 {
    if x.abs() < 1e-6 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f32) -> f32 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40u8 {
        term *= quarter / (f32::from(k) * f32::from(k));
        sum += term;
    }
    sum
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "test signals")]
mod tests {
    use super::*;
    use crate::{SAMPLE_RATE, measure::Measure};

    fn sine(hz: f64, rate: u32, seconds: usize) -> Vec<i16> {
        (0..rate as usize * seconds)
            .map(|n| (hz * n as f64 / f64::from(rate)).fract() as f32)
            .map(|turn| clip(10_000.0 * (2.0 * PI * turn).sin()))
            .collect()
    }

    fn level(samples: &[i16]) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let sum: f64 = middle.iter().map(|s| f64::from(*s).powi(2)).sum();
        10.0 * (sum / middle.len() as f64).max(1e-3).log10()
    }

    #[test]
    fn a_tone_keeps_pitch_and_level_from_every_usual_rate() {
        for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100] {
            let source = sine(1_000.0, rate, 1);
            let output = resample(&source, rate, SAMPLE_RATE).unwrap();
            assert_eq!(output.len(), SAMPLE_RATE as usize);
            let mut measure = Measure::default();
            measure.push(&output);
            let hz = measure.report().tone_hz.unwrap();
            assert!((hz - 1_000.0).abs() < 2.0, "{rate}: {hz}");
            assert!((level(&output) - level(&source)).abs() < 0.1, "{rate}");
        }
    }

    #[test]
    fn the_passband_is_flat_and_the_stop_band_80_db_down() {
        // 0.88 of the lower Nyquist frequency, 4 kHz, passes unchanged.
        let source = sine(3_520.0, 8_000, 1);
        let output = resample(&source, 8_000, SAMPLE_RATE).unwrap();
        assert!((level(&output) - level(&source)).abs() < 0.1);
        // 1.04 of the new Nyquist frequency, and far above it, may not fold back.
        for hz in [4_160.0, 6_000.0, 15_000.0] {
            let folded = resample(&sine(hz, 48_000, 1), 48_000, 8_000).unwrap();
            let rest = level(&folded) - 10.0 * (10_000f64.powi(2) / 2.0).log10();
            assert!(rest < -80.0, "{hz}: {rest}");
        }
    }

    /// As it comes, in pieces of any length, it is what the whole signal gives, late by a filter.
    #[test]
    fn a_signal_in_pieces_is_the_whole_signal() {
        for (from, to) in [(48_000, 8_000), (8_000, 48_000), (48_000, 32_000)] {
            let whole = sine(440.0, from, 1);
            let mut resampler = Resampler::between(from, to);
            let late = resampler.inputs.len().div_ceil(2) * to as usize / from as usize;
            let mut pieces = Vec::new();
            for piece in whole.chunks(160) {
                pieces.extend(resampler.push(piece));
            }
            let expected = resample(&whole, from, to).unwrap();
            assert_eq!(pieces.len(), expected.len(), "{from} to {to}");
            for (piece, whole) in pieces[late..].iter().zip(&expected) {
                assert!(piece.abs_diff(*whole) <= 1, "{from} to {to}");
            }
        }
    }

    #[test]
    fn rates_out_of_range_are_refused() {
        assert_eq!(resample(&[0], 100, 48_000), Err(RateError { rate: 100 }));
        assert_eq!(resample(&[0], 48_000, 0), Err(RateError { rate: 0 }));
        assert_eq!(resample(&[], 8_000, 48_000), Ok(vec![]));
    }
}
