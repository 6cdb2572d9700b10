//! How does a voice become shorter without a word left out?
//!
//! By whole periods: where 10 ms sound as the 10 ms a little later do, the first go over into the second,
//! and what was between is gone (waveform similarity overlap-add: Verhelst and Roelands 1993, as NetEQ does
//! it). Pitch, loudness and phase stay.
//!
//! ```text
//!   ├─ overlap ─┤
//!   before      ╲╲╲╲╲╲╲╲╲╲╲ · · · · · · · · · ·          heard: a slow change from the one to the other,
//!   · · · · · · ╱╱╱╱╱╱╱╱╱╱╱ after ─────────▶             then what follows
//!          ├lag┤├─ overlap ─┤
//! ```
//!
//! Silence is as like itself as can be and is left out as soon as a pause is one. Of what keys sound like,
//! and of pauses, so much is always heard first that a listener for keys takes each for what it is. What
//! never sounds as it did (noise, music) is cut where it does most, the sooner the longer it was waited.

use crate::{FRAME_MS, FRAME_SAMPLES, keypad, sample::clip};

/// How alike is alike enough, from 0 to 1; so much less with each frame that was waited for it, but never
/// the opposite: that would be a hole.
const ALIKE: f32 = 0.9;
const ALIKE_LESS: f32 = 0.01;
const ALIKE_MIN: f32 = 0.0;

/// Of two that are alike the longer one is taken, unless the shorter is so much more alike.
const ALIKE_SLACK: f32 = 0.01;

/// Below this it is a pause: −50 dBFS, as loud as a quiet room.
const SILENCE_RMS: f32 = 104.0;

/// Frames of a pause that are always heard: 60 ms, for two keys 40 ms apart are two.
const SILENCE_HEARD: u32 = 3;

/// What a key is known by: 20 ms at 8 kHz.
const KEY_LOOK: usize = 160;

/// Frames of a key that are always heard: 80 ms, for one of 40 ms counts.
const KEY_HEARD: u32 = 4;

/// One voice being shortened, so many samples in a frame of 20 ms.
#[derive(Debug, Default)]
pub(crate) struct Stretch<const FRAME: usize = FRAME_SAMPLES> {
    sound: Sound,
    /// Frames that sounded so, before this one.
    lasted: u32,
    /// Frames that nothing could be taken from.
    refused: u32,
    /// Whether the last frame was cut: the next one is not, so that nobody speaks at twice the pace.
    rests: bool,
}

/// What is to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sound {
    #[default]
    Other,
    Silence,
    Key,
}

impl<const FRAME: usize> Stretch<FRAME> {
    const PER_MS: usize = FRAME / FRAME_MS as usize;

    /// In how many samples one sound goes over into the other.
    const OVERLAP: usize = 10 * Self::PER_MS;

    /// In how many it does where one is silent, or where there is no choice.
    const SEAM: usize = 5 * Self::PER_MS;

    /// The periods that are looked for: voices from 80 to 400 Hz.
    const LAG_MIN: usize = 5 * Self::PER_MS / 2;
    const LAG_MAX: usize = 25 * Self::PER_MS / 2;

    /// Samples for each at 8 kHz that is looked at first.
    const TIMES: usize = FRAME / KEY_LOOK;

    /// Takes at most `most` samples out of what is heard next; how many. To be asked once for each frame
    /// that is heard, with a frame at least and better two.
    pub(crate) fn shorten(&mut self, samples: &mut Vec<i16>, most: usize) -> usize {
        let silent = Self::silence(samples);
        let slow = Self::slower(samples);
        let sound = if silent >= FRAME {
            Sound::Silence
        } else if keypad::may_be_key(slow.get(..KEY_LOOK).unwrap_or(&slow)) {
            Sound::Key
        } else {
            Sound::Other
        };
        self.lasted = if sound == self.sound { self.lasted.saturating_add(1) } else { 0 };
        self.sound = sound;
        if std::mem::take(&mut self.rests) {
            return 0;
        }
        match sound {
            Sound::Silence if self.lasted >= SILENCE_HEARD => {
                let lag = most.min(silent - Self::SEAM);
                join(samples, lag, Self::SEAM);
                lag
            }
            Sound::Key if self.lasted < KEY_HEARD => 0,
            Sound::Silence => 0,
            Sound::Key | Sound::Other => self.shorten_by_periods(samples, &slow, most),
        }
    }

