//! Whose service window is open?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};
use wire::event::Window;

use super::ApiError;
use crate::{console::session::Caller, office::Office};

/// How many windows are listed when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

#[derive(Deserialize)]
pub(super) struct Question {
    /// `true`, or absent: closed windows are not kept.
    open: Option<bool>,
    /// How many at most; 100 when absent, 1000 at most.
    limit: Option<u32>,
    /// Only this number of ours; all when absent.
    number: Option<String>,
}

/// Open windows, the first to close first.
#[derive(Serialize)]
pub(super) struct Windows {
    windows: Vec<Window>,
}

/// Whose service window is open, and until when.
#[utoipa::path(get, path = "/v1/windows", tag = "contacts",
    params(("open" = Option<bool>, Query, description = "`true`, or absent: closed windows are not kept"),
           ("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("number" = Option<String>, Query, description = "Only this number of ours: digits or id")),
    responses((status = 200, body = Object, description = "`{windows: [{contact, open_until}]}`, the first to close first"),
              (status = 400, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<Windows>, ApiError> {
    if question.open == Some(false) {
        return Err(ApiError::invalid("open: closed windows are not kept; write true"));
    }
    let (lines, line) = super::asked_lines(&office, &caller, question.number.as_deref())?;
    let limit = question.limit.unwrap_or(LIMIT.0).min(LIMIT.1);
    let windows = office.store.open_windows(lines, line.now(), limit).await?;
    Ok(Json(Windows { windows }))
}
