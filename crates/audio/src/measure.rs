//! What was heard: how loud, for how long, and was it a tone?
//!
//! Levels are root mean square against full scale (a full sine is −3.01 dBFS). A stretch is loud
//! above [`LOUD_DBFS`]. The tone is the one frequency that the greatest number of stretches agree on
//! within one percent, and only if a quarter of all loud stretches do: speech, noise and silence have
//! none.

use crate::{FRAME_MS, FRAME_SAMPLES, spectrum};

/// Above this a frame is sound: a quiet voice is near −40, coding noise in silence below −70.
pub const LOUD_DBFS: f32 = -45.0;

/// How much sound makes `tone:*` come true.
pub const SOUND_MS_MIN: u32 = 200;

/// What a level falls to for digital silence: one step of 16 bits, and below.
const FLOOR_DBFS: f32 = -96.0;

/// Samples between two looks for a tone: a quarter window, 85 ms.
const HOP: usize = spectrum::WINDOW / 4;

/// Two readings within this share are the same tone.
const SAME_TONE: f32 = 0.01;

/// Listens to a signal, any number of samples at a time.
pub struct Measure {
    window: Vec<i16>,
    frame: Level,
    whole: Level,
    loud_frames: u32,
    loud_looks: u32,
    tones: Vec<Reading>,
}

/// One tone seen so far: the mean of its readings and how many agreed.
#[derive(Debug, Clone, Copy)]
struct Reading {
    hz: f32,
    looks: u32,
}

/// What a [`Measure`] heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The level over everything pushed; `None` when nothing was.
    pub dbfs: Option<f32>,
    /// The one tone that stood out.
    pub tone_hz: Option<f32>,
    /// Milliseconds above [`LOUD_DBFS`], counted in frames of 20 ms.
    pub loud_ms: u32,
    /// Milliseconds pushed.
    pub heard_ms: u32,
}

impl Report {
    /// Whether there was sound at all: [`SOUND_MS_MIN`] above [`LOUD_DBFS`].
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.loud_ms >= SOUND_MS_MIN
    }

    /// Whether the tone was `hz`, within five percent.
    #[must_use]
    pub fn is_tone(&self, hz: f32) -> bool {
        self.is_sound() && self.tone_hz.is_some_and(|heard| (heard - hz).abs() <= hz * 0.05)
    }
}

impl Default for Measure {
    fn default() -> Self {
        Self {
            window: Vec::with_capacity(spectrum::WINDOW),
            frame: Level::default(),
            whole: Level::default(),
            loud_frames: 0,
            loud_looks: 0,
            tones: Vec::new(),
        }
    }
}

impl Measure {
    /// Takes the next samples.
    pub fn push(&mut self, mut samples: &[i16]) {
        while !samples.is_empty() {
            let of_frame = FRAME_SAMPLES - self.frame.samples;
            let of_window = spectrum::WINDOW - self.window.len();
            let (next, rest) = samples.split_at(samples.len().min(of_frame).min(of_window));
            samples = rest;
            self.whole.add(next);
            self.frame.add(next);
            if self.frame.samples == FRAME_SAMPLES {
                self.loud_frames += u32::from(self.frame.dbfs() > LOUD_DBFS);
                self.frame = Level::default();
            }
            self.window.extend_from_slice(next);
            if self.window.len() == spectrum::WINDOW {
                self.look();
                self.window.drain(..HOP);
            }
        }
    }

    /// What was heard so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let frames = self.whole.samples / FRAME_SAMPLES;
        Report {
            dbfs: (self.whole.samples > 0).then(|| self.whole.dbfs()),
            tone_hz: self.strongest(),
            loud_ms: self.loud_frames * FRAME_MS,
            heard_ms: u32::try_from(frames).unwrap_or(u32::MAX).saturating_mul(FRAME_MS),
        }
    }

    /// How many looks agreed on `hz` within one percent, as milliseconds of sound.
    #[must_use]
    pub fn tone_ms(&self, hz: f32) -> u32 {
        let looks: u32 =
            self.tones.iter().filter(|t| same(t.hz, hz)).map(|reading| reading.looks).sum();
        looks * u32::try_from(HOP / crate::SAMPLES_PER_MS).unwrap_or(0)
    }

    fn look(&mut self) {
        let mut level = Level::default();
        level.add(&self.window);
        if level.dbfs() <= LOUD_DBFS {
            return;
        }
        self.loud_looks += 1;
        let Some(hz) = spectrum::tone_hz(&self.window) else {
            return;
        };
        match self.tones.iter_mut().find(|reading| same(reading.hz, hz)) {
            Some(reading) => {
                reading.looks += 1;
                reading.hz += (hz - reading.hz) / reading.looks as f32;
            }
            None => self.tones.push(Reading { hz, looks: 1 }),
        }
    }

    fn strongest(&self) -> Option<f32> {
        let best = self.tones.iter().max_by_key(|reading| reading.looks)?;
        (best.looks * 4 >= self.loud_looks).then_some(best.hz)
    }
}

