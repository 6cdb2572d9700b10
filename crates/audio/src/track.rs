//! Where on a recording's line of time does each packet of one side lie?
//!
//! Packets are put in order by sequence number, each once, and placed by their timestamps. What a
//! timestamp is on our clock is learnt from the packets that came soonest, so neither jitter nor a
//! sender whose clock runs fast or slow moves a side: where it would lead, ten milliseconds are filled
//! in, where it would trail, a packet is left out, before either is half a frame off. Two sides that began
//! together so stay together within 20 ms, from the first second on: where packets come unevenly, it
//! takes some of them until one was as soon as can be, and until then they wait. A short loss becomes
//! empty packets, which a decoder conceals, a longer gap silence.

use std::{collections::BTreeMap, time::Duration};

use crate::{FRAME_SAMPLES, SAMPLE_RATE, SAMPLES_PER_MS, keep::Received, opus};

/// Twenty milliseconds of silence: one CELT frame, fullband, mono.
pub const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// How long a packet may be overtaken by later ones before its place is taken.
const HOLD: Duration = Duration::from_millis(200);

/// The same while the sender's clock is not known for certain: the first seconds on an uneven way.
const HOLD_UNCERTAIN: Duration = Duration::from_secs(5);

/// Packets it takes to know a clock, for each millisecond that they are late on average. One of so many
/// is late by a tenth of that or less, but once in three thousand times.
const CERTAIN_PER_MS: i64 = 4;

/// And never fewer than come within [`HOLD`].
const CERTAIN_LEAST: i64 = 10;

/// How long nothing may come before the file goes on with silence.
const IDLE: Duration = Duration::from_millis(800);

/// Ten milliseconds of it.
const SILENCE_HALF: [u8; 3] = [0xf0, 0xff, 0xfe];

/// So much too early, and ten milliseconds are filled in.
const EARLY: i64 = 5 * SAMPLES_PER_MS as i64;

/// So much too late, and a packet is left out: with the above, two sides are less than a frame apart.
const LATE: i64 = 6 * SAMPLES_PER_MS as i64;

/// Samples of a frame.
const FRAME: i64 = FRAME_SAMPLES as i64;

/// A timestamp so far from the arrivals begins anew.
const JUMP: i64 = 500 * SAMPLES_PER_MS as i64;

/// How long packets may come too late before their timestamps are taken for new ones.
const LATE_FOR: Duration = Duration::from_millis(300);

/// A sequence number so far behind begins anew.
const SEQUENCE_JUMP: i16 = -500;

/// For how long the soonest packet counts, if by then others say the same for certain; then for as long
/// again.
const WINDOW: Duration = Duration::from_secs(4);

/// For how long it counts without others: by then a clock that is wrong has moved too far.
const WINDOW_MAX: Duration = Duration::from_secs(40);

/// The longest loss a decoder is asked to conceal; beyond it silence is honest.
const CONCEALED_FRAMES_MAX: u64 = 5;

/// One side of a recording while it is made. Times are since the recording began.
#[derive(Debug, Default)]
pub struct Track {
    waiting: BTreeMap<u64, Waiting>,
    /// Of the newest packet, continued beyond 16 bits.
    newest: Option<u64>,
    /// Of the last packet that has its place.
    placed: Option<u64>,
    /// The newest timestamp: as it came, and continued.
    timestamp: Option<(u32, i64)>,
    clock: Clock,
    /// Since when packets come later than can be.
    late_since: Option<Duration>,
    samples: u64,
    /// The last packet's table of contents.
    contents: Option<u8>,
}

#[derive(Debug)]
struct Waiting {
    at: Duration,
    timestamp: i64,
    payload: Box<[u8]>,
}

impl Track {
    /// Takes a packet; what is not Opus is left out.
    pub fn push(&mut self, packet: Received) {
        if opus::packet_samples(&packet.payload).is_none() {
            return;
        }
        let index = self.index(packet.sequence);
        let timestamp = self.continued(packet.timestamp, packet.at);
        if self.placed.is_none_or(|placed| index > placed) {
            let waiting = Waiting { at: packet.at, timestamp, payload: packet.payload };
            self.waiting.entry(index).or_insert(waiting);
        }
    }

