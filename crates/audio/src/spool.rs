//! What of a bot's words has the user heard, and what comes next?
//!
//! A bot sends faster than anybody listens. A [`Spool`] keeps what it sent, with the marks between, and
//! gives away 20 ms at a time:
//!
//! ```text
//!   push (as it comes) ─▶ samples and marks, in order ─▶ 16 kHz ─▶ encoder ─▶ pull (every 20 ms)
//! ```
//!
//! A mark comes back once, when all before it was given away or cleared. [`Spool::clear`] empties the
//! queue, the resampler and the encoder, so that nothing of what was cleared is heard later, and says
//! how much was. A section that must be heard (an opening the law asks for) is not cleared. Samples are
//! counted as the bot sent them, one by one. Too much is refused and nothing of it kept.

use std::collections::VecDeque;

use crate::{
    g711::Law,
    opus::{CodecError, Settings, WIDEBAND_RATE, WidebandEncoder},
    resample::Resampler,
};

/// Frames in a second.
const FRAMES: u32 = 50;

/// Frames that are there before a voice begins, if they come in time: what comes just as it is spoken
/// comes unevenly.
const LEAD_FRAMES: usize = 2;

/// After so many with nothing to be heard, what comes is something new: a second.
const ANEW_FRAMES: usize = FRAMES as usize;

/// How many marks may wait.
const MARKS_MAX: usize = 1_024;

/// How the bot's samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// G.711 µ-law: 8,000 bytes a second.
    MuLaw,
    /// Linear, 16 bits, the low byte first, so many samples a second.
    Linear(Rate),
}

/// The rates of linear samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// 8,000 a second.
    Khz8,
    /// 16,000 a second.
    Khz16,
    /// 24,000 a second.
    Khz24,
    /// 48,000 a second.
    Khz48,
}

/// More than may wait: none of it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// How much waits, in milliseconds.
    pub backlog_ms: u64,
}

/// A mark that is behind us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Its name.
    pub name: String,
    /// Whether something just before it was cleared instead of played.
    pub cleared: bool,
}

/// What a clear came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleared {
    /// Milliseconds that were given away since the voice last began, after a clear or a second of nothing: a
    /// bot whose words come too slowly has not said something else.
    pub heard_ms: u64,
    /// Milliseconds that nobody will hear.
    pub dropped_ms: u64,
}

/// 20 ms for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An Opus packet.
    Sound(Box<[u8]>),
    /// Nothing is to be heard.
    Silence,
}

/// A bot's words on their way to one user.
#[derive(Debug)]
pub struct Spool {
    format: Format,
    backlog_max_ms: u64,
    pieces: VecDeque<Piece>,
    /// Samples in the pieces.
    waiting: usize,
    /// The frame that is on its way to the encoder.
    taken: Vec<i16>,
    marks: usize,
    passed: VecDeque<Passed>,
    resampler: Option<Resampler>,
    encoder: WidebandEncoder,
    /// Whether what is pushed now must be heard.
    must_be_heard: bool,
    released: bool,
    voice: Voice,
    /// Frames for which nothing waited, since the last that was heard.
    rested: usize,
    played: u64,
    played_since: u64,
}

#[derive(Debug)]
enum Piece {
    Samples { samples: VecDeque<i16>, must_be_heard: bool },
    Mark { name: String, cleared: bool },
}

/// Whether something is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// Nothing; the next voice begins anew.
    Rests,
    /// So many frames were waited for the lead.
    Begins(usize),
    Speaks,
}

impl Format {
    /// Samples a second.
    #[must_use]
    pub fn rate(self) -> u32 {
        match self {
            Self::MuLaw | Self::Linear(Rate::Khz8) => 8_000,
            Self::Linear(Rate::Khz16) => 16_000,
            Self::Linear(Rate::Khz24) => 24_000,
            Self::Linear(Rate::Khz48) => 48_000,
        }
    }

    /// The samples these bytes are; half a sample at the end is left out.
    #[must_use]
    pub fn read(self, bytes: &[u8]) -> Vec<i16> {
        let mut samples = VecDeque::new();
        self.read_behind(bytes, &mut samples);
        samples.into()
    }

    /// Adds the samples these bytes are.
    fn read_behind(self, bytes: &[u8], samples: &mut VecDeque<i16>) {
        match self {
            Self::MuLaw => samples.extend(bytes.iter().map(|code| Law::Mu.decode(*code))),
            Self::Linear(_) => {
                let (pairs, _) = bytes.as_chunks::<2>();
                samples.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
            }
        }
    }

