//! May this user be called now, until when does the answer hold, and what would it cost?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use terms::UserRef;
use wire::console::Preflight;

use super::ApiError;
use crate::{console::session::Caller, contacts, office::Office, preflight::check};

#[derive(Deserialize)]
pub(super) struct Question {
    /// The user's number, digits, or the BSUID.
    to: String,
    /// Our number, digits or id.
    from: Option<String>,
}

/// May this user be called, and at what price?
#[utoipa::path(get, path = "/v1/preflight", tag = "calls", 
    params(("to" = String, Query, description = "The user's number, digits, or the BSUID"),
           ("from" = Option<String>, Query, description = "Our number: digits or id; may be absent where there is one")),
    responses((status = 200, body = Preflight,
               description = "`{allowed, rule, evidence, said: [{code, facts?}], changes_at?, price?: {pulse, per_minute, currency, card}, warnings?: [{rule, text, said}]}`"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused)))]
pub(super) async fn preflight(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<Preflight>, ApiError> {
    let to = user(&question.to, "to")?;
    let line = caller.line(&office, question.from.as_deref())?;
    let to = contacts::complete(&office, line, to).await?;
    Ok(Json(check(&office, line, &to).await?))
}

/// A user in a path or query.
pub(super) fn user(text: &str, name: &str) -> Result<UserRef, ApiError> {
    // An unescaped `+` arrives as a space.
    let user = text.trim_start().parse();
    user.map_err(|_| ApiError::invalid(format!("{name}: a number in digits, or a BSUID")))
}
