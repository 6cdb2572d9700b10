//! The platform as it is by SIP, and a gateway whose number is set so: TLS both ways, digest both ways.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use base64::Engine as _;
use media::sdp::Keying;
use offhook_gateway::{
    Config,
    config::{LineSip, Secret, Sip, TlsFiles},
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use sip::{
    Asker, Call, CallIn, Credentials, Incoming, IncomingInvite, Invite, Limits, Listen, Manners,
    News, Patience, Proof, Realm, Refusal, Target, Tls, Told, Transport, UserAgent,
};
use tokio::sync::mpsc;

use crate::desk::{ANA, Desk};

pub(crate) const DOMAIN: &str = "wa.meta.vc";
pub(crate) const HOSTNAME: &str = "sip.aurora.example";
pub(crate) const NUMBER: &str = "551140000000";
pub(crate) const PASSWORD: &str = "made-by-the-platform";
const WAITS: Duration = Duration::from_secs(10);

/// The platform's end.
pub(crate) struct Meta {
    agent: UserAgent,
    incoming: mpsc::Receiver<Incoming>,
    realm: Realm,
    /// Where the gateway is reached.
    gateway: SocketAddr,
    _files: tempfile::TempDir,
}

struct Pair {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Pair {
    fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = CertificateDer::from(made.cert.der().to_vec());
        Self { certificate, key: made.signing_key.serialize_der() }
    }

    fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        Arc::new(config.with_single_cert(vec![self.certificate.clone()], key).unwrap())
    }

    fn trusted(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap();
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }

    fn write(&self, folder: &Path) -> TlsFiles {
        let files = TlsFiles { certificate: folder.join("sip.pem"), key: folder.join("sip.key") };
        std::fs::write(&files.certificate, self.pem()).unwrap();
        std::fs::write(&files.key, pem("PRIVATE KEY", &self.key)).unwrap();
        files
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A gateway whose number is set to SIP, and its platform.
pub(crate) async fn by_sip(keying: Keying, change: impl FnOnce(&mut Config)) -> (Desk, Meta) {
    let (meta, setting) = Meta::start(keying).await;
    let desk = Desk::start_with(None, |config| {
        setting.apply(config);
        change(config);
    })
    .await;
    (desk, meta)
}

/// What sets a gateway's number to SIP, at this platform.
pub(crate) struct Setting {
    sip: Sip,
    line: LineSip,
}

impl Setting {
    pub(crate) fn apply(&self, config: &mut Config) {
        config.sip = Some(self.sip.clone());
        config.lines.first.sip = Some(self.line.clone());
    }
}

impl Meta {
    pub(crate) async fn start(keying: Keying) -> (Self, Setting) {
        let files = tempfile::tempdir().unwrap();
        let (theirs, ours) = (Pair::of(DOMAIN), Pair::of(HOSTNAME));
        let (ask, incoming) = mpsc::channel(8);
        let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let tls = Tls { accept: Some((here, theirs.server())), connect: ours.trusted() };
        let name = "Facebook SipGateway".to_owned();
        let listen = Listen { plain: None, tls: Some(tls), name, timers: false };
        let agent = UserAgent::start(listen, Some(ask)).await.unwrap();
        let gateway = free_port();
        let platform = agent.tls_address().unwrap();
        let roots = files.path().join("roots.pem");
        std::fs::write(&roots, theirs.pem()).unwrap();
        let tls = ours.write(files.path());
        let setting = Setting {
            sip: Sip { listen: here, tls: Some((gateway, tls)), roots: Some(roots) },
            line: LineSip {
                hostname: HOSTNAME.into(),
                domain: DOMAIN.into(),
                server: ("127.0.0.1".into(), platform.port()),
                password: Some(Secret::new(PASSWORD)),
                keying,
            },
        };
        let realm = Realm::new(DOMAIN.into(), Asker::Proxy);
        (Self { agent, incoming, realm, gateway, _files: files }, setting)
    }

    /// Ana calls the number.
    pub(crate) fn calls(&self, wacid: &str, offer: String) -> Call {
        self.calls_so(wacid, offer, |invite| invite)
    }

    pub(crate) fn calls_so(
        &self,
        wacid: &str,
        offer: String,
        change: impl FnOnce(Invite) -> Invite,
    ) -> Call {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let invite = Invite {
            targets: vec![Target {
                address: self.gateway,
                host: Some(HOSTNAME.into()),
                transport: Transport::Tls,
                priority: 1,
                weight: 1,
            }],
            extension: format!("+{NUMBER}"),
            call_id: format!("outgoing:{wacid}"),
            user_params: vec![("tgrp".into(), "wa".into())],
            caller: format!("+{ANA}"),
            caller_host: Some(DOMAIN.into()),
            caller_name: Some(ANA.into()),
            credentials: Some(Credentials { user: NUMBER.into(), password: PASSWORD.into() }),
            headers: vec![
                header("X-FB-External-Domain", DOMAIN),
                header("x-wa-meta-wacid", wacid),
                header("x-wa-meta-cta-payload", "order=7712"),
                header("x-wa-meta-username", "ana.souza"),
                header("x-wa-meta-user-id", "BR.90210000000000000001"),
            ],
            offer,
            limits: Limits::default(),
        };
        self.agent.call_so(change(invite), manners(HOSTNAME)).unwrap()
    }

    /// The gateway calls a user and is asked for the password, which it knows.
    pub(crate) async fn called(&mut self) -> IncomingInvite {
        let first = self.invited().await;
        assert!(matches!(first.proof(&self.realm), Proof::None), "nothing before it is asked");
        first.challenge(&self.realm, false);
        let invite = self.invited().await;
        let Proof::Claimed(claim) = invite.proof(&self.realm) else { panic!("nothing is claimed") };
        assert_eq!(claim.user(), NUMBER);
        assert!(claim.proves(PASSWORD));
        invite
    }

    async fn invited(&mut self) -> IncomingInvite {
        let coming = tokio::time::timeout(WAITS, self.incoming.recv()).await;
        match coming.expect("a call in time").expect("the agent runs") {
            Incoming::Invite(invite) => invite,
            Incoming::Register(_) => panic!("nobody registers with Meta"),
        }
    }

    /// Nobody calls.
    pub(crate) fn is_left_alone(&mut self) {
        assert!(self.incoming.try_recv().is_err(), "somebody calls");
    }
}

pub(crate) fn manners(callee_host: &str) -> Manners {
    let (host, callee_host) = (Some(DOMAIN.into()), Some(callee_host.into()));
    Manners {
        host,
        callee_host,
        contact: None,
        no_timer: true,
        no_transfer: true,
        no_replaces: true,
    }
}

/// The platform rings the user of a call.
pub(crate) fn takes(invite: IncomingInvite) -> CallIn {
    invite.take_so("user", Patience::default(), &manners(DOMAIN)).unwrap()
}

/// A refusal in the platform's words.
pub(crate) fn refusal(status: u16, phrase: &str) -> Refusal {
    Refusal { phrase: Some(phrase.into()), ..Refusal::of(status) }
}

#[track_caller]
pub(crate) fn news(call: &mut Call) -> impl Future<Output = News> {
    let caller = std::panic::Location::caller();
    async move {
        let news = tokio::time::timeout(WAITS, call.news()).await;
        news.unwrap_or_else(|_| panic!("no news at {caller}")).expect("news")
    }
}

/// What the gateway answered.
pub(crate) async fn answered(call: &mut Call) -> String {
    loop {
        match news(call).await {
            News::Answered { answer, .. } => return answer,
            News::Ringing | News::Early(_) => {}
            News::Ended(end) => panic!("it ended: {end:?}, {:?}", call.refusal()),
        }
    }
}

#[track_caller]
pub(crate) fn told(call: &mut CallIn) -> impl Future<Output = Told> {
    let caller = std::panic::Location::caller();
    async move {
        let told = tokio::time::timeout(WAITS, call.told()).await;
        told.unwrap_or_else(|_| panic!("nothing told at {caller}")).expect("told")
    }
}
