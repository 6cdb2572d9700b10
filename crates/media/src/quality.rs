//! How well does the audio arrive?
//!
//! [`Reception`] counts one received stream as RFC 3550 does (appendices A.1, A.3, A.8): lost,
//! late, doubled, jitter; it also makes the block we report to the far side. [`round_trip`] reads the
//! far side's block about us. [`mos`] condenses loss, jitter and round trip into one figure a person
//! can read, by the E-model (ITU-T G.107).

use std::time::{Duration, Instant};

use crate::rtcp::{NtpTime, ReportBlock, SenderReport};

/// A jump of more packets than this is a restart of the far side (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3_000;

/// A packet that comes later than this many others may be a restart too (RFC 3550 A.1).
const MISORDER_MAX: u16 = 100;

/// Sequence numbers whose arrival is remembered, to tell late from doubled.
const REMEMBERED: u64 = 128;

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The newest so far, or the first.
    Newest,
    /// Older than the newest, and missing until now.
    Late,
    /// Was here before, or too old to know.
    Duplicate,
    /// Far away from all before: a restart if the next one follows it, else noise.
    Stray,
    /// The far side began to count anew.
    Restarted,
}

/// The counts of one received stream.
#[derive(Clone, Debug)]
pub struct Reception {
    clock: u32,
    run: Option<Run>,
    received: u64,
    /// Expected and received in runs before a restart.
    earlier_expected: u64,
    duplicates: u64,
    late: u64,
    jitter: Jitter,
    reported: Reported,
    sender_report: Option<(u32, Instant)>,
}

/// Packets since the start or the latest restart.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    /// With rollovers.
    highest: u64,
    /// Bit n: `highest - n` arrived.
    seen: u128,
    /// The sequence number that would prove a restart.
    restart: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    expected: u64,
    received: u64,
}

/// What a stream's counts say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Different packets that arrived.
    pub received: u64,
    /// Packets that should have arrived.
    pub expected: u64,
    /// Packets that did not arrive.
    pub lost: u64,
    /// Packets that arrived after a newer one.
    pub late: u64,
    /// Packets that arrived again.
    pub duplicates: u64,
    /// Interarrival jitter (RFC 3550 A.8).
    pub jitter_ms: f32,
}

impl Figures {
    /// The lost share of all expected packets, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 24 bits")]
    pub fn loss(&self) -> f32 {
        if self.expected == 0 { 0.0 } else { self.lost as f32 / self.expected as f32 }
    }
}

impl Reception {
    /// Starts counting a stream whose timestamps run at `clock` ticks per second.
    #[must_use]
    pub fn new(clock: u32) -> Self {
        Self {
            clock: clock.max(1),
            run: None,
            received: 0,
            earlier_expected: 0,
            duplicates: 0,
            late: 0,
            jitter: Jitter::default(),
            reported: Reported::default(),
            sender_report: None,
        }
    }

    /// Counts an audio packet.
    pub fn receive(&mut self, sequence: u16, timestamp: u32, now: Instant) -> Arrival {
        let arrival = self.receive_untimed(sequence);
        match arrival {
            Arrival::Newest | Arrival::Late => self.jitter.arrive(timestamp, now, self.clock),
            Arrival::Restarted => self.jitter.restart(timestamp, now),
            Arrival::Duplicate | Arrival::Stray => {}
        }

        arrival
    }

    /// Counts a packet whose timestamp says nothing about when it was sent: a telephone-event.
    pub fn receive_untimed(&mut self, sequence: u16) -> Arrival {
        let Some(run) = &mut self.run else {
            self.run = Some(Run::new(sequence));
            self.received += 1;
            return Arrival::Newest;
        };
        let arrival = run.receive(sequence);
        match arrival {
            Arrival::Newest => self.received += 1,
            Arrival::Late => {
                self.received += 1;
                self.late += 1;
            }
            Arrival::Duplicate => self.duplicates += 1,
            Arrival::Stray => {}
            Arrival::Restarted => {
                self.earlier_expected += run.expected();
                // The stray that announced the restart belongs to it.
                *run = Run::new(sequence.wrapping_sub(1));
                run.receive(sequence);
                self.received += 2;
            }
        }

        arrival
    }

