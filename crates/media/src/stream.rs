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

use crate::frame::{OPUS_CLOCK, OPUS_SAMPLES_20_MS};
use crate::rtp::RtpHeader;

/// A jump of more packets than this inside a source is a restart, not a loss (RFC 3550 A.1): one
/// minute of audio. A larger value would pass the jump on and leave the far side's buffer waiting.
const DROPOUT_MAX: u16 = 3_000;

/// A packet that comes later than this many others is of no use to anybody; it is also what an SRTP
/// window remembers.
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

/// One outgoing stream of the 48 kHz clock.
#[derive(Clone, Debug)]
pub struct OutgoingStream {
    ssrc: u32,
    /// The newest packet that left, or the one before the first.
    newest: Newest,
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
}

impl OutgoingStream {
    /// Starts a stream. `first_sequence` should be below 32,768, see [`crate::srtp::Sender`].
    #[must_use]
    pub const fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32) -> Self {
        let newest = Newest {
            sequence: first_sequence.wrapping_sub(1),
            timestamp: first_timestamp,
            at: None,
            samples: OPUS_SAMPLES_20_MS,
        };

        Self { ssrc, newest, feed: Feed::Nothing }
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
        if let Feed::Forwarded(shift) = self.feed
            && shift.source == source
            && shift.ssrc == header.ssrc
        {
            let sequence = header.sequence.wrapping_add(shift.sequence);
            let ahead = sequence.wrapping_sub(self.newest.sequence);
            if ahead != 0 && ahead <= DROPOUT_MAX {
                return Some(self.pass_on(header, shift, sequence, now));
            }
            let behind = ahead.wrapping_neg();
            if behind <= MISORDER_MAX {
                let since_start = self.newest.sequence.wrapping_sub(shift.first_sequence);
                let late = Rewritten {
                    sequence,
                    timestamp: header.timestamp.wrapping_add(shift.timestamp),
                    marker: header.marker,
                };
                return (behind != 0 && behind <= since_start).then_some(late);
            }
        }

        Some(self.take_over(source, header, now))
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
    pub fn next_event(&mut self, first: bool, now: Instant) -> Rewritten {
        let begins = first || !matches!(self.feed, Feed::Event);
        let timestamp =
            if begins { self.timestamp_after_pause(now) } else { self.newest.timestamp };
        let at = if begins { Some(now) } else { self.newest.at };
        self.feed = Feed::Event;
        let numbers = self.advance(timestamp, OPUS_SAMPLES_20_MS, begins, now);
        // What follows the event is measured from where its timestamp lies.
        self.newest.at = at;

        numbers
    }

    /// What the stream's clock shows at `now`, for a sender report; `None` before the first packet.
    #[must_use]
    pub fn timestamp_at(&self, now: Instant) -> Option<u32> {
        let elapsed = now.saturating_duration_since(self.newest.at?);

        Some(self.newest.timestamp.wrapping_add(ticks(elapsed)))
    }

    fn pass_on(
        &mut self,
        header: &RtpHeader,
        shift: Shift,
        sequence: u16,
        now: Instant,
    ) -> Rewritten {
        let timestamp = header.timestamp.wrapping_add(shift.timestamp);
        self.newest = Newest { sequence, timestamp, at: Some(now), samples: OPUS_SAMPLES_20_MS };

        Rewritten { sequence, timestamp, marker: header.marker }
    }

    fn take_over(&mut self, source: SourceId, header: &RtpHeader, now: Instant) -> Rewritten {
        let timestamp = self.timestamp_after_pause(now);
        let numbers = self.advance(timestamp, OPUS_SAMPLES_20_MS, true, now);
        self.feed = Feed::Forwarded(Shift {
            source,
            ssrc: header.ssrc,
            first_sequence: numbers.sequence,
            sequence: numbers.sequence.wrapping_sub(header.sequence),
            timestamp: numbers.timestamp.wrapping_sub(header.timestamp),
        });

        numbers
    }

    /// Where the clock stands for a packet that does not simply follow the newest one: moved by the
    /// time that went by, and never less than the newest packet fills.
    fn timestamp_after_pause(&self, now: Instant) -> u32 {
        let Some(at) = self.newest.at else {
            return self.newest.timestamp;
        };
        let elapsed = ticks(now.saturating_duration_since(at)).max(self.newest.samples);

        self.newest.timestamp.wrapping_add(elapsed)
    }

    fn advance(&mut self, timestamp: u32, samples: u32, marker: bool, now: Instant) -> Rewritten {
        let sequence = self.newest.sequence.wrapping_add(1);
        self.newest = Newest { sequence, timestamp, at: Some(now), samples };

        Rewritten { sequence, timestamp, marker }
    }
}

/// A duration on the 48 kHz clock, which wraps.
#[expect(clippy::cast_possible_truncation, reason = "an RTP clock wraps at 32 bits")]
const fn ticks(elapsed: Duration) -> u32 {
    let second = elapsed.as_secs() as u32;
    let rest = elapsed.subsec_micros() as u64 * OPUS_CLOCK as u64 / 1_000_000;

    second.wrapping_mul(OPUS_CLOCK).wrapping_add(rest as u32)
}
