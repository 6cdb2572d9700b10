//! Which keys are in what is heard?
//!
//! A telephone without telephone-events sends a key as what it sounds like: two tones (`keypad`).
//! [`InBand`] listens to a voice and tells each press once, as soon as it is sure: some 35 ms after it began.
//!
//! ```text
//!   looks of 13 ms, one every 6 ms:   four in a row with the same key ──▶ told ──▶ three without it ──▶ over
//! ```
//!
//! ITU-T Q.24 says what a key is, and what is none. A look has a key where one row and one column hold most
//! of the energy, clearly more than their neighbours, neither much louder than the other. Four looks are a
//! press if they are as loud as each other and both tones are where they belong, which the turning of their
//! phase from look to look says better than any look. Speech and music are hardly ever all of this for 30 ms.

use std::f32::consts::TAU;

use crate::{
    SAMPLE_RATE, g711,
    keypad::{self, COLUMNS_HZ, RATE, ROWS_HZ, Tone},
    resample::Resampler,
};

/// Samples of a look: 12.75 ms, in which no two tones look the same.
const LOOK: usize = 102;

/// Samples between two looks.
const STEP: usize = LOOK / 2;

/// So many looks with the same key are a press: 32 ms. In 40 ms are four whole ones wherever they begin.
const PRESSED: usize = 4;

/// So many looks without it are its end: two presses are 40 ms apart, and 10 ms without it are none.
const RELEASED: u32 = 3;

/// What a press must not fall below in any of its looks, against its loudest: a look with its begin in it
/// does, so that 23 ms are no press.
const EVEN: f32 = 0.75;

/// A look has so little of a key that is over.
const GONE: f32 = 0.1;

/// The least energy of a tone: −40 dBFS, −34 dBm0. Q.24 wants −25 dBm0 taken and −55 not.
const FAINTEST_RMS: f32 = 327.68;

/// How much of all energy both tones hold. Noise 15 dB below them takes 3 %, tones at the edge of what is
/// theirs seem to lack a third.
const SHARE: f32 = 0.62;

/// How much stronger than its neighbours a tone is: 6 dB.
const CLEAR: f32 = 4.0;

/// How much stronger the column may be, and the row: 4 and 8 dB, and 2.5 that a tone at the edge seems to lack.
const COLUMN_TWIST: f32 = 4.5;
const ROW_TWIST: f32 = 11.2;

/// How far from where it belongs a tone may be: 1.5 % and 2 Hz must be taken, 3.5 % must not.
const OFF: f32 = 0.026;

