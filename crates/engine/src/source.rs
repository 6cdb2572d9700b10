//! What does a leg send?

use std::sync::Arc;

use media::frame::OpusFrame;

use crate::LegHandle;

/// Where the audio a leg sends comes from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// Nothing but RTCP.
    #[default]
    Silence,
    /// What another leg of the same call hears, payload untouched.
    Bridge(LegHandle),
    /// Opus packets made beforehand, 20 ms each. They wait for keys and for the gate.
    Packets(Arc<[OpusFrame]>, Repeat),
    /// What the leg itself hears.
    Echo,
}

/// How often [`Source::Packets`] plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once, then [`crate::LegEvent::PlaybackDone`] and silence.
    Once,
    /// Until another source is set.
    Forever,
}
