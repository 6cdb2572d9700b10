//! Which single frequency fills a stretch of sound, if one does?
//!
//! A Hann window, a radix-2 Fourier transform and a parabola through the peak in decibels: within a
//! tenth of a bin (0.3 Hz here) for a clean tone. A peak counts as a tone when the window's main lobe
//! around it holds most of the energy; speech spreads over harmonics and noise over everything.

use std::f32::consts::TAU;

use crate::SAMPLE_RATE;

/// Samples of one look: 341 ms, so a bin is 2.93 Hz wide and 20 Hz still stands clear of zero.
pub(crate) const WINDOW: usize = 16_384;

/// Half the main lobe of a Hann window in bins, and one to spare for coding noise beside it.
const LOBE_BINS: usize = 3;

/// The share of all energy one lobe must hold. Opus at 20 kbit/s keeps a sine above 0.9; a steady
/// vowel reaches 0.4.
const TONE_SHARE_MIN: f32 = 0.6;

const LOWEST_HZ: f32 = 20.0;
const HIGHEST_HZ: f32 = 4_000.0;

/// Precomputed window and twiddle factors.
pub(crate) struct Spectrum {
    window: Vec<f32>,
    twiddle: Vec<(f32, f32)>,
}

impl Spectrum {
    pub(crate) fn new() -> Self {
        let turn = |n: usize| TAU * n as f32 / WINDOW as f32;
        Self {
            window: (0..WINDOW).map(|n| 0.5 - 0.5 * turn(n).cos()).collect(),
            twiddle: (0..WINDOW / 2).map(|n| (turn(n).cos(), -turn(n).sin())).collect(),
        }
    }

    /// The tone in `samples`, at most [`WINDOW`] of them.
    pub(crate) fn tone_hz(&self, samples: &[i16]) -> Option<f32> {
        let power = self.power(samples);
        let bin_hz = SAMPLE_RATE as f32 / WINDOW as f32;
        let (mut peak, mut total) = (0, 0.0);
        for (bin, value) in power.iter().enumerate().skip(2) {
            let hz = bin as f32 * bin_hz;
            total += value;
            if (LOWEST_HZ - bin_hz..=HIGHEST_HZ + bin_hz).contains(&hz) && *value > power[peak] {
                peak = bin;
            }
        }
        if peak < 2 || total <= 0.0 {
            return None;
        }
        let from = peak.saturating_sub(LOBE_BINS).max(2);
        let lobe: f32 = power[from..=peak + LOBE_BINS].iter().sum();
        (lobe >= total * TONE_SHARE_MIN).then(|| (peak as f32 + offset(&power, peak)) * bin_hz)
    }

    fn power(&self, samples: &[i16]) -> Vec<f32> {
        let mut values = vec![(0.0, 0.0); WINDOW];
        let mean = mean(samples);
        for (n, sample) in samples.iter().take(WINDOW).enumerate() {
            // Bit-reversed order, so that the butterflies can run in place.
            let place = n.reverse_bits() >> (usize::BITS - WINDOW.trailing_zeros());
            values[place].0 = (f32::from(*sample) - mean) * self.window[n];
        }
        self.transform(&mut values);
        values[..WINDOW / 2].iter().map(|(re, im)| re * re + im * im).collect()
    }

    fn transform(&self, values: &mut [(f32, f32)]) {
        let mut half = 1;
        while half < values.len() {
            let stride = values.len() / (2 * half);
            for block in values.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (n, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let (cos, sin) = self.twiddle[n * stride];
                    let turned = (b.0 * cos - b.1 * sin, b.0 * sin + b.1 * cos);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            half *= 2;
        }
    }
}

fn mean(samples: &[i16]) -> f32 {
    let sum: f32 = samples.iter().map(|s| f32::from(*s)).sum();
    if samples.is_empty() { 0.0 } else { sum / samples.len() as f32 }
}

/// Where between the bins the peak lies, −0.5 to 0.5.
fn offset(power: &[f32], peak: usize) -> f32 {
    let level = |bin: usize| power[bin].max(f32::MIN_POSITIVE).ln();
    let (left, top, right) = (level(peak - 1), level(peak), level(peak + 1));
    let bend = left - 2.0 * top + right;
    if bend >= 0.0 { 0.0 } else { (0.5 * (left - right) / bend).clamp(-0.5, 0.5) }
}
