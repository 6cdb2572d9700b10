//! Which programs may talk with users?
//!
//! ```toml
//! [[bots]]
//! name = "concierge"
//! organisation = "aurora"         # of [[organisations]]; the first when absent
//! url = "wss://bot.example/talk"  # dialled for each call; without it the bot comes and waits
//! protocol = "native"             # or "twilio", "vonage", "pipecat", "openai", "audiosocket" (tcp://…)
//! rate = 16000                    # samples a second; 8000, 16000, 24000, 48000; twilio: 8000
//! voice_rate = 24000              # pipecat: as it speaks, where that differs
//! token_file = "bot-token"        # or token_env: sent as bearer, for twilio the account's token
//! account_sid = "AC0123"          # twilio
//! headers = { X-Tenant = "aurora" }
//! connect_timeout_s = 3
//! silence_timeout_s = 30          # not a word and no pong for so long: the bot is lost
//!
//! [[bots]]                        # a model that hears and speaks
//! name = "vera"
//! protocol = "openai"             # url: OpenAI's when absent; rate: 24000 or 8000
//! model = "gpt-realtime-2.1"
//! voice = "marin"
//! instructions_file = "vera.md"   # or instructions
//! greeting = "Greet the user."    # without it the user speaks first
//! steps = { orders = "The user asks about an order." }
//! token_env = "OPENAI_API_KEY"
//! ```

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use audio::spool::{Format, Rate};
use engine::BotFormats;
use serde::Deserialize;
use terms::OrganisationId;
use wire::bot::{Protocol, realtime::Persona};

use super::{
    Organisation, Secret, lines,
    model::Model,
    read::{ConfigError, Secrets, value},
};

/// How long a bot may take to answer when nothing is said: the caller hears nothing meanwhile.
const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);
/// How long a bot may send nothing at all when nothing is said: six pings.
const SILENCE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// The longest of either.
const TIMEOUT_MAX_S: u64 = 300;

/// A program that talks with users.
#[derive(Debug, Clone)]
pub struct Bot {
    /// Its name; flows give calls to it by this.
    pub name: String,
    /// Whose bot.
    pub organisation: OrganisationId,
    /// Where it is; one without an address opens its sockets itself.
    pub url: Option<String>,
    /// In whose words it talks.
    pub protocol: Protocol,
    /// How its audio is written, both ways.
    pub formats: BotFormats,
    /// What it knows us by.
    pub token: Option<Secret>,
    /// The account it believes to be in.
    pub account_sid: String,
    /// What is sent with the dial beside the token.
    pub headers: BTreeMap<String, String>,
    /// Who it is, where it is a model.
    pub persona: Persona,
    /// How long it may take to answer.
    pub connect_timeout: Duration,
    /// How long it may send nothing at all.
    pub silence_timeout: Duration,
}

impl Bot {
    /// A bot of ours with what stands when nothing is said.
    #[must_use]
    pub fn new(name: &str, organisation: OrganisationId, url: &str, protocol: Protocol) -> Self {
        Self { url: Some(url.to_owned()), ..Self::waiting(name, organisation, protocol) }
    }

