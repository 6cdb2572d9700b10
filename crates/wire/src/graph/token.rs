//! What may an access token do? `GET /debug_token?input_token=…`.

use serde::{Deserialize, Serialize};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// All there is.
    pub data: TokenFacts,
}

/// What is known of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    /// Whether it is accepted.
    #[serde(default)]
    pub is_valid: bool,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// When it ends, Unix seconds; 0 is never.
    #[serde(default)]
    pub expires_at: i64,
    /// What it allows.
    #[serde(default)]
    pub scopes: Vec<String>,
}
