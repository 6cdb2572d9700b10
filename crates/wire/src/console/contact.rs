//! What does the console know about a user, and what can it send one?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use terms::{AgentId, Country, Timestamp, UserRef};

use super::Peer;

/// A user the business has seen: `GET /v1/contacts` and `/v1/contacts/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Contact {
    /// Who.
    #[serde(flatten)]
    pub peer: Peer,
    /// The country of the number or the BSUID, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// Our number, which has this chat and this permission; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Whether the user may be called.
    pub permission: ContactPermission,
    /// Until when the service window is open, as far as the gateway knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_open_until: Option<Timestamp>,
    /// What was said, oldest first; only in `/v1/contacts/{user}` and `contact` frames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chat: Vec<ChatLine>,
}

/// Whether a user may be called, as far as the gateway knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ContactPermission {
    /// Which kind.
    pub state: PermissionState,
    /// When a temporary one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// The kinds of permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PermissionState {
    /// Never asked, refused, expired or taken back.
    None,
    /// Asked, no answer yet.
    Requested,
    /// For seven days.
    Temporary,
    /// Until taken back.
    Permanent,
}

/// One line of a chat with a user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChatLine {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who wrote it.
    pub from: crate::handset::ChatAuthor,
    /// What it is.
    pub kind: crate::handset::ChatKind,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<crate::handset::ChatEntryState>,
}

impl std::fmt::Debug for ChatLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatLine")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// `POST /v1/permission_requests`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AskPermission {
    /// The user: the number, digits, or the BSUID.
    pub to: UserRef,
    /// Our number: digits, or its id; may be absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Words above the fixed ones; only a free-form request has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The language of the template, should one be needed, such as `pt_BR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// `POST /v1/calls`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlaceCall {
    /// The user: the number, digits, or the BSUID.
    pub to: UserRef,
    /// Our number: digits, or its id; may be absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whether the flow speaks when the user picks up.
    #[serde(default)]
    pub flow: bool,
    /// The agent who rings first and speaks when the user picks up, instead of the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Where the user has not consented: ask, and call once the user does within this ISO 8601
    /// duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for_consent: Option<String>,
}

/// `POST /v1/messages`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WriteMessage {
    /// The user: the number, digits, or the BSUID.
    pub to: UserRef,
    /// Our number: digits, or its id; may be absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The text.
    pub text: String,
}

impl std::fmt::Debug for WriteMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteMessage").field("to", &self.to).finish_non_exhaustive()
    }
}

/// `GET /v1/preflight?to=&from=`: may this user be called, and at what price?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Preflight {
    /// Whether the call may be made.
    pub allowed: bool,
    /// The rule that decides.
    pub rule: String,
    /// What it looked at.
    pub evidence: String,
    /// The same by codes, sentence by sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<Said>,
    /// When the answer changes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_at: Option<Timestamp>,
    /// What it would cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PreflightPrice>,
    /// What the call puts at risk, though it may be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Something that a call puts at risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Warning {
    /// The rule that warns.
    pub rule: String,
    /// In words, with what to do.
    pub text: String,
    /// The same by codes, sentence by sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<Said>,
}

/// A sentence for people, as whoever writes another language than English says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Said {
    /// Which one; stable.
    pub code: String,
    /// What stands in it, by names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

/// What a call would cost. Amounts are decimal strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PreflightPrice {
    /// For one pulse of 6 seconds.
    pub pulse: String,
    /// For one minute.
    pub per_minute: String,
    /// In which currency.
    pub currency: String,
    /// From which rate card.
    pub card: String,
}
