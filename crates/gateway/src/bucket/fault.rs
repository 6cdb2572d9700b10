//! Why does the bucket not do what it was asked, and who can change that?
//!
//! What a store says may hold keys, names and addresses: of its words only the code of its kind is kept.

use std::io;

use object_store::{
    Error,
    client::{HttpError, HttpErrorKind},
};
use reqwest::StatusCode;

/// The longest code that is one.
const CODE_MAX: usize = 64;
/// Codes of a store that is there and cannot now.
const BUSY: [&str; 4] = ["InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"];

/// How the client's words of an answer begin.
const STATUS: &str = "Server returned non-2xx status code: ";
/// The same where the answer's body says no.
const TOLD: &str = "Server returned error response: ";

/// Why the bucket does not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BucketFault {
    /// It does not answer, or cannot now.
    #[error("the bucket does not answer ({0})")]
    Unreachable(String),
    /// It does not let us.
    #[error("the bucket refuses our keys ({0})")]
    Denied(String),
    /// There is no such bucket.
    #[error("there is no such bucket")]
    Absent,
    /// It has no such object.
    #[error("the bucket has lost a file")]
    Lost,
    /// It says no to what we ask.
    #[error("the bucket refuses a request ({0})")]
    Refused(String),
    /// It gives something else than was brought.
    #[error("a file in the bucket was changed since it was brought there")]
    Changed,
    /// The disk on our side.
    #[error("a file on this machine cannot be read or written")]
    Disk(#[source] io::Error),
}

impl BucketFault {
    /// What a store said.
    pub(super) fn of(error: Error) -> Self {
        tracing::debug!(%error, "the bucket does not do what it was asked");
        let code = code(&error);
        if matches!(error, Error::NotFound { .. }) {
            return if code.as_deref() == Some("NoSuchBucket") { Self::Absent } else { Self::Lost };
        }
        let Some(code) = code else { return Self::Unreachable(no_answer(&error)) };
        if matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) {
            return Self::Denied(code);
        }
        if BUSY.contains(&code.as_str()) { Self::Unreachable(code) } else { Self::Refused(code) }
    }

    /// Whether it is of the bucket itself, so that the next file would fare no better.
    pub(super) fn is_of_all(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Denied(_) | Self::Absent => true,
            Self::Lost | Self::Refused(_) | Self::Changed | Self::Disk(_) => false,
        }
    }

    /// One word of ours.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Denied(_) => "denied",
            Self::Absent => "no_bucket",
            Self::Lost => "lost",
            Self::Refused(_) => "refused",
            Self::Changed => "changed",
            Self::Disk(_) => "disk",
        }
    }
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let first: Option<&(dyn std::error::Error + 'static)> = Some(error);
    std::iter::successors(first, |error| error.source())
}

/// The store's own code, else the status. The client's type for an answer is its own, so it is read
/// from its words.
fn code(error: &Error) -> Option<String> {
    let words = causes(error).map(ToString::to_string);
    let answer =
        words.filter(|words| words.starts_with(STATUS) || words.starts_with(TOLD)).last()?;
    let told = answer.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    if let Some((code, _)) = told.filter(|(code, _)| is_code(code)) {
        return Some(code.to_owned());
    }
    let status = answer.strip_prefix(STATUS)?.get(..3)?.parse().ok()?;
    let status = StatusCode::from_u16(status).ok()?;
    let busy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Some(if busy { BUSY[1].to_owned() } else { status.as_u16().to_string() })
}

fn is_code(text: &str) -> bool {
    text.len() <= CODE_MAX && text.chars().all(|sign| sign.is_ascii_alphanumeric())
}

fn no_answer(error: &Error) -> String {
    let http = causes(error).find_map(|cause| cause.downcast_ref::<HttpError>());
    let word = match http.map(HttpError::kind) {
        Some(HttpErrorKind::Connect) => "no connection",
        Some(HttpErrorKind::Timeout) => "no answer in time",
        Some(_) | None => "the connection broke",
    };
    word.to_owned()
}