    /// Remembers a sender report of the far side, for the reports we send.
    pub const fn hear_report(&mut self, report: &SenderReport, now: Instant) {
        self.sender_report = Some((report.ntp.middle(), now));
    }

    /// What the counts say now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let expected = self.expected();

        Figures {
            received: self.received,
            expected,
            lost: expected.saturating_sub(self.received),
            late: self.late,
            duplicates: self.duplicates,
            jitter_ms: self.jitter.milliseconds(self.clock),
        }
    }

    /// The block about this stream for our next report; the lost fraction is that since the block
    /// before. `None` before the first packet.
    pub fn report(&mut self, ssrc: u32, now: Instant) -> Option<ReportBlock> {
        let run = self.run?;
        let expected = self.expected();
        let fraction_lost = fraction_lost(
            expected - self.reported.expected,
            self.received - self.reported.received,
        );
        self.reported = Reported { expected, received: self.received };
        let (last_report, delay) = self.sender_report.map_or((0, 0), |(middle, heard_at)| {
            (middle, short_ntp(now.saturating_duration_since(heard_at)))
        });

        Some(ReportBlock {
            ssrc,
            fraction_lost,
            cumulative_lost: cumulative_lost(expected, self.received + self.duplicates),
            highest_sequence: run.extended(),
            jitter: self.jitter.ticks(),
            last_report,
            delay,
        })
    }

    fn expected(&self) -> u64 {
        self.earlier_expected + self.run.map_or(0, |run| run.expected())
    }
}

impl Run {
    fn new(sequence: u16) -> Self {
        let first = u64::from(sequence);

        Self { first, highest: first, seen: 1, restart: None }
    }

    const fn expected(&self) -> u64 {
        self.highest - self.first + 1
    }

    /// The highest sequence number with 16 bits of rollovers, as reports carry it.
    #[expect(clippy::cast_possible_truncation, reason = "reports carry the low 32 bits")]
    const fn extended(&self) -> u32 {
        self.highest as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "sequence numbers are the low 16 bits")]
    fn receive(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead == 0 {
            return Arrival::Duplicate;
        }
        if ahead < DROPOUT_MAX {
            self.highest += u64::from(ahead);
            self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.restart = None;
            return Arrival::Newest;
        }
        let behind = ahead.wrapping_neg();
        if behind <= MISORDER_MAX {
            return self.receive_old(u64::from(behind));
        }
        if self.restart == Some(sequence) {
            return Arrival::Restarted;
        }
        self.restart = Some(sequence.wrapping_add(1));

        Arrival::Stray
    }

    fn receive_old(&mut self, behind: u64) -> Arrival {
        if behind >= REMEMBERED || (self.seen >> behind) & 1 == 1 {
            return Arrival::Duplicate;
        }
        self.seen |= 1 << behind;
        // A packet from before the first one we saw was expected as well.
        if let Some(sequence) = self.highest.checked_sub(behind) {
            self.first = self.first.min(sequence);
        }

        Arrival::Late
    }
}

fn fraction_lost(expected: u64, received: u64) -> u8 {
    let lost = expected.saturating_sub(received);
    let fraction = (lost * 256).checked_div(expected).unwrap_or(0);

    u8::try_from(fraction).unwrap_or(u8::MAX)
}

/// Signed 24 bits; duplicates count as received (RFC 3550 section 6.4.1).
fn cumulative_lost(expected: u64, arrived: u64) -> i32 {
    let lost = expected.cast_signed() - arrived.cast_signed();

    i32::try_from(lost.clamp(-0x80_0000, 0x7f_ffff)).unwrap_or(0)
}

/// Interarrival jitter, in sixteenths of a tick (RFC 3550 A.8).
#[derive(Clone, Copy, Debug, Default)]
struct Jitter {
    last: Option<(u32, Instant)>,
    sixteenths: u32,
}

