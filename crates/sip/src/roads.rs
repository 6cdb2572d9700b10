//! Which connection does a message to a target take?
//!
//! The stack opens connections of its own, but without `TCP_NODELAY`: it would wait 40 ms for the far
//! end's acknowledgement in the middle of a set-up. So connections are made here and handed to it.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::{SipAddr, SipConnection};
use rustls::{ClientConfig, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::guests::{Guests, Seat};
use crate::holds::Holds;
use crate::wall::Wall;
use crate::{Target, Transport, tls};

/// Whom a connection is to: a name that was not proven is another one, at whatever address.
type Far = (SocketAddr, Transport, Option<Arc<str>>);

/// Our connections.
pub(crate) struct Roads {
    endpoint: EndpointInnerRef,
    us: Addresses,
    trust: Option<Arc<ClientConfig>>,
    wall: Arc<Wall>,
    guests: Arc<Guests>,
    stop: CancellationToken,
    /// Each with the token that the stack cancels when the connection is gone.
    open: Mutex<HashMap<Far, CancellationToken>>,
    /// The same of those that others opened, by where they came from.
    theirs: Mutex<HashMap<(SocketAddr, Transport), CancellationToken>>,
    /// Those that calls stand on.
    pub(crate) holds: Arc<Holds>,
}

/// Where we are reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// By UDP and TCP.
    pub(crate) plain: Option<SocketAddr>,
    /// By TLS.
    pub(crate) tls: Option<SocketAddr>,
}

impl Addresses {
    /// The one for a transport, or the other where there is none.
    pub(crate) fn at(self, transport: Transport) -> Option<SocketAddr> {
        match transport {
            Transport::Udp | Transport::Tcp => self.plain.or(self.tls),
            Transport::Tls => self.tls.or(self.plain),
        }
    }
}

impl Roads {
    pub(crate) fn new(
        endpoint: EndpointInnerRef,
        us: Addresses,
        trust: Option<Arc<ClientConfig>>,
        (wall, guests): (Arc<Wall>, Arc<Guests>),
        stop: CancellationToken,
    ) -> Self {
        let (open, theirs, holds) = (Mutex::default(), Mutex::default(), Arc::default());
        Self { endpoint, us, trust, wall, guests, stop, open, theirs, holds }
    }

    /// Whoever is at the other end was asked who they are.
    pub(crate) fn challenged(&self, them: SocketAddr) {
        if self.wall.challenged(them.ip()) {
            self.guests.turn_out(them.ip());
        }
    }

    /// It is nobody we know.
    pub(crate) fn turned_away(&self, them: SocketAddr) {
        if self.wall.turned_away(them.ip()) {
            self.guests.turn_out(them.ip());
        }
    }

    /// It is somebody we know.
    pub(crate) fn welcomed(&self, them: SocketAddr) {
        self.wall.knows(them.ip());
        self.guests.knows(them);
    }

    /// Makes sure that a message to `target` has a way; what it answers is cancelled when that way is
    /// gone, if it can be. Whom we reach so is somebody we know.
    pub(crate) async fn ready(&self, target: &Target) -> io::Result<Option<CancellationToken>> {
        let gone = self.way(target).await?;
        self.wall.knows(target.address.ip());
        Ok(gone)
    }

    async fn way(&self, target: &Target) -> io::Result<Option<CancellationToken>> {
        if let Some(gone) = self.opened(target) {
            return Ok(Some(gone));
        }
        let gone = match (target.transport, &self.trust) {
            (Transport::Udp, _) => return Ok(None),
            (Transport::Tcp, _) => self.adopt(TcpStream::connect(target.address).await?)?,
            (Transport::Tls, None) => return Err(io::ErrorKind::Unsupported.into()),
            (Transport::Tls, Some(trust)) => {
                let stream = tls::call(target, trust).await?;
                self.adopt_tls(stream, target.address).await?
            }
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, gone| !gone.is_cancelled());
        open.insert(far(target), gone.clone());
        Ok(Some(gone))
    }

