//! What does the platform tell a business unasked?
//!
//! [`envelope`] wraps everything; [`call`] is the field `calls`, [`message`] the field `messages`,
//! [`account`] the two fields about accounts, [`template`] the one about templates. [`signature`]
//! proves the sender, [`verify`] is the handshake when a URL is set. Order is not promised and duplicates happen (fact sheet 10.4).

pub mod account;
pub mod call;
pub mod envelope;
pub mod message;
pub mod signature;
pub mod template;
pub mod verify;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use terms::{MediaId, PhoneNumberId, UserId, WaId};

/// Which number a webhook is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The number, for people.
    pub display_phone_number: String,
    /// The number's id.
    pub phone_number_id: PhoneNumberId,
}

/// Who the user is. Every part may be missing; key on `user_id`, fall back to `wa_id`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    /// Name and username.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<WaId>,
    /// The business-scoped id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The id scoped to the business above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_user_id: Option<UserId>,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact")
            .field("wa_id", &self.wa_id)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// What a user shows of themselves.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The name; in traces sometimes the digits of the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The username, since 2026.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

/// A media file a webhook names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    /// The file.
    pub id: MediaId,
    /// SHA-256 of its bytes, in base64.
    pub sha256: String,
    /// Its type.
    pub mime_type: String,
    /// A link that works for minutes; voicemails have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl MediaRef {
    fn of_value(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// An error inside a webhook. Only `code` is sure to be there (fact sheet 3.7).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WebhookError {
    /// What to branch on.
    pub code: i64,
    /// A short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_data: Option<WebhookErrorDetails>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
}

/// The `error_data` of a webhook's error.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WebhookErrorDetails {
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// Whatever else is there.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl WebhookError {
    /// An error with title, message and details, as captured.
    #[must_use]
    pub fn new(code: i64, title: &str, details: &str) -> Self {
        let details = WebhookErrorDetails { details: Some(details.into()), more: Map::new() };
        Self {
            code,
            title: Some(title.into()),
            message: Some(title.into()),
            error_data: Some(details),
            href: None,
        }
    }

    /// The text for people: details, message, title, whichever is there first.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let details = self.error_data.as_ref().and_then(|more| more.details.as_deref());
        details.or(self.message.as_deref()).or(self.title.as_deref())
    }
}
