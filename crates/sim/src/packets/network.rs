//! What becomes of a datagram between two addresses?
//!
//! Each is lost, repeated, spoiled or held up as the dice say; an address in the dark is reached by
//! none. The network keeps count of what it delivers, so that the ends' own counts can be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use engine::rehearsal::Datagram;
use media::rtp::{DatagramKind, classify};

use crate::dice::Dice;

/// Bytes at the beginning and at the end of a packet that say which one it is, tag and RTCP's index
/// included; what lies between is only proved.
const HEADER: usize = 12;
const TRAILER: usize = 20;

/// An address that no end has.
const NOBODY: ([u8; 4], u16) = ([10, 9, 9, 9], 9);

/// How bad it is, in percent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) lost: u64,
    pub(super) twice: u64,
    pub(super) spoiled: u64,
    /// Also delivered from an address nobody has: somebody listens and repeats.
    pub(super) echoed: u64,
    /// The longest way, in milliseconds; the shortest is one.
    pub(super) way_ms: u64,
}

/// Media the network delivered from one address to another, every copy of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Delivered {
    /// RTP and RTCP as they were sent, the first copy.
    pub(super) sound: u64,
    /// Further copies of those, with a bit turned or not: their numbers are known.
    pub(super) again: u64,
    /// Copies with a bit turned that came before any other.
    pub(super) spoiled: u64,
}

impl Delivered {
    pub(super) const fn all(self) -> u64 {
        self.sound + self.again + self.spoiled
    }
}

/// See the module.
pub(super) struct Network {
    dice: Dice,
    weather: Weather,
    /// See [`super::Plan::hides_every`].
    hides_every: Option<u64>,
    counted: u64,
    /// By the time of arrival, then by the order of departure.
    on_the_way: BTreeMap<(Duration, u64), Flight>,
    sent: u64,
    dark: BTreeSet<SocketAddr>,
    seen: BTreeSet<(SocketAddr, Vec<u8>)>,
    delivered: BTreeMap<(SocketAddr, SocketAddr), Delivered>,
    pub(super) lost: u64,
}

struct Flight {
    datagram: Datagram,
    how: How,
}

/// How a datagram arrives.
enum How {
    Sound,
    /// With a bit turned; it was this.
    Spoiled(Vec<u8>),
    /// From an address that is not its sender's.
    Strange,
}

impl Network {
    pub(super) fn new(seed: u64, weather: Weather, hides_every: Option<u64>) -> Self {
        Self {
            dice: Dice::new(seed),
            weather,
            hides_every,
            counted: 0,
            on_the_way: BTreeMap::new(),
            sent: 0,
            dark: BTreeSet::new(),
            seen: BTreeSet::new(),
            delivered: BTreeMap::new(),
            lost: 0,
        }
    }

    /// Nothing reaches or leaves this address any more, or does so again.
    pub(super) fn darken(&mut self, addr: SocketAddr, is_dark: bool) {
        if is_dark {
            self.dark.insert(addr);
        } else {
            self.dark.remove(&addr);
        }
    }

    /// From now on nothing is lost, spoiled or repeated.
    pub(super) fn clear_up(&mut self) {
        self.weather = Weather { lost: 0, twice: 0, spoiled: 0, echoed: 0, ..self.weather };
    }

    /// Takes a datagram on its way.
    pub(super) fn send(&mut self, datagram: Datagram, now: Duration) {
        let is_media = is_media(&datagram.bytes);
        let dark = [datagram.from, datagram.to].iter().any(|addr| self.dark.contains(addr));
        // The dice roll for every datagram alike, whatever becomes of it.
        let [lost, twice, spoiled, echoed] =
            [self.weather.lost, self.weather.twice, self.weather.spoiled, self.weather.echoed]
                .map(|percent| self.dice.chance(percent));
        let ways = [(); 3].map(|()| self.dice.ms(1, 1 + self.weather.way_ms));
        let place = self.dice.roll(1 << 20);
        if dark || lost {
            self.lost += 1;
            return;
        }
        // A handshake's first flights prove nothing of themselves; a checksum keeps turned bits from them.
        if spoiled && classify(&datagram.bytes) != DatagramKind::Dtls {
            let bytes = spoil(&datagram.bytes, place, is_media);
            let turned = Datagram { bytes, from: datagram.from, to: datagram.to };
            self.fly(turned, now + ways[1], How::Spoiled(datagram.bytes.clone()));
        }
        if twice {
            self.fly(datagram.clone(), now + ways[2], How::Sound);
        }
        if echoed && is_media {
            let from = NOBODY.into();
            let strange = Datagram { from, to: datagram.to, bytes: datagram.bytes.clone() };
            self.fly(strange, now + ways[2], How::Strange);
        }
        self.fly(datagram, now + ways[0], How::Sound);
    }

    fn fly(&mut self, datagram: Datagram, at: Duration, how: How) {
        self.sent += 1;
        self.on_the_way.insert((at, self.sent), Flight { datagram, how });
    }

    /// What has arrived by now, in its order.
    pub(super) fn arrived(&mut self, now: Duration) -> Vec<Datagram> {
        let later = self.on_the_way.split_off(&(now, u64::MAX));
        let arrived = std::mem::replace(&mut self.on_the_way, later);

        arrived.into_values().map(|flight| self.count(flight)).collect()
    }

    fn count(&mut self, Flight { datagram, how }: Flight) -> Datagram {
        let (from, to) = (datagram.from, datagram.to);
        if !is_media(&datagram.bytes) {
            return datagram;
        }
        self.counted += 1;
        if self.hides_every.is_some_and(|every| self.counted.is_multiple_of(every)) {
            return datagram;
        }
        let count = self.delivered.entry((from, to)).or_default();
        match how {
            How::Strange => count.again += 1,
            How::Spoiled(was) if self.seen.contains(&(from, was.clone())) => count.again += 1,
            How::Spoiled(_) => count.spoiled += 1,
            How::Sound if self.seen.insert((from, datagram.bytes.clone())) => count.sound += 1,
            How::Sound => count.again += 1,
        }
        datagram
    }

    /// Media that was delivered to this address from nobody's.
    pub(super) fn strange(&self, to: SocketAddr) -> u64 {
        self.delivered(NOBODY.into(), to).all()
    }

    /// What media was delivered on this way.
    pub(super) fn delivered(&self, from: SocketAddr, to: SocketAddr) -> Delivered {
        self.delivered.get(&(from, to)).copied().unwrap_or_default()
    }
}

fn is_media(bytes: &[u8]) -> bool {
    matches!(classify(bytes), DatagramKind::Rtp | DatagramKind::Rtcp)
}

/// Turns a bit; of media one that leaves it media.
fn spoil(bytes: &[u8], place: u64, is_media: bool) -> Vec<u8> {
    let (first, end) = match bytes.len().checked_sub(TRAILER) {
        Some(end) if is_media && end > HEADER => (HEADER, end),
        _ => (0, bytes.len()),
    };
    let mut bytes = bytes.to_vec();
    let at = first + usize::try_from(place).unwrap_or_default() % (end - first);
    bytes[at] ^= 1 << (place % 8);

    bytes
}
