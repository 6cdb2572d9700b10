//! Which users wait to be called back?
//!
//! How it is kept, and taken by one alone: [`super::waiting`].

use serde::{Deserialize, Serialize};
use terms::{CallId, MessageId, PhoneNumberId, Timestamp};
use wire::console::Peer;

use super::waiting::Waits;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS callbacks (
    id TEXT PRIMARY KEY, line TEXT NOT NULL, state TEXT NOT NULL, since_ms INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS callbacks_by_state ON callbacks (line, state);
";

/// A user who hung up in a queue and kept the place, or for whom a program took one.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Callback {
    /// Its id; ours.
    pub callback_id: String,
    /// The line that was called and will call.
    pub phone_number_id: PhoneNumberId,
    /// The queue.
    pub queue: String,
    /// Higher goes first.
    pub priority: u8,
    /// The user.
    pub contact: Peer,
    /// Since when the user waits.
    pub since: Timestamp,
    /// Where it is.
    pub state: CallbackState,
    /// The call in which the user asked for it; a program did where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_call: Option<CallId>,
    /// The message that asked for consent, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<MessageId>,
    /// The call it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// Why it waits for consent, or was given up; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Where a callback is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallbackState {
    /// In the queue.
    Waiting,
    /// Out of it until the user consents.
    Asking,
    /// An agent rings for it.
    Offered,
    /// `connect` is being sent, or was when the gateway died; it is never sent again.
    Placing,
    /// It became a call.
    Placed,
    /// It never will.
    GivenUp,
    /// A program took it back.
    Cancelled,
}

impl Waits for Callback {
    type State = CallbackState;
    const TABLE: &'static str = "callbacks";
    const SINCE: &'static str = "since_ms";

    fn id(&self) -> &str {
        &self.callback_id
    }

    fn line(&self) -> &PhoneNumberId {
        &self.phone_number_id
    }

    fn since(&self) -> Timestamp {
        self.since
    }

    fn state(&self) -> CallbackState {
        self.state
    }

    fn word(state: CallbackState) -> &'static str {
        match state {
            CallbackState::Waiting => "waiting",
            CallbackState::Asking => "asking",
            CallbackState::Offered => "offered",
            CallbackState::Placing => "placing",
            CallbackState::Placed => "placed",
            CallbackState::GivenUp => "given_up",
            CallbackState::Cancelled => "cancelled",
        }
    }
}
