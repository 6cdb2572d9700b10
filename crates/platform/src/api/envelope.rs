//! How does the Graph API say no?
//!
//! Every refusal leaves in Graph's error envelope (fact sheet 9.2) with an `fbtrace_id` that the log
//! also has. What a client may read is the refusal's text; a fault's cause stays in the log.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use rand::RngExt as _;
use serde_json::{Value, json};

use super::refusals::ApiRefusal;

/// Characters of an `fbtrace_id`.
const TRACE_CHARS: usize = 22;

impl IntoResponse for ApiRefusal {
    fn into_response(self) -> Response {
        let trace = trace_id();
        let row = self.row();
        if let Self::Fault(fault) = &self {
            tracing::error!(%trace, fault = %chain(fault), "a request failed");
        }
        let status = StatusCode::from_u16(row.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(body(&self, &trace))).into_response()
    }
}

/// The envelope of a refusal.
pub(crate) fn body(refusal: &ApiRefusal, trace: &str) -> Value {
    let row = refusal.row();
    let mut error = json!({
        "message": format!("(#{}) {}", row.code, row.title),
        "type": "OAuthException",
        "code": row.code,
        "error_data": { "messaging_product": wire::WHATSAPP, "details": refusal.to_string() },
        "fbtrace_id": trace,
    });
    if let Some(subcode) = row.subcode {
        error["error_subcode"] = json!(subcode);
    }
    if let ApiRefusal::Rule(rules::Refusal::ConnectedLimit { allowed_at, field, .. }) = refusal {
        error["error_data"][field] = json!(allowed_at.unix());
    }
    json!({ "error": error })
}

fn trace_id() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let mut random = rand::rng();
    (0..TRACE_CHARS)
        .map(
            |at| {
                if at == 0 {
                    'A'
                } else {
                    char::from(LETTERS[random.random_range(0..LETTERS.len())])
                }
            },
        )
        .collect()
}

/// A fault and its causes in one line.
pub(crate) fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
