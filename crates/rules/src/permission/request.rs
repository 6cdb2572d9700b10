//! Do the buttons of a permission request still work?
//!
//! They stop, whichever comes first, when the user acts on a newer request, some days after an
//! answer, or some days after delivery without one. Until then the user may change the answer.

use serde::{Deserialize, Serialize};
use terms::{MessageId, Timestamp};

use crate::rulebook::Rulebook;

/// What a user chooses on a request, or in the business's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Yes, for some days.
    Temporary,
    /// Yes, always.
    Permanent,
    /// No.
    Reject,
}

/// One call permission request message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub(super) id: MessageId,
    pub(super) sent_at: Timestamp,
    pub(super) delivered_at: Option<Timestamp>,
    pub(super) answer: Option<(Timestamp, Choice)>,
    pub(super) is_replaced: bool,
    /// A call was answered since; it no longer counts.
    #[serde(default)]
    pub(super) is_forgiven: bool,
    #[serde(default)]
    pub(super) is_failed: bool,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum RequestState {
    /// Waiting for an answer.
    Open {
        /// When the buttons stop working.
        until: Timestamp,
    },
    /// Answered; the answer may still be changed.
    Answered {
        /// The answer.
        choice: Choice,
        /// When the buttons stop working.
        until: Timestamp,
    },
    /// Too old, or never shown.
    Expired,
    /// The user acted on a newer request.
    Replaced,
}

impl Request {
    /// The request's message.
    #[must_use]
    pub fn id(&self) -> &MessageId {
        &self.id
    }

    /// When it was sent.
    #[must_use]
    pub fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self, book: &Rulebook, now: Timestamp) -> RequestState {
        if self.is_replaced {
            return RequestState::Replaced;
        }
        if self.is_failed {
            return RequestState::Expired;
        }
        let until = match self.answer {
            Some((at, _)) => at + book.permission.answered_lifetime.value,
            None => {
                self.delivered_at.unwrap_or(self.sent_at) + book.permission.request_lifetime.value
            }
        };
        match self.answer {
            _ if until <= now => RequestState::Expired,
            Some((_, choice)) => RequestState::Answered { choice, until },
            None => RequestState::Open { until },
        }
    }
}
