//! How are datagrams moved at the price of the network stack alone?
//!
//! One `io_uring` for each media thread. Every socket has one receive armed for good: the kernel
//! puts datagrams into buffers of ours and tells us which. A datagram that is forwarded leaves from
//! the same buffer. Sends are queued and handed over in one system call for a whole turn; they never
//! wait (`MSG_DONTWAIT`), so once that call is back the kernel has copied every datagram and the
//! buffers are free again. Success is not reported.
//!
//! This is, with its parts [`pool`] and [`waiting`], the only module with `unsafe` code but for one request in
//! [`crate::arrival`]. Its obligations are few:
//!
//! * Memory named in a queued entry lives until it is submitted: buffers belong to [`Pool`] and
//!   [`Copies`], which live as long as the ring and are used again only after [`Sends::submit`].
//! * The pool's memory and its ring of free buffers live until the kernel's side of the ring is gone:
//!   [`Uring`] drops its fields in order, the ring first.
#![expect(unsafe_code, reason = "io_uring shares memory with the kernel")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "words of the kernel's interface are taken apart; lengths are bounded by buffers"
)]

mod pool;
mod waiting;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use io_uring::types::{Fixed, RecvMsgOut};
use io_uring::{IoUring, cqueue, opcode, squeue};
use socket2::SockAddr;

use self::pool::{BUFFERS, GROUP, Pool};
use crate::arrival;
use crate::io::{BUFFER_LEN, Departures, InPlace, Io, Moved, SocketId, Traffic, Wait};

/// Queued entries before a submission is forced.
const SUBMISSIONS: u32 = 4_096;

/// Completions the kernel can hold for us; more than buffers, because failed sends count too.
const COMPLETIONS: u32 = 16_384;

/// Copies and addresses of datagrams queued by [`Departures::send`] before a submission is forced.
const COPIES: usize = 256;

/// Sockets one thread can serve, if the limit of open files allows.
const SOCKETS_MAX: u32 = 32_768;

/// Room for the address in front of a datagram on an unconnected socket: `sockaddr_in6`.
const NAME_LEN: usize = 28;

/// How many datagrams ahead memory is asked for what they need. A datagram takes about half a
/// microsecond of our own time, a miss up to a fifth.
const FAR: usize = 4;
const NEAR: usize = 2;

const SEND_FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// See the module.
pub(crate) struct Uring {
    sends: Sends,
    pool: Pool,
    sockets: Vec<Entry>,
    free: Vec<SocketId>,
    sockets_max: usize,
    done: Vec<Done>,
    used: Vec<u16>,
    rearm: Vec<SocketId>,
    wake: Arc<OwnedFd>,
    wake_armed: bool,
    received: u64,
    /// In a turn whose datagrams waited: the network stack's clock at its begin.
    stamped: Option<Duration>,
    /// What [`opcode::RecvMsgMulti`] reads the shape of its buffers from, for as long as it is armed.
    shape: Box<libc::msghdr>,
}

struct Entry {
    socket: Option<UdpSocket>,
    connected: bool,
    /// Tells completions of this socket from those of one that had the number before.
    life: u16,
}

/// What a completion was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Receive = 1,
    ReceiveNamed = 2,
    Wake = 3,
    Send = 4,
    Cancel = 5,
}

#[derive(Clone, Copy)]
struct Done {
    tag: u64,
    result: i32,
    flags: u32,
}

/// The word that comes back with a completion.
const fn tag(kind: Kind, life: u16, id: SocketId) -> u64 {
    (kind as u64) << 56 | (life as u64) << 32 | id.0 as u64
}

