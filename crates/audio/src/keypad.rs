//! Which two tones is a key?
//!
//! ITU-T Q.23: a key is a tone of its row and a tone of its column, and no other sound is. How much of one
//! frequency is in a stretch of sound says Goertzel's algorithm, at 8,000 samples a second here.

use std::f32::consts::TAU;

/// Samples a second.
pub(crate) const RATE: f32 = 8_000.0;

/// The tones of the four rows and of the four columns.
pub(crate) const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
pub(crate) const COLUMNS_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// The share of all energy that one row and one column hold where a key is pressed; of a vowel it is less.
const KEY_SHARE_MIN: f32 = 0.6;

/// Whether this may be a key, whichever it is; 20 ms tell.
pub(crate) fn may_be_key(samples: &[f32]) -> bool {
    let total = energy(samples);
    if total <= 0.0 {
        return false;
    }
    let loudest =
        |tones: [f32; 4]| tones.into_iter().map(|hz| energy_at(samples, hz)).fold(0.0, f32::max);

    loudest(ROWS_HZ) + loudest(COLUMNS_HZ) >= total * KEY_SHARE_MIN
}

/// The energy of all.
pub(crate) fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

/// The energy at one frequency: of a sine that is all there is, the whole.
pub(crate) fn energy_at(samples: &[f32], hz: f32) -> f32 {
    Tone::of(samples, hz).energy
}

/// What there is of one frequency.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tone {
    pub(crate) energy: f32,
    /// Its strength and, as an angle, its phase at the end.
    re: f32,
    im: f32,
}

impl Tone {
    pub(crate) fn of(samples: &[f32], hz: f32) -> Self {
        let (sin, cos) = (TAU * hz / RATE).sin_cos();
        let (mut before, mut last) = (0.0, 0.0);
        for sample in samples {
            (before, last) = (last, sample + 2.0 * cos * last - before);
        }
        let (re, im) = (last - before * cos, before * sin);
        let energy = 2.0 * (re * re + im * im) / samples.len().max(1) as f32;
        Self { energy, re, im }
    }

    /// By how much more than `expected` its phase has turned since, as a vector: the longer, the surer.
    pub(crate) fn turned_from(self, before: Self, expected: f32) -> (f32, f32) {
        let re = self.re * before.re + self.im * before.im;
        let im = self.im * before.re - self.re * before.im;
        let (sin, cos) = expected.sin_cos();
        (re * cos + im * sin, im * cos - re * sin)
    }
}
