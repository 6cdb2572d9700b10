//! What is heard of a party that sends nothing while it is silent?
//!
//! Its room, as loud as it was in its last pauses: a line that goes dead between words sounds broken.
//! [`Comfort`] listens to a voice for its quietest frames of the last one to two seconds, or is told the
//! level by the party (RFC 3389), and makes as much noise, darker than white as rooms are. Where a party's
//! own pauses are digital silence, so is this.

use crate::{FRAME_SAMPLES, jitter::Frame, sample::clip};

/// Frames of which the quietest is kept; then the next ones count: a second.
const KEPT: u32 = 50;

/// Frames that must have been heard before anything is known: a fifth of a second.
const KNOWN: u32 = 10;

/// So much louder than its quietest frame in a second a room is: 1.5 dB.
const LOUDER: f32 = 1.19;

/// Quieter than this nobody hears it, and it is silence: −80 dBov.
const QUIETEST_RMS: f32 = 3.28;

/// Louder than this is no room: −50 dBov where it is a guess, −40 where the party says so.
const GUESSED_MAX_RMS: f32 = 104.0;
const TOLD_MAX_RMS: f32 = 328.0;

/// How much of each sample stays in the next: noise that falls from about 1 kHz on.
const DARK: f32 = 0.88;

/// The noise of one party.
#[derive(Debug, Clone)]
pub struct Comfort {
    /// The quietest frame of those being heard now, and how many.
    now: (f32, u32),
    /// The quietest of those before.
    before: Option<f32>,
    /// What the party said.
    told: Option<f32>,
    /// How loud the last frame of noise ended, for it begins and changes slowly.
    level: f32,
    seed: u32,
    last: f32,
}

impl Default for Comfort {
    fn default() -> Self {
        let (now, before, told) = ((f32::MAX, 0), None, None);
        Self { now, before, told, level: 0.0, seed: 0x2545_f491, last: 0.0 }
    }
}

impl Comfort {
    /// Takes what the party sent; frames that were made up for it say nothing about its room.
    pub fn hear(&mut self, samples: &[i16]) {
        for frame in samples.chunks_exact(FRAME_SAMPLES) {
            let squares: f32 = frame.iter().map(|sample| f32::from(*sample).powi(2)).sum();
            let rms = (squares / FRAME_SAMPLES as f32).sqrt();
            let (least, frames) = self.now;
            self.now = (least.min(rms), frames + 1);
            if self.now.1 >= KEPT {
                self.before = Some(self.now.0);
                self.now = (f32::MAX, 0);
            }
        }
        if !samples.is_empty() {
            self.level = 0.0;
        }
    }

    /// Takes the payload of a packet of comfort noise (RFC 3389): its level; its colour is not looked at.
    pub fn told(&mut self, payload: &[u8]) {
        let level = payload.first().map(|level| f32::from(level & 0x7f));
        self.told = level.map(|below| 32_768.0 * 10f32.powf(-below / 20.0));
    }

    /// 20 ms of noise; `None` where there is nothing to be heard.
    pub fn frame(&mut self) -> Option<Frame> {
        let wanted = self.wanted()?;
        // A one-pole filter leaves so much of white noise, and uniform noise is so loud.
        let white = (3.0 * (1.0 + DARK) / (1.0 - DARK)).sqrt();
        let (from, mut frame) = (self.level, [0; FRAME_SAMPLES]);
        for (at, out) in frame.iter_mut().enumerate() {
            let share = at as f32 / FRAME_SAMPLES as f32;
            self.last = self.last * DARK + self.uniform() * white * (1.0 - DARK);
            *out = clip(self.last * (from + (wanted - from) * share));
        }
        self.level = wanted;
        Some(frame)
    }

    /// So many samples of noise, or of silence.
    pub fn fill(&mut self, samples: usize) -> Vec<i16> {
        let mut filled = Vec::with_capacity(samples + FRAME_SAMPLES);
        while filled.len() < samples {
            filled.extend(self.frame().unwrap_or([0; FRAME_SAMPLES]));
        }
        filled.truncate(samples);
        filled
    }

    fn wanted(&self) -> Option<f32> {
        let heard = match (self.before, self.now) {
            (Some(before), (now, _)) => Some(before.min(now)),
            (None, (now, frames)) if frames >= KNOWN => Some(now),
            (None, _) => None,
        };
        let level = match self.told {
            Some(told) => Some(told.min(TOLD_MAX_RMS)),
            None => heard.map(|heard| (heard * LOUDER).min(GUESSED_MAX_RMS)),
        };
        level.filter(|level| *level >= QUIETEST_RMS)
    }

    /// Between −1 and 1 (xorshift): the same noise each time.
    fn uniform(&mut self) -> f32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        self.seed as f32 / u32::MAX as f32 * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Measure, tone};

    fn dbov(samples: &[i16]) -> f32 {
        let mut measure = Measure::default();
        measure.push(samples);
        measure.report().dbfs.unwrap()
    }

    /// A room so loud.
    fn room(below: u8, ms: usize) -> Vec<i16> {
        let mut comfort = Comfort::default();
        comfort.told(&[below]);
        // It begins slowly.
        comfort.frame();
        comfort.fill(ms * 48)
    }

    fn noise_after(heard: &[i16]) -> Vec<i16> {
        let mut comfort = Comfort::default();
        comfort.hear(heard);
        comfort.frame();
        comfort.fill(48_000)
    }

    #[test]
    fn it_is_as_loud_as_the_party_says() {
        for (below, expected) in
            [(40, -40.0), (55, -55.0), (70, -70.0), (20, -40.0), (0x80 | 60, -60.0)]
        {
            let is = dbov(&room(below, 1_000));
            assert!((is - expected).abs() < 1.0, "{below}: {is} dBov");
        }
        let mut comfort = Comfort::default();
        comfort.told(&[100]);
        assert_eq!(comfort.frame(), None, "nobody hears it");
        comfort.told(&[]);
        assert_eq!(comfort.frame(), None, "nothing is said");
    }

    #[test]
    fn it_is_as_loud_as_the_pauses_were_and_not_as_the_words() {
        for below in [52, 60, 70] {
            let mut heard = room(below, 600);
            heard.extend(tone::sine(300.0, -20.0, 700));
            heard.extend(room(below, 200));
            heard.extend(tone::sine(300.0, -20.0, 400));
            let is = dbov(&noise_after(&heard));
            assert!((is + f32::from(below)).abs() < 3.0, "{below}: {is} dBov");
        }
    }

    #[test]
    fn there_is_none_where_nothing_is_known_or_the_pauses_are_silent() {
        assert_eq!(Comfort::default().frame(), None);
        assert_eq!(dbov(&noise_after(&room(60, 100))), -96.0, "too short to know");
        let mut silent = tone::sine(300.0, -20.0, 1_000);
        silent.extend([0; 100 * 48]);
        assert_eq!(dbov(&noise_after(&silent)), -96.0);
        assert!(dbov(&noise_after(&tone::sine(300.0, -20.0, 3_000))) < -48.0, "no room is so loud");
    }

    #[test]
    fn it_begins_slowly_and_is_no_tone() {
        let mut comfort = Comfort::default();
        comfort.told(&[45]);
        let noise = comfort.fill(3_000 * 48);
        assert!(dbov(&noise[..240]) < dbov(&noise[4_800..]) - 6.0);
        let mut measure = Measure::default();
        measure.push(&noise);
        assert_eq!(measure.report().tone_hz, None);
    }
}
