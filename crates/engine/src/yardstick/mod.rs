//! What would moving the same packets cost without any media in them?
//!
//! The relay is measured beside an echo: a thread that sends every datagram back where it came from,
//! on the same processor, by the same `io_uring` code, from the buffer it arrived in. It stands for
//! what the kernel costs. [`Echo::muxed`] has one socket for all, [`Echo::connected`] one for each
//! leg. [`Generator`] is the far end of all legs at once; [`Calls`] are calls without a kernel, to count
//! instructions. Nothing here serves a call; see `examples/relay.rs` and `tests/instructions.rs`.

mod packets;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use media::frame::OPUS_SAMPLES_20_MS;
use media::rtp::{Fields, write_header};
use media::srtp::{self, MasterKey, TRAILER_MAX};
use rustix::event::{EventfdFlags, eventfd};

pub use self::packets::{Calls, Packets};
use crate::io::{Departures, InPlace, Io, SocketId, Traffic, Wait};
use crate::thread::{BUSY, load_of, pin};
use crate::uring::Uring;
use crate::{PayloadTypes, ThreadLoad};

/// A thread that sends every datagram back.
#[derive(Debug)]
pub struct Echo {
    addrs: Vec<SocketAddr>,
    asks: Sender<Sender<ThreadLoad>>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    /// One socket for all legs, told apart by where datagrams come from.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn muxed(processor: usize) -> io::Result<Self> {
        let socket = crate::ports::bind_muxed((Ipv4Addr::LOCALHOST, 0).into())?;
        let addrs = vec![socket.local_addr()?];

        Self::start(processor, vec![socket], addrs, false)
    }

    /// One connected socket for each far end.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn connected(processor: usize, remotes: &[SocketAddr]) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(remotes.len());
        let mut addrs = Vec::with_capacity(remotes.len());
        for remote in remotes {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(remote)?;
            addrs.push(socket.local_addr()?);
            sockets.push(socket);
        }

        Self::start(processor, sockets, addrs, true)
    }

    /// Where each leg sends to; one address when muxed.
    #[must_use]
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// What the thread has done so far; none when it has stopped.
    #[must_use]
    pub fn load(&self) -> Option<ThreadLoad> {
        let (answer, asked) = bounded(1);
        self.asks.send(answer).ok()?;

        asked.recv().ok()
    }

    fn start(
        processor: usize,
        sockets: Vec<UdpSocket>,
        addrs: Vec<SocketAddr>,
        connected: bool,
    ) -> io::Result<Self> {
        let (asks, asked) = bounded(1);
        let (told, hear) = bounded(1);
        let thread = std::thread::Builder::new().name("echo".into()).spawn(move || {
            pin(processor);
            let ready = ring(sockets, connected);
            match ready {
                Ok(io) => {
                    if told.send(Ok(())).is_ok() {
                        echo(io, &asked);
                    }
                }
                Err(error) => drop(told.send(Err(error))),
            }
        })?;
        hear.recv().map_err(io::Error::other)??;

        Ok(Self { addrs, asks, thread: Some(thread) })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let (asks, _) = bounded(0);
        drop(std::mem::replace(&mut self.asks, asks));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the echo thread panicked");
        }
    }
}

fn ring(sockets: Vec<UdpSocket>, connected: bool) -> io::Result<Uring> {
    let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
    let mut io = Uring::new(Arc::new(wake))?;
    for socket in sockets {
        io.add(socket, connected)?;
    }

    Ok(io)
}

