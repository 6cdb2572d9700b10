//! How does SIP travel inside TLS (RFC 3261, 26.2)?
//!
//! Connections and handshakes are ours, with the certificates and the trust of whoever starts the
//! agent. The stack below takes a stream that is ready, but only from one connector of the whole
//! process: so a ready stream waits under a number that connector is asked for.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use rsipstack::platform::tls::{TlsClientConfig, TlsConnector as Connector, TlsStream as Stream};
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::{PlatformTlsConnection, SipAddr, SipConnection};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tokio_util::sync::CancellationToken;

use crate::agent::IDLE;
use crate::holds::Holds;
use crate::{Target, Transport, roads};

/// How long a handshake of ours may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
const READ: usize = 8192;

/// TLS of a user agent.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Where connections come in, with our certificate; `None` makes them only.
    pub accept: Option<(SocketAddr, Arc<ServerConfig>)>,
    /// Whose certificates we believe, and ours where one is asked for.
    pub connect: Arc<ClientConfig>,
}

/// Calls a target and makes sure that it is who it says.
pub(crate) async fn call(
    target: &Target,
    config: &Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = match &target.host {
        Some(host) => ServerName::try_from(host.to_string()).map_err(io::Error::other)?,
        None => ServerName::from(target.address.ip()),
    };
    let calling = async {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        TlsConnector::from(Arc::clone(config)).connect(name, stream).await
    };
    Ok(timely(calling).await?.into())
}

/// Shows who we are to whoever connected; how long that may take is the caller's to say.
pub(crate) async fn welcome(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    Ok(TlsAcceptor::from(Arc::clone(config)).accept(stream).await?.into())
}

async fn timely<T>(shaking: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    tokio::time::timeout(HANDSHAKE, shaking).await.map_err(|_| late())?
}

/// What the stack below takes.
pub(crate) async fn connection(
    stream: TlsStream<TcpStream>,
    them: SocketAddr,
    holds: Arc<Holds>,
    gone: CancellationToken,
) -> io::Result<SipConnection> {
    let us = stream.get_ref().0.local_addr()?;
    let (read, write) = tokio::io::split(stream);
    let line = Line { read: read.into(), write: write.into(), us, them, holds };
    let number = ready().leave(line);
    let them: SipAddr = roads::sip_address(them, Transport::Tls);
    let taken = PlatformTlsConnection::connect(&them, Some(&number), Some(gone)).await;
    taken.map(SipConnection::TlsPlatform).map_err(io::Error::other)
}

/// What stands for our listener in the stack below: its address, for `Via`.
pub(crate) async fn door(us: SocketAddr) -> io::Result<SipConnection> {
    let (_, incoming) = tokio::sync::mpsc::unbounded_channel();
    let (outgoing, _) = tokio::sync::mpsc::unbounded_channel();
    let us = roads::sip_address(us, Transport::Tls);
    let door = ChannelConnection::create_connection(incoming, outgoing, us, None).await;
    door.map(SipConnection::Channel).map_err(io::Error::other)
}

/// A connection whose handshake is done.
struct Line {
    read: tokio::sync::Mutex<ReadHalf<TlsStream<TcpStream>>>,
    write: tokio::sync::Mutex<WriteHalf<TlsStream<TcpStream>>>,
    us: SocketAddr,
    them: SocketAddr,
    holds: Arc<Holds>,
}

#[async_trait::async_trait]
impl Stream for Line {
    /// Nothing when the far end closed, or said nothing for too long and no call stands on it.
    async fn recv(&self) -> rsipstack::Result<Vec<u8>> {
        let mut read = self.read.lock().await;
        let is_held = || self.holds.is_held(self.them);
        Ok(read_on(&mut *read, IDLE, is_held).await?)
    }

    async fn send_all(&self, data: Vec<u8>) -> rsipstack::Result<()> {
        let mut write = self.write.lock().await;
        write.write_all(&data).await?;
        Ok(write.flush().await?)
    }

    async fn shutdown(&self) -> rsipstack::Result<()> {
        Ok(self.write.lock().await.shutdown().await?)
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.us)
    }
}

/// What comes next; nothing when that is the end, or when nothing comes for so long and nobody holds it.
async fn read_on(
    read: &mut (impl AsyncRead + Unpin),
    idle: Duration,
    is_held: impl Fn() -> bool,
) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; READ];
    let len = loop {
        match tokio::time::timeout(idle, read.read(&mut bytes)).await {
            Ok(len) => break len?,
            Err(_) if is_held() => {}
            Err(_) => break 0,
        }
    };
    bytes.truncate(len);
    Ok(bytes)
}

/// Connections that the stack has not taken yet: each for a moment.
#[derive(Default)]
struct Ready {
    lines: Mutex<(u64, HashMap<String, Line>)>,
}

impl Ready {
    fn leave(&self, line: Line) -> String {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.0 += 1;
        let number = lines.0.to_string();
        lines.1.insert(number.clone(), line);
        number
    }
}

#[async_trait::async_trait]
impl Connector for Ready {
    async fn connect(
        &self,
        config: &TlsClientConfig,
        _address: SocketAddr,
    ) -> rsipstack::Result<Box<dyn Stream>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.1.remove(&config.server_name) {
            Some(line) => Ok(Box::new(line)),
            None => Err(rsipstack::Error::Error("no TLS connection stands ready".to_owned())),
        }
    }
}

fn ready() -> Arc<Ready> {
    static READY: std::sync::LazyLock<Arc<Ready>> = std::sync::LazyLock::new(Arc::default);
    static TOLD: Once = Once::new();
    TOLD.call_once(|| rsipstack::platform::tls::set_client_connector(READY.clone()));
    Arc::clone(&READY)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_silent_connection_is_closed_unless_a_call_stands_on_it() {
        const SHORT: Duration = Duration::from_millis(20);
        let (mut ours, mut theirs) = tokio::io::duplex(64);
        let closed = read_on(&mut ours, SHORT, || false).await.expect("it is read");
        assert!(closed.is_empty());
        let asked = AtomicU32::new(0);
        let held = || asked.fetch_add(1, Ordering::Relaxed) < 3;
        let (read, ()) = tokio::join!(read_on(&mut ours, SHORT, held), async {
            tokio::time::sleep(SHORT * 3).await;
            theirs.write_all(b"BYE").await.expect("it is written");
        });
        assert_eq!(read.expect("it is read"), b"BYE");
        assert!(asked.load(Ordering::Relaxed) > 0, "it was silent for a while");
    }
}