/// The keys by row and column.
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Listens to one voice for keys.
#[derive(Debug)]
pub struct InBand {
    slower: Resampler,
    heard: Vec<f32>,
    /// Looks in a row that had the same key.
    run: Vec<Look>,
    press: Press,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Press {
    None,
    Down {
        key: Key,
        /// The energy of its tones in the look that was loudest.
        loudest: f32,
        /// Looks in a row without it.
        gone: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    row: usize,
    column: usize,
}

/// A look that had a key.
#[derive(Debug, Clone, Copy)]
struct Look {
    key: Key,
    row: Tone,
    column: Tone,
    energy: f32,
}

impl Default for InBand {
    fn default() -> Self {
        Self {
            slower: Resampler::between(SAMPLE_RATE, g711::RATE),
            heard: Vec::new(),
            run: Vec::new(),
            press: Press::None,
        }
    }
}

impl InBand {
    /// Takes the next samples at 48 kHz; the signs of the keys that are pressed in them.
    pub fn push(&mut self, samples: &[i16]) -> Vec<char> {
        let slow = self.slower.push(samples);
        self.heard.extend(slow.into_iter().map(f32::from));
        let mut keys = Vec::new();
        let mut at = 0;
        while let Some(look) = self.heard.get(at..at + LOOK) {
            let look = (look_at(look), self.press.energy_in(look));
            keys.extend(self.take(look).map(Key::sign));
            at += STEP;
        }
        self.heard.drain(..at);
        keys
    }

    /// Takes a look and what it has of the key that is down; a key that is pressed by now.
    fn take(&mut self, (look, of_press): (Option<Look>, f32)) -> Option<Key> {
        self.press.hear(of_press);
        let Some(look) = look else {
            self.run.clear();
            return None;
        };
        if self.run.last().is_some_and(|last| last.key != look.key) {
            self.run.clear();
        }
        if self.run.len() == PRESSED {
            self.run.remove(0);
        }
        self.run.push(look);
        if self.run.len() < PRESSED || self.press.is(look.key) || !is_press(&self.run) {
            return None;
        }
        let loudest = self.run.iter().fold(0.0, |most, look| look.energy.max(most));
        self.press = Press::Down { key: look.key, loudest, gone: 0 };
        Some(look.key)
    }
}

impl Press {
    fn is(self, pressed: Key) -> bool {
        match self {
            Self::None => false,
            Self::Down { key, .. } => key == pressed,
        }
    }

    /// What a look has of the key that is down.
    fn energy_in(self, look: &[f32]) -> f32 {
        match self {
            Self::None => 0.0,
            Self::Down { key: Key { row, column }, .. } => {
                keypad::energy_at(look, ROWS_HZ[row]) + keypad::energy_at(look, COLUMNS_HZ[column])
            }
        }
    }

    fn hear(&mut self, energy: f32) {
        match self {
            Self::None => {}
            Self::Down { loudest, gone, .. } => {
                *gone = if energy < *loudest * GONE { *gone + 1 } else { 0 };
                *loudest = loudest.max(energy);
                if *gone >= RELEASED {
                    *self = Self::None;
                }
            }
        }
    }
}

impl Key {
    const fn sign(self) -> char {
        KEYS[self.row][self.column]
    }
}

/// The key in this, if there is one.
fn look_at(samples: &[f32]) -> Option<Look> {
    let energy = keypad::energy(samples);
    let least = FAINTEST_RMS.powi(2) * samples.len() as f32;
    if energy < least {
        return None;
    }
    let (row, of_row) = clearest(samples, ROWS_HZ)?;
    let (column, of_column) = clearest(samples, COLUMNS_HZ)?;
    let (low, high) = (of_row.energy, of_column.energy);
    let is_loud = low.min(high) >= least;
    let is_balanced = high <= low * COLUMN_TWIST && low <= high * ROW_TWIST;
    let is_all = low + high >= energy * SHARE;
    (is_loud && is_balanced && is_all).then_some(Look {
        key: Key { row, column },
        row: of_row,
        column: of_column,
        energy,
    })
}

/// The tone of a group that is clearly stronger than the others of it.
fn clearest(samples: &[f32], group: [f32; 4]) -> Option<(usize, Tone)> {
    let tones = group.map(|hz| Tone::of(samples, hz));
    let (best, tone) =
        tones.into_iter().enumerate().max_by(|(_, a), (_, b)| a.energy.total_cmp(&b.energy))?;
    let others = tones.iter().enumerate().filter(|(nth, _)| *nth != best);
    let is_clear = others.fold(0.0f32, |most, (_, other)| most.max(other.energy)) * CLEAR;
    (tone.energy >= is_clear).then_some((best, tone))
}

/// Whether looks of one key are a press of it.
fn is_press(run: &[Look]) -> bool {
    let (least, most) = run.iter().fold((f32::MAX, 0.0f32), |(least, most), look| {
        (least.min(look.energy), most.max(look.energy))
    });
    let Some(Key { row, column }) = run.first().map(|look| look.key) else { return false };
    let of_row = off_hz(run.iter().map(|look| look.row), ROWS_HZ[row]);
    let of_column = off_hz(run.iter().map(|look| look.column), COLUMNS_HZ[column]);
    least >= most * EVEN
        && of_row.abs() <= ROWS_HZ[row] * OFF
        && of_column.abs() <= COLUMNS_HZ[column] * OFF
}

/// How far from where it belongs a tone is, by how its phase turns from look to look.
fn off_hz(tones: impl Iterator<Item = Tone> + Clone, hz: f32) -> f32 {
    let expected = TAU * (hz * STEP as f32 / RATE).fract();
    let pairs = tones.clone().zip(tones.skip(1));
    let (re, im) = pairs.fold((0.0, 0.0), |(re, im), (before, after)| {
        let turned = after.turned_from(before, expected);
        (re + turned.0, im + turned.1)
    });
    im.atan2(re) / TAU * RATE / STEP as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SAMPLES_PER_MS, sample::clip};

    /// What a press is made of; as Q.23 wants it until something is changed.
    #[derive(Clone, Copy)]
    struct Made {
        row_off: f32,
        column_off: f32,
        row_dbm: f32,
        column_dbm: f32,
        ms: usize,
        /// How far below the tones there is noise.
        noise_db: Option<f32>,
    }

    const NORMAL: Made = Made {
        row_off: 0.0,
        column_off: 0.0,
        row_dbm: -9.0,
        column_dbm: -7.0,
        ms: 40,
        noise_db: None,
    };

    /// The peak of a sine so loud; the loudest there is has 3.17 dBm0.
    fn peak(dbm: f32) -> f32 {
        f32::from(i16::MAX) * 10f32.powf((dbm - 3.17) / 20.0)
    }

    fn press(key: Key, made: Made) -> Vec<i16> {
        let row = ROWS_HZ[key.row] * (1.0 + made.row_off);
        let column = COLUMNS_HZ[key.column] * (1.0 + made.column_off);
        let loud = (peak(made.row_dbm).powi(2) + peak(made.column_dbm).powi(2)).sqrt();
        let hiss = made.noise_db.map_or(0.0, |db| loud * 10f32.powf(-db / 20.0));
        let mut state = 0x2545_f491_u32;
        (0..made.ms * SAMPLES_PER_MS)
            .map(|n| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                // Uniform, so as loud as a sine of the same root mean square; in 4 of 24 kHz.
                let noise =
                    (state as f32 / u32::MAX as f32 - 0.5) * hiss * 6f32.sqrt() * 6f32.sqrt();
                let tone = |hz: f32, dbm: f32| {
                    (TAU * (hz * n as f32 / SAMPLE_RATE as f32).fract()).sin() * peak(dbm)
                };
                clip(tone(row, made.row_dbm) + tone(column, made.column_dbm) + noise)
            })
            .collect()
    }