impl Uring {
    /// Sets the ring up on the calling thread, the only one that may use it.
    ///
    /// # Errors
    ///
    /// The kernel has no `io_uring`, refuses it, or lacks a part we need.
    pub(crate) fn new(wake: Arc<OwnedFd>) -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile)
            .current
            .and_then(|files| u32::try_from(files).ok())
            .unwrap_or(SOCKETS_MAX)
            .min(SOCKETS_MAX);
        ring.submitter().register_files_sparse(files)?;
        let mut pool = Pool::new();
        pool.register(&ring)?;
        // SAFETY: all-zero is a valid msghdr: no name, no vectors, no control data.
        let mut shape: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        shape.msg_namelen = NAME_LEN as libc::socklen_t;

        let mut uring = Self {
            sends: Sends { ring, copies: Copies::new(), sent: 0, unsent: 0 },
            pool,
            sockets: Vec::new(),
            free: Vec::new(),
            sockets_max: files as usize,
            done: Vec::with_capacity(COMPLETIONS as usize),
            used: Vec::with_capacity(BUFFERS.into()),
            rearm: Vec::new(),
            wake,
            wake_armed: false,
            received: 0,
            stamped: None,
            shape,
        };
        uring.arm_wake();
        uring.sends.submit();

        Ok(uring)
    }

    fn arm_wake(&mut self) {
        let fd = io_uring::types::Fd(self.wake.as_raw_fd());
        let poll = opcode::PollAdd::new(fd, libc::POLLIN as u32).multi(true).build();
        self.sends.push(&poll.user_data(tag(Kind::Wake, 0, SocketId(0))));
        self.wake_armed = true;
    }

    fn arm(&mut self, id: SocketId) {
        let Some(entry) = self.sockets.get(id.0 as usize) else {
            return;
        };
        if entry.socket.is_none() {
            return;
        }
        let fd = Fixed(id.0);
        let armed = if entry.connected {
            opcode::RecvMulti::new(fd, GROUP).build().user_data(tag(Kind::Receive, entry.life, id))
        } else {
            opcode::RecvMsgMulti::new(fd, &raw const *self.shape, GROUP).build().user_data(tag(
                Kind::ReceiveNamed,
                entry.life,
                id,
            ))
        };
        self.sends.push(&armed);
    }

    fn cancel(&mut self, kind: Kind, life: u16, id: SocketId) {
        let cancel = opcode::AsyncCancel::new(tag(kind, life, id)).build();
        self.sends.push(&cancel.user_data(tag(Kind::Cancel, 0, id)));
    }

    /// A datagram arrived, or a receive ended.
    fn receive(&mut self, done: Done, named: bool, traffic: &mut impl Traffic, now: Instant) {
        let id = SocketId((done.tag & u64::from(u32::MAX)) as u32);
        let buffer = cqueue::buffer_select(done.flags);
        if let Some(buffer) = buffer {
            self.used.push(buffer);
        }
        let Some(entry) = self.sockets.get(id.0 as usize) else {
            return;
        };
        if entry.socket.is_none() || entry.life != (done.tag >> 32) as u16 {
            return;
        }
        if !cqueue::more(done.flags) && named != entry.connected {
            self.rearm.push(id);
        }
        let (Ok(len), Some(buffer)) = (usize::try_from(done.result), buffer) else {
            return;
        };
        self.received += 1;
        if let (Some(clock), Some(socket)) = (self.stamped, &entry.socket)
            && let Some(at) = arrival::before(socket, clock, now)
        {
            traffic.came(at);
        }
        let buf = self.pool.buffer(buffer);
        let (from, start, len) = if named {
            let Some((from, start, len)) = read_named(buf, len, &self.shape) else {
                return;
            };
            (Some(from), start, len)
        } else {
            (None, 0, len)
        };
        let Some(buf) = buf.get_mut(start..) else {
            return;
        };
        if let Some(leaving) = traffic.datagram(id, from, buf, len, now, &mut self.sends) {
            self.sends.send_in_place(buf, leaving);
        }
    }

    /// Lets memory work on the next datagrams while we work on this one.
    fn look_ahead(&self, at: usize, traffic: &impl Traffic) {
        for (distance, nearer) in [(FAR, false), (NEAR, true)] {
            let Some(next) = self.done.get(at + distance) else {
                continue;
            };
            match (next.tag >> 56) as u8 {
                kind if kind == Kind::Receive as u8 => {
                    traffic.expect(SocketId(next.tag as u32), None, nearer);
                }
                kind if kind == Kind::ReceiveNamed as u8 => {
                    traffic.expect(SocketId(next.tag as u32), self.name_of(next), nearer);
                }
                _ => {}
            }
        }
    }

    /// Where a datagram that waits came from.
    fn name_of(&self, done: &Done) -> Option<SocketAddr> {
        let buf = self.pool.peek(cqueue::buffer_select(done.flags)?);
        let filled = buf.get(..usize::try_from(done.result).ok()?)?;
        let message = RecvMsgOut::parse(filled, &self.shape).ok()?;

        read_name(message.name_data())
    }

    fn finish(&mut self) {
        // What the kernel has not taken still lies in these buffers.
        if self.sends.submit() {
            for buffer in self.used.drain(..) {
                self.pool.give_back(buffer);
            }
            self.pool.publish();
        }
        while let Some(id) = self.rearm.pop() {
            self.arm(id);
        }
        if !self.wake_armed {
            self.arm_wake();
        }
    }
}

