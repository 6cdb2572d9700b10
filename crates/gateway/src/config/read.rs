//! Is this file a configuration, and if not, what is wrong with it?
//!
//! ```toml
//! http = "127.0.0.1:8500"
//! api_key_env = "OFFHOOK_API_KEY"         # or api_key_file = "…"
//! flow = "flow.toml"                      # or the table [flow]
//! data_dir = "/var/lib/offhook"
//! ring_for_s = 20
//! ring_first = true                       # agents ring before the flow answers; not with queues
//! wrap_up_s = 0                           # after a call in which an agent talked
//! return_for_s = 15                       # an agent's page may be gone that long in a call
//! wrap_up_codes = ["sale", "support"]     # optional: what came of a call
//! drain_for_s = 60                        # how long live calls may go on after SIGTERM
//!
//! trusted_proxies = ["127.0.0.1"]         # whose X-Forwarded-Proto is believed
//!
//! [flow]                                  # the same with an endpoint that is asked for each call
//! file = "flow.toml"
//! ask = { url = "https://crm.example/flow", secret_env = "FLOW_SECRET", timeout_s = 3 }
//!
//! [speech]                                # what speaks `say`: text on stdin, WAV or Ogg on stdout
//! command = ["espeak-ng", "--stdin", "--stdout", "-v", "{language}"]
//! language = "en"
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
//! advertised = ["203.0.113.20"]           # or "auto": the address that `stun` sees
//! stun = "stun.example:3478"              # optional
//! ports = [10000, 29999]
//! browsers = "0.0.0.0:8510"
//! bot_complexity = 5                      # 0 (cheap) to 10: the effort for each bot's voice
//! comfort_noise = true                    # pauses where a party sends nothing and is decoded
//! in_band_keys = false                    # true: users' keys are looked for in what they say, too
//!
//! [turn]                                  # optional, for agents behind strict firewalls
//! urls = ["turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp"]
//! secret_file = "/run/secrets/turn"       # coturn's static-auth-secret, or secret_env
//! # username = "desk"                     # instead of a secret, with password_file or password_env
//! # lasts_s = 14400
//! # relay_only = true
//!
//! [price]
//! rulebook = "2026-10"
//! card = "meta"                           # a family, or one dated card
//! card_files = ["meta-2026-10-01.csv"]    # optional: cards of your own
//! currency = "USD"
//!
//! [budget]                                # optional; for each number
//! monthly = "250.00"
//! warn_at = [0.5, 0.8]
//! stop = true                             # no more calls to users once it is spent
//!
//! [guard]                                 # optional; the limits are the rulebook's
//! refuse = true                           # no call that may cost the permission
//! nudge_after = 2
//! revoke_after = 4
//! pickup_window_s = 604800
//! pickup_sample_min = 20
//! pickup_warn_percent = 50
//! pickup_critical_percent = 25
//!
//! [[organisations]]                       # only where several share the gateway
//! id = "aurora"
//! name = "Loja Aurora"
//! api_key_env = "AURORA_API_KEY"          # the file's api_key is the first organisation's
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
//! format = "cloudevents"                  # or "plain": one flat JSON object
//!
//! [[permission_templates]]                # one for each language; the first is the default
//! name = "ask_to_call"
//! language = "pt_BR"
//!
//! [telemetry]                             # optional: traces of calls
//! otlp = "http://127.0.0.1:4318"          # OTLP/HTTP; /v1/traces is added
//!
//! [hep]                                   # optional: calls for HOMER, numbers included
//! server = "127.0.0.1:9060"
//! capture_id = 2001
//!
//! [recording]                             # see `recording`
//! mode = "agents"
//! announcement = "recorded"
//!
//! [transcription]                         # see `transcription`
//! command = ["whisper-cli", "-nt", "-f", "{wav}"]
//!
//! [[queues]]                              # see `queues`
//! name = "support"
//! skills = ["billing"]
//!
//! [[bots]]                                # see `bots`; `builtin` for those without a program
//! name = "concierge"
//! url = "wss://bot.example/talk"
//! protocol = "native"                     # or "twilio", "vonage"
//!
//! [sip]                                   # see `sip`, `trunks`
//! listen = "10.0.0.4:5060"
//!
//! [[trunks]]
//! name = "pbx"
//! terminates = "voip"
//! extensions = ["2XXX"]
//!
//! [[trunks.targets]]
//! host = "pbx.aurora.example"
//!
//! [[agents]]
//! id = "lia"
//! organisation = "aurora"                 # the first when absent
//! name = "Lia"
//! role = "agent"                          # or "supervisor", "admin", "auditor"
//! skills = ["billing", "pt"]              # optional: for rings and queues that ask for them
//! password_hash = "$argon2id$v=19$…"
//! ```
//!
//! Further numbers are in [`super::lines`]. Relative paths count from the file's folder.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use terms::OrganisationId;
use wire::event::{
    Format,
    signature::{Scheme, SigningKey},
};

