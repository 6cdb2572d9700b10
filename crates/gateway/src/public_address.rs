//! From which address does the world see us?
//!
//! A STUN server says so, asked from a socket of the media range, so that what is learnt holds for calls:
//! behind a NAT that keeps ports, the router's address; behind one that does not, the same address and
//! a warning. The engine tells far ends one set of addresses for its whole life, so a change is
//! warned of and shows in the doctor's report; the next start learns the new one.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use media::stun::{self, REPLY_MAX, Reply};
use tokio::net::{UdpSocket, lookup_host};

use crate::{config::Media, office::Office};

/// How long each of the tries waits for a reply: RFC 8489's doubling, cut short.
const WAITS: [Duration; 4] = [
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_millis(1_200),
    Duration::from_millis(2_400),
];
/// How often the server is asked again.
const AGAIN_EVERY: Duration = Duration::from_secs(300);
/// How many ports are tried for the question.
const PORTS_TRIED: usize = 64;

/// Why a server told nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Its name leads nowhere.
    #[error("{server} cannot be resolved to an address of the media sockets' family")]
    Resolve {
        /// The server.
        server: String,
    },
    /// We have no socket for it.
    #[error("no UDP socket of the media range can be used")]
    Socket(#[source] std::io::Error),
    /// Nothing came back.
    #[error("{server} does not reply over UDP")]
    Silent {
        /// The server.
        server: String,
    },
    /// Something else came back.
    #[error("{server} replied with something else: {reply}")]
    Odd {
        /// The server.
        server: String,
        /// What, for people.
        reply: String,
    },
}

/// What a STUN server saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Our address out there.
    pub(crate) public: SocketAddr,
    /// Our port in here.
    pub(crate) port: u16,
}

/// Asks for our address, from a socket of the media range.
///
/// # Errors
///
/// Why nothing is known.
pub(crate) async fn find(media: &Media, server: &str) -> Result<Seen, AskError> {
    let socket = socket_of(media.bind_ip, &media.ports).await.map_err(AskError::Socket)?;
    let port = socket.local_addr().map_err(AskError::Socket)?.port();
    let id = rand::random();
    match ask(&socket, server, &stun::binding_request(&id), &id).await? {
        Reply::Mapped(public) => Ok(Seen { public, port }),
        other @ (Reply::Relayed(_)
        | Reply::Challenge { .. }
        | Reply::Refused { .. }
        | Reply::Done) => {
            Err(AskError::Odd { server: server.to_owned(), reply: format!("{other:?}") })
        }
    }
}

/// Asks again and again, and warns when the address is another.
pub(crate) async fn watch(office: Arc<Office>) {
    let Some(server) = office.config.media.stun.as_ref().filter(|_| office.config.media.ask_public)
    else {
        return;
    };
    let mut known = office.advertised.first().copied();
    loop {
        tokio::time::sleep(AGAIN_EVERY).await;
        match find(&office.config.media, server).await {
            Ok(seen) => {
                let before = known.replace(seen.public.ip());
                if before.is_some_and(|before| before != seen.public.ip()) {
                    tracing::warn!(
                        "the public address changed; new calls stay silent until a restart"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "the public address is not known"),
        }
    }
}

/// Sends a request again and again until its reply comes.
pub(crate) async fn ask(
    socket: &UdpSocket,
    server: &str,
    request: &[u8],
    id: &stun::TransactionId,
) -> Result<Reply, AskError> {
    let address = resolve(socket, server).await?;
    let mut buffer = [0; REPLY_MAX];
    for wait in WAITS {
        socket.send_to(request, address).await.map_err(AskError::Socket)?;
        let reply = async {
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.ok()?;
                let datagram = buffer.get(..length)?;
                if let (true, Some(reply)) = (from == address, stun::read_reply(datagram, id)) {
                    return Some(reply);
                }
            }
        };
        if let Ok(Some(reply)) = tokio::time::timeout(wait, reply).await {
            return Ok(reply);
        }
    }
    Err(AskError::Silent { server: server.to_owned() })
}

async fn resolve(socket: &UdpSocket, server: &str) -> Result<SocketAddr, AskError> {
    let is_v4 = socket.local_addr().is_ok_and(|address| address.is_ipv4());
    let found = lookup_host(server).await.ok();
    let address = found.and_then(|mut all| all.find(|address| address.is_ipv4() == is_v4));
    address.ok_or_else(|| AskError::Resolve { server: server.to_owned() })
}

/// A socket on one of the ports, starting anywhere in the range.
pub(crate) async fn socket_of(
    ip: IpAddr,
    ports: &RangeInclusive<u16>,
) -> std::io::Result<UdpSocket> {
    let count = usize::from(ports.end().saturating_sub(*ports.start())) + 1;
    let first: usize = rand::random_range(0..count);
    let mut refused = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for step in 0..count.min(PORTS_TRIED) {
        let offset = u16::try_from((first + step) % count).unwrap_or_default();
        match UdpSocket::bind((ip, ports.start().saturating_add(offset))).await {
            Ok(socket) => return Ok(socket),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