impl Io for Uring {
    fn add(&mut self, socket: UdpSocket, connected: bool) -> io::Result<SocketId> {
        let id = match self.free.pop() {
            Some(id) => id,
            None if self.sockets.len() < self.sockets_max => {
                self.sockets.push(Entry { socket: None, connected: false, life: 0 });
                SocketId((self.sockets.len() - 1) as u32)
            }
            None => return Err(io::Error::from_raw_os_error(libc::ENFILE)),
        };
        let registered =
            self.sends.ring.submitter().register_files_update(id.0, &[socket.as_raw_fd()]);
        if let Err(error) = registered {
            self.free.push(id);
            return Err(error);
        }
        if let Some(entry) = self.sockets.get_mut(id.0 as usize) {
            entry.socket = Some(socket);
            entry.connected = connected;
        }
        self.arm(id);

        Ok(id)
    }

    fn connect(&mut self, socket: SocketId, to: SocketAddr) -> io::Result<()> {
        let Some(entry) = self.sockets.get_mut(socket.0 as usize) else {
            return Ok(());
        };
        if let Some(udp) = &entry.socket {
            udp.connect(to)?;
        }
        if !entry.connected {
            entry.connected = true;
            let life = entry.life;
            self.cancel(Kind::ReceiveNamed, life, socket);
            self.arm(socket);
        }

        Ok(())
    }

    fn disconnect(&mut self, socket: SocketId) -> io::Result<()> {
        let Some(entry) = self.sockets.get_mut(socket.0 as usize) else {
            return Ok(());
        };
        if let Some(udp) = &entry.socket {
            rustix::net::connect_unspec(udp)?;
        }
        if entry.connected {
            entry.connected = false;
            let life = entry.life;
            self.cancel(Kind::Receive, life, socket);
            self.arm(socket);
        }

        Ok(())
    }

    fn remove(&mut self, socket: SocketId) {
        let Some(entry) = self.sockets.get_mut(socket.0 as usize) else {
            return;
        };
        let Some(udp) = entry.socket.take() else {
            return;
        };
        let (life, connected) = (entry.life, entry.connected);
        entry.life = life.wrapping_add(1);
        self.cancel(if connected { Kind::Receive } else { Kind::ReceiveNamed }, life, socket);
        // What was queued for the socket goes out before it closes.
        self.sends.submit();
        if let Err(error) = self.sends.ring.submitter().register_files_update(socket.0, &[-1]) {
            tracing::debug!(%error, "a media socket was not registered");
        }
        drop(udp);
        self.free.push(socket);
    }

    fn turn(&mut self, traffic: &mut impl Traffic, wait: Wait) -> io::Result<()> {
        self.wait(wait)?;
        let now = Instant::now();
        self.stamped = wait.stamped.then(arrival::now);
        for at in 0..self.done.len() {
            let Some(done) = self.done.get(at).copied() else {
                break;
            };
            self.look_ahead(at, traffic);
            match (done.tag >> 56) as u8 {
                kind if kind == Kind::Receive as u8 => self.receive(done, false, traffic, now),
                kind if kind == Kind::ReceiveNamed as u8 => self.receive(done, true, traffic, now),
                kind if kind == Kind::Wake as u8 => {
                    self.wake_armed &= cqueue::more(done.flags);
                    let mut count = [0u8; 8];
                    if rustix::io::read(&*self.wake, &mut count).is_err() {
                        tracing::trace!("woken for nothing");
                    }
                }
                kind if kind == Kind::Send as u8 && done.result < 0 => {
                    self.sends.sent -= 1;
                    self.sends.unsent += 1;
                }
                _ => {}
            }
        }
        self.finish();

        Ok(())
    }

    fn flush(&mut self) {
        self.sends.submit();
    }

    fn moved(&self) -> Moved {
        Moved { received: self.received, sent: self.sends.sent, unsent: self.sends.unsent }
    }

    fn arrived(&self, socket: SocketId) -> Option<Duration> {
        let entry = self.sockets.get(socket.0 as usize)?;
        entry.socket.as_ref().and_then(arrival::newest)
    }
}

impl Departures for Uring {
    fn send(&mut self, socket: SocketId, to: Option<SocketAddr>, datagram: &[u8]) {
        self.sends.send(socket, to, datagram);
    }
}

/// The sending half, apart so that it can be lent while a datagram is in its buffer.
struct Sends {
    ring: IoUring,
    copies: Copies,
    sent: u64,
    unsent: u64,
}

/// Datagrams and addresses the kernel has not read yet.
struct Copies {
    datagrams: Box<[[u8; BUFFER_LEN]]>,
    addrs: Box<[SockAddr]>,
    used: usize,
}

