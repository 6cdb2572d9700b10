//! What crosses from the rest of the process to a media thread?
//!
//! One bounded queue for each thread; an event counter wakes it. The thread drains the queue once in
//! every turn.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::Sender;
use media::dtmf::Digit;
use media::frame::AudioFrame;
use media::leg::Leg;
use media::mark::Marks;
use media::transport::{DtlsRole, RemoteTransport};
use terms::LegId;
use tokio::sync::{mpsc, oneshot};

use crate::credentials::StreamStart;
use crate::io::SocketId;
use crate::tap::TapUse;
use crate::{
    DtlsEnd, FrameQueue, Impairment, LegEvent, LegStats, MediaWatch, PayloadTypes, PlainEnd,
    Repeat, SdesKeys, StartError, Tap, ThreadLoad,
};

/// How many orders may wait for one turn of the thread, which takes milliseconds.
pub(crate) const ORDERS_MAX: usize = 8_192;

/// The low bits of a leg's id name its thread.
const THREAD_BITS: u32 = 8;

/// How many threads those bits can tell apart.
pub(crate) const THREADS_MAX: usize = 1 << THREAD_BITS;

/// The id of the `serial`th leg, living on `thread`.
pub(crate) const fn leg_id(serial: u64, thread: usize) -> LegId {
    LegId(serial << THREAD_BITS | thread as u64)
}

/// Where a leg lives.
#[expect(clippy::cast_possible_truncation, reason = "only the low bits are kept")]
pub(crate) const fn thread_of(leg: LegId) -> usize {
    leg.0 as usize % THREADS_MAX
}

/// An order to a media thread.
#[derive(Debug)]
pub(crate) enum Command {
    Open(Box<NewLeg>),
    Leg(LegId, Order),
    Load(oneshot::Sender<ThreadLoad>),
}

/// A leg that was opened and shall be served.
#[derive(Debug)]
pub(crate) struct NewLeg {
    pub(crate) id: LegId,
    pub(crate) leg: Leg,
    pub(crate) socket: Carrier,
    /// Known from the start only for keyed legs.
    pub(crate) connected: Option<(SocketAddr, PayloadTypes)>,
    pub(crate) stream: StreamStart,
    pub(crate) cname: String,
    pub(crate) media_watch: Option<MediaWatch>,
    pub(crate) events: mpsc::Sender<LegEvent>,
}

/// What carries a leg.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// The muxed port.
    Muxed,
    /// A socket the media thread does not have yet.
    New(UdpSocket),
    /// One it has.
    Known(SocketId),
}

/// An order to one leg.
#[derive(Debug)]
pub(crate) enum Order {
    SetRemote(Box<RemoteTransport>, DtlsRole, PayloadTypes),
    SetKeys(Box<SdesKeys>),
    SetPlain(PlainEnd),
    SetDtls(Box<DtlsEnd>),
    SendGate(bool),
    Fill(bool),
    Play(Feed),
    SendDigit(Digit, u32),
    HeardKey(Digit),
    Listen(Tap, TapUse),
    Mute(bool),
    WatchFrom(Instant),
    Impair(Impairment),
    Rebind(UdpSocket),
    Stats(oneshot::Sender<LegStats>),
    Mark { tag: u32, expects: u32 },
    Marks(oneshot::Sender<Marks>),
    Close,
}

/// [`crate::Source`] as the thread keeps it: by id, so that it holds no handle to its own legs.
#[derive(Clone, Debug)]
pub(crate) enum Feed {
    Silence,
    Bridge(LegId),
    Transcoded(LegId, FrameQueue),
    Mix(FrameQueue),
    Packets(Arc<[AudioFrame]>, Repeat),
    Echo,
}

/// The counter that wakes a media thread.
pub(crate) fn bell() -> Result<OwnedFd, StartError> {
    use rustix::event::{EventfdFlags, eventfd};

    eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
        .map_err(|error| StartError::Epoll(error.into()))
}

/// Waits for the bell alone, whatever else comes.
pub(crate) fn rest(bell: &OwnedFd, at_most: std::time::Duration) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let timeout = Timespec::try_from(at_most).ok();
    if let Err(error) = poll(&mut [PollFd::new(bell, PollFlags::IN)], timeout.as_ref()) {
        tracing::trace!(%error, "a rest was cut short");
    }
}

/// The near end of a media thread's queue.
#[derive(Clone, Debug)]
pub(crate) struct ThreadPort {
    pub(crate) commands: Sender<Command>,
    pub(crate) wake: Arc<OwnedFd>,
    pub(crate) told: Arc<Told>,
}

/// What a media thread tells whoever opens legs.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Open legs, to choose the emptiest thread by.
    pub(crate) legs: AtomicUsize,
    /// The bits of its busy share.
    busy: AtomicU32,
}

impl Told {
    pub(crate) fn busy(&self) -> f32 {
        f32::from_bits(self.busy.load(Ordering::Relaxed))
    }

    pub(crate) fn set_busy(&self, share: f32) {
        self.busy.store(share.to_bits(), Ordering::Relaxed);
    }
}

impl ThreadPort {
    /// Queues a command and wakes the thread; false when the thread is gone. Waits only while
    /// [`ORDERS_MAX`] orders are queued, which one turn of the thread clears.
    pub(crate) fn send(&self, command: Command) -> bool {
        if self.commands.send(command).is_err() {
            return false;
        }
        // A counter that is already at its maximum wakes the thread as well.
        rustix::io::write(&*self.wake, &1u64.to_ne_bytes()).is_ok() || !self.commands.is_empty()
    }

    pub(crate) fn legs(&self) -> usize {
        self.told.legs.load(Ordering::Relaxed)
    }
}
