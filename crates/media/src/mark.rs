//! How does a packet say whose it is and when it left, so that a relay cannot hide a mix-up?
//!
//! A mark lies in the padding of an Opus packet (RFC 6716 section 3.2.5): decoders pass over it,
//! relays leave it alone, and whoever looks for it needs no decoder. [`make_room`] turns a packet
//! into one with room for a mark; [`Mark::write`] fills it in as the packet leaves; [`Marks`] counts
//! what arrives.
//!
//! ```text
//!   0x41 in the second byte: one frame, padded
//!   ┌─────┬──────┬─────┬─────────┬─────────┬─────┬───────┬─────────┐
//!   │ toc │ 0x41 │ len │ frame … │ "OHMK"  │ tag │ count │ sent ns │
//!   └─────┴──────┴─────┴─────────┴─────────┴─────┴───────┴─────────┘
//! ```

use std::time::Duration;

use crate::delays::Delays;

/// Bytes of a mark.
pub const MARK_LEN: usize = 20;

/// The first bytes of every mark.
const MAGIC: [u8; 4] = *b"OHMK";

/// The code of a packet that says how many frames it has, in the low bits of its first byte.
const CODE_COUNTED: u8 = 3;

/// One frame, constant rate, padded.
const ONE_PADDED: u8 = 0x41;

/// What one packet says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Who sent it.
    pub tag: u32,
    /// How many that sender had sent before.
    pub count: u32,
    /// When it left, by a clock that sender and receiver share.
    pub sent: Duration,
}

impl Mark {
    /// Writes the mark into the end of a packet; false when the packet has no room for it.
    pub fn write(&self, packet: &mut [u8]) -> bool {
        if !has_room(packet) {
            return false;
        }
        let at = packet.len() - MARK_LEN;
        let nanos = u64::try_from(self.sent.as_nanos()).unwrap_or(u64::MAX);
        packet[at..at + 4].copy_from_slice(&MAGIC);
        packet[at + 4..at + 8].copy_from_slice(&self.tag.to_be_bytes());
        packet[at + 8..at + 12].copy_from_slice(&self.count.to_be_bytes());
        packet[at + 12..].copy_from_slice(&nanos.to_be_bytes());

        true
    }

    /// Reads the mark of a packet; none when it carries none.
    #[must_use]
    pub fn read(packet: &[u8]) -> Option<Self> {
        if !has_room(packet) {
            return None;
        }
        let mark: &[u8; MARK_LEN] = packet.last_chunk()?;
        let rest = mark.strip_prefix(&MAGIC)?;
        let (tag, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let nanos: &[u8; 8] = rest.first_chunk()?;

        Some(Self {
            tag: u32::from_be_bytes(*tag),
            count: u32::from_be_bytes(*count),
            sent: Duration::from_nanos(u64::from_be_bytes(*nanos)),
        })
    }
}

/// The same packet with room for a mark; none for a packet that is not one frame of code 0, or is
/// too long to be padded.
#[must_use]
pub fn make_room(packet: &[u8]) -> Option<Vec<u8>> {
    let (toc, frame) = packet.split_first()?;
    let is_padded_later =
        toc & 3 == 0 && packet.len() + 2 + MARK_LEN <= super::frame::OPUS_FRAME_MAX;
    if !is_padded_later {
        return None;
    }
    let padding = u8::try_from(MARK_LEN).ok()?;
    let mut roomy = vec![toc | CODE_COUNTED, ONE_PADDED, padding];
    roomy.extend_from_slice(frame);
    roomy.resize(roomy.len() + MARK_LEN, 0);

    Some(roomy)
}

fn has_room(packet: &[u8]) -> bool {
    packet.len() >= 3 + MARK_LEN
        && packet[0] & 3 == CODE_COUNTED
        && packet[1] == ONE_PADDED
        && usize::from(packet[2]) == MARK_LEN
}

/// What one end has heard of marks. Counts are of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Whose packets belong here.
    pub expects: u32,
    /// Packets that do.
    pub own: u64,
    /// Packets with somebody else's mark: two calls are mixed up.
    pub foreign: u64,
    /// The newest of those marks' tags.
    pub foreign_tag: Option<u32>,
    /// Packets without a mark.
    pub unmarked: u64,
    /// Packets of ours that came after a later one.
    pub late: u64,
    /// The first and the last count heard.
    pub span: Option<(u32, u32)>,
    /// Smoothed difference of the delays of neighbours (RFC 3550 6.4.1, without its clock).
    pub jitter: Duration,
    /// From leaving to arriving.
    pub delays: Delays,
    last_delay: Option<Duration>,
}

