//! A business's SIP server as text over TLS: it shares nothing with the platform's own SIP stack, so
//! what stands here is what stands on the wire.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use md5::Digest as _;
use offhook_platform::SipConfig;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::bench::{ANA, BUSINESS, Bench, config};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// The user of the tests, as SIP has them.
pub(crate) const TO: &str = "sip:+5215550000001@wa.meta.vc;transport=tls";

/// A business's server that waits for INVITEs.
pub(crate) struct Pbx {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    server: Arc<ServerConfig>,
    /// What vouches for it, as PEM.
    pub(crate) root: String,
}

/// One connection.
pub(crate) struct Wire {
    stream: TlsStream<TcpStream>,
    read: Vec<u8>,
    us: SocketAddr,
}

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Message(pub(crate) String);

impl Message {
    pub(crate) fn first_line(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// Every header of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.all(name).first().copied();
        found.unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default()
    }

    /// The body as a connect webhook would carry it.
    pub(crate) fn as_connect(&self) -> Value {
        json!({ "calls": [{ "session": { "sdp": self.body() } }] })
    }

    fn copied(&self, name: &str) -> String {
        self.all(name).iter().map(|value| format!("{name}: {value}\r\n")).collect()
    }
}

impl Pbx {
    /// A server with a certificate for `name`.
    pub(crate) async fn named(name: &str) -> Self {
        Self::of(name, None).await
    }

    /// The same that takes callers with a certificate alone; that certificate and its key.
    pub(crate) async fn asking(name: &str) -> (Self, String) {
        let (certificate, key) = made("client.sip.fbclientcerts.com");
        let shown = pem("CERTIFICATE", &certificate) + &pem("PRIVATE KEY", key.secret_der());
        (Self::of(name, Some(certificate)).await, shown)
    }

    async fn of(name: &str, known: Option<CertificateDer<'static>>) -> Self {
        let (certificate, key) = made(name);
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap();
        let server = match known {
            None => server.with_no_client_auth(),
            Some(known) => {
                let mut roots = RootCertStore::empty();
                roots.add(known).unwrap();
                let asks = WebPkiClientVerifier::builder_with_provider(roots.into(), provider());
                server.with_client_cert_verifier(asks.build().unwrap())
            }
        };
        let server = server.with_single_cert(vec![certificate.clone()], key).unwrap();
        let server = Arc::new(server);
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::clone(&server)),
            server,
            root: pem("CERTIFICATE", &certificate),
        }
    }

    /// Its certificate for a stack that listens by itself, and calls nobody.
    pub(crate) fn tls(&self) -> sip::Tls {
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let here = "127.0.0.1:0".parse().unwrap();
        sip::Tls { accept: Some((here, Arc::clone(&self.server))), connect: Arc::new(client) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The platform's next connection.
    pub(crate) async fn accept(&self) -> Wire {
        let accepting = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            self.acceptor.accept(stream).await.unwrap()
        };
        let stream = tokio::time::timeout(PATIENCE, accepting).await.expect("a connection in time");
        Wire {
            us: stream.get_ref().0.local_addr().unwrap(),
            stream: stream.into(),
            read: Vec::new(),
        }
    }
}

