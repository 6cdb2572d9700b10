//! `POST /sandbox/v1/users/{wa_id}/feedback`: what does this user think of a business?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    response::IntoResponse as _,
};
use serde_json::json;
use wire::sandbox::GiveFeedback;

use super::{Answer, body, user};
use crate::{quality, users, world::World};

pub(super) async fn give(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let user = user(&world, &id)?;
    let feedback: GiveFeedback = body(request).await?;
    let number = users::business(&world, &feedback.to)?;
    quality::feedback(&world, &number, &user, feedback.kind).await?;
    Ok(Json(json!({ "success": true })).into_response())
}
