//! Which single frequency fills a stretch of sound, if one does?
//!
//! A Hann window, a Fourier transform and a parabola through the peak in decibels: within a tenth of a
//! bin (0.3 Hz here) for a clean tone. A peak counts as a tone when the window's main lobe around it
//! holds most of the energy; speech spreads over harmonics and noise over everything.

use std::cell::RefCell;
use std::f32::consts::TAU;
use std::sync::{Arc, LazyLock};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use crate::SAMPLE_RATE;

/// Samples of one look: 341 ms, so a bin is 2.93 Hz wide and 20 Hz still stands clear of zero.
pub(crate) const WINDOW: usize = 16_384;

/// Half the main lobe of a Hann window in bins, and one to spare for coding noise beside it.
const LOBE_BINS: usize = 3;

/// The share of all energy one lobe must hold. Opus at 20 kbit/s keeps a sine above 0.9; a steady
/// vowel reaches 0.4.
const TONE_SHARE_MIN: f32 = 0.6;

const LOWEST_HZ: f32 = 20.0;
/// What a wideband telephone carries; above it a voice has no pitch.
const HIGHEST_HZ: f32 = 8_000.0;

/// What every look shares: the window and the steps of the transform.
static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let turn = |n: usize| TAU * n as f32 / WINDOW as f32;
    let window = (0..WINDOW).map(|n| 0.5 - 0.5 * turn(n).cos()).collect();
    Plan { window, transform: RealFftPlanner::new().plan_fft_forward(WINDOW) }
});

struct Plan {
    window: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
}

/// Room for one look; a thread has one, as it looks at one stretch at a time.
struct Room {
    samples: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::new(Room {
        samples: PLAN.transform.make_input_vec(),
        spectrum: PLAN.transform.make_output_vec(),
        scratch: PLAN.transform.make_scratch_vec(),
        power: vec![0.0; WINDOW / 2],
    });
}

/// The tone in `samples`, at most [`WINDOW`] of them.
pub(crate) fn tone_hz(samples: &[i16]) -> Option<f32> {
    ROOM.with_borrow_mut(|room| {
        room.look_at(samples);
        tone_of(&room.power)
    })
}

impl Room {
    /// Computes the power of each bin.
    fn look_at(&mut self, samples: &[i16]) {
        let mean = mean(samples);
        let weighted = samples.iter().zip(&PLAN.window);
        for (place, (sample, weight)) in self.samples.iter_mut().zip(weighted) {
            *place = (f32::from(*sample) - mean) * weight;
        }
        self.samples[samples.len().min(WINDOW)..].fill(0.0);
        PLAN.transform
            .process_with_scratch(&mut self.samples, &mut self.spectrum, &mut self.scratch)
            .expect("all room was made by the plan");
        for (power, bin) in self.power.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr();
        }
    }
}

/// The frequency of the one lobe that holds most of this.
fn tone_of(power: &[f32]) -> Option<f32> {
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
    (lobe >= total * TONE_SHARE_MIN).then(|| (peak as f32 + offset(power, peak)) * bin_hz)
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
