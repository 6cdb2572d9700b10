//! How does HTTP become HTTPS, and how is a renewed certificate taken?
//!
//! The pair of PEM files is read at start, which fails on a bad one. While the gateway runs, it looks at
//! the files every two seconds: a new good pair is shown to every connection from then on, a bad one is
//! warned of and counted, and the old one stays. Handshakes run beside each other, so that a slow
//! browser keeps nobody waiting. SIP over TLS has its own connections and follows its pair the same way.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::serve::Listener;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{config::TlsFiles, metrics::Metrics};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How many handshakes run at a time; more wait in the kernel's queue.
const HANDSHAKES_MAX: usize = 256;
/// How long to wait when the system has no more sockets.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Why a pair cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key cannot be used together.
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
}

/// A configuration that shows the newest good pair, for what has an accept loop of its own.
///
/// # Errors
///
/// The pair cannot be used.
pub(crate) fn follow(
    files: TlsFiles,
    metrics: Arc<Metrics>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let seen = written(&files);
    let (newest, config) = watch::channel(read(&files)?);
    tokio::spawn(look(files, seen, newest, metrics));
    let builder = ServerConfig::builder().with_no_client_auth();
    Ok(Arc::new(builder.with_cert_resolver(Arc::new(Newest(config)))))
}

/// The certificate of the newest pair.
#[derive(Debug)]
struct Newest(watch::Receiver<Arc<ServerConfig>>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let newest = Arc::clone(&self.0.borrow());
        newest.cert_resolver.resolve(hello)
    }
}

/// Reads a pair.
///
/// # Errors
///
/// A file that is missing or no PEM, a key that does not fit.
fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Read { path, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(wrong(&files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(wrong(&files.key))?;
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(chain, key).map_err(TlsError::Pair)?;
    // A console's WebSocket needs HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// When both files were written, as far as the system says.
fn written(files: &TlsFiles) -> [Option<SystemTime>; 2] {
    [&files.certificate, &files.key]
        .map(|path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok())
}

/// Connections whose handshake is done.
#[derive(Debug)]
pub(crate) struct TlsListener {
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Speaks TLS with who connects, until it is dropped.
    ///
    /// # Errors
    ///
    /// The pair cannot be used.
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        files: TlsFiles,
        metrics: Arc<Metrics>,
    ) -> Result<Self, TlsError> {
        let seen = written(&files);
        let (newest, config) = watch::channel(read(&files)?);
        let (done, accepted) = mpsc::channel(HANDSHAKES_MAX);
        tokio::spawn(look(files, seen, newest, metrics));
        tokio::spawn(accept(listener, config, done));
        Ok(Self { accepted, address })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Looks at the files until nobody listens any more.
async fn look(
    files: TlsFiles,
    mut seen: [Option<SystemTime>; 2],
    newest: watch::Sender<Arc<ServerConfig>>,
    metrics: Arc<Metrics>,
) {
    loop {
        tokio::select! {
            () = newest.closed() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let now = written(&files);
        if now == seen {
            continue;
        }
        seen = now;
        match read(&files) {
            Ok(config) => {
                metrics.tls_reload("ok");
                tracing::info!("a new certificate is shown from now on");
                newest.send_replace(config);
            }
            Err(error) => {
                metrics.tls_reload("failed");
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "a new certificate cannot be used; the old one stays");
            }
        }
    }
}

async fn accept(
    listener: TcpListener,
    config: watch::Receiver<Arc<ServerConfig>>,
    done: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
        let accepted = tokio::select! {
            () = done.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            continue;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&config.borrow()));
        let done = done.clone();
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await;
            drop(place);
            match shaken {
                // A gateway that stops takes no more of them.
                Ok(Ok(stream)) => drop(done.send((stream, from)).await),
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        });
    }
}
