//! Which key was pressed, and how is a key press sent?
//!
//! Telephone-events after RFC 4733. One key press is many packets: all carry the RTP timestamp of its
//! start, each says how long the key has been down so far, the last is sent three times. WhatsApp
//! counts the duration in 8,000 Hz units although the timestamps run at the 48 kHz of the audio (fact
//! sheet 3.10), so a timestamp here is only a name for the event and never arithmetic.
//!
//! ```text
//!   Idle ──first packet──▶ Down ──end packet──▶ Idle           each key press is told once
//!                           └──200 ms of nothing, or another event──▶
//! ```

use std::fmt;
use std::time::{Duration, Instant};

/// The clock that event durations count, whatever the audio's is.
pub const EVENT_CLOCK: u32 = 8_000;

/// Silence after which a key counts as released although no end packet came. Senders repeat the
/// event at least every 50 ms; four lost in a row are likelier a lost end.
const RELEASE_AFTER: Duration = Duration::from_millis(200);

/// A packet with an older timestamp than the latest press is a straggler this long after it, and no
/// longer than SRTP lets packets in late (128 of them); after that the sender has a new clock.
const STRAGGLER_MAX: Duration = Duration::from_millis(2_500);

/// One key of a telephone: `0`-`9`, `*`, `#`, `A`-`D`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digit(u8);

const KEYS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

impl Digit {
    /// The key with this sign; small letters count as capitals.
    #[must_use]
    pub fn new(sign: char) -> Option<Self> {
        let sign = sign.to_ascii_uppercase();
        let code = KEYS.iter().position(|key| *key == sign)?;

        u8::try_from(code).ok().map(Self)
    }

    /// The key with this event code (RFC 4733 section 3.2).
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        (usize::from(code) < KEYS.len()).then_some(Self(code))
    }

    /// The event code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The sign on the key.
    #[must_use]
    pub fn sign(self) -> char {
        KEYS.get(usize::from(self.0)).copied().unwrap_or('?')
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sign())
    }
}

/// Keys may spell a PIN: they are not for logs.
impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(_)")
    }
}

/// A key press that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigitEvent {
    /// Which key.
    pub digit: Digit,
    /// How long it was down, as far as its packets told.
    pub duration_ms: u32,
}

/// Makes key presses of event packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct DigitReceiver {
    latest: Option<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    digit: Digit,
    timestamp: u32,
    /// Duration of the segments before this one; an event longer than 65,535 units has several.
    before: u32,
    duration: u16,
    last_at: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    /// Ended, but not told yet because another press was told at that moment.
    Released,
    /// Told; kept to know its repetitions.
    Told,
}

/// What one event packet says.
#[derive(Clone, Copy)]
struct Packet {
    digit: Digit,
    end: bool,
    duration: u16,
}

impl Packet {
    /// `None` for other events than keys (fax tones, flash) and for too few bytes.
    fn parse(payload: &[u8]) -> Option<Self> {
        let [code, flags, d0, d1] = *payload.first_chunk()?;
        let digit = Digit::from_code(code)?;

        Some(Self { digit, end: flags & 0x80 != 0, duration: u16::from_be_bytes([d0, d1]) })
    }
}

impl DigitReceiver {
    /// Takes the payload of an event packet with its RTP timestamp and marker. Answers a key press
    /// once it is over.
    pub fn receive(
        &mut self,
        payload: &[u8],
        timestamp: u32,
        marker: bool,
        now: Instant,
    ) -> Option<DigitEvent> {
        let packet = Packet::parse(payload)?;
        let Some(press) = &mut self.latest else {
            return self.begin(packet, timestamp, 0, now);
        };
        if press.timestamp == timestamp {
            press.hear(packet, now);
            return self.tell_released();
        }
        if timestamp.wrapping_sub(press.timestamp) > u32::MAX / 2
            && now.saturating_duration_since(press.last_at) < STRAGGLER_MAX
        {
            // From before the latest press: a straggler of a press already told.
            return None;
        }
        if press.continues_with(packet, marker) {
            let before = press.before.saturating_add(u32::from(press.duration));
            return self.begin(packet, timestamp, before, now);
        }
        let unfinished = press.tell();
        let finished = self.begin(packet, timestamp, 0, now);
        match (unfinished, finished, &mut self.latest) {
            (Some(unfinished), Some(_), Some(press)) => {
                // Two at once; the second is told by its repetition or by the next tick.
                press.phase = Phase::Released;
                Some(unfinished)
            }
            (unfinished, finished, _) => unfinished.or(finished),
        }
    }

