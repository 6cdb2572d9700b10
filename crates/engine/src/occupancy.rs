//! How much of its time does a worker need, and what gives way first?
//!
//! Measured over the last second, not guessed from how many are served: the time from the beginning of a turn
//! to its end. Whoever else had the processor meanwhile counts, for those who are served wait for that, too.
//! What of it those missed who came within that second is guessed. Past 70 % a worker does the same with less effort, and past
//! 80 % nobody more is brought to it.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

use crate::{
    pressure::{MEASURES, Pressure},
    workers::Trade,
};

/// The share past which nobody more is brought.
pub(crate) const FULL: f32 = 0.8;

/// The share past which there is less effort.
const HURRIED: f32 = 0.7;

/// The share below which there is all effort again: with the least an encoder needs two fifths of what it needs
/// with the most, and what is hurried must not fall below by that alone.
const AT_EASE: f32 = 0.25;

/// What a worker needs, as it says itself and as those see it who bring it more.
#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    /// Who has a seat.
    seats: AtomicU16,
    /// The bits of the share that was measured.
    share: AtomicU32,
    /// How many were served meanwhile, on average.
    served: AtomicU16,
}

impl Occupancy {
    /// The share that is to be expected, where those who came while it was measured need as much as is usual
    /// in their trade.
    pub(crate) fn expected(&self, trade: Trade) -> f32 {
        let measured = self.served.load(Relaxed) / trade.voices;
        let came = self.seats().saturating_sub(measured);

        self.share() + f32::from(came) * trade.of_one
    }

    /// The share that was measured.
    pub(crate) fn share(&self) -> f32 {
        f32::from_bits(self.share.load(Relaxed))
    }

    /// Seats that are taken.
    pub(crate) fn seats(&self) -> u16 {
        self.seats.load(Relaxed)
    }

    /// Takes one.
    pub(crate) fn sit(&self) {
        self.seats.fetch_add(1, Relaxed);
    }

    /// Gives one back that was taken.
    pub(crate) fn rise(&self) {
        self.seats.fetch_sub(1, Relaxed);
    }

    fn tell(&self, share: f32, served: u16) {
        self.share.store(share.to_bits(), Relaxed);
        self.served.store(served, Relaxed);
    }
}

/// What a worker measures of itself.
#[derive(Debug)]
pub(crate) struct Gauge<'a> {
    occupancy: &'a Occupancy,
    pressure: Pressure,
    /// The time in turns.
    used: Duration,
    /// Who was served at each measure, the oldest first.
    served: VecDeque<u16>,
    hurried: bool,
}

impl<'a> Gauge<'a> {
    pub(crate) fn new(occupancy: &'a Occupancy) -> Self {
        let served = VecDeque::with_capacity(2 * MEASURES);

        Self {
            occupancy,
            pressure: Pressure::default(),
            used: Duration::ZERO,
            served,
            hurried: false,
        }
    }

    /// Nobody is served: there is nothing to measure, and what was is over.
    pub(crate) fn rest(&mut self) {
        *self = Self::new(self.occupancy);
        self.occupancy.tell(0.0, 0);
    }

    /// So many had a turn from then until now.
    pub(crate) fn turn(&mut self, (began, now): (Instant, Instant), served: usize) {
        self.used += now.saturating_duration_since(began);
        if self.pressure.is_due(now) {
            self.measure(now, u16::try_from(served).unwrap_or(u16::MAX));
        }
    }

    fn measure(&mut self, now: Instant, served: u16) {
        let share = self.pressure.measure(now, self.used);
        self.served.push_back(served);
        let is_whole = self.served.len() > MEASURES;
        if is_whole {
            self.served.pop_front();
        }
        let sum: usize = self.served.iter().copied().map(usize::from).sum();
        let average = if is_whole { sum / MEASURES } else { 0 };
        self.hurried = share > if self.hurried { AT_EASE } else { HURRIED };
        self.occupancy.tell(share, u16::try_from(average).unwrap_or(u16::MAX));
    }

    /// Whether less effort is to be made.
    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: Duration = Duration::from_millis(20);

    /// A worker that begins with nobody to serve.
    struct Worker<'a> {
        gauge: Gauge<'a>,
        now: Instant,
    }

    impl Worker<'_> {
        /// So many turns of so many of those it serves, each of which takes such a share of 20 ms.
        fn turns(&mut self, count: u32, (served, share): (usize, f32)) {
            for _ in 0..count {
                self.now += TURN;
                self.gauge.turn((self.now, self.now + TURN.mul_f32(share)), served);
            }
        }
    }

    fn worker(occupancy: &Occupancy) -> Worker<'_> {
        Worker { gauge: Gauge::new(occupancy), now: Instant::now() }
    }

    #[test]
    fn who_came_lately_is_guessed_and_measured_from_then_on() {
        let occupancy = Occupancy::default();
        let mut worker = worker(&occupancy);
        let close = |expected: f32| {
            let told = occupancy.expected(Trade { name: "test", of_one: 0.01, voices: 2 });
            assert!((told - expected).abs() < 0.03, "{told} and not {expected}");
        };
        for _ in 0..20 {
            occupancy.sit();
        }
        close(0.2);
        worker.turns(40, (40, 0.5));
        close(0.2);
        worker.turns(40, (40, 0.5));
        close(0.5);
        for _ in 0..10 {
            occupancy.sit();
        }
        close(0.6);
        // Half of the second they were there: half of them is measured, and half is guessed.
        worker.turns(25, (60, 0.75));
        close(0.5 + 0.125 + 0.05);
        worker.turns(80, (60, 0.75));
        close(0.75);
        for _ in 0..30 {
            occupancy.rise();
        }
        worker.gauge.rest();
        close(0.0);
    }

    #[test]
    fn less_effort_is_made_past_its_share_and_until_there_is_room_for_all_of_it() {
        let occupancy = Occupancy::default();
        let mut worker = worker(&occupancy);
        let after = |worker: &mut Worker<'_>, share| {
            worker.turns(80, (10, share));
            worker.gauge.is_hurried()
        };
        assert!(!after(&mut worker, 0.69));
        assert!(after(&mut worker, 0.72));
        // What less effort saves is no reason to make more again.
        assert!(after(&mut worker, 0.72 * 0.41));
        assert!(!after(&mut worker, 0.2));
        assert!(!after(&mut worker, 0.6));
    }
}
