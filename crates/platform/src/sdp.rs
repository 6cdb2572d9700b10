//! What do the two parties' SDPs mean to a call?
//!
//! The platform offers to the business for a user's call and answers it for a call of its own; it
//! always answers the phone. Here the texts become what a leg needs.

use std::net::SocketAddr;

use engine::PayloadTypes;
use media::{
    frame::AudioCodec,
    sdp::{
        self, AudioSession, Keying, Parsed, PlatformVoice, SdesCrypto, SdpRefusal, SdpWarning,
        Setup, SkippedCandidates,
    },
    transport::{DtlsRole, Fingerprint, LocalTransport, RemoteTransport},
};
use rules::call::LegFailure;
use terms::Timestamp;

use crate::ids::{Ids, Stream};

/// The payload types of the platform's own offer (fact sheet 5.2), unless the answer takes G.711.
pub(crate) const OFFERED_TYPES: PayloadTypes = PayloadTypes::opus(sdp::OPUS_PT, Some(sdp::DTMF_PT));

/// A party's SDP, ready for its leg.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) far_end: FarEnd,
    pub(crate) types: PayloadTypes,
    session: AudioSession,
    warnings: Vec<SdpWarning>,
    skipped: SkippedCandidates,
    /// The number's codecs beside Opus.
    extra: Vec<AudioCodec>,
    is_answer: bool,
}

/// How a leg reaches the party that wrote an SDP.
#[derive(Debug)]
pub(crate) enum FarEnd {
    /// By ICE, with keys from a handshake.
    Dtls {
        /// What its SDP says.
        remote: RemoteTransport,
        /// Who starts DTLS, as our own SDP says.
        role: DtlsRole,
    },
    /// Where its SDP says, with the key that stands there.
    Sdes {
        /// None when it gives no address.
        addr: Option<SocketAddr>,
        /// Its key.
        crypto: SdesCrypto,
    },
}

/// What a diagnosis wants to know of a business's SDP.
#[derive(Debug, Clone)]
pub(crate) struct BusinessSdp {
    /// What is tolerated here and fails elsewhere.
    pub(crate) warnings: Vec<SdpWarning>,
    /// Where it says it is.
    pub(crate) candidates: Vec<SocketAddr>,
    /// Candidates that are no UDP address.
    pub(crate) skipped: SkippedCandidates,
    /// Where we say we are.
    pub(crate) ours: Vec<SocketAddr>,
    /// Our part in DTLS.
    pub(crate) role: DtlsRole,
    /// The certificate it names.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// What its payload types mean.
    pub(crate) types: PayloadTypes,
    /// It answers our offer.
    pub(crate) is_answer: bool,
}

/// The platform's offer for a user's call, with the number's `extra` codecs.
pub(crate) fn platform_offer(
    local: &LocalTransport,
    crypto: Option<&SdesCrypto>,
    extra: &[AudioCodec],
    ids: &Ids,
    created: Timestamp,
) -> String {
    let stream = ids.uuid(Stream::Sdp).to_string();
    let voice = PlatformVoice { local, created, stream: &stream, extra };
    match crypto {
        Some(crypto) => sdp::write_platform_sdes_offer(voice, crypto),
        None => sdp::write_platform_offer(voice),
    }
}

/// Reads the offer of a user's phone.
///
/// # Errors
///
/// It is no offer a leg can answer.
pub(crate) fn read_phone_offer(text: &str) -> Result<Described, SdpRefusal> {
    read_offer(text, Keying::Dtls, &[])
}

/// Reads a business's offer to a number with these codecs beside Opus.
///
/// # Errors
///
/// It is no offer WhatsApp would take.
pub(crate) fn read_business_offer(
    text: &str,
    keying: Keying,
    extra: &[AudioCodec],
) -> Result<Described, SdpRefusal> {
    let mut offer = read_offer(text, keying, extra)?;
    // An offer without telephone-event gets it at 126 all the same (fact sheet 3.10).
    offer.types.dtmf = offer.types.dtmf.or(OFFERED_TYPES.dtmf);
    Ok(offer)
}

/// Reads a business's answer to our offer.
///
/// # Errors
///
/// It is no answer WhatsApp would take.
pub(crate) fn read_business_answer(
    offer: &AudioSession,
    text: &str,
) -> Result<Described, SdpRefusal> {
    let answer = sdp::parse(text)?;
    let keying = if offer.crypto.is_some() { Keying::Sdes } else { Keying::Dtls };
    sdp::check_answer(offer, &answer, keying)?;
    // What was not offered was refused.
    describe(answer, keying, &AudioCodec::G711, true, |remote| remote.setup.our_role())
}

