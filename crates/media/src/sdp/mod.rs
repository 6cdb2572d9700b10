//! What does an audio session say about itself, in SDP?
//!
//! Audio only, and only the shapes that calls over WhatsApp have. [`parse`] reads what the far end
//! wrote into an [`AudioSession`] and keeps the text; [`check_offer`] and [`check_answer`] are the
//! platform's demands on a business, each refusal with its line and its cure, and [`lint`] is what
//! a business should know before it sends its own; the `write_…`
//! functions write the layouts of the fact sheet byte for byte:
//!
//! | Function | Who writes to whom | Layout |
//! |---|---|---|
//! | [`write_platform_offer`] | WhatsApp → business, user's call | 5.2 |
//! | [`write_platform_sdes_offer`] | the same, keys in the SDP | 6.6 |
//! | [`write_gateway_answer`] | business → WhatsApp, user's call | 5.3 |
//! | [`write_gateway_offer`] | business → WhatsApp, business's call | 5.4 |
//! | [`write_gateway_sdes_answer`], [`write_gateway_sdes_offer`] | business → WhatsApp, keys in the SDP | 6.6 |
//! | [`write_platform_sdes_answer`] | the same for a business's call | 6.6 |
//! | [`write_platform_answer`] | WhatsApp → business, business's call | 5.4 |
//! | [`write_handset_offer`] | handset → platform | ours |
//! | [`write_trunk_offer`], [`write_trunk_offer_again`], [`write_trunk_answer`] | gateway → PBX | ours |
//! | [`write_browser_answer`] | platform → phone, gateway → agent's browser | ours |
//!
//! Every text, however hostile, is answered with a value.

mod attributes;
mod check;
mod lint;
mod parse;
mod refusal;
mod sdes;
#[cfg(test)]
mod tests;
mod trunk;
mod trunk_keys;
mod write_business;
mod write_phone;
mod write_platform;
mod write_trunk;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use self::check::{Keying, check_answer, check_offer};
pub use self::lint::{Lint, Role, lint};
pub use self::parse::{Parsed, SDP_BYTES_MAX, SkippedCandidates, parse};
pub use self::refusal::{SdpRefusal, SdpWarning};
pub use self::sdes::SdesCrypto;
pub use self::trunk::{TrunkMedia, TrunkRefusal};
pub use self::trunk_keys::{TrunkDtls, TrunkKeying, TrunkKeys};
pub use self::write_business::{
    write_gateway_answer, write_gateway_offer, write_gateway_sdes_answer, write_gateway_sdes_offer,
};
pub use self::write_phone::{write_browser_answer, write_handset_offer};
pub use self::write_platform::{
    PlatformVoice, write_platform_answer, write_platform_offer, write_platform_sdes_answer,
    write_platform_sdes_offer,
};
pub use self::write_trunk::{
    OurKeys, TrunkVoice, write_trunk_answer, write_trunk_offer, write_trunk_offer_again,
};
use crate::frame::AudioCodec;
pub use crate::transport::{Fingerprint, LocalTransport, RemoteTransport, Setup};

/// Opus's payload type in every offer of WhatsApp's (fact sheet 5.2).
pub const OPUS_PT: u8 = 111;

/// G.722's payload type everywhere (RFC 3551).
pub const G722_PT: u8 = 9;

/// PCMU's payload type everywhere (RFC 3551).
pub const PCMU_PT: u8 = 0;

/// PCMA's payload type everywhere (RFC 3551).
pub const PCMA_PT: u8 = 8;

/// The payload type of telephone-events in every offer of WhatsApp's (fact sheet 5.2).
pub const DTMF_PT: u8 = 126;

/// Opus as WhatsApp sets it: 16 kHz, 20 kbit/s on average, in-band FEC.
pub(crate) const OPUS_FMTP: &str = "maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;\
                                    sprop-maxcapturerate=16000;useinbandfec=1";

