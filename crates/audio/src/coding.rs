//! How does a telephone code its audio, where that is not Opus?

use crate::g711::Law;

/// A codec of telephones: 8,000 bytes a second, as many as its RTP clock has ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// G.711: what is below 4 kHz.
    G711(Law),
    /// G.722: what is below 8 kHz.
    G722,
}

impl From<Law> for Coding {
    fn from(law: Law) -> Self {
        Self::G711(law)
    }
}
