//! Where is SIP spoken, and whose certificates are believed?
//!
//! ```toml
//! [sip]
//! listen = "10.0.0.4:5060"        # UDP and TCP; the address at which the PBX reaches us
//!
//! [sip.tls]                       # optional; a target by TLS needs it, to reach us
//! listen = "10.0.0.4:5062"        # who comes by TLS
//! certificate = "sip.pem"
//! key = "sip.key"
//! roots = "pbx-roots.pem"         # whose certificates are believed; the public ones when absent
//! ```

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use super::{
    TlsFiles,
    read::{ConfigError, Secrets, value},
};

/// Where SIP is spoken.
#[derive(Debug, Clone)]
pub struct Sip {
    /// By UDP and TCP.
    pub listen: SocketAddr,
    /// By TLS, with our certificate.
    pub tls: Option<(SocketAddr, TlsFiles)>,
    /// Whose certificates are believed; the public ones when absent.
    pub roots: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SipTable {
    listen: SocketAddr,
    tls: Option<TlsTable>,
}

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
struct TlsTable {
    listen: Option<SocketAddr>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    roots: Option<PathBuf>,
}

impl SipTable {
    /// Whether who comes by TLS is heard.
    pub(super) fn hears_tls(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.listen.is_some())
    }
}

/// What the table says.
pub(super) fn sip(secrets: &Secrets<'_>, table: &SipTable) -> Result<Sip, ConfigError> {
    let tls = table.tls.clone().unwrap_or_default();
    for (key, address) in [("sip", Some(table.listen)), ("sip.tls", tls.listen)] {
        if address.is_some_and(|address| address.ip().is_unspecified()) {
            let why = "listen: name the address at which the PBX reaches us, not 0.0.0.0: it \
                       stands in our messages";
            return Err(value(key, why.into()));
        }
    }
    let file = |path: PathBuf| secrets.folder.join(path);
    let listening = match (tls.listen, tls.certificate, tls.key) {
        (None, None, None) => None,
        (Some(listen), Some(certificate), Some(key)) => {
            Some((listen, TlsFiles { certificate: file(certificate), key: file(key) }))
        }
        _ => {
            let why = "write listen, certificate and key, all three or none of them";
            return Err(value("sip.tls", why.into()));
        }
    };
    Ok(Sip { listen: table.listen, tls: listening, roots: tls.roots.map(file) })
}