    /// Forgets what was waited for.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    fn shorten_by_periods(&mut self, samples: &mut Vec<i16>, slow: &[f32], most: usize) -> usize {
        let wanted = (ALIKE - ALIKE_LESS * self.refused as f32).max(ALIKE_MIN);
        match Self::period(samples, slow, most).filter(|(_, alike)| *alike >= wanted) {
            Some((lag, _)) => {
                join(samples, lag, Self::OVERLAP);
                self.rests = true;
                lag
            }
            None => {
                self.refused = self.refused.saturating_add(1);
                0
            }
        }
    }

    /// How many samples are silent before anything else is.
    fn silence(samples: &[i16]) -> usize {
        let is_silent = |block: &&[i16]| {
            let squares: f32 = block.iter().map(|sample| f32::from(*sample).powi(2)).sum();
            squares <= SILENCE_RMS.powi(2) * block.len() as f32
        };
        samples.chunks_exact(Self::SEAM).take_while(is_silent).count() * Self::SEAM
    }

    /// At 8 kHz, good enough to find a period in.
    fn slower(samples: &[i16]) -> Vec<f32> {
        let mean =
            |part: &[i16]| part.iter().map(|it| f32::from(*it)).sum::<f32>() / Self::TIMES as f32;
        samples.chunks_exact(Self::TIMES).map(mean).collect()
    }

    /// After how many samples it sounds the same again, and how much so.
    fn period(samples: &[i16], slow: &[f32], most: usize) -> Option<(usize, f32)> {
        let longest = Self::LAG_MAX.min(most).min(samples.len().checked_sub(Self::OVERLAP)?);
        if longest < Self::LAG_MIN {
            return None;
        }
        let (first, last) = (Self::LAG_MIN / Self::TIMES, longest / Self::TIMES);
        let looks = (first..=last).map(|lag| (lag, alike(slow, lag, Self::OVERLAP / Self::TIMES)));
        let looks: Vec<(usize, f32)> = looks.collect();
        let best = looks.iter().fold(f32::MIN, |best, (_, alike)| best.max(*alike));
        let (near, _) = looks.into_iter().rfind(|(_, alike)| *alike >= best - ALIKE_SLACK)?;

        let fine: Vec<f32> = samples.iter().map(|sample| f32::from(*sample)).collect();
        let around = (near * Self::TIMES).saturating_sub(Self::TIMES - 1)
            ..=(near * Self::TIMES + Self::TIMES - 1).min(longest);
        around
            .map(|lag| (lag, alike(&fine, lag, Self::OVERLAP)))
            .max_by(|(_, one), (_, other)| one.total_cmp(other))
    }
}

/// How much the first samples are like those a while later, whatever their loudness: 1 is the same.
fn alike(samples: &[f32], lag: usize, length: usize) -> f32 {
    let (Some(early), Some(late)) = (samples.get(..length), samples.get(lag..lag + length)) else {
        return 0.0;
    };
    let both: f32 = early.iter().zip(late).map(|(one, other)| one * other).sum();
    let energies = keypad::energy(early) * keypad::energy(late);
    if energies > 0.0 { both / energies.sqrt() } else { 0.0 }
}

/// Takes out `lag` samples: the first go over into what comes so much later.
fn join(samples: &mut Vec<i16>, lag: usize, overlap: usize) {
    let early: Vec<i16> = samples.iter().copied().take(overlap).collect();
    samples.drain(..lag);
    fade(&early, samples);
}

