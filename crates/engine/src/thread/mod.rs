//! What does a media thread do all day?
//!
//! It turns in a circle: wait for datagrams and work on each ([`legs`]), take orders from the rest of
//! the process, run the timers that are due, and now and then see how busy it is. Everything it needs
//! it owns; no lock is taken and nothing is allocated on the way of a packet.
//!
//! ```text
//!            ┌───────────────▶ datagrams ──▶ legs ──▶ datagrams
//!   wait ────┤                 orders    ──▶ legs
//!     ▲      └───────────────▶ timers    ──▶ legs ──▶ datagrams, events
//!     └────────────────────────────────────────┘
//! ```

mod added;
mod demux;
mod fill;
mod hear;
mod legs;
mod marking;
mod obey;
mod pace;
mod play;
mod report;
mod seek;
mod shake;
mod slot;
mod spoil;
mod tell;
mod wheel;

use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError};

pub(crate) use self::legs::Legs;
use self::pace::Pace;
use crate::epoll::Epoll;
use crate::handshakes::{Handshakes, Job};
use crate::io::{Io, Moved, Wait};
use crate::order::{Command, Told};
use crate::pressure::{Pressure, Room};
use crate::uring::Uring;
use crate::{Backend, BusyLimits, StartError, ThreadLoad};

/// Where much comes: enough datagrams to make a turn worth it, or the time a packet may be held up.
pub(crate) const BUSY: Wait =
    Wait { batch: 256, at_most: Duration::from_millis(2), stamped: false };

/// Where little comes: until one is heard, or the next timers are due.
const QUIET: Wait = Wait { batch: 1, at_most: wheel::SLOT, stamped: false };

/// Where only workers listen, who look every 20 ms: until the next timers are due, however much comes.
const AT_LEISURE: Wait = Wait { batch: BUSY.batch, at_most: wheel::SLOT, stamped: true };

/// Without: until an order comes, or to see that nobody is left who could give one.
const IDLE: Wait = Wait { batch: 1, at_most: Duration::from_millis(200), stamped: false };

/// Everything a media thread starts with.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) pin: bool,
    pub(crate) backend: Backend,
    pub(crate) report_every: Duration,
    pub(crate) busy: BusyLimits,
    pub(crate) muxed: Option<UdpSocket>,
    pub(crate) queue: Receiver<Command>,
    pub(crate) wake: Arc<OwnedFd>,
    pub(crate) told: Arc<Told>,
    pub(crate) jobs: Option<Sender<Job>>,
}

/// Starts the thread and says how it will move datagrams.
pub(crate) fn start(seat: Seat) -> Result<Backend, StartError> {
    let (told, hear) = crossbeam_channel::bounded(1);
    std::thread::Builder::new()
        .name(format!("media-{}", seat.index))
        .spawn(move || match choose(seat.backend, &seat.wake) {
            Ok(Chosen::Uring(io)) => {
                tell(&told, Ok(Backend::Uring));
                serve(*io, seat);
            }
            Ok(Chosen::Epoll(io)) => {
                tell(&told, Ok(Backend::Epoll));
                serve(io, seat);
            }
            Err(error) => tell(&told, Err(error)),
        })
        .map_err(StartError::Thread)?;

    hear.recv().map_err(|error| StartError::Thread(io::Error::other(error)))?
}

type Started = Result<Backend, StartError>;

fn tell(told: &Sender<Started>, started: Started) {
    if told.send(started).is_err() {
        tracing::debug!("nobody waits for the media thread to start");
    }
}

enum Chosen {
    Uring(Box<Uring>),
    Epoll(Epoll),
}

/// Takes `io_uring` if it may and can.
fn choose(backend: Backend, wake: &Arc<OwnedFd>) -> Result<Chosen, StartError> {
    let epoll = || Epoll::new(Arc::clone(wake)).map(Chosen::Epoll).map_err(StartError::Epoll);
    let uring = || Uring::new(Arc::clone(wake)).map(|uring| Chosen::Uring(Box::new(uring)));
    match backend {
        Backend::Epoll => epoll(),
        Backend::Uring => uring().map_err(StartError::Uring),
        Backend::Auto => uring().or_else(|error| {
            tracing::info!(%error, "media moves by epoll: io_uring is not to be had");
            epoll()
        }),
    }
}

