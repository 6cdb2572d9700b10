//! What does a test say to the platform? The bodies of `/sandbox/v1/…`.
//!
//! Ours, so strict: an unknown key is an error. Times are RFC 3339 in UTC. A refusal is 409 with
//! [`Refused`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terms::{CallId, Country, Direction, Money, PhoneNumberId, Timestamp, UserId, WaId, WabaId};

use crate::IsoSpan;

/// What is asked will not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which rule says so.
    pub rule: String,
    /// The code the API would give.
    pub code: i64,
    /// The same for people.
    pub text: String,
}

/// `GET /sandbox/v1/state`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The test clock.
    pub clock: Clock,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Business numbers.
    pub numbers: Vec<Number>,
    /// Users.
    pub users: Vec<User>,
    /// Calls, live and ended, newest first.
    pub calls: Vec<CallSummary>,
}

/// An account (WABA).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub waba_id: WabaId,
    /// Its rulebook.
    pub rulebook: String,
    /// Its time zone.
    pub timezone: String,
    /// What it is billed in.
    pub currency: String,
    /// Whether a valid payment method is set.
    pub payment_valid: bool,
}

/// A business number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// Its id in the Graph API.
    pub phone_number_id: PhoneNumberId,
    /// Its account.
    pub waba_id: WabaId,
    /// The number.
    pub number: WaId,
    /// The business's name.
    pub name: String,
    /// Whether calls are on.
    pub calling_enabled: bool,
}

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
}

/// A call in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    /// Its id.
    pub call_id: CallId,
    /// Who started it.
    pub direction: Direction,
    /// How far it is.
    pub state: String,
    /// The user.
    pub user: WaId,
    /// The business number.
    pub business: WaId,
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
    /// What the scripted phone does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behaviour: Option<Behaviour>,
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
}

/// `POST /sandbox/v1/users/{wa_id}/permission`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecidePermission {
    /// The business number.
    pub to: WaId,
    /// The decision.
    pub action: PermissionAction,
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

/// `GET /sandbox/v1/calls/{id}`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallInspection {
    /// Which call.
    pub call_id: CallId,
    /// Who started it.
    pub direction: Direction,
    /// How far it is.
    pub state: String,
    /// The way there.
    pub states: Vec<StateChange>,
    /// What each side heard.
    pub legs: Legs,
    /// What is worth saying about it.
    pub verdicts: Vec<Verdict>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// One step of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The state entered.
    pub state: String,
    /// When.
    pub at: Timestamp,
}

/// Both legs of a call, as far as they existed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Legs {
    /// The user's phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<LegReport>,
    /// The business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business: Option<LegReport>,
}

/// One leg.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LegReport {
    /// What arrived at this party.
    pub heard: Heard,
}

/// What a party heard. What was not measured is absent, never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Heard {
    /// Level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dbfs: Option<f64>,
    /// Loudest tone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone_hz: Option<f64>,
    /// Packets that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// Packets that did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Jitter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Estimated quality, 1 to 4.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mos: Option<f64>,
}

/// Something worth saying about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// A stable word.
    pub code: String,
    /// What happened.
    pub text: String,
    /// What to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// `GET /sandbox/v1/clock`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// What time it is.
    pub now: Timestamp,
    /// Whether it runs.
    pub mode: ClockMode,
}

/// Whether the test clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// It stands.
    Frozen,
    /// It runs.
    Running,
}

/// `POST /sandbox/v1/clock`: one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockCommand {
    /// `{"advance":"P7D"}`
    Advance(IsoSpan),
    /// `{"set":"…Z"}`
    Set(Timestamp),
    /// `{"mode":"frozen"}`
    Mode(ClockMode),
}

/// An entry of `GET /sandbox/v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookRecord {
    /// Its id.
    pub id: String,
    /// The webhook field.
    pub field: String,
    /// The body.
    pub body: Value,
    /// The header with which it was sent; absent while only journalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Where to; absent without a callback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What was tried.
    pub attempts: Vec<WebhookAttempt>,
    /// How it stands: `journalled`, `waiting`, `delivered`, `expired`.
    pub state: String,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookAttempt {
    /// When.
    pub at: Timestamp,
    /// The HTTP status; absent when none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// `PUT /sandbox/v1/faults`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Only this call; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// What happens to webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookFaults>,
    /// What happens to requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<GraphFaults>,
    /// What happens to media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaFaults>,
}

/// What happens to webhooks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFaults {
    /// They come late.
    pub delay_ms: u64,
    /// They come twice.
    pub duplicate: bool,
    /// They come in another order.
    pub reorder: bool,
    /// They do not come.
    pub drop: bool,
    /// Their signature is wrong.
    pub bad_signature: bool,
}

/// What happens to requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphFaults {
    /// They are answered with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// They are answered late.
    pub latency_ms: u64,
}

/// What happens to media.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaFaults {
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// Packets come late by up to this.
    pub jitter_ms: u64,
    /// Nothing is heard.
    pub silence: bool,
    /// The address changes.
    pub rebind: bool,
    /// The handshake never happens.
    pub no_dtls: bool,
}
