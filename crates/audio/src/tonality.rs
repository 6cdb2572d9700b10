//! Is this stretch of sound one or two tones and nothing else?
//!
//! Keys, dial tones and beeps are; of what a voice says, even of a steady vowel, more lies beside its two
//! strongest partials.

use std::{f32::consts::TAU, sync::Arc};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

/// Samples of one look: 64 ms at 16 kHz.
pub(crate) const WINDOW: usize = 1_024;

/// Half the main lobe of a Hann window in bins.
const LOBE_BINS: usize = 2;
/// As many tones as a key has.
const TONES: usize = 2;

/// The share of all energy that the tones must hold. Keys and beeps that Opus has coded hold 0.97 and more,
/// prompts of our tests at most 0.89 while they are spoken.
const SHARE_MIN: f32 = 0.94;

/// Looks for tones, one stretch at a time.
pub(crate) struct Tonality {
    window: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
    samples: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl Tonality {
    pub(crate) fn new() -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(WINDOW);
        let turn = |n: usize| TAU * n as f32 / WINDOW as f32;
        Self {
            window: (0..WINDOW).map(|n| 0.5 - 0.5 * turn(n).cos()).collect(),
            samples: transform.make_input_vec(),
            spectrum: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            power: Vec::with_capacity(WINDOW / 2 + 1),
            transform,
        }
    }

    /// Whether these are tones; [`WINDOW`] samples, of fewer the rest counts as silence.
    pub(crate) fn is_tone<'a>(&mut self, samples: impl Iterator<Item = &'a i16>) -> bool {
        self.samples.fill(0.0);
        for ((place, weight), sample) in self.samples.iter_mut().zip(&self.window).zip(samples) {
            *place = f32::from(*sample) * weight;
        }
        let (input, output) = (&mut self.samples, &mut self.spectrum);
        if self.transform.process_with_scratch(input, output, &mut self.scratch).is_err() {
            return false;
        }
        self.power.clear();
        self.power.extend(self.spectrum.iter().map(|bin| bin.norm_sqr()));
        let total: f32 = self.power.iter().sum();
        let tones: f32 = (0..TONES).map(|_| self.take_strongest()).sum();
        total > 0.0 && tones >= total * SHARE_MIN
    }

    /// The energy of the strongest lobe, which is not there any more.
    fn take_strongest(&mut self) -> f32 {
        let strongest = self.power.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let peak = strongest.map_or(0, |(bin, _)| bin);
        let lobe = self.power.iter_mut().skip(peak.saturating_sub(LOBE_BINS));
        let of_lobe = LOBE_BINS + 1 + LOBE_BINS.min(peak);
        lobe.take(of_lobe).map(std::mem::take).sum()
    }
}
