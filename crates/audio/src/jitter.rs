//! When is each packet of a live stream heard?
//!
//! A listener takes 20 ms at a time by its own clock; packets come unevenly, late or not at all.
//! [`JitterBuffer`] is between the two, and as short as the network lets it be:
//!
//! ```text
//!   push (as they come) ─▶ in order, [`PREFILL`] ahead ─▶ decoder ─▶ pull (every 20 ms)
//! ```
//!
//! A packet that is missing when its turn comes is restored from the next one's copy, or concealed by
//! the codec. Nothing there at all: the last sound goes on a little, and what comes after is heard that
//! much later, so the buffer grows by what was needed. Was something always left over for a second, a
//! frame is left out. A sender that pauses costs nothing, and begins anew. [`crate::playout`] is for
//! who may wait: it measures and records.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::{
    FRAME_SAMPLES,
    decoder::Decoder,
    g711::Law,
    opus::{self, CodecError},
};

/// 20 ms of sound.
pub type Frame = [i16; FRAME_SAMPLES];

/// What is there before a stream begins: one frame to hear and one in hand.
const PREFILL: usize = 2 * FRAME_SAMPLES;

/// What is always left over is more than is needed from here on.
const SPARE: usize = 2 * FRAME_SAMPLES;

/// The most that may be in hand: beyond it, late is worse than a word left out.
const DEPTH_MAX: usize = 6 * FRAME_SAMPLES;

/// Frames between two looks at what is left over: a second.
const LOOK: u32 = 50;

/// Frames concealed in a row; beyond it libopus has faded out and silence is honest.
const CONCEALED_MAX: u64 = 4;

/// Packets that wait at most; a sender of 20 ms has six at [`DEPTH_MAX`], one of 2.5 ms 48.
const WAITING_MAX: usize = 64;

/// So many packets in a row from the past are a sender that counts anew; so is one further ahead.
const STALE_MAX: u32 = 10;
const JUMP_MAX: i16 = 1_000;

/// One stream on its way to be heard.
#[derive(Debug)]
pub struct JitterBuffer {
    decoder: Decoder,
    waiting: BTreeMap<u64, Waiting>,
    /// Decoded and not yet heard.
    ready: Vec<i16>,
    /// The number that is heard next; none while the stream rests.
    next: Option<u64>,
    newest: Option<u64>,
    /// How long a packet of this sender is.
    packet: usize,
    concealed_in_row: u64,
    stale: u32,
    /// The least that was left over, in so many frames.
    least: (usize, u32),
    figures: Figures,
}

/// What became of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Frames restored or concealed.
    pub concealed: u64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Frames left out to be sooner.
    pub left_out: u64,
}

#[derive(Debug)]
struct Waiting {
    samples: usize,
    payload: Box<[u8]>,
}

