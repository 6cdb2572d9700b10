//! Which number's calls come and go by SIP instead of Graph and webhooks?
//!
//! ```toml
//! [number.sip]                            # or [numbers.sip]; without it calls go by Graph
//! hostname = "sip.aurora.example"         # as it stands in the number's settings at the platform
//! password_file = "sip-password"          # or password_env; read from the settings when absent
//! keying = "dtls"                         # or "sdes", as srtp_key_exchange_protocol says there
//! domain = "wa.meta.vc"                   # the platform's name in SIP and in its certificate
//! server = "wa.meta.vc:5061"              # where it is reached; the domain when absent
//! ```
//!
//! The platform speaks TLS alone, so `[sip.tls]` must listen, with a certificate for `hostname`.

use std::path::PathBuf;

use media::sdp::Keying;
use serde::Deserialize;
use switchboard::trunk;
use terms::PhoneNumberId;

use super::{
    Line, Lines, Recording, Secret,
    read::{ConfigError, Secrets, value},
    sip::SipTable,
};

/// Meta's name in SIP (fact sheet 6.2).
const DOMAIN_DEFAULT: &str = "wa.meta.vc";
/// Its port.
const PORT_DEFAULT: u16 = 5061;

/// How a number's calls come and go by SIP.
#[derive(Debug, Clone)]
pub struct LineSip {
    /// Our name, as the number's settings at the platform have it.
    pub hostname: String,
    /// The platform's name, in URIs and in its certificate.
    pub domain: String,
    /// Where it is reached: a name or an address, and the port.
    pub server: (String, u16),
    /// What both prove themselves with; asked of the platform when absent.
    pub password: Option<Secret>,
    /// How media is keyed in calls of ours; in a user's call the platform's offer says.
    pub keying: Keying,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct LineSipTable {
    hostname: String,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    keying: Option<KeyingWord>,
    domain: Option<String>,
    server: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum KeyingWord {
    Dtls,
    Sdes,
}

impl LineSipTable {
    /// What the table says.
    pub(super) fn checked(self, secrets: &Secrets<'_>, key: &str) -> Result<LineSip, ConfigError> {
        let key = format!("{key}.sip");
        let named = |word: &str, text: String| {
            let key = format!("{key}.{word}");
            if !host(&text) {
                return Err(value(&key, format!("{text:?} is no name such as sip.aurora.example")));
            }
            // The phone network is on no leg, and this one is no carrier's either.
            trunk::host(&text).map_err(|why| value(&key, why.to_string()))?;
            Ok(text)
        };
        let domain = self.domain.unwrap_or_else(|| DOMAIN_DEFAULT.to_owned());
        let domain = named("domain", domain)?;
        let (name, port) = match &self.server {
            None => (domain.clone(), PORT_DEFAULT),
            Some(text) => server(text).ok_or_else(|| {
                let why = format!("{text:?} is no place such as wa.meta.vc:5061");
                value(&format!("{key}.server"), why)
            })?,
        };
        let server = (named("server", name)?, port);
        let has_password = self.password_file.is_some() || self.password_env.is_some();
        let password = has_password
            .then(|| {
                secrets.secret(&format!("{key}.password"), self.password_file, self.password_env)
            })
            .transpose()?;
        Ok(LineSip {
            hostname: named("hostname", self.hostname)?,
            domain,
            server,
            password,
            keying: match self.keying {
                None | Some(KeyingWord::Dtls) => Keying::Dtls,
                Some(KeyingWord::Sdes) => Keying::Sdes,
            },
        })
    }
}

/// A number by SIP needs a place where the platform can come to: it speaks TLS alone.
pub(super) fn heard_of(
    by_sip: Option<&PhoneNumberId>,
    sip: Option<&SipTable>,
) -> Result<(), ConfigError> {
    let Some(number) = by_sip.filter(|_| !sip.is_some_and(SipTable::hears_tls)) else {
        return Ok(());
    };
    let key = format!("numbers.{number}.sip");
    let why = "the platform comes by TLS: write [sip.tls] with listen, certificate and key";
    Err(value(&key, why.into()))
}

/// What the platform is asked to record it is asked by Graph, with the call.
pub(super) fn not_recorded_there(lines: &Lines, recording: &Recording) -> Result<(), ConfigError> {
    let recorded_there =
        |line: &&Line| line.sip.is_some() && recording.platform_for(&line.number.digits).is_some();
    let Some(line) = lines.iter().find(recorded_there) else { return Ok(()) };
    let key = format!("numbers.{}.sip", line.number.phone_number_id);
    let why = "the platform records calls by Graph alone: write recording.numbers without this one, \
               or record here";
    Err(value(&key, why.into()))
}

/// A name, or an address; no port.
fn host(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    !text.is_empty() && text.bytes().all(known)
}

fn server(text: &str) -> Option<(String, u16)> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()?),
        None => (text, PORT_DEFAULT),
    };
    (host(name) && port > 0).then(|| (name.to_owned(), port))
}
