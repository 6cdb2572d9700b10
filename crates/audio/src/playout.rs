//! What did a received stream sound like, and when?
//!
//! Packets go in as they came, with their arrival; samples come out on one line of time that starts
//! at zero, so two directions recorded side by side stay aligned. Order is restored by sequence
//! number, a missing packet is restored from the next one's copy or concealed, and a stretch the
//! sender left out (its timestamp ran on, its sequence did not) is silence.
//!
//! ```text
//!   push(sequence, timestamp, arrival) ─▶ waiting ──in order, or older than DEPTH──▶ samples
//! ```
//!
//! A sender's timestamps place its samples, as long as they agree with the arrivals within
//! `DRIFT_MAX`; a stream that jumps is placed anew where it arrived.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    FRAME_SAMPLES, SAMPLE_RATE, SAMPLES_PER_MS, coding::Coding, decoder::Decoder, opus::CodecError,
};

/// How long a gap in the sequence is waited for. Longer restores more reordering and only delays
/// what is measured, not what is heard.
const DEPTH: Duration = Duration::from_millis(120);

/// How far timestamps may lead or trail the arrivals before the stream counts as a new one.
const DRIFT_MAX: usize = 500 * SAMPLES_PER_MS;

/// The longest stretch concealed; beyond it libopus has faded out and silence is honest.
const CONCEALED_FRAMES_MAX: u64 = 5;

/// Packets held back at most: two seconds, far beyond [`DEPTH`] at any sane packet rate.
const WAITING_MAX: usize = 100;

/// Puts one received stream in order and decodes it.
#[derive(Debug)]
pub struct Playout {
    decoder: Decoder,
    waiting: BTreeMap<u64, Waiting>,
    last: Option<Played>,
    samples: Vec<i16>,
    /// Samples that [`Self::take`] has already handed out.
    taken: usize,
    concealed: u64,
    undecodable: u64,
}

#[derive(Debug)]
struct Waiting {
    timestamp: u32,
    at: Duration,
    payload: Box<[u8]>,
}

/// The last packet that was decoded.
#[derive(Debug, Clone, Copy)]
struct Played {
    index: u64,
    timestamp: u32,
    /// Where its samples end on the line of time.
    end: usize,
    /// How many samples it held.
    samples: usize,
}

