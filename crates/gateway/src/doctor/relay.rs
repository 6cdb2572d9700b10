//! Does the TURN server relay for agents' browsers, on each way they are told of?
//!
//! An allocation is asked for by UDP, TCP or TLS, as each URL says, and given back. TLS is checked as a
//! browser checks it: against the public roots and the server's name.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use media::stun::{self, Login, REPLY_MAX, Reply, TransactionId};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};
use tokio_rustls::TlsConnector;

use super::finding::Finding;
use crate::{config::Turn, ice_servers, public_address};

/// How long a connection, its handshake or one reply on it may take.
const STREAM_WITHIN: Duration = Duration::from_secs(5);
/// What is before the attributes of a message (RFC 8489 5).
const HEADER: usize = 20;

/// How a browser reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    fn check(self) -> &'static str {
        match self {
            Self::Udp => "turn.udp",
            Self::Tcp => "turn.tcp",
            Self::Tls => "turn.tls",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// A `turn:` or `turns:` URL (RFC 7065).
#[derive(Debug, PartialEq, Eq)]
struct Server {
    transport: Transport,
    host: String,
    port: u16,
}

impl Server {
    /// None for DTLS, which no browser speaks to a TURN server, and for what is no such URL.
    fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (server, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (transport, usual) = match (scheme, query) {
            ("turn", "" | "transport=udp") => (Transport::Udp, 3478),
            ("turn", "transport=tcp") => (Transport::Tcp, 3478),
            ("turns", "" | "transport=tcp") => (Transport::Tls, 5349),
            _ => return None,
        };
        let with_port = server.rsplit_once(':').and_then(|(host, port)| {
            let whole = !host.contains(':') || host.ends_with(']');
            Some((host, port.parse::<u16>().ok().filter(|_| whole)?))
        });
        let (host, port) = with_port.unwrap_or((server, usual));
        Some(Self { transport, host: host.to_owned(), port })
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Why no reply came.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Udp(#[from] public_address::AskError),
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] std::io::Error),
    #[error("no certificate can be made out for the name in the URL")]
    Name(#[source] rustls::pki_types::InvalidDnsNameError),
    #[error("the connection broke")]
    Broken(#[source] std::io::Error),
    #[error("it does not reply")]
    Silent,
    #[error("its reply cannot be read")]
    Unread,
}

/// Looks at every way that browsers are told of.
pub(super) async fn examine(turn: &Turn) -> Vec<Finding> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tls = TlsConnector::from(Arc::new(tls));
    let mut found = Vec::new();
    for url in &turn.urls {
        found.push(match Server::read(url) {
            Some(server) => judge(server.transport, allocate(turn, &server, &tls).await),
            None => {
                let fix = "Write turn:HOST:PORT?transport=udp or tcp, or turns:HOST:PORT.";
                Finding::warning(
                    "turn.url",
                    "turn_url",
                    "A TURN URL is none that browsers use.",
                    fix,
                )
            }
        });
    }
    found
}

fn judge(transport: Transport, reply: Result<Reply, RelayError>) -> Finding {
    let (check, word) = (transport.check(), transport.word());
    let fix = format!(
        "Check [turn]: the URL, that the secret is the server's static-auth-secret, and that {word} \
         from here to the server passes."
    );
    let finding = match reply {
        Ok(Reply::Relayed(_)) => {
            let what = format!("The TURN server relays for agents by {word}.");
            Finding::ok(check, "turn_relays", what)
        }
        Ok(Reply::Challenge { .. }) => {
            Finding::fault(check, "turn_login", "The TURN server does not believe our login.", &fix)
        }
        Ok(reply @ (Reply::Refused { .. } | Reply::Mapped(_) | Reply::Done)) => {
            let what = format!("The TURN server relays nothing by {word}.");
            Finding::fault(check, "turn_refuses", what, &fix).seen(format!("{reply:?}"))
        }
        Err(error) => {
            let what = format!("The TURN server is not reached by {word}.");
            Finding::fault(check, "turn_unreached", what, &fix).seen(error.to_string())
        }
    };
    finding.with("transport", word)
}

/// Asks for an allocation, and gives it back.
async fn allocate(turn: &Turn, server: &Server, tls: &TlsConnector) -> Result<Reply, RelayError> {
    let mut way = Way::open(server, tls).await?;
    let id = rand::random();
    let first = way.ask(&stun::allocate_request(&id, None), &id).await?;
    let Reply::Challenge { realm, nonce } = first else { return Ok(first) };
    let (username, password) = ice_servers::login(turn, "doctor");
    let login = Login { username, password, realm, nonce };
    let id = rand::random();
    let reply = way.ask(&stun::allocate_request(&id, Some(&login)), &id).await?;
    if matches!(reply, Reply::Relayed(_)) {
        let id = rand::random();
        // It would end by itself in ten minutes.
        drop(way.ask(&stun::release_request(&id, &login), &id).await);
    }
    Ok(reply)
}

/// What carries a question.
enum Way {
    Udp { socket: UdpSocket, server: String },
    Stream(Box<dyn Stream>),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Way {
    async fn open(server: &Server, tls: &TlsConnector) -> Result<Self, RelayError> {
        match server.transport {
            Transport::Udp => {
                let any: SocketAddr = ([0, 0, 0, 0], 0).into();
                let socket = UdpSocket::bind(any).await.map_err(RelayError::Connect)?;
                Ok(Self::Udp { socket, server: server.address() })
            }
            Transport::Tcp => Ok(Self::Stream(Box::new(connect(server).await?))),
            Transport::Tls => {
                let host = server.host.trim_matches(['[', ']']).to_owned();
                let name = ServerName::try_from(host).map_err(RelayError::Name)?;
                let handshake = tls.connect(name, connect(server).await?);
                let done = tokio::time::timeout(STREAM_WITHIN, handshake).await;
                let stream = done.map_err(|_| RelayError::Silent)?.map_err(RelayError::Tls)?;
                Ok(Self::Stream(Box::new(stream)))
            }
        }
    }

    async fn ask(&mut self, request: &[u8], id: &TransactionId) -> Result<Reply, RelayError> {
        match self {
            Self::Udp { socket, server } => {
                Ok(public_address::ask(socket, server, request, id).await?)
            }
            Self::Stream(stream) => {
                let asked = tokio::time::timeout(STREAM_WITHIN, exchange(stream, request)).await;
                let message = asked.map_err(|_| RelayError::Silent)??;
                stun::read_reply(&message, id).ok_or(RelayError::Unread)
            }
        }
    }
}

async fn connect(server: &Server) -> Result<TcpStream, RelayError> {
    let connected = tokio::time::timeout(STREAM_WITHIN, TcpStream::connect(server.address())).await;
    connected.map_err(|_| RelayError::Silent)?.map_err(RelayError::Connect)
}

/// One request, one message back; its header says how long it is.
async fn exchange(stream: &mut Box<dyn Stream>, request: &[u8]) -> Result<Vec<u8>, RelayError> {
    stream.write_all(request).await.map_err(RelayError::Broken)?;
    stream.flush().await.map_err(RelayError::Broken)?;
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await.map_err(RelayError::Broken)?;
    let [_, _, high, low, ..] = header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if HEADER + length > REPLY_MAX {
        return Err(RelayError::Unread);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.map_err(RelayError::Broken)?;
    Ok([header.as_slice(), body.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use rustls::{ServerConfig, pki_types::PrivateKeyDer};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::config::{Secret, TurnKey};

    fn server(url: &str) -> Option<(Transport, String)> {
        Server::read(url).map(|server| (server.transport, server.address()))
    }

    #[test]
    fn a_turn_url_is_taken_apart() {
        let is = |url, transport, address: &str| {
            assert_eq!(server(url), Some((transport, address.to_owned())), "{url}");
        };
        is("turn:turn.example", Transport::Udp, "turn.example:3478");
        is("turn:turn.example:443?transport=udp", Transport::Udp, "turn.example:443");
        is("turn:[2001:db8::1]", Transport::Udp, "[2001:db8::1]:3478");
        is("turn:turn.example?transport=tcp", Transport::Tcp, "turn.example:3478");
        is("turns:turn.example:443", Transport::Tls, "turn.example:443");
        is("turns:turn.example?transport=tcp", Transport::Tls, "turn.example:5349");
        assert_eq!(server("turns:turn.example?transport=udp"), None);
        assert_eq!(server("stun:turn.example"), None);
    }

    /// Takes one TLS connection, and refuses whatever is asked on it.
    async fn refusing(key: &rcgen::CertifiedKey<rcgen::KeyPair>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], private)
            .unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else {
                return;
            };
            let mut asked = [0; HEADER];
            tls.read_exact(&mut asked).await.unwrap();
            let no = b"\0\x09\0\x0b\0\0\x04\x03Forbidn\0";
            let head = [[0x01, 0x13, 0, 16].as_slice(), &asked[4..], no].concat();
            tls.write_all(&head).await.unwrap();
            tls.flush().await.unwrap();
        });
        port
    }

    #[tokio::test]
    async fn a_relay_behind_tls_is_asked_and_a_certificate_nobody_knows_is_found() {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let turn = |port| Turn {
            urls: vec![format!("turns:localhost:{port}")],
            key: TurnKey::Shared(Secret::new("north")),
            lasts: Duration::from_secs(60),
            relay_only: false,
        };
        let stranger = examine(&turn(refusing(&key).await)).await;
        let seen = stranger[0].evidence.as_deref().unwrap();
        assert!(stranger[0].check == "turn.tls" && seen.contains("handshake"), "{stranger:?}");

        let mut roots = RootCertStore::empty();
        roots.add(key.cert.der().clone()).unwrap();
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let turn = turn(refusing(&key).await);
        let there = Server::read(&turn.urls[0]).unwrap();
        let reply = allocate(&turn, &there, &TlsConnector::from(Arc::new(tls))).await;
        assert!(matches!(reply, Ok(Reply::Refused { code: 403, .. })), "{reply:?}");
    }
}
