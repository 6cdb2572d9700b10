//! Is this gateway ready for calls?

use std::sync::Arc;

use axum::{Json, extract::State};
use terms::PhoneNumberId;

use super::ApiError;
use crate::{
    console::session::Caller,
    doctor::{self, Report, Runs},
    office::Office,
};

/// Examines the running gateway: its machine, the platform's word, the way of media.
#[utoipa::path(get, path = "/v1/doctor", tag = "operations",
    responses((status = 200, body = Report, description = "What was looked at, and the worst of it")))]
pub(super) async fn examine(
    State(office): State<Arc<Office>>,
    caller: Caller,
) -> Result<Json<Report>, ApiError> {
    // One at a time: it asks the platform, and a page may be reloaded in impatience.
    let alone = office.examination.acquire().await;
    let _alone = alone.map_err(|_| ApiError::internal("the gateway stops"))?;
    let lines = caller.lines();
    let mine = |line: &PhoneNumberId| lines.contains(line);
    Ok(Json(doctor::examine(&office.config, Runs::Yes, mine).await))
}
