//! Which packets of an impaired leg pass, and when?
//!
//! Packets that are held up wait in one queue for each direction, in their order, as behind a slow
//! router: so a held packet also holds up those behind it. A leg that is not impaired has none of
//! this, and pays one look at a flag.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::slot::Slot;
use crate::Impairment;

/// Packets that wait in one direction; more are dropped, as a router would.
const HELD_MAX: usize = 256;

/// How often a leg that holds packets up looks which are due; the wheel turns no finer.
const TICK: Duration = Duration::from_millis(10);

/// An impaired leg's accidents.
#[derive(Debug)]
pub(super) struct Spoiled {
    how: Impairment,
    random: u64,
    arriving: VecDeque<Held>,
    leaving: VecDeque<Held>,
    tick: Instant,
}

/// A packet that waits.
#[derive(Debug)]
pub(super) struct Held {
    due: Instant,
    /// Where it came from; unused for one that leaves.
    pub(super) from: Option<SocketAddr>,
    pub(super) datagram: Box<[u8]>,
}

enum Fate {
    Passes,
    Lost,
    Late(Duration),
}

impl Spoiled {
    pub(super) fn new(how: Impairment, now: Instant) -> Self {
        let (arriving, leaving) = (VecDeque::new(), VecDeque::new());
        Self { how, random: how.seed, arriving, leaving, tick: now + TICK }
    }

    /// The same accidents go on in another way.
    pub(super) fn change(&mut self, how: Impairment) {
        self.how = how;
    }

    fn draw(&mut self) -> f32 {
        // SplitMix64 (Steele et al. 2014).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [high, next, low, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
        let bits = u32::from_be_bytes([0, high, next, low]);
        #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
        let share = bits as f32 / (1_u32 << 24) as f32;
        share
    }

    fn fate(&mut self) -> Fate {
        if self.how.silence || (self.how.loss > 0.0 && self.draw() < self.how.loss) {
            return Fate::Lost;
        }
        if self.how.jitter.is_zero() {
            return Fate::Passes;
        }
        let late = self.draw();
        Fate::Late(self.how.jitter.mul_f32(late))
    }
}

/// Whether a packet passes now; else it is lost or waits, and a copy was taken.
fn passes(
    slot: &mut Slot,
    queue: fn(&mut Spoiled) -> &mut VecDeque<Held>,
    from: Option<SocketAddr>,
    datagram: &[u8],
    now: Instant,
) -> bool {
    let Some(spoiled) = &mut slot.cold.spoiled else {
        return true;
    };
    let late = match spoiled.fate() {
        Fate::Passes if queue(spoiled).is_empty() => return true,
        Fate::Passes => Duration::ZERO,
        Fate::Late(late) => late,
        Fate::Lost => {
            slot.cold.drops.impaired += 1;
            return false;
        }
    };
    let held = queue(spoiled);
    if held.len() >= HELD_MAX {
        slot.cold.drops.impaired += 1;
        return false;
    }
    let due = held.back().map_or(now, |last| last.due).max(now + late);
    held.push_back(Held { due, from, datagram: datagram.into() });

    false
}

/// Whether a packet of the far end may be worked on now.
pub(super) fn arrives(slot: &mut Slot, from: SocketAddr, datagram: &[u8], now: Instant) -> bool {
    passes(slot, |spoiled| &mut spoiled.arriving, Some(from), datagram, now)
}

/// Whether a packet of ours may leave now.
pub(super) fn leaves(slot: &mut Slot, datagram: &[u8], now: Instant) -> bool {
    passes(slot, |spoiled| &mut spoiled.leaving, None, datagram, now)
}

/// Whether DTLS of the far end is dropped.
pub(super) fn drops_dtls(slot: &mut Slot) -> bool {
    let drops = slot.cold.spoiled.as_ref().is_some_and(|spoiled| spoiled.how.no_dtls);
    slot.cold.drops.impaired += u64::from(drops);
    drops
}

/// When a packet may be due.
pub(super) fn next(slot: &Slot) -> Option<Instant> {
    let spoiled = slot.cold.spoiled.as_ref()?;
    let waits = !spoiled.how.jitter.is_zero()
        || !spoiled.arriving.is_empty()
        || !spoiled.leaving.is_empty();
    waits.then_some(spoiled.tick)
}

/// The next packet of the far end that has waited long enough.
pub(super) fn next_arrival(slot: &mut Slot, now: Instant) -> Option<Held> {
    let spoiled = slot.cold.spoiled.as_mut()?;
    spoiled.tick = now + TICK;
    take(&mut spoiled.arriving, now)
}

/// The next packet of ours that has waited long enough.
pub(super) fn next_departure(slot: &mut Slot, now: Instant) -> Option<Held> {
    take(&mut slot.cold.spoiled.as_mut()?.leaving, now)
}

fn take(held: &mut VecDeque<Held>, now: Instant) -> Option<Held> {
    if held.front()?.due > now {
        return None;
    }

    held.pop_front()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_its_share_and_the_same_for_the_same_seed() {
        let how = Impairment { loss: 0.2, seed: 7, ..Impairment::default() };
        let count = |seed| {
            let mut spoiled = Spoiled::new(Impairment { seed, ..how }, Instant::now());
            (0..10_000).filter(|_| matches!(spoiled.fate(), Fate::Lost)).count()
        };
        assert!((1_900..2_100).contains(&count(7)), "{}", count(7));
        assert_eq!(count(7), count(7));
        assert_ne!(count(7), count(8));
    }

    #[test]
    fn lateness_stays_below_its_bound_and_silence_takes_all() {
        let jitter = Duration::from_millis(40);
        let how = Impairment { jitter, ..Impairment::default() };
        let mut spoiled = Spoiled::new(how, Instant::now());
        let mut most = Duration::ZERO;
        for _ in 0..1_000 {
            let Fate::Late(late) = spoiled.fate() else { panic!("not late") };
            most = most.max(late);
        }
        assert!(most < jitter && most > jitter.mul_f32(0.95), "{most:?}");
        spoiled.change(Impairment { silence: true, ..how });
        assert!(matches!(spoiled.fate(), Fate::Lost));
    }
}