use super::{
    CONNECT_AGE_DEFAULT, Config, DRAIN_FOR_DEFAULT, Endpoint, Events, FlowEndpoint, HTTP_DEFAULT,
    Hep, Organisation, RETURN_FOR_DEFAULT, RING_FOR_DEFAULT, Secret, SpeechCommand, Telemetry,
    TlsFiles,
    bots::{BotTable, bots},
    events::OutboxTable,
    flow::{ASK_TIMEOUT_DEFAULT, AskTable, FlowSetting, SPEECH_TIMEOUT_DEFAULT, SpeechTable},
    line_sip,
    lines::{self, NumberTable, Shared, TemplateTable, UpstreamTable},
    media::{MediaTable, TurnTable, media},
    people::{AgentTable, OrganisationTable, somebody},
    price::{BudgetTable, GuardTable, PriceTable},
    queues::{QueueTable, queues},
    recording::{Beside, RecordingTable, recording},
    sip::SipTable,
    slip,
    transcription::TranscriptionTable,
    trunks::{TrunkTable, callers, trunks},
};

/// The longest ring: the platform gives up after 60 s at the latest (fact sheet 3.3).
const RING_FOR_MAX_S: u64 = 55;
/// The longest a flow endpoint may take: the caller hears it ring, the platform waits.
const ASK_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// Our number among HOMER's agents when nothing is said: the first of the range its documents use.
const CAPTURE_ID_DEFAULT: u32 = 2001;

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
    flow: Option<FlowSetting>,
    speech: Option<SpeechTable>,
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
    #[serde(default)]
    organisations: Vec<OrganisationTable>,
    number: Option<NumberTable>,
    #[serde(default)]
    numbers: Vec<NumberTable>,
    upstream: Option<UpstreamTable>,
    #[serde(default)]
    media: MediaTable,
    turn: Option<TurnTable>,
    #[serde(default)]
    price: PriceTable,
    budget: Option<BudgetTable>,
    #[serde(default)]
    guard: GuardTable,
    #[serde(default)]
    wrap_up_codes: Vec<String>,
    #[serde(default)]
    outbox: OutboxTable,
    #[serde(default)]
    events: Vec<EventsTable>,
    #[serde(default)]
    permission_templates: Vec<TemplateTable>,
    telemetry: Option<TelemetryTable>,
    hep: Option<HepTable>,
    #[serde(default)]
    recording: RecordingTable,
    transcription: Option<TranscriptionTable>,
    #[serde(default)]
    queues: Vec<QueueTable>,
    #[serde(default)]
    bots: Vec<BotTable>,
    sip: Option<SipTable>,
    #[serde(default)]
    trunks: Vec<TrunkTable>,
    agents: Vec<AgentTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TelemetryTable {
    otlp: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HepTable {
    server: SocketAddr,
    capture_id: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsTable {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsTable {
    organisation: Option<OrganisationId>,
    name: String,
    url: String,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
    #[serde(default)]
    types: Vec<String>,
    signature: Option<SignatureWord>,
    format: Option<FormatWord>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum SignatureWord {
    Standard,
    Stripe,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum FormatWord {
    CloudEvents,
    Plain,
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
        Secrets { folder }.config(parse(path, &text)?)
    }

    /// Everything that is wrong with a configuration file, in words; nothing when it can be used. Where
    /// it is not TOML, or a key is unknown, the rest cannot be read.
    #[must_use]
    pub fn faults(path: &Path) -> Vec<String> {
        let read = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::ReadFile { path: path.to_owned(), source })
            .and_then(|text| parse(path, &text));
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let faults = match read {
            Ok(file) => Secrets { folder }.faults(file),
            Err(fault) => vec![fault],
        };
        faults.iter().map(in_words).collect()
    }
}

/// A fault and its cause.
fn in_words(fault: &ConfigError) -> String {
    match std::error::Error::source(fault) {
        Some(cause) => format!("{fault}: {cause}"),
        None => fault.to_string(),
    }
}

fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Parse {
        path: path.to_owned(),
        text: slip::explain(text, &error),
    })
}

/// Turns the file into checked types; secrets lie relative to its folder.
pub(super) struct Secrets<'a> {
    pub(super) folder: &'a Path,
}

