//! What does a business see when it asks for a user's call permission?

use serde::{Deserialize, Serialize};
use terms::Timestamp;

use super::{Consent, Grant};
use crate::{
    eligibility::{self, Load, NumberFacts, RequestForm, UserFacts},
    limits::Use,
    rulebook::Rulebook,
    window::Window,
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
    /// `can_perform_action`: all limits considered, not only those in `uses`.
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

/// Everything that stands between a number and a user.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each is named as its type")]
pub struct Facts<'a> {
    pub number: &'a NumberFacts,
    pub user: &'a UserFacts,
    pub consent: &'a Consent,
    pub window: &'a Window,
    pub load: &'a Load,
}

/// What stands at `now`. What may be done is what the actions themselves would be allowed; a number
/// with SIP calls by it.
#[must_use]
pub fn view(facts: Facts<'_>, book: &Rulebook, now: Timestamp) -> View {
    let Facts { number, user, consent, window, load } = facts;
    let (status, expires_at) = status(consent, now);
    let number = NumberFacts { sip_enabled: false, ..*number };
    let calls = eligibility::check_number(&number, book, now).and_then(|cleared| {
        eligibility::check_call(cleared, &number, user, consent, window, load, book, now)
    });
    // A template asks outside the window too.
    let form = RequestForm::Template;
    let asks = eligibility::check_request(form, &number, user, consent, window, book, now);
    View {
        status,
        expires_at,
        request: Action {
            allowed: asks.is_ok(),
            uses: consent.request_uses(book, number.kind, now).to_vec(),
        },
        call: Action { allowed: calls.is_ok(), uses: vec![consent.connected_use(book, now)] },
    }
}

/// The permission at `now`, and when it ends by itself.
#[must_use]
pub fn status(consent: &Consent, now: Timestamp) -> (Status, Option<Timestamp>) {
    match consent.standing(now) {
        Ok(Grant::Temporary { until, .. }) => (Status::Temporary, Some(until)),
        Ok(Grant::Permanent { .. }) => (Status::Permanent, None),
        Err(_) => (Status::NoPermission, None),
    }
}
