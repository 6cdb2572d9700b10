//! How does one continuous stream leave, whatever feeds it?
//!
//! WhatsApp wants one source (SSRC) with continuous sequence numbers and timestamps for the whole
//! call, while what we send changes: a prompt, then an agent, then another agent. Inside a source
//! the far side must still see what happened: a lost packet stays a gap, a reordered one stays
//! reordered. So a source's numbers are shifted by an offset that is chosen when it takes over:
//!
//! ```text
//!   prompt   7   8   9                            sequence of the source
//!   agent                501     502  504  503
//!   leaves   7   8   9    10      11   13   12    sequence + 1, timestamp + time that went by
//!                         marker
//! ```

use std::time::{Duration, Instant};

use crate::frame::AudioCodec;
use crate::rtp::RtpHeader;

/// A jump of more packets than this inside a source is a restart, not a loss (RFC 3550 A.1): one
/// minute of audio. A larger value would pass the jump on and leave the far side's buffer waiting.
const DROPOUT_MAX: u16 = 3_000;

/// A packet that comes later than this many others is of no use to anybody (RFC 3550 A.1). Must stay
/// below the 128 packets that are remembered.
const MISORDER_MAX: u16 = 100;

/// Local frames further apart than this begin anew instead of following each other: three missed
/// frames. Below it, an uneven timer must not show in the timestamps.
const LOCAL_GAP_MAX: Duration = Duration::from_millis(80);

/// Who feeds the stream at the moment; the caller numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceId(pub u32);

/// The numbers a packet leaves with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Continuous over all sources.
    pub sequence: u16,
    /// Continuous over all sources.
    pub timestamp: u32,
    /// Set where a source takes over.
    pub marker: bool,
}

/// One outgoing stream on the clock of its codec.
#[derive(Clone, Debug)]
pub struct OutgoingStream {
    ssrc: u32,
    codec: AudioCodec,
    /// The newest packet that left, or the one before the first.
    newest: Newest,
    /// Bit n: the packet n before the newest has left.
    left: u128,
    feed: Feed,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    sequence: u16,
    timestamp: u32,
    /// Nothing has left yet while this is `None`.
    at: Option<Instant>,
    /// How much of the clock the newest packet fills.
    samples: u32,
}

/// What the newest packet came from.
#[derive(Clone, Copy, Debug)]
enum Feed {
    Nothing,
    /// Frames made here.
    Local,
    /// Packets of a telephone-event made here; all carry the timestamp of its start.
    Event,
    Forwarded(Shift),
}

#[derive(Clone, Copy, Debug)]
struct Shift {
    source: SourceId,
    ssrc: u32,
    /// The first sequence number that left; what lies before it belongs to the feed before.
    first_sequence: u16,
    sequence: u16,
    timestamp: u32,
    /// The sequence number of the source that would prove it began to count anew.
    restart: Option<u16>,
}

/// Where a packet of the present source belongs.
enum Place {
    Newer,
    Older {
        behind: u16,
    },
    /// Doubled, or from before the source took over.
    Unusable,
    /// Far away from all before.
    Stray,
    /// Far away, but following a stray.
    Restart,
}

impl Shift {
    const fn numbers(&self, header: &RtpHeader) -> Rewritten {
        Rewritten {
            sequence: header.sequence.wrapping_add(self.sequence),
            timestamp: header.timestamp.wrapping_add(self.timestamp),
            marker: header.marker,
        }
    }

    fn place(&self, sequence: u16, newest: u16) -> Place {
        let ahead = sequence.wrapping_add(self.sequence).wrapping_sub(newest);
        let behind = ahead.wrapping_neg();
        if ahead != 0 && ahead <= DROPOUT_MAX {
            return Place::Newer;
        }
        if behind <= MISORDER_MAX {
            let since_start = newest.wrapping_sub(self.first_sequence);
            let belongs = behind != 0 && behind <= since_start;
            return if belongs { Place::Older { behind } } else { Place::Unusable };
        }
        if self.restart == Some(sequence) { Place::Restart } else { Place::Stray }
    }
}

