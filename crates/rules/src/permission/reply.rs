//! What does a business hear when a user's consent changes?
//!
//! The six documented scenarios of the `call_permission_reply` webhook and manual revocation, as
//! data (fact sheet 4.5). Expiry by time has none: nobody is told.

use serde::{Deserialize, Serialize};
use terms::{CallId, MessageId, Timestamp};

/// A `call_permission_reply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// `response`.
    pub response: Response,
    /// `is_permanent`; absent for a rejection.
    pub is_permanent: Option<bool>,
    /// `expiration_timestamp`; only of a temporary permission.
    pub expires_at: Option<Timestamp>,
    /// `response_source`.
    pub source: Source,
    /// `context.id`.
    pub context: Context,
}

/// `response` of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// The business may call.
    Accept,
    /// It may not, or no longer.
    Reject,
}

/// `response_source` of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The user chose.
    UserAction,
    /// A rule did.
    Automatic,
}

/// What a reply answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// A request message.
    Request(MessageId),
    /// A call by the user.
    Call(CallId),
    /// Nothing: the business's profile, or a rule. No `context` in the webhook.
    None,
}

impl Reply {
    pub(super) fn temporary(until: Timestamp, source: Source, context: Context) -> Self {
        Self {
            response: Response::Accept,
            is_permanent: Some(false),
            expires_at: Some(until),
            source,
            context,
        }
    }

    pub(super) fn permanent(context: Context) -> Self {
        Self {
            response: Response::Accept,
            is_permanent: Some(true),
            expires_at: None,
            source: Source::UserAction,
            context,
        }
    }

    pub(super) fn reject(source: Source, context: Context) -> Self {
        Self { response: Response::Reject, is_permanent: None, expires_at: None, source, context }
    }
}
