//! What does a leg need before it exists?

use std::net::SocketAddr;
use std::time::Duration;

use media::frame::AudioCodec;
use media::leg::IceRole;
use media::srtp::{MasterKey, Profile};
use media::transport::{DtlsRole, Fingerprint};
use terms::LegId;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::LegEvent;

/// A leg that will be keyed by DTLS over ICE.
#[derive(Debug)]
pub struct OpenLeg {
    /// Which socket carries it.
    pub socket: Socket,
    /// Its part in ICE.
    pub ice: IceRole,
    /// How its ICE password looks.
    pub password: Password,
    /// Name of our source in RTCP, the same as in SDP.
    pub cname: String,
    /// When silence is worth an event; `None` never is.
    pub media_watch: Option<MediaWatch>,
    /// A leg of the same call: both then live on one thread and can be bridged.
    pub beside: Option<LegId>,
    /// Where its events go, at best [`crate::EVENTS_MAX`] deep. A full channel loses events, which
    /// is counted in [`crate::LegStats::events_lost`]; only [`LegEvent::Closed`] ends the stream.
    pub events: mpsc::Sender<LegEvent>,
}

/// A leg whose SRTP keys both ends already have: no ICE, no DTLS.
///
/// How a measurement opens thousands of legs without handshakes.
#[derive(Debug)]
pub struct OpenKeyed {
    /// Which socket carries it: one of its own, connected to `remote`, or the muxed port.
    pub socket: Socket,
    /// The far end's address.
    pub remote: SocketAddr,
    /// How packets are protected.
    pub profile: Profile,
    /// Protects what we send.
    pub send_key: MasterKey,
    /// Protects what we receive.
    pub receive_key: MasterKey,
    /// What the numbers in RTP headers mean.
    pub payload_types: PayloadTypes,
    /// Name of our source in RTCP.
    pub cname: String,
    /// When silence is worth an event; `None` never is.
    pub media_watch: Option<MediaWatch>,
    /// A leg of the same call.
    pub beside: Option<LegId>,
    /// Where its events go.
    pub events: mpsc::Sender<LegEvent>,
}

/// A leg whose SRTP keys will come from the two SDPs (RFC 4568): no ICE, no DTLS. It has a socket of
/// its own and takes what comes until [`crate::LegHandle::set_keys`], or
/// [`crate::LegHandle::set_plain`] where nothing is protected.
#[derive(Debug)]
pub struct OpenSdes {
    /// Name of our source in RTCP, the same as in SDP.
    pub cname: String,
    /// When silence is worth an event; `None` never is.
    pub media_watch: Option<MediaWatch>,
    /// A leg of the same call.
    pub beside: Option<LegId>,
    /// Where its events go.
    pub events: mpsc::Sender<LegEvent>,
}

/// What two SDPs with keys agreed.
#[derive(Debug)]
pub struct SdesKeys {
    /// The address the far end's SDP names, if it does; its first authentic packet may name another.
    pub remote: Option<SocketAddr>,
    /// Protects what we send.
    pub send_key: MasterKey,
    /// Protects what we receive.
    pub receive_key: MasterKey,
    /// What the numbers in RTP headers mean.
    pub payload_types: PayloadTypes,
}

/// What two SDPs with fingerprints and without ICE agreed.
#[derive(Clone, Copy, Debug)]
pub struct DtlsEnd {
    /// The address the far end's SDP names, if it does; its DTLS and its authentic packets may name another.
    pub remote: Option<SocketAddr>,
    /// SHA-256 of the certificate the far end will show.
    pub fingerprint: Fingerprint,
    /// Our part in the handshake.
    pub role: DtlsRole,
    /// What the numbers in RTP headers mean.
    pub payload_types: PayloadTypes,
}

/// What two SDPs without keys agreed.
#[derive(Clone, Copy, Debug)]
pub struct PlainEnd {
    /// The address the far end's SDP names, if it does; several of its packets in sequence may prove
    /// another.
    pub remote: Option<SocketAddr>,
    /// What the numbers in RTP headers mean.
    pub payload_types: PayloadTypes,
}

/// Which socket carries a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// One of its own, connected once the far end's address is proven. Needed where many far ends
    /// share one address, as behind WhatsApp's relays.
    Own,
    /// The engine's muxed port, told apart by remote address, then by the user fragment of STUN.
    Muxed,
}

/// How a leg's ICE password looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// 24 characters every ICE library takes.
    Plain,
    /// 22 characters and `==`, as WhatsApp writes it; strict libraries refuse it.
    Padded,
}

/// How long a leg may be silent before [`LegEvent::MediaStopped`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaWatch {
    /// From [`crate::LegHandle::watch_from_now`] until the first audio.
    pub start: Duration,
    /// After the first audio; RTCP counts as a sign of life.
    pub mid_call: Duration,
}

impl Default for MediaWatch {
    /// WhatsApp's own limits: 20 s at the start, 30 s in a call.
    fn default() -> Self {
        Self { start: Duration::from_secs(20), mid_call: Duration::from_secs(30) }
    }
}

/// What the numbers in this leg's RTP headers mean, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadTypes {
    /// The payload type of the audio.
    pub audio: u8,
    /// How the audio is encoded; its clock is the leg's, for events too.
    pub codec: AudioCodec,
    /// `telephone-event/8000`, where agreed.
    pub dtmf: Option<u8>,
    /// Comfort noise, where agreed (RFC 3389); it is for who decodes, and not passed on.
    pub noise: Option<u8>,
}

impl PayloadTypes {
    /// Opus at 48 kHz, and events where agreed.
    #[must_use]
    pub const fn opus(audio: u8, dtmf: Option<u8>) -> Self {
        Self { audio, codec: AudioCodec::Opus, dtmf, noise: None }
    }
}

/// Why a leg did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// [`Socket::Muxed`] on an engine without [`crate::Config::muxed`].
    #[error("this engine has no muxed port")]
    NoMuxedPort,
    /// Every port of the range is taken.
    #[error("no media port is free")]
    NoPort(#[source] std::io::Error),
    /// The far end's address cannot be reached from our socket.
    #[error("cannot connect the media socket")]
    Connect(#[source] std::io::Error),
    /// Every media thread was busier than [`crate::BusyLimits::calls`] in the last second. A leg beside
    /// another is not refused for it: its call is already there.
    #[error("the media threads are busy: the least of them {:.0} % of the last second", share * 100.0)]
    Busy {
        /// Of its time, by the least busy thread; 0 to 1.
        share: f32,
    },
    /// [`OpenLeg::beside`] names a leg that is gone.
    #[error("the leg to open beside is not open")]
    NotBeside(LegId),
    /// The media thread has stopped.
    #[error("the media engine has stopped")]
    Stopped,
}
