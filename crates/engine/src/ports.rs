//! Which port does a leg's own socket get?

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

/// Binds a socket on a free port of the range. The search starts anywhere in it, so that a port just
/// given back is not at once another call's.
///
/// # Errors
///
/// The kernel's last word when no port is free.
pub(crate) fn bind(ip: IpAddr, ports: &RangeInclusive<u16>) -> io::Result<UdpSocket> {
    let count = u32::from(ports.end().saturating_sub(*ports.start())) + 1;
    let first = rand::random_range(0..count);
    let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
    for step in 0..count {
        let offset = u16::try_from((first + step) % count).unwrap_or_default();
        match bind_for_good(ip, ports.start().saturating_add(offset)) {
            Ok(socket) => {
                socket.set_nonblocking(true)?;
                return Ok(socket);
            }
            Err(error) => refused = error,
        }
    }

    Err(refused)
}

/// Binds a port that the socket keeps when it is disconnected: the kernel takes back one it chose
/// itself, so its choice is asked for by number.
fn bind_for_good(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, port))?;
    if port != 0 {
        return Ok(socket);
    }
    let chosen = socket.local_addr()?.port();
    drop(socket);
    // Somebody else may have been quicker; then the kernel's own choice must do.
    UdpSocket::bind((ip, chosen)).or_else(|_| UdpSocket::bind((ip, 0)))
}

/// Binds the muxed port, with room in the kernel for the packets of many calls.
///
/// # Errors
///
/// What the kernel says.
pub(crate) fn bind_muxed(addr: SocketAddr) -> io::Result<UdpSocket> {
    /// Half a second of 4,000 legs; the kernel gives less unless we are privileged.
    const BUFFER: usize = 16 << 20;

    let socket = UdpSocket::bind(addr)?;
    socket.set_nonblocking(true)?;
    for set in [
        rustix::net::sockopt::set_socket_recv_buffer_size_force,
        rustix::net::sockopt::set_socket_recv_buffer_size,
    ] {
        if set(&socket, BUFFER).is_ok() {
            break;
        }
    }
    rustix::net::sockopt::set_socket_send_buffer_size(&socket, BUFFER)?;

    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn hands_out_every_port_of_the_range_and_no_other() {
        let ip = IpAddr::V4(Ipv4Addr::new(127, 77, 1, 9));
        let range = 41_000..=41_003;
        let held: Vec<_> = (0..4).map(|_| bind(ip, &range).unwrap()).collect();
        let mut ports: Vec<_> =
            held.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
        ports.sort_unstable();
        assert_eq!(ports, [41_000, 41_001, 41_002, 41_003]);
        assert!(bind(ip, &range).is_err());
        drop(held);
        assert!(bind(ip, &range).is_ok());
    }
}
