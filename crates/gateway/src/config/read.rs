//! Is this file a configuration, and if not, what is wrong with it?
//!
//! ```toml
//! http = "127.0.0.1:8500"
//! api_key_env = "OFFHOOK_API_KEY"         # or api_key_file = "…"
//! flow = "flow.toml"
//! data_dir = "/var/lib/offhook"
//! ring_for_s = 20
//! ring_first = true                       # agents ring before the flow answers; not with queues
//! wrap_up_s = 0                           # after a call in which an agent talked
//! return_for_s = 15                       # an agent's page may be gone that long in a call
//! drain_for_s = 60                        # how long live calls may go on after SIGTERM
//!
//! trusted_proxies = ["127.0.0.1"]         # whose X-Forwarded-Proto is believed
//!
//! [tls]                                   # without it HTTP is plain
//! certificate = "/etc/offhook/tls.pem"    # both are read again when they change
//! key = "/etc/offhook/tls.key"
//!
//! [number]
//! phone_number_id = "109876543210987"
//! digits = "551140000000"
//! name = "Loja Aurora"
//!
//! [upstream]
//! edition = "meta"                        # or "360dialog"
//! base_url = "https://graph.facebook.com" # optional
//! token_file = "/run/secrets/token"
//! app_secret_file = "/run/secrets/app-secret"
//! verify_token_env = "OFFHOOK_VERIFY_TOKEN"
//!
//! [media]
//! bind_ip = "0.0.0.0"
//! advertised = ["203.0.113.20"]
//! ports = [10000, 29999]
//! browsers = "0.0.0.0:8510"
//!
//! [price]
//! rulebook = "2026-10"
//! card = "meta-2026-10-01-part"
//!
//! [outbox]                                # optional, what stands here is the default
//! keep_days = 30
//! retries_s = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
//! timeout_s = 15
//! window_closing_s = 1800
//!
//! [[events]]                              # one for each receiver
//! name = "crm"
//! url = "https://crm.example/offhook"
//! secret_env = "CRM_SECRET"               # or secret_file = "…"
//! types = ["call.*", "permission.granted"] # optional
//! signature = "standard"                  # or "stripe"
//!
//! [[permission_templates]]                # one for each language; the first is the default
//! name = "ask_to_call"
//! language = "pt_BR"
//!
//! [[queues]]                              # see `queues`
//! name = "support"
//! skills = ["billing"]
//!
//! [[agents]]
//! id = "lia"
//! name = "Lia"
//! role = "agent"                          # or "supervisor"
//! skills = ["billing", "pt"]              # optional: for rings and queues that ask for them
//! password_hash = "$argon2id$v=19$…"
//! ```
//!
//! Relative paths count from the file's folder.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use switchboard::agent::Skills;
use terms::{AgentId, PhoneNumberId, WaId};
use wire::{
    console::Role,
    edition::{Edition, GRAPH_VERSION_DEFAULT, GraphVersion},
    event::signature::Scheme,
};

use super::{
    Agent, CONNECT_AGE_DEFAULT, Config, DRAIN_FOR_DEFAULT, Endpoint, Events, FlowSource,
    HTTP_DEFAULT, HashedPassword, Media, Number, PermissionTemplate, Price, RETURN_FOR_DEFAULT,
    RING_FOR_DEFAULT, Secret, TIMEOUT_DEFAULT, TlsFiles, Upstream,
    events::OutboxTable,
    queues::{QueueTable, queues},
    slip,
};