    /// These samples as bytes.
    #[must_use]
    pub fn write(self, samples: &[i16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_behind(samples, &mut bytes);
        bytes
    }

    /// Adds these samples as bytes.
    fn write_behind(self, samples: &[i16], bytes: &mut Vec<u8>) {
        match self {
            Self::MuLaw => bytes.extend(samples.iter().map(|sample| Law::Mu.encode(*sample))),
            Self::Linear(_) => {
                let before = bytes.len();
                bytes.resize(before + 2 * samples.len(), 0);
                let (pairs, _) = bytes[before..].as_chunks_mut::<2>();
                for (pair, sample) in pairs.iter_mut().zip(samples) {
                    *pair = sample.to_le_bytes();
                }
            }
        }
    }

    /// How many samples these bytes are.
    fn count(self, bytes: &[u8]) -> usize {
        match self {
            Self::MuLaw => bytes.len(),
            Self::Linear(_) => bytes.len() / 2,
        }
    }

    fn ms(self, samples: u64) -> u64 {
        samples * 1_000 / u64::from(self.rate())
    }
}

/// Brings a voice to a bot's rate.
#[derive(Debug)]
pub struct Hearing {
    format: Format,
    resampler: Option<Resampler>,
}

impl Hearing {
    /// A voice of 48 kHz for a bot that hears in this format.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, resampler: between(crate::SAMPLE_RATE, format.rate()) }
    }

    /// A voice of 16 kHz for a bot that hears in this format.
    #[must_use]
    pub fn wideband(format: Format) -> Self {
        Self { format, resampler: between(WIDEBAND_RATE, format.rate()) }
    }

    /// These samples as the bot gets them.
    pub fn write(&mut self, samples: &[i16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_behind(samples, &mut bytes);
        bytes
    }

    /// Adds these samples as the bot gets them.
    pub fn write_behind(&mut self, samples: &[i16], bytes: &mut Vec<u8>) {
        match &mut self.resampler {
            Some(resampler) => self.format.write_behind(&resampler.push(samples), bytes),
            None => self.format.write_behind(samples, bytes),
        }
    }
}

impl Spool {
    /// An empty one that gives nothing away until it is released.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus refuses a setting.
    pub fn new(
        format: Format,
        backlog_max_ms: u64,
        settings: Settings,
    ) -> Result<Self, CodecError> {
        Ok(Self {
            format,
            backlog_max_ms,
            pieces: VecDeque::new(),
            waiting: 0,
            taken: Vec::new(),
            marks: 0,
            passed: VecDeque::new(),
            resampler: between(format.rate(), WIDEBAND_RATE),
            encoder: WidebandEncoder::new(settings)?,
            must_be_heard: false,
            released: false,
            voice: Voice::Rests,
            rested: 0,
            played: 0,
            played_since: 0,
        })
    }

    /// The call is accepted and its media path is up: what waited since before is heard from now on.
    pub fn release(&mut self) {
        self.released = true;
    }

    /// Takes what the bot sent.
    ///
    /// # Errors
    ///
    /// [`Full`] when more would wait than may.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let count = self.format.count(bytes);
        let backlog_ms = self.backlog_ms();
        let more_ms = self.format.ms(count as u64);
        if backlog_ms + more_ms > self.backlog_max_ms {
            return Err(Full { backlog_ms });
        }
        if count == 0 {
            return Ok(());
        }
        self.waiting += count;
        let now = self.must_be_heard;
        match self.pieces.back_mut() {
            Some(Piece::Samples { samples: last, must_be_heard }) if *must_be_heard == now => {
                self.format.read_behind(bytes, last);
            }
            Some(Piece::Samples { .. } | Piece::Mark { .. }) | None => {
                let mut samples = VecDeque::new();
                self.format.read_behind(bytes, &mut samples);
                self.pieces.push_back(Piece::Samples { samples, must_be_heard: now });
            }
        }
        Ok(())
    }

    /// Sets a mark after what was pushed so far.
    ///
    /// # Errors
    ///
    /// [`Full`] when too many wait.
    pub fn mark(&mut self, name: String) -> Result<(), Full> {
        if self.marks + self.passed.len() >= MARKS_MAX {
            return Err(Full { backlog_ms: self.backlog_ms() });
        }
        self.marks += 1;
        self.pieces.push_back(Piece::Mark { name, cleared: false });
        self.pass_marks();
        Ok(())
    }

    /// Whether what is pushed from now on must be heard, whatever is cleared.
    pub fn must_be_heard(&mut self, on: bool) {
        self.must_be_heard = on;
    }