impl std::fmt::Debug for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measure").field("report", &self.report()).finish_non_exhaustive()
    }
}

fn same(a: f32, b: f32) -> bool {
    (a - b).abs() <= b * SAME_TONE
}

/// The mean power of some samples.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    squares: u64,
    samples: usize,
}

impl Level {
    fn add(&mut self, samples: &[i16]) {
        let square = |sample: &i16| u64::from(i32::from(*sample).pow(2).unsigned_abs());
        self.squares += samples.iter().map(square).sum::<u64>();
        self.samples += samples.len();
    }

    #[expect(clippy::cast_possible_truncation, reason = "a level in dB needs no more than f32")]
    fn dbfs(&self) -> f32 {
        let mean = self.squares as f64 / self.samples.max(1) as f64;
        let level = 10.0 * (mean / f64::from(i16::MIN).powi(2)).log10();
        (level as f32).max(FLOOR_DBFS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    fn heard(samples: &[i16]) -> Report {
        let mut measure = Measure::default();
        measure.push(samples);
        measure.report()
    }

    /// Uniform noise from a fixed seed (xorshift).
    fn noise(samples: usize, peak: i16) -> Vec<i16> {
        let mut state = 0x2545_f491_u32;
        (0..samples)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                i16::try_from(i64::from(state) % i64::from(2 * i32::from(peak)) - i64::from(peak))
                    .unwrap()
            })
            .collect()
    }

    #[test]
    fn tones_are_found_within_one_percent() {
        for hz in [20.0, 33.3, 50.0, 100.0, 440.0, 441.3, 1_000.0, 1_234.5, 3_400.0, 4_000.0] {
            let report = heard(&tone::sine(hz, -20.0, 1_000));
            let found = report.tone_hz.unwrap_or_else(|| panic!("{hz} not found"));
            assert!((found - hz).abs() <= hz * 0.01, "{hz} became {found}");
            assert!(report.is_tone(hz) && !report.is_tone(hz * 1.2));
        }
    }

    #[test]
    fn silence_noise_and_two_equal_tones_are_no_tone() {
        let silence = heard(&[0; 48_000]);
        assert_eq!((silence.tone_hz, silence.loud_ms), (None, 0));
        assert_eq!(silence.dbfs, Some(-96.0));
        let noisy = heard(&noise(96_000, 8_000));
        assert_eq!(noisy.tone_hz, None);
        assert!(noisy.is_sound());
        assert_eq!(heard(&tone::dual(697.0, 1_209.0, -20.0, 1_000)).tone_hz, None);
        assert_eq!(heard(&[]).dbfs, None);
    }

    #[test]
    fn a_tone_over_noise_is_found() {
        let mut mixed = tone::sine(700.0, -14.0, 2_000);
        for (sample, hiss) in mixed.iter_mut().zip(noise(96_000, 2_000)) {
            *sample += hiss;
        }
        let hz = heard(&mixed).tone_hz.unwrap();
        assert!((hz - 700.0).abs() < 7.0, "{hz}");
    }

    #[test]
    fn a_faint_signal_is_not_loud() {
        let report = heard(&tone::sine(440.0, -50.0, 1_000));
        assert_eq!((report.loud_ms, report.tone_hz), (0, None));
        assert!(!report.is_sound());
    }

    #[test]
    fn a_short_tone_in_silence_is_heard_for_as_long_as_it_lasts() {
        let mut samples = vec![0; 48_000];
        samples.extend(tone::sine(880.0, -20.0, 500));
        samples.extend([0; 96_000]);
        let report = heard(&samples);
        assert_eq!(report.loud_ms, 500);
        assert_eq!(report.heard_ms, 3_500);
        assert!(report.is_tone(880.0));
    }

    #[test]
    fn the_longer_of_two_tones_wins_and_both_are_counted() {
        let mut measure = Measure::default();
        measure.push(&tone::sine(440.0, -20.0, 3_000));
        measure.push(&tone::sine(660.0, -20.0, 1_500));
        assert!((measure.report().tone_hz.unwrap() - 440.0).abs() < 4.4);
        assert!(measure.tone_ms(660.0) > 900);
        assert_eq!(measure.tone_ms(500.0), 0);
    }
}
