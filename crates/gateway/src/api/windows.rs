//! Whose service window is open?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};
use wire::event::Window;

use super::{ApiError, page::Page};
use crate::{console::session::Caller, office::Office};

#[derive(Deserialize)]
pub(super) struct Question {
    /// `true`, or absent: closed windows are not kept.
    open: Option<bool>,
    /// Only this number of ours; all when absent.
    number: Option<String>,
}

/// Open windows, the first to close first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Windows {
    windows: Vec<Window>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Whose service window is open, and until when.
#[utoipa::path(get, path = "/v1/windows", tag = "contacts",
    params(("open" = Option<bool>, Query, description = "`true`, or absent: closed windows are not kept"),
           ("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before"),
           ("number" = Option<String>, Query, description = "Only this number of ours: digits or id")),
    responses((status = 200, body = Windows, description = "`{windows: [{contact, open_until}], next?}`, the first to close first"),
              (status = 400, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
    Query(page): Query<Page>,
) -> Result<Json<Windows>, ApiError> {
    if question.open == Some(false) {
        return Err(ApiError::invalid("open: closed windows are not kept; write true"));
    }
    let (lines, line) = super::asked_lines(&office, &caller, question.number.as_deref())?;
    let (count, after) = (page.to_read(), page.after_moment()?);
    let mut open = office.store.open_windows(lines, line.now(), count, after).await?;
    let next =
        page.cut(&mut open, |(place, window)| format!("{}.{place}", window.open_until.unix_ms()));
    let windows = open.into_iter().map(|(_, window)| window).collect();
    Ok(Json(Windows { windows, next }))
}