    /// Answers a key press that ended without its end packet. To be called every 100 ms or so.
    pub fn tick(&mut self, now: Instant) -> Option<DigitEvent> {
        let press = self.latest.as_mut()?;
        if press.phase == Phase::Down
            && now.saturating_duration_since(press.last_at) < RELEASE_AFTER
        {
            return None;
        }

        press.tell()
    }

    fn begin(
        &mut self,
        packet: Packet,
        timestamp: u32,
        before: u32,
        now: Instant,
    ) -> Option<DigitEvent> {
        self.latest = Some(Press {
            digit: packet.digit,
            timestamp,
            before,
            duration: packet.duration,
            last_at: now,
            phase: if packet.end { Phase::Released } else { Phase::Down },
        });

        self.tell_released()
    }

    fn tell_released(&mut self) -> Option<DigitEvent> {
        let press = self.latest.as_mut()?;
        if press.phase != Phase::Released {
            return None;
        }

        press.tell()
    }
}

impl Press {
    /// Takes a further packet of the same press; they may arrive out of order.
    fn hear(&mut self, packet: Packet, now: Instant) {
        self.last_at = now;
        if self.phase == Phase::Told {
            return;
        }
        self.duration = self.duration.max(packet.duration);
        if packet.end {
            self.phase = Phase::Released;
        }
    }

    /// A key held beyond what the duration field can say goes on under a new timestamp, without a
    /// marker (RFC 4733 section 2.5.1.3).
    fn continues_with(&self, packet: Packet, marker: bool) -> bool {
        !marker
            && self.phase == Phase::Down
            && self.digit == packet.digit
            && self.duration == u16::MAX
    }

    fn tell(&mut self) -> Option<DigitEvent> {
        if self.phase == Phase::Told {
            return None;
        }
        self.phase = Phase::Told;
        let units = self.before.saturating_add(u32::from(self.duration));

        Some(DigitEvent { digit: self.digit, duration_ms: units / (EVENT_CLOCK / 1_000) })
    }
}

/// How far apart the packets of an event leave; one in the place of each audio packet.
pub const EVENT_INTERVAL: Duration = Duration::from_millis(20);

const UNITS_PER_PACKET: u16 = 160;

/// The shortest key press that gateways recognise with certainty (RFC 4733 section 2.3.5).
const UNITS_MIN: u32 = 40 * 8;

/// The last packet is sent three times, in case some are lost (RFC 4733 section 2.5.1.4).
const END_PACKETS: u8 = 3;

/// Loudness of the key in −dBm0, for a far side that makes a tone of it.
const VOLUME: u8 = 10;

/// What an event packet carries, besides the numbers of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigitPacket {
    /// The RTP payload.
    pub payload: [u8; 4],
    /// Set on the first packet of the press: marker set, a new timestamp.
    pub first: bool,
}

/// Makes the packets of one key press; one leaves every [`EVENT_INTERVAL`].
#[derive(Clone, Copy, Debug)]
pub struct DigitSender {
    digit: Digit,
    units: u16,
    sent: u16,
    ends_left: u8,
}

impl DigitSender {
    /// A press of this length, taken as at least 40 ms and at most the 8.19 s one event can say.
    #[must_use]
    pub fn new(digit: Digit, duration_ms: u32) -> Self {
        let units = duration_ms.saturating_mul(EVENT_CLOCK / 1_000).max(UNITS_MIN);
        let units = u16::try_from(units).unwrap_or(u16::MAX);

        Self { digit, units, sent: 0, ends_left: END_PACKETS }
    }