impl Playout {
    /// A stream of Opus from time zero on.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn new() -> Result<Self, CodecError> {
        Ok(Self::of(Decoder::opus()?))
    }

    /// A stream of a telephone's codec from time zero on.
    #[must_use]
    pub fn telephone(coding: impl Into<Coding>) -> Self {
        Self::of(Decoder::telephone(coding.into()))
    }

    fn of(decoder: Decoder) -> Self {
        Self {
            decoder,
            waiting: BTreeMap::new(),
            last: None,
            samples: Vec::new(),
            taken: 0,
            concealed: 0,
            undecodable: 0,
        }
    }

    /// Takes one packet that arrived `at` after time zero, its timestamp on its codec's clock; false
    /// if it came too late to be heard.
    pub fn push(&mut self, sequence: u16, timestamp: u32, at: Duration, payload: &[u8]) -> bool {
        let index = self.extend(sequence);
        if self.last.is_some_and(|last| index <= last.index) {
            return false;
        }
        let timestamp = self.decoder.at_48_khz(timestamp);
        let packet = Waiting { timestamp, at, payload: payload.into() };
        self.waiting.entry(index).or_insert(packet);
        self.release(at);
        true
    }

    /// Plays what has waited for longer than `patience` by `now`; where nothing waits, is silent up to
    /// so long ago, and says so. For a listener who hears it as it comes.
    pub fn keep_up(&mut self, now: Duration, patience: Duration) -> bool {
        let is_silent = self.waiting.is_empty();
        if is_silent {
            self.silence_until(place(now.saturating_sub(patience)));
        } else {
            self.release((now + DEPTH).saturating_sub(patience));
        }
        is_silent
    }

    /// Declares everything before `until` final: what waits is played, what is missing is silence.
    /// A caller that knows no packet of that time will come keeps two streams in step with it.
    pub fn settle(&mut self, until: Duration) {
        self.release(until + DEPTH);
        self.silence_until(place(until));
    }

    /// Hands out the samples that are final by now.
    pub fn take(&mut self) -> Vec<i16> {
        self.taken += self.samples.len();
        std::mem::take(&mut self.samples)
    }

    /// Plays what still waits, fills with silence up to `end`, and hands out the rest.
    pub fn finish(&mut self, end: Duration) -> Vec<i16> {
        while let Some((index, packet)) = self.waiting.pop_first() {
            self.play(index, &packet);
        }
        self.silence_until(place(end));
        self.take()
    }

    /// How many frames were restored or concealed.
    #[must_use]
    pub fn concealed(&self) -> u64 {
        self.concealed
    }

    /// How many packets were not Opus.
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        self.undecodable
    }

    /// The sequence number continued beyond 16 bits, nearest to what was seen last.
    fn extend(&self, sequence: u16) -> u64 {
        let newest = self.waiting.last_key_value().map(|(index, _)| *index);
        let Some(near) = newest.or_else(|| self.last.map(|last| last.index)) else {
            // One round up, so that a packet reordered before the first still has an index.
            return (1 << 16) + u64::from(sequence);
        };
        let [.., high, low] = near.to_be_bytes();
        let step = sequence.wrapping_sub(u16::from_be_bytes([high, low])).cast_signed();
        near.saturating_add_signed(i64::from(step))
    }

    fn release(&mut self, now: Duration) {
        while let Some((index, packet)) = self.waiting.first_key_value() {
            let follows = self.last.is_some_and(|last| last.index + 1 == *index);
            let due = packet.at + DEPTH <= now || self.waiting.len() > WAITING_MAX;
            if !follows && !due {
                return;
            }
            if let Some((index, packet)) = self.waiting.pop_first() {
                self.play(index, &packet);
            }
        }
    }

    fn play(&mut self, index: u64, packet: &Waiting) {
        let start = self.start_of(packet);
        if let Some(last) = self.last {
            self.fill_loss(last, index, start, &packet.payload);
        }
        self.silence_until(start);
        let Ok(decoded) = self.decoder.decode(&packet.payload) else {
            self.undecodable += 1;
            return;
        };
        let samples = decoded.len();
        self.samples.extend_from_slice(decoded);
        let end = self.written();
        self.last = Some(Played { index, timestamp: packet.timestamp, end, samples });
    }

    /// Where the packet's first sample belongs: by its timestamp, else by its arrival.
    fn start_of(&self, packet: &Waiting) -> usize {
        let arrived = place(packet.at);
        let Some(last) = self.last else {
            return arrived;
        };
        let step = packet.timestamp.wrapping_sub(last.timestamp).cast_signed();
        let start = (last.end - last.samples).checked_add_signed(step as isize);
        match start {
            Some(start) if start.abs_diff(arrived) <= DRIFT_MAX => start,
            Some(_) | None => arrived,
        }
    }

    fn fill_loss(&mut self, last: Played, index: u64, start: usize, next: &[u8]) {
        let lost = index.saturating_sub(last.index + 1).min(CONCEALED_FRAMES_MAX);
        for left in (1..=lost).rev() {
            let frame = if last.samples == 0 { FRAME_SAMPLES } else { last.samples };
            if self.written() + frame > start {
                return;
            }
            let filled = self.decoder.fill(frame, (left == 1).then_some(next));
            if let Ok(filled) = filled {
                self.samples.extend_from_slice(filled);
                self.concealed += 1;
            }
        }
    }

    fn written(&self) -> usize {
        self.taken + self.samples.len()
    }

    fn silence_until(&mut self, end: usize) {
        let missing = end.saturating_sub(self.written());
        self.samples.resize(self.samples.len() + missing, 0);
    }
}