impl Described {
    /// What a diagnosis wants to know of it.
    pub(crate) fn for_diagnosis(&self, ours: &LocalTransport) -> BusinessSdp {
        BusinessSdp {
            warnings: self.warnings.clone(),
            candidates: match &self.far_end {
                FarEnd::Dtls { remote, .. } => remote.candidates.clone(),
                FarEnd::Sdes { addr, .. } => addr.iter().copied().collect(),
            },
            skipped: self.skipped,
            ours: ours.addrs.clone(),
            role: self.role(),
            fingerprint: self.session.fingerprint,
            types: self.types,
            is_answer: self.is_answer,
        }
    }

    /// Our answer to a phone.
    pub(crate) fn answer(&self, local: &LocalTransport) -> String {
        sdp::write_browser_answer(&self.session, local)
    }

    /// Our answer to a business.
    pub(crate) fn platform_answer(
        &self,
        local: &LocalTransport,
        crypto: Option<&SdesCrypto>,
        ids: &Ids,
        created: Timestamp,
    ) -> String {
        let stream = ids.uuid(Stream::Sdp).to_string();
        let voice = PlatformVoice { local, created, stream: &stream, extra: &self.extra };
        if let Some(crypto) = crypto {
            return sdp::write_platform_sdes_answer(voice, &self.session, crypto);
        }
        let setup = match self.role() {
            DtlsRole::Client => Setup::Active,
            DtlsRole::Server => Setup::Passive,
        };
        sdp::write_platform_answer(voice, &self.session, setup)
    }

    /// The tag of the business's own `a=crypto`, which the answer repeats.
    pub(crate) fn crypto_tag(&self) -> Option<u32> {
        match &self.far_end {
            FarEnd::Dtls { .. } => None,
            FarEnd::Sdes { crypto, .. } => Some(crypto.tag),
        }
    }

    fn role(&self) -> DtlsRole {
        match &self.far_end {
            FarEnd::Dtls { role, .. } => *role,
            // Nobody shakes hands; the word for it is of no consequence.
            FarEnd::Sdes { .. } => DtlsRole::Server,
        }
    }
}

/// The rules' word for a leg's failure.
pub(crate) fn leg_failure(reason: &media::leg::LegFailure) -> LegFailure {
    use media::leg::LegFailure as Reason;
    match reason {
        Reason::IceTimeout | Reason::ConsentLost => LegFailure::NoPath,
        Reason::DtlsTimeout
        | Reason::DtlsAlert(_)
        | Reason::DtlsRefused
        | Reason::FingerprintMismatch => LegFailure::NoKeys,
        Reason::Socket => LegFailure::SetUp,
    }
}

fn read_offer(text: &str, keying: Keying, extra: &[AudioCodec]) -> Result<Described, SdpRefusal> {
    let offer = sdp::parse(text)?;
    sdp::check_offer(&offer, keying, extra)?;
    describe(offer, keying, extra, false, |remote| match remote.setup {
        Setup::Passive => DtlsRole::Client,
        Setup::Active | Setup::Actpass => DtlsRole::Server,
    })
}

fn describe(
    parsed: Parsed,
    keying: Keying,
    extra: &[AudioCodec],
    is_answer: bool,
    role: impl FnOnce(&RemoteTransport) -> DtlsRole,
) -> Result<Described, SdpRefusal> {
    let Parsed { session, warnings, skipped, .. } = parsed;
    let far_end = match keying {
        Keying::Dtls => {
            let remote = session.remote_transport()?;
            FarEnd::Dtls { role: role(&remote), remote }
        }
        Keying::Sdes => {
            let crypto = session.crypto.clone().ok_or(SdpRefusal::NoCrypto)?;
            FarEnd::Sdes { addr: session.media_addr(), crypto }
        }
    };
    // What comes first is what both send (RFC 3264 section 6.1).
    let first = session.audio(extra).first().copied();
    let (audio, codec) = first.unwrap_or((OFFERED_TYPES.audio, OFFERED_TYPES.codec));
    let types = PayloadTypes { audio, codec, dtmf: session.dtmf_pt(), noise: None };
    let extra = extra.to_vec();
    Ok(Described { far_end, types, session, warnings, skipped, extra, is_answer })
}
