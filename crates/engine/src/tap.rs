//! How does someone else get a copy of a leg's packets?
//!
//! A tap is a bounded ring of bytes, each packet as long as it is; a full one loses packets and the
//! packet path never waits. When the receiving half is dropped the tap ends itself.

use std::fmt;
use std::time::{Duration, Instant};

use crossbeam_channel::TryRecvError;
use media::rtp::Fields;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::made_up::MadeUp;

/// The longest payload a tap copies: one Opus frame's limit.
pub const PAYLOAD_MAX: usize = 1275;

/// What a packet's payload is reckoned with: 20 ms of G.711, or of Opus at 64 kbit/s.
const PAYLOAD: usize = 160;

/// What precedes a payload in the ring: see [`Head`].
const HEAD: usize = 17;

/// A request for copies.
#[derive(Debug)]
pub struct Tap {
    pub(crate) direction: Direction,
    pub(crate) sink: Sink,
    pub(crate) made_up: MadeUp,
}

/// The half of a [`Tap`] where the copies arrive.
#[derive(Debug)]
pub struct Tapped {
    zero: Instant,
    ring: Consumer<u8>,
    made_up: MadeUp,
}

/// The half that the media thread has.
#[derive(Debug)]
pub(crate) struct Sink {
    zero: Instant,
    ring: Producer<u8>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Taken,
    /// There is no room for it.
    Lost,
    /// Nobody takes any.
    Gone,
}

/// Whether a thread with too much to do may leave a tap out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TapUse {
    /// It only listens.
    Listens,
    /// Another leg sends what is made of it.
    Carries,
}

/// Which way a packet went, seen from our leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the far end to us.
    Received,
    /// From us to the far end.
    Sent,
}

/// One packet's plain payload and what its header said.
#[derive(Clone, Debug)]
pub struct TapPacket {
    /// When it passed.
    pub at: Instant,
    /// Payload type.
    pub pt: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, on the clock of the leg's codec.
    pub timestamp: u32,
    /// The plain payload.
    pub payload: Payload,
}

/// What a packet's header said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapHead {
    /// When it passed.
    pub at: Instant,
    /// Payload type.
    pub pt: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, on the clock of the leg's codec.
    pub timestamp: u32,
}

/// A tap, and where its copies arrive. So many packets of 20 ms may wait there: 50 if a second of them
/// is to be kept. Longer ones take the room of several.
#[must_use]
pub fn tap(direction: Direction, packets: usize) -> (Tap, Tapped) {
    let room = packets.saturating_mul(HEAD + PAYLOAD).max(HEAD + PAYLOAD_MAX);
    let (sink, ring) = RingBuffer::new(room);
    let zero = Instant::now();

    let made_up = MadeUp::default();
    let tapped = Tapped { zero, ring, made_up: made_up.clone() };

    (Tap { direction, sink: Sink { zero, ring: sink }, made_up }, tapped)
}

impl Tapped {
    /// The oldest packet that waits.
    ///
    /// # Errors
    ///
    /// None waits, or the leg is closed and none will come.
    pub fn try_recv(&mut self) -> Result<TapPacket, TryRecvError> {
        // Asked first: what came before the end is still taken.
        let is_over = self.ring.is_abandoned();
        let mut head = [0; HEAD];
        if self.ring.pop_entire_slice(&mut head).is_err() {
            return Err(if is_over { TryRecvError::Disconnected } else { TryRecvError::Empty });
        }
        let Head { at, pt, sequence, timestamp, len } = Head::read(head);
        let payload = self.payload(len);

        Ok(TapPacket { at: self.zero + at, pt, sequence, timestamp, payload })
    }

