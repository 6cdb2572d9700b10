//! Which telephones of the house may calls be put through to?
//!
//! ```toml
//! [[trunks]]
//! name = "pbx"
//! organisation = "aurora"         # of [[organisations]]; the first when absent
//! terminates = "voip"             # must be said: no trunk leads to the phone network
//! extensions = ["2XXX", "100"]    # all that can be rung; X is a digit
//! codecs = ["opus", "g722", "pcmu", "pcma"]
//! srtp = false                    # true: keys in the SDP (RFC 4568), and only so
//! user = "offhook"                # optional: what it asks us for (digest)
//! password_file = "pbx-password"  # or password_env
//! in_band_keys = true             # keys in the sound of a telephone without telephone-events; false: no
//! options_every_s = 30            # how often its targets are asked whether they are there; 0: never
//!
//! [trunks.calls_in]               # optional: its telephones call users; without it they cannot
//! from = "551140000000"           # our number that calls, or its id; the organisation's first when absent
//! user = "pbx"                    # optional: who asks must know the password; else only targets may ask
//! password_file = "in-password"   # or password_env
//! prefix = "9"                    # optional: what is dialled before a user's number
//!
//! [[trunks.targets]]
//! host = "pbx.aurora.example"     # or host:port
//! transport = "udp"               # or "tcp", "tls"
//! register = false                # true: it is told where we are (REGISTER), with user and password
//! priority = 1                    # lower first
//! weight = 1                      # its share among those of one priority
//! ```

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use media::frame::AudioCodec;
use serde::Deserialize;
use sip::{Credentials, Transport};
use switchboard::trunk::{Extensions, Terminates, host};
use terms::OrganisationId;

use super::{
    Line, Lines, Organisation, lines,
    read::{ConfigError, Secrets, value},
    sip::{Sip, SipTable, sip},
};

/// How often a target is asked when nothing is said.
const OPTIONS_EVERY_DEFAULT_S: u64 = 30;
/// The longest between two questions.
const OPTIONS_EVERY_MAX_S: u64 = 3_600;
/// The most targets of a trunk.
const TARGETS_MAX: usize = 16;

/// A way to telephones of the house.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Its name; flows and agents give calls to it by this.
    pub name: String,
    /// Whose trunk.
    pub organisation: OrganisationId,
    /// Where its calls may go.
    pub targets: Vec<TrunkTarget>,
    /// Whom it may ring.
    pub extensions: Extensions,
    /// What it talks, the best first; at least one.
    pub codecs: Vec<AudioCodec>,
    /// Whether its audio is protected with keys from the SDP.
    pub srtp: bool,
    /// Whether the keys of a telephone without telephone-events are looked for in what it says.
    pub in_band_keys: bool,
    /// Who we are when it asks.
    pub credentials: Option<Credentials>,
    /// How often its targets are asked whether they are there; never, when absent.
    pub options_every: Option<Duration>,
    /// How its telephones call users, if they may.
    pub calls_in: Option<CallsIn>,
}

/// How telephones of a trunk call users.
#[derive(Debug, Clone)]
pub struct CallsIn {
    /// Our number that calls, or its id; the organisation's first when absent.
    pub from: Option<String>,
    /// What who asks must know; without it only a target of the trunk may ask.
    pub credentials: Option<Credentials>,
    /// What is dialled before a user's number.
    pub prefix: String,
}