    /// The packets whose places are certain by now.
    pub fn settle(&mut self, now: Duration) -> Vec<Box<[u8]>> {
        let mut packets = Vec::new();
        let is_uncertain = !self.clock.is_certain && !self.waiting.is_empty();
        let hold = if is_uncertain { HOLD_UNCERTAIN } else { HOLD };
        let until = now.saturating_sub(hold);
        while let Some(entry) = self.waiting.first_entry() {
            if entry.get().at > until {
                return packets;
            }
            let (index, waiting) = entry.remove_entry();
            self.place(index, waiting, &mut packets);
        }
        self.silence_until(until.saturating_sub(IDLE), &mut packets);
        packets
    }

    /// What waits, and silence up to the end.
    pub fn finish(&mut self, end: Duration) -> Vec<Box<[u8]>> {
        let mut packets = Vec::new();
        while let Some((index, waiting)) = self.waiting.pop_first() {
            self.place(index, waiting, &mut packets);
        }
        self.silence_until(end, &mut packets);
        packets
    }

    /// How much was handed out.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        Duration::from_micros(self.samples.saturating_mul(1_000) / SAMPLES_PER_MS as u64)
    }

    fn index(&mut self, sequence: u16) -> u64 {
        let Some(newest) = self.newest else {
            let first = (1 << 16) + u64::from(sequence);
            self.newest = Some(first);
            return first;
        };
        let [.., high, low] = newest.to_be_bytes();
        let step = sequence.wrapping_sub(u16::from_be_bytes([high, low])).cast_signed();
        let index = if step < SEQUENCE_JUMP {
            // The same sixteen bits, one round later.
            newest.saturating_add_signed(i64::from(step)).saturating_add(1 << 16)
        } else {
            newest.saturating_add_signed(i64::from(step))
        };
        self.newest = Some(newest.max(index));
        index
    }

    /// The timestamp beyond 32 bits, on one line even where its sender began anew.
    fn continued(&mut self, timestamp: u32, at: Duration) -> i64 {
        let (step, before) = self.timestamp.map_or((0, 0), |(newest, continued)| {
            (i64::from(timestamp.wrapping_sub(newest).cast_signed()), continued)
        });
        let arrived = samples(at);
        let mut continued = before + step;
        let late = self.clock.least().map_or(0, |known| arrived - continued - known);
        // Packets that were held up on the way come all at once; who is late for long began anew.
        let held_up = late > JUMP && step.abs() < JUMP && !self.is_late_for_long(at);
        if late.abs() > JUMP && !held_up {
            continued += late;
        }
        if !held_up {
            self.late_since = None;
            self.clock.note(arrived - continued, at);
        }
        self.timestamp = Some((timestamp, continued));
        continued
    }

    fn is_late_for_long(&mut self, at: Duration) -> bool {
        at.saturating_sub(*self.late_since.get_or_insert(at)) > LATE_FOR
    }

    fn place(&mut self, index: u64, waiting: Waiting, packets: &mut Vec<Box<[u8]>>) {
        let target = waiting.timestamp.saturating_add(self.clock.offset()).max(0);
        let gap = target - i64::try_from(self.samples).unwrap_or(i64::MAX);
        let lost = self.placed.map_or(0, |placed| index.saturating_sub(placed + 1));
        self.placed = Some(index);
        if gap <= -LATE {
            return;
        }
        let halves = u64::try_from((gap + FRAME / 2 - EARLY) / (FRAME / 2)).unwrap_or(0);
        self.fill(halves / 2, lost, packets);
        if halves % 2 == 1 {
            self.fill_half(packets);
        }
        self.contents = waiting.payload.first().copied();
        self.give(waiting.payload, packets);
    }

    fn fill(&mut self, frames: u64, lost: u64, packets: &mut Vec<Box<[u8]>>) {
        // One frame beyond the lost ones makes up for a clock.
        let concealed = frames <= lost.saturating_add(1).min(CONCEALED_FRAMES_MAX);
        // A table of contents that promises one frame, and no frame: lost, says RFC 6716, 3.2.1.
        let empty = self.contents.map(|contents| [contents & 0b1111_1100]);
        let empty = empty.filter(|it| opus::packet_samples(it) == Some(FRAME_SAMPLES));
        for _ in 0..frames {
            match empty {
                Some(empty) if concealed => self.give(empty.into(), packets),
                Some(_) | None => self.give(SILENCE.into(), packets),
            }
        }
    }

    fn fill_half(&mut self, packets: &mut Vec<Box<[u8]>>) {
        let empty = self.contents.map(|contents| [half(contents)]);
        match empty.filter(|it| opus::packet_samples(it) == Some(FRAME_SAMPLES / 2)) {
            Some(empty) => self.give(empty.into(), packets),
            None => self.give(SILENCE_HALF.into(), packets),
        }
    }

    fn silence_until(&mut self, until: Duration, packets: &mut Vec<Box<[u8]>>) {
        let end = u64::try_from(samples(until)).unwrap_or(0);
        let frames = end.saturating_sub(self.samples) / FRAME_SAMPLES as u64;
        for _ in 0..frames {
            self.give(SILENCE.into(), packets);
        }
    }

    fn give(&mut self, packet: Box<[u8]>, packets: &mut Vec<Box<[u8]>>) {
        self.samples += opus::packet_samples(&packet).unwrap_or(0) as u64;
        packets.push(packet);
    }
}