impl Marks {
    /// Nothing heard yet, and this sender awaited.
    #[must_use]
    pub fn of(expects: u32) -> Self {
        Self { expects, ..Self::default() }
    }

    /// Takes a packet that arrived at `now`, by the clock its sender used.
    pub fn hear(&mut self, packet: &[u8], now: Duration) {
        let Some(mark) = Mark::read(packet) else {
            self.unmarked += 1;
            return;
        };
        if mark.tag != self.expects {
            self.foreign += 1;
            self.foreign_tag = Some(mark.tag);
            return;
        }
        self.own += 1;
        let (first, last) = self.span.unwrap_or((mark.count, mark.count));
        self.late += u64::from(mark.count < last);
        self.span = Some((first.min(mark.count), last.max(mark.count)));
        let delay = now.saturating_sub(mark.sent);
        self.delays.add(delay);
        if let Some(before) = self.last_delay.replace(delay) {
            let difference = delay.abs_diff(before);
            self.jitter = (self.jitter * 15 + difference) / 16;
        }
    }

    /// Packets between the first and the last one that never came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let expected = self.span.map_or(0, |(first, last)| u64::from(last - first) + 1);

        expected.saturating_sub(self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms of SILK, mono, one frame.
    const PACKET: [u8; 6] = [0x48, 1, 2, 3, 4, 5];

    fn marked(tag: u32, count: u32, sent_ms: u64) -> Vec<u8> {
        let mut packet = make_room(&PACKET).unwrap();
        let mark = Mark { tag, count, sent: Duration::from_millis(sent_ms) };
        assert!(mark.write(&mut packet));
        assert_eq!(Mark::read(&packet), Some(mark));
        packet
    }

    #[test]
    fn a_mark_survives_in_the_padding_and_leaves_the_frame_alone() {
        let packet = marked(7, 3, 20);
        assert_eq!(packet[0], PACKET[0] | 3);
        assert_eq!(&packet[1..3], [0x41, 20]);
        assert_eq!(&packet[3..8], &PACKET[1..]);
        assert_eq!(packet.len(), 8 + MARK_LEN);
    }

    #[test]
    fn only_a_packet_with_room_is_marked() {
        let mark = Mark { tag: 1, count: 1, sent: Duration::ZERO };
        let mut plain = PACKET;
        assert!(!mark.write(&mut plain));
        assert_eq!(plain, PACKET);
        assert_eq!(Mark::read(&PACKET), None);
        assert_eq!(Mark::read(&[]), None);
        assert_eq!(Mark::read(&make_room(&PACKET).unwrap()), None, "room without a mark");
        assert_eq!(make_room(&[0x4b, 2]), None, "counted already");
        assert_eq!(make_room(&[]), None);
        assert_eq!(make_room(&[0x48; 1_260]), None);
    }

    #[test]
    fn loss_lateness_and_delay_are_counted() {
        let mut marks = Marks::of(7);
        for (count, sent, heard) in [(4, 80, 90), (5, 100, 110), (8, 160, 175), (6, 120, 180)] {
            marks.hear(&marked(7, count, sent), Duration::from_millis(heard));
        }
        assert_eq!((marks.own, marks.late, marks.lost()), (4, 1, 1));
        assert_eq!(marks.span, Some((4, 8)));
        assert_eq!((marks.foreign, marks.unmarked), (0, 0));
        let median = marks.delays.quantile(0.5).unwrap();
        assert!(
            median.abs_diff(Duration::from_millis(10)) < Duration::from_millis(1),
            "{median:?}"
        );
        assert!(marks.jitter > Duration::ZERO);
    }

    #[test]
    fn a_packet_of_another_call_is_seen() {
        let mut marks = Marks::of(7);
        marks.hear(&marked(8, 0, 0), Duration::ZERO);
        marks.hear(&PACKET, Duration::ZERO);
        assert_eq!((marks.own, marks.foreign, marks.foreign_tag), (0, 1, Some(8)));
        assert_eq!((marks.unmarked, marks.lost()), (1, 0));
    }
}
