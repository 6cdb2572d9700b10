//! What does a test say to the platform? The bodies of `/sandbox/v1/…`.
//!
//! Ours, so strict: an unknown key is an error. Times are RFC 3339 in UTC. A refusal is 409 with
//! [`Refused`].

mod faults;
mod inspection;
mod trigger;
mod user;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terms::{AppId, Country, PhoneNumberId, Timestamp, WaId, WabaId};

pub use self::faults::{
    FaultDone, FaultScope, Faults, FaultsError, GraphFaults, MediaFaults, WebhookFault,
    WebhookFaults,
};
pub use self::inspection::{
    CallEnd, CallInspection, CallPage, CallSummary, Heard, LegReport, Legs, MessageInCall,
    StateChange, Verdict,
};
pub use self::trigger::{Trigger, TriggerEvent, Triggered};
pub use self::user::{
    After, Behaviour, CallPlaced, ChangedUser, Client, Consent, Counter, DecidePermission,
    FeedbackKind, GiveFeedback, KeyPress, NewUser, PermissionAction, PermissionHabit, PlaceCall,
    Play, Reaction, User, WriteMessage,
};
pub use self::user::{AskCallback, ReadChat};

/// What is asked will not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which rule says so.
    pub rule: String,
    /// The code the API would give.
    pub code: i64,
    /// The same for people.
    pub text: String,
    /// The field of the body that is at fault, as a path; absent where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// `GET /sandbox/v1/state`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The test clock.
    pub clock: Clock,
    /// Apps; their secrets and tokens are not shown.
    #[serde(default)]
    pub apps: Vec<App>,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Business numbers.
    pub numbers: Vec<Number>,
    /// Users.
    pub users: Vec<User>,
    /// Calls, live and ended, newest first.
    pub calls: Vec<CallSummary>,
    /// The rulebooks an account can have.
    #[serde(default)]
    pub rulebooks: Vec<String>,
    /// The rate cards an account can have.
    #[serde(default)]
    pub rate_cards: Vec<String>,
}

/// An app: a client of the Graph API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its id.
    pub app_id: AppId,
    /// Its name.
    pub name: String,
    /// The webhook fields it subscribes to.
    pub fields: Vec<String>,
    /// Where its webhooks go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Live mode, which SIP needs.
    pub is_live: bool,
    /// What each of its tokens allows.
    pub tokens: Vec<TokenScope>,
}

/// What a token of an app allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenScope {
    /// Its permissions.
    pub scopes: Vec<String>,
    /// When it ends; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The accounts it is for; absent: all of the app's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<WabaId>,
}

/// An account (WABA).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub waba_id: WabaId,
    /// The business's name.
    pub name: String,
    /// Its rulebook.
    pub rulebook: String,
    /// What its calls and messages cost.
    pub rate_card: String,
    /// `production` or `sandbox`.
    pub kind: String,
    /// Its time zone.
    pub timezone: String,
    /// Its country, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// What it declared to use calls for.
    pub use_case: String,
    /// The apps that may act for it.
    pub apps: Vec<AppId>,
    /// Those of them that get its webhooks.
    pub subscribed_apps: Vec<AppId>,
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
    /// The country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The messaging tier: users a day.
    pub tier: u32,
    /// `production`, `test` or `sandbox`.
    pub kind: String,
    /// Whether calls are on.
    pub calling_enabled: bool,
}

/// `POST /sandbox/v1/rate_cards`: rates of calls or of messages, as the header of the CSV says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRateCard {
    /// The card's name: its family, and the day from which it holds if it has one, such as
    /// `ours-2026-10-01`.
    pub name: String,
    /// The CSV.
    pub csv: String,
}

/// A rate card that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateCardTaken {
    /// What an account names to have it.
    pub family: String,
    /// Its currency.
    pub currency: String,
    /// The day from which it holds; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
    /// `calls` or `messages`.
    pub rates_of: String,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockCommand {
    /// `{"advance":"P7D"}`, an ISO 8601 duration: the calendar decides how long a month is.
    Advance(String),
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
    /// When it was made.
    pub made_at: Timestamp,
    /// The webhook field.
    pub field: String,
    /// The call it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Whom it is for: `app:` with the app's and the number's id, or `channel:` with the number's.
    pub target: String,
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
    /// How it stands: `journalled`, `waiting`, `delivered`, `expired`, `dropped`.
    pub state: String,
    /// When it is tried next, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// What a test did to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultDone>,
    /// Whether a trigger made it, with nothing behind it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookAttempt {
    /// When.
    pub at: Timestamp,
    /// The HTTP status; absent when none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
