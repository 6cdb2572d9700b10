//! What does a leg count?

use std::net::SocketAddr;
use std::time::Duration;

use media::frame::AudioCodec;
use media::leg::{Evidence, LegFailure};

/// A leg's figures at one moment. What was not measured is absent, never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegStats {
    /// What arrived and was authentic.
    pub received: Received,
    /// What left.
    pub sent: Sent,
    /// What both ends agreed to talk; none before.
    pub codec: Option<AudioCodec>,
    /// What was dropped, by cause.
    pub drops: Drops,
    /// How long setting up took.
    pub set_up: SetUp,
    /// What the far end was seen doing towards a path and keys.
    pub evidence: Evidence,
    /// Why it is of no more use, where it is not.
    pub failed: Option<LegFailure>,
    /// What came to the muxed port from the far end and named no leg, or another.
    pub strays: Strays,
    /// Whether the far end lives, since [`crate::LegHandle::watch_from_now`]; none before.
    pub alive: Option<Alive>,
    /// How often the far end changed its SSRC.
    pub ssrc_changes: u32,
    /// The far end's address, once proven.
    pub remote: Option<SocketAddr>,
    /// Events nobody took in time.
    pub events_lost: u64,
    /// Tap packets nobody took in time, or that were left out because the thread was busy.
    pub taps_lost: u64,
}

/// Audio from the far end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Received {
    /// RTP packets.
    pub packets: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// Packets that never came (RFC 3550 A.3).
    pub lost: u64,
    /// Packets that came after a later one.
    pub late: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Interarrival jitter.
    pub jitter_ms: f32,
    /// Round trip by RTCP, once a report answered one of ours.
    pub rtt_ms: Option<f32>,
    /// Estimated listening quality, once something was received.
    pub mos: Option<f32>,
    /// RTCP packets.
    pub reports: u64,
    /// The longest pause between two packets of audio, if one was longer than a second.
    pub longest_pause: Option<Duration>,
    /// The newest payload type that was not agreed.
    pub foreign_type: Option<u8>,
    /// What we have added to the way of packets, once one was looked at.
    pub added: Option<Added>,
    /// Frames of 20 ms that were restored or concealed for whoever hears this leg decoded: a bot, a mix, a
    /// telephone of another codec. None while nobody does: what is passed on is concealed where it is heard.
    pub made_up: Option<u64>,
}

/// From the network stack's taking a packet to our giving it back, for those that were passed on as they
/// came; some are looked at, up to fifty a second of all legs of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// How many were looked at.
    pub samples: u32,
    /// All of them together.
    pub sum: Duration,
    /// The longest.
    pub most: Duration,
}

impl Added {
    /// What is added on average.
    #[must_use]
    pub fn mean(&self) -> Duration {
        self.sum / self.samples.max(1)
    }
}

/// Signs of life of a far end that is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alive {
    /// Audio came since the watch began.
    pub heard: bool,
    /// How long ago the last sign of life was: audio, or RTCP once there was audio; else how long
    /// ago the watch began.
    pub idle: Duration,
}

/// Datagrams of a far end that lack what would lead them to its leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    /// STUN requests from its user fragment to one that no leg has.
    pub checks: u64,
    /// DTLS from one of its candidates, from where no check came.
    pub dtls: u64,
    /// RTP or RTCP likewise.
    pub media: u64,
    /// Where the newest came from.
    pub from: Option<SocketAddr>,
}

/// Audio to the far end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// RTP packets.
    pub packets: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// What the far end says never reached it, in percent of the last report's span.
    pub lost_percent: Option<f32>,
}

/// Datagrams and packets that went nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// SRTP that failed authentication.
    pub auth: u64,
    /// SRTP seen before, or too old to tell.
    pub replay: u64,
    /// RTP, RTCP or DTLS that does not parse, or too long.
    pub malformed: u64,
    /// STUN that does not parse or is not for this leg.
    pub stun: u64,
    /// Audio that was ready before the gate was open or keys were agreed.
    pub gate: u64,
    /// Audio of a payload type neither end agreed.
    pub payload_type: u64,
    /// Anything else: unknown protocols, SRTP before its keys.
    pub unknown: u64,
    /// On purpose, by an [`crate::Impairment`].
    pub impaired: u64,
}

/// Milliseconds from [`crate::LegHandle::set_remote`] to each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetUp {
    /// ICE had a path.
    pub ice_ms: Option<u64>,
    /// DTLS had keys.
    pub dtls_ms: Option<u64>,
    /// The first audio came.
    pub first_media_ms: Option<u64>,
}

/// What one media thread has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ThreadLoad {
    /// Processor time used.
    pub cpu: Duration,
    /// Datagrams received.
    pub received: u64,
    /// Datagrams handed to the kernel.
    pub sent: u64,
    /// Datagrams the kernel would not take.
    pub unsent: u64,
    /// Datagrams for no leg.
    pub strangers: u64,
    /// Times it woke.
    pub turns: u64,
    /// Open legs.
    pub legs: usize,
    /// Share of the last second it was busy, 0 to 1; 0 in its first second.
    pub busy: f32,
    /// DTLS datagrams it gave to handshake threads.
    pub handed_over: u64,
    /// Those no handshake thread had room for; whoever sent them sends them again.
    pub handshakes_shed: u64,
}
