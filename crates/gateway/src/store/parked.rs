//! Which calls wait for a user's consent?
//!
//! How it is kept, and taken by one alone: [`super::waiting`].

use serde::{Deserialize, Serialize};
use terms::{CallId, MessageId, PhoneNumberId, Timestamp, UserId, UserRef};

use super::waiting::Waits;

/// A call that waits, or waited, for consent.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Parked {
    /// Its id; ours.
    pub parked_id: String,
    /// The line that will call.
    pub phone_number_id: PhoneNumberId,
    /// The user: the number where it is known, else the business-scoped id.
    pub to: UserRef,
    /// The business-scoped id, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// When it was parked, by the platform's clock.
    pub created_at: Timestamp,
    /// When it is given up, by the platform's clock.
    pub deadline: Timestamp,
    /// Where it is.
    pub state: ParkedState,
    /// The message that asked for consent, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<MessageId>,
    /// The call it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// Why none was sent, or why it was given up; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Where a parked call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ParkedState {
    /// For consent.
    Waiting,
    /// `connect` is being sent, or was when the gateway died; it is never sent again.
    Placing,
    /// It became a call.
    Placed,
    /// It never will.
    GivenUp,
    /// A program took it back.
    Cancelled,
}

impl Parked {
    /// The user, by all that is known.
    pub(crate) fn user(&self) -> UserRef {
        let by_id = self.user_id.clone().map(UserRef::from);
        by_id.map_or_else(|| self.to.clone(), |by_id| self.to.clone().or(by_id))
    }
}

impl Waits for Parked {
    type State = ParkedState;
    const TABLE: &'static str = "parked_calls";
    const SINCE: &'static str = "created_ms";

    fn id(&self) -> &str {
        &self.parked_id
    }

    fn line(&self) -> &PhoneNumberId {
        &self.phone_number_id
    }

    fn since(&self) -> Timestamp {
        self.created_at
    }

    fn state(&self) -> ParkedState {
        self.state
    }

    fn word(state: ParkedState) -> &'static str {
        match state {
            ParkedState::Waiting => "waiting",
            ParkedState::Placing => "placing",
            ParkedState::Placed => "placed",
            ParkedState::GivenUp => "given_up",
            ParkedState::Cancelled => "cancelled",
        }
    }
}