    fn silence(ms: usize) -> Vec<i16> {
        vec![0; ms * SAMPLES_PER_MS]
    }

    fn all_keys() -> impl Iterator<Item = Key> {
        (0..4).flat_map(|row| (0..4).map(move |column| Key { row, column }))
    }

    /// What is heard, in frames of 20 ms that begin anywhere.
    fn keys_in(signal: &[i16], offset: usize) -> String {
        let mut in_band = InBand::default();
        let (first, rest) = signal.split_at(offset.min(signal.len()));
        let mut keys = in_band.push(first);
        for frame in rest.chunks(960) {
            keys.extend(in_band.push(frame));
        }
        keys.extend(in_band.push(&silence(60)));
        keys.into_iter().collect()
    }

    /// Each key alone, wherever it begins; the keys that were not heard as this.
    fn each_key(made: Made) -> Vec<(char, String)> {
        let mut wrong = Vec::new();
        for key in all_keys() {
            for lead in [0, 3, 7, 11, 14, 19, 25] {
                let mut signal = silence(30);
                signal.extend(std::iter::repeat_n(0, lead * 48));
                signal.extend(press(key, made));
                let heard = keys_in(&signal, lead * 17);
                if heard != key.sign().to_string() {
                    wrong.push((key.sign(), heard));
                }
            }
        }
        wrong
    }