impl OutgoingStream {
    /// Starts a stream of Opus. `first_sequence` should be below 32,768, see [`crate::srtp::Sender`].
    #[must_use]
    pub const fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32) -> Self {
        let newest = Newest {
            sequence: first_sequence.wrapping_sub(1),
            timestamp: first_timestamp,
            at: None,
            samples: AudioCodec::Opus.samples_20_ms(),
        };

        Self { ssrc, codec: AudioCodec::Opus, newest, left: 0, feed: Feed::Nothing }
    }

    /// Sets the codec that was agreed, and with it the clock. Once a packet has left it is too late.
    pub const fn set_codec(&mut self, codec: AudioCodec) {
        if self.newest.at.is_none() {
            self.codec = codec;
            self.newest.samples = codec.samples_20_ms();
        }
    }

    /// The one source this stream has.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Numbers for a packet received from `source` and passed on. `None` for a packet that must not
    /// be passed on: it is from before the source took over, or much too late.
    pub fn forward(
        &mut self,
        source: SourceId,
        header: &RtpHeader,
        now: Instant,
    ) -> Option<Rewritten> {
        let Feed::Forwarded(shift) = self.feed else {
            return Some(self.take_over(source, header, now));
        };
        if shift.source != source || shift.ssrc != header.ssrc {
            return Some(self.take_over(source, header, now));
        }
        match shift.place(header.sequence, self.newest.sequence) {
            Place::Newer => Some(self.pass_on(header, shift, now)),
            Place::Older { behind } => self.fill_in(header, shift, behind),
            Place::Unusable => None,
            Place::Stray => {
                let restart = Some(header.sequence.wrapping_add(1));
                self.feed = Feed::Forwarded(Shift { restart, ..shift });
                None
            }
            Place::Restart => Some(self.take_over(source, header, now)),
        }
    }

    /// Numbers for a frame made here that fills `samples` of the clock.
    pub fn next_frame(&mut self, samples: u32, now: Instant) -> Rewritten {
        let follows = matches!(self.feed, Feed::Local)
            && self.newest.at.is_some_and(|at| now.saturating_duration_since(at) < LOCAL_GAP_MAX);
        let timestamp = if follows {
            self.newest.timestamp.wrapping_add(self.newest.samples)
        } else {
            self.timestamp_after_pause(now)
        };
        self.feed = Feed::Local;

        self.advance(timestamp, samples, !follows, now)
    }

    /// Numbers for the next packet of a telephone-event: all packets of one event carry the
    /// timestamp of its start (RFC 4733 section 2.2.1). `first` begins an event and sets the marker.
    /// Whoever else feeds the stream is held back until the event is over and then takes over.
    pub fn next_event(&mut self, first: bool, now: Instant) -> Rewritten {
        let begins = first || !matches!(self.feed, Feed::Event);
        let timestamp =
            if begins { self.timestamp_after_pause(now) } else { self.newest.timestamp };
        let at = if begins { Some(now) } else { self.newest.at };
        self.feed = Feed::Event;
        let numbers = self.advance(timestamp, self.codec.samples_20_ms(), begins, now);
        // What follows the event is measured from where its timestamp lies.
        self.newest.at = at;

        numbers
    }

    /// Says that packets were or will be held back on purpose: mute, hold, a closed gate. Whoever
    /// comes next takes over, be it the same source, so that the far end does not count them as lost.
    pub const fn interrupt(&mut self) {
        match self.feed {
            // Is taken over in any case, and must not fall into two.
            Feed::Event => {}
            Feed::Nothing | Feed::Local | Feed::Forwarded(_) => self.feed = Feed::Nothing,
        }
    }

    /// When the newest packet left, of an event its first; `None` before the first packet.
    #[must_use]
    pub const fn newest_at(&self) -> Option<Instant> {
        self.newest.at
    }

    /// What the stream's clock shows at `now`, for a sender report; `None` before the first packet.
    #[must_use]
    pub fn timestamp_at(&self, now: Instant) -> Option<u32> {
        let elapsed = now.saturating_duration_since(self.newest.at?);

        Some(self.newest.timestamp.wrapping_add(self.ticks(elapsed)))
    }

    fn pass_on(&mut self, header: &RtpHeader, shift: Shift, now: Instant) -> Rewritten {
        let numbers = shift.numbers(header);
        self.feed = Feed::Forwarded(Shift { restart: None, ..shift });
        self.leave(Newest {
            sequence: numbers.sequence,
            timestamp: numbers.timestamp,
            at: Some(now),
            samples: self.codec.samples_20_ms(),
        });

        numbers
    }

    /// A packet that comes late into its gap; once.
    const fn fill_in(
        &mut self,
        header: &RtpHeader,
        shift: Shift,
        behind: u16,
    ) -> Option<Rewritten> {
        let bit = 1 << behind;
        if self.left & bit != 0 {
            return None;
        }
        self.left |= bit;

        Some(shift.numbers(header))
    }

    fn take_over(&mut self, source: SourceId, header: &RtpHeader, now: Instant) -> Rewritten {
        let timestamp = self.timestamp_after_pause(now);
        let numbers = self.advance(timestamp, self.codec.samples_20_ms(), true, now);
        self.feed = Feed::Forwarded(Shift {
            source,
            ssrc: header.ssrc,
            first_sequence: numbers.sequence,
            sequence: numbers.sequence.wrapping_sub(header.sequence),
            timestamp: numbers.timestamp.wrapping_sub(header.timestamp),
            restart: None,
        });

        numbers
    }

    /// Where the clock stands for a packet that does not simply follow the newest one: moved by the
    /// time that went by, and never less than the newest packet fills.
    fn timestamp_after_pause(&self, now: Instant) -> u32 {
        let Some(at) = self.newest.at else {
            return self.newest.timestamp;
        };
        let elapsed = self.ticks(now.saturating_duration_since(at)).max(self.newest.samples);

        self.newest.timestamp.wrapping_add(elapsed)
    }

    fn advance(&mut self, timestamp: u32, samples: u32, marker: bool, now: Instant) -> Rewritten {
        let sequence = self.newest.sequence.wrapping_add(1);
        self.leave(Newest { sequence, timestamp, at: Some(now), samples });

        Rewritten { sequence, timestamp, marker }
    }

    /// A duration on the stream's clock, which wraps.
    #[expect(clippy::cast_possible_truncation, reason = "an RTP clock wraps at 32 bits")]
    const fn ticks(&self, elapsed: Duration) -> u32 {
        let clock = self.codec.clock();
        let second = elapsed.as_secs() as u32;
        let rest = elapsed.subsec_micros() as u64 * clock as u64 / 1_000_000;

        second.wrapping_mul(clock).wrapping_add(rest as u32)
    }

    fn leave(&mut self, newest: Newest) {
        let step = newest.sequence.wrapping_sub(self.newest.sequence);
        self.left = self.left.checked_shl(u32::from(step)).unwrap_or(0) | 1;
        self.newest = newest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROMPT: SourceId = SourceId(1);
    const AGENT: SourceId = SourceId(2);

    fn heard(sequence: u16, timestamp: u32) -> RtpHeader {
        RtpHeader {
            payload_type: 111,
            marker: false,
            sequence,
            timestamp,
            ssrc: 99,
            header_len: 12,
            payload_len: 40,
        }
    }

    const fn numbers(sequence: u16, timestamp: u32, marker: bool) -> Rewritten {
        Rewritten { sequence, timestamp, marker }
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// G.711 counts 160 in a packet and eight in a millisecond, key presses too.
    #[test]
    fn a_stream_of_g711_runs_on_its_own_clock() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 100, 5_000);
        stream.set_codec(AudioCodec::Pcmu);
        assert_eq!(stream.next_frame(160, start), numbers(100, 5_000, true));
        assert_eq!(stream.next_frame(160, start + ms(20)), numbers(101, 5_160, false));
        assert_eq!(stream.next_event(true, start + ms(40)), numbers(102, 5_320, true));
        assert_eq!(stream.next_event(false, start + ms(60)), numbers(103, 5_320, false));
        assert_eq!(stream.next_frame(160, start + ms(140)), numbers(104, 6_120, true));
        assert_eq!(stream.timestamp_at(start + ms(1_140)), Some(14_120));
        stream.set_codec(AudioCodec::Opus);
        assert_eq!(stream.next_frame(160, start + ms(160)), numbers(105, 6_280, false));
    }

    #[test]
    fn a_prompt_is_followed_by_an_agent_in_one_stream() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 100, 5_000);
        assert_eq!(stream.next_frame(960, start), numbers(100, 5_000, true));
        assert_eq!(stream.next_frame(960, start + ms(20)), numbers(101, 5_960, false));
        assert_eq!(stream.next_frame(960, start + ms(40)), numbers(102, 6_920, false));

        // 65 ms later the agent speaks: 65 * 48 ticks.
        let agent = stream.forward(AGENT, &heard(40_000, 1), start + ms(105));
        assert_eq!(agent, Some(numbers(103, 6_920 + 3_120, true)));
        let agent = stream.forward(AGENT, &heard(40_001, 961), start + ms(126));
        assert_eq!(agent, Some(numbers(104, 6_920 + 3_120 + 960, false)));

        // And the next prompt.
        assert_eq!(stream.next_frame(960, start + ms(1_126)), numbers(105, 11_000 + 48_000, true));
    }

    #[test]
    fn a_change_within_a_frame_moves_the_timestamp_by_a_frame() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 1, 0);
        stream.forward(PROMPT, &heard(500, 0), start);
        let agent = stream.forward(AGENT, &heard(9, 0), start + ms(3));
        assert_eq!(agent, Some(numbers(2, 960, true)));
    }

    #[test]
    fn gaps_and_reordering_inside_a_source_stay() {
        let now = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 10, 0);
        let mut forward = |sequence: u16| {
            let timestamp = u32::from(sequence) * 960;
            let numbers = stream.forward(AGENT, &heard(sequence, timestamp), now)?;
            Some((numbers.sequence, numbers.timestamp))
        };
        assert_eq!(forward(501), Some((10, 0)));
        assert_eq!(forward(502), Some((11, 960)));
        assert_eq!(forward(504), Some((13, 2_880)));
        assert_eq!(forward(503), Some((12, 1_920)));
        assert_eq!(forward(510), Some((19, 8_640)));
        assert_eq!(forward(510), None, "doubled");
        assert_eq!(forward(500), None, "from before it took over");
    }

    #[test]
    fn a_late_packet_of_the_source_before_does_not_take_the_stream_back_for_long() {
        let now = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 10, 0);
        let sequences: Vec<u16> = [(PROMPT, 1), (AGENT, 70), (PROMPT, 0), (AGENT, 71)]
            .into_iter()
            .filter_map(|(source, sequence)| stream.forward(source, &heard(sequence, 0), now))
            .map(|numbers| numbers.sequence)
            .collect();
        assert_eq!(sequences, [10, 11, 12, 13]);
    }

    #[test]
    fn numbers_wrap() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 65_535, u32::MAX - 100);
        assert_eq!(
            stream.forward(PROMPT, &heard(20, 0), start),
            Some(numbers(65_535, u32::MAX - 100, true))
        );
        assert_eq!(
            stream.forward(PROMPT, &heard(22, 1_920), start),
            Some(numbers(1, 1_819, false))
        );
        assert_eq!(stream.forward(PROMPT, &heard(21, 960), start), Some(numbers(0, 859, false)));
        assert_eq!(
            stream.forward(AGENT, &heard(65_535, u32::MAX), start + ms(20)),
            Some(numbers(2, 2_779, true))
        );
        assert_eq!(
            stream.forward(AGENT, &heard(0, 959), start + ms(40)),
            Some(numbers(3, 3_739, false))
        );
    }

    #[test]
    fn an_uneven_timer_does_not_show_but_a_pause_does() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 0, 0);
        let stamps: Vec<(u32, bool)> = [0, 20, 58, 60, 80, 160, 180]
            .into_iter()
            .map(|at| stream.next_frame(960, start + ms(at)))
            .map(|numbers| (numbers.timestamp, numbers.marker))
            .collect();
        assert_eq!(
            stamps,
            [
                (0, true),
                (960, false),
                (1_920, false),
                (2_880, false),
                (3_840, false),
                (7_680, true),
                (8_640, false)
            ]
        );
    }

    #[test]
    fn an_event_keeps_its_timestamp_and_the_audio_goes_on_after_it() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 0, 0);
        stream.forward(AGENT, &heard(5, 0), start);
        assert_eq!(stream.next_event(true, start + ms(20)), numbers(1, 960, true));
        assert_eq!(stream.next_event(false, start + ms(40)), numbers(2, 960, false));
        assert_eq!(stream.next_event(false, start + ms(60)), numbers(3, 960, false));
        assert_eq!(stream.next_event(true, start + ms(120)), numbers(4, 960 + 4_800, true));
        let after = stream.forward(AGENT, &heard(12, 6_720), start + ms(140));
        assert_eq!(after, Some(numbers(5, 960 + 4_800 + 960, true)));
    }

    #[test]
    fn what_was_held_back_on_purpose_leaves_no_gap() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 0, 0);
        stream.forward(AGENT, &heard(5, 0), start);
        stream.interrupt();
        // 50 packets later, after a second.
        let after = stream.forward(AGENT, &heard(55, 48_000), start + ms(1_000));
        assert_eq!(after, Some(numbers(1, 48_000, true)));
        let after = stream.forward(AGENT, &heard(56, 48_960), start + ms(1_020));
        assert_eq!(after, Some(numbers(2, 48_960, false)));
    }

    #[test]
    fn an_interruption_does_not_break_an_event_in_two() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 0, 0);
        assert_eq!(stream.next_event(true, start), numbers(0, 0, true));
        stream.interrupt();
        assert_eq!(stream.next_event(false, start + ms(20)), numbers(1, 0, false));
    }

    #[test]
    fn a_source_that_begins_anew_is_taken_over_again() {
        let now = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 0, 0);
        stream.forward(AGENT, &heard(5, 0), now);
        let other_ssrc = RtpHeader { ssrc: 98, ..heard(9_000, 77) };
        assert_eq!(stream.forward(AGENT, &other_ssrc, now), Some(numbers(1, 960, true)));

        let far = |sequence| RtpHeader { ssrc: 98, ..heard(sequence, 0) };
        assert_eq!(stream.forward(AGENT, &far(30_000), now), None, "one stray packet");
        assert_eq!(stream.forward(AGENT, &far(9_001), now).map(|n| n.sequence), Some(2));
        assert_eq!(stream.forward(AGENT, &far(30_001), now), None, "the stray was forgotten");
        assert_eq!(stream.forward(AGENT, &far(30_002), now), Some(numbers(3, 1_843, true)));
    }

    #[test]
    fn the_clock_runs_on_between_packets() {
        let start = crate::any_instant();
        let mut stream = OutgoingStream::new(7, 0, 400);
        assert_eq!(stream.timestamp_at(start), None);
        stream.next_frame(960, start);
        assert_eq!(stream.timestamp_at(start + ms(1_500)), Some(400 + 72_000));
    }

    proptest! {
        /// Whatever feeds the stream, no number leaves twice: under SRTP that would be fatal.
        #[test]
        fn no_number_leaves_twice(
            first in any::<u16>(),
            steps in proptest::collection::vec((0u8..5, any::<u16>(), 0u64..200), 0..300),
        ) {
            let mut stream = OutgoingStream::new(7, first, 0);
            let mut now = crate::any_instant();
            let mut left = std::collections::BTreeSet::new();
            let mut newest = i64::from(first);
            for (kind, sequence, wait) in steps {
                now += ms(wait);
                let near = sequence % 64;
                let numbers = match kind {
                    0 => Some(stream.next_frame(960, now)),
                    1 => Some(stream.next_event(sequence % 2 == 0, now)),
                    2 => stream.forward(PROMPT, &heard(near, 0), now),
                    3 => stream.forward(AGENT, &heard(near.wrapping_sub(20), 0), now),
                    _ => stream.forward(AGENT, &heard(sequence, 0), now),
                };
                if let Some(numbers) = numbers {
                    // Counted without wrapping: a step is far below half the range.
                    let low = u16::try_from(newest & 0xffff).unwrap();
                    let step = numbers.sequence.wrapping_sub(low).cast_signed();
                    let number = newest + i64::from(step);
                    prop_assert!(left.insert(number), "{} left twice", number);
                    newest = newest.max(number);
                }
            }
        }
    }
}
