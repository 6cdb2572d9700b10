//! When did the newest datagram of a socket arrive?
//!
//! The network stack stamps datagrams before they wait in a socket, if somebody wants to know: a socket
//! that was asked once keeps the stamp of the newest datagram it has handed out from then on. The first such
//! wish on a machine takes the network stack a moment ([`SETTLES`]); a datagram without a stamp gets one
//! when it is handed out.
#![expect(unsafe_code, reason = "a request of the kernel for which no library is safe")]

use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime};

/// `SIOCGSTAMPNS` of `linux/sockios.h`, as 64-bit machines have it.
const NEWEST: libc::Ioctl = 0x8907;

/// How long the network stack may take to begin with stamps.
pub(crate) const SETTLES: Duration = Duration::from_millis(100);

/// By [`now`]'s clock. The first answer of a socket says nothing: it had no stamps before.
pub(crate) fn newest(socket: &UdpSocket) -> Option<Duration> {
    let mut stamp = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the request writes one timespec to where it is told, and the socket is open.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), NEWEST, &raw mut stamp) };
    if answer != 0 {
        return None;
    }

    Some(Duration::new(u64::try_from(stamp.tv_sec).ok()?, u32::try_from(stamp.tv_nsec).ok()?))
}

/// When the newest datagram of this socket came, if that was a while before `now`, which is `clock` by the network
/// stack's clock.
pub(crate) fn before(socket: &UdpSocket, clock: Duration, now: Instant) -> Option<Instant> {
    /// Longer is no datagram that waited but a clock that was set.
    const MOST: Duration = Duration::from_millis(100);

    let waited = clock.checked_sub(newest(socket)?).filter(|waited| *waited < MOST)?;

    now.checked_sub(waited)
}

/// What the network stack's clock says: the system's, since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_knows_when_a_datagram_came_that_had_to_wait() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = socket.local_addr().unwrap();
        let mut buf = [0; 8];
        socket.send_to(b"first", to).unwrap();
        socket.recv_from(&mut buf).unwrap();
        newest(&socket).unwrap();
        std::thread::sleep(SETTLES);
        let before = now();
        socket.send_to(b"second", to).unwrap();
        let sent = now();
        std::thread::sleep(Duration::from_millis(30));
        socket.recv_from(&mut buf).unwrap();
        let stamp = newest(&socket).unwrap();
        assert!((before..=sent).contains(&stamp), "{before:?} {stamp:?} {sent:?}");
        assert!(now() - stamp >= Duration::from_millis(30));
    }
}
