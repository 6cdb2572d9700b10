//! What does a media thread do with every datagram and every moment, when both are given to it?
//!
//! A [`Rehearsal`] has the legs, the orders and the timers of a media thread and none of its sockets
//! or clocks: who drives it says what arrives and what time it is, and takes what leaves. The turn is
//! the one that `io_uring` and epoll make. Its sockets are numbers with addresses; a connected one
//! takes datagrams of its far end alone, as the kernel's do.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use media::leg::DtlsIdentity;
use media::transport::LocalTransport;

use crate::handshakes::Handshakes;
use crate::io::{BUFFER_LEN, Departures, InPlace, Io, Moved, SocketId, Traffic, Wait};
use crate::order::{Carrier, Command, ORDERS_MAX, ThreadPort, Told, leg_id};
use crate::thread::{BUSY, Legs};
use crate::{LegHandle, OpenError, OpenLeg, Socket, StartError, engine, order, thread};

/// The muxed port.
const MUXED: SocketId = SocketId(0);

/// The first port of a leg with a socket of its own.
const FIRST_PORT: u16 = 10_000;

/// A datagram on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

/// See the module.
pub struct Rehearsal {
    legs: Legs,
    wire: Wire,
    identity: DtlsIdentity,
    port: ThreadPort,
    queue: Receiver<Command>,
    opened: u64,
    turns: u64,
}

impl Rehearsal {
    /// A media thread whose muxed port has this address, at this moment.
    ///
    /// # Errors
    ///
    /// There is no DTLS identity, or no descriptor to wait on.
    pub fn new(addr: SocketAddr, now: Instant, report_every: Duration) -> Result<Self, StartError> {
        let identity = DtlsIdentity::generate().map_err(StartError::Identity)?;
        let wake = Arc::new(order::bell()?);
        let (commands, queue) = crossbeam_channel::bounded(ORDERS_MAX);
        let told = Arc::new(Told::default());
        let port = ThreadPort { commands, wake: Arc::clone(&wake), told: Arc::clone(&told) };
        let mut legs = Legs::new(now, report_every, told, Handshakes::new(None, wake));
        legs.set_muxed(MUXED);
        let wire = Wire::new(addr, now);

        Ok(Self { legs, wire, identity, port, queue, opened: 0, turns: 0 })
    }

    /// Opens a leg, as [`crate::Engine::open`] does.
    ///
    /// # Errors
    ///
    /// There is no port for it.
    pub fn open(&mut self, open: OpenLeg) -> Result<(LegHandle, LocalTransport), OpenError> {
        let (carrier, addr) = match open.socket {
            Socket::Muxed => (Carrier::Muxed, self.wire.addr_of(MUXED)),
            Socket::Own => self.wire.bind().map(|(id, addr)| (Carrier::Known(id), Some(addr)))?,
        };
        self.opened += 1;
        let id = leg_id(self.opened, 0);
        let addrs = addr.into_iter().collect();
        let (new, local) = engine::new_leg(open, id, (carrier, addrs), &self.identity);
        if !self.port.send(Command::Open(Box::new(new))) {
            return Err(OpenError::Stopped);
        }

        Ok((LegHandle::new(id, self.port.clone()), local))
    }

    /// One turn: works on what has arrived, takes the orders that were given, runs the timers that are
    /// due, and says what leaves.
    pub fn turn(&mut self, now: Instant, arrived: Vec<Datagram>) -> Vec<Datagram> {
        self.turns += 1;
        (self.wire.now, self.wire.arrived) = (now, arrived);
        let Self { legs, wire, queue, .. } = self;
        wire.turn(legs, BUSY).expect("this wire cannot fail");
        thread::after_datagrams(queue, legs, wire, now, self.turns);

        std::mem::take(&mut self.wire.left)
    }

    /// Legs that are open.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.port.legs()
    }
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").field("legs", &self.legs()).finish_non_exhaustive()
    }
}

/// Datagrams in memory.
struct Wire {
    sockets: Vec<Place>,
    now: Instant,
    arrived: Vec<Datagram>,
    left: Vec<Datagram>,
    moved: Moved,
}

