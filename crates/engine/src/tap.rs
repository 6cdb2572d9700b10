//! How does someone else get a copy of a leg's packets?
//!
//! A tap is a bounded channel; a full one loses packets and the packet path never waits. When the
//! receiver is dropped the tap ends itself.

use std::fmt;
use std::time::Instant;

/// The longest payload a tap copies: one Opus frame's limit.
pub const PAYLOAD_MAX: usize = 1275;

/// A request for copies.
#[derive(Clone, Debug)]
pub struct Tap {
    /// Which packets.
    pub direction: Direction,
    /// Where to; should hold a second of audio, 50 packets, or more.
    pub sink: crossbeam_channel::Sender<TapPacket>,
}

/// Whether a thread with too much to do may leave a tap out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TapUse {
    /// It only listens.
    Listens,
    /// Another leg sends what is made of it.
    Carries,
}

/// Which way a packet went, seen from our leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the far end to us.
    Received,
    /// From us to the far end.
    Sent,
}

/// One packet's plain payload and what its header said.
#[derive(Clone, Debug)]
pub struct TapPacket {
    /// When it passed.
    pub at: Instant,
    /// Payload type.
    pub pt: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, on the clock of the leg's codec.
    pub timestamp: u32,
    /// The plain payload.
    pub payload: Payload,
}

/// A payload kept in place, so that copying one allocates nothing.
#[derive(Clone)]
pub struct Payload {
    len: u16,
    bytes: [u8; PAYLOAD_MAX],
}

impl Payload {
    /// Copies a payload; `None` when it is longer than [`PAYLOAD_MAX`].
    #[must_use]
    pub fn new(payload: &[u8]) -> Option<Self> {
        let len = u16::try_from(payload.len()).ok()?;
        let mut bytes = [0; PAYLOAD_MAX];
        bytes.get_mut(..payload.len())?.copy_from_slice(payload);
        Some(Self { len, bytes })
    }
}

impl std::ops::Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len)
    }
}
