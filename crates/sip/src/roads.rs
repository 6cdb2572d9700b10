//! Which connection does a message to a target take?
//!
//! The stack opens connections of its own, but without `TCP_NODELAY`: it would wait 40 ms for the far
//! end's acknowledgement in the middle of a set-up. So connections are made here and handed to it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::{SipAddr, SipConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{Target, Transport};

/// How many connections others may hold open at once.
const GUESTS_MAX: usize = 256;

/// Our connections.
pub(crate) struct Roads {
    endpoint: EndpointInnerRef,
    us: SocketAddr,
    stop: CancellationToken,
    /// Each with the token that the stack cancels when the connection is gone.
    open: Mutex<HashMap<SocketAddr, CancellationToken>>,
}

impl Roads {
    pub(crate) fn new(endpoint: EndpointInnerRef, us: SocketAddr, stop: CancellationToken) -> Self {
        Self { endpoint, us, stop, open: Mutex::default() }
    }

    /// Makes sure that a message to `target` has a way.
    pub(crate) async fn ready(&self, target: Target) -> io::Result<()> {
        match target.transport {
            Transport::Udp => Ok(()),
            Transport::Tcp if self.is_open(target.address) => Ok(()),
            Transport::Tcp => {
                let gone = self.adopt(TcpStream::connect(target.address).await?)?;
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.retain(|_, gone| !gone.is_cancelled());
                open.insert(target.address, gone);
                Ok(())
            }
        }
    }

    fn is_open(&self, address: SocketAddr) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&address).is_some_and(|gone| !gone.is_cancelled())
    }

    /// Gives a connection to the stack; the token is cancelled when it is gone.
    fn adopt(&self, stream: TcpStream) -> io::Result<CancellationToken> {
        stream.set_nodelay(true)?;
        let gone = self.stop.child_token();
        let connection = TcpConnection::from_stream(
            stream,
            sip_address(self.us, Transport::Tcp),
            Some(gone.clone()),
        )
        .map_err(io::Error::other)?;
        self.endpoint.transport_layer.add_connection(SipConnection::Tcp(connection));
        Ok(gone)
    }

    /// Takes connections until the agent stops.
    pub(crate) async fn welcome(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(GUESTS_MAX));
        loop {
            let stream = tokio::select! {
                () = self.stop.cancelled() => return,
                stream = listener.accept() => stream,
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            match stream.and_then(|(stream, _)| self.adopt(stream)) {
                Ok(gone) => drop(tokio::spawn(async move {
                    gone.cancelled().await;
                    drop(place);
                })),
                // Out of descriptors: the next accept would fail at once, and the one after it.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
            debug!("a SIP connection came in");
        }
    }
}

/// An address in the stack's words.
pub(crate) fn sip_address(address: SocketAddr, transport: Transport) -> SipAddr {
    let transport = match transport {
        Transport::Udp => rsipstack::sip::Transport::Udp,
        Transport::Tcp => rsipstack::sip::Transport::Tcp,
    };
    SipAddr::new(transport, address.into())
}
