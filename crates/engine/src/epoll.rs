//! How are datagrams moved where the kernel has no `io_uring` for us?
//!
//! One epoll instance over all sockets and one system call for each datagram. A turn that found work
//! is followed by at most a millisecond of rest, so that a busy thread wakes for many datagrams at
//! once instead of for each.

use std::io;
use std::mem;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::io::{BUFFER_LEN, Departures, InPlace, Io, Moved, SocketId, Traffic, Wait};
use crate::{arrival, order};

/// The rest after a turn with work.
const TICK: Duration = Duration::from_millis(1);

/// Sockets looked at in one turn; the others are still ready in the next.
const EVENTS_MAX: usize = 1_024;

/// Datagrams read from one socket before the others have their turn.
const READS_MAX: usize = 512;

/// The event data of the wake-up counter; no socket has this number.
const WAKE: u64 = u64::MAX;

/// See the module.
pub(crate) struct Epoll {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    sockets: Sockets,
    free: Vec<SocketId>,
    ready: Vec<Event>,
    buffer: Box<[u8; BUFFER_LEN]>,
    rest_until: Instant,
    received: u64,
}

/// The sending half, apart so that it can be lent while a datagram is in the buffer.
struct Sockets {
    entries: Vec<Option<Entry>>,
    sent: u64,
    unsent: u64,
}

struct Entry {
    socket: UdpSocket,
    connected: bool,
}

impl Epoll {
    pub(crate) fn new(wake: Arc<OwnedFd>) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &*wake, EventData::new_u64(WAKE), EventFlags::IN)?;

        Ok(Self {
            epoll,
            wake,
            sockets: Sockets { entries: Vec::new(), sent: 0, unsent: 0 },
            free: Vec::new(),
            ready: Vec::with_capacity(EVENTS_MAX),
            buffer: Box::new([0; BUFFER_LEN]),
            rest_until: Instant::now(),
            received: 0,
        })
    }

    fn wait(&mut self, wait: Wait) -> io::Result<()> {
        let now = Instant::now();
        let mut at_most = wait.at_most;
        if wait.stamped {
            // Others may have been ready as well.
            if self.ready.len() < EVENTS_MAX {
                order::rest(&self.wake, at_most);
            }
            at_most = Duration::ZERO;
        } else if now < self.rest_until {
            std::thread::sleep(self.rest_until - now);
        }
        let timeout = Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        self.ready.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.ready),
            Some(&timeout),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn drain(
        &mut self,
        id: SocketId,
        traffic: &mut impl Traffic,
        (now, clock): (Instant, Option<Duration>),
    ) {
        for _ in 0..READS_MAX {
            let Some(entry) = self.sockets.entry(id) else {
                return;
            };
            let read = if entry.connected {
                entry.socket.recv(&mut *self.buffer).map(|len| (len, None))
            } else {
                entry.socket.recv_from(&mut *self.buffer).map(|(len, from)| (len, Some(from)))
            };
            match read {
                Ok((len, from)) => {
                    self.received += 1;
                    if let Some(at) =
                        clock.and_then(|clock| arrival::before(&entry.socket, clock, now))
                    {
                        traffic.came(at);
                    }
                    let buffer = &mut *self.buffer;
                    let leaving = traffic.datagram(id, from, buffer, len, now, &mut self.sockets);
                    if let Some(InPlace { socket, to, start, len }) = leaving
                        && let Some(datagram) = buffer.get(start..start + len)
                    {
                        self.sockets.send(socket, to, datagram);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // What an earlier datagram of ours met, such as a closed port. It says nothing about
                // this one.
                Err(_) => {}
            }
        }
    }
}

impl Io for Epoll {
    fn add(&mut self, socket: UdpSocket, connected: bool) -> io::Result<SocketId> {
        let id = self.free.pop().unwrap_or_else(|| {
            self.sockets.entries.push(None);
            SocketId(u32::try_from(self.sockets.entries.len() - 1).unwrap_or(u32::MAX))
        });
        let added =
            epoll::add(&self.epoll, &socket, EventData::new_u64(u64::from(id.0)), EventFlags::IN);
        if let Err(error) = added {
            self.free.push(id);
            return Err(error.into());
        }
        if let Some(entry) = self.sockets.entries.get_mut(id.0 as usize) {
            *entry = Some(Entry { socket, connected });
        }

        Ok(id)
    }

    fn connect(&mut self, socket: SocketId, to: SocketAddr) -> io::Result<()> {
        if let Some(Some(entry)) = self.sockets.entries.get_mut(socket.0 as usize) {
            entry.socket.connect(to)?;
            entry.connected = true;
        }

        Ok(())
    }

    fn disconnect(&mut self, socket: SocketId) -> io::Result<()> {
        if let Some(Some(entry)) = self.sockets.entries.get_mut(socket.0 as usize) {
            rustix::net::connect_unspec(&entry.socket)?;
            entry.connected = false;
        }

        Ok(())
    }

    fn remove(&mut self, socket: SocketId) {
        let entry = self.sockets.entries.get_mut(socket.0 as usize).and_then(Option::take);
        if let Some(entry) = entry {
            if let Err(error) = epoll::delete(&self.epoll, &entry.socket) {
                tracing::debug!(%error, "a media socket was not in the epoll set");
            }
            self.free.push(socket);
        }
    }

    fn turn(&mut self, traffic: &mut impl Traffic, wait: Wait) -> io::Result<()> {
        self.wait(wait)?;
        let now = Instant::now();
        let clock = wait.stamped.then(arrival::now);
        let ready = mem::take(&mut self.ready);
        for event in &ready {
            let data = event.data;
            match u32::try_from(data.u64()) {
                Ok(id) => self.drain(SocketId(id), traffic, (now, clock)),
                Err(_) => {
                    let mut count = [0u8; 8];
                    // An empty counter only means that somebody else read it.
                    if rustix::io::read(&*self.wake, &mut count).is_err() {
                        tracing::trace!("woken for nothing");
                    }
                }
            }
        }
        if !ready.is_empty() {
            self.rest_until = now + TICK;
        }
        self.ready = ready;

        Ok(())
    }

    fn flush(&mut self) {}

    fn moved(&self) -> Moved {
        Moved { received: self.received, sent: self.sockets.sent, unsent: self.sockets.unsent }
    }

    fn arrived(&self, socket: SocketId) -> Option<Duration> {
        arrival::newest(&self.sockets.entry(socket)?.socket)
    }
}

impl Departures for Epoll {
    fn send(&mut self, socket: SocketId, to: Option<SocketAddr>, datagram: &[u8]) {
        self.sockets.send(socket, to, datagram);
    }
}

impl Sockets {
    fn entry(&self, id: SocketId) -> Option<&Entry> {
        self.entries.get(id.0 as usize)?.as_ref()
    }
}

impl Departures for Sockets {
    fn send(&mut self, socket: SocketId, to: Option<SocketAddr>, datagram: &[u8]) {
        let sent = self.entry(socket).map(|entry| match to {
            Some(to) => entry.socket.send_to(datagram, to),
            None => entry.socket.send(datagram),
        });
        match sent {
            Some(Ok(_)) => self.sent += 1,
            Some(Err(_)) | None => self.unsent += 1,
        }
    }
}
