//! Does the user speak?
//!
//! A small neural network (`earshot`) says for every 16 ms how likely somebody speaks; what is told is
//! the turn: speech begins when that is likely for a while, and ceases when it is not for longer. The network
//! takes tones for speech, so that what is nothing but tones counts as none. Silence is told once, when nobody,
//! neither the user nor whoever talks with the user, has said anything for a time.

use std::collections::VecDeque;

use crate::{
    FRAME_MS, SAMPLE_RATE,
    opus::WIDEBAND_RATE,
    resample::Resampler,
    tonality::{self, Tonality},
};

/// Samples of one look: 16 ms at 16 kHz.
const LOOK_SAMPLES: usize = 256;
const LOOK_MS: u64 = 16;

/// From this score on it is speech: noise that begins is given up to 0.78 in our tests, a voice 0.9.
const SPEECH: f32 = 0.8;
/// Below this one it is none. In between nothing changes.
const NO_SPEECH: f32 = 0.65;

/// How long it must look like speech before it is: a knock is none.
const BEGINS_AFTER_MS: u64 = 64;
/// How long it must not look like speech before it is over: people pause between words.
const CEASES_AFTER_MS: u64 = 400;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Somebody began to speak.
    Began {
        /// Where in what was heard so far, in milliseconds.
        at_ms: u64,
    },
    /// Nobody speaks any more.
    Ceased {
        /// Where the last of it was.
        at_ms: u64,
    },
    /// Nobody has said anything for the time that was asked for.
    Silent {
        /// That time.
        ms: u64,
    },
}

/// Listens to one voice.
pub struct Activity {
    detector: Box<earshot::Detector>,
    resampler: Option<Resampler>,
    /// Samples at 16 kHz that are no whole look yet.
    waiting: Vec<i16>,
    /// The last that was looked at.
    seen: VecDeque<i16>,
    tonality: Tonality,
    looked_ms: u64,
    heard_ms: u64,
    state: State,
    /// How long silence lasts until it is told; never when absent.
    silent_after_ms: Option<u64>,
    silence: Silence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has looked like speech for so long.
    Quiet { likely_ms: u64 },
    /// It has not looked like speech for so long.
    Speech { unlikely_ms: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    Lasts { ms: u64 },
    Told,
}

impl std::fmt::Debug for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activity").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Activity {
    /// For a voice of 48 kHz that has not been heard yet; `silent_after_ms` is when silence is told.
    #[must_use]
    pub fn new(silent_after_ms: Option<u64>) -> Self {
        Self::of(Some(Resampler::between(SAMPLE_RATE, WIDEBAND_RATE)), silent_after_ms)
    }

    /// As [`Self::new`], for a voice of 16 kHz.
    #[must_use]
    pub fn wideband(silent_after_ms: Option<u64>) -> Self {
        Self::of(None, silent_after_ms)
    }

    fn of(resampler: Option<Resampler>, silent_after_ms: Option<u64>) -> Self {
        Self {
            detector: earshot::Detector::default_boxed(),
            resampler,
            waiting: Vec::with_capacity(2 * LOOK_SAMPLES),
            seen: std::iter::repeat_n(0, tonality::WINDOW).collect(),
            tonality: Tonality::new(),
            looked_ms: 0,
            heard_ms: 0,
            state: State::Quiet { likely_ms: 0 },
            silent_after_ms,
            silence: Silence::Lasts { ms: 0 },
        }
    }

    /// Takes 20 ms; `is_answered` is whether the other side speaks meanwhile, when a user who says
    /// nothing is listening.
    pub fn hear(&mut self, frame: &[i16], is_answered: bool) -> Vec<Turn> {
        match &mut self.resampler {
            Some(resampler) => self.waiting.extend(resampler.push(frame)),
            None => self.waiting.extend_from_slice(frame),
        }
        self.heard_ms += u64::from(FRAME_MS);
        let mut turns = Vec::new();
        while let Some(look) = self.waiting.get(..LOOK_SAMPLES) {
            let score = self.detector.predict_i16(look);
            self.seen.drain(..LOOK_SAMPLES);
            self.seen.extend(self.waiting.drain(..LOOK_SAMPLES));
            let score = if score >= NO_SPEECH && self.tonality.is_tone(self.seen.iter()) {
                0.0
            } else {
                score
            };
            self.looked_ms += LOOK_MS;
            turns.extend(self.look(score));
        }
        turns.extend(self.keep_silence(is_answered));
        turns
    }

    /// How much was heard so far, in milliseconds.
    #[must_use]
    pub fn heard_ms(&self) -> u64 {
        self.heard_ms
    }

    fn look(&mut self, score: f32) -> Option<Turn> {
        match self.state {
            State::Quiet { likely_ms } if score >= SPEECH => {
                let likely_ms = likely_ms + LOOK_MS;
                if likely_ms < BEGINS_AFTER_MS {
                    self.state = State::Quiet { likely_ms };
                    return None;
                }
                self.state = State::Speech { unlikely_ms: 0 };
                Some(Turn::Began { at_ms: self.looked_ms - likely_ms })
            }
            State::Quiet { .. } => {
                self.state = State::Quiet { likely_ms: 0 };
                None
            }
            State::Speech { unlikely_ms } if score < NO_SPEECH => {
                let unlikely_ms = unlikely_ms + LOOK_MS;
                if unlikely_ms < CEASES_AFTER_MS {
                    self.state = State::Speech { unlikely_ms };
                    return None;
                }
                self.state = State::Quiet { likely_ms: 0 };
                Some(Turn::Ceased { at_ms: self.looked_ms - unlikely_ms })
            }
            State::Speech { .. } => {
                self.state = State::Speech { unlikely_ms: 0 };
                None
            }
        }
    }

    fn keep_silence(&mut self, is_answered: bool) -> Option<Turn> {
        let speaks = matches!(self.state, State::Speech { .. });
        if speaks || is_answered {
            self.silence = Silence::Lasts { ms: 0 };
            return None;
        }
        let Silence::Lasts { ms } = self.silence else { return None };
        let ms = ms + u64::from(FRAME_MS);
        self.silence = Silence::Lasts { ms };
        let told = self.silent_after_ms.filter(|after| *after <= ms)?;
        self.silence = Silence::Told;
        Some(Turn::Silent { ms: told })
    }
}
