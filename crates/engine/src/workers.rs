//! Which worker serves the next one, and when has none the room?
//!
//! What stands beside the packet path (bots, transcoders, mixes, who listens for keys) is served by threads that
//! give everybody a turn, one thread for each processor. Who comes goes where others are already, for each
//! thread that wakes costs something; from two fifths of a worker's time on to the next one; and nowhere once
//! all have more to do than they should.

use std::{
    io,
    sync::Arc,
    thread::{self, Builder},
};

use crossbeam_channel::{Receiver, Sender};

use crate::occupancy::{FULL, Occupancy};

/// Seats of one worker, whatever it has to do: what comes must have a place to wait.
const SEATS: u16 = 500;

/// The share of its time from which on a worker is only brought more when the others have no less.
const ENOUGH: f32 = 0.4;

/// What workers are for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trade {
    /// The name of their threads, 12 bytes at most.
    pub(crate) name: &'static str,
    /// The share of a worker's time that a seat is thought to need until it is measured.
    pub(crate) of_one: f32,
    /// How many are served for a seat.
    pub(crate) voices: u16,
}

/// All workers of one trade; clones reach the same ones.
#[derive(Debug)]
pub(crate) struct Workers<T> {
    trade: Trade,
    all: Arc<[Worker<T>]>,
}

/// One of them, as seen from outside.
#[derive(Debug)]
struct Worker<T> {
    new: Sender<Box<T>>,
    occupancy: Arc<Occupancy>,
}

/// Where a worker finds whom to serve, and says what it needs for that.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    pub(crate) new: Receiver<Box<T>>,
    pub(crate) occupancy: Arc<Occupancy>,
}

/// A seat at a worker, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat<T>(Worker<T>);

/// There was no place to wait: more came for a seat than it is for.
#[derive(Debug)]
pub(crate) struct NoPlace;

impl<T: Send + 'static> Workers<T> {
    /// Starts one for each processor; each ends when nobody can bring it anything any more. `serve` makes what
    /// one of them does.
    pub(crate) fn start<S: FnOnce(Inbox<T>) + Send + 'static>(
        trade: Trade,
        serve: impl FnMut() -> S,
    ) -> io::Result<Self> {
        // Where the system does not say there is at least the one we run on.
        let count = thread::available_parallelism().map_or(1, usize::from);

        Self::start_some(count, trade, serve)
    }

    fn start_some<S: FnOnce(Inbox<T>) + Send + 'static>(
        count: usize,
        trade: Trade,
        mut serve: impl FnMut() -> S,
    ) -> io::Result<Self> {
        let start = |number| {
            let (new, inbox) = crossbeam_channel::bounded(usize::from(SEATS * trade.voices));
            let occupancy = Arc::new(Occupancy::default());
            let inbox = Inbox { new: inbox, occupancy: Arc::clone(&occupancy) };
            let serve = serve();
            Builder::new().name(format!("{}-{number}", trade.name)).spawn(move || serve(inbox))?;
            Ok(Worker { new, occupancy })
        };
        let all: io::Result<Arc<[_]>> = (0..count).map(start).collect();

        Ok(Self { trade, all: all? })
    }
}

impl<T> Workers<T> {
    /// A seat at one of them; `None` when all have as much to do as they should.
    pub(crate) fn seat(&self) -> Option<Seat<T>> {
        let expected = |worker: &&Worker<T>| worker.occupancy.expected(self.trade);
        let open = || self.all.iter().filter(|worker| worker.occupancy.seats() < SEATS);
        let least = || open().min_by(|one, other| expected(one).total_cmp(&expected(other)));
        let worker = open().find(|worker| expected(worker) < ENOUGH).or_else(least);
        let Some(worker) = worker.filter(|worker| expected(worker) <= FULL) else {
            tracing::warn!(workers = self.trade.name, "no worker has room for one more");
            return None;
        };
        worker.occupancy.sit();

        Some(Seat(worker.clone()))
    }

    /// What share of the last second each of them spent in its turns.
    pub(crate) fn busy(&self) -> Vec<f32> {
        self.all.iter().map(|worker| worker.occupancy.share()).collect()
    }
}

impl<T> Clone for Workers<T> {
    fn clone(&self) -> Self {
        Self { trade: self.trade, all: Arc::clone(&self.all) }
    }
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Self {
        Self { new: self.new.clone(), occupancy: Arc::clone(&self.occupancy) }
    }
}

impl<T> Seat<T> {
    /// Brings the worker what it is to serve.
    pub(crate) fn bring(&self, it: T) -> Result<(), NoPlace> {
        self.0.new.try_send(Box::new(it)).map_err(|_| NoPlace)
    }

    /// Brings it what has the seat itself, and is served for as long as it has.
    pub(crate) fn bring_with(self, make: impl FnOnce(Self) -> T) -> Result<(), NoPlace> {
        let new = self.0.new.clone();

        new.try_send(Box::new(make(self))).map_err(|_| NoPlace)
    }
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        self.0.occupancy.rise();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::turns;

    const TRADE: Trade = Trade { name: "test", of_one: 0.1, voices: 1 };

    /// Each takes as long as it says.
    fn workers(count: usize, of_one: f32) -> Workers<Duration> {
        let serve = |inbox: Inbox<Duration>| {
            turns::serve(
                &inbox,
                turns::FRAME,
                |each, _| {
                    thread::sleep(*each);
                    true
                },
                |_| (),
            );
        };

        Workers::start_some(count, Trade { of_one, ..TRADE }, || serve).unwrap()
    }

    fn seats(workers: &Workers<Duration>) -> Vec<u16> {
        workers.all.iter().map(|worker| worker.occupancy.seats()).collect()
    }

    #[test]
    fn few_are_together_more_are_spread_and_no_more_come_than_there_is_time_for() {
        let workers = workers(2, 0.1);
        let mut taken: Vec<_> = (0..4).map(|_| workers.seat().unwrap()).collect();
        assert_eq!(seats(&workers), [4, 0]);
        taken.extend((0..4).map(|_| workers.seat().unwrap()));
        assert_eq!(seats(&workers), [4, 4]);
        taken.extend(std::iter::from_fn(|| workers.seat()));
        assert_eq!(
            seats(&workers),
            [9, 9],
            "the ninth finds four fifths of the time taken, and no more"
        );
        taken.remove(0);
        assert_eq!(seats(&workers), [8, 9]);
        taken.push(workers.seat().unwrap());
        assert_eq!(seats(&workers), [9, 9]);
    }

    #[test]
    fn what_is_measured_counts_and_not_what_was_thought() {
        let workers = workers(1, 0.001);
        let seat = workers.seat().unwrap();
        assert!(workers.seat().is_some());
        seat.bring(Duration::from_millis(18)).unwrap();
        let is_full = || {
            (0..100).any(|_| {
                thread::sleep(turns::FRAME * 5);
                workers.seat().is_none()
            })
        };
        assert!(is_full(), "nine tenths of its time");
        assert!(workers.busy()[0] > FULL, "{:?}", workers.busy());
    }

    #[test]
    fn however_little_each_needs_there_are_so_many_seats() {
        let workers = workers(1, 0.0);
        let taken: Vec<_> = std::iter::from_fn(|| workers.seat()).collect();
        assert_eq!(taken.len(), usize::from(SEATS));
        assert!(taken.iter().all(|seat| seat.bring(Duration::ZERO).is_ok()));
    }
}
