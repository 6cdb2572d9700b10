//! Is the far end who its SDP says, and which keys do we share?
//!
//! A thin coat over `dimpl`. A client speaks DTLS 1.2, which is what WhatsApp's relays speak; a
//! server takes 1.2 or 1.3, as the client likes. The certificate is self-signed, so the fingerprint
//! in the SDP is all that proves it: keys are handed out only after it was compared.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use dimpl::{Config, Dtls, DtlsCertificate, Error, Output, SecurityError, SrtpProfile};
use thiserror::Error;

use super::{LegFailure, Outbox};
use crate::srtp::{KeyingMaterial, Profile};
use crate::transport::{DtlsRole, Fingerprint};

/// The first pause before a flight is repeated; it doubles each time. A second, the usual value,
/// costs a caller a second of silence for one lost datagram.
const FLIGHT_RTO: Duration = Duration::from_millis(400);

/// With the pause above: the last repetition comes after 25 s.
const FLIGHT_RETRIES: usize = 6;

/// More than any flight `dimpl` makes at its default MTU.
const RECORD_MAX: usize = 2_048;

/// Who we are in DTLS: a certificate, and one configuration shared by every leg of the process.
///
/// Building that configuration checks every algorithm it may use and costs more than a handshake,
/// so there is one. Cloning shares it.
#[derive(Clone, Debug)]
pub struct DtlsIdentity(Arc<Identity>);

#[derive(Debug)]
struct Identity {
    config: Arc<Config>,
    certificate: DtlsCertificate,
    fingerprint: Fingerprint,
}

/// Why there is no identity.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// No key pair or certificate.
    #[error("cannot make a certificate")]
    Certificate(#[source] dimpl::certificate::CertificateError),
    /// The crypto library lacks something.
    #[error("the crypto library cannot do DTLS")]
    Config(#[source] Error),
}

impl DtlsIdentity {
    /// Makes a fresh P-256 certificate and the configuration.
    ///
    /// # Errors
    ///
    /// Says what the crypto library could not do.
    pub fn generate() -> Result<Self, IdentityError> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(IdentityError::Certificate)?;
        // ICE has proven the address before DTLS starts; a cookie would prove it again for a round
        // trip.
        let config = Config::builder()
            .use_server_cookie(false)
            .flight_start_rto(FLIGHT_RTO)
            .flight_retries(FLIGHT_RETRIES)
            .build()
            .map_err(IdentityError::Config)?;
        let fingerprint = fingerprint_of(&certificate.certificate);

        Ok(Self(Arc::new(Identity { config: Arc::new(config), certificate, fingerprint })))
    }

    /// What our SDP must name.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }
}

/// The handshake of one leg.
pub(super) struct Handshake {
    dtls: Dtls,
    role: DtlsRole,
    expected: Fingerprint,
    /// A client waits for a path; a server for the client.
    started: bool,
    genuine: bool,
    /// What the far end showed, genuine or not.
    certificate: Option<Fingerprint>,
    keys: Option<KeyingMaterial>,
    handed_out: bool,
    next_timeout: Option<Instant>,
    /// Where the far end's DTLS last came from; answers go there until ICE has nominated.
    heard_from: Option<SocketAddr>,
}

/// What a handshake has come to.
pub(super) enum Progress {
    /// Nothing new.
    Waiting,
    /// The far end is genuine, and these are the keys. Told once.
    Keys(KeyingMaterial),
}

impl Handshake {
    pub(super) fn new(
        identity: &DtlsIdentity,
        role: DtlsRole,
        expected: Fingerprint,
        now: Instant,
    ) -> Self {
        let Identity { config, certificate, fingerprint: _ } = &*identity.0;
        let dtls = match role {
            DtlsRole::Client => {
                let mut dtls = Dtls::new_12(Arc::clone(config), certificate.clone(), now);
                dtls.set_active(true);
                dtls
            }
            DtlsRole::Server => Dtls::new_auto(Arc::clone(config), certificate.clone(), now),
        };

        Self {
            dtls,
            role,
            expected,
            started: false,
            genuine: false,
            certificate: None,
            keys: None,
            handed_out: false,
            next_timeout: None,
            heard_from: None,
        }
    }

