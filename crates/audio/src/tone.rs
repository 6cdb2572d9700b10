//! How does a test tone sound?
//!
//! Levels are in dBFS as root mean square against full scale, so the loudest sine is at −3.01.

use std::f32::consts::{SQRT_2, TAU};

use crate::{SAMPLE_RATE, SAMPLES_PER_MS, sample::clip};

/// A sine of `hz` at `dbfs`, `ms` long, starting at zero.
#[must_use]
pub fn sine(hz: f32, dbfs: f32, ms: usize) -> Vec<i16> {
    sum(&[hz], dbfs, ms)
}

/// Two sines of equal strength, together at `dbfs`, `ms` long.
#[must_use]
pub fn dual(low_hz: f32, high_hz: f32, dbfs: f32, ms: usize) -> Vec<i16> {
    sum(&[low_hz, high_hz], dbfs, ms)
}

/// A sine that loops without a click: the shortest whole number of both periods and frames found
/// within a second, else exactly a second.
#[must_use]
pub fn sine_loop(hz: f32, dbfs: f32) -> Vec<i16> {
    let frames = (1..=50)
        .find(|frames| {
            let periods = hz * (*frames as f32) * 0.02;
            (periods - periods.round()).abs() < 1e-3
        })
        .unwrap_or(50);
    sine(hz, dbfs, frames * 20)
}

fn sum(hz: &[f32], dbfs: f32, ms: usize) -> Vec<i16> {
    let together = f32::from(i16::MAX) * 10f32.powf(dbfs / 20.0) * SQRT_2;
    let each = together / (hz.len() as f32).sqrt();
    (0..ms * SAMPLES_PER_MS)
        .map(|n| {
            // The phase is reduced in f64: in f32 a tone would drift audibly after a few seconds.
            let turn = |hz: f32| (f64::from(hz) * n as f64 / f64::from(SAMPLE_RATE)).fract();
            let value: f32 = hz.iter().map(|hz| (TAU * narrow(turn(*hz))).sin()).sum();
            clip(each * value)
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a fraction of a turn; precision is all it loses"
)]
fn narrow(turn: f64) -> f32 {
    turn as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rms_dbfs(samples: &[i16]) -> f64 {
        let sum: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
        10.0 * (sum / samples.len() as f64 / 32_768f64.powi(2)).log10()
    }

    #[test]
    fn levels_are_as_asked() {
        assert!((rms_dbfs(&sine(440.0, -20.0, 1_000)) + 20.0).abs() < 0.05);
        assert!((rms_dbfs(&dual(697.0, 1_209.0, -20.0, 1_000)) + 20.0).abs() < 0.1);
        assert!((rms_dbfs(&sine(1_000.0, -3.02, 1_000)) + 3.02).abs() < 0.05);
    }

    #[test]
    fn a_loop_closes_on_a_whole_frame() {
        let tone = sine_loop(440.0, -12.0);
        assert_eq!(tone.len() % crate::FRAME_SAMPLES, 0);
        let step = i32::from(tone[1]) - i32::from(tone[0]);
        let seam = i32::from(tone[0]) - i32::from(tone[tone.len() - 1]);
        assert!((step - seam).abs() <= 2, "step {step}, seam {seam}");
    }
}