    /// Shows every packet that waits where it lies; returns whether more may come.
    pub fn each(&mut self, mut hear: impl FnMut(TapHead, &[u8])) -> bool {
        // Asked first: what came before the end is still shown.
        let is_over = self.ring.is_abandoned();
        let mut head = [0; HEAD];
        while self.ring.pop_entire_slice(&mut head).is_ok() {
            let head = Head::read(head);
            let at = self.zero + head.at;
            let len = usize::from(head.len);
            let payload = self.ring.read_chunk(len).expect("it was put in with its head");
            let shown =
                TapHead { at, pt: head.pt, sequence: head.sequence, timestamp: head.timestamp };
            match payload.as_slices() {
                (whole, []) => hear(shown, whole),
                // It goes round the end of the ring.
                (first, second) => {
                    let mut copy = [0; PAYLOAD_MAX];
                    let (here, there) = copy.split_at_mut(first.len());
                    here.copy_from_slice(first);
                    there[..second.len()].copy_from_slice(second);
                    hear(shown, &copy[..len]);
                }
            }
            payload.commit_all();
        }

        !is_over
    }

    /// What waits.
    pub fn try_iter(&mut self) -> impl Iterator<Item = TapPacket> {
        std::iter::from_fn(|| self.try_recv().ok())
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Tells the leg how many frames of its had to be made up until now, for somebody to hear.
    pub(crate) fn tell_made_up(&self, frames: u64) {
        self.made_up.tell(frames);
    }

    /// The payload that follows a head.
    fn payload(&mut self, len: u16) -> Payload {
        let mut payload = Payload { len, bytes: [0; PAYLOAD_MAX] };
        let bytes = payload.bytes.get_mut(..len.into()).expect("only payloads were put in");
        self.ring.pop_entire_slice(bytes).expect("it was put in with its head");

        payload
    }
}

impl Sink {
    /// Copies a packet, if there is room.
    pub(crate) fn give(&mut self, fields: Fields, payload: &[u8], now: Instant) -> Given {
        if self.ring.is_abandoned() {
            return Given::Gone;
        }
        let Some(len) = u16::try_from(payload.len()).ok().filter(|_| payload.len() <= PAYLOAD_MAX)
        else {
            return Given::Lost;
        };
        let Ok(mut room) = self.ring.write_chunk(HEAD + payload.len()) else {
            return Given::Lost;
        };
        let Fields { payload_type: pt, sequence, timestamp, .. } = fields;
        let at = now.saturating_duration_since(self.zero);
        let head = Head { at, pt, sequence, timestamp, len }.written();
        let (first, second) = room.as_mut_slices();
        let (first, second) = put(&head, first, second);
        put(payload, first, second);
        // Both at once: who reads a head finds its payload.
        room.commit_all();

        Given::Taken
    }
}

/// Copies into the first slice and what does not fit into the second; what is left of both.
fn put<'a>(
    bytes: &[u8],
    first: &'a mut [u8],
    second: &'a mut [u8],
) -> (&'a mut [u8], &'a mut [u8]) {
    let (here, there) = bytes.split_at(bytes.len().min(first.len()));
    let (filled, first) = first.split_at_mut(here.len());
    filled.copy_from_slice(here);
    let (filled, second) = second.split_at_mut(there.len());
    filled.copy_from_slice(there);

    (first, second)
}

/// What is kept of a packet beside its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    /// Since the tap was made.
    at: Duration,
    pt: u8,
    sequence: u16,
    timestamp: u32,
    len: u16,
}

impl Head {
    fn written(self) -> [u8; HEAD] {
        let at = u64::try_from(self.at.as_nanos()).unwrap_or(u64::MAX);
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&at.to_le_bytes());
        head[8..12].copy_from_slice(&self.timestamp.to_le_bytes());
        head[12..14].copy_from_slice(&self.sequence.to_le_bytes());
        head[14..16].copy_from_slice(&self.len.to_le_bytes());
        head[16] = self.pt;

        head
    }

    fn read(head: [u8; HEAD]) -> Self {
        let [a, b, c, d, e, f, g, h, t0, t1, t2, t3, s0, s1, l0, l1, pt] = head;
        Self {
            at: Duration::from_nanos(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
            timestamp: u32::from_le_bytes([t0, t1, t2, t3]),
            sequence: u16::from_le_bytes([s0, s1]),
            len: u16::from_le_bytes([l0, l1]),
            pt,
        }
    }
}

/// A payload kept in place, so that taking one allocates nothing.
#[derive(Clone)]
pub struct Payload {
    len: u16,
    bytes: [u8; PAYLOAD_MAX],
}

