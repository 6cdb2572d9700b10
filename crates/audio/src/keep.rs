//! How do received Opus packets become a file without being decoded?
//!
//! They are put in order by sequence number, each once, and placed by their timestamps as long as
//! those agree with the arrivals; a short loss becomes empty packets, which a decoder conceals, and a
//! longer gap silence. The first packet begins the file.

use std::{collections::BTreeMap, time::Duration};

use crate::{FRAME_SAMPLES, SAMPLE_RATE, SAMPLES_PER_MS, opus};

/// How far timestamps may lead or trail the arrivals before a gap is taken from the arrivals.
const DRIFT_MAX: u64 = 500 * SAMPLES_PER_MS as u64;

/// The longest loss a decoder is asked to conceal; beyond it silence is honest.
const CONCEALED_FRAMES_MAX: u64 = 5;

/// Twenty milliseconds of silence: one CELT frame, fullband, mono.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// One packet as it passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// RTP's sequence number.
    pub sequence: u16,
    /// RTP's timestamp, on the codec's clock.
    pub timestamp: u32,
    /// When it passed, from any fixed moment.
    pub at: Duration,
    /// The packet.
    pub payload: Box<[u8]>,
}

/// The packets of a file, gaps filled.
#[must_use]
pub fn in_order(received: &[Received]) -> Vec<Box<[u8]>> {
    let mut file = File::default();
    for (index, packet) in sorted(received) {
        file.add(index, packet);
    }
    file.packets
}

/// By sequence number, continued beyond 16 bits; what is not Opus is left out.
fn sorted(received: &[Received]) -> BTreeMap<u64, &Received> {
    let mut sorted = BTreeMap::new();
    let mut newest: u64 = 1 << 16;
    for packet in received.iter().filter(|it| opus::packet_samples(&it.payload).is_some()) {
        let [.., high, low] = newest.to_be_bytes();
        let step = packet.sequence.wrapping_sub(u16::from_be_bytes([high, low])).cast_signed();
        let index = if sorted.is_empty() {
            (1 << 16) + u64::from(packet.sequence)
        } else {
            newest.saturating_add_signed(i64::from(step))
        };
        newest = newest.max(index);
        sorted.entry(index).or_insert(packet);
    }
    sorted
}

#[derive(Default)]
struct File<'a> {
    packets: Vec<Box<[u8]>>,
    /// Samples in `packets`.
    samples: u64,
    last: Option<(u64, &'a Received)>,
    /// Where the last received packet begins.
    last_start: u64,
    began_at: Duration,
}

impl<'a> File<'a> {
    fn add(&mut self, index: u64, packet: &'a Received) {
        match self.last {
            Some((before, last)) => {
                let start = self.start_of(packet, last);
                self.fill(start, index - before - 1, &last.payload);
                self.last_start = start.max(self.samples);
            }
            None => self.began_at = packet.at,
        }
        self.push(packet.payload.clone());
        self.last = Some((index, packet));
    }

    /// Where a packet belongs: by its timestamp, else by its arrival.
    fn start_of(&self, packet: &Received, last: &Received) -> u64 {
        let step = packet.timestamp.wrapping_sub(last.timestamp).cast_signed();
        let by_timestamp = self.last_start.saturating_add_signed(i64::from(step));
        let micros = packet.at.saturating_sub(self.began_at).as_micros();
        let arrived = micros * u128::from(SAMPLE_RATE) / 1_000_000;
        let by_arrival = u64::try_from(arrived).unwrap_or(u64::MAX);
        if by_timestamp.abs_diff(by_arrival) <= DRIFT_MAX { by_timestamp } else { by_arrival }
    }

    fn fill(&mut self, start: u64, lost: u64, before: &[u8]) {
        let frame = FRAME_SAMPLES as u64;
        let frames = start.saturating_sub(self.samples) / frame;
        let concealed = if lost == frames { lost.min(CONCEALED_FRAMES_MAX) } else { 0 };
        // A table of contents that promises one frame, and no frame: lost, says RFC 6716, 3.2.1.
        let empty = before.first().map(|toc| [toc & 0b1111_1100]);
        let empty = empty.filter(|it| opus::packet_samples(it) == Some(FRAME_SAMPLES));
        for nth in 0..frames {
            match empty {
                Some(empty) if nth < concealed => self.push(empty.into()),
                Some(_) | None => self.push(SILENCE.into()),
            }
        }
    }

    fn push(&mut self, packet: Box<[u8]>) {
        self.samples += opus::packet_samples(&packet).unwrap_or(0) as u64;
        self.packets.push(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Measure, opus::Decoder, prompt, tone};

    fn received(n: u16, late_ms: u64, payload: &[u8]) -> Received {
        Received {
            sequence: n.wrapping_add(65_530),
            timestamp: (u32::from(n) * 960).wrapping_add(u32::MAX - 5_000),
            at: Duration::from_millis(u64::from(n) * 20 + late_ms),
            payload: payload.into(),
        }
    }

    fn packets() -> Vec<Box<[u8]>> {
        prompt::encode(&tone::sine(440.0, -12.0, 1_000)).unwrap()
    }

    #[test]
    fn order_is_restored_and_copies_are_dropped() {
        let packets = packets();
        let crooked: Vec<_> = (0..50u16)
            .map(|n| n ^ 1)
            .flat_map(|n| [n, n])
            .map(|n| received(n, 7, &packets[usize::from(n)]))
            .collect();
        assert_eq!(in_order(&crooked), packets);
    }

    #[test]
    fn a_loss_is_concealed_and_a_pause_is_silence() {
        let packets = packets();
        let mut some: Vec<_> = (0..20u16)
            .filter(|n| *n != 10)
            .map(|n| received(n, 0, &packets[usize::from(n)]))
            .collect();
        // The sender pauses for a second: its timestamp runs on, its sequence does not.
        some.extend((20..40u16).map(|n| Received {
            sequence: n.wrapping_add(65_530),
            ..received(n + 50, 0, &packets[usize::from(n)])
        }));
        let file = in_order(&some);
        assert_eq!(file.len(), 90);
        assert_eq!(file[10].len(), 1, "lost, to be concealed");
        assert_eq!(*file[30], SILENCE);
        let (mut decoder, mut heard, mut samples) =
            (Decoder::new().unwrap(), Measure::default(), 0);
        for packet in &file {
            let decoded = decoder.decode(packet).unwrap();
            samples += decoded.len();
            heard.push(decoded);
        }
        assert_eq!(samples, 90 * 960);
        assert!((780..=900).contains(&heard.report().loud_ms), "{:?}", heard.report());
    }

    #[test]
    fn a_jump_of_the_timestamps_is_placed_by_arrival() {
        let packets = packets();
        let jump = |n: u16| if n < 10 { 0 } else { 3_000_000_000 };
        let some: Vec<_> = (0..20u16)
            .map(|n| {
                let packet = received(n, 0, &packets[usize::from(n)]);
                Received { timestamp: packet.timestamp.wrapping_add(jump(n)), ..packet }
            })
            .collect();
        assert_eq!(in_order(&some), packets[..20]);
        assert_eq!(in_order(&[]), Vec::<Box<[u8]>>::new());
        let strange = Received { payload: [0xff].into(), ..some[0].clone() };
        assert!(in_order(&[strange]).is_empty());
    }
}