/// A moment as a count of samples.
fn place(at: Duration) -> usize {
    let samples = at.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
    usize::try_from(samples).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        g711::{self, Law},
        measure::Measure,
        prompt, tone,
    };

    fn packets(ms: usize) -> Vec<Box<[u8]>> {
        prompt::encode(&tone::sine(440.0, -12.0, ms)).unwrap()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Pushes packet `n` at sequence and timestamp of its place, arriving at `20 n + start`.
    fn push(playout: &mut Playout, n: u16, start: u64, payload: &[u8]) {
        let sequence = n.wrapping_add(65_530);
        let timestamp = (u32::from(n) * 960).wrapping_add(u32::MAX - 5_000);
        playout.push(sequence, timestamp, ms(start + u64::from(n) * 20), payload);
    }

    fn gaps(samples: &[i16]) -> usize {
        samples.chunks_exact(960).filter(|c| c.iter().all(|s| s.abs() < 200)).count()
    }

    #[test]
    fn a_stream_starts_where_it_arrived_and_wraps_around() {
        let mut playout = Playout::new().unwrap();
        for (n, packet) in (0..).zip(packets(1_000)) {
            push(&mut playout, n, 500, &packet);
        }
        let mut heard = playout.take();
        heard.extend(playout.finish(ms(2_000)));
        assert_eq!(heard.len(), 96_000);
        assert!(heard[..24_000].iter().all(|s| *s == 0));
        assert_eq!(gaps(&heard[24_960..71_000]), 0);
        assert!(heard[73_000..].iter().all(|s| *s == 0));
    }

    #[test]
    fn reordering_is_undone_and_duplicates_are_dropped() {
        let packets = packets(600);
        let mut straight = Playout::new().unwrap();
        let mut crooked = Playout::new().unwrap();
        for n in 0..30 {
            push(&mut straight, n, 0, &packets[usize::from(n)]);
        }
        for n in (0..30).map(|n| n ^ 1) {
            push(&mut crooked, n, 0, &packets[usize::from(n)]);
            push(&mut crooked, n, 0, &packets[usize::from(n)]);
        }
        let (straight, crooked) = (straight.finish(ms(700)), crooked.finish(ms(700)));
        // The first pair arrives swapped, so the second one anchors the line one frame later.
        assert_eq!(straight.len(), crooked.len());
        assert_eq!(gaps(&crooked[..28 * 960]), 0);
    }

    #[test]
    fn g711_is_placed_by_its_own_clock_and_its_losses_are_filled() {
        let frames = g711::Encoder::new(Law::A).encode_all(&tone::sine(440.0, -12.0, 1_000));
        let mut playout = Playout::telephone(Law::A);
        for (n, frame) in (0u16..).zip(&frames).filter(|(n, _)| *n != 20) {
            let timestamp = (u32::from(n) * 160).wrapping_add(u32::MAX - 1_000);
            assert!(playout.push(n, timestamp, ms(u64::from(n) * 20), frame));
        }
        assert!(!playout.push(20, 0, ms(1_000), &frames[20]), "too late");
        let heard = playout.finish(ms(1_000));
        assert_eq!((heard.len(), playout.concealed()), (48_000, 1));
        assert_eq!(gaps(&heard[960..]), 0);
        let mut measure = Measure::default();
        measure.push(&heard);
        assert!(measure.report().is_tone(440.0), "{:?}", measure.report());
    }

    /// As a listener hears it: a lost packet is waited for, a stop is silence.
    #[test]
    fn it_keeps_up_with_what_comes() {
        let packets = packets(400);
        let mut playout = Playout::new().unwrap();
        let mut heard = 0;
        for (n, packet) in (0..).zip(&packets).filter(|(n, _)| *n != 10) {
            push(&mut playout, n, 0, packet);
            playout.keep_up(ms(u64::from(n) * 20 + 10), ms(60));
            heard += playout.take().len();
        }
        assert_eq!((heard, playout.concealed()), (400 * 48, 1));
        playout.keep_up(ms(500), ms(60));
        assert_eq!(playout.take().len(), 40 * 48);
    }

    #[test]
    fn lost_packets_are_filled_and_long_losses_fall_silent() {
        let packets = packets(2_000);
        let mut playout = Playout::new().unwrap();
        let lost = |n: u16| n == 20 || (40..60).contains(&n);
        for n in (0..100).filter(|n| !lost(*n)) {
            push(&mut playout, n, 0, &packets[usize::from(n)]);
        }
        let heard = playout.finish(ms(2_000));
        assert_eq!(heard.len(), 96_000);
        assert_eq!(playout.concealed(), 6);
        assert_eq!(gaps(&heard[960..39 * 960]), 0, "the single loss was filled");
        assert!(gaps(&heard[40 * 960..60 * 960]) >= 14, "the long loss is mostly silence");
        assert_eq!(gaps(&heard[62 * 960..99 * 960]), 0);
    }

    #[test]
    fn what_the_sender_left_out_is_silence() {
        let packets = packets(1_000);
        let mut playout = Playout::new().unwrap();
        for n in 0..25u16 {
            push(&mut playout, n, 0, &packets[usize::from(n)]);
        }
        for n in 25..50u16 {
            let timestamp = (u32::from(n + 50) * 960).wrapping_add(u32::MAX - 5_000);
            let at = ms(u64::from(n + 50) * 20);
            playout.push(n.wrapping_add(65_530), timestamp, at, &packets[usize::from(n)]);
        }
        let heard = playout.finish(ms(2_000));
        assert_eq!(playout.concealed(), 0);
        assert_eq!(gaps(&heard[26 * 960..74 * 960]), 48);
        assert_eq!(gaps(&heard[76 * 960..99 * 960]), 0);
    }

    #[test]
    fn a_jump_of_the_timestamps_is_placed_by_arrival() {
        let packets = packets(400);
        let mut playout = Playout::new().unwrap();
        for (n, packet) in (0u16..).zip(&packets) {
            let jump = if n < 10 { 0 } else { 3_000_000_000 };
            playout.push(n, u32::from(n) * 960 + jump, ms(u64::from(n) * 20), packet);
        }
        let mut measure = Measure::default();
        let heard = playout.finish(ms(500));
        measure.push(&heard);
        assert_eq!(heard.len(), 24_000);
        assert!(measure.report().loud_ms >= 380);
    }
}
