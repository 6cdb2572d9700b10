//! How is the audio of a trunk protected, by its SDPs?
//!
//! In the house's own network perhaps not at all; else by keys in the SDP (RFC 4568), or by a DTLS handshake
//! on the media path (RFC 5763), with ICE or without, as the far end likes.

use super::trunk::TrunkRefusal;
use super::{AudioSession, Fingerprint, Profile, RemoteTransport, SdesCrypto, Setup};

/// Where keys come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrunkKeying {
    /// There are none: plain RTP.
    Open,
    /// They stand in the SDP.
    Sdes,
    /// A DTLS handshake.
    Dtls,
}

/// What the far end says of its keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TrunkKeys {
    /// It has none.
    Open,
    /// Its key.
    Sdes(SdesCrypto),
    /// How it shakes hands.
    Dtls(Box<TrunkDtls>),
}

/// How a far end shakes hands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkDtls {
    /// SHA-256 of the certificate it will show.
    pub fingerprint: Fingerprint,
    /// Its word on who starts.
    pub setup: Setup,
    /// How a path to it is looked for; `None`: it has no ICE.
    pub ice: Option<RemoteTransport>,
    /// Whether it offers feedback (`SAVPF`); an answer repeats it.
    pub feedback: bool,
    /// Whether reports come on the port of the audio.
    pub rtcp_mux: bool,
}

impl TrunkKeys {
    /// What a far end's SDP says, where that is one of the ways we take.
    pub(super) fn of(session: &AudioSession, takes: &[TrunkKeying]) -> Result<Self, TrunkRefusal> {
        let keying = keying(&session.profile).filter(|keying| takes.contains(keying));
        match keying.ok_or(TrunkRefusal::Transport)? {
            TrunkKeying::Open => Ok(Self::Open),
            TrunkKeying::Sdes => {
                session.crypto.clone().map(Self::Sdes).ok_or(TrunkRefusal::NoCrypto)
            }
            TrunkKeying::Dtls => TrunkDtls::of(session).map(Box::new).map(Self::Dtls),
        }
    }

    /// Whether these are the keys that were agreed.
    pub(super) fn is_still(&self, agreed: &Self) -> bool {
        match (self, agreed) {
            (Self::Dtls(theirs), Self::Dtls(agreed)) => theirs.is_still(agreed),
            (Self::Open | Self::Sdes(_) | Self::Dtls(_), _) => self == agreed,
        }
    }

    /// Where these come from.
    #[must_use]
    pub const fn keying(&self) -> TrunkKeying {
        match self {
            Self::Open => TrunkKeying::Open,
            Self::Sdes(_) => TrunkKeying::Sdes,
            Self::Dtls(_) => TrunkKeying::Dtls,
        }
    }
}

impl TrunkDtls {
    fn of(session: &AudioSession) -> Result<Self, TrunkRefusal> {
        let fingerprint = session.fingerprint.ok_or(TrunkRefusal::NoFingerprint)?;
        Ok(Self {
            fingerprint,
            // Without the word either end may start.
            setup: session.setup.unwrap_or(Setup::Actpass),
            ice: session.remote_transport().ok(),
            feedback: session.profile == Profile::UdpTlsRtpSavpf,
            rtcp_mux: session.rtcp_mux,
        })
    }

    /// Whether this is the far end that was agreed with: who shows the same certificate, at the end of the
    /// same path.
    #[must_use]
    pub fn is_still(&self, agreed: &Self) -> bool {
        let names = |it: &Self| it.ice.as_ref().map(RemoteTransport::credentials);
        self.fingerprint == agreed.fingerprint && names(self) == names(agreed)
    }
}

fn keying(profile: &Profile) -> Option<TrunkKeying> {
    match profile {
        Profile::UdpTlsRtpSavp | Profile::UdpTlsRtpSavpf => Some(TrunkKeying::Dtls),
        Profile::RtpSavp | Profile::RtpSavpf => Some(TrunkKeying::Sdes),
        Profile::Other(name) => {
            matches!(&**name, "RTP/AVP" | "RTP/AVPF").then_some(TrunkKeying::Open)
        }
    }
}