impl Jitter {
    fn arrive(&mut self, timestamp: u32, now: Instant, clock: u32) {
        if let Some((last_timestamp, last_at)) = self.last {
            let apart = ticks_between(last_at, now, clock);
            let sent_apart = i64::from(timestamp.wrapping_sub(last_timestamp).cast_signed());
            let off = u32::try_from((apart - sent_apart).unsigned_abs()).unwrap_or(u32::MAX);
            // A jump beyond a minute is a new timeline, not jitter.
            if off < clock.saturating_mul(60) {
                self.sixteenths = self.sixteenths + off - ((self.sixteenths + 8) >> 4);
            }
        }
        self.last = Some((timestamp, now));
    }

    const fn restart(&mut self, timestamp: u32, now: Instant) {
        self.last = Some((timestamp, now));
    }

    const fn ticks(&self) -> u32 {
        self.sixteenths >> 4
    }

    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn milliseconds(&self, clock: u32) -> f32 {
        self.sixteenths as f32 / 16.0 * 1_000.0 / clock as f32
    }
}

/// Signed ticks from one arrival to another; arrivals may be handed in out of order.
fn ticks_between(from: Instant, to: Instant, clock: u32) -> i64 {
    let ticks = |duration: Duration| {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        micros.saturating_mul(i64::from(clock)) / 1_000_000
    };
    match to.checked_duration_since(from) {
        Some(forward) => ticks(forward),
        None => -ticks(from.duration_since(to)),
    }
}

/// A duration in 1/65,536 s, as reports carry it.
#[expect(clippy::cast_possible_truncation, reason = "reports carry 16 bits of whole seconds")]
const fn short_ntp(duration: Duration) -> u32 {
    let whole = (duration.as_secs() as u32) << 16;

    whole | (((duration.subsec_nanos() as u64) << 16) / 1_000_000_000) as u32
}

/// The round trip, from the far side's block about our stream that arrived at `now` (RFC 3550
/// section 6.4.1); `None` while the far side has heard no report of ours, or tells nonsense.
#[must_use]
pub fn round_trip(now: NtpTime, block: &ReportBlock) -> Option<Duration> {
    if block.last_report == 0 {
        return None;
    }
    let units = now.middle().wrapping_sub(block.last_report).wrapping_sub(block.delay);
    // Clocks are read in steps; a little below zero is zero, half the range is nonsense.
    let units = units.cast_signed();
    if units < -0x1_0000 {
        return None;
    }
    let nanos = u64::from(units.max(0).cast_unsigned()) * 1_000_000_000 / 65_536;

    Some(Duration::from_nanos(nanos))
}

/// What a packet path takes besides the network: 20 ms to fill a packet and 6.5 ms Opus looks ahead.
const CODEC_DELAY_MS: f32 = 26.5;

/// How well concealment hides loss, in the E-model's `Bpl`. G.113 has no figure for Opus; this is
/// that of G.711 with concealment, which Opus with its in-band repair at least reaches.
const LOSS_ROBUSTNESS: f32 = 25.1;

/// Impairment by the codec alone, in the E-model's `Ie`: none, as for G.711.
const CODEC_IMPAIRMENT: f32 = 0.0;

/// Rating of a call without any impairment by the network (G.107 with all defaults).
const RATING_BEST: f32 = 93.2;

/// The mean opinion score a listener would give, 1 (bad) to 4.5 (excellent). `loss` is a share from
/// 0 to 1.
///
/// A simplified E-model: delay and loss, with everything else at its default; a receiver's buffer is
/// taken as twice the jitter.
#[must_use]
pub fn mos(loss: f32, jitter_ms: f32, rtt_ms: f32) -> f32 {
    let delay_ms = rtt_ms / 2.0 + 2.0 * jitter_ms + CODEC_DELAY_MS;
    let impairment = loss_impairment(CODEC_IMPAIRMENT, LOSS_ROBUSTNESS, loss * 100.0);

    opinion(RATING_BEST - delay_impairment(delay_ms) - impairment)
}