/// What is heard goes over from `early` into what stands there.
pub(crate) fn fade(early: &[i16], samples: &mut [i16]) {
    let length = early.len() as f32;
    for (nth, (late, early)) in samples.iter_mut().zip(early).enumerate() {
        let share = (nth as f32 + 0.5) / length;
        *late = clip(f32::from(*early) * (1.0 - share) + f32::from(*late) * share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SAMPLES_PER_MS,
        measure::{LOUD_DBFS, Measure, Report},
        tone,
    };

    /// What is heard where as much is taken out as can be, two frames in hand as in the jitter buffer.
    fn heard(signal: &[i16]) -> Vec<i16> {
        let mut stretch = Stretch::<FRAME_SAMPLES>::default();
        let (mut ready, mut output) = (Vec::new(), Vec::new());
        let mut signal = signal.iter().copied();
        loop {
            ready.extend(signal.by_ref().take(2 * FRAME_SAMPLES - ready.len()));
            if ready.len() < 2 * FRAME_SAMPLES {
                output.append(&mut ready);
                return output;
            }
            stretch.shorten(&mut ready, usize::MAX);
            output.extend(ready.drain(..ready.len().min(FRAME_SAMPLES)));
        }
    }

    fn report(samples: &[i16]) -> Report {
        let mut measure = Measure::default();
        measure.push(samples);
        measure.report()
    }

    fn steepest(samples: &[i16]) -> i32 {
        let step = |pair: &[i16]| (i32::from(pair[1]) - i32::from(pair[0])).abs();
        samples.windows(2).map(step).max().unwrap_or(0)
    }

    /// Uniform noise from a fixed seed (xorshift).
    fn noise(samples: usize) -> Vec<i16> {
        let mut state = 0x2545_f491_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            i16::try_from(state % 4_000).unwrap() - 2_000
        };
        (0..samples).map(|_| next()).collect()
    }

    #[test]
    fn a_sine_stays_one_without_a_step_and_as_loud() {
        for hz in [85.0, 120.0, 220.0, 440.0, 697.0, 1_000.0, 1_633.0, 3_000.0] {
            let sine = tone::sine(hz, -12.0, 3_000);
            let shorter = heard(&sine);
            let share = shorter.len() as f32 / sine.len() as f32;
            assert!((0.5..0.9).contains(&share), "{hz}: {share}");
            let (was, is) = (report(&sine), report(&shorter));
            assert!(is.is_tone(hz), "{hz}: {is:?}");
            assert!((is.dbfs.unwrap() - was.dbfs.unwrap()).abs() < 0.2, "{hz}: {is:?}");
            let (was, is) = (steepest(&sine), steepest(&shorter));
            assert!(is <= was + was / 20 + 2, "{hz}: a step of {is}, not {was}");
        }
    }

    #[test]
    fn a_pause_is_left_out_at_once_but_for_sixty_milliseconds() {
        let mut signal = tone::sine(1_000.0, -15.0, 20);
        signal.extend([20; 1_000 * SAMPLES_PER_MS]);
        let shorter = heard(&signal);
        let left = shorter.len() / SAMPLES_PER_MS - 20;
        assert!((60..=200).contains(&left), "{left} ms of a second: an eighth of what comes after");
    }

    /// Sixteen keys, 40 ms each and 40 ms apart, as Q.24 lets them be.
    #[test]
    fn keys_are_heard_whole_and_apart() {
        let mut signal = vec![0; 100 * SAMPLES_PER_MS];
        for row in keypad::ROWS_HZ {
            for column in keypad::COLUMNS_HZ {
                signal.extend(tone::dual(row, column, -15.0, 40));
                signal.extend([0; 40 * SAMPLES_PER_MS]);
            }
        }
        signal.extend([0; 200 * SAMPLES_PER_MS]);
        let shorter = heard(&signal);
        assert!(shorter.len() < signal.len(), "the pauses around them were left out");
        let mut stretches: Vec<(bool, usize)> = Vec::new();
        for block in shorter.chunks(SAMPLES_PER_MS * 2) {
            let is_loud = report(block).dbfs.is_some_and(|dbfs| dbfs > LOUD_DBFS);
            match stretches.last_mut() {
                Some((was_loud, blocks)) if *was_loud == is_loud => *blocks += 1,
                Some(_) | None => stretches.push((is_loud, 1)),
            }
        }
        let keys: Vec<usize> = stretches.iter().filter(|it| it.0).map(|it| it.1 * 2).collect();
        assert_eq!(keys.len(), 16, "{stretches:?}");
        assert!(keys.iter().all(|ms| (38..=42).contains(ms)), "{keys:?}");
        let between = &stretches[2..stretches.len() - 2];
        assert!(between.iter().filter(|it| !it.0).all(|it| it.1 * 2 >= 38), "{stretches:?}");
    }

    #[test]
    fn a_key_that_is_held_is_shortened_and_stays_that_key() {
        let signal = tone::dual(770.0, 1_336.0, -15.0, 1_000);
        let shorter = heard(&signal);
        assert!(shorter.len() < signal.len() * 9 / 10, "{}", shorter.len());
        for frame in shorter.chunks_exact(FRAME_SAMPLES) {
            assert!(keypad::may_be_key(&<Stretch>::slower(frame)));
        }
        let (was, is) = (steepest(&signal), steepest(&shorter));
        assert!(is <= was + was / 20, "a step of {is}, not {was}");
    }

    /// Nothing in it is like anything else, and yet nobody is late for ever.
    #[test]
    fn noise_is_shortened_in_the_end_and_is_as_loud_as_before() {
        let signal = noise(5_000 * SAMPLES_PER_MS);
        let shorter = heard(&signal);
        let taken = (signal.len() - shorter.len()) / SAMPLES_PER_MS;
        assert!((300..2_000).contains(&taken), "{taken} ms of 5 s");
        let (was, is) = (report(&signal).dbfs.unwrap(), report(&shorter).dbfs.unwrap());
        assert!((was - is).abs() < 1.0, "{was} dBFS became {is}");
    }

    #[test]
    fn what_is_too_short_is_left_as_it_is() {
        let mut stretch: Stretch = Stretch::default();
        let (overlap, lag) = (<Stretch>::OVERLAP, <Stretch>::LAG_MIN);
        for length in [0, 1, 100, overlap, overlap + lag - 1] {
            let mut samples = tone::sine(400.0, -15.0, 20)[..length].to_vec();
            assert_eq!(stretch.shorten(&mut samples, 5_000), 0);
            assert_eq!(samples.len(), length);
        }
        let mut silence = vec![0; FRAME_SAMPLES];
        for _ in 0..10 {
            stretch.shorten(&mut silence, 5_000);
        }
        assert!(silence.len() >= <Stretch>::SEAM);
    }
}
