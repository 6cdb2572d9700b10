//! What may be set, and to what?
//!
//! [`Config`] is checked: whoever holds one can start a gateway. It comes from a TOML file
//! ([`Config::read`]) in which an unknown key is an error, or from [`Config::demo`]. Secrets are
//! never written in the file: it names a file or an environment variable, and they print as `***`.

mod events;
mod queues;
mod read;
mod secret;
mod slip;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use argon2::{
    Argon2, PasswordHash, PasswordVerifier,
    password_hash::{PasswordHasher, SaltString},
};
use rules::{price::RateCard, rulebook::Rulebook};
use switchboard::agent::Skills;
use terms::{AgentId, PhoneNumberId, WaId};
use wire::{
    console::Role,
    edition::{Edition, GRAPH_VERSION_DEFAULT},
};

pub use events::{Endpoint, EndpointError, Events};
pub use queues::Queue;
pub use read::ConfigError;
pub use secret::Secret;
pub use slip::explain;

/// Everything a gateway needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where HTTP listens; port 0 lets the kernel choose.
    pub http: SocketAddr,
    /// What HTTP is encrypted with; without it HTTP is plain.
    pub tls: Option<TlsFiles>,
    /// Reverse proxies that are believed when they say how a browser reached them.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where media flows.
    pub media: Media,
    /// The Calling API.
    pub upstream: Upstream,
    /// The business number.
    pub number: Number,
    /// Who takes calls.
    pub agents: Vec<Agent>,
    /// What programs send as bearer token.
    pub api_key: Secret,
    /// What answers when no agent does; without it such calls are rejected.
    pub flow: Option<FlowSource>,
    /// Where everything is kept; without it nothing outlives the process.
    pub data_dir: Option<PathBuf>,
    /// How long agents ring before the flow answers.
    pub ring_for: Duration,
    /// Whether agents ring before the flow answers a user's call.
    pub ring_first: bool,
    /// How long an agent who talked is not rung after a call; the agent may end it early.
    pub wrap_up: Duration,
    /// Where callers wait for agents.
    pub queues: Vec<Queue>,
    /// How long an agent whose page went away in a call may take to come back.
    pub return_for: Duration,
    /// How old a `connect` webhook may be; `None` trusts a platform with a clock of its own.
    pub connect_age_max: Option<Duration>,
    /// How long live calls may go on once the gateway was asked to stop.
    pub drain_for: Duration,
    /// What calls are estimated to cost.
    pub price: Price,
    /// Who is told what happens.
    pub events: Events,
    /// Approved templates that ask for permission to call outside the service window.
    pub permission_templates: Vec<PermissionTemplate>,
}

/// An approved template without parameters that asks for permission to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionTemplate {
    /// Its name at the platform.
    pub name: String,
    /// Its language, such as `pt_BR`.
    pub language: String,
}

/// A certificate and its key; read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and what leads to its root, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Where media flows.
#[derive(Debug, Clone)]
pub struct Media {
    /// The address WhatsApp's legs are bound to.
    pub bind_ip: IpAddr,
    /// The addresses the far ends are told; empty means `bind_ip`.
    pub advertised: Vec<IpAddr>,
    /// The ports of WhatsApp's legs, one each; `0..=0` lets the kernel choose.
    pub ports: RangeInclusive<u16>,
    /// The one port of the browsers' legs.
    pub browsers: SocketAddr,
    /// How busy the media thread may be before taps rest, and before a new call is refused.
    pub busy: engine::BusyLimits,
}

/// The Calling API and our keys for it.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Meta's or 360dialog's front door.
    pub edition: Edition,
    /// Where it is.
    pub base_url: String,
    /// The access token, or 360dialog's key.
    pub token: Secret,
    /// What webhooks are signed with; `None` takes unsigned ones (360dialog).
    pub app_secret: Option<Secret>,
    /// What the handshake of the webhook must say.
    pub verify_token: Secret,
    /// How long one request may take.
    pub timeout: Duration,
}

/// The business number.
#[derive(Debug, Clone)]
pub struct Number {
    /// Its id at the platform.
    pub phone_number_id: PhoneNumberId,
    /// The number.
    pub digits: WaId,
    /// The business's name.
    pub name: Option<String>,
}

/// Somebody who takes calls.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The log-in name.
    pub id: AgentId,
    /// The name others see.
    pub name: String,
    /// What the agent may do.
    pub role: Role,
    /// What the agent knows about.
    pub skills: Skills,
    /// The password, hashed.
    pub password: HashedPassword,
}

/// A password as argon2 hashed it.
#[derive(Clone)]
pub struct HashedPassword(String);

/// Where the flow and its prompts come from.
#[derive(Debug, Clone)]
pub enum FlowSource {
    /// A file; its prompts lie in the folder `prompts` beside it.
    File(PathBuf),
    /// Texts and files compiled into the binary.
    Embedded {
        /// The flow.
        toml: String,
        /// The prompts: name without ending, and the file's bytes.
        prompts: Vec<(String, Vec<u8>)>,
    },
}

