//! Which connection does a message to a target take?
//!
//! The stack opens connections of its own, but without `TCP_NODELAY`: it would wait 40 ms for the far
//! end's acknowledgement in the middle of a set-up. So connections are made here and handed to it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::{SipAddr, SipConnection};
use rustls::{ClientConfig, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::holds::Holds;
use crate::wall::Wall;
use crate::{Target, Transport, tls};

/// How many connections others may hold open at once.
const GUESTS_MAX: usize = 256;

/// Whom a connection is to: a name that was not proven is another one, at whatever address.
type Far = (SocketAddr, Transport, Option<Arc<str>>);

/// Our connections.
pub(crate) struct Roads {
    endpoint: EndpointInnerRef,
    us: Addresses,
    trust: Option<Arc<ClientConfig>>,
    wall: Arc<Wall>,
    stop: CancellationToken,
    /// Each with the token that the stack cancels when the connection is gone.
    open: Mutex<HashMap<Far, CancellationToken>>,
    /// The same of those that others opened, by where they came from.
    guests: Mutex<HashMap<(SocketAddr, Transport), CancellationToken>>,
    /// Those that calls stand on.
    pub(crate) holds: Arc<Holds>,
    places: Arc<Semaphore>,
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
        (trust, wall): (Option<Arc<ClientConfig>>, Arc<Wall>),
        stop: CancellationToken,
    ) -> Self {
        let places = Arc::new(Semaphore::new(GUESTS_MAX));
        let (open, guests, holds) = (Mutex::default(), Mutex::default(), Arc::default());
        Self { endpoint, us, trust, wall, stop, open, guests, holds, places }
    }

    /// Makes sure that a message to `target` has a way; what it answers is cancelled when that way is
    /// gone, if it can be.
    pub(crate) async fn ready(&self, target: &Target) -> io::Result<Option<CancellationToken>> {
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
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = guests.get(&(target.address, target.transport));
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
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { continue };
            debug!("a SIP connection came in");
            let (roads, tls) = (Arc::clone(&self), tls.clone());
            drop(tokio::spawn(async move {
                match roads.take(stream, them, tls).await {
                    Ok(gone) => gone.cancelled().await,
                    Err(fault) => debug!(%fault, "a SIP connection was not taken"),
                }
                drop(place);
            }));
        }
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
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|_, gone| !gone.is_cancelled());
        guests.insert((them, transport), gone.clone());
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
    let transport = match far.r#type? {
        rsipstack::sip::Transport::Udp => Transport::Udp,
        rsipstack::sip::Transport::Tcp => Transport::Tcp,
        rsipstack::sip::Transport::Tls => Transport::Tls,
        rsipstack::sip::Transport::TlsSctp
        | rsipstack::sip::Transport::Sctp
        | rsipstack::sip::Transport::Ws
        | rsipstack::sip::Transport::Wss => return None,
    };
    Some((far.get_socketaddr().ok()?, transport))
}
