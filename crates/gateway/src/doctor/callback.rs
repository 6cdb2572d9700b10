//! Does the address the platform sends webhooks to lead here?
//!
//! Its `/health` is fetched as the platform would reach it, through whatever stands before the gateway,
//! and the certificate that is shown there is judged. Who may not reach its own public address from
//! inside learns that it could not be looked at.

use std::{sync::Arc, time::Duration};

use reqwest::Url;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Runs, files, finding::Finding, network};
use crate::config::Config;

const REACHED: &str = "callback.reached";
/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(6);
/// More of an answer is not read.
const ANSWER_MAX: u64 = 8 * 1024;
/// Where webhooks come in, behind whatever a proxy puts before.
const WEBHOOKS: &str = "/webhooks/whatsapp";

/// What was seen there.
struct Seen {
    chain: Option<Vec<CertificateDer<'static>>>,
    answer: Result<String, std::io::Error>,
}

/// Looks at one callback URL.
pub(super) async fn examine(
    config: &Config,
    runs: Runs,
    callback: &str,
    now: Duration,
) -> Vec<Finding> {
    let Ok(url) = Url::parse(callback) else { return Vec::new() };
    if runs == Runs::No && network::is_near(callback) {
        // Nobody listens there yet, and nothing stands between.
        return Vec::new();
    }
    let Some(prefix) = url.path().strip_suffix(WEBHOOKS) else {
        let fix = "Let the callback URL end in /webhooks/whatsapp, unless your proxy rewrites it.";
        let what = "The callback URL is not where this gateway takes webhooks.";
        let finding = Finding::warning(REACHED, "callback_elsewhere", what, fix);
        return vec![finding.seen(url.path())];
    };
    let path = format!("{prefix}/health");
    let seen = tokio::time::timeout(WITHIN, fetch(&url, &path)).await;
    let seen = seen.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    let (chain, answer) = match seen {
        Ok(Seen { chain, answer }) => (chain, answer),
        Err(error) => (None, Err(error)),
    };
    let mut found = Vec::new();
    if let Some(chain) = chain {
        found.push(files::chain("callback.certificate", &chain, url.host_str(), now));
    }
    found.push(reached(runs, answer));
    if url.scheme() == "https" && config.tls.is_none() {
        found.push(proxy(config));
    }
    found
}

fn reached(runs: Runs, answer: Result<String, std::io::Error>) -> Finding {
    let fix = "Look at DNS, the firewall and the proxy before the gateway. From inside some \
               networks their own public address cannot be reached: then look from outside.";
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let what = "The callback URL's host does not answer us.";
            return Finding::warning(REACHED, "callback_silent", what, fix).seen(error.to_string());
        }
    };
    let status = answer.lines().next().unwrap_or_default().to_owned();
    let is_ours = status.contains(" 200") && answer.trim_end().ends_with("ok");
    match runs {
        Runs::Yes if is_ours => {
            Finding::ok(REACHED, "callback_leads_here", "The callback URL leads to a gateway.")
        }
        Runs::Yes => {
            let fix = "Let the proxy pass /webhooks/whatsapp, /health and the rest on to [http].";
            let what = "The callback URL does not lead to a gateway.";
            Finding::fault(REACHED, "callback_leads_elsewhere", what, fix).seen(status)
        }
        Runs::No => {
            let what = "The callback URL's host answers.";
            Finding::ok(REACHED, "callback_answers", what).seen(status)
        }
    }
}

/// Who ends TLS before us says so in a header, which only a named one is believed.
fn proxy(config: &Config) -> Finding {
    let check = "callback.proxy";
    if config.trusted_proxies.is_empty() {
        let fix = "Name the proxy's address in trusted_proxies, so that cookies are Secure.";
        let what = "A proxy ends TLS, and is not named.";
        return Finding::warning(check, "proxy_unnamed", what, fix);
    }
    Finding::ok(check, "proxy_named", "The proxy that ends TLS is named.")
}

async fn fetch(url: &Url, path: &str) -> std::io::Result<Seen> {
    let invalid = || std::io::Error::from(std::io::ErrorKind::InvalidInput);
    let host = url.host_str().ok_or_else(invalid)?;
    let port = url.port_or_known_default().ok_or_else(invalid)?;
    let bare = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((bare, port)).await?;
    if url.scheme() != "https" {
        return Ok(Seen { chain: None, answer: ask(stream, host, path).await });
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // What is shown is judged afterwards, whatever it is.
    let verifier = Arc::new(Shown(Arc::clone(&provider)));
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(bare.to_owned()).map_err(std::io::Error::other)?;
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
    let chain = stream.get_ref().1.peer_certificates();
    let chain = chain.map(|chain| chain.iter().map(|one| one.clone().into_owned()).collect());
    Ok(Seen { chain, answer: ask(stream, host, path).await })
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
    path: &str,
) -> std::io::Result<String> {
    let question = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_MAX).read_to_end(&mut answer).await;
    // Some close without saying so; what came is the answer.
    match read {
        Err(error) if answer.is_empty() => Err(error),
        Ok(_) | Err(_) => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// Takes any certificate, and checks that whoever shows it has its key.
#[derive(Debug)]
struct Shown(Arc<CryptoProvider>);

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, own, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, own, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::{ServerConfig, pki_types::PrivateKeyDer};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::super::finding::Grade;
    use super::*;

    /// A proxy that shows this certificate and answers so.
    async fn proxy(answer: &'static str) -> String {
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/desk/webhooks/whatsapp", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = acceptor.accept(stream).await.unwrap();
                let mut question = [0; 512];
                let read = stream.read(&mut question).await.unwrap();
                assert!(question[..read].starts_with(b"GET /desk/health HTTP/1.1"));
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        url
    }

    fn grades(found: &[Finding]) -> Vec<(&'static str, Grade)> {
        found.iter().map(|each| (each.check, each.grade)).collect()
    }

    #[tokio::test]
    async fn a_proxy_is_fetched_through_and_its_certificate_judged() {
        let mut config = Config::demo("http://127.0.0.1:8400", None);
        let now = Duration::from_secs(1_783_000_000);
        let well = proxy("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let found = examine(&config, Runs::Yes, &well, now).await;
        let expected = [
            ("callback.certificate", Grade::Fault),
            (REACHED, Grade::Ok),
            ("callback.proxy", Grade::Warning),
        ];
        assert_eq!(grades(&found), expected, "nobody knows who signed it: {found:?}");
        config.trusted_proxies.push("127.0.0.1".parse().unwrap());
        let away = proxy("HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
        let found = examine(&config, Runs::Yes, &away, now).await;
        assert_eq!(grades(&found)[1..], [(REACHED, Grade::Fault), ("callback.proxy", Grade::Ok)]);
        assert!(found[1].evidence.as_ref().unwrap().contains("502"));
    }

    #[tokio::test]
    async fn nobody_there_is_a_warning_and_another_path_too() {
        let config = Config::demo("http://127.0.0.1:8400", None);
        let look = async |runs, url: &str| grades(&examine(&config, runs, url, WITHIN).await);
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let url = format!("http://{nobody}/webhooks/whatsapp");
        assert_eq!(look(Runs::Yes, &url).await, [(REACHED, Grade::Warning)]);
        assert!(look(Runs::No, &url).await.is_empty(), "it does not run yet");
        let odd = format!("http://{nobody}/hooks");
        assert_eq!(look(Runs::Yes, &odd).await, [(REACHED, Grade::Warning)]);
    }
}
