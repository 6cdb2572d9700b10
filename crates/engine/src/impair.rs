//! What may a leg's network do to it on purpose?

use std::time::Duration;

/// A bad network, on purpose: acts on RTP and RTCP of one leg in both directions. STUN passes always.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// Share of packets lost, 0 to 1.
    pub loss: f32,
    /// Packets come late by up to this, in their order.
    pub jitter: Duration,
    /// No packet passes.
    pub silence: bool,
    /// DTLS of the far end is dropped, so that a handshake never ends.
    pub no_dtls: bool,
    /// What the accidents are drawn from: the same seed, the same accidents.
    pub seed: u64,
}

impl Impairment {
    /// Whether it does nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.loss <= 0.0 && self.jitter.is_zero() && !self.silence && !self.no_dtls
    }
}