impl Secrets<'_> {
    /// The text of a file beside the configuration.
    pub(super) fn text(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(self.folder.join(path))
    }

    fn config(&self, file: File) -> Result<Config, ConfigError> {
        let ring_for = ring_for(file.ring_for_s)?;
        somebody(&file.agents)?;
        let organisations = self.organisations(file.organisations)?;
        let shared = Shared {
            upstream: file.upstream,
            flow: file.flow,
            price: file.price,
            budget: file.budget,
            guard: file.guard,
            permission_templates: file.permission_templates,
        };
        let tables: Vec<NumberTable> = file.number.into_iter().chain(file.numbers).collect();
        line_sip::heard_of(tables.iter().find_map(NumberTable::by_sip), file.sip.as_ref())?;
        let lines = lines::lines(self, tables, &shared, &organisations)?;
        let (agents, telephones) = self.agents(file.agents, &organisations, file.sip.is_some())?;
        let queues = queues(file.queues, &organisations)?;
        let (bots, builtin_bots) = bots(self, file.bots, &organisations)?;
        let (sip, trunks) = trunks(self, file.sip.as_ref(), file.trunks, &organisations)?;
        callers(&trunks, &lines)?;
        let beside =
            Beside { speaks: file.speech.is_some(), transcribes: file.transcription.is_some() };
        let recording = recording(self, file.recording, beside)?;
        line_sip::not_recorded_there(&lines, &recording)?;
        Ok(Config {
            http: file.http.unwrap_or(HTTP_DEFAULT),
            tls: file.tls.map(|tls| TlsFiles {
                certificate: self.folder.join(tls.certificate),
                key: self.folder.join(tls.key),
            }),
            trusted_proxies: file.trusted_proxies,
            media: media(file.media)?,
            turn: file.turn.map(|turn| self.turn(turn)).transpose()?,
            lines,
            agents,
            telephones,
            events: self.events(file.outbox, file.events, &organisations)?,
            recording,
            transcription: file.transcription.map(|it| it.checked(self)).transpose()?,
            organisations,
            api_key: self.secret("api_key", file.api_key_file, file.api_key_env)?,
            speech: file.speech.map(speech).transpose()?,
            data_dir: file.data_dir.map(|path| self.folder.join(path)),
            ring_for,
            ring_first: file.ring_first,
            wrap_up: Duration::from_secs(file.wrap_up_s.unwrap_or(0)),
            queues,
            bots,
            builtin_bots,
            sip,
            trunks,
            return_for: file.return_for_s.map_or(RETURN_FOR_DEFAULT, Duration::from_secs),
            connect_age_max: Some(
                file.connect_age_max_s.map_or(CONNECT_AGE_DEFAULT, Duration::from_secs),
            ),
            drain_for: file.drain_for_s.map_or(DRAIN_FOR_DEFAULT, Duration::from_secs),
            wrap_up_codes: codes(file.wrap_up_codes)?,
            telemetry: file.telemetry.map(telemetry).transpose()?,
            hep: file.hep.map(|HepTable { server, capture_id }| Hep {
                server,
                capture_id: capture_id.unwrap_or(CAPTURE_ID_DEFAULT),
            }),
        })
    }

    /// Each part by itself, so that one fault hides no other.
    fn faults(&self, file: File) -> Vec<ConfigError> {
        let beside =
            Beside { speaks: file.speech.is_some(), transcribes: file.transcription.is_some() };
        let mut faults = vec![
            ring_for(file.ring_for_s).err(),
            self.secret("api_key", file.api_key_file, file.api_key_env).err(),
            media(file.media).err(),
            file.turn.and_then(|turn| self.turn(turn).err()),
            recording(self, file.recording, beside).err(),
            file.transcription.and_then(|table| table.checked(self).err()),
            file.speech.and_then(|table| speech(table).err()),
            codes(file.wrap_up_codes).err(),
            file.telemetry.and_then(|table| telemetry(table).err()),
            somebody(&file.agents).err(),
        ];
        match self.organisations(file.organisations) {
            Ok(organisations) => {
                let shared = Shared {
                    upstream: file.upstream,
                    flow: file.flow,
                    price: file.price,
                    budget: file.budget,
                    guard: file.guard,
                    permission_templates: file.permission_templates,
                };
                let tables: Vec<_> = file.number.into_iter().chain(file.numbers).collect();
                let by_sip = tables.iter().find_map(NumberTable::by_sip);
                faults.push(line_sip::heard_of(by_sip, file.sip.as_ref()).err());
                let lines = lines::faults(self, tables, &shared, &organisations);
                faults.extend(lines.into_iter().map(Some));
                let sip_is_spoken = file.sip.is_some();
                faults.push(self.agents(file.agents, &organisations, sip_is_spoken).err());
                faults.push(queues(file.queues, &organisations).err());
                faults.push(bots(self, file.bots, &organisations).err());
                faults.push(trunks(self, file.sip.as_ref(), file.trunks, &organisations).err());
                faults.push(self.events(file.outbox, file.events, &organisations).err());
            }
            Err(fault) => faults.push(Some(fault)),
        }
        faults.into_iter().flatten().collect()
    }

    fn events(
        &self,
        table: OutboxTable,
        receivers: Vec<EventsTable>,
        organisations: &[Organisation],
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
            let mut endpoint = Endpoint::new(name, url, scheme, secret.expose(), receiver.types)
                .map_err(|error| value(&key, error.to_string()))?;
            endpoint.format = match receiver.format {
                None | Some(FormatWord::CloudEvents) => Format::CloudEvents,
                Some(FormatWord::Plain) => Format::Plain,
            };
            endpoint.organisation =
                lines::organisation(organisations, receiver.organisation, &key)?;
            events.endpoints.push(endpoint);
        }
        Ok(events)
    }

    /// The endpoint that is asked for flows.
    pub(super) fn ask(&self, table: AskTable) -> Result<FlowEndpoint, ConfigError> {
        let url = table.url.parse::<reqwest::Url>().ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        let wrong = || value("flow.ask.url", "write one such as https://crm.example/flow".into());
        let secret = self.secret("flow.ask.secret", table.secret_file, table.secret_env)?;
        let key = SigningKey::new(Scheme::Standard, secret.expose())
            .map_err(|error| value("flow.ask.secret", error.to_string()))?;
        let timeout = table.timeout_s.map_or(ASK_TIMEOUT_DEFAULT, Duration::from_secs);
        if timeout.is_zero() || timeout > ASK_TIMEOUT_MAX {
            return Err(value("flow.ask.timeout_s", "write 1 to 10 seconds".into()));
        }
        Ok(FlowEndpoint { url: url.ok_or_else(wrong)?, key, timeout })
    }

    pub(super) fn secret(
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

fn speech(table: SpeechTable) -> Result<SpeechCommand, ConfigError> {
    let timeout = table.timeout_s.map_or(SPEECH_TIMEOUT_DEFAULT, Duration::from_secs);
    if timeout.is_zero() {
        return Err(value("speech.timeout_s", "write at least 1 second".into()));
    }
    SpeechCommand::new(table.command, table.language, table.voice, timeout)
        .map_err(|error| value("speech.command", error.to_string()))
}

fn ring_for(seconds: Option<u64>) -> Result<Duration, ConfigError> {
    let seconds = seconds.unwrap_or(RING_FOR_DEFAULT.as_secs());
    if seconds == 0 || seconds > RING_FOR_MAX_S {
        return Err(value("ring_for_s", format!("write 1 to {RING_FOR_MAX_S} seconds")));
    }
    Ok(Duration::from_secs(seconds))
}

fn telemetry(table: TelemetryTable) -> Result<Telemetry, ConfigError> {
    let url = table.otlp.parse::<reqwest::Url>().ok();
    if url.is_some_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host()) {
        return Ok(Telemetry { otlp: table.otlp });
    }
    Err(value("telemetry.otlp", "write a URL such as \"http://127.0.0.1:4318\"".into()))
}

fn codes(codes: Vec<String>) -> Result<Vec<String>, ConfigError> {
    match codes.iter().find(|code| !crate::notes::is_code(code)) {
        Some(odd) => {
            let why = format!("{odd:?} is not a word of a-z, 0-9, _ and -, up to 64");
            Err(value("wrap_up_codes", why))
        }
        None => Ok(codes),
    }
}

pub(super) fn value(key: &str, why: String) -> ConfigError {
    ConfigError::Value { key: key.to_owned(), why }
}
