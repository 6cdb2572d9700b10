//! What do the flags and the file say about the platform's SIP edge?

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use ::platform::SipConfig;
use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;

/// The port of WhatsApp's edge.
const PORT: u16 = 5061;

/// Flags of the SIP edge.
#[derive(Debug, Args)]
pub(super) struct EdgeArgs {
    /// Takes and places calls over SIP inside TLS, here or at 127.0.0.1:5061; without it a number in
    /// SIP mode is not reached.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1)]
    sip: Option<Option<SocketAddr>>,
    /// Where the root of the certificate it makes for itself is written, for businesses to trust.
    #[arg(long, value_name = "FILE")]
    sip_root_file: Option<PathBuf>,
    /// A PEM file of roots believed at businesses' SIP servers beside the public ones.
    #[arg(long, value_name = "FILE")]
    sip_roots: Option<PathBuf>,
}

/// The table `[sip]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EdgeTable {
    listen: Option<SocketAddr>,
    domain: Option<String>,
    host: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    root_file: Option<PathBuf>,
    roots: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
}

/// The edge, if it is asked for; a flag wins over the file.
pub(super) fn config(args: EdgeArgs, table: Option<EdgeTable>) -> Result<Option<SipConfig>> {
    if args.sip.is_none() && table.is_none() {
        return Ok(None);
    }
    let table = table.unwrap_or_default();
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let usual = SipConfig::at(args.sip.flatten().or(table.listen).unwrap_or(usual));
    let roots = args.sip_roots.or(table.roots);
    Ok(Some(SipConfig {
        domain: table.domain.unwrap_or(usual.domain),
        host: table.host,
        certificate: pair(table.certificate.as_deref(), table.key.as_deref())?,
        root_file: args.sip_root_file.or(table.root_file),
        roots: roots.as_deref().map(super::pem).transpose()?,
        client_certificate: pair(table.client_certificate.as_deref(), table.client_key.as_deref())?,
        ..usual
    }))
}

/// Certificate and key as one text; the key may stand in the certificate's file.
fn pair(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<String>> {
    let Some(certificate) = certificate else {
        return match key {
            None => Ok(None),
            Some(key) => Err(anyhow::anyhow!("{} has no certificate beside it", key.display()))
                .context("[sip]"),
        };
    };
    let mut text = super::pem(certificate)?;
    if let Some(key) = key {
        text.push('\n');
        text.push_str(&super::pem(key)?);
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(sip: Option<Option<SocketAddr>>) -> EdgeArgs {
        EdgeArgs { sip, sip_root_file: None, sip_roots: None }
    }

    fn table(text: &str) -> Option<EdgeTable> {
        Some(toml::from_str(text).unwrap())
    }

    #[test]
    fn the_edge_is_there_when_a_flag_or_a_table_asks_for_it() {
        assert!(config(args(None), None).unwrap().is_none());
        let listens = |args, table| config(args, table).unwrap().unwrap().listen.to_string();
        assert_eq!(listens(args(Some(None)), None), "127.0.0.1:5061");
        let here = "10.0.0.4:5071".parse().unwrap();
        assert_eq!(
            listens(args(Some(Some(here))), table("listen = \"10.0.0.5:1\"")),
            "10.0.0.4:5071"
        );
        assert_eq!(listens(args(None), table("listen = \"10.0.0.5:1\"")), "10.0.0.5:1");
        assert_eq!(listens(args(None), table("")), "127.0.0.1:5061");
    }

    #[test]
    fn a_key_without_a_certificate_is_refused() {
        let fault = config(args(None), table("key = \"key.pem\"")).unwrap_err();
        assert!(format!("{fault:#}").contains("key.pem"), "{fault:#}");
    }
}