fn echo(mut io: Uring, asked: &Receiver<Sender<ThreadLoad>>) {
    use crossbeam_channel::TryRecvError;

    let mut turns = 0;
    loop {
        turns += 1;
        if io.turn(&mut Back, BUSY).is_err() {
            return;
        }
        match asked.try_recv() {
            Ok(answer) => drop(answer.send(load_of(&io, turns))),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

struct Back;

impl Traffic for Back {
    fn datagram(
        &mut self,
        socket: SocketId,
        from: Option<SocketAddr>,
        _buf: &mut [u8],
        len: usize,
        _now: Instant,
        _out: &mut impl Departures,
    ) -> Option<InPlace> {
        Some(InPlace { socket, to: from, start: 0, len })
    }
}

/// How often each leg sends.
const FRAME: Duration = Duration::from_millis(20);

/// Steps in which the legs take their turns within a frame, as far ends that know nothing of each
/// other would.
const STEPS: u32 = 40;

/// What the far ends' payload types mean.
const TYPES: PayloadTypes = PayloadTypes::opus(111, Some(126));

/// Bytes of a 20 ms frame of Opus at 24 kbit/s.
const PAYLOAD: usize = 60;

/// The far ends of thousands of legs, on the thread that made it.
pub struct Generator {
    io: Uring,
    courses: Vec<Vec<FarEnd>>,
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generator").field("courses", &self.courses.len()).finish_non_exhaustive()
    }
}

/// Names a set of far ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course(usize);

/// What a run has moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams that came back.
    pub returned: u64,
    /// Steps that began more than 5 ms late: the generator itself was held up.
    pub late: u64,
}

struct FarEnd {
    socket: SocketId,
    sender: srtp::Sender,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl Generator {
    /// Pins the calling thread.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn new(processor: usize) -> io::Result<Self> {
        pin(processor);

        Ok(Self { io: ring(Vec::new(), true)?, courses: Vec::new() })
    }

    /// Adds far ends: connected sockets, and the keys of what they send.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn add(
        &mut self,
        far_ends: impl IntoIterator<Item = (UdpSocket, MasterKey)>,
    ) -> io::Result<Course> {
        let mut course = Vec::new();
        for (socket, key) in far_ends {
            let socket = self.io.add(socket, true)?;
            let sender = srtp::Sender::new(&key);
            course.push(FarEnd { socket, sender, ssrc: socket.0 + 1, sequence: 0, timestamp: 0 });
        }
        self.courses.push(course);

        Ok(Course(self.courses.len() - 1))
    }

    /// Lets every far end of a course send 50 packets a second for a while.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn run(&mut self, course: Course, during: Duration) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let start = Instant::now();
        let mut due = start;
        let mut step = 0;
        while due < start + during {
            self.collect(due, &mut tally)?;
            if due.elapsed() > Duration::from_millis(5) {
                tally.late += 1;
            }
            self.send(course, step, &mut tally);
            step = (step + 1) % STEPS;
            due += FRAME / STEPS;
        }
        self.collect(due + FRAME, &mut tally)?;

        Ok(tally)
    }

    /// Takes what comes back until it is time.
    fn collect(&mut self, until: Instant, tally: &mut Tally) -> io::Result<()> {
        let before = self.io.moved().received;
        loop {
            let at_most = until.saturating_duration_since(Instant::now());
            // At least once, or a generator that is late would never look.
            self.io.turn(&mut Sink, Wait { batch: 4_096, at_most, stamped: false })?;
            if at_most.is_zero() {
                break;
            }
        }
        tally.returned += self.io.moved().received - before;

        Ok(())
    }

    fn send(&mut self, course: Course, step: u32, tally: &mut Tally) {
        let Some(far_ends) = self.courses.get_mut(course.0) else {
            return;
        };
        let share = |step: u32| far_ends.len() * step as usize / STEPS as usize;
        let (first, end) = (share(step), share(step + 1));
        let mut packet = [0x5A; 12 + PAYLOAD + TRAILER_MAX];
        for far_end in far_ends.get_mut(first..end).unwrap_or_default() {
            let fields = Fields {
                payload_type: 111,
                marker: false,
                sequence: far_end.sequence,
                timestamp: far_end.timestamp,
                ssrc: far_end.ssrc,
            };
            far_end.sequence = far_end.sequence.wrapping_add(1);
            far_end.timestamp = far_end.timestamp.wrapping_add(OPUS_SAMPLES_20_MS);
            let len = write_header(&mut packet, fields)
                .and_then(|header| far_end.sender.protect_rtp(&mut packet, header + PAYLOAD));
            if let Some(datagram) = len.and_then(|len| packet.get(..len)) {
                self.io.send(far_end.socket, None, datagram);
                tally.sent += 1;
            }
        }
        self.io.flush();
    }
}

/// Takes what comes, and does nothing with it.
pub(crate) struct Sink;

impl Traffic for Sink {
    fn datagram(
        &mut self,
        _socket: SocketId,
        _from: Option<SocketAddr>,
        _buf: &mut [u8],
        _len: usize,
        _now: Instant,
        _out: &mut impl Departures,
    ) -> Option<InPlace> {
        None
    }
}