impl JitterBuffer {
    /// A stream of Opus that has not begun.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn new() -> Result<Self, CodecError> {
        Decoder::opus().map(Self::of)
    }

    /// A stream of G.711 that has not begun.
    #[must_use]
    pub fn g711(law: Law) -> Self {
        Self::of(Decoder::g711(law))
    }

    fn of(decoder: Decoder) -> Self {
        Self {
            decoder,
            waiting: BTreeMap::new(),
            ready: Vec::with_capacity(opus::PACKET_SAMPLES_MAX + FRAME_SAMPLES),
            next: None,
            newest: None,
            packet: FRAME_SAMPLES,
            concealed_in_row: 0,
            stale: 0,
            least: (usize::MAX, 0),
            figures: Figures::default(),
        }
    }

    /// Takes a packet with RTP's sequence number; what is none of its codec is left out.
    pub fn push(&mut self, sequence: u16, payload: &[u8]) {
        let Some(samples) = self.decoder.packet_samples(payload) else { return };
        let index = self.extend(sequence);
        if self.next.is_some_and(|next| index < next) {
            self.figures.late += 1;
            self.stale += 1;
            if self.stale < STALE_MAX {
                return;
            }
            self.restart();
        }
        self.stale = 0;
        self.newest = Some(self.newest.map_or(index, |newest| newest.max(index)));
        self.waiting.entry(index).or_insert_with(|| Waiting { samples, payload: payload.into() });
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first();
        }
    }

    /// The next 20 ms; `None` while nobody speaks.
    pub fn pull(&mut self) -> Option<Frame> {
        if self.next.is_none() {
            if self.depth() < PREFILL {
                return None;
            }
            self.next = self.waiting.first_key_value().map(|(index, _)| *index);
            self.least = (usize::MAX, 0);
        }
        self.catch_up();
        while self.ready.len() < FRAME_SAMPLES && self.decode() {}
        if self.ready.is_empty() {
            return None;
        }
        // The end of a stream may be a part of a frame.
        let mut frame = [0; FRAME_SAMPLES];
        let count = self.ready.len().min(FRAME_SAMPLES);
        for (to, from) in frame.iter_mut().zip(self.ready.drain(..count)) {
            *to = from;
        }
        Some(frame)
    }

    /// What became of the stream so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// Samples in hand.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.ready.len() + self.waiting.values().map(|packet| packet.samples).sum::<usize>()
    }

    /// The sequence number continued beyond 16 bits; a jump is a sender that counts anew.
    fn extend(&mut self, sequence: u16) -> u64 {
        if let Some(newest) = self.newest {
            let [.., high, low] = newest.to_be_bytes();
            let step = sequence.wrapping_sub(u16::from_be_bytes([high, low])).cast_signed();
            if (-JUMP_MAX..=JUMP_MAX).contains(&step) {
                return newest.saturating_add_signed(i64::from(step));
            }
            self.restart();
        }
        // One round up, so that a packet reordered before the first still has an index.
        (1 << 16) + u64::from(sequence)
    }

    fn restart(&mut self) {
        self.waiting.clear();
        self.next = None;
        self.newest = None;
        self.stale = 0;
    }

    /// Leaves out what makes everything later than it must be.
    fn catch_up(&mut self) {
        let depth = self.depth();
        if depth > DEPTH_MAX {
            while self.depth() > PREFILL && self.leave_out() {}
            self.least = (usize::MAX, 0);
            return;
        }
        let (least, frames) = self.least;
        self.least = (least.min(depth.saturating_sub(FRAME_SAMPLES)), frames + 1);
        if self.least.1 >= LOOK {
            if self.least.0 >= SPARE {
                self.leave_out();
            }
            self.least = (usize::MAX, 0);
        }
    }

    /// Leaves out a frame; decoded all the same, for the next one builds on it.
    fn leave_out(&mut self) -> bool {
        while self.ready.len() < FRAME_SAMPLES {
            if !self.decode() {
                return false;
            }
        }
        self.ready.drain(..FRAME_SAMPLES);
        self.figures.left_out += 1;
        true
    }

    /// Decodes, restores or conceals what is next; false when the stream rests.
    fn decode(&mut self) -> bool {
        let Some(next) = self.next else { return false };
        let Some((first, _)) = self.waiting.first_key_value() else { return self.go_on() };
        match first.cmp(&next) {
            Ordering::Greater => self.fill_loss(next, *first),
            Ordering::Equal | Ordering::Less => {
                let Some((index, packet)) = self.waiting.pop_first() else { return false };
                // What cannot be decoded counts as lost.
                match self.decoder.decode(&packet.payload) {
                    Ok(samples) => self.ready.extend_from_slice(samples),
                    Err(_) => self.figures.concealed += 1,
                }
                self.packet = packet.samples;
                self.next = Some(index + 1);
                self.concealed_in_row = 0;
            }
        }
        true
    }

    /// Nothing is there: the last sound goes on for a moment, then the stream rests.
    fn go_on(&mut self) -> bool {
        if self.concealed_in_row >= CONCEALED_MAX {
            self.next = None;
            self.concealed_in_row = 0;
            return false;
        }
        self.conceal(FRAME_SAMPLES)
    }

    /// The packet whose turn it is has not come, but a later one.
    fn fill_loss(&mut self, next: u64, first: u64) {
        // What went on while nothing was there stood for packets that are lost: nothing is heard later.
        let stood_for = std::mem::take(&mut self.concealed_in_row).min(first - next);
        let next = next + stood_for;
        self.next = Some(next);
        if next == first {
            return;
        }
        if first - next > CONCEALED_MAX {
            self.next = Some(first);
            return;
        }
        self.next = Some(next + 1);
        let copy = (first - next == 1).then(|| self.waiting.first_key_value()).flatten();
        let after = copy.map(|(_, after)| &*after.payload);
        if let Ok(samples) = self.decoder.fill(self.packet, after) {
            self.ready.extend_from_slice(samples);
            self.figures.concealed += 1;
        }
    }

    fn conceal(&mut self, samples: usize) -> bool {
        self.concealed_in_row += 1;
        let Ok(samples) = self.decoder.fill(samples, None) else { return false };
        self.ready.extend_from_slice(samples);
        self.figures.concealed += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{g711, measure::Measure, prompt, tone};

    fn packets(ms: usize) -> Vec<Box<[u8]>> {
        prompt::encode(&tone::sine(440.0, -12.0, ms)).unwrap()
    }

    fn run(first: u16, packets: &[Box<[u8]>], at: impl Fn(u64) -> Option<u64>) -> Heard {
        run_in(JitterBuffer::new().unwrap(), first, packets, at)
    }

    /// Pulls every 20 ms what comes when `at` says (in ms, none is lost), beginning at `first`.
    fn run_in(
        mut buffer: JitterBuffer,
        first: u16,
        packets: &[Box<[u8]>],
        at: impl Fn(u64) -> Option<u64>,
    ) -> Heard {
        let mut arrivals: Vec<(u64, u16)> = (0..u16::try_from(packets.len()).unwrap())
            .filter_map(|n| Some((at(u64::from(n))?, n)))
            .collect();
        arrivals.sort_unstable();
        let mut arrivals = arrivals.into_iter().peekable();
        let (mut measure, mut deepest) = (Measure::default(), 0);
        for now in (10..10 + 20 * (packets.len() as u64 + 10)).step_by(20) {
            while let Some((_, n)) = arrivals.next_if(|(at, _)| *at <= now) {
                buffer.push(first.wrapping_add(n), &packets[usize::from(n)]);
            }
            measure.push(&buffer.pull().unwrap_or([0; FRAME_SAMPLES]));
            deepest = deepest.max(buffer.depth());
        }
        Heard { report: measure.report(), figures: buffer.figures(), deepest, left: buffer.depth() }
    }

    struct Heard {
        report: crate::measure::Report,
        figures: Figures,
        deepest: usize,
        left: usize,
    }

    #[test]
    fn an_even_stream_is_heard_whole_and_at_most_a_frame_later() {
        let heard = run(65_500, &packets(2_000), |n| Some(n * 20));
        assert!(heard.report.is_tone(440.0), "{:?}", heard.report);
        assert!((1_960..=2_100).contains(&heard.report.loud_ms), "{:?}", heard.report);
        assert_eq!((heard.figures.late, heard.figures.left_out), (0, 0));
        assert!(heard.figures.concealed <= CONCEALED_MAX, "only after its end");
        assert!(heard.deepest <= PREFILL && heard.left == 0, "{}", heard.deepest);
    }

    #[test]
    fn what_is_lost_or_out_of_order_is_filled_in() {
        let heard = run(7, &packets(2_000), |n| match n % 10 {
            4 => None,
            6 => Some(n * 20 + 21),
            _ => Some(n * 20),
        });
        assert!(heard.report.is_tone(440.0), "{:?}", heard.report);
        assert!(heard.report.loud_ms >= 1_900, "{:?}", heard.report);
        assert!((10..=14).contains(&heard.figures.concealed), "{:?}", heard.figures);
        assert_eq!(heard.figures.late, 0, "waited for");
    }

    #[test]
    fn a_voice_in_g711_is_heard_as_one_in_opus() {
        for law in [Law::Mu, Law::A] {
            let packets = g711::Encoder::new(law).encode_all(&tone::sine(440.0, -12.0, 2_000));
            let even = run_in(JitterBuffer::g711(law), 65_500, &packets, |n| Some(n * 20));
            assert!(even.report.is_tone(440.0), "{:?}", even.report);
            assert!((1_960..=2_100).contains(&even.report.loud_ms), "{:?}", even.report);
            let lost = |n: u64| (n % 10 != 4).then_some(n * 20);
            let lossy = run_in(JitterBuffer::g711(law), 7, &packets, lost);
            assert!((10..=14).contains(&lossy.figures.concealed), "{:?}", lossy.figures);
            assert!(lossy.report.loud_ms >= 1_900, "{:?}", lossy.report);
        }
        let mut buffer = JitterBuffer::g711(Law::Mu);
        buffer.push(1, b"");
        buffer.push(2, &[0; 1_400]);
        assert_eq!(buffer.depth(), 0, "no packets of a voice");
    }

    /// A network that holds packets back grows the buffer by what it needs, and no more; once it is
    /// even again, a frame a second is left out.
    #[test]
    fn the_buffer_grows_with_the_jitter_and_shrinks_after_it() {
        let held = 48..150;
        let burst = |n: u64| Some(if held.contains(&n) { n / 4 * 80 + 60 } else { n * 20 });
        let heard = run(1, &packets(8_000), burst);
        assert!(heard.report.is_tone(440.0), "{:?}", heard.report);
        assert!(heard.deepest <= DEPTH_MAX, "{}", heard.deepest);
        assert!((1..=8).contains(&heard.figures.left_out), "{:?}", heard.figures);
        assert!(heard.figures.concealed < 20, "{:?}", heard.figures);
    }

    #[test]
    fn a_flood_is_cut_and_a_sender_that_counts_anew_is_heard() {
        let packets = packets(1_000);
        let mut buffer = JitterBuffer::new().unwrap();
        for (n, packet) in (0u16..).zip(&packets) {
            buffer.push(n, packet);
        }
        assert!(buffer.pull().is_some());
        assert!(buffer.depth() <= PREFILL, "{}", buffer.depth());
        for (n, packet) in (40_000u16..).zip(&packets).take(3) {
            buffer.push(n, packet);
        }
        assert_eq!(buffer.waiting.len(), 3, "far ahead");
        assert!(buffer.pull().is_some());
        for (n, packet) in (39_900u16..).zip(&packets).take(12) {
            buffer.push(n, packet);
        }
        assert_eq!(buffer.waiting.len(), 3, "behind, so often");
        buffer.push(1, b"");
        assert_eq!(buffer.waiting.len(), 3, "not Opus");
    }

    #[test]
    fn a_pause_is_silence_and_costs_no_time() {
        let heard = run(1, &packets(1_000), |n| Some(if n < 25 { n * 20 } else { n * 20 + 160 }));
        assert!(heard.report.loud_ms >= 940, "{:?}", heard.report);
        assert_eq!((heard.figures.late, heard.left), (0, 0));
    }
}
