//! Which programs may talk with users?
//!
//! ```toml
//! [[bots]]
//! name = "concierge"
//! organisation = "aurora"         # of [[organisations]]; the first when absent
//! url = "wss://bot.example/talk"  # dialled for each call
//! protocol = "native"             # or "twilio", "vonage", "pipecat"
//! rate = 16000                    # samples a second; 8000, 16000, 24000, 48000; twilio: 8000
//! voice_rate = 24000              # pipecat: as it speaks, where that differs
//! token_file = "bot-token"        # or token_env: sent as bearer, for twilio the account's token
//! account_sid = "AC0123"          # twilio
//! headers = { X-Tenant = "aurora" }
//! connect_timeout_s = 3
//! silence_timeout_s = 30          # not a word and no pong for so long: the bot is lost
//! ```

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use audio::spool::{Format, Rate};
use engine::BotFormats;
use serde::Deserialize;
use terms::OrganisationId;
use wire::bot::Protocol;

use super::{
    Organisation, Secret, lines,
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
    /// Where it is.
    pub url: String,
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
    /// How long it may take to answer.
    pub connect_timeout: Duration,
    /// How long it may send nothing at all.
    pub silence_timeout: Duration,
}

impl Bot {
    /// A bot of ours with what stands when nothing is said.
    #[must_use]
    pub fn new(name: &str, organisation: OrganisationId, url: &str, protocol: Protocol) -> Self {
        let wideband = Format::Linear(Rate::Khz16);
        let (hears, speaks) = match protocol {
            Protocol::Twilio => (Format::MuLaw, Format::MuLaw),
            Protocol::Vonage | Protocol::Native => (wideband, wideband),
            // What a pipeline hears and speaks when nothing is said.
            Protocol::Pipecat => (wideband, Format::Linear(Rate::Khz24)),
        };
        Self {
            name: name.to_owned(),
            organisation,
            url: url.to_owned(),
            protocol,
            formats: BotFormats { hears, speaks },
            token: None,
            account_sid: "AC00000000000000000000000000000000".to_owned(),
            headers: BTreeMap::new(),
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
    url: String,
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
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ProtocolWord {
    Twilio,
    Vonage,
    Native,
    Pipecat,
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
    let url = table.url.parse::<reqwest::Url>().ok();
    if !url.is_some_and(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host()) {
        return Err(value(&key, "url: write one such as wss://bot.example/talk".into()));
    }
    let protocol = match table.protocol {
        ProtocolWord::Twilio => Protocol::Twilio,
        ProtocolWord::Vonage => Protocol::Vonage,
        ProtocolWord::Native => Protocol::Native,
        ProtocolWord::Pipecat => Protocol::Pipecat,
    };
    let mut bot = Bot::new(&table.name, organisation, &table.url, protocol);
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
    bot.connect_timeout = timeout(table.connect_timeout_s, bot.connect_timeout, &key)?;
    bot.silence_timeout = timeout(table.silence_timeout_s, bot.silence_timeout, &key)?;
    Ok(bot)
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
        (Protocol::Twilio | Protocol::Vonage | Protocol::Native, None) => hears,
        (Protocol::Twilio | Protocol::Vonage | Protocol::Native, Some(_)) => {
            return Err(value(
                key,
                "voice_rate: this protocol speaks as it hears, at `rate`".into(),
            ));
        }
    };
    Ok(BotFormats { hears, speaks })
}

fn format(protocol: Protocol, rate: u32, key: &str) -> Result<Format, ConfigError> {
    match (protocol, rate) {
        (Protocol::Twilio, 8_000) => Ok(Format::MuLaw),
        (Protocol::Vonage | Protocol::Native | Protocol::Pipecat, 8_000) => {
            Ok(Format::Linear(Rate::Khz8))
        }
        (Protocol::Vonage | Protocol::Native | Protocol::Pipecat, 16_000) => {
            Ok(Format::Linear(Rate::Khz16))
        }
        (Protocol::Vonage | Protocol::Native | Protocol::Pipecat, 24_000) => {
            Ok(Format::Linear(Rate::Khz24))
        }
        (Protocol::Native | Protocol::Pipecat, 48_000) => Ok(Format::Linear(Rate::Khz48)),
        (Protocol::Twilio | Protocol::Vonage | Protocol::Native | Protocol::Pipecat, rate) => {
            Err(value(key, format!("rate: this protocol does not speak {rate} Hz")))
        }
    }
}

fn timeout(seconds: Option<u64>, default: Duration, key: &str) -> Result<Duration, ConfigError> {
    match seconds {
        None => Ok(default),
        Some(seconds) if (1..=TIMEOUT_MAX_S).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) => Err(value(key, format!("timeouts: write 1 to {TIMEOUT_MAX_S} seconds"))),
    }
}
