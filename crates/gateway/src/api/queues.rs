//! Who waits, and who is called back?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use wire::console::Queue;

use super::ApiError;
use crate::{
    callbacks,
    console::session::Caller,
    office::Office,
    store::{Callback, CallbackState},
};

/// How many callbacks are listed when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

/// Every queue.
#[derive(Serialize)]
pub(super) struct QueueList {
    queues: Vec<Queue>,
}

#[derive(Deserialize)]
pub(super) struct PageQuery {
    /// How many at most; 100 when absent, 1000 at most.
    limit: Option<u32>,
}

/// Callbacks, the newest first.
#[derive(Serialize)]
pub(super) struct CallbackList {
    callbacks: Vec<Callback>,
}

/// The queues: who waits, who serves them, what came of their calls today.
#[utoipa::path(get, path = "/v1/queues", tag = "queues",
    responses((status = 200, body = Object, description = "`{queues: [{name, skills, waiting: [{call_id? | callback_id?, contact, since, priority, position, estimated_wait_s?, offered_to?}], agents: {available, ringing, busy, wrap_up, away, offline}, today: {since, answered, answered_in_time, abandoned, overflowed, callbacks, threshold_s, service_level_percent?, average_wait_s?}}]}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(State(office): State<Arc<Office>>, _caller: Caller) -> Json<QueueList> {
    Json(QueueList { queues: office.queues.now().to_vec() })
}

/// Users who wanted to be called back instead of waiting.
#[utoipa::path(get, path = "/v1/callbacks", tag = "queues",
    params(("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most")),
    responses((status = 200, body = Object, description = "`{callbacks: [{callback_id, queue, priority, contact, since, state, from_call, request_id?, call_id?, text?}]}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list_callbacks(
    State(office): State<Arc<Office>>,
    _caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<CallbackList>, ApiError> {
    let limit = page.limit.unwrap_or(LIMIT.0).min(LIMIT.1);
    Ok(Json(CallbackList { callbacks: office.store.callbacks(limit).await? }))
}

/// Take a callback back.
#[utoipa::path(delete, path = "/v1/callbacks/{id}", tag = "queues",
    params(("id" = String, Path, description = "The callback's id")),
    responses((status = 200, body = Object, description = "The callback, `cancelled`"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused),
              (status = 409, body = super::Refused, description = "It does not wait any more")))]
pub(super) async fn cancel_callback(
    State(office): State<Arc<Office>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Callback>, ApiError> {
    if let Some(callback) = callbacks::cancel(&office, id.clone()).await? {
        return Ok(Json(callback));
    }
    let known = office.store.callback(id).await?;
    let known = known.ok_or_else(|| ApiError::not_found("no callback has this id"))?;
    Err(ApiError::conflict(
        "callback.not_waiting",
        match known.state {
            CallbackState::Waiting
            | CallbackState::Asking
            | CallbackState::Offered
            | CallbackState::Placing => "the call is being placed",
            CallbackState::Placed => "the user was called",
            CallbackState::GivenUp => "it was given up",
            CallbackState::Cancelled => "it was taken back before",
        },
    ))
}