/// `Idd`, the impairment by pure delay (G.107 equation 7-27).
fn delay_impairment(delay_ms: f32) -> f32 {
    if delay_ms <= 100.0 {
        return 0.0;
    }
    let x = (delay_ms / 100.0).log2();
    let sixth = |value: f32| (1.0 + value.powi(6)).powf(1.0 / 6.0);

    25.0 * (sixth(x) - 3.0 * sixth(x / 3.0) + 2.0)
}

/// `Ie,eff`, the impairment by codec and random loss (G.107 equation 7-29).
fn loss_impairment(codec: f32, robustness: f32, loss_percent: f32) -> f32 {
    let loss = loss_percent.clamp(0.0, 100.0);

    codec + (95.0 - codec) * loss / (loss + robustness)
}

/// The opinion score of a rating (G.107 annex B).
fn opinion(rating: f32) -> f32 {
    if rating <= 0.0 {
        return 1.0;
    }
    if rating >= 100.0 {
        return 4.5;
    }

    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn counted(sequences: &[u16]) -> (Reception, Vec<Arrival>) {
        let mut reception = Reception::new(48_000);
        let arrivals = sequences.iter().map(|s| reception.receive_untimed(*s)).collect();

        (reception, arrivals)
    }

    #[test]
    fn counts_what_is_lost_late_and_doubled() {
        use Arrival::{Duplicate, Late, Newest};
        let (reception, arrivals) = counted(&[10, 11, 14, 13, 13, 15, 11]);
        assert_eq!(arrivals, [Newest, Newest, Newest, Late, Duplicate, Newest, Duplicate]);
        let figures = reception.figures();
        assert_eq!((figures.expected, figures.received, figures.lost), (6, 5, 1));
        assert_eq!((figures.late, figures.duplicates), (1, 2));
        assert!((figures.loss() - 1.0 / 6.0).abs() < 1e-6);
    }

    #[test]
    fn counts_across_the_wrap() {
        let (mut reception, _) = counted(&[65_533, 65_535, 1, 0, 2, 65_534]);
        let figures = reception.figures();
        assert_eq!((figures.expected, figures.received, figures.lost), (6, 6, 0));
        assert_eq!(figures.late, 2);
        let block = reception.report(1, crate::any_instant()).unwrap();
        assert_eq!(block.highest_sequence, 0x0001_0002);
        assert_eq!(block.cumulative_lost, 0);
    }

    #[test]
    fn a_packet_from_before_the_first_was_expected_too() {
        let (reception, _) = counted(&[100, 98, 101]);
        let figures = reception.figures();
        assert_eq!((figures.expected, figures.received, figures.lost), (4, 3, 1));
    }

    #[test]
    fn a_stray_is_not_counted_and_two_in_a_row_are_a_restart() {
        use Arrival::{Newest, Restarted, Stray};
        let (reception, arrivals) = counted(&[1, 2, 40_000, 3, 40_000, 40_001, 40_003]);
        assert_eq!(arrivals, [Newest, Newest, Stray, Newest, Stray, Restarted, Newest]);
        let figures = reception.figures();
        assert_eq!((figures.expected, figures.received, figures.lost), (3 + 4, 3 + 3, 1));
    }

    /// RFC 3550 A.3 by hand: 4 of 12 missing is 85/256, then 0 of 4, then one of two.
    #[test]
    fn the_lost_fraction_is_that_since_the_last_report() {
        let now = crate::any_instant();
        let mut reception = Reception::new(48_000);
        assert_eq!(reception.report(5, now), None);
        for sequence in [0, 1, 2, 4, 5, 6, 8, 11] {
            reception.receive_untimed(sequence);
        }
        let block = reception.report(5, now).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (85, 4));
        assert_eq!((block.ssrc, block.highest_sequence), (5, 11));

        for sequence in 12..16 {
            reception.receive_untimed(sequence);
        }
        let block = reception.report(5, now).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 4));

        reception.receive_untimed(17);
        let block = reception.report(5, now).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (128, 5));

        let block = reception.report(5, now).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 5), "nothing expected");
    }

    #[test]
    fn duplicates_make_the_cumulative_count_negative_but_not_the_fraction() {
        let (mut reception, _) = counted(&[1, 2, 2, 2, 3]);
        let block = reception.report(1, crate::any_instant()).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, -2));
    }

    /// RFC 3550 A.8 by hand, 48 kHz: packets 20 ms apart arrive after 20, 25, 15 and 20 ms.
    /// D = 0, 240, -240, 0 ticks; J in sixteenths: 0, 240, 240 + 240 - 15, 465 - 29.
    #[test]
    fn jitter_follows_the_filter_of_rfc_3550() {
        let start = crate::any_instant();
        let mut reception = Reception::new(48_000);
        let mut jitter = Vec::new();
        for (n, at) in [0, 20, 45, 60, 80].into_iter().enumerate() {
            let n = u16::try_from(n).unwrap();
            let timestamp = (u32::MAX - 1_000).wrapping_add(960 * u32::from(n));
            reception.receive(n.wrapping_sub(2), timestamp, start + ms(at));
            jitter.push(reception.jitter.sixteenths);
        }
        assert_eq!(jitter, [0, 0, 240, 465, 436]);
        assert_eq!(reception.report(1, start).unwrap().jitter, 27);
        assert!((reception.figures().jitter_ms - 436.0 / 16.0 / 48.0).abs() < 1e-4);
    }

    #[test]
    fn steady_jitter_settles_at_its_mean() {
        let start = crate::any_instant();
        let mut reception = Reception::new(48_000);
        for n in 0..500u16 {
            let off = if n % 2 == 0 { 0 } else { 5 };
            let at = start + ms(u64::from(n) * 20 + off);
            reception.receive(n, u32::from(n) * 960, at);
        }
        assert!((reception.figures().jitter_ms - 5.0).abs() < 0.3);
    }

    #[test]
    fn an_event_does_not_disturb_the_jitter() {
        let start = crate::any_instant();
        let mut reception = Reception::new(48_000);
        for n in 0..50u16 {
            let at = start + ms(u64::from(n) * 20);
            if (20..30).contains(&n) {
                reception.receive_untimed(n);
            } else {
                reception.receive(n, u32::from(n) * 960, at);
            }
        }
        assert_eq!(reception.figures().jitter_ms.to_bits(), 0);
        assert_eq!(reception.figures().lost, 0);
    }

    /// The example of RFC 3550 figure 2: 10 Nov 1995, A7:1.2 s before B7, round trip 6.125 s.
    #[test]
    fn the_round_trip_is_that_of_the_example_in_rfc_3550() {
        let now = NtpTime(0x0000_b710_8000_0000);
        let block =
            ReportBlock { last_report: 0xb705_2000, delay: 0x0005_4000, ..ReportBlock::default() };
        assert_eq!(round_trip(now, &block), Some(Duration::from_millis(6_125)));
    }

    #[test]
    fn nonsense_gives_no_round_trip() {
        let now = NtpTime(0x0000_0000_8000_0000);
        assert_eq!(round_trip(now, &ReportBlock::default()), None);
        let wrapped = ReportBlock { last_report: 0xffff_c000, delay: 0, ..ReportBlock::default() };
        assert_eq!(round_trip(now, &wrapped), Some(Duration::from_millis(750)));
        let ahead = ReportBlock { last_report: 0x0000_8001, delay: 0, ..ReportBlock::default() };
        assert_eq!(round_trip(now, &ahead), Some(Duration::ZERO));
        let far = ReportBlock { last_report: 0x4000_0000, delay: 0, ..ReportBlock::default() };
        assert_eq!(round_trip(now, &far), None);
    }

    #[test]
    fn a_report_quotes_the_far_sides_last_one() {
        let start = crate::any_instant();
        let (mut reception, _) = counted(&[1]);
        let report = SenderReport {
            ntp: NtpTime(0x1111_2222_3333_4444),
            rtp_timestamp: 0,
            packets: 0,
            octets: 0,
        };
        reception.hear_report(&report, start);
        let block = reception.report(1, start + ms(1_500)).unwrap();
        assert_eq!((block.last_report, block.delay), (0x2222_3333, 0x0001_8000));
    }

    fn close(got: f32, expected: f32, within: f32) {
        assert!((got - expected).abs() <= within, "{got} is not {expected} ± {within}");
    }

    /// G.107 table B.1: the limits of its categories of user satisfaction.
    #[test]
    fn ratings_give_the_opinions_g_107_publishes() {
        for (rating, expected) in
            [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)]
        {
            close(opinion(rating), expected, 0.01);
        }
        close(opinion(93.2), 4.41, 0.01);
        close(opinion(0.0), 1.0, 0.0);
        close(opinion(-20.0), 1.0, 0.0);
        close(opinion(100.0), 4.5, 0.0);
    }

    /// G.113 appendix I publishes G.729A under loss: 11, 15, 19, 23, 26, 36, 49; the formula of
    /// G.107 comes within one of each with Ie 11 and Bpl 19.
    #[test]
    fn loss_impairs_as_g_113_publishes() {
        let published =
            [(0.0, 11.0), (1.0, 15.0), (2.0, 19.0), (3.0, 23.0), (4.0, 26.0), (8.0, 36.0)];
        for (loss, expected) in published {
            close(loss_impairment(11.0, 19.0, loss), expected, 0.6);
        }
        close(loss_impairment(11.0, 19.0, 16.0), 49.0, 0.6);
        // All lost: the impairment approaches 95.
        close(loss_impairment(0.0, 25.1, 100.0), 75.9, 0.1);
    }

    /// G.107 equation 7-27 by hand: nothing up to 100 ms; at 200 ms X = 1, so
    /// 25 (2^(1/6) - 3 (1 + 1/729)^(1/6) + 2) = 3.04; at 400 ms X = 2.
    #[test]
    fn delay_impairs_from_100_ms_on() {
        close(delay_impairment(0.0), 0.0, 0.0);
        close(delay_impairment(100.0), 0.0, 0.0);
        close(delay_impairment(200.0), 3.045, 0.01);
        close(delay_impairment(400.0), 24.06, 0.1);
    }

    #[test]
    fn a_call_on_a_good_network_is_good_and_never_gets_better_by_trouble() {
        close(mos(0.0, 0.0, 0.0), 4.41, 0.01);
        close(mos(0.0, 5.0, 60.0), 4.41, 0.01);
        assert!(mos(0.05, 30.0, 300.0) < 3.8);
        assert!(mos(0.3, 100.0, 800.0) < 1.6);
    }

    proptest! {
        #[test]
        fn the_opinion_falls_with_every_trouble(
            loss in 0.0f32..1.0, jitter in 0.0f32..500.0, rtt in 0.0f32..3_000.0,
        ) {
            let here = mos(loss, jitter, rtt);
            prop_assert!((1.0..=4.5).contains(&here));
            prop_assert!(mos(loss + 0.05, jitter, rtt) <= here + 1e-3);
            prop_assert!(mos(loss, jitter + 20.0, rtt) <= here + 1e-3);
            prop_assert!(mos(loss, jitter, rtt + 50.0) <= here + 1e-3);
        }

        #[test]
        fn any_stream_gives_consistent_counts(
            packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 0u64..3_000), 0..200),
            near in any::<bool>(),
        ) {
            let mut reception = Reception::new(48_000);
            let mut now = crate::any_instant();
            for (sequence, timestamp, wait) in packets {
                now += ms(wait);
                let sequence = if near { sequence % 200 } else { sequence };
                reception.receive(sequence, timestamp, now);
                if sequence % 7 == 0 {
                    reception.report(1, now);
                }
            }
            let figures = reception.figures();
            prop_assert!(figures.received <= figures.expected);
            prop_assert_eq!(figures.lost, figures.expected - figures.received);
            prop_assert!(figures.jitter_ms.is_finite() && figures.jitter_ms >= 0.0);
        }
    }
}