    /// Drops all that may be dropped.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when the encoder cannot begin anew.
    pub fn clear(&mut self) -> Result<Cleared, CodecError> {
        let heard_ms = self.format.ms(self.played_since);
        let before = self.waiting;
        let (mut kept, mut dropped) = (VecDeque::new(), false);
        for piece in self.pieces.drain(..) {
            match piece {
                Piece::Samples { samples, must_be_heard: false } => {
                    self.waiting -= samples.len();
                    dropped = true;
                }
                Piece::Samples { samples, must_be_heard: true } => {
                    dropped = false;
                    kept.push_back(Piece::Samples { samples, must_be_heard: true });
                }
                Piece::Mark { name, cleared } => {
                    kept.push_back(Piece::Mark { name, cleared: cleared || dropped });
                }
            }
        }
        self.pieces = kept;
        if self.waiting == 0 {
            self.rest();
            self.rested = ANEW_FRAMES;
            self.encoder.reset()?;
        }
        self.pass_marks();
        let dropped_ms = self.format.ms((before - self.waiting) as u64);
        Ok(Cleared { heard_ms, dropped_ms })
    }

    /// The next 20 ms.
    ///
    /// # Errors
    ///
    /// [`CodecError::Encode`] from libopus.
    pub fn pull(&mut self) -> Result<Frame, CodecError> {
        if !self.may_speak() {
            return Ok(Frame::Silence);
        }
        self.take();
        let is_end = self.taken.is_empty();
        self.taken.resize(self.frame(), 0);
        // What the resampler still holds of the end is heard, too: one frame more than there was.
        let resampled = self.resampler.as_mut().map(|resampler| resampler.push(&self.taken));
        if is_end {
            self.rest();
            if resampled.is_none() {
                return Ok(Frame::Silence);
            }
        }
        self.pass_marks();
        Ok(Frame::Sound(self.encoder.encode(resampled.as_ref().unwrap_or(&self.taken))?))
    }

    /// The next mark that is behind us.
    pub fn passed(&mut self) -> Option<Passed> {
        self.passed.pop_front()
    }

    /// Sets the encoder's effort, 0 to 10.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] for another number.
    pub fn set_complexity(&mut self, complexity: i32) -> Result<(), CodecError> {
        self.encoder.set_complexity(complexity)
    }

    /// How many of the bot's samples were given away.
    #[must_use]
    pub fn played(&self) -> u64 {
        self.played
    }

    /// How much waits, in milliseconds.
    #[must_use]
    pub fn backlog_ms(&self) -> u64 {
        self.format.ms(self.waiting as u64)
    }

    /// Samples of the bot's in 20 ms.
    fn frame(&self) -> usize {
        (self.format.rate() / FRAMES) as usize
    }

    fn may_speak(&mut self) -> bool {
        if !self.released {
            return false;
        }
        let waited = match self.voice {
            Voice::Speaks => return true,
            Voice::Rests if self.waiting == 0 => {
                self.rested = self.rested.saturating_add(1);
                return false;
            }
            Voice::Rests => 0,
            Voice::Begins(frames) => frames + 1,
        };
        if self.waiting >= LEAD_FRAMES * self.frame() || waited >= LEAD_FRAMES {
            self.voice = Voice::Speaks;
            if self.rested >= ANEW_FRAMES {
                self.played_since = 0;
            }
            self.rested = 0;
            return true;
        }
        self.voice = Voice::Begins(waited);
        false
    }

    /// Takes what there is of a frame.
    fn take(&mut self) {
        let wanted = self.frame();
        self.taken.clear();
        while self.taken.len() < wanted {
            match self.pieces.front_mut() {
                Some(Piece::Samples { samples, .. }) => {
                    let here = samples.len().min(wanted - self.taken.len());
                    let (front, back) = samples.as_slices();
                    let in_front = here.min(front.len());
                    self.taken.extend_from_slice(&front[..in_front]);
                    self.taken.extend_from_slice(&back[..here - in_front]);
                    samples.drain(..here);
                    if samples.is_empty() {
                        self.pieces.pop_front();
                    }
                }
                Some(Piece::Mark { .. }) => self.pass_marks(),
                None => break,
            }
        }
        let taken = self.taken.len();
        self.waiting -= taken;
        self.played += taken as u64;
        self.played_since += taken as u64;
    }

    /// The marks with nothing before them are behind us.
    fn pass_marks(&mut self) {
        while let Some(Piece::Mark { .. }) = self.pieces.front() {
            if let Some(Piece::Mark { name, cleared }) = self.pieces.pop_front() {
                self.marks -= 1;
                self.passed.push_back(Passed { name, cleared });
            }
        }
    }

    fn rest(&mut self) {
        self.voice = Voice::Rests;
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
    }
}