    /// The same that opens its sockets itself.
    #[must_use]
    pub fn waiting(name: &str, organisation: OrganisationId, protocol: Protocol) -> Self {
        let narrowband = Format::Linear(Rate::Khz8);
        let wideband = Format::Linear(Rate::Khz16);
        let (hears, speaks) = match protocol {
            Protocol::Twilio => (Format::MuLaw, Format::MuLaw),
            Protocol::Vonage | Protocol::Native => (wideband, wideband),
            // What every program for it speaks.
            Protocol::AudioSocket => (narrowband, narrowband),
            // What a pipeline hears and speaks when nothing is said.
            Protocol::Pipecat => (wideband, Format::Linear(Rate::Khz24)),
            Protocol::OpenAi => (Format::Linear(Rate::Khz24), Format::Linear(Rate::Khz24)),
        };
        Self {
            name: name.to_owned(),
            organisation,
            url: None,
            protocol,
            formats: BotFormats { hears, speaks },
            token: None,
            account_sid: "AC00000000000000000000000000000000".to_owned(),
            headers: BTreeMap::new(),
            persona: Persona::default(),
            connect_timeout: CONNECT_TIMEOUT_DEFAULT,
            silence_timeout: SILENCE_TIMEOUT_DEFAULT,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BotTable {
    name: String,
    organisation: Option<OrganisationId>,
    url: Option<String>,
    protocol: ProtocolWord,
    rate: Option<u32>,
    voice_rate: Option<u32>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    account_sid: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    connect_timeout_s: Option<u64>,
    silence_timeout_s: Option<u64>,
    model: Option<String>,
    voice: Option<String>,
    instructions: Option<String>,
    instructions_file: Option<PathBuf>,
    greeting: Option<String>,
    steps: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ProtocolWord {
    Twilio,
    Vonage,
    Native,
    Pipecat,
    AudioSocket,
    OpenAi,
}

/// The bots of a file.
pub(super) fn bots(
    secrets: &Secrets<'_>,
    tables: Vec<BotTable>,
    organisations: &[Organisation],
) -> Result<Vec<Bot>, ConfigError> {
    let mut bots: Vec<Bot> = Vec::new();
    for table in tables {
        let bot = bot(secrets, table, organisations)?;
        let same =
            |known: &Bot| (&known.organisation, &known.name) == (&bot.organisation, &bot.name);
        if bot.name.is_empty() || bots.iter().any(same) {
            return Err(value("bots", "give each bot a name of its own".into()));
        }
        bots.push(bot);
    }
    Ok(bots)
}

fn bot(
    secrets: &Secrets<'_>,
    table: BotTable,
    organisations: &[Organisation],
) -> Result<Bot, ConfigError> {
    let key = format!("bots.{}", table.name);
    let organisation = lines::organisation(organisations, table.organisation, &key)?;
    let protocol = match table.protocol {
        ProtocolWord::Twilio => Protocol::Twilio,
        ProtocolWord::Vonage => Protocol::Vonage,
        ProtocolWord::Native => Protocol::Native,
        ProtocolWord::Pipecat => Protocol::Pipecat,
        ProtocolWord::AudioSocket => Protocol::AudioSocket,
        ProtocolWord::OpenAi => Protocol::OpenAi,
    };
    let mut bot = Bot::waiting(&table.name, organisation, protocol);
    let model = Model {
        name: table.model,
        voice: table.voice,
        instructions: table.instructions,
        instructions_file: table.instructions_file,
        greeting: table.greeting,
        steps: table.steps,
    };
    (bot.url, bot.persona) = match protocol {
        Protocol::OpenAi => {
            let has_token = table.token_file.is_some() || table.token_env.is_some();
            model.checked(secrets, table.url, has_token, &key)?
        }
        Protocol::Twilio
        | Protocol::Vonage
        | Protocol::Native
        | Protocol::Pipecat
        | Protocol::AudioSocket => {
            model.absent(&key)?;
            (address(protocol, table.url, &key)?, Persona::default())
        }
    };
    bot.formats = formats(bot.formats, protocol, (table.rate, table.voice_rate), &key)?;
    if table.token_file.is_some() || table.token_env.is_some() {
        let name = format!("{key}.token");
        bot.token = Some(secrets.secret(&name, table.token_file, table.token_env)?);
    }
    if let Some(sid) = table.account_sid {
        bot.account_sid = sid;
    }
    for (name, text) in &table.headers {
        let is_good = axum::http::HeaderName::try_from(name).is_ok()
            && axum::http::HeaderValue::try_from(text).is_ok();
        if !is_good {
            return Err(value(&key, format!("headers: `{name}` cannot be sent")));
        }
    }
    bot.headers = table.headers;
    if bot.url.is_none() && bot.token.is_none() {
        return Err(value(&key, "token: a bot without `url` must show one when it comes".into()));
    }
    if !bot.headers.is_empty() && (bot.url.is_none() || protocol == Protocol::AudioSocket) {
        return Err(value(&key, "headers: they are sent to bots at a ws or wss address".into()));
    }
    bot.connect_timeout = timeout(table.connect_timeout_s, bot.connect_timeout, &key)?;
    bot.silence_timeout = timeout(table.silence_timeout_s, bot.silence_timeout, &key)?;
    Ok(bot)
}

/// The address to dial, if there is one.
fn address(
    protocol: Protocol,
    url: Option<String>,
    key: &str,
) -> Result<Option<String>, ConfigError> {
    let (schemes, example): (&[&str], _) = match protocol {
        Protocol::AudioSocket => (&["tcp"], "tcp://bot.example:9092"),
        Protocol::Twilio
        | Protocol::Vonage
        | Protocol::Native
        | Protocol::Pipecat
        | Protocol::OpenAi => (&["ws", "wss"], "wss://bot.example/talk"),
    };
    let Some(text) = url else {
        // Who opens a stream shows no token.
        let may_wait = protocol != Protocol::AudioSocket;
        return may_wait.then_some(None).ok_or_else(|| missing(key, example));
    };
    let is_good = text.parse::<reqwest::Url>().is_ok_and(|url| {
        let has_place = protocol != Protocol::AudioSocket || url.port().is_some();
        schemes.contains(&url.scheme()) && url.has_host() && has_place
    });
    is_good.then_some(Some(text)).ok_or_else(|| missing(key, example))
}

fn missing(key: &str, example: &str) -> ConfigError {
    value(key, format!("url: write one such as {example}"))
}

/// The formats that are configured, or what stands when nothing is said.
fn formats(
    default: BotFormats,
    protocol: Protocol,
    (rate, voice_rate): (Option<u32>, Option<u32>),
    key: &str,
) -> Result<BotFormats, ConfigError> {
    let of = |rate: Option<u32>, default: Format| match rate {
        Some(rate) => format(protocol, rate, key),
        None => Ok(default),
    };
    let hears = of(rate, default.hears)?;
    let speaks = match (protocol, voice_rate) {
        (Protocol::Pipecat, rate) => of(rate, default.speaks)?,
        (
            Protocol::Twilio
            | Protocol::Vonage
            | Protocol::Native
            | Protocol::AudioSocket
            | Protocol::OpenAi,
            voice_rate,
        ) => {
            if voice_rate.is_some() {
                return Err(value(
                    key,
                    "voice_rate: this protocol speaks as it hears, at `rate`".into(),
                ));
            }
            hears
        }
    };
    Ok(BotFormats { hears, speaks })
}

fn format(protocol: Protocol, rate: u32, key: &str) -> Result<Format, ConfigError> {
    let linear = match rate {
        8_000 => Some(Rate::Khz8),
        16_000 => Some(Rate::Khz16),
        24_000 => Some(Rate::Khz24),
        48_000 => Some(Rate::Khz48),
        _ => None,
    };
    let format = match (protocol, linear) {
        (Protocol::Twilio | Protocol::OpenAi, Some(Rate::Khz8)) => Some(Format::MuLaw),
        (Protocol::OpenAi, Some(Rate::Khz24)) => Some(Format::Linear(Rate::Khz24)),
        (Protocol::Twilio | Protocol::OpenAi, _) | (Protocol::Vonage, Some(Rate::Khz48)) => None,
        (Protocol::Vonage | Protocol::Native | Protocol::Pipecat | Protocol::AudioSocket, rate) => {
            rate.map(Format::Linear)
        }
    };
    format.ok_or_else(|| value(key, format!("rate: this protocol does not speak {rate} Hz")))
}

fn timeout(seconds: Option<u64>, default: Duration, key: &str) -> Result<Duration, ConfigError> {
    match seconds {
        None => Ok(default),
        Some(seconds) if (1..=TIMEOUT_MAX_S).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) => Err(value(key, format!("timeouts: write 1 to {TIMEOUT_MAX_S} seconds"))),
    }
}
