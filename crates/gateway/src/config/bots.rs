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
//! voice_activity = true           # it is told when the user speaks; native (where it is the default), pipecat
//! user_silence_s = 10             # and when nobody has said anything for so long
//! barge_in = true                 # what it said is cleared when the user speaks; not openai
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

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use audio::spool::{Format, Rate};
use engine::{BotFormats, BotNotice};
use serde::Deserialize;
use terms::OrganisationId;
use wire::bot::{Protocol, realtime::Persona};

use super::{
    BuiltinBot, Organisation, Secret,
    builtin::{self, KindWord},
    lines,
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
    /// What it is told of its user beside the voice.
    pub notice: BotNotice,
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
            notice: BotNotice { speech: protocol == Protocol::Native, ..BotNotice::default() },
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
    builtin: Option<KindWord>,
    language: Option<String>,
    url: Option<String>,
    protocol: Option<ProtocolWord>,
    rate: Option<u32>,
    voice_rate: Option<u32>,
    voice_activity: Option<bool>,
    user_silence_s: Option<u64>,
    barge_in: Option<bool>,
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

/// The bots of a file: programs, and those that are built in.
pub(super) fn bots(
    secrets: &Secrets<'_>,
    tables: Vec<BotTable>,
    organisations: &[Organisation],
) -> Result<(Vec<Bot>, Vec<BuiltinBot>), ConfigError> {
    let (mut programs, mut builtin) = (Vec::new(), Vec::new());
    let mut known = BTreeSet::new();
    for table in tables {
        let key = format!("bots.{}", table.name);
        let house = lines::organisation(organisations, table.organisation.clone(), &key)?;
        if table.name.is_empty() || !known.insert((house.clone(), table.name.clone())) {
            return Err(value("bots", "give each bot a name of its own".into()));
        }
        match table.builtin {
            Some(word) => {
                let (language, beside) = (table.language.as_deref(), table.of_programs());
                let name = (table.name.clone(), house);
                builtin.push(builtin::builtin(name, word, language, &beside)?);
            }
            None => programs.push(bot(secrets, table, house)?),
        }
    }
    Ok((programs, builtin))
}

impl BotTable {
    /// What only programs have, and whether it is said.
    fn of_programs(&self) -> [(&'static str, bool); 19] {
        [
            ("url", self.url.is_some()),
            ("protocol", self.protocol.is_some()),
            ("rate", self.rate.is_some()),
            ("voice_rate", self.voice_rate.is_some()),
            ("voice_activity", self.voice_activity.is_some()),
            ("user_silence_s", self.user_silence_s.is_some()),
            ("barge_in", self.barge_in.is_some()),
            ("token_file", self.token_file.is_some()),
            ("token_env", self.token_env.is_some()),
            ("account_sid", self.account_sid.is_some()),
            ("headers", !self.headers.is_empty()),
            ("connect_timeout_s", self.connect_timeout_s.is_some()),
            ("silence_timeout_s", self.silence_timeout_s.is_some()),
            ("model", self.model.is_some()),
            ("voice", self.voice.is_some()),
            ("instructions", self.instructions.is_some()),
            ("instructions_file", self.instructions_file.is_some()),
            ("greeting", self.greeting.is_some()),
            ("steps", self.steps.is_some()),
        ]
    }
}

fn bot(
    secrets: &Secrets<'_>,
    table: BotTable,
    organisation: OrganisationId,
) -> Result<Bot, ConfigError> {
    let key = format!("bots.{}", table.name);
    if table.language.is_some() {
        return Err(value(&key, "language: only built-in bots have it".into()));
    }
    let Some(protocol) = table.protocol else {
        let why = "protocol: write \"native\" or another; or builtin = \"echo\" or \"ivr\"";
        return Err(value(&key, why.into()));
    };
    let protocol = match protocol {
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
    let asked = (table.voice_activity, table.user_silence_s, table.barge_in);
    bot.notice = notice(bot.notice, protocol, asked, &key)?;
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

/// What a bot is told of its user, where its protocol has words for it.
fn notice(
    default: BotNotice,
    protocol: Protocol,
    (speech, silence_s, barge_in): (Option<bool>, Option<u64>, Option<bool>),
    key: &str,
) -> Result<BotNotice, ConfigError> {
    let silence =
        silence_s.map(|seconds| timeout(Some(seconds), Duration::ZERO, key)).transpose()?;
    let notice = BotNotice {
        speech: speech.unwrap_or(default.speech),
        silence_ms: silence.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        barge_in: barge_in.unwrap_or(default.barge_in),
        ..default
    };
    let (has_words, may_clear) = match protocol {
        Protocol::Native | Protocol::Pipecat => (true, true),
        Protocol::Twilio | Protocol::Vonage | Protocol::AudioSocket => (false, true),
        // The service hears for itself when the user speaks, and clears.
        Protocol::OpenAi => (false, false),
    };
    if !has_words && (notice.speech || notice.silence_ms.is_some()) {
        return Err(value(
            key,
            "voice_activity, user_silence_s: this protocol has no words for it".into(),
        ));
    }
    if !may_clear && notice.barge_in {
        return Err(value(key, "barge_in: the service does that itself".into()));
    }
    Ok(notice)
}

fn timeout(seconds: Option<u64>, default: Duration, key: &str) -> Result<Duration, ConfigError> {
    match seconds {
        None => Ok(default),
        Some(seconds) if (1..=TIMEOUT_MAX_S).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) => Err(value(key, format!("timeouts: write 1 to {TIMEOUT_MAX_S} seconds"))),
    }
}
