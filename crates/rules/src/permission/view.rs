//! What does a business see when it asks for a user's call permission?

use serde::{Deserialize, Serialize};
use terms::Timestamp;

use super::{Consent, Grant, check_request};
use crate::{
    limits::{NumberKind, Use},
    rulebook::Rulebook,
};

/// `permission.status` of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// None, or the user is unknown or cannot be called.
    NoPermission,
    /// For some days.
    Temporary,
    /// Until revoked.
    Permanent,
}

/// One entry of `actions` of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `can_perform_action`: all limits considered.
    pub allowed: bool,
    /// `limits`.
    pub uses: Vec<Use>,
}

/// The answer to a read of a call permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// `permission.status`.
    pub status: Status,
    /// `permission.expiration_time`; only of a temporary permission.
    pub expires_at: Option<Timestamp>,
    /// `send_call_permission_request`.
    pub request: Action,
    /// `start_call`.
    pub call: Action,
}

/// What stands at `now`.
#[must_use]
pub fn view(consent: &Consent, book: &Rulebook, kind: NumberKind, now: Timestamp) -> View {
    let (status, expires_at) = match consent.standing(now) {
        Ok(Grant::Temporary { until, .. }) => (Status::Temporary, Some(until)),
        Ok(Grant::Permanent { .. }) => (Status::Permanent, None),
        Err(_) => (Status::NoPermission, None),
    };
    let connected = consent.connected_use(book, now);
    View {
        status,
        expires_at,
        request: Action {
            allowed: check_request(consent, book, kind, now).is_ok(),
            uses: consent.request_uses(book, kind, now).to_vec(),
        },
        call: Action {
            allowed: status != Status::NoPermission && !connected.is_reached(),
            uses: vec![connected],
        },
    }
}
