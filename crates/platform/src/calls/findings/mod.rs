//! Why was this call silent, and what should the developer change?
//!
//! Read from the figures of the legs and from the business's SDP; nothing here changes a call. Each
//! family looks at one part of the way and names the first step that did not happen, so the first
//! finding is the one to mend. [`code`] is the table of all there are; `docs/verdicts.md` is written
//! from it.
//!
//! ```text
//!   faults ──▶ delivery (webhooks), signalling (SIP) ──▶ path (ICE) ──▶ keys (DTLS, SRTP) ──▶ sound (RTP) ──▶ words of the SDP
//! ```

mod code;
pub(crate) mod delivery;
#[cfg(test)]
mod docs_test;
mod keys;
mod path;
pub(crate) mod session;
pub(crate) mod signalling;
mod sound;
#[cfg(test)]
mod tests;

use std::time::Duration;

use engine::LegStats;
use rules::call::{EndReason, State};
use wire::sandbox::MediaFaults;

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
    /// What a test did to the media.
    pub(crate) faults: MediaFaults,
}

/// What the figures say, the first to mend first.
pub(crate) fn findings(seen: &Seen<'_>) -> Vec<Finding> {
    let mut found: Vec<_> = injected(&seen.faults).into_iter().collect();
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

/// What a test did to this call.
fn injected(faults: &MediaFaults) -> Option<Finding> {
    let MediaFaults { loss, jitter_ms, silence, rebind, no_dtls } = *faults;
    let named = [
        (loss > 0.0).then(|| format!("{:.0} % of the packets lost", loss * 100.0)),
        (jitter_ms > 0).then(|| format!("packets late by up to {jitter_ms} ms")),
        silence.then(|| "silence".to_owned()),
        rebind.then(|| "a new address in the call".to_owned()),
        no_dtls.then(|| "no DTLS".to_owned()),
    ];
    let named: Vec<_> = named.into_iter().flatten().collect();
    (!named.is_empty())
        .then(|| Code::Fault.found(format!("A test asked for: {}.", named.join(", "))))
}

impl Seen<'_> {
    /// Before the answer a missing step may still come, and silence is even right; a call that its
    /// broken leg ended is judged all the same.
    fn is_judged(&self) -> bool {
        match self.state {
            State::Offered { .. }
            | State::PreAccepted { .. }
            | State::Dialing { .. }
            | State::Ringing { .. }
            | State::Voicemail { .. } => false,
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
            | State::Ringing { .. }
            | State::Voicemail { .. } => false,
        }
    }
}
