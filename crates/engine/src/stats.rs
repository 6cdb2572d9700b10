//! What does a leg count?

use std::net::SocketAddr;
use std::time::Duration;

/// A leg's figures at one moment. What was not measured is absent, never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegStats {
    /// What arrived and was authentic.
    pub received: Received,
    /// What left.
    pub sent: Sent,
    /// What was dropped, by cause.
    pub drops: Drops,
    /// How long setting up took.
    pub set_up: SetUp,
    /// How often the far end changed its SSRC.
    pub ssrc_changes: u32,
    /// The far end's address, once proven.
    pub remote: Option<SocketAddr>,
    /// Events nobody took in time.
    pub events_lost: u64,
    /// Tap packets nobody took in time.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}
