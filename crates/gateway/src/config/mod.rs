//! What may be set, and to what?
//!
//! [`Config`] is checked: whoever holds one can start a gateway. It comes from a TOML file
//! ([`Config::read`]) in which an unknown key is an error, or from [`Config::demo`]. Secrets are
//! never written in the file: it names a file or an environment variable, and they print as `***`.

mod agent_telephone;
mod bots;
mod bucket;
mod builtin;
mod events;
mod flow;
mod line_sip;
mod lines;
mod media;
mod model;
mod people;
mod platform_recording;
mod price;
mod queues;
mod read;
mod recording;
mod recording_key;
mod secret;
mod sip;
mod slip;
mod transcription;
mod trunks;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use argon2::{
    Argon2, PasswordHash, PasswordVerifier,
    password_hash::{PasswordHasher, SaltString},
};
use audio::opus::Complexity;
use switchboard::agent::Skills;
use terms::{AgentId, OrganisationId, PhoneNumberId, WaId};
use wire::{
    console::Role,
    edition::{Edition, GRAPH_VERSION_DEFAULT},
};

pub use agent_telephone::AgentTelephone;
pub use bots::Bot;
pub use bucket::Bucket;
pub(crate) use builtin::AnyBot;
pub use builtin::BuiltinBot;
pub use events::{Endpoint, EndpointError, Events};
pub use flow::{FlowEndpoint, SpeechCommand, SpeechCommandError};
pub use line_sip::LineSip;
pub use lines::{Line, Lines};
pub use platform_recording::PlatformRecording;
pub use price::{Guard, Price};
pub use queues::Queue;
pub use read::ConfigError;
pub use recording::{Recording, Words};
pub use recording_key::{KeyId, RecordingKey};
pub use secret::Secret;
pub use sip::Sip;
pub use slip::explain;
pub use transcription::{Transcriber, Transcription};
pub use trunks::{CallsIn, Trunk, TrunkTarget};

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
    /// The TURN servers of agents' browsers.
    pub turn: Option<Turn>,
    /// The business numbers, each with what is its own.
    pub lines: Lines,
    /// Who shares this gateway; an organisation sees only what is its own.
    pub organisations: Vec<Organisation>,
    /// Who takes calls.
    pub agents: Vec<Agent>,
    /// The telephones of agents that register here.
    pub telephones: Vec<AgentTelephone>,
    /// What programs of the first organisation send as bearer token.
    pub api_key: Secret,
    /// What speaks the texts of flows.
    pub speech: Option<SpeechCommand>,
    /// Where everything is kept; without it nothing outlives the process.
    pub data_dir: Option<PathBuf>,
    /// How long agents ring before the flow answers.
    pub ring_for: Duration,
    /// Whether agents ring before the flow answers a user's call; when absent, they do where there is
    /// no queue: rung everybody first, a new call would overtake those who wait.
    pub ring_first: Option<bool>,
    /// How long an agent who talked is not rung after a call; the agent may end it early.
    pub wrap_up: Duration,
    /// Where callers wait for agents.
    pub queues: Vec<Queue>,
    /// Programs that talk with users.
    pub bots: Vec<Bot>,
    /// Bots that need no program, beside those that are always there.
    pub builtin_bots: Vec<BuiltinBot>,
    /// Where SIP is spoken.
    pub sip: Option<Sip>,
    /// Ways to telephones of the house.
    pub trunks: Vec<Trunk>,
    /// How long an agent whose page went away in a call may take to come back.
    pub return_for: Duration,
    /// How old a `connect` webhook may be; `None` trusts a platform with a clock of its own.
    pub connect_age_max: Option<Duration>,
    /// How long live calls may go on once the gateway was asked to stop.
    pub drain_for: Duration,
    /// The words of which one says what came of a call; empty: any word.
    pub wrap_up_codes: Vec<String>,
    /// What is recorded.
    pub recording: Recording,
    /// Who writes down what was said; nobody when absent.
    pub transcription: Option<Transcription>,
    /// Who is told what happens.
    pub events: Events,
    /// Who gets traces; nobody when absent.
    pub telemetry: Option<Telemetry>,
    /// The HOMER server that gets HEP; none when absent.
    pub hep: Option<Hep>,
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// An OTLP/HTTP receiver; `/v1/traces` is added.
    pub otlp: String,
}

/// Where HEPv3 goes, over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hep {
    /// The HOMER server.
    pub server: SocketAddr,
    /// Our number among its agents.
    pub capture_id: u32,
}

/// Numbers, people and data that belong together.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// The name people read.
    pub name: String,
    /// What its programs send as bearer token, beside keys that were made at run time.
    pub api_key: Option<Secret>,
}