    /// The next packet; `None` when all were made.
    pub fn next_packet(&mut self) -> Option<DigitPacket> {
        let first = self.sent == 0;
        let so_far = self.sent.saturating_add(UNITS_PER_PACKET);
        let end = so_far >= self.units;
        if end {
            self.ends_left = self.ends_left.checked_sub(1)?;
        }
        self.sent = so_far.min(self.units);
        let [d0, d1] = self.sent.to_be_bytes();
        let flags = VOLUME | if end { 0x80 } else { 0 };

        Some(DigitPacket { payload: [self.digit.code(), flags, d0, d1], first })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const END: u8 = 0x80;

    fn digit(sign: char) -> Digit {
        Digit::new(sign).unwrap()
    }

    fn event(sign: char, flags: u8, duration: u16) -> [u8; 4] {
        let [d0, d1] = duration.to_be_bytes();
        [digit(sign).code(), flags | 10, d0, d1]
    }

    fn pressed(sign: char, duration_ms: u32) -> Option<DigitEvent> {
        Some(DigitEvent { digit: digit(sign), duration_ms })
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn every_key_has_its_code() {
        for (code, sign) in (0..).zip(KEYS) {
            assert_eq!(digit(sign).code(), code);
            assert_eq!(Digit::from_code(code).unwrap().sign(), sign);
            assert_eq!(digit(sign).to_string(), sign.to_string());
        }
        assert_eq!(digit('c'), digit('C'));
        assert_eq!(Digit::new('E'), None);
        assert_eq!(Digit::from_code(16), None);
        assert_eq!(format!("{:?}", digit('7')), "Digit(_)");
    }

    /// Timestamps step by 960 per 20 ms, durations by 160: a press of 100 ms is 800 units.
    #[test]
    fn a_press_is_told_once_with_its_length_in_8000_hz_units() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        for (n, duration) in [160, 320, 480, 640].into_iter().enumerate() {
            let told = receiver.receive(&event('5', 0, duration), 48_000, n == 0, now);
            assert_eq!(told, None);
        }
        let end = event('5', END, 800);
        assert_eq!(receiver.receive(&end, 48_000, false, now), pressed('5', 100));
        assert_eq!(receiver.receive(&end, 48_000, false, now), None);
        assert_eq!(receiver.receive(&end, 48_000, false, now), None);
        assert_eq!(receiver.tick(now + ms(1_000)), None);
    }

    #[test]
    fn the_same_key_twice_is_two_presses() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        let end = event('1', END, 400);
        assert_eq!(receiver.receive(&end, 0, true, now), pressed('1', 50));
        assert_eq!(receiver.receive(&end, 9_600, true, now), pressed('1', 50));
    }

    #[test]
    fn a_lost_end_is_made_up_by_the_next_press_or_by_silence() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        receiver.receive(&event('1', 0, 160), 0, true, now);
        receiver.receive(&event('1', 0, 320), 0, false, now);
        let told = receiver.receive(&event('2', 0, 160), 9_600, true, now + ms(40));
        assert_eq!(told, pressed('1', 40));