impl Wire {
    /// The next message.
    pub(crate) async fn recv(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.next()).await.expect("a message in time")
    }

    /// The next message that is no 100.
    pub(crate) async fn heard(&mut self) -> Message {
        loop {
            let message = self.recv().await;
            if !message.first_line().starts_with("SIP/2.0 100") {
                return message;
            }
        }
    }

    async fn next(&mut self) -> Message {
        loop {
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let message = Message(format!("{head}\r\n\r\n"));
                let length: usize = message.header("Content-Length").parse().unwrap();
                if body.len() >= length {
                    self.read.drain(..head.len() + 4 + length);
                    return Message(format!("{head}\r\n\r\n{}", &body[..length]));
                }
            }
            let mut more = [0; 4096];
            let got = self.stream.read(&mut more).await.unwrap();
            assert!(got > 0, "the platform closed the connection after {text:?}");
            self.read.extend_from_slice(&more[..got]);
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Answers a request; `more` are whole header lines.
    pub(crate) async fn reply(&mut self, to: &Message, status: &str, more: &str, body: &str) {
        let mut head = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "Record-Route", "From", "Call-ID", "CSeq"] {
            head += &to.copied(name);
        }
        let tag = if to.header("To").contains(";tag=") { "" } else { ";tag=pbx" };
        let typed = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        head += &format!(
            "To: {}{tag}\r\nContact: <sip:pbx@{};transport=tls>\r\n{more}{typed}Content-Length: {}\r\n\r\n{body}",
            to.header("To"),
            self.us,
            body.len()
        );
        self.send(&head).await;
    }

    /// A request in the call that `of` began or answered, from us to the platform.
    pub(crate) async fn request(&mut self, method: &str, of: &Message, seq: u32) {
        // Whoever began the call is `From` of its INVITE.
        let is_theirs = of.first_line().starts_with("INVITE");
        let to = |name| {
            let value = of.header(name);
            if value.contains(";tag=") { value.to_owned() } else { format!("{value};tag=pbx") }
        };
        let (from, to) = if is_theirs { (to("To"), to("From")) } else { (to("From"), to("To")) };
        let target = of.header("Contact").split(['<', '>']).nth(1).unwrap().to_owned();
        let routes: String =
            of.all("Record-Route").iter().map(|route| format!("Route: {route}\r\n")).collect();
        self.send(&format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/TLS {};branch=z9hG4bK{method}{seq};rport\r\n\
             {routes}From: {from}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {seq} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:pbx@{};transport=tls>\r\nContent-Length: 0\r\n\r\n",
            self.us,
            of.header("Call-ID"),
            self.us
        ))
        .await;
    }
}

/// A call of the business to a user by SIP.
pub(crate) struct Dialled {
    pub(crate) wire: Wire,
    pub(crate) from_user: String,
    pub(crate) from_host: String,
    pub(crate) to: String,
    pub(crate) user: String,
    pub(crate) password: String,
    /// What the proof is of; `to` unless something is odd.
    pub(crate) proven: Option<String>,
    pub(crate) sdp: String,
    seq: u32,
    call_id: String,
    cseq_of_invite: u32,
}

impl Dialled {
    /// A connection to the platform's edge, whose certificate is that of `wa.meta.vc`.
    pub(crate) async fn new(bench: &SipBench, sdp: &str) -> Self {
        let us: SocketAddr = bench.bench.running.sip_address().unwrap();
        let mut roots = RootCertStore::empty();
        let root = std::fs::read(bench.folder.path().join("root.pem")).unwrap();
        roots.add(CertificateDer::from_pem_slice(&root).unwrap()).unwrap();
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(us).await.unwrap();
        let local = stream.local_addr().unwrap();
        let name = ServerName::try_from("wa.meta.vc").unwrap();
        let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
        Self {
            wire: Wire { stream: stream.into(), read: Vec::new(), us: local },
            from_user: format!("+{BUSINESS}"),
            from_host: "localhost".into(),
            to: TO.into(),
            user: BUSINESS.into(),
            password: bench.password().await,
            proven: None,
            sdp: sdp.into(),
            seq: 1,
            call_id: format!("gw-{}", local.port()),
            cseq_of_invite: 0,
        }
    }

    /// Sends an INVITE with these further headers.
    pub(crate) async fn invite(&mut self, more: &str) {
        self.seq += 1;
        self.cseq_of_invite = self.seq;
        let text = self.text("INVITE", more, "", &self.sdp);
        self.wire.send(&text).await;
    }

    /// Asks, is asked who it is, and says so: the final or provisional response after that.
    pub(crate) async fn dial(&mut self) -> Message {
        self.invite("").await;
        let asked = self.wire.heard().await;
        assert!(
            asked.first_line().starts_with("SIP/2.0 407 Proxy Authentication Required"),
            "{}",
            asked.0
        );
        self.ack(&asked).await;
        let more = self.proof(&asked);
        self.invite(&more).await;
        self.wire.heard().await
    }

