//! Who relays calls, and how is each asked to?

mod janus;
mod ng;
mod rtpengine;
mod told;
mod transcoding;

use anyhow::Result;

pub(super) use self::{
    janus::Janus,
    rtpengine::RtpEngine,
    told::{Told, python},
    transcoding::{EFFORT, RtpEngineTranscoding, Trunks},
};
use super::far_ends::FarEnds;

/// A process that relays calls of two legs, each with ICE, DTLS and SRTP.
pub(super) trait Relay {
    /// Negotiates a call between WhatsApp's far end and the browser's.
    fn open(&mut self, call: u64, far: &mut FarEnds) -> Result<()>;

    /// Ends it.
    fn close(&mut self, call: u64) -> Result<()>;

    /// The process whose CPU time and memory count.
    fn pid(&self) -> u32;
}
