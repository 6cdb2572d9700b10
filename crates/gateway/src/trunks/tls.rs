//! Whom do we believe over TLS, and who are we there?

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use sip::Tls;

use crate::{
    config::Sip,
    metrics::Metrics,
    tls::{self, TlsError},
};

/// Why SIP cannot be spoken over TLS.
#[derive(Debug, thiserror::Error)]
pub enum SipTlsError {
    /// Our certificate and its key.
    #[error("our certificate")]
    Own(#[from] TlsError),
    /// The file of those we believe.
    #[error("cannot read {path}")]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate in it is none to believe.
    #[error("a certificate in {path} cannot be believed")]
    Root {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
}

/// TLS as it is configured.
pub(super) fn tls(sip: &Sip, metrics: &Arc<Metrics>) -> Result<Tls, SipTlsError> {
    let accept = match &sip.tls {
        Some((address, files)) => {
            Some((*address, tls::follow(files.clone(), Arc::clone(metrics))?))
        }
        None => None,
    };
    Ok(Tls { accept, connect: trust(sip)? })
}

/// Whose certificates are believed.
pub(crate) fn trust(sip: &Sip) -> Result<Arc<ClientConfig>, SipTlsError> {
    let roots = match &sip.roots {
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Some(path) => read(path)?,
    };
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

fn read(path: &PathBuf) -> Result<RootCertStore, SipTlsError> {
    let unread = |source| SipTlsError::Roots { path: path.clone(), source };
    let certificates = CertificateDer::pem_file_iter(path).map_err(unread)?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let unbelieved = |source| SipTlsError::Root { path: path.clone(), source };
        roots.add(certificate.map_err(unread)?).map_err(unbelieved)?;
    }
    Ok(roots)
}
