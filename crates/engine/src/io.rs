//! What must a way of moving datagrams be able to do?
//!
//! The media thread's own code is written once, against these traits; [`crate::uring`] and
//! [`crate::epoll`] are the two ways. A datagram is worked on in the buffer it arrived in and may
//! leave from there ([`InPlace`]), so a forwarded packet is never copied.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Names a socket of one media thread. Small numbers, used again after removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketId(pub(crate) u32);

/// Room for one datagram: an Ethernet frame's worth and the trailer SRTP adds. An odd number of
/// cache lines, so that neighbouring buffers do not fight for the same cache sets.
pub(crate) const BUFFER_LEN: usize = 27 * 64;

/// A datagram that leaves from the buffer another one arrived in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InPlace {
    pub(crate) socket: SocketId,
    /// Where to; none when the socket is connected.
    pub(crate) to: Option<SocketAddr>,
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// Where datagrams leave.
pub(crate) trait Departures {
    /// Sends a copy; `to` is none when the socket is connected. What the kernel will not take at
    /// once is dropped and counted.
    fn send(&mut self, socket: SocketId, to: Option<SocketAddr>, datagram: &[u8]);
}

/// What is done with datagrams.
pub(crate) trait Traffic {
    /// A datagram of this socket is a few turns away: a chance to get what it needs into the cache.
    /// Called twice for each, the second time nearer; `from` as for [`Traffic::datagram`].
    fn expect(&self, _socket: SocketId, _from: Option<SocketAddr>, _nearer: bool) {}

    /// When the datagram that follows came, if that was before `now`.
    fn came(&mut self, _at: Instant) {}

    /// Takes the datagram in `buf[..len]`; `from` is none when the socket is connected.
    fn datagram(
        &mut self,
        socket: SocketId,
        from: Option<SocketAddr>,
        buf: &mut [u8],
        len: usize,
        now: Instant,
        out: &mut impl Departures,
    ) -> Option<InPlace>;
}

/// How long a turn waits for datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// As many are enough.
    pub(crate) batch: usize,
    /// Not longer than this.
    pub(crate) at_most: Duration,
    /// Whether it waits for orders alone, whatever comes, and so long that [`Traffic::came`] is to be told.
    pub(crate) stamped: bool,
}

/// Datagrams the kernel was handed, and those it did not take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) unsent: u64,
}

/// One way of moving datagrams.
pub(crate) trait Io: Departures {
    /// Begins to receive on a socket.
    fn add(&mut self, socket: UdpSocket, connected: bool) -> io::Result<SocketId>;

    /// Lets the kernel drop datagrams of all others from here on.
    fn connect(&mut self, socket: SocketId, to: SocketAddr) -> io::Result<()>;

    /// Takes datagrams of everybody again, on the same port.
    fn disconnect(&mut self, socket: SocketId) -> io::Result<()>;

    /// Closes a socket.
    fn remove(&mut self, socket: SocketId);

    /// Waits, hands what arrived to `traffic`, and sends what it answers.
    fn turn(&mut self, traffic: &mut impl Traffic, wait: Wait) -> io::Result<()>;

    /// Makes sure that what was given to [`Departures::send`] is on its way.
    fn flush(&mut self);

    /// What was moved so far.
    fn moved(&self) -> Moved;

    /// When the newest datagram of this socket arrived, by [`crate::arrival`]; none where there is no kernel.
    fn arrived(&self, _socket: SocketId) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::order::bell;
    use crate::yardstick::Sink;

    const AT_LEISURE: Wait = Wait { batch: 1, at_most: Duration::from_millis(10), stamped: true };

    /// How many of a thousand datagrams, as many for each socket, a turn takes that waited at leisure.
    fn taken_in_a_turn(mut io: impl Io, sockets: usize) -> u64 {
        let speaker = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addrs: Vec<_> = (0..sockets)
            .map(|_| {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.set_nonblocking(true).unwrap();
                let addr = socket.local_addr().unwrap();
                socket.connect(speaker.local_addr().unwrap()).unwrap();
                io.add(socket, true).unwrap();
                addr
            })
            .collect();
        // Receives are armed.
        io.turn(&mut Sink, AT_LEISURE).unwrap();
        for addr in addrs.iter().cycle().take(1_000) {
            speaker.send_to(&[0; 60], addr).unwrap();
        }
        io.turn(&mut Sink, AT_LEISURE).unwrap();

        io.moved().received
    }

    #[test]
    fn a_turn_at_leisure_takes_all_that_has_come() {
        for sockets in [10, 400] {
            let epoll = crate::epoll::Epoll::new(Arc::new(bell().unwrap())).unwrap();
            assert_eq!(taken_in_a_turn(epoll, sockets), 1_000, "epoll, {sockets} sockets");
            let Ok(uring) = crate::uring::Uring::new(Arc::new(bell().unwrap())) else {
                eprintln!("this kernel has no io_uring for us");
                continue;
            };
            assert_eq!(taken_in_a_turn(uring, sockets), 1_000, "io_uring, {sockets} sockets");
        }
    }
}