impl Copies {
    fn new() -> Self {
        let nowhere = SockAddr::from(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
        Self {
            datagrams: vec![[0; BUFFER_LEN]; COPIES].into_boxed_slice(),
            addrs: vec![nowhere; COPIES].into_boxed_slice(),
            used: 0,
        }
    }
}

impl Sends {
    fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: what entries point to lives until they are submitted; see the module.
        while unsafe { self.ring.submission().push(entry) }.is_err() {
            if !self.submit() {
                self.unsent += 1;
                return;
            }
        }
    }

    /// Hands everything queued to the kernel. False if it took nothing.
    fn submit(&mut self) -> bool {
        /// The kernel refuses only while it is out of memory or holds too many completions.
        const TRIES: usize = 8;

        for _ in 0..TRIES {
            if self.ring.submission().is_empty() {
                self.copies.used = 0;
                return true;
            }
            match self.ring.submit() {
                Ok(_) => {}
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR | libc::EAGAIN | libc::EBUSY) => {}
                    _ => tracing::warn!(%error, "cannot hand datagrams to the kernel"),
                },
            }
        }
        tracing::warn!("the kernel takes no datagrams");

        false
    }

    /// A place for an address, or for a datagram and an address.
    fn next_copy(&mut self) -> Option<usize> {
        if self.copies.used == COPIES && !self.submit() {
            return None;
        }
        self.copies.used += 1;

        Some(self.copies.used - 1)
    }

    /// `buf` must be a buffer of the pool, or a part of one.
    fn send_in_place(&mut self, buf: &[u8], leaving: InPlace) {
        let InPlace { socket, to, start, len } = leaving;
        let Some(datagram) = buf.get(start..start + len) else {
            return;
        };
        let addr = match to {
            None => None,
            Some(to) => match self.next_copy() {
                Some(copy) => Some((copy, to)),
                None => {
                    self.unsent += 1;
                    return;
                }
            },
        };
        self.queue(socket, datagram.as_ptr(), len, addr);
    }

    fn queue(
        &mut self,
        socket: SocketId,
        datagram: *const u8,
        len: usize,
        addr: Option<(usize, SocketAddr)>,
    ) {
        let mut send = opcode::Send::new(Fixed(socket.0), datagram, len as u32).flags(SEND_FLAGS);
        if let Some((copy, to)) = addr
            && let Some(place) = self.copies.addrs.get_mut(copy)
        {
            *place = SockAddr::from(to);
            send = send.dest_addr(place.as_ptr().cast()).dest_addr_len(place.len());
        }
        let entry =
            send.build().flags(squeue::Flags::SKIP_SUCCESS).user_data(tag(Kind::Send, 0, socket));
        self.sent += 1;
        self.push(&entry);
    }
}

impl Departures for Sends {
    fn send(&mut self, socket: SocketId, to: Option<SocketAddr>, datagram: &[u8]) {
        let Some(copy) = self.next_copy() else {
            self.unsent += 1;
            return;
        };
        let place = self.copies.datagrams.get_mut(copy);
        let Some(place) = place.and_then(|place| place.get_mut(..datagram.len())) else {
            self.unsent += 1;
            return;
        };
        place.copy_from_slice(datagram);
        let start = place.as_ptr();
        self.queue(socket, start, datagram.len(), to.map(|to| (copy, to)));
    }
}

/// Asks memory for something that will be needed soon.
pub(crate) fn prefetch<T>(what: &T) {
    /// More would push each other out of the queue of pending misses.
    const LINES_MAX: usize = 20;

    #[cfg(target_arch = "x86_64")]
    for line in 0..size_of::<T>().div_ceil(64).min(LINES_MAX) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        let place = std::ptr::from_ref(what).cast::<i8>().wrapping_add(line * 64);
        // SAFETY: a hint; the processor reads nothing the program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _no_hint = what;
}

/// Where a datagram lies behind the address the kernel put in front of it, and whose that is.
fn read_named(
    buf: &[u8],
    filled: usize,
    shape: &libc::msghdr,
) -> Option<(SocketAddr, usize, usize)> {
    let message = RecvMsgOut::parse(buf.get(..filled)?, shape).ok()?;
    let len = message.payload_data().len();
    let start = filled - len;
    // As if it filled the buffer to its end: whoever looks at it sees that it may be cut off.
    let len = if message.is_payload_truncated() { buf.len() - start } else { len };

    Some((read_name(message.name_data())?, start, len))
}

fn read_name(name: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = name.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let ip = match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::from(*rest.first_chunk::<4>()?)),
        libc::AF_INET6 => {
            let (_flow, rest) = rest.split_first_chunk::<4>()?;
            IpAddr::V6(Ipv6Addr::from(*rest.first_chunk::<16>()?))
        }
        _ => return None,
    };

    Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}
