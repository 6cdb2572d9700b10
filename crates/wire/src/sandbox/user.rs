//! Who are the users, what do their scripted phones do, and what may a test make them do?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use terms::{CallId, Country, MessageId, Timestamp, UserId, WaId};

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The number.
    pub wa_id: WaId,
    /// The business-scoped id.
    pub user_id: UserId,
    /// The name.
    pub name: String,
    /// The country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The id one level up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_user_id: Option<UserId>,
    /// The name others find the user by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Businesses see the ids and the username, not the phone number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_number: bool,
    /// The app on the phone.
    pub client: Client,
    /// What the scripted phone does.
    pub behaviour: Behaviour,
    /// Whether a phone (page or `offhook call`) is connected, which then takes precedence.
    #[serde(default)]
    pub phone_connected: bool,
    /// What this user lets which business do, by business number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consents: BTreeMap<String, Consent>,
}

/// What stands between one user and one business number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// `no_permission`, `temporary` or `permanent`.
    pub permission: crate::graph::permission::PermissionStatus,
    /// When a temporary permission ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_expires_at: Option<Timestamp>,
    /// Until when the service window is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_open_until: Option<Timestamp>,
    /// A permission request waits for the user's answer.
    #[serde(default)]
    pub request_open: bool,
    /// The business's calls in a row that this user did not answer.
    #[serde(default)]
    pub unanswered_in_a_row: u32,
    /// The permission requests sent, by limit.
    #[serde(default)]
    pub requests: Vec<Counter>,
    /// The business's calls this user picked up, by limit.
    #[serde(default)]
    pub calls: Vec<Counter>,
}

/// How much of one limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The limit's period, in seconds.
    pub period_s: u64,
    /// The limit.
    pub max: u32,
    /// How many count now.
    pub used: u32,
    /// When there is room again; absent while there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_at: Option<Timestamp>,
}

/// `POST /sandbox/v1/users`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The number.
    pub wa_id: WaId,
    /// The name.
    pub name: String,
    /// The country; from the number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The business-scoped id; made when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The id one level up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_user_id: Option<UserId>,
    /// The name others find the user by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Businesses see the ids and the username, not the phone number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_number: bool,
    /// The app on the phone; a new one for Android when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// What the scripted phone does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behaviour: Option<Behaviour>,
}

/// `POST /sandbox/v1/users/{wa_id}/feedback`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveFeedback {
    /// The business number.
    pub to: WaId,
    /// What the user does.
    pub kind: FeedbackKind,
}

/// What a user does about a business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackKind {
    /// Blocks it: neither can call or write to the other.
    Block,
    /// Reports it.
    Report,
    /// Takes a block back.
    Unblock,
}

/// `PUT /sandbox/v1/users/{wa_id}`: what is absent stays as it is; an empty text clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChangedUser {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The business-scoped id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The id one level up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_user_id: Option<String>,
    /// The name others find the user by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Businesses see the ids and the username, not the phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hides_number: Option<bool>,
    /// The app on the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
}

/// The app on a user's phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// `android`, `ios`, `smb_android`, `smb_ios`, `kaios`, `web` or `desktop`.
    pub os: String,
    /// Such as `2.24.14`; absent is the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// `PUT /sandbox/v1/users/{wa_id}/behaviour`: how the scripted phone reacts. What is absent is as
/// in [`Behaviour::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// What it does when a business calls.
    pub answer: Reaction,
    /// What it plays in a call.
    pub play: Play,
    /// Keys it presses, counted from the answer.
    pub dtmf: Vec<KeyPress>,
    /// When it hangs up, counted from the answer; absent: never.
    pub hang_up: Option<After>,
    /// What it does with a permission request.
    pub permission: PermissionHabit,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            answer: Reaction::Answer(After { after_ms: 2000 }),
            play: Play::Silence,
            dtmf: Vec::new(),
            hang_up: None,
            permission: PermissionHabit::Ignore,
        }
    }
}