    fn assert_all(name: &str, made: Made) {
        let wrong = each_key(made);
        assert!(wrong.is_empty(), "{name}: {} of 112 are not heard: {wrong:?}", wrong.len());
    }

    fn assert_none(name: &str, made: Made) {
        let missed = each_key(made).into_iter().filter(|(_, heard)| heard.is_empty()).count();
        assert_eq!(missed, 112, "{name}: some were heard");
    }

    #[test]
    fn each_key_is_heard_at_the_limits_of_q_24() {
        let ms_40 = NORMAL;
        assert_all("40 ms", ms_40);
        assert_all("as loud as can be", Made { row_dbm: -3.0, column_dbm: -3.0, ..ms_40 });
        assert_all("faint", Made { row_dbm: -25.0, column_dbm: -25.0, ..ms_40 });
        for off in [-0.018, -0.015, 0.015, 0.018] {
            assert_all("both off", Made { row_off: off, column_off: off, ..ms_40 });
            assert_all("rows off", Made { row_off: off, ..ms_40 });
            assert_all("columns off", Made { column_off: off, ..ms_40 });
        }
        assert_all("loud columns", Made { row_dbm: -11.0, column_dbm: -7.0, ..ms_40 });
        assert_all("loud rows", Made { row_dbm: -7.0, column_dbm: -15.0, ..ms_40 });
        assert_all("noise", Made { noise_db: Some(15.0), ..ms_40 });
    }

    #[test]
    fn what_q_24_does_not_take_for_a_key_is_none() {
        assert_none("23 ms", Made { ms: 23, ..NORMAL });
        assert_none("too faint", Made { row_dbm: -55.0, column_dbm: -55.0, ..NORMAL });
        for off in [-0.035, 0.035] {
            assert_none("rows off", Made { row_off: off, ms: 100, ..NORMAL });
            assert_none("columns off", Made { column_off: off, ms: 100, ..NORMAL });
        }
        assert_none("columns alone", Made { row_dbm: -30.0, ms: 100, ..NORMAL });
        assert_none("rows alone", Made { column_dbm: -30.0, ms: 100, ..NORMAL });
    }

    #[test]
    fn a_press_is_told_once_however_long_and_two_are_two() {
        let five = Key { row: 1, column: 1 };
        for ms in [40, 41, 47, 60, 100, 999, 5_000] {
            let mut signal = silence(20);
            for _ in 0..3 {
                signal.extend(press(five, Made { ms, ..NORMAL }));
                signal.extend(silence(40));
            }
            assert_eq!(keys_in(&signal, 100), "555", "{ms} ms");
        }
        let mut torn = press(five, NORMAL);
        torn.extend(silence(10));
        torn.extend(press(five, NORMAL));
        assert_eq!(keys_in(&torn, 0), "5", "10 ms without it are no end");
        let mut row = Vec::new();
        for key in all_keys() {
            row.extend(press(key, NORMAL));
            row.extend(silence(40));
        }
        assert_eq!(keys_in(&row, 333), "123A456B789C*0#D");
    }

    /// What else a telephone lets hear: dial, ringing and busy tones, fax, music's fifths.
    #[test]
    fn other_tones_are_no_keys() {
        for (one, other) in [
            (350.0, 440.0),
            (440.0, 480.0),
            (480.0, 620.0),
            (425.0, 425.0),
            (1_100.0, 2_100.0),
            (697.0, 697.0),
            (1_209.0, 1_336.0),
            (697.0, 770.0),
            (733.0, 1_272.0),
            (900.0, 1_350.0),
        ] {
            assert_eq!(
                keys_in(&crate::tone::dual(one, other, -12.0, 2_000), 0),
                "",
                "{one} {other}"
            );
        }
    }
}
