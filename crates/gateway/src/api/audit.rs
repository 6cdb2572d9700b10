//! Who changed people, keys and numbers, and who listened?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Serialize;

use super::{ApiError, page::Page};
use crate::{console::session::Caller, office::Office, store::AuditEntry};

/// Entries, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AuditList)]
pub(super) struct Entries {
    entries: Vec<AuditEntry>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What was done to people, keys, numbers and recordings, the newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "administration",
    params(("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = Entries, description = "`{entries: [{no, at, by, act, object, detail?}], next?}`"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<Entries>, ApiError> {
    let before = page.after_number()?;
    let house = caller.organisation.id.clone();
    let mut entries = office.store.deeds(house, page.to_read(), before).await?;
    let next = page.cut(&mut entries, |entry| entry.no.to_string());
    Ok(Json(Entries { entries, next }))
}