/// One place a trunk's calls may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkTarget {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How messages travel to it.
    pub transport: Transport,
    /// Whether it is told where we are.
    pub register: bool,
    /// Lower ones are rung first.
    pub priority: u16,
    /// Its share of the calls among those of one priority.
    pub weight: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrunkTable {
    name: String,
    organisation: Option<OrganisationId>,
    terminates: Option<String>,
    #[serde(default)]
    extensions: Vec<String>,
    codecs: Option<Vec<CodecWord>>,
    #[serde(default)]
    srtp: bool,
    in_band_keys: Option<bool>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    options_every_s: Option<u64>,
    calls_in: Option<CallsInTable>,
    #[serde(default)]
    targets: Vec<TargetTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallsInTable {
    from: Option<String>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    #[serde(default)]
    prefix: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum CodecWord {
    Opus,
    G722,
    Pcmu,
    Pcma,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetTable {
    host: String,
    #[serde(default)]
    register: bool,
    transport: Option<TransportWord>,
    priority: Option<u16>,
    weight: Option<u16>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum TransportWord {
    Udp,
    Tcp,
    Tls,
}

/// Where SIP is spoken and which trunks there are.
pub(super) fn trunks(
    secrets: &Secrets<'_>,
    table: Option<&SipTable>,
    tables: Vec<TrunkTable>,
    organisations: &[Organisation],
) -> Result<(Option<Sip>, Vec<Trunk>), ConfigError> {
    let spoken = table.map(|table| sip(secrets, table)).transpose()?;
    if spoken.is_none() && !tables.is_empty() {
        let why = "say where SIP is spoken: [sip] listen = \"10.0.0.4:5060\"";
        return Err(value("trunks", why.into()));
    }
    let mut trunks: Vec<Trunk> = Vec::new();
    for table in tables {
        let trunk = trunk(secrets, table, organisations)?;
        let same = |known: &Trunk| {
            (&known.organisation, &known.name) == (&trunk.organisation, &trunk.name)
        };
        if trunk.name.is_empty() || trunks.iter().any(same) {
            return Err(value("trunks", "give each trunk a name of its own".into()));
        }
        trunks.push(trunk);
    }
    let by_tls = |target: &TrunkTarget| target.transport == Transport::Tls;
    if spoken.as_ref().is_some_and(|sip| sip.tls.is_none())
        && let Some(trunk) = trunks.iter().find(|trunk| trunk.targets.iter().any(by_tls))
    {
        let why = "a target by TLS hangs up by TLS: say where it reaches us, [sip.tls] listen, \
                   certificate and key";
        return Err(value(&format!("trunks.{}", trunk.name), why.into()));
    }
    Ok((spoken, trunks))
}

fn trunk(
    secrets: &Secrets<'_>,
    table: TrunkTable,
    organisations: &[Organisation],
) -> Result<Trunk, ConfigError> {
    let key = format!("trunks.{}", table.name);
    let refused = |why: &dyn std::fmt::Display| value(&key, why.to_string());
    Terminates::parse(table.terminates.as_deref()).map_err(|why| refused(&why))?;
    let extensions = Extensions::parse(&table.extensions).map_err(|why| refused(&why))?;
    if table.targets.is_empty() || table.targets.len() > TARGETS_MAX {
        let why = format!("name 1 to {TARGETS_MAX} targets: [[trunks.targets]] host = \"pbx\"");
        return Err(value(&key, why));
    }
    if table.user.is_none() && table.targets.iter().any(|target| target.register) {
        return Err(value(&key, "targets: register: who are we there? Write user = \"…\"".into()));
    }
    let targets = table.targets.into_iter().map(|table| target(table, &key));
    let codecs = codecs(table.codecs);
    if codecs.is_empty() {
        return Err(value(&key, "codecs: name at least one of opus, g722, pcmu, pcma".into()));
    }
    let every = table.options_every_s.unwrap_or(OPTIONS_EVERY_DEFAULT_S);
    if every > OPTIONS_EVERY_MAX_S {
        return Err(value(&key, format!("options_every_s: write 0 to {OPTIONS_EVERY_MAX_S}")));
    }
    Ok(Trunk {
        organisation: lines::organisation(organisations, table.organisation, &key)?,
        targets: targets.collect::<Result<_, _>>()?,
        extensions,
        codecs,
        srtp: table.srtp,
        in_band_keys: table.in_band_keys.unwrap_or(true),
        credentials: credentials(
            secrets,
            (table.user, table.password_file, table.password_env),
            &key,
        )?,
        options_every: (every > 0).then(|| Duration::from_secs(every)),
        calls_in: table.calls_in.map(|table| calls_in(secrets, table, &key)).transpose()?,
        name: table.name,
    })
}

/// Each trunk whose telephones call users must have a number of its organisation to call from.
pub(super) fn callers(trunks: &[Trunk], lines: &Lines) -> Result<(), ConfigError> {
    for trunk in trunks {
        let Some(calls_in) = &trunk.calls_in else { continue };
        let named = |line: &&Line| match &calls_in.from {
            None => true,
            Some(from) => {
                let number = &line.number;
                from == number.digits.as_str() || from == number.phone_number_id.as_str()
            }
        };
        let mut theirs = lines.iter().filter(|line| line.organisation == trunk.organisation);
        if theirs.find(named).is_none() {
            let why = "calls_in: from: name one of the organisation's numbers, or its id";
            return Err(value(&format!("trunks.{}", trunk.name), why.into()));
        }
    }
    Ok(())
}

fn calls_in(secrets: &Secrets<'_>, table: CallsInTable, key: &str) -> Result<CallsIn, ConfigError> {
    let CallsInTable { from, user, password_file, password_env, prefix } = table;
    if !prefix.bytes().all(|sign| sign.is_ascii_digit() || sign == b'*') {
        return Err(value(key, "calls_in: prefix: write digits and * only".into()));
    }
    let credentials = credentials(secrets, (user, password_file, password_env), key)?;
    Ok(CallsIn { from, credentials, prefix })
}

fn target(table: TargetTable, key: &str) -> Result<TrunkTarget, ConfigError> {
    let transport = match table.transport {
        Some(TransportWord::Tcp) => Transport::Tcp,
        Some(TransportWord::Tls) => Transport::Tls,
        Some(TransportWord::Udp) | None => Transport::Udp,
    };
    let (name, port) = split(&table.host, transport.port()).ok_or_else(|| {
        value(key, format!("targets: `{}` is no host; write pbx or pbx:5060", table.host))
    })?;
    host(name).map_err(|why| value(key, format!("targets: {why}")))?;
    Ok(TrunkTarget {
        host: name.to_owned(),
        port,
        transport,
        register: table.register,
        priority: table.priority.unwrap_or(1),
        weight: table.weight.unwrap_or(1),
    })
}

/// The host, without the brackets of an IPv6 address, and the port, which may be left out.
fn split(text: &str, default: u16) -> Option<(&str, u16)> {
    if text.starts_with("tel:") {
        return Some((text, default));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        let (host, _) = text.rsplit_once(':')?;
        return Some((host.trim_start_matches('[').trim_end_matches(']'), address.port()));
    }
    let is_name = |host: &str| {
        let known = |sign: char| sign.is_ascii_alphanumeric() || "+.-_:".contains(sign);
        !host.is_empty() && host.chars().all(known)
    };
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => {
            Some((host, port.parse().ok().filter(|port| *port != 0)?)).filter(|_| is_name(host))
        }
        Some(_) | None => is_name(text).then_some((text, default)),
    }
}

fn credentials(
    secrets: &Secrets<'_>,
    (user, file, env): (Option<String>, Option<PathBuf>, Option<String>),
    key: &str,
) -> Result<Option<Credentials>, ConfigError> {
    match (user, file.is_some() || env.is_some()) {
        (None, false) => Ok(None),
        (Some(user), true) => {
            let secret = secrets.secret(&format!("{key}.password"), file, env)?;
            Ok(Some(Credentials { user, password: secret.expose().to_owned() }))
        }
        (Some(_), false) => Err(value(key, "user: name its password_file or password_env".into())),
        (None, true) => Err(value(key, "the password has no user: write user = \"…\"".into())),
    }
}

/// What is talked where this is written; everything when nothing is.
pub(super) fn codecs(words: Option<Vec<CodecWord>>) -> Vec<AudioCodec> {
    words.map_or_else(
        || vec![AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcmu, AudioCodec::Pcma],
        |words| words.into_iter().map(codec).collect(),
    )
}

const fn codec(word: CodecWord) -> AudioCodec {
    match word {
        CodecWord::Opus => AudioCodec::Opus,
        CodecWord::G722 => AudioCodec::G722,
        CodecWord::Pcmu => AudioCodec::Pcmu,
        CodecWord::Pcma => AudioCodec::Pcma,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_with_or_without_a_port() {
        assert_eq!(split("pbx", 5060), Some(("pbx", 5060)));
        assert_eq!(split("pbx.aurora.example:5080", 5060), Some(("pbx.aurora.example", 5080)));
        assert_eq!(split("10.0.0.4:5070", 5060), Some(("10.0.0.4", 5070)));
        assert_eq!(split("[::1]:5070", 5060), Some(("::1", 5070)));
        assert_eq!(split("::1", 5060), Some(("::1", 5060)));
        for bad in ["", "pbx:0", "pbx:x", ":5060", "a b", "pbx/x", "user@pbx"] {
            assert_eq!(split(bad, 5060), None, "{bad}");
        }
    }
}
