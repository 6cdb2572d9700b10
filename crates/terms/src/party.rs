//! Who called, and who is meant?

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who started the call, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// The WhatsApp user called the business (UIC).
    UserInitiated,
    /// The business called the WhatsApp user (BIC).
    BusinessInitiated,
}

impl Direction {
    /// The wire form, `USER_INITIATED` or `BUSINESS_INITIATED`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserInitiated => "USER_INITIATED",
            Self::BusinessInitiated => "BUSINESS_INITIATED",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose doing or whose fault something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The WhatsApp user and the phone.
    User,
    /// The business and its gateway.
    Business,
    /// The Calling API's server.
    Platform,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Business => "business",
            Self::Platform => "platform",
        })
    }
}