/// After some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// Milliseconds.
    pub after_ms: u64,
}

/// What a phone does when a business calls: `{"after_ms":2000}` or a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ReactionForm", into = "ReactionForm")]
pub enum Reaction {
    /// Picks up.
    Answer(After),
    /// Rings until the caller gives up.
    Ignore,
    /// Refuses.
    Reject,
    /// Is in another call.
    Busy,
    /// Does not ring.
    Unreachable,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum ReactionForm {
    Answer(After),
    Word(ReactionWord),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReactionWord {
    Ignore,
    Reject,
    Busy,
    Unreachable,
}

impl From<ReactionForm> for Reaction {
    fn from(form: ReactionForm) -> Self {
        match form {
            ReactionForm::Answer(after) => Self::Answer(after),
            ReactionForm::Word(ReactionWord::Ignore) => Self::Ignore,
            ReactionForm::Word(ReactionWord::Reject) => Self::Reject,
            ReactionForm::Word(ReactionWord::Busy) => Self::Busy,
            ReactionForm::Word(ReactionWord::Unreachable) => Self::Unreachable,
        }
    }
}

impl From<Reaction> for ReactionForm {
    fn from(reaction: Reaction) -> Self {
        match reaction {
            Reaction::Answer(after) => Self::Answer(after),
            Reaction::Ignore => Self::Word(ReactionWord::Ignore),
            Reaction::Reject => Self::Word(ReactionWord::Reject),
            Reaction::Busy => Self::Word(ReactionWord::Busy),
            Reaction::Unreachable => Self::Word(ReactionWord::Unreachable),
        }
    }
}

/// What a phone plays: `{"tone_hz":440}`, `{"wav":"path"}` or `"silence"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Play {
    /// Nothing.
    Silence,
    /// A sine.
    #[serde(rename = "tone_hz")]
    ToneHz(f64),
    /// A file on the platform's machine.
    Wav(String),
}

/// A key of the dialpad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPress {
    /// `0` to `9`, `*`, `#`, `A` to `D`.
    pub digit: char,
    /// Milliseconds from the answer.
    pub at_ms: u64,
}

/// What a phone does with a permission request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionHabit {
    /// Allows for seven days.
    Temporary,
    /// Allows until taken back.
    Permanent,
    /// Refuses.
    Reject,
    /// Leaves it unanswered.
    Ignore,
}

/// `POST /sandbox/v1/users/{wa_id}/call`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceCall {
    /// The business number.
    pub to: WaId,
    /// From a deep link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deeplink_payload: Option<String>,
    /// From a button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cta_payload: Option<String>,
    /// The message whose call button is pressed; it then says what goes with the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button: Option<MessageId>,
}

/// What [`PlaceCall`] is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPlaced {
    /// The new call.
    pub call_id: CallId,
}

/// `POST /sandbox/v1/users/{wa_id}/message`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteMessage {
    /// The business number.
    pub to: WaId,
    /// The text.
    pub text: String,
    /// The message that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
}

/// `POST /sandbox/v1/users/{wa_id}/read`: the user looks at the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadChat {
    /// The business number.
    pub to: WaId,
}

/// `POST /sandbox/v1/users/{wa_id}/callback`: outside the call hours, the user asks to be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskCallback {
    /// The business number.
    pub to: WaId,
}

/// `POST /sandbox/v1/users/{wa_id}/permission`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecidePermission {
    /// The business number.
    pub to: WaId,
    /// The decision.
    pub action: PermissionAction,
    /// The request that is answered; without one the newest open one, else the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<MessageId>,
    /// Decides in the business's profile, whatever request is open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_profile: bool,
}

/// What a user decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionAction {
    /// May call for seven days.
    AcceptTemporary,
    /// May call until taken back.
    AcceptPermanent,
    /// May not.
    Reject,
    /// May no longer.
    Revoke,
}
