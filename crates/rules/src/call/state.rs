//! Where does a call stand?

use serde::{Deserialize, Serialize};
use terms::Timestamp;

use super::end::Ending;

/// A call's state with the data only that state has.
///
/// ```text
/// user calls       Offered ──▶ PreAccepted ──▶ Accepted ──▶ Ended
///                     └──────────────────────────▲
/// business calls   Dialing ──▶ Ringing ──────▶ Accepted ──▶ Ended      (any state may go to Ended)
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The connect webhook of a user's call is out; the business has not moved.
    Offered {
        /// When the answer window closes.
        answer_by: Timestamp,
    },
    /// The business gave its SDP; the media path may be set up, the user still waits.
    PreAccepted {
        /// When the answer window closes.
        answer_by: Timestamp,
        /// The business's answer, which `accept` must repeat byte for byte.
        sdp: Box<str>,
        /// When business media came early and started the user's timer.
        early_media_at: Option<Timestamp>,
    },
    /// A business's call is on its way to the user's phone.
    Dialing {
        /// When the platform gives up.
        ring_until: Timestamp,
        /// The business sent media before anybody picked up.
        early_media: bool,
    },
    /// The user's phone rings.
    Ringing {
        /// When the platform gives up.
        ring_until: Timestamp,
        /// The business sent media before anybody picked up.
        early_media: bool,
    },
    /// The parties are connected.
    Accepted {
        /// When the call was answered.
        answered_at: Timestamp,
    },
    /// The platform answered a user's call in the business's place.
    Voicemail {
        /// How the call ended for the business.
        ending: Ending,
        /// When the announcement or the message is cut off.
        until: Timestamp,
        /// The announcement was played; what the user says is kept.
        recording: bool,
    },
    /// Over.
    Ended(Ending),
}

impl State {
    /// Its name, in lower case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Offered { .. } => "offered",
            Self::PreAccepted { .. } => "pre_accepted",
            Self::Dialing { .. } => "dialing",
            Self::Ringing { .. } => "ringing",
            Self::Accepted { .. } => "accepted",
            Self::Voicemail { .. } => "voicemail",
            Self::Ended(_) => "ended",
        }
    }
}

/// A state without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Offered,
    PreAccepted,
    Dialing,
    Ringing,
    Accepted,
    Voicemail,
    Ended,
}

impl State {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Offered { .. } => Phase::Offered,
            Self::PreAccepted { .. } => Phase::PreAccepted,
            Self::Dialing { .. } => Phase::Dialing,
            Self::Ringing { .. } => Phase::Ringing,
            Self::Accepted { .. } => Phase::Accepted,
            Self::Voicemail { .. } => Phase::Voicemail,
            Self::Ended(_) => Phase::Ended,
        }
    }

    /// When early media started the user's timer.
    pub(super) fn early_media_at(&self) -> Option<Timestamp> {
        match self {
            Self::PreAccepted { early_media_at, .. } => *early_media_at,
            Self::Offered { .. }
            | Self::Dialing { .. }
            | Self::Ringing { .. }
            | Self::Accepted { .. }
            | Self::Voicemail { .. }
            | Self::Ended(_) => None,
        }
    }

    /// When the call was answered.
    pub(super) fn answered_at(&self) -> Option<Timestamp> {
        match self {
            Self::Accepted { answered_at } => Some(*answered_at),
            Self::Ended(ending) => ending.answered_at,
            Self::Offered { .. }
            | Self::PreAccepted { .. }
            | Self::Dialing { .. }
            | Self::Ringing { .. }
            | Self::Voicemail { .. } => None,
        }
    }
}