/// What calls are estimated to cost.
#[derive(Debug, Clone)]
pub struct Price {
    /// Which rules count.
    pub rulebook: Arc<Rulebook>,
    /// Which rates hold.
    pub card: Arc<RateCard>,
}

impl std::fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl HashedPassword {
    /// Hashes a password with a random salt.
    ///
    /// # Panics
    ///
    /// Never: the salt is always of the right length.
    #[must_use]
    pub fn hash(password: &str) -> Self {
        let salt =
            SaltString::encode_b64(&rand::random::<[u8; 16]>()).expect("sixteen bytes are a salt");
        let hash = Argon2::default()
            .hash_password(password.as_bytes(), &salt)
            .expect("the default parameters can hash");
        Self(hash.to_string())
    }

    /// Takes a hash such as `$argon2id$v=19$…`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        PasswordHash::new(text).ok().map(|_| Self(text.to_owned()))
    }

    /// The hash, as a configuration holds it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the password. Slow by intent: not on an async thread.
    #[must_use]
    pub fn fits(&self, password: &str) -> bool {
        PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

impl Default for Media {
    /// The documented ports on the loopback address.
    fn default() -> Self {
        let bind_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            bind_ip,
            advertised: Vec::new(),
            ports: 10_000..=29_999,
            browsers: SocketAddr::new(bind_ip, 8510),
            busy: engine::BusyLimits::default(),
        }
    }
}

/// Where HTTP listens when nothing is said.
pub const HTTP_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8500);
/// How long agents ring when nothing is said: the platform waits 30 to 60 s in all.
pub const RING_FOR_DEFAULT: Duration = Duration::from_secs(20);
/// How long an agent's page may be gone when nothing is said: a reload takes a few seconds.
pub const RETURN_FOR_DEFAULT: Duration = Duration::from_secs(15);
/// How long live calls may go on after a request to stop when nothing is said.
pub const DRAIN_FOR_DEFAULT: Duration = Duration::from_secs(60);
/// How long a Graph request may take when nothing is said.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// How old a `connect` may be when nothing is said (fact sheet 10.4).
pub const CONNECT_AGE_DEFAULT: Duration = Duration::from_secs(60);

impl Config {
    /// The demo's gateway: the seed's number, keys and agents, against a platform at this address.
    ///
    /// # Panics
    ///
    /// Never: the seed's ids are ids.
    #[must_use]
    pub fn demo(platform_url: &str, flow: Option<FlowSource>) -> Self {
        let phone_number_id: PhoneNumberId = "109876543210987".parse().expect("digits are an id");
        let agent = |id: &str, name: &str, role| Agent {
            id: id.parse().expect("a word is an id"),
            name: name.to_owned(),
            role,
            skills: Skills::new(),
            password: HashedPassword::hash("demo"),
        };
        Self {
            http: HTTP_DEFAULT,
            tls: None,
            trusted_proxies: Vec::new(),
            media: Media::default(),
            upstream: Upstream {
                edition: Edition::Meta {
                    version: GRAPH_VERSION_DEFAULT,
                    phone_number_id: phone_number_id.clone(),
                },
                base_url: platform_url.to_owned(),
                token: Secret::new("demo-token"),
                app_secret: Some(Secret::new("demo-app-secret")),
                verify_token: Secret::new("demo-verify"),
                timeout: TIMEOUT_DEFAULT,
            },
            number: Number {
                phone_number_id,
                digits: "551140000000".parse().expect("digits are a number"),
                name: Some("Loja Aurora".into()),
            },
            agents: vec![
                agent("lia", "Lia", Role::Agent),
                agent("rui", "Rui", Role::Agent),
                agent("sol", "Sol", Role::Supervisor),
            ],
            api_key: Secret::new("demo-api-key"),
            flow,
            data_dir: None,
            ring_for: RING_FOR_DEFAULT,
            ring_first: true,
            wrap_up: Duration::ZERO,
            queues: Vec::new(),
            return_for: RETURN_FOR_DEFAULT,
            // The sandbox's clock may be frozen or moved.
            connect_age_max: None,
            drain_for: DRAIN_FOR_DEFAULT,
            price: Price::default(),
            events: Events::default(),
            permission_templates: Vec::new(),
        }
    }

    /// The API's secret in the header of this edition.
    #[must_use]
    pub fn auth_header(&self) -> (&'static str, String) {
        self.upstream.edition.auth_header(self.upstream.token.expose())
    }
}

impl Default for Price {
    /// The sandbox's example card by the default rulebook.
    fn default() -> Self {
        let card = rules::price::card("example").expect("the example card is shipped");
        Self { rulebook: Rulebook::beta(), card }
    }
}