impl Default for Organisation {
    /// The only one of a gateway that nobody shares.
    fn default() -> Self {
        let id: OrganisationId = "default".parse().expect("a word is an id");
        Self { name: id.to_string(), id, api_key: None }
    }
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
    /// A STUN server, `host:port`, that knows from which address the world sees us.
    pub stun: Option<String>,
    /// Whether far ends are told the address that server sees, before `advertised`.
    pub ask_public: bool,
    /// The ports of WhatsApp's legs, one each; `0..=0` lets the kernel choose.
    pub ports: RangeInclusive<u16>,
    /// The one port of the browsers' legs.
    pub browsers: SocketAddr,
    /// How busy the media thread may be before taps rest, and before a new call is refused.
    pub busy: engine::BusyLimits,
    /// How hard the encoder of a bot's voice tries.
    pub bot_complexity: Complexity,
    /// Whether users' keys are looked for in what they say, beside telephone-events.
    pub in_band_keys: bool,
    /// Whether pauses of a party that sends nothing meanwhile are the noise of its room, where it is
    /// decoded.
    pub comfort_noise: bool,
}

/// TURN servers that carry the packets of agents whose firewalls let no UDP through to us.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Such as `turn:turn.example:3478?transport=udp` and `turns:turn.example:443?transport=tcp`.
    pub urls: Vec<String>,
    /// How browsers log in.
    pub key: TurnKey,
    /// How long a login made from a shared secret holds.
    pub lasts: Duration,
    /// Whether browsers use nothing but the relay.
    pub relay_only: bool,
}

/// How browsers log in at a TURN server.
#[derive(Debug, Clone)]
pub enum TurnKey {
    /// With logins we make from a secret the server knows (coturn's `use-auth-secret`).
    Shared(Secret),
    /// All with one.
    Fixed {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
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
    /// The log-in name; nobody else on this gateway has it.
    pub id: AgentId,
    /// Whose agent.
    pub organisation: OrganisationId,
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
            stun: None,
            ask_public: false,
            ports: 10_000..=29_999,
            browsers: SocketAddr::new(bind_ip, 8510),
            busy: engine::BusyLimits::default(),
            bot_complexity: Complexity::default(),
            in_band_keys: false,
            comfort_noise: true,
        }
    }
}

/// Where HTTP listens when nothing is said.
pub const HTTP_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8500);
/// How long agents ring when nothing is said: the platform waits 30 to 60 s in all.
pub const RING_FOR_DEFAULT: Duration = Duration::from_secs(20);
/// How long an agent's page may be gone when nothing is said: a reload takes a few seconds.
pub const RETURN_FOR_DEFAULT: Duration = Duration::from_secs(15);
/// How long a login of a TURN server holds when nothing is said: longer than a call.
pub const TURN_LASTS_DEFAULT: Duration = Duration::from_secs(4 * 60 * 60);
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
        let organisation = Organisation::default();
        let agent = |id: &str, name: &str, role| Agent {
            id: id.parse().expect("a word is an id"),
            organisation: organisation.id.clone(),
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
            turn: None,
            lines: Lines { first: demo_line(platform_url, flow), others: Vec::new() },
            agents: vec![
                agent("lia", "Lia", Role::Agent),
                agent("rui", "Rui", Role::Agent),
                agent("sol", "Sol", Role::Supervisor),
                agent("ada", "Ada", Role::Admin),
                agent("bia", "Bia", Role::Auditor),
            ],
            telephones: Vec::new(),
            organisations: vec![organisation],
            api_key: Secret::new("demo-api-key"),
            speech: None,
            data_dir: None,
            ring_for: RING_FOR_DEFAULT,
            ring_first: None,
            wrap_up: Duration::ZERO,
            queues: Vec::new(),
            bots: Vec::new(),
            builtin_bots: Vec::new(),
            sip: None,
            trunks: Vec::new(),
            return_for: RETURN_FOR_DEFAULT,
            // The sandbox's clock may be frozen or moved.
            connect_age_max: None,
            drain_for: DRAIN_FOR_DEFAULT,
            wrap_up_codes: Vec::new(),
            recording: Recording::default(),
            transcription: None,
            events: Events::default(),
            telemetry: None,
            hep: None,
        }
    }
}

/// The seed's number.
fn demo_line(platform_url: &str, flow: Option<FlowSource>) -> Line {
    let phone_number_id: PhoneNumberId = "109876543210987".parse().expect("digits are an id");
    let zone = rules::hours::zone("America/Sao_Paulo").expect("the zone is compiled in");
    let price = Price { zone: zone.clone(), ..Price::default() };
    Line {
        account: Some("201234567890123".parse().expect("digits are an id")),
        portfolio: None,
        organisation: Organisation::default().id,
        time_zone: zone,
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
        sip: None,
        number: Number {
            phone_number_id,
            digits: "551140000000".parse().expect("digits are a number"),
            name: Some("Loja Aurora".into()),
        },
        flow,
        guard: Guard::of(&price.rulebook),
        price,
        budget: None,
        ask: None,
        permission_templates: Vec::new(),
    }
}
