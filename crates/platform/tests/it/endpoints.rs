//! Where webhooks go when several could have them, and as whom the platform comes there.

use std::{io, net::SocketAddr, sync::Arc};

use axum::serve::Listener;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use offhook_platform::{Config, Seed};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer,
    server::WebPkiClientVerifier,
};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    bench::{ANA, BUSINESS, Bench, Endpoint, PNID, config, send},
    home,
};

/// A second app, of the same account, with a secret and a URL of its own.
fn with_second_app(seed: &str, url: &str) -> String {
    let app = format!(
        "[[app]]\nid = \"402\"\nname = \"Second\"\nsecret = \"second-secret\"\n\
         verify_token = \"v\"\naccess_tokens = [\"second-token\"]\nfields = [\"messages\"]\n\
         callback_url = \"{url}\"\n\n[[app]]"
    );
    let apps = "apps = [\"401234567890123\", \"402\"]";
    seed.replacen("[[app]]", &app, 1).replacen("apps = [\"401234567890123\"]", apps, 1)
}

async fn bench(seed: &str) -> Bench {
    Bench::with(Config { seed: Seed::parse(seed).unwrap(), ..config() }).await
}

#[tokio::test]
async fn every_app_gets_its_fields_signed_with_its_own_secret() {
    let second = Endpoint::start().await;
    let bench = bench(&with_second_app(home::seed(), &second.url)).await;
    // The bench set the callback of the app with the smaller id, the demo's.
    bench.open_window().await;
    bench.hook.wait("text").await;
    second.wait("text").await;
    let (first, other) = (&bench.hook.all()[0], &second.all()[0]);
    assert_eq!(first.body, other.body);
    let signed = |secret, it: &crate::bench::Delivered| {
        wire::webhook::signature::verify(secret, &it.body, &it.signature)
    };
    assert!(signed("demo-app-secret", first) && signed("second-secret", other));
    assert!(!signed("demo-app-secret", other));

    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!(call.0, 200);
    bench.hook.wait("connect").await;
    assert!(second.events().iter().all(|event| event != "connect"), "not one of its fields");
}

#[tokio::test]
async fn a_numbers_url_goes_before_the_accounts_and_that_before_the_apps() {
    let (of_number, of_account) = (Endpoint::start().await, Endpoint::start().await);
    let account = format!(
        "{}\noverrides = {{ 401234567890123 = {{ url = \"{}\", verify_token = \"x\" }} }}",
        home::line("rate_card"),
        of_account.url
    );
    let with_account = home::seed().replacen(home::line("rate_card"), &account, 1);
    let tier = home::line("tier");
    let number = format!(
        "{tier}\ncallback_overrides = {{ 401234567890123 = {{ url = \"{}\", verify_token = \"x\" }} }}",
        of_number.url
    );
    let with_both = with_account.replacen(tier, &number, 1);

    let by_account = bench(&with_account).await;
    by_account.open_window().await;
    of_account.wait("text").await;
    let by_number = bench(&with_both).await;
    by_number.open_window().await;
    of_number.wait("text").await;
    assert_eq!((of_account.all().len(), of_number.all().len()), (1, 1));
    assert!(by_account.hook.all().is_empty() && by_number.hook.all().is_empty());
}

#[tokio::test]
async fn an_apps_override_of_a_number_leaves_the_other_apps_alone() {
    let (second, of_number) = (Endpoint::start().await, Endpoint::start().await);
    let bench = bench(&with_second_app(home::seed(), &second.url)).await;
    let callback = json!({ "override_callback_uri": of_number.url, "verify_token": "demo-verify" });
    let set = bench.graph("", json!({ "webhook_configuration": callback })).await;
    assert_eq!(set.0, 200, "{}", set.1);
    bench.open_window().await;
    of_number.wait("text").await;
    second.wait("text").await;
    assert!(bench.hook.all().is_empty());
    assert_eq!((of_number.all().len(), second.all().len()), (1, 1));
    let signed = |secret, it: &Endpoint| {
        let it = &it.all()[0];
        wire::webhook::signature::verify(secret, &it.body, &it.signature)
    };
    assert!(signed("demo-app-secret", &of_number) && signed("second-secret", &second));

    let shown = async |token: &str| {
        let path = format!("/v23.0/{PNID}?fields=webhook_configuration");
        let shown = send(bench.get(&path).bearer_auth(token)).await.1;
        shown["webhook_configuration"]["phone_number"].clone()
    };
    assert_eq!(shown("demo-token").await, of_number.url);
    assert_eq!(shown("second-token").await, serde_json::Value::Null, "not its override");
}

/// A TLS listener that wants a certificate of its own authority.
struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((stream, from)) = self.tcp.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    fn pem(&self) -> String {
        pem("CERTIFICATE", self.issuer.der())
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// An endpoint at `https://localhost` that only talks to those with a certificate of ours.
    async fn endpoint(&self) -> Endpoint {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let wanted =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
        let (certificate, key) = self.issue("localhost");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(wanted.build().unwrap())
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/hook", tcp.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Endpoint::serve(Tls { tcp, acceptor }, url)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[tokio::test]
async fn the_platform_shows_the_apps_certificate_where_one_is_wanted() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("client.webhooks.example");
    let shown = pem("CERTIFICATE", certificate.der()) + &pem("PRIVATE KEY", &key.serialize_der());
    let line = format!("verify_token = \"demo-verify\"\nclient_certificate = '''{shown}'''");
    let seed = home::seed().replacen("verify_token = \"demo-verify\"", &line, 1);
    let endpoint = authority.endpoint().await;
    let subscribe = async |bench: &Bench| {
        let body = json!({ "object": "whatsapp_business_account", "callback_url": endpoint.url,
                           "verify_token": "demo-verify", "fields": ["messages"] });
        let request = bench.post("/v23.0/401234567890123/subscriptions");
        send(request.bearer_auth("demo-token").json(&body)).await
    };
    let trusting = |seed: &str| Config {
        seed: Seed::parse(seed).unwrap(),
        webhook_roots: Some(authority.pem()),
        ..config()
    };

    let nobody = Bench::with(trusting(home::seed())).await;
    assert_eq!(subscribe(&nobody).await.1["error"]["code"], 2200, "without it: no handshake");
    let known = Bench::with(trusting(&seed)).await;
    let (status, answer) = subscribe(&known).await;
    assert_eq!(status, 200, "{answer}");
    known.open_window().await;
    endpoint.wait("text").await;
    assert!(known.hook.all().is_empty());
}
