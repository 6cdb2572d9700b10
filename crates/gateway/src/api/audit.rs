//! Who changed people and keys?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};

use super::ApiError;
use crate::{
    console::session::Caller,
    office::Office,
    store::{AuditEntry, Page},
};

/// How many entries one page has when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

#[derive(Deserialize)]
pub(super) struct Question {
    /// How many at most; 100 when absent, 1000 at most.
    limit: Option<u32>,
    /// Only entries before this one.
    before: Option<i64>,
}

/// Entries, the newest first.
#[derive(Serialize)]
pub(super) struct Entries {
    entries: Vec<AuditEntry>,
    /// What to give as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<i64>,
}

/// What was done to people and keys, the newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "administration",
    params(("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("before" = Option<i64>, Query, description = "Only entries before this one")),
    responses((status = 200, body = Object, description = "`{entries: [{no, at, by, act, object, detail?}], next_before?}`"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<Entries>, ApiError> {
    let limit = question.limit.unwrap_or(LIMIT.0).clamp(1, LIMIT.1);
    let page = Page { limit, before: question.before };
    let entries = office.store.deeds(caller.organisation.id.clone(), page).await?;
    let is_full = entries.len() >= limit as usize;
    let next_before = entries.last().map(|entry| entry.no).filter(|_| is_full);
    Ok(Json(Entries { entries, next_before }))
}