/// One audio session as its SDP describes it.
#[derive(Clone, PartialEq, Eq)]
pub struct AudioSession {
    /// The session id of `o=`.
    pub origin_id: u64,
    /// The version of `o=`.
    pub origin_version: u64,
    /// The address of `o=`.
    pub origin_addr: String,
    /// `a=ice-lite`
    pub ice_lite: bool,
    /// The first name in `a=group:BUNDLE`.
    pub bundle: Option<String>,
    /// `a=mid`
    pub mid: Option<String>,
    /// `a=msid`
    pub msid: Option<Msid>,
    /// The address of `c=`; unspecified when it names none.
    pub addr: IpAddr,
    /// The port of `m=`.
    pub port: u16,
    /// The transport of `m=`.
    pub profile: Profile,
    /// UDP candidates of RTP, in the order written.
    pub candidates: Vec<Candidate>,
    /// `a=ice-ufrag`
    pub ice_ufrag: Option<String>,
    /// `a=ice-pwd`, padding included.
    pub ice_pwd: Option<String>,
    /// The `sha-256` of `a=fingerprint`.
    pub fingerprint: Option<Fingerprint>,
    /// `a=setup`
    pub setup: Option<Setup>,
    /// The first usable `a=crypto`.
    pub crypto: Option<SdesCrypto>,
    /// The formats of `m=`, in its order.
    pub codecs: Vec<Codec>,
    /// `a=ptime`
    pub ptime_ms: Option<u32>,
    /// `a=maxptime`
    pub maxptime_ms: Option<u32>,
    /// The first `a=ssrc` with a cname.
    pub ssrc: Option<(u32, String)>,
    /// `a=sendrecv` and the like.
    pub direction: MediaDirection,
    /// `a=rtcp-mux`
    pub rtcp_mux: bool,
}

/// The stream and track a source belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Msid {
    /// The stream's name.
    pub stream: String,
    /// The track's name, where there is one.
    pub track: Option<String>,
}

/// How media is carried and protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `UDP/TLS/RTP/SAVPF`: keys by DTLS, with feedback.
    UdpTlsRtpSavpf,
    /// `UDP/TLS/RTP/SAVP`: keys by DTLS.
    UdpTlsRtpSavp,
    /// `RTP/SAVPF`: protected, with feedback.
    RtpSavpf,
    /// `RTP/SAVP`: protected.
    RtpSavp,
    /// Anything else, such as the unprotected `RTP/AVP`.
    Other(String),
}

impl From<&str> for Profile {
    fn from(text: &str) -> Self {
        match text {
            "UDP/TLS/RTP/SAVPF" => Self::UdpTlsRtpSavpf,
            "UDP/TLS/RTP/SAVP" => Self::UdpTlsRtpSavp,
            "RTP/SAVPF" => Self::RtpSavpf,
            "RTP/SAVP" => Self::RtpSavp,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Profile {
    /// The word of the `m=` line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::UdpTlsRtpSavpf => "UDP/TLS/RTP/SAVPF",
            Self::UdpTlsRtpSavp => "UDP/TLS/RTP/SAVP",
            Self::RtpSavpf => "RTP/SAVPF",
            Self::RtpSavp => "RTP/SAVP",
            Self::Other(other) => other,
        }
    }
}

/// A UDP address that may be tried.
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Candidates of one base share it.
    pub foundation: String,
    /// Higher is better.
    pub priority: u32,
    /// Where to.
    pub addr: SocketAddr,
    /// `host`, `srflx`, `prflx` or `relay`.
    pub kind: CandidateKind,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.addr.is_ipv4() { "IPv4" } else { "IPv6" };
        write!(f, "Candidate({:?}, {family})", self.kind)
    }
}

/// How a candidate was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// An interface's own address.
    Host,
    /// The address a server saw.
    ServerReflexive,
    /// The address a peer saw.
    PeerReflexive,
    /// A relay's.
    Relay,
}

/// One format of the audio line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// Payload type.
    pub pt: u8,
    /// Name, as written.
    pub name: String,
    /// Clock rate in Hz.
    pub clock: u32,
    /// Channels; 1 when nothing is said.
    pub channels: u8,
    /// `a=fmtp`
    pub fmtp: Option<String>,
    /// `a=rtcp-fb`, each.
    pub rtcp_fb: Vec<String>,
}

impl Codec {
    /// Which audio codec of a call this is; `None` for events and for what no call carries.
    #[must_use]
    pub fn audio(&self) -> Option<AudioCodec> {
        match self.channels {
            2 if self.is("opus", 48_000) => Some(AudioCodec::Opus),
            1 if self.is("G722", 8_000) => Some(AudioCodec::G722),
            1 if self.is("PCMU", 8_000) => Some(AudioCodec::Pcmu),
            1 if self.is("PCMA", 8_000) => Some(AudioCodec::Pcma),
            _ => None,
        }
    }

