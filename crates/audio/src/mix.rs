//! How do several voices become one that a listener can bear?
//!
//! Samples are added. Where that is louder than a sample can be, a [`Limiter`] turns all of it down at
//! once and up again slowly; one voice alone is never changed. Whom a listener hears is said by whoever
//! asks: a listener's own voice must not be among them.

use crate::{FRAME_SAMPLES, jitter::Frame, sample::clip};

/// In how many samples the sound is turned down: 2.5 ms, too short to hear, too long to click.
const ATTACK: usize = 120;

/// The share of the way back that a frame goes: a loud word is forgotten in half a second.
const RELEASE: f32 = 0.1;

/// What one listener hears, kept within what a sample can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    /// The next 20 ms of these voices together.
    pub fn mix<'a>(&mut self, voices: impl IntoIterator<Item = &'a Frame>) -> Frame {
        let mut sum = [0.0; FRAME_SAMPLES];
        for voice in voices {
            for (total, sample) in sum.iter_mut().zip(voice) {
                *total += f32::from(*sample);
            }
        }
        self.limit(&sum)
    }

    fn limit(&mut self, sum: &[f32; FRAME_SAMPLES]) -> Frame {
        let peak = sum.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let bearable = (f32::from(i16::MAX) / peak).min(1.0);
        let before = self.gain;
        self.gain = bearable.min(before + (1.0 - before) * RELEASE);
        let mut frame = [0; FRAME_SAMPLES];
        for (at, (out, sample)) in frame.iter_mut().zip(sum).enumerate() {
            let share = (at as f32 / ATTACK as f32).min(1.0);
            *out = clip(sample * (before + (self.gain - before) * share));
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Measure, tone};

    fn frames(signal: &[i16]) -> Vec<Frame> {
        signal.chunks_exact(FRAME_SAMPLES).map(|frame| frame.try_into().unwrap()).collect()
    }

    #[test]
    fn one_voice_alone_is_not_changed_and_nobody_is_silence() {
        let mut limiter = Limiter::default();
        for frame in frames(&tone::sine(440.0, -3.02, 200)) {
            assert_eq!(limiter.mix([&frame]), frame);
        }
        assert_eq!(limiter.mix([]), [0; FRAME_SAMPLES]);
        let mixed = limiter.mix([&[100; FRAME_SAMPLES], &[-40; FRAME_SAMPLES]]);
        assert_eq!(mixed, [60; FRAME_SAMPLES]);
    }

    /// Twice the same shout, which is twice as loud as a sample can be.
    #[test]
    fn what_is_too_loud_is_turned_down_as_a_whole_and_up_again_slowly() {
        let shout = frames(&tone::sine(440.0, -3.02, 400));
        let mut limiter = Limiter::default();
        let mut measure = Measure::default();
        for frame in &shout {
            let mixed = limiter.mix([frame, frame]);
            measure.push(&mixed);
        }
        let clipped = limiter.mix([&shout[0], &shout[0]]);
        let clipped = clipped.iter().filter(|sample| **sample == i16::MAX).count();
        assert!(clipped <= 20, "{clipped} samples at the end of the scale: a square, not a sine");
        let report = measure.report();
        assert!(report.is_tone(440.0) && (report.dbfs.unwrap() + 3.0).abs() < 0.3, "{report:?}");

        let whisper = [1_000; FRAME_SAMPLES];
        let after: Vec<i16> = (0..30).map(|_| limiter.mix([&whisper])[FRAME_SAMPLES - 1]).collect();
        assert!((500..600).contains(&after[0]), "{after:?}");
        assert!(after.is_sorted() && after[29] > 950, "{after:?}");
    }
}