    /// `Proxy-Authorization` for a challenge.
    fn proof(&self, asked: &Message) -> String {
        let challenge = asked.header("Proxy-Authenticate");
        let value = |name: &str| {
            let at = challenge.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
            challenge[at..].split('"').next().unwrap().to_owned()
        };
        assert!(challenge.starts_with("Digest realm=\"wa.meta.vc\""), "{challenge}");
        assert_eq!((value("nonce").len(), value("opaque").len()), (16, 16), "{challenge}");
        assert!(challenge.contains("algorithm=MD5") && challenge.contains("qop=\"auth\""));
        let hash = |text: String| hex::encode(md5::Md5::digest(text));
        let secret = hash(format!("{}:wa.meta.vc:{}", self.user, self.password));
        let uri = self.proven.as_deref().unwrap_or(&self.to);
        let what = hash(format!("INVITE:{uri}"));
        let nonce = value("nonce");
        let response = hash(format!("{secret}:{nonce}:00000001:c1:auth:{what}"));
        format!(
            "Proxy-Authorization: Digest username=\"{}\", realm=\"wa.meta.vc\", nonce=\"{nonce}\", \
             uri=\"{uri}\", response=\"{response}\", algorithm=MD5, cnonce=\"c1\", opaque=\"{}\", \
             qop=auth, nc=00000001\r\n",
            self.user,
            value("opaque")
        )
    }

    /// Acknowledges a final response to the last INVITE.
    pub(crate) async fn ack(&mut self, answer: &Message) {
        let tag = answer.header("To").split(";tag=").nth(1).map(|tag| format!(";tag={tag}"));
        let text = self.text("ACK", "", &tag.unwrap_or_default(), "");
        self.wire.send(&text).await;
    }

    /// Takes the last INVITE back.
    pub(crate) async fn cancel(&mut self) {
        let text = self.text("CANCEL", "", "", "");
        self.wire.send(&text).await;
    }

    /// A request in the call that stands.
    pub(crate) async fn request(&mut self, method: &str, answer: &Message) {
        self.seq += 1;
        let seq = self.seq;
        self.wire.request(method, answer, seq).await;
    }

    /// A request outside of any call.
    pub(crate) async fn out_of_calls(&mut self, method: &str) {
        self.seq += 1;
        let (us, seq) = (self.wire.us, self.seq);
        let text = format!(
            "{method} sip:wa.meta.vc;transport=tls SIP/2.0\r\nVia: SIP/2.0/TLS {us};branch=z9hG4bKo{seq};rport\r\n\
             From: <sip:+{BUSINESS}@localhost>;tag=o\r\nTo: <sip:+{BUSINESS}@wa.meta.vc>\r\nCall-ID: o{seq}\r\n\
             CSeq: {seq} {method}\r\nContact: <sip:pbx@{us};transport=tls>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        self.wire.send(&text).await;
    }

    fn text(&self, method: &str, more: &str, tag: &str, body: &str) -> String {
        let (us, seq) = (self.wire.us, self.cseq_of_invite);
        let typed = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let short = self.to.trim_end_matches(";transport=tls");
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/TLS {us};branch=z9hG4bKi{seq};rport\r\n\
             From: <sip:{}@{}>;tag=b7\r\nTo: <{short}>{tag}\r\nCall-ID: {}\r\nCSeq: {seq} {method}\r\n\
             Contact: <sip:pbx@{us};transport=tls>\r\nMax-Forwards: 70\r\n{more}{typed}\
             Content-Length: {}\r\n\r\n{body}",
            self.to,
            self.from_user,
            self.from_host,
            self.call_id,
            body.len()
        )
    }
}

/// A platform with a SIP edge and a number in SIP mode, whose server is a [`Pbx`].
pub(crate) struct SipBench {
    pub(crate) bench: Bench,
    pub(crate) pbx: Pbx,
    folder: tempfile::TempDir,
}

