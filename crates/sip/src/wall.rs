//! Who knocks too often at the wrong door?
//!
//! Whoever speaks SIP to the world is scanned: REGISTER and INVITE for users that are none, by the
//! thousand. An address that is turned away again and again is not heard for a while, before anything
//! of it is read. One that we know is refused as often as it asks, and goes on being heard: behind the
//! address of a PBX or of the platform there are calls that stand and answers to what we asked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What counts how much: a question whether somebody is who they say, and one turned away.
const CHALLENGED: u32 = 1;
const TURNED_AWAY: u32 = 20;
/// How much of it, within how long, is too much: ten turned away, or 200 who never answered.
const MUCH: u32 = 200;
const WITHIN: Duration = Duration::from_secs(60);
/// How long such an address is not heard.
const UNHEARD: Duration = Duration::from_secs(600);
/// For how long we know one that we reached, or that showed who it is.
const KNOWN: Duration = Duration::from_secs(86_400);
/// How many addresses are kept in mind, of those we know and of those we do not.
const KEPT_MAX: usize = 8_192;

/// Strangers, since the agent began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strangers {
    /// Requests that were turned away.
    pub turned_away: u64,
    /// Addresses that were banned for a while.
    pub banned: u64,
    /// Datagrams and connections of theirs that were not heard.
    pub unheard: u64,
    /// Connections there was no room for.
    pub crowded: u64,
    /// Connections on which nothing whole was said in time.
    pub slow: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Wall {
    offenders: Mutex<Offenders>,
    turned_away: AtomicU64,
    banned: AtomicU64,
    unheard: AtomicU64,
    crowded: AtomicU64,
    slow: AtomicU64,
}

impl Wall {
    /// Whether this address is heard.
    pub(crate) fn hears(&self, ip: IpAddr) -> bool {
        let hears = self.lock().hears(ip, Instant::now());
        if !hears {
            self.unheard.fetch_add(1, Ordering::Relaxed);
        }
        hears
    }

    /// There is no room for its connection.
    pub(crate) fn crowded(&self) {
        self.crowded.fetch_add(1, Ordering::Relaxed);
    }

    /// It was asked who it is; whether it is not heard any more.
    pub(crate) fn challenged(&self, ip: IpAddr) -> bool {
        self.note(ip, CHALLENGED)
    }

    /// It is nobody we know; whether it is not heard any more.
    pub(crate) fn turned_away(&self, ip: IpAddr) -> bool {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        self.note(ip, TURNED_AWAY)
    }

    /// It holds a connection and says nothing; whether it is not heard any more.
    pub(crate) fn slow(&self, ip: IpAddr) -> bool {
        self.slow.fetch_add(1, Ordering::Relaxed);
        self.note(ip, TURNED_AWAY)
    }

    /// It is somebody we know: it showed who it is, or we reached it ourselves.
    pub(crate) fn knows(&self, ip: IpAddr) {
        self.lock().knows(ip, Instant::now());
    }

    pub(crate) fn strangers(&self) -> Strangers {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Strangers {
            turned_away: count(&self.turned_away),
            banned: count(&self.banned),
            unheard: count(&self.unheard),
            crowded: count(&self.crowded),
            slow: count(&self.slow),
        }
    }

