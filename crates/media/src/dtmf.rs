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
        if timestamp.wrapping_sub(press.timestamp) > u32::MAX / 2 {
            // From before the latest press: a straggler of a press already told.
            return None;
        }
        if press.continues_with(packet, marker) {
            let before = press.before + u32::from(press.duration);
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