impl Payload {
    /// Copies a payload; `None` when it is longer than [`PAYLOAD_MAX`].
    #[must_use]
    pub fn new(payload: &[u8]) -> Option<Self> {
        let len = u16::try_from(payload.len()).ok()?;
        let mut bytes = [0; PAYLOAD_MAX];
        bytes.get_mut(..payload.len())?.copy_from_slice(payload);

        Some(Self { len, bytes })
    }
}

impl std::ops::Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(sequence: u16) -> Fields {
        let timestamp = u32::from(sequence) * 960;
        Fields { payload_type: 111, marker: false, sequence, timestamp, ssrc: 7 }
    }

    #[test]
    fn packets_come_out_as_they_went_in_round_and_round() {
        let (Tap { mut sink, .. }, mut tapped) = tap(Direction::Sent, 7);
        for sequence in 0..500_u16 {
            let payload: Vec<u8> = (0..sequence % 300).map(|at| at.to_le_bytes()[0]).collect();
            let at = sink.zero + Duration::from_millis(20 * u64::from(sequence));
            assert_eq!(sink.give(fields(sequence), &payload, at), Given::Taken);
            let packet = tapped.try_recv().unwrap();
            assert_eq!((packet.at, packet.pt, packet.sequence), (at, 111, sequence));
            assert_eq!(
                (packet.timestamp, &*packet.payload),
                (u32::from(sequence) * 960, &*payload)
            );
            assert!(tapped.is_empty());
        }
    }

    #[test]
    fn packets_are_shown_where_they_lie_and_also_round_the_end() {
        let (Tap { mut sink, .. }, mut tapped) = tap(Direction::Sent, 7);
        for sequence in 0..500_u16 {
            let payload: Vec<u8> = (0..sequence % 300).map(|at| at.to_le_bytes()[0]).collect();
            let at = sink.zero + Duration::from_millis(20 * u64::from(sequence));
            for half in [&payload[..payload.len() / 2], &payload[payload.len() / 2..]] {
                assert_eq!(sink.give(fields(sequence), half, at), Given::Taken);
            }
            let mut shown = Vec::new();
            assert!(tapped.each(|head, payload| {
                assert_eq!((head.at, head.pt, head.sequence), (at, 111, sequence));
                assert_eq!(head.timestamp, u32::from(sequence) * 960);
                shown.extend_from_slice(payload);
            }));
            assert_eq!(shown, payload);
        }
        drop(sink);
        assert!(!tapped.each(|_, _| panic!("nothing is there")));
    }

    #[test]
    fn a_full_tap_loses_the_newest_and_holds_what_was_asked_for() {
        let (Tap { mut sink, .. }, mut tapped) = tap(Direction::Sent, 50);
        let now = Instant::now();
        let taken = (0..60).take_while(|at| sink.give(fields(*at), &[1; 160], now) == Given::Taken);
        assert_eq!(taken.count(), 50);
        assert_eq!(
            tapped.try_iter().map(|it| it.sequence).collect::<Vec<_>>(),
            Vec::from_iter(0..50)
        );
        assert_eq!(sink.give(fields(0), &[1; PAYLOAD_MAX], now), Given::Taken);
        assert_eq!(sink.give(fields(0), &[1; PAYLOAD_MAX + 1], now), Given::Lost);
    }

    #[test]
    fn each_half_knows_when_the_other_is_gone_and_nothing_is_lost_by_it() {
        let (Tap { mut sink, .. }, mut tapped) = tap(Direction::Sent, 50);
        let now = Instant::now();
        assert_eq!(tapped.try_recv().unwrap_err(), TryRecvError::Empty);
        sink.give(fields(3), &[1], now);
        drop(sink);
        assert_eq!(tapped.try_recv().unwrap().sequence, 3);
        assert_eq!(tapped.try_recv().unwrap_err(), TryRecvError::Disconnected);

        let (Tap { mut sink, .. }, tapped) = tap(Direction::Sent, 50);
        drop(tapped);
        assert_eq!(sink.give(fields(3), &[1], now), Given::Gone);
    }
}