    pub(super) const fn role(&self) -> DtlsRole {
        self.role
    }

    pub(super) const fn has_started(&self) -> bool {
        self.started
    }

    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.next_timeout
    }

    pub(super) const fn certificate(&self) -> Option<Fingerprint> {
        self.certificate
    }

    /// ICE has a path: a client may begin.
    pub(super) fn start(&mut self, now: Instant) {
        if self.role == DtlsRole::Client && !self.started {
            self.started = true;
            self.next_timeout = Some(now);
        }
    }

    /// Takes one datagram. An error without a reason is a datagram to count and forget.
    pub(super) fn handle_datagram(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
    ) -> Result<(), Option<LegFailure>> {
        if self.role == DtlsRole::Client && !self.started {
            return Err(None);
        }
        self.started = true;
        self.heard_from = Some(from);
        self.dtls.handle_timeout(now).map_err(|error| failure(&error))?;
        self.dtls.handle_packet(datagram).map_err(|error| failure(&error))
    }

    /// Lets timers run, sends what is waiting, and says whether the keys are there.
    pub(super) fn poll(
        &mut self,
        nominated: Option<SocketAddr>,
        now: Instant,
        out: &mut impl Outbox,
    ) -> Result<Progress, LegFailure> {
        if !self.started {
            return Ok(Progress::Waiting);
        }
        if let Err(error) = self.dtls.handle_timeout(now) {
            // A leg that has its keys outlives this, and must not be woken for it all the time.
            self.next_timeout = Some(now + FLIGHT_RTO);
            return Err(failure(&error).unwrap_or(LegFailure::DtlsRefused));
        }
        let to = nominated.or(self.heard_from);
        let mut record = [0u8; RECORD_MAX];
        loop {
            match self.dtls.poll_output(&mut record) {
                Output::Packet(packet) => {
                    if let Some(to) = to {
                        out.send(to, packet);
                    }
                }
                Output::PeerCert(der) => {
                    let shown = fingerprint_of(der);
                    self.certificate = Some(shown);
                    if shown != self.expected {
                        return Err(LegFailure::FingerprintMismatch);
                    }
                    self.genuine = true;
                }
                Output::KeyingMaterial(block, profile) => {
                    self.keys = keys_of(&block, profile);
                    if self.keys.is_none() {
                        return Err(LegFailure::DtlsRefused);
                    }
                }
                Output::Timeout(at) => {
                    self.next_timeout = Some(at);
                    break;
                }
                Output::BufferTooSmall { .. } => return Err(LegFailure::DtlsRefused),
                // Keys say more than `Connected`; nobody has data for us; and DTLS closed by the far
                // end does not end a call: signalling does.
                Output::Connected | Output::ApplicationData(_) | Output::CloseNotify | _ => {}
            }
        }
        if self.genuine
            && !self.handed_out
            && let Some(keys) = self.keys.take()
        {
            self.handed_out = true;
            return Ok(Progress::Keys(keys));
        }

        Ok(Progress::Waiting)
    }
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake")
            .field("role", &self.role)
            .field("started", &self.started)
            .field("genuine", &self.genuine)
            .finish_non_exhaustive()
    }
}

fn fingerprint_of(der: &[u8]) -> Fingerprint {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());

    Fingerprint(fingerprint)
}

fn keys_of(block: &[u8], profile: SrtpProfile) -> Option<KeyingMaterial> {
    let profile = match profile {
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmSha1_80,
        _ => return None,
    };

    KeyingMaterial::from_exporter(profile, block).ok()
}

/// Which errors end a handshake; the others are datagrams that do not belong to it.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these end it, whatever is added")]
fn failure(error: &Error) -> Option<LegFailure> {
    match error {
        Error::Timeout(_) => Some(LegFailure::DtlsTimeout),
        Error::SecurityError(SecurityError::FatalAlert { description }) => {
            Some(LegFailure::DtlsAlert(*description))
        }
        Error::SecurityError(_) | Error::CertificateError(_) | Error::IncompleteServerHello => {
            Some(LegFailure::DtlsRefused)
        }
        _ => None,
    }
}
