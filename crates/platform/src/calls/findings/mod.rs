//! Why was this call silent, and what should the developer change?
//!
//! Read from the figures of the legs and from the business's SDP; nothing here changes a call. Each
//! family looks at one part of the way and names the first step that did not happen, so the first
//! finding is the one to mend. [`code`] is the table of all there are; `docs/verdicts.md` is written
//! from it.
//!
//! ```text
//!   faults ──▶ path (ICE) ──▶ keys (DTLS, SRTP) ──▶ sound (RTP) ──▶ words of the SDP
//! ```

mod code;
#[cfg(test)]
mod docs_test;
mod keys;
mod path;
pub(crate) mod session;
mod sound;
#[cfg(test)]
mod tests;

use std::time::Duration;

use engine::LegStats;
use rules::call::{EndReason, State};

pub(crate) use self::code::Code;
use super::record::{Finding, Heard};
use crate::sdp::BusinessSdp;

/// What is known about a call when somebody asks why it was silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Where the call stands.
    pub(crate) state: &'a State,
    /// The business's leg.
    pub(crate) business: &'a LegStats,
    /// The user's leg, once there is one.
    pub(crate) user: Option<&'a LegStats>,
    /// What the business said about its media, once it did.
    pub(crate) sdp: Option<&'a BusinessSdp>,
    /// What came out at the user's phone.
    pub(crate) user_heard: Option<&'a Heard>,
    /// What came out at the business.
    pub(crate) business_heard: Option<&'a Heard>,
    /// How long after the answer the business's first audio came; none if it came before, or never.
    pub(crate) first_media_after: Option<Duration>,
}

/// What the figures say, the first to mend first.
pub(crate) fn findings(seen: &Seen<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if seen.is_judged() {
        match path::missing(seen) {
            Some(reason) => {
                found.push(reason);
                found.extend(path::candidates(seen));
            }
            None => match keys::missing(seen) {
                Some(reason) => found.push(reason),
                None => found.extend(sound::missing(seen)),
            },
        }
        found.extend(sound::user_side(seen));
    }
    found.extend(path::noted(seen));
    found.extend(keys::noted(seen));
    found.extend(sound::noted(seen));
    found.extend(seen.sdp.into_iter().flat_map(session::noted));
    found
}

impl Seen<'_> {
    /// Before the answer a missing step may still come, and silence is even right; a call that its
    /// broken leg ended is judged all the same.
    fn is_judged(&self) -> bool {
        match self.state {
            State::Offered { .. }
            | State::PreAccepted { .. }
            | State::Dialing { .. }
            | State::Ringing { .. } => false,
            State::Accepted { .. } => true,
            State::Ended(ending) => {
                ending.answered_at.is_some() || ending.reason == EndReason::BusinessLegFailed
            }
        }
    }

    /// The call was answered.
    fn is_answered(&self) -> bool {
        match self.state {
            State::Accepted { .. } => true,
            State::Ended(ending) => ending.answered_at.is_some(),
            State::Offered { .. }
            | State::PreAccepted { .. }
            | State::Dialing { .. }
            | State::Ringing { .. } => false,
        }
    }
}