impl SipBench {
    /// A number with this in its calling settings beside `sip`, and this in `sip`.
    pub(crate) async fn with(calling: Value, sip: Value) -> Self {
        let pbx = Pbx::named("localhost").await;
        let root = pbx.root.clone();
        Self::of(pbx, Some(root), calling, sip).await
    }

    /// The platform believes `root`.
    pub(crate) async fn of(pbx: Pbx, root: Option<String>, calling: Value, sip: Value) -> Self {
        Self::start(pbx, root, None, calling, sip).await
    }

    /// The platform believes `root`, and shows this certificate.
    pub(crate) async fn showing(pbx: Pbx, root: Option<String>, shown: Option<String>) -> Self {
        Self::start(pbx, root, shown, json!({}), json!({})).await
    }

    async fn start(
        pbx: Pbx,
        root: Option<String>,
        client_certificate: Option<String>,
        calling: Value,
        sip: Value,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let edge = SipConfig {
            roots: root,
            client_certificate,
            root_file: Some(folder.path().join("root.pem")),
            ..SipConfig::at("127.0.0.1:0".parse().unwrap())
        };
        let bench = Bench::with(offhook_platform::Config { sip: Some(edge), ..config() }).await;
        let bench = Self { bench, pbx, folder };
        bench.serve_at("localhost", bench.pbx.port()).await;
        for body in [json!({ "calling": calling }), json!({ "calling": { "sip": sip } })] {
            let (status, answer) = bench.bench.graph("settings", body).await;
            assert_eq!(status, 200, "{answer}");
        }
        bench
    }

    /// The number's server is there.
    pub(crate) async fn serve_at(&self, hostname: &str, port: u16) {
        let server = json!({ "hostname": hostname, "port": port,
            "request_uri_user_params": { "tgrp": "wa", "trunk-context": "shop.example" } });
        let sip = json!({ "status": "ENABLED", "servers": [server] });
        let (status, answer) =
            self.bench.graph("settings", json!({ "calling": { "sip": sip } })).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// `sip_user_password`, as the API shows it.
    pub(crate) async fn password(&self) -> String {
        let (_, shown) = self.bench.graph_get("/settings?include_sip_credentials=true").await;
        let password = &shown["calling"]["sip"]["servers"][0]["sip_user_password"];
        password.as_str().unwrap_or_else(|| panic!("{shown}")).to_owned()
    }

    /// Lets a user call the number; the call's id.
    pub(crate) async fn user_calls(&self, user: &str, more: Value) -> String {
        let mut body = json!({ "to": BUSINESS });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let (status, placed) = self.bench.sandbox(&format!("/users/{user}/call"), body).await;
        assert!(status < 300, "{placed}");
        placed["call_id"].as_str().unwrap().to_owned()
    }

    /// The webhooks of the field `calls`, in short.
    pub(crate) fn told(&self) -> Vec<String> {
        let of_calls = ["connect", "call_created", "terminate", "RINGING", "ACCEPTED", "REJECTED"];
        let told = self.bench.hook.events();
        told.into_iter().filter(|event| of_calls.contains(&event.as_str())).collect()
    }

    /// A number whose user Ana may be called, behaving so.
    pub(crate) async fn allowed(calling: Value, sip: Value, behaviour: Value) -> Self {
        let bench = Self::with(calling, sip).await;
        bench.bench.open_window().await;
        bench.bench.permit("accept_permanent").await;
        bench.bench.behave(ANA, behaviour).await;
        bench
    }

    /// The call's end, waited for.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let seen = self.bench.sandbox_get(&format!("/calls/{id}")).await.1;
            if seen["state"] == "ended" {
                return seen;
            }
            assert!(tokio::time::Instant::now() < until, "{seen}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn made(name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    (CertificateDer::from(made.cert.der().to_vec()), PrivateKeyDer::Pkcs8(key))
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

impl Pbx {
    /// Waits for a connection whose handshake the platform breaks off.
    pub(crate) async fn refused(&self) {
        let (stream, _) = self.listener.accept().await.unwrap();
        assert!(self.acceptor.accept(stream).await.is_err(), "the certificate was taken");
    }
}