    /// The same for one who spoke to us from there: a connection of theirs is used, and none is made.
    pub(crate) fn came_by(&self, target: &Target) -> io::Result<Option<CancellationToken>> {
        if target.transport == Transport::Udp {
            return Ok(None);
        }
        let theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = theirs.get(&(target.address, target.transport));
        let gone = gone.filter(|gone| !gone.is_cancelled()).cloned();
        gone.map(Some).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn opened(&self, target: &Target) -> Option<CancellationToken> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&far(target)).filter(|gone| !gone.is_cancelled()).cloned()
    }

    /// Gives a connection to the stack; the token is cancelled when it is gone.
    fn adopt(&self, stream: TcpStream) -> io::Result<CancellationToken> {
        stream.set_nodelay(true)?;
        let us = match self.us.at(Transport::Tcp) {
            Some(us) => us,
            None => stream.local_addr()?,
        };
        let gone = self.stop.child_token();
        let connection =
            TcpConnection::from_stream(stream, sip_address(us, Transport::Tcp), Some(gone.clone()))
                .map_err(io::Error::other)?;
        self.endpoint.transport_layer.add_connection(SipConnection::Tcp(connection));
        Ok(gone)
    }

    /// The same for one whose handshake is done.
    async fn adopt_tls(
        &self,
        stream: tokio_rustls::TlsStream<TcpStream>,
        them: SocketAddr,
    ) -> io::Result<CancellationToken> {
        let gone = self.stop.child_token();
        let holds = Arc::clone(&self.holds);
        let connection = tls::connection(stream, them, holds, gone.clone()).await?;
        self.endpoint.transport_layer.add_connection(connection);
        Ok(gone)
    }

    /// How many connections of others there are, and how many of all the stack has.
    #[cfg(test)]
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.guests.count(), self.endpoint.transport_layer.connections_count())
    }

    /// Takes connections until the agent stops.
    pub(crate) async fn welcome(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
    ) {
        loop {
            let stream = tokio::select! {
                () = self.stop.cancelled() => return,
                stream = listener.accept() => stream,
            };
            let Ok((stream, them)) = stream else {
                // Out of descriptors: the next accept would fail at once, and the one after it.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            if !self.wall.hears(them.ip()) {
                continue;
            }
            let Some(seat) = self.guests.enter(them) else {
                self.wall.crowded();
                continue;
            };
            debug!("a SIP connection came in");
            let (roads, tls) = (Arc::clone(&self), tls.clone());
            drop(tokio::spawn(async move {
                if let Err(fault) = roads.entertain(stream, (them, seat), tls).await {
                    debug!(%fault, "a SIP connection was not taken");
                }
            }));
        }
    }

    /// Serves a connection until it is gone, or has to go.
    async fn entertain(
        &self,
        stream: TcpStream,
        (them, seat): (SocketAddr, Seat),
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<()> {
        // The stack reads until the socket ends, whatever it is told.
        let socket = socket2::SockRef::from(&stream).try_clone()?;
        let serving = async {
            self.take(stream, them, tls).await?.cancelled().await;
            io::Result::Ok(())
        };
        let is_slow = tokio::select! {
            served = serving => return served,
            is_slow = seat.is_over() => is_slow,
        };
        if is_slow && self.wall.slow(them.ip()) {
            self.guests.turn_out(them.ip());
        }
        socket.shutdown(Shutdown::Both)
    }

    async fn take(
        &self,
        stream: TcpStream,
        them: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<CancellationToken> {
        let (transport, gone) = match tls {
            None => (Transport::Tcp, self.adopt(stream)?),
            Some(config) => {
                let stream = tls::welcome(stream, &config).await?;
                (Transport::Tls, self.adopt_tls(stream, them).await?)
            }
        };
        let mut theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        theirs.retain(|_, gone| !gone.is_cancelled());
        theirs.insert((them, transport), gone.clone());
        Ok(gone)
    }
}

fn far(target: &Target) -> Far {
    (target.address, target.transport, target.host.clone())
}

/// An address in the stack's words.
pub(crate) fn sip_address(address: SocketAddr, transport: Transport) -> SipAddr {
    let transport = match transport {
        Transport::Udp => rsipstack::sip::Transport::Udp,
        Transport::Tcp => rsipstack::sip::Transport::Tcp,
        Transport::Tls => rsipstack::sip::Transport::Tls,
    };
    SipAddr::new(transport, address.into())
}

/// What the stack calls by an address; `None` for what is no address of ours.
pub(crate) fn address(far: &SipAddr) -> Option<(SocketAddr, Transport)> {
    let transport = transport(far.r#type?)?;
    Some((far.get_socketaddr().ok()?, transport))
}

/// One of the stack's transports; `None` for those we do not speak.
pub(crate) fn transport(theirs: rsipstack::sip::Transport) -> Option<Transport> {
    match theirs {
        rsipstack::sip::Transport::Udp => Some(Transport::Udp),
        rsipstack::sip::Transport::Tcp => Some(Transport::Tcp),
        rsipstack::sip::Transport::Tls => Some(Transport::Tls),
        rsipstack::sip::Transport::TlsSctp
        | rsipstack::sip::Transport::Sctp
        | rsipstack::sip::Transport::Ws
        | rsipstack::sip::Transport::Wss => None,
    }
}
