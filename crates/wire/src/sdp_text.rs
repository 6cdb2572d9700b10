//! An SDP on its way through JSON: kept byte for byte, never shown in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The text of an offer or answer. Its `Debug` shows only the length: SDP holds keys and addresses.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SdpText(String);

impl SdpText {
    /// The text as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, taken out.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<String> for SdpText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for SdpText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for SdpText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SdpText({} bytes)", self.0.len())
    }
}
