//! Why is this request not one we can act on?
//!
//! Each fault names the field by its path (`session.sdp_type`, `interactive.action.name`), so that
//! the answer's `error_data.details` tells a client what to change. Which Graph code a fault gets
//! (100, 131008, 131009, 131051) is the platform's decision, in its table of refusals.

use std::fmt;

/// The JSON type that was found, or wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number with a fraction.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl JsonKind {
    /// The kind of a value.
    #[must_use]
    pub fn of(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// What is wrong with a request's body. The text is the answer's `details`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// The body is not JSON.
    #[error("the body is not JSON: {why} (line {line}, column {column})")]
    NotJson {
        /// Line of the first error, from 1.
        line: usize,
        /// Column of the first error, from 1.
        column: usize,
        /// What the parser expected.
        why: String,
    },
    /// A required field is not there (or is null).
    #[error("{path} is required")]
    Missing {
        /// Which field.
        path: String,
    },
    /// A field has another JSON type.
    #[error("{path} must be {wanted}, found {found}")]
    WrongType {
        /// Which field; `the body` for the whole.
        path: String,
        /// The type it must have.
        wanted: JsonKind,
        /// The type it has.
        found: JsonKind,
    },
    /// A field has the right type and a value that is not allowed.
    #[error("{path} is not valid: {why}")]
    Invalid {
        /// Which field.
        path: String,
        /// What is allowed.
        why: String,
    },
    /// A text is longer than allowed.
    #[error("{path} has {found} characters, at most {chars_max} are allowed")]
    TooLong {
        /// Which field.
        path: String,
        /// The limit.
        chars_max: usize,
        /// What it has.
        found: usize,
    },
    /// `action` is none of the five.
    #[error("action must be one of connect, pre_accept, accept, reject, terminate")]
    UnknownAction,
    /// A message type this server does not send.
    #[error("{path} names a message type that is not supported here")]
    UnsupportedType {
        /// Which field.
        path: String,
    },
}

impl RequestFault {
    /// The field's path, where the fault has one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::NotJson { .. } => None,
            Self::Missing { path }
            | Self::WrongType { path, .. }
            | Self::Invalid { path, .. }
            | Self::TooLong { path, .. }
            | Self::UnsupportedType { path } => Some(path),
            Self::UnknownAction => Some("action"),
        }
    }

    pub(crate) fn invalid(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid { path: path.into(), why: why.into() }
    }
}