fn between(from: u32, to: u32) -> Option<Resampler> {
    (from != to).then(|| Resampler::between(from, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{measure::Measure, opus::Decoder, tone};

    const ALL: [Format; 5] = [
        Format::MuLaw,
        Format::Linear(Rate::Khz8),
        Format::Linear(Rate::Khz16),
        Format::Linear(Rate::Khz24),
        Format::Linear(Rate::Khz48),
    ];

    fn spool(format: Format) -> Spool {
        let mut spool = Spool::new(format, 5_000, Settings::default()).unwrap();
        spool.release();
        spool
    }

    /// A tone as a bot of this format sends it.
    fn sine(format: Format, ms: usize) -> Vec<u8> {
        Hearing::new(format).write(&tone::sine(440.0, -12.0, ms))
    }

    fn names(spool: &mut Spool) -> Vec<String> {
        std::iter::from_fn(|| spool.passed()).map(|passed| passed.name).collect()
    }

    /// The frames until silence.
    fn sounds(spool: &mut Spool) -> Vec<Box<[u8]>> {
        let mut sounds = Vec::new();
        while let Frame::Sound(packet) = spool.pull().unwrap() {
            sounds.push(packet);
        }
        sounds
    }

    #[test]
    fn a_tone_of_every_format_is_heard_as_it_was_sent() {
        for format in ALL {
            let mut spool = spool(format);
            spool.push(&sine(format, 1_000)).unwrap();
            let sounds = sounds(&mut spool);
            // The resampler's end is one frame more.
            assert!((50..=51).contains(&sounds.len()), "{format:?} {}", sounds.len());
            assert_eq!(spool.played(), u64::from(format.rate()), "{format:?}");
            let (mut decoder, mut heard) = (Decoder::new().unwrap(), Measure::default());
            for packet in &sounds {
                heard.push(decoder.decode(packet).unwrap());
            }
            let report = heard.report();
            assert!(report.is_tone(440.0), "{format:?} {report:?}");
            assert!((report.dbfs.unwrap() + 12.0).abs() < 2.0, "{format:?} {report:?}");
        }
    }

    #[test]
    fn nothing_leaves_before_the_release_and_then_all_of_it_does() {
        let format = Format::Linear(Rate::Khz16);
        let mut spool = Spool::new(format, 5_000, Settings::default()).unwrap();
        spool.push(&sine(format, 200)).unwrap();
        spool.mark("greeted".into()).unwrap();
        for _ in 0..50 {
            assert_eq!(spool.pull().unwrap(), Frame::Silence);
        }
        assert_eq!((spool.played(), names(&mut spool).len()), (0, 0));
        spool.release();
        assert_eq!(sounds(&mut spool).len(), 10, "the first 200 ms, whole");
        assert_eq!(names(&mut spool), ["greeted"]);
    }

    #[test]
    fn a_clear_says_what_was_heard_and_leaves_nothing_of_it() {
        for format in ALL {
            let mut spool = spool(format);
            spool.push(&sine(format, 1_000)).unwrap();
            spool.mark("said".into()).unwrap();
            for _ in 0..7 {
                assert!(matches!(spool.pull().unwrap(), Frame::Sound(_)));
            }
            let cleared = spool.clear().unwrap();
            assert_eq!((cleared.heard_ms, cleared.dropped_ms), (140, 860), "{format:?}");
            assert_eq!(spool.passed(), Some(Passed { name: "said".into(), cleared: true }));
            assert_eq!((spool.pull().unwrap(), spool.backlog_ms()), (Frame::Silence, 0));
            // What follows has no tail of what was cleared.
            spool.push(&format.write(&vec![0; format.rate() as usize / 10])).unwrap();
            let mut decoder = Decoder::new().unwrap();
            for packet in sounds(&mut spool) {
                let loudest = decoder.decode(&packet).unwrap().iter().map(|it| it.unsigned_abs());
                assert!(loudest.max().unwrap() < 60, "{format:?}");
            }
            assert_eq!(spool.clear().unwrap().heard_ms, 100, "counted anew");
        }
    }

    #[test]
    fn what_comes_too_slowly_is_counted_on_until_it_paused_for_a_second() {
        let format = Format::Linear(Rate::Khz24);
        let mut spool = spool(format);
        // Held up for less than a second, in the middle of what it says.
        for pause in [0, 10, 48] {
            spool.push(&sine(format, 400)).unwrap();
            sounds(&mut spool);
            for _ in 0..pause {
                assert_eq!(spool.pull().unwrap(), Frame::Silence);
            }
        }
        spool.push(&sine(format, 400)).unwrap();
        for _ in 0..5 {
            spool.pull().unwrap();
        }
        assert_eq!(spool.clear().unwrap(), Cleared { heard_ms: 1_300, dropped_ms: 300 });
        spool.push(&sine(format, 200)).unwrap();
        sounds(&mut spool);
        for _ in 0..ANEW_FRAMES {
            spool.pull().unwrap();
        }
        spool.push(&sine(format, 300)).unwrap();
        spool.pull().unwrap();
        assert_eq!(spool.clear().unwrap(), Cleared { heard_ms: 20, dropped_ms: 280 });
    }

    #[test]
    fn what_must_be_heard_is_not_cleared_and_holds_the_marks_behind_it() {
        let format = Format::MuLaw;
        let mut spool = spool(format);
        spool.must_be_heard(true);
        spool.push(&sine(format, 100)).unwrap();
        spool.mark("law".into()).unwrap();
        spool.must_be_heard(false);
        spool.push(&sine(format, 500)).unwrap();
        spool.mark("rest".into()).unwrap();
        spool.pull().unwrap();
        assert_eq!(spool.clear().unwrap(), Cleared { heard_ms: 20, dropped_ms: 500 });
        assert_eq!(spool.passed(), None);
        assert_eq!(spool.backlog_ms(), 80);
        assert_eq!(sounds(&mut spool).len(), 5, "four frames and the resampler's end");
        let passed: Vec<Passed> = std::iter::from_fn(|| spool.passed()).collect();
        assert_eq!(passed.len(), 2);
        assert!(!passed[0].cleared && passed[1].cleared, "{passed:?}");
    }

    #[test]
    fn too_much_is_refused_by_time_and_nothing_of_it_is_kept() {
        let format = Format::Linear(Rate::Khz24);
        let mut spool = Spool::new(format, 200, Settings::default()).unwrap();
        spool.push(&sine(format, 180)).unwrap();
        assert_eq!(spool.push(&sine(format, 40)), Err(Full { backlog_ms: 180 }));
        assert_eq!(spool.backlog_ms(), 180);
        spool.push(&sine(format, 20)).unwrap();
        for at in 0..MARKS_MAX {
            spool.mark(at.to_string()).unwrap();
        }
        assert!(spool.mark("one more".into()).is_err());
    }

    #[test]
    fn a_clear_of_nothing_and_a_mark_of_nothing_come_back_at_once() {
        let mut spool = spool(Format::MuLaw);
        spool.mark("a".into()).unwrap();
        assert_eq!(spool.passed(), Some(Passed { name: "a".into(), cleared: false }));
        assert_eq!(spool.clear().unwrap(), Cleared { heard_ms: 0, dropped_ms: 0 });
        assert_eq!(spool.pull().unwrap(), Frame::Silence);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Push(usize),
        Mark,
        Clear,
        MustBeHeard(bool),
        Pull(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0usize..900).prop_map(Act::Push),
            Just(Act::Mark),
            Just(Act::Clear),
            any::<bool>().prop_map(Act::MustBeHeard),
            (1usize..6).prop_map(Act::Pull),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_mark_comes_back_once_in_order_and_not_before_what_precedes_it(
            acts in proptest::collection::vec(act(), 1..40),
        ) {
            let mut spool = spool(Format::Linear(Rate::Khz8));
            let (mut set, mut back) = (0usize, Vec::new());
            // What was pushed and not dropped before each mark, as samples played until then.
            let (mut pushed, mut dropped) = (0u64, 0u64);
            for act in acts {
                match act {
                    Act::Push(samples) => {
                        if spool.push(&vec![1; samples * 2]).is_ok() {
                            pushed += samples as u64;
                        }
                    }
                    Act::Mark => {
                        spool.mark(set.to_string()).unwrap();
                        set += 1;
                    }
                    Act::Clear => {
                        let before = spool.waiting;
                        spool.clear().unwrap();
                        dropped += (before - spool.waiting) as u64;
                    }
                    Act::MustBeHeard(on) => spool.must_be_heard(on),
                    Act::Pull(frames) => {
                        for _ in 0..frames {
                            spool.pull().unwrap();
                        }
                    }
                }
                prop_assert_eq!(spool.played() + dropped + spool.waiting as u64, pushed);
                back.extend(names(&mut spool));
            }
            spool.must_be_heard(false);
            while spool.waiting > 0 {
                spool.pull().unwrap();
            }
            spool.clear().unwrap();
            back.extend(names(&mut spool));
            let wanted: Vec<String> = (0..set).map(|at| at.to_string()).collect();
            prop_assert_eq!(back, wanted);
            prop_assert_eq!(spool.played() + dropped, pushed);
        }
    }
}
