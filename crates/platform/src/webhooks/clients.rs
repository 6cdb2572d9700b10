//! Who does the platform say it is to an endpoint?
//!
//! Nobody in particular, or whom the app's client certificate names (mTLS, fact sheet 10.3): one
//! HTTP client a certificate, made when it is first needed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use reqwest::{Certificate, Client, Identity};

/// What a PEM text begins with; anything else names a file.
const PEM: &str = "-----BEGIN";

/// Clients kept; one a certificate in use, so more are of no use.
const CLIENTS_MAX: usize = 256;

/// The HTTP clients of the webhooks.
#[derive(Debug)]
pub(crate) struct Clients {
    roots: Vec<Certificate>,
    plain: Client,
    /// By the certificate itself, as PEM.
    with_certificate: Mutex<BTreeMap<Vec<u8>, Client>>,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateFault {
    /// The file is not readable.
    #[error("the client certificate's file cannot be read")]
    Read(#[source] std::io::Error),
    /// It is no PEM with a certificate and its key, or no client can be made with it.
    #[error("the client certificate is not a PEM with a certificate and its key")]
    Pem(#[source] reqwest::Error),
}

impl Clients {
    /// Clients that also trust `roots`, a PEM bundle.
    pub(crate) fn new(roots: Option<&str>) -> Result<Self, reqwest::Error> {
        let roots = Certificate::from_pem_bundle(roots.unwrap_or_default().as_bytes())?;
        let plain = make(&roots, None)?;
        Ok(Self { roots, plain, with_certificate: Mutex::default() })
    }

    /// The client that shows this certificate: a PEM text, or the path of one.
    pub(crate) async fn showing(
        &self,
        certificate: Option<&str>,
    ) -> Result<Client, CertificateFault> {
        let Some(certificate) = certificate else { return Ok(self.plain.clone()) };
        // A file is read each time, so that a certificate that was renewed is used at once.
        let pem = if certificate.trim_start().starts_with(PEM) {
            certificate.as_bytes().to_vec()
        } else {
            tokio::fs::read(certificate).await.map_err(CertificateFault::Read)?
        };
        let known = self.locked(|clients| clients.get(&pem).cloned());
        if let Some(client) = known {
            return Ok(client);
        }
        let identity = Identity::from_pem(&pem).map_err(CertificateFault::Pem)?;
        let client = make(&self.roots, Some(identity)).map_err(CertificateFault::Pem)?;
        self.locked(|clients| {
            if clients.len() >= CLIENTS_MAX {
                clients.clear();
            }
            clients.insert(pem, client.clone());
        });
        Ok(client)
    }

    fn locked<T>(&self, look: impl FnOnce(&mut BTreeMap<Vec<u8>, Client>) -> T) -> T {
        look(&mut self.with_certificate.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn make(roots: &[Certificate], identity: Option<Identity>) -> Result<Client, reqwest::Error> {
    let mut client = Client::builder()
        // One packet lost holds up one delivery, not all of them.
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_merge(roots.iter().cloned());
    if let Some(identity) = identity {
        client = client.identity(identity);
    }
    client.build()
}