/// The longest ring: the platform gives up after 60 s at the latest (fact sheet 3.3).
const RING_FOR_MAX_S: u64 = 55;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML, or a key is unknown, missing or of the wrong kind.
    #[error("{path}: {text}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        text: String,
    },
    /// A value cannot be used.
    #[error("{key}: {why}")]
    Value {
        /// Its key.
        key: String,
        /// What is wrong and what to write.
        why: String,
    },
    /// A secret cannot be read.
    #[error("{key}: cannot read the secret")]
    ReadSecret {
        /// Its key.
        key: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    http: Option<SocketAddr>,
    api_key_file: Option<PathBuf>,
    api_key_env: Option<String>,
    flow: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    ring_for_s: Option<u64>,
    ring_first: Option<bool>,
    wrap_up_s: Option<u64>,
    return_for_s: Option<u64>,
    drain_for_s: Option<u64>,
    connect_age_max_s: Option<u64>,
    #[serde(default)]
    trusted_proxies: Vec<IpAddr>,
    tls: Option<TlsTable>,
    number: NumberTable,
    upstream: UpstreamTable,
    #[serde(default)]
    media: MediaTable,
    #[serde(default)]
    price: PriceTable,
    #[serde(default)]
    outbox: OutboxTable,
    #[serde(default)]
    events: Vec<EventsTable>,
    #[serde(default)]
    permission_templates: Vec<TemplateTable>,
    #[serde(default)]
    queues: Vec<QueueTable>,
    agents: Vec<AgentTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsTable {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateTable {
    name: String,
    language: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberTable {
    phone_number_id: PhoneNumberId,
    digits: WaId,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpstreamTable {
    edition: EditionWord,
    version: Option<String>,
    base_url: Option<String>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    app_secret_file: Option<PathBuf>,
    app_secret_env: Option<String>,
    verify_token_file: Option<PathBuf>,
    verify_token_env: Option<String>,
    timeout_s: Option<u64>,
}

#[derive(Deserialize, Clone, Copy)]
enum EditionWord {
    #[serde(rename = "meta")]
    Meta,
    #[serde(rename = "360dialog")]
    Dialog360,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct MediaTable {
    bind_ip: Option<IpAddr>,
    #[serde(default)]
    advertised: Vec<IpAddr>,
    ports: Option<[u16; 2]>,
    browsers: Option<SocketAddr>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct PriceTable {
    rulebook: Option<String>,
    card: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsTable {
    name: String,
    url: String,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
    #[serde(default)]
    types: Vec<String>,
    signature: Option<SignatureWord>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum SignatureWord {
    Standard,
    Stripe,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentTable {
    id: AgentId,
    name: Option<String>,
    role: Option<Role>,
    #[serde(default)]
    skills: Skills,
    password_hash: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
}

impl Config {
    /// Reads a configuration file and the secrets it names.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its key or line.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::ReadFile { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let file: File = toml::from_str(&text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            text: slip::explain(&text, &error),
        })?;
        Secrets { folder }.config(file)
    }
}

/// Turns the file into checked types; secrets lie relative to its folder.
struct Secrets<'a> {
    folder: &'a Path,
}

impl Secrets<'_> {
    fn config(&self, file: File) -> Result<Config, ConfigError> {
        let ring_for_s = file.ring_for_s.unwrap_or(RING_FOR_DEFAULT.as_secs());
        if ring_for_s == 0 || ring_for_s > RING_FOR_MAX_S {
            return Err(value("ring_for_s", format!("write 1 to {RING_FOR_MAX_S} seconds")));
        }
        if file.agents.is_empty() {
            return Err(value("agents", "add at least one [[agents]] table".into()));
        }
        let known = file.agents.iter().flat_map(|agent| agent.skills.clone()).collect();
        let number = Number {
            phone_number_id: file.number.phone_number_id,
            digits: file.number.digits,
            name: file.number.name,
        };
        Ok(Config {
            http: file.http.unwrap_or(HTTP_DEFAULT),
            tls: file.tls.map(|tls| TlsFiles {
                certificate: self.folder.join(tls.certificate),
                key: self.folder.join(tls.key),
            }),
            trusted_proxies: file.trusted_proxies,
            media: media(file.media)?,
            upstream: self.upstream(file.upstream, &number)?,
            number,
            agents: file
                .agents
                .into_iter()
                .map(|agent| self.agent(agent))
                .collect::<Result<_, _>>()?,
            api_key: self.secret("api_key", file.api_key_file, file.api_key_env)?,
            flow: file.flow.map(|path| FlowSource::File(self.folder.join(path))),
            data_dir: file.data_dir.map(|path| self.folder.join(path)),
            ring_for: Duration::from_secs(ring_for_s),
            // Rung everybody first, a new call would overtake those who wait.
            ring_first: file.ring_first.unwrap_or(file.queues.is_empty()),
            wrap_up: Duration::from_secs(file.wrap_up_s.unwrap_or(0)),
            queues: queues(file.queues, &known)?,
            return_for: file.return_for_s.map_or(RETURN_FOR_DEFAULT, Duration::from_secs),
            connect_age_max: Some(
                file.connect_age_max_s.map_or(CONNECT_AGE_DEFAULT, Duration::from_secs),
            ),
            drain_for: file.drain_for_s.map_or(DRAIN_FOR_DEFAULT, Duration::from_secs),
            price: price(&file.price)?,
            events: self.events(file.outbox, file.events)?,
            permission_templates: templates(file.permission_templates)?,
        })
    }

    fn upstream(&self, table: UpstreamTable, number: &Number) -> Result<Upstream, ConfigError> {
        let edition = match table.edition {
            EditionWord::Meta => Edition::Meta {
                version: version(table.version.as_deref())?,
                phone_number_id: number.phone_number_id.clone(),
            },
            EditionWord::Dialog360 => Edition::Dialog360,
        };
        let signed = table.app_secret_file.is_some() || table.app_secret_env.is_some();
        let app_secret = match (table.edition, signed) {
            (EditionWord::Dialog360, false) => None,
            (EditionWord::Dialog360 | EditionWord::Meta, _) => Some(self.secret(
                "upstream.app_secret",
                table.app_secret_file,
                table.app_secret_env,
            )?),
        };
        Ok(Upstream {
            base_url: table.base_url.unwrap_or_else(|| edition.default_base_url().to_owned()),
            edition,
            token: self.secret("upstream.token", table.token_file, table.token_env)?,
            app_secret,
            verify_token: self.secret(
                "upstream.verify_token",
                table.verify_token_file,
                table.verify_token_env,
            )?,
            timeout: table.timeout_s.map_or(TIMEOUT_DEFAULT, Duration::from_secs),
        })
    }

    fn events(
        &self,
        table: OutboxTable,
        receivers: Vec<EventsTable>,
    ) -> Result<Events, ConfigError> {
        let mut events = table.checked()?;
        for receiver in receivers {
            let key = format!("events.{}", receiver.name);
            if events.endpoints.iter().any(|known| known.name == receiver.name) {
                return Err(value(&key, "two receivers have this name".into()));
            }
            let secret =
                self.secret(&format!("{key}.secret"), receiver.secret_file, receiver.secret_env)?;
            let scheme = match receiver.signature {
                None | Some(SignatureWord::Standard) => Scheme::Standard,
                Some(SignatureWord::Stripe) => Scheme::Stripe,
            };
            let (name, url) = (&receiver.name, &receiver.url);
            let endpoint = Endpoint::new(name, url, scheme, secret.expose(), receiver.types)
                .map_err(|error| value(&key, error.to_string()))?;
            events.endpoints.push(endpoint);
        }
        Ok(events)
    }

    fn agent(&self, table: AgentTable) -> Result<Agent, ConfigError> {
        let key = format!("agents.{}.password", table.id);
        let password = match table.password_hash {
            Some(text) => HashedPassword::parse(&text)
                .ok_or_else(|| value(&key, "not an argon2 hash such as $argon2id$v=19$…".into()))?,
            None => {
                let plain = self.secret(&key, table.password_file, table.password_env)?;
                HashedPassword::hash(plain.expose())
            }
        };
        Ok(Agent {
            name: table.name.unwrap_or_else(|| table.id.to_string()),
            id: table.id,
            role: table.role.unwrap_or(Role::Agent),
            skills: table.skills,
            password,
        })
    }

    fn secret(
        &self,
        key: &str,
        file: Option<PathBuf>,
        env: Option<String>,
    ) -> Result<Secret, ConfigError> {
        let text = match (file, env) {
            (Some(path), None) => std::fs::read_to_string(self.folder.join(path))
                .map_err(|source| ConfigError::ReadSecret { key: key.to_owned(), source })?,
            (None, Some(name)) => std::env::var(&name)
                .map_err(|_| value(key, format!("the environment has no {name}")))?,
            (Some(_), Some(_)) => {
                return Err(value(key, "give either a file or an environment variable".into()));
            }
            (None, None) => {
                return Err(value(key, format!("set {key}_file or {key}_env")));
            }
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(value(key, "the secret is empty".into()));
        }
        Ok(Secret::new(text))
    }
}

fn media(table: MediaTable) -> Result<Media, ConfigError> {
    let defaults = Media::default();
    let ports = match table.ports {
        Some([first, last]) if first <= last => first..=last,
        Some(_) => return Err(value("media.ports", "write [first, last]".into())),
        None => defaults.ports,
    };
    Ok(Media {
        bind_ip: table.bind_ip.unwrap_or(defaults.bind_ip),
        advertised: table.advertised,
        ports,
        browsers: table.browsers.unwrap_or(defaults.browsers),
        busy: defaults.busy,
    })
}

fn templates(tables: Vec<TemplateTable>) -> Result<Vec<PermissionTemplate>, ConfigError> {
    let mut templates: Vec<PermissionTemplate> = Vec::new();
    for TemplateTable { name, language } in tables {
        if name.is_empty() || language.is_empty() {
            let why = "a name and a language such as \"pt_BR\"".into();
            return Err(value("permission_templates", why));
        }
        if templates.iter().any(|known| known.language == language) {
            return Err(value("permission_templates", format!("{language} stands twice")));
        }
        templates.push(PermissionTemplate { name, language });
    }
    Ok(templates)
}

fn price(table: &PriceTable) -> Result<Price, ConfigError> {
    let mut price = Price::default();
    if let Some(name) = &table.rulebook {
        price.rulebook = rules::rulebook::named(name)
            .ok_or_else(|| value("price.rulebook", format!("no rulebook is named {name}")))?;
    }
    if let Some(name) = &table.card {
        price.card = rules::price::card(name)
            .ok_or_else(|| value("price.card", format!("no rate card is named {name}")))?;
    }
    Ok(price)
}

fn version(text: Option<&str>) -> Result<GraphVersion, ConfigError> {
    text.map_or(Ok(GRAPH_VERSION_DEFAULT), |text| {
        text.parse().map_err(|_| value("upstream.version", "write one such as \"v23.0\"".into()))
    })
}

pub(super) fn value(key: &str, why: String) -> ConfigError {
    ConfigError::Value { key: key.to_owned(), why }
}