/// A socket that is none.
struct Place {
    addr: SocketAddr,
    connected: Option<SocketAddr>,
    is_open: bool,
}

impl Wire {
    fn new(muxed: SocketAddr, now: Instant) -> Self {
        let sockets = vec![Place { addr: muxed, connected: None, is_open: true }];

        Self { sockets, now, arrived: Vec::new(), left: Vec::new(), moved: Moved::default() }
    }

    fn bind(&mut self) -> Result<(SocketId, SocketAddr), OpenError> {
        let full = || OpenError::NoPort(io::ErrorKind::AddrInUse.into());
        let nth = u16::try_from(self.sockets.len()).map_err(|_| full())?;
        let port = FIRST_PORT.checked_add(nth).ok_or_else(full)?;
        let addr = SocketAddr::new(self.sockets.first().ok_or_else(full)?.addr.ip(), port);
        self.sockets.push(Place { addr, connected: None, is_open: true });

        Ok((SocketId(nth.into()), addr))
    }

    fn addr_of(&self, socket: SocketId) -> Option<SocketAddr> {
        self.sockets.get(socket.0 as usize).map(|place| place.addr)
    }

    fn set_connected(&mut self, socket: SocketId, to: Option<SocketAddr>) {
        if let Some(place) = self.sockets.get_mut(socket.0 as usize) {
            place.connected = to;
        }
    }

    /// Whose a datagram is, and whom it comes from if the socket does not know.
    fn take(&self, datagram: &Datagram) -> Option<(SocketId, Option<SocketAddr>)> {
        let here = |place: &Place| place.is_open && place.addr == datagram.to;
        let at = self.sockets.iter().position(here)?;
        let connected = self.sockets.get(at)?.connected;
        let id = SocketId(u32::try_from(at).ok()?);
        match connected {
            Some(far_end) => (far_end == datagram.from).then_some((id, None)),
            None => Some((id, Some(datagram.from))),
        }
    }
}

impl Departures for Wire {
    fn send(&mut self, socket: SocketId, to: Option<SocketAddr>, datagram: &[u8]) {
        let place = self.sockets.get(socket.0 as usize).filter(|place| place.is_open);
        let way = place.and_then(|place| Some((place.addr, to.or(place.connected)?)));
        let Some((from, to)) = way else {
            self.moved.unsent += 1;
            return;
        };
        self.moved.sent += 1;
        self.left.push(Datagram { from, to, bytes: datagram.to_vec() });
    }
}

impl Io for Wire {
    fn add(&mut self, _socket: UdpSocket, _connected: bool) -> io::Result<SocketId> {
        // A leg brings its number.
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect(&mut self, socket: SocketId, to: SocketAddr) -> io::Result<()> {
        self.set_connected(socket, Some(to));

        Ok(())
    }

    fn disconnect(&mut self, socket: SocketId) -> io::Result<()> {
        self.set_connected(socket, None);

        Ok(())
    }

    fn remove(&mut self, socket: SocketId) {
        if let Some(place) = self.sockets.get_mut(socket.0 as usize) {
            place.is_open = false;
        }
    }

    fn turn(&mut self, traffic: &mut impl Traffic, _wait: Wait) -> io::Result<()> {
        let now = self.now;
        for datagram in std::mem::take(&mut self.arrived) {
            let Some((socket, from)) = self.take(&datagram) else {
                continue;
            };
            self.moved.received += 1;
            let mut buf = [0; BUFFER_LEN];
            let len = datagram.bytes.len().min(BUFFER_LEN);
            buf[..len].copy_from_slice(&datagram.bytes[..len]);
            traffic.expect(socket, from, false);
            let leaving = traffic.datagram(socket, from, &mut buf, len, now, self);
            if let Some(InPlace { socket, to, start, len }) = leaving
                && let Some(datagram) = buf.get(start..start + len)
            {
                self.send(socket, to, datagram);
            }
        }

        Ok(())
    }

    fn flush(&mut self) {}

    fn moved(&self) -> Moved {
        self.moved
    }
}