/// What a timestamp must be shifted by to be a time of ours: the least of the last seconds.
#[derive(Debug, Default)]
struct Clock {
    since: Duration,
    now: Option<Soonest>,
    before: Option<i64>,
    /// Whether it was known for certain at least once.
    is_certain: bool,
}

/// The soonest of some packets, and how late all were beside it.
#[derive(Debug, Clone, Copy)]
struct Soonest {
    offset: i64,
    count: i64,
    sum: i64,
}

impl Soonest {
    fn note(self, offset: i64) -> Self {
        let (count, sum) = (self.count + 1, self.sum.saturating_add(offset));
        Self { offset: self.offset.min(offset), count, sum }
    }

    fn is_certain(self) -> bool {
        let late = self.sum / self.count.max(1) - self.offset;
        self.count * SAMPLES_PER_MS as i64 > CERTAIN_PER_MS * late
    }
}

impl Clock {
    fn note(&mut self, offset: i64, at: Duration) {
        let age = at.saturating_sub(self.since);
        let is_certain = self.now.is_some_and(Soonest::is_certain);
        self.is_certain |= is_certain && self.now.is_some_and(|now| now.count >= CERTAIN_LEAST);
        if age > WINDOW_MAX || age > WINDOW && is_certain {
            (self.since, self.before) = (at, self.now.take().map(|now| now.offset));
        }
        let first = Soonest { offset, count: 1, sum: offset };
        self.now = Some(self.now.map_or(first, |now| now.note(offset)));
    }

    fn least(&self) -> Option<i64> {
        [self.now.map(|now| now.offset), self.before].into_iter().flatten().min()
    }

    fn offset(&self) -> i64 {
        self.least().unwrap_or(0)
    }
}

/// The table of contents of an empty packet of ten milliseconds in the same mode and bandwidth (RFC 6716,
/// 3.1).
fn half(contents: u8) -> u8 {
    let config = contents >> 3;
    let ten = match config {
        0..12 => config & !0b11,
        12..16 => config & !0b1,
        _ => config & !0b11 | 0b10,
    };
    ten << 3 | contents & 0b100
}