        assert_eq!(receiver.tick(now + ms(239)), None);
        assert_eq!(receiver.tick(now + ms(240)), pressed('2', 20));
        assert_eq!(receiver.tick(now + ms(500)), None);
        let straggler = receiver.receive(&event('2', END, 800), 9_600, false, now + ms(600));
        assert_eq!(straggler, None, "its press was told");
    }

    #[test]
    fn two_presses_in_one_packet_time_are_both_told() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        receiver.receive(&event('1', 0, 160), 0, true, now);
        let end = event('2', END, 320);
        assert_eq!(receiver.receive(&end, 9_600, false, now), pressed('1', 20));
        assert_eq!(receiver.receive(&end, 9_600, false, now), pressed('2', 40));

        receiver.receive(&event('3', 0, 160), 19_200, true, now);
        assert_eq!(receiver.receive(&event('4', END, 160), 28_800, true, now), pressed('3', 20));
        assert_eq!(receiver.tick(now), pressed('4', 20));
    }

    #[test]
    fn packets_out_of_order_do_not_shorten_or_repeat_a_press() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        receiver.receive(&event('9', 0, 320), 0, false, now);
        receiver.receive(&event('9', 0, 160), 0, true, now);
        assert_eq!(receiver.receive(&event('9', END, 480), 0, false, now), pressed('9', 60));
        assert_eq!(receiver.receive(&event('9', 0, 400), 0, false, now), None);

        receiver.receive(&event('8', 0, 160), 9_600, true, now);
        assert_eq!(receiver.receive(&event('9', END, 480), 0, false, now), None, "a straggler");
        assert_eq!(receiver.receive(&event('8', END, 160), 9_600, false, now), pressed('8', 20));
    }

    #[test]
    fn the_timestamp_may_wrap() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        let end = event('1', END, 160);
        assert_eq!(receiver.receive(&end, u32::MAX - 10, true, now), pressed('1', 20));
        assert_eq!(receiver.receive(&end, 9_589, true, now), pressed('1', 20));
    }

    /// A far end that restarts its sender counts from anywhere.
    #[test]
    fn a_sender_with_a_new_clock_is_heard() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        let end = event('1', END, 400);
        assert_eq!(receiver.receive(&end, 1_000_000, true, now), pressed('1', 50));
        assert_eq!(receiver.receive(&end, 5_000, true, now + ms(1_000)), None, "a straggler");
        assert_eq!(receiver.receive(&end, 5_000, true, now + ms(3_000)), pressed('1', 50));
    }

    /// Nobody holds a key for six days, but anybody can say so.
    #[test]
    fn a_press_without_end_does_not_overflow() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        for segment in 0..66_000 {
            assert_eq!(receiver.receive(&event('5', 0, u16::MAX), segment, false, now), None);
        }
        let told = receiver.receive(&event('5', END, u16::MAX), 66_000, false, now);
        assert_eq!(told, pressed('5', u32::MAX / 8));
    }

    /// RFC 4733 section 2.5.1.3: a key held for 10 s spans two segments.
    #[test]
    fn a_very_long_press_is_one_press() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        receiver.receive(&event('#', 0, 160), 0, true, now);
        receiver.receive(&event('#', 0, u16::MAX), 0, false, now);
        assert_eq!(receiver.receive(&event('#', 0, 160), 393_210, false, now), None);
        let told = receiver.receive(&event('#', END, 14_465), 393_210, false, now);
        assert_eq!(told, pressed('#', 10_000));
    }

    #[test]
    fn other_events_and_short_payloads_are_nothing() {
        let now = crate::any_instant();
        let mut receiver = DigitReceiver::default();
        assert_eq!(receiver.receive(&[16, END, 1, 0], 0, true, now), None);
        assert_eq!(receiver.receive(&[1, END, 1], 0, true, now), None);
        assert_eq!(receiver.receive(&[], 0, true, now), None);
        assert_eq!(receiver.tick(now + ms(900)), None);
    }

    #[test]
    fn a_press_is_sent_as_growing_packets_and_three_ends() {
        let mut sender = DigitSender::new(digit('#'), 70);
        let packets: Vec<DigitPacket> = std::iter::from_fn(|| sender.next_packet()).collect();
        let expected = [
            (event('#', 0, 160), true),
            (event('#', 0, 320), false),
            (event('#', 0, 480), false),
            (event('#', END, 560), false),
            (event('#', END, 560), false),
            (event('#', END, 560), false),
        ]
        .map(|(payload, first)| DigitPacket { payload, first });
        assert_eq!(packets, expected);
    }

    #[test]
    fn a_press_is_neither_too_short_nor_too_long_to_say() {
        let last = |ms| {
            let mut sender = DigitSender::new(digit('0'), ms);
            let packets: Vec<_> = std::iter::from_fn(|| sender.next_packet()).collect();
            let [_, _, d0, d1] = packets.last().unwrap().payload;
            (packets.len(), u16::from_be_bytes([d0, d1]))
        };
        assert_eq!(last(0), (4, 320));
        assert_eq!(last(20), (4, 320));
        assert_eq!(last(u32::MAX), (412, u16::MAX));
    }

    proptest! {
        #[test]
        fn what_is_sent_is_heard_with_any_two_ends_lost(
            code in 0u8..16,
            duration_ms in 40u32..1_000,
            lost in 0usize..3,
        ) {
            let now = crate::any_instant();
            let digit = Digit::from_code(code).unwrap();
            let mut sender = DigitSender::new(digit, duration_ms);
            let packets: Vec<_> = std::iter::from_fn(|| sender.next_packet()).collect();
            let ends = packets.len() - 3;
            let mut receiver = DigitReceiver::default();
            let told: Vec<_> = packets
                .iter()
                .enumerate()
                .filter(|(n, _)| *n < ends || *n == ends + lost)
                .filter_map(|(_, p)| receiver.receive(&p.payload, 77, p.first, now))
                .collect();
            prop_assert_eq!(told, vec![DigitEvent { digit, duration_ms }]);
        }

        #[test]
        fn any_packets_give_at_most_one_press_per_timestamp(
            packets in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..6), 0u32..6, any::<bool>()), 0..60),
        ) {
            let mut now = crate::any_instant();
            let mut receiver = DigitReceiver::default();
            let mut told = 0;
            for (payload, timestamp, marker) in packets {
                now += ms(30);
                told += usize::from(receiver.receive(&payload, timestamp, marker, now).is_some());
                told += usize::from(receiver.tick(now).is_some());
            }
            prop_assert!(told <= 6);
        }
    }
}
