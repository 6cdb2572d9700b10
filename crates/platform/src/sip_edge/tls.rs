//! Which certificate does the SIP edge show, and whose does it believe?
//!
//! A configured one, or one made here with a root of its own, which a business is to trust. A made one
//! is kept in the data folder; the root's key is forgotten at once, so the root vouches for nothing
//! else. Businesses' servers are believed by the public roots, or by the configured ones beside them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use sip::Tls;

use crate::config::SipConfig;

/// Certificate, key and root in the data folder.
const MADE: &str = "sip-certificate.pem";
const ROOT: &str = "sip-root.pem";
/// Nobody else reads a key; anybody may trust a root.
const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A text is no PEM with what is needed.
    #[error("{which} is no PEM with what is needed")]
    Pem {
        /// Which one.
        which: &'static str,
        /// What is wrong.
        #[source]
        source: pem::Error,
    },
    /// Certificate and key cannot be used together.
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
    /// A certificate of its own cannot be made.
    #[error("a certificate cannot be made")]
    Make(#[source] rcgen::Error),
    /// What was made cannot be kept.
    #[error("cannot write or read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// TLS as configured.
pub(super) fn of(config: &SipConfig, data: Option<&Path>) -> Result<Tls, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let shown = match &config.certificate {
        Some(pem) => pem.clone(),
        None => own(config, data)?,
    };
    let server = server(&provider, &shown)?;
    let client = client(&provider, config)?;
    Ok(Tls { accept: Some((config.listen, Arc::new(server))), connect: Arc::new(client) })
}

fn server(provider: &Arc<CryptoProvider>, shown: &str) -> Result<ServerConfig, TlsError> {
    let (chain, key) = pair("the certificate of the SIP edge", shown)?;
    ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Pair)
}

fn client(provider: &Arc<CryptoProvider>, config: &SipConfig) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in certificates("the roots", config.roots.as_deref().unwrap_or_default())? {
        roots.add(root).map_err(TlsError::Pair)?;
    }
    let client = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_root_certificates(roots);
    let Some(shown) = &config.client_certificate else { return Ok(client.with_no_client_auth()) };
    let (chain, key) = pair("the client certificate", shown)?;
    client.with_client_auth_cert(chain, key).map_err(TlsError::Pair)
}

/// Certificate chain and key of one PEM text.
fn pair(
    which: &'static str,
    pem: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes());
    Ok((certificates(which, pem)?, key.map_err(|source| TlsError::Pem { which, source })?))
}

fn certificates(which: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>();
    all.map_err(|source| TlsError::Pem { which, source })
}

/// A certificate of the platform's own: the one in the data folder, or a new one.
fn own(config: &SipConfig, data: Option<&Path>) -> Result<String, TlsError> {
    let kept = data.map(|folder| (folder.join(MADE), folder.join(ROOT)));
    let (shown, root) = match &kept {
        Some((shown, root)) if shown.exists() => (read(shown)?, read(root)?),
        Some((shown, root)) => {
            let made = make(config)?;
            write(shown, &made.0, SECRET)?;
            write(root, &made.1, PUBLIC)?;
            made
        }
        None => make(config)?,
    };
    if let Some(path) = &config.root_file {
        write(path, &root, PUBLIC)?;
    }
    Ok(shown)
}

/// Certificate with its key, and the root above it.
fn make(config: &SipConfig) -> Result<(String, String), TlsError> {
    let root_key = KeyPair::generate().map_err(TlsError::Make)?;
    let mut root = CertificateParams::new(Vec::new()).map_err(TlsError::Make)?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "Offhook platform, SIP edge");
    let root_certificate = root.self_signed(&root_key).map_err(TlsError::Make)?;
    let mut names = vec![config.domain.clone(), "localhost".to_owned(), "127.0.0.1".to_owned()];
    let host = config.host.as_deref().map(|host| host.split(':').next().unwrap_or(host));
    names.extend(host.filter(|host| !names.iter().any(|name| name == host)).map(str::to_owned));
    let key = KeyPair::generate().map_err(TlsError::Make)?;
    let mut params = CertificateParams::new(names).map_err(TlsError::Make)?;
    params.distinguished_name.push(DnType::CommonName, config.domain.as_str());
    let issuer = Issuer::new(root, root_key);
    let certificate = params.signed_by(&key, &issuer).map_err(TlsError::Make)?;
    let shown = [pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", key.serialized_der())];
    Ok((shown.concat(), pem("CERTIFICATE", root_certificate.der())))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn read(path: &Path) -> Result<String, TlsError> {
    fs::read_to_string(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut open = fs::OpenOptions::new();
    let open = open.write(true).create(true).truncate(true).mode(mode);
    let written = open.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| TlsError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> SipConfig {
        SipConfig {
            host: Some("sip.test:5071".into()),
            ..SipConfig::at("127.0.0.1:0".parse().unwrap())
        }
    }

    #[test]
    fn a_certificate_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.pem");
        let wanted = SipConfig { root_file: Some(out.clone()), ..config() };
        let first = own(&wanted, Some(folder.path())).unwrap();
        assert_eq!(own(&wanted, Some(folder.path())).unwrap(), first);
        assert_eq!(fs::read_to_string(out).unwrap(), read(&folder.path().join(ROOT)).unwrap());
        assert_ne!(own(&config(), None).unwrap(), first);
        of(&wanted, Some(folder.path())).unwrap();
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let wanted = SipConfig { certificate: Some("hello".into()), ..config() };
        let fault = of(&wanted, None).unwrap_err().to_string();
        assert!(fault.starts_with("the certificate of the SIP edge"), "{fault}");
        let wanted = SipConfig { client_certificate: Some(String::new()), ..config() };
        assert!(of(&wanted, None).unwrap_err().to_string().starts_with("the client certificate"));
    }
}
