//! What can the user's app do?
//!
//! Calls, permission requests, buttons and payloads came with a version of the app each, and only
//! phones take part in calls with a business (fact sheet 1.3). The versions are the rulebook's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::rulebook::Rulebook;

/// The app on a user's phone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Client {
    /// Which app.
    pub os: ClientOs,
    /// Its version; `None` is the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<ClientVersion>,
}

/// Which app a user has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the apps")]
pub enum ClientOs {
    #[default]
    Android,
    Ios,
    SmbAndroid,
    SmbIos,
    Kaios,
    Web,
    Desktop,
}

impl ClientOs {
    /// The word in seeds and rulebooks.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
            Self::SmbAndroid => "smb_android",
            Self::SmbIos => "smb_ios",
            Self::Kaios => "kaios",
            Self::Web => "web",
            Self::Desktop => "desktop",
        }
    }
}

/// A version such as `2.24.14` or `2.24.10.8`; absent parts are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientVersion([u32; 4]);

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a version of the app, such as 2.24.14 or 2.24.10.8")]
pub struct ClientVersionError;

impl FromStr for ClientVersion {
    type Err = ClientVersionError;

    fn from_str(text: &str) -> Result<Self, ClientVersionError> {
        let mut parts = [0; 4];
        let mut given = text.split('.');
        for (at, part) in given.by_ref().take(parts.len()).enumerate() {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(ClientVersionError);
            }
            parts[at] = part.parse().map_err(|_| ClientVersionError)?;
        }
        if given.next().is_some() { Err(ClientVersionError) } else { Ok(Self(parts)) }
    }
}

impl fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        if d == 0 { write!(f, "{a}.{b}.{c}") } else { write!(f, "{a}.{b}.{c}.{d}") }
    }
}

impl TryFrom<String> for ClientVersion {
    type Error = ClientVersionError;

    fn try_from(text: String) -> Result<Self, ClientVersionError> {
        text.parse()
    }
}

impl From<ClientVersion> for String {
    fn from(version: ClientVersion) -> Self {
        version.to_string()
    }
}

/// What an app may be too old for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Calls by a business, and requests for permission.
    BusinessCalls,
    /// The call icon in a chat.
    CallIcon,
    /// A call button in a message.
    CallButton,
    /// The payload of a button or a deep link.
    Payload,
}

impl Client {
    /// Whether this kind of app takes part in calls with a business at all.
    #[must_use]
    pub fn is_callable(&self, book: &Rulebook) -> bool {
        book.clients.callable.value.iter().any(|os| os == self.os.as_str())
    }

    /// Whether the app is new enough.
    #[must_use]
    pub fn supports(&self, feature: Feature, book: &Rulebook) -> bool {
        let rules = &book.clients;
        let min = match feature {
            Feature::BusinessCalls => rules.business_calls_min.value,
            Feature::CallIcon => rules.call_icon_min.value,
            Feature::CallButton => rules.call_button_min.value,
            Feature::Payload => rules.payload_min.value,
        };
        self.is_callable(book) && self.version.is_none_or(|version| version >= min)
    }
}
