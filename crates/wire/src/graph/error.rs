//! How does the API say no?
//!
//! Graph's envelope (fact sheet 9.2), and 360dialog's own `{"error": "text"}` (10.6). A client
//! branches on `code` only.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The body of an answer that says no.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: GraphError,
}

/// One error in Graph's envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraphError {
    /// `(#138006) Text`.
    #[serde(default)]
    pub message: String,
    /// `OAuthException` for all codes seen.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// What to branch on.
    pub code: i64,
    /// A finer code, rarely there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_subcode: Option<i64>,
    /// Details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_data: Option<ErrorDetails>,
    /// Meta's trace id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fbtrace_id: Option<String>,
}

/// The `error_data` of an error.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorDetails {
    /// `whatsapp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging_product: Option<String>,
    /// Text for people: which field, which rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// Whatever else is there, such as when 138012 allows the next call.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ErrorBody {
    /// An error as the Calling API writes it; the code is put in front of the title.
    #[must_use]
    pub fn new(code: i64, title: &str, details: &str, fbtrace_id: String) -> Self {
        let error_data = ErrorDetails {
            messaging_product: Some(crate::WHATSAPP.into()),
            details: Some(details.into()),
            more: Map::new(),
        };
        Self {
            error: GraphError {
                message: format!("(#{code}) {title}"),
                kind: "OAuthException".into(),
                code,
                error_subcode: None,
                error_data: Some(error_data),
                fbtrace_id: Some(fbtrace_id),
            },
        }
    }
}

/// What a gateway reads from an answer that is not a success.
#[derive(Debug, Clone, PartialEq)]
pub enum ErrorAnswer {
    /// Graph's envelope.
    Graph(Box<GraphError>),
    /// 360dialog's own error: a text.
    Text(String),
    /// Neither; the body is left out, it may be anything.
    Unreadable {
        /// How long the body was.
        bytes: usize,
    },
}

impl ErrorAnswer {
    /// Reads the body of an answer with an error status.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct TextBody {
            error: String,
        }
        if let Ok(body) = serde_json::from_slice::<ErrorBody>(bytes) {
            return Self::Graph(Box::new(body.error));
        }
        match serde_json::from_slice::<TextBody>(bytes) {
            Ok(body) => Self::Text(body.error),
            Err(_) => Self::Unreadable { bytes: bytes.len() },
        }
    }

    /// The code, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Graph(error) => Some(error.code),
            Self::Text(_) | Self::Unreadable { .. } => None,
        }
    }

    /// The text for people: details before message.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Graph(error) => error
                .error_data
                .as_ref()
                .and_then(|more| more.details.as_deref())
                .unwrap_or(&error.message),
            Self::Text(text) => text,
            Self::Unreadable { .. } => "the answer is neither Graph's error nor 360dialog's",
        }
    }
}