fn samples(at: Duration) -> i64 {
    let samples = at.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
    i64::try_from(samples).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A third of a byte sequence that looks random and is the same each time.
    fn dice(seed: &mut u64) -> u64 {
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed >> 33
    }

    /// A sender's hour: packets numbered in their payload, with loss, pauses, jitter and a clock that
    /// is wrong by so many millionths. Returns the least and the most it is too late, in samples.
    fn hour(ppm: i64, seed: u64, seconds: u64) -> (i64, i64) {
        let mut seed = seed;
        let (mut track, mut off, mut at_sample) = (Track::default(), (0i64, 0i64), 0i64);
        let mut arrivals: Vec<(u64, u32)> = Vec::new();
        for n in 0..u32::try_from(seconds * 50).unwrap() {
            let pauses = n % 3_000 > 2_600;
            if pauses || dice(&mut seed).is_multiple_of(33) {
                continue;
            }
            let spoken_us = i64::from(n) * 20_000 * (1_000_000 + ppm) / 1_000_000;
            arrivals.push((spoken_us.unsigned_abs() + 30_000 + dice(&mut seed) % 60_000, n));
        }
        arrivals.sort_unstable();
        let began = 1_000_000;
        let mut sequence = BTreeMap::new();
        for (_, n) in &arrivals {
            sequence.insert(*n, 0u16);
        }
        for (index, place) in sequence.values_mut().enumerate() {
            *place = u16::try_from(index % 65_536).unwrap().wrapping_add(65_000);
        }
        let (came, mut heard) = (arrivals.len(), 0);
        let mut check = |packets: Vec<Box<[u8]>>| {
            for packet in packets {
                if packet.len() == 5 {
                    heard += 1;
                    let n = u32::from_be_bytes([packet[1], packet[2], packet[3], packet[4]]);
                    let spoken = i64::from(n) * 960 * (1_000_000 + ppm) / 1_000_000;
                    // What is certain of the way is its shortest time.
                    let late = at_sample - spoken - 48 * 1_030;
                    off = (off.0.min(late), off.1.max(late));
                }
                at_sample += i64::try_from(opus::packet_samples(&packet).unwrap()).unwrap();
            }
        };
        let mut turn = 0;
        for (at_us, n) in arrivals {
            let at = Duration::from_micros(at_us + began);
            while turn < at.as_millis() {
                turn += 100;
                check(track.settle(Duration::from_millis(u64::try_from(turn).unwrap())));
            }
            let [a, b, c, d] = n.to_be_bytes();
            track.push(Received {
                sequence: sequence[&n],
                timestamp: (n * 960).wrapping_add(u32::MAX - 50_000),
                at,
                payload: [0xf8, a, b, c, d].into(),
            });
        }
        check(track.finish(Duration::from_secs(seconds + 2)));
        // A clock that is wrong costs a frame now and then, 36 of 20 ms in an hour, and jitter a few.
        assert!(heard + 150 > came, "{heard} of {came} packets are heard");
        let lasts = track.lasts();
        assert!(lasts.abs_diff(Duration::from_secs(seconds + 2)) <= Duration::from_millis(20));
        off
    }

    #[test]
    fn sides_of_fifty_calls_stay_within_20_ms_for_an_hour_of_loss_pauses_jitter_and_wrong_clocks() {
        let call = |nth: u64| {
            let ppm = i64::try_from(nth * 8).unwrap() - 200;
            let sides = [(ppm, 2 * nth), (-ppm, 2 * nth + 1)];
            let sides = sides.map(|(ppm, seed)| hour(ppm, seed, 3_600));
            let (earliest, latest) = (sides.map(|side| side.0), sides.map(|side| side.1));
            let apart = latest.into_iter().max().unwrap() - earliest.into_iter().min().unwrap();
            assert!(apart <= 20 * 48, "{apart} samples: {sides:?}");
        };
        std::thread::scope(|scope| {
            for half in [0..25, 25..50] {
                scope.spawn(move || half.for_each(call));
            }
        });
    }

    #[test]
    fn silence_is_written_while_nobody_sends_and_a_new_stream_goes_on_behind_it() {
        let mut track = Track::default();
        let packet = |sequence, timestamp, ms| Received {
            sequence,
            timestamp,
            at: Duration::from_millis(ms),
            payload: [0xf8, 1, 2].into(),
        };
        assert_eq!(track.settle(Duration::from_secs(3)).len(), 100);
        track.push(packet(9, 77_000, 3_000));
        track.push(packet(60_000, 4_000_000_000, 6_000));
        track.push(Received { payload: [0xff].into(), ..packet(60_001, 4_000_000_960, 6_020) });
        let packets = track.finish(Duration::from_secs(7));
        assert_eq!(packets.len() + 100, 350);
        assert_eq!((packets[50].len(), &*packets[50]), (3, [0xf8, 1, 2].as_slice()));
        assert_eq!(*packets[200], [0xf8, 1, 2]);
        assert_eq!(*packets[201], SILENCE);
    }
}