    fn note(&self, ip: IpAddr, much: u32) -> bool {
        let is_much = self.lock().note(ip, much, Instant::now());
        self.banned.fetch_add(u64::from(is_much), Ordering::Relaxed);
        is_much
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Offenders> {
        self.offenders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Offenders {
    offenders: HashMap<IpAddr, Offender>,
    /// Those we know, and until when.
    known: HashMap<IpAddr, Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Offender {
    since: Instant,
    much: u32,
    unheard_until: Option<Instant>,
}

impl Offender {
    fn is_over(&self, now: Instant) -> bool {
        now >= self.unheard_until.unwrap_or(self.since + WITHIN)
    }
}

impl Offenders {
    fn hears(&mut self, ip: IpAddr, now: Instant) -> bool {
        let Some(offender) = self.offenders.get(&ip) else { return true };
        if offender.is_over(now) {
            self.offenders.remove(&ip);
            return true;
        }
        offender.unheard_until.is_none()
    }

    fn knows(&mut self, ip: IpAddr, now: Instant) {
        self.offenders.remove(&ip);
        if self.known.len() >= KEPT_MAX && !self.known.contains_key(&ip) {
            self.known.retain(|_, until| *until > now);
            // One more begins anew, and is not kept.
            if self.known.len() >= KEPT_MAX {
                return;
            }
        }
        self.known.insert(ip, now + KNOWN);
    }

    /// Whether it is too much now, and was not before.
    fn note(&mut self, ip: IpAddr, much: u32, now: Instant) -> bool {
        if self.known.get(&ip).is_some_and(|until| *until > now) || !self.has_room(ip, now) {
            return false;
        }
        let new = Offender { since: now, much: 0, unheard_until: None };
        let offender = self.offenders.entry(ip).or_insert(new);
        if offender.is_over(now) {
            *offender = new;
        }
        offender.much += much;
        if offender.much < MUCH || offender.unheard_until.is_some() {
            return false;
        }
        offender.unheard_until = Some(now + UNHEARD);
        true
    }

    /// As many at once as there is no room for are a flood from everywhere: the others are turned away one
    /// by one.
    fn has_room(&mut self, ip: IpAddr, now: Instant) -> bool {
        if self.offenders.len() >= KEPT_MAX && !self.offenders.contains_key(&ip) {
            self.offenders.retain(|_, offender| !offender.is_over(now));
        }
        self.offenders.len() < KEPT_MAX || self.offenders.contains_key(&ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u32) -> IpAddr {
        IpAddr::from((0xCB00_0000 | last).to_be_bytes())
    }

    #[test]
    fn ten_who_are_turned_away_within_a_minute_are_not_heard_for_ten() {
        let (mut offenders, now) = (Offenders::default(), Instant::now());
        let eve = address(1);
        for _ in 0..9 {
            assert!(!offenders.note(eve, TURNED_AWAY, now));
        }
        assert!(offenders.hears(eve, now));
        assert!(offenders.note(eve, TURNED_AWAY, now + Duration::from_secs(59)));
        let then = now + Duration::from_secs(59);
        assert!(!offenders.hears(eve, then));
        assert!(offenders.hears(address(2), then), "nobody else is meant");
        assert!(!offenders.hears(eve, then + UNHEARD - Duration::from_secs(1)));
        assert!(offenders.hears(eve, then + UNHEARD));
    }

    #[test]
    fn a_few_in_an_hour_are_people_who_mistype() {
        let (mut offenders, now) = (Offenders::default(), Instant::now());
        for minute in 0..30 {
            let then = now + WITHIN * minute;
            assert!(!offenders.note(address(1), TURNED_AWAY * 5, then));
            assert!(offenders.hears(address(1), then));
        }
    }

    #[test]
    fn who_is_known_is_heard_for_a_day_however_often_it_is_turned_away() {
        let (mut offenders, now) = (Offenders::default(), Instant::now());
        let pbx = address(1);
        assert!((0..10).any(|_| offenders.note(pbx, TURNED_AWAY, now)));
        assert!(!offenders.hears(pbx, now));
        offenders.knows(pbx, now);
        assert!(offenders.hears(pbx, now), "we ask it something, and hear what it answers");
        let later = now + KNOWN - Duration::from_secs(1);
        assert!(!(0..100).any(|_| offenders.note(pbx, TURNED_AWAY, later)));
        assert!(offenders.hears(pbx, later));
        let tomorrow = now + KNOWN;
        assert!((0..10).any(|_| offenders.note(pbx, TURNED_AWAY, tomorrow)));
        assert!(!offenders.hears(pbx, tomorrow));
    }

    #[test]
    fn who_showed_who_it_is_is_no_stranger() {
        let wall = Wall::default();
        for _ in 0..30 {
            for _ in 0..150 {
                wall.challenged(address(1));
            }
            wall.knows(address(1));
        }
        assert!(wall.hears(address(1)));
        let nobody = Strangers { turned_away: 0, banned: 0, unheard: 0, crowded: 0, slow: 0 };
        assert_eq!(wall.strangers(), nobody);
    }

    #[test]
    fn a_flood_from_everywhere_fills_no_memory() {
        let (mut offenders, now) = (Offenders::default(), Instant::now());
        for last in 0..20_000 {
            offenders.note(address(last), TURNED_AWAY, now);
        }
        assert!(offenders.offenders.len() <= KEPT_MAX);
        offenders.note(address(30_000), TURNED_AWAY, now + WITHIN);
        assert_eq!(offenders.offenders.len(), 1, "what is over is forgotten");
        for last in 0..20_000 {
            offenders.knows(address(last), now);
        }
        assert!(offenders.known.len() <= KEPT_MAX);
        offenders.knows(address(30_000), now + KNOWN);
        assert_eq!(offenders.known.len(), 1, "a day is over");
    }
}