    fn is(&self, name: &str, clock: u32) -> bool {
        self.clock == clock && self.name.eq_ignore_ascii_case(name)
    }
}

/// Which way media may flow, seen from the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaDirection {
    /// Both ways.
    SendRecv,
    /// From the writer only.
    SendOnly,
    /// To the writer only.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl MediaDirection {
    /// What the other end answers.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::SendRecv => Self::SendRecv,
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            Self::Inactive => Self::Inactive,
        }
    }

    /// The attribute's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

impl AudioSession {
    /// What a leg must know about the far end that wrote this.
    ///
    /// # Errors
    ///
    /// No sha-256 fingerprint, or no ICE credentials.
    pub fn remote_transport(&self) -> Result<RemoteTransport, SdpRefusal> {
        let Some(fingerprint) = self.fingerprint else { return Err(SdpRefusal::NoFingerprint) };
        let missing = |attribute| SdpRefusal::NoIce { attribute };
        Ok(RemoteTransport {
            ice_ufrag: self.ice_ufrag.clone().ok_or_else(|| missing("ice-ufrag"))?,
            ice_pwd: self.ice_pwd.clone().ok_or_else(|| missing("ice-pwd"))?,
            candidates: self.candidates.iter().map(|candidate| candidate.addr).collect(),
            ice_lite: self.ice_lite,
            fingerprint,
            // Without the attribute either end may start; the writer of an offer says so this way.
            setup: self.setup.unwrap_or(Setup::Actpass),
        })
    }

    /// Where RTP goes without ICE: `c=` and `m=`; none when they name no address.
    #[must_use]
    pub fn media_addr(&self) -> Option<SocketAddr> {
        /// The port of an end that has no address yet (RFC 8840 4.1.1).
        const DISCARD: u16 = 9;
        let known = !self.addr.is_unspecified() && self.port != DISCARD;
        known.then(|| SocketAddr::new(self.addr, self.port))
    }

    /// The payload type of Opus.
    #[must_use]
    pub fn opus_pt(&self) -> Option<u8> {
        self.audio(&[]).first().map(|(pt, _)| *pt)
    }

    /// The audio formats in the order written, each codec once: Opus, and of the others what is `allowed`.
    /// The first one of an answer is what both ends send (RFC 3264 section 6.1).
    #[must_use]
    pub fn audio(&self, allowed: &[AudioCodec]) -> Vec<(u8, AudioCodec)> {
        let mut formats: Vec<(u8, AudioCodec)> = Vec::new();
        for (pt, codec) in self.codecs.iter().filter_map(|it| Some((it.pt, it.audio()?))) {
            let taken = codec == AudioCodec::Opus || allowed.contains(&codec);
            if taken && formats.iter().all(|(_, known)| *known != codec) {
                formats.push((pt, codec));
            }
        }
        formats
    }

    /// The payload type of telephone-events at 8000 Hz; events at 48000 Hz do not count.
    #[must_use]
    pub fn dtmf_pt(&self) -> Option<u8> {
        let events = self.codecs.iter().find(|codec| codec.is("telephone-event", 8000));
        events.map(|codec| codec.pt)
    }

    /// The payload type of comfort noise at 8000 Hz (RFC 3389).
    #[must_use]
    pub fn noise_pt(&self) -> Option<u8> {
        self.codecs.iter().find(|codec| codec.is("CN", 8000)).map(|codec| codec.pt)
    }

    /// Whether Opus was written with `transport-cc` feedback.
    fn opus_has_transport_cc(&self) -> bool {
        let opus = self.codecs.iter().find(|codec| Some(codec.pt) == self.opus_pt());
        opus.is_some_and(|codec| codec.rtcp_fb.iter().any(|kind| kind == "transport-cc"))
    }
}

impl fmt::Debug for AudioSession {
    /// Shows neither addresses nor keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioSession")
            .field("ice_lite", &self.ice_lite)
            .field("mid", &self.mid)
            .field("profile", &self.profile)
            .field("candidates", &self.candidates)
            .field("setup", &self.setup)
            .field("codecs", &self.codecs)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