fn serve(mut io: impl Io, seat: Seat) {
    if seat.pin {
        pin(seat.index);
    }
    let handshakes = Handshakes::new(seat.jobs.clone(), Arc::clone(&seat.wake));
    let mut legs = Legs::new(Instant::now(), seat.report_every, Arc::clone(&seat.told), handshakes);
    let mut pressure = Pressure::default();
    if let Some(muxed) = seat.muxed {
        match io.add(muxed, false) {
            Ok(socket) => legs.set_muxed(socket),
            Err(error) => tracing::error!(%error, "cannot serve the muxed media port"),
        }
    }
    let (mut turns, mut pace) = (0, Pace::new(Instant::now()));
    loop {
        turns += 1;
        let wait = wait(&legs, &pace);
        if let Err(error) = io.turn(&mut legs, wait) {
            tracing::error!(%error, "a media thread cannot wait for datagrams");
            return;
        }
        let now = Instant::now();
        pace.look(io.moved().received, now);
        added::look(&mut legs, &io, now);
        let alone = after_datagrams(&seat.queue, &mut legs, &mut io, now, turns);
        if pressure.is_due(now) {
            let share = pressure.measure(now, processor_time());
            seat.told.set_busy(share);
            legs.rest_taps(seat.busy.room_at(share) != Room::Enough);
        }
        if alone && legs.is_empty() {
            return;
        }
    }
}

/// How long the next turn waits.
fn wait(legs: &Legs, pace: &Pace) -> Wait {
    if legs.is_empty() {
        return IDLE;
    }
    let usual = if legs.only_workers_listen() {
        AT_LEISURE
    } else if pace.is_high() {
        return BUSY;
    } else {
        QUIET
    };
    let due = legs.next_timers().saturating_duration_since(Instant::now());

    Wait { at_most: usual.at_most.min(due), ..usual }
}

/// The rest of a turn: orders, timers, and what both ask of the sockets. Returns whether nobody is left
/// who could give orders.
pub(crate) fn after_datagrams(
    queue: &Receiver<Command>,
    legs: &mut Legs,
    io: &mut impl Io,
    now: Instant,
    turns: u64,
) -> bool {
    legs.take_back(now, io);
    legs.connect_sockets(io, now);
    let alone = take_orders(queue, legs, io, now, turns);
    legs.run_timers(now, io);
    legs.connect_sockets(io, now);
    legs.reopen_sockets(io);
    io.flush();

    alone
}

/// Returns whether nobody is left who could give orders.
fn take_orders(
    queue: &Receiver<Command>,
    legs: &mut Legs,
    io: &mut impl Io,
    now: Instant,
    turns: u64,
) -> bool {
    loop {
        match queue.try_recv() {
            Ok(Command::Open(new)) => legs.open(*new, io, now),
            Ok(Command::Leg(id, order)) => legs.obey(id, order, io, now),
            Ok(Command::Load(answer)) => {
                if answer.send(load(legs, io, turns)).is_err() {
                    tracing::trace!("whoever asked for the load has gone");
                }
            }
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => return true,
        }
    }
}

fn load(legs: &Legs, io: &impl Io, turns: u64) -> ThreadLoad {
    ThreadLoad {
        strangers: legs.strangers(),
        legs: legs.len(),
        busy: legs.told.busy(),
        handed_over: legs.handshakes.handed_over,
        handshakes_shed: legs.handshakes.shed,
        ..load_of(io, turns)
    }
}

/// What the calling thread has used and moved.
pub(crate) fn load_of(io: &impl Io, turns: u64) -> ThreadLoad {
    let Moved { received, sent, unsent } = io.moved();
    ThreadLoad { cpu: processor_time(), received, sent, unsent, turns, ..ThreadLoad::default() }
}

/// What the calling thread has used so far.
fn processor_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(used.tv_sec).unwrap_or_default(),
        u32::try_from(used.tv_nsec).unwrap_or_default(),
    )
}

/// Keeps the calling thread on one processor.
pub(crate) fn pin(index: usize) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut set = rustix::thread::CpuSet::new();
    set.set(index % processors);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        tracing::warn!(%error, index, "cannot pin a media thread");
    }
}

/// One leg fewer or more on this thread.
fn count(legs: &AtomicUsize, open: usize) {
    legs.store(open, Ordering::Relaxed);
}
