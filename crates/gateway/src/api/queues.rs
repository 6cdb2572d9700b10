//! Who waits, and who is called back?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Serialize;
use wire::console::Queue;

use super::{ApiError, page::Page};
use crate::{
    callbacks,
    console::session::Caller,
    office::Office,
    store::{Callback, CallbackState},
};

/// Every queue.
#[derive(Serialize)]
pub(super) struct QueueList {
    queues: Vec<Queue>,
}

/// Callbacks, the newest first.
#[derive(Serialize)]
pub(super) struct CallbackList {
    callbacks: Vec<Callback>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The queues: who waits, who serves them, what came of their calls today.
#[utoipa::path(get, path = "/v1/queues", tag = "queues",
    responses((status = 200, body = Object, description = "`{queues: [{name, skills, waiting: [{call_id? | callback_id?, contact, since, priority, position, estimated_wait_s?, offered_to?}], agents: {available, ringing, busy, wrap_up, away, offline}, today: {since, answered, answered_in_time, abandoned, overflowed, callbacks, threshold_s, service_level_percent?, average_wait_s?}}]}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(caller: Caller) -> Json<QueueList> {
    Json(QueueList { queues: caller.organisation.queues.now().to_vec() })
}

/// Users who wanted to be called back instead of waiting.
#[utoipa::path(get, path = "/v1/callbacks", tag = "queues",
    params(("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = Object, description = "`{callbacks: [{callback_id, phone_number_id, queue, priority, contact, since, state, from_call, request_id?, call_id?, text?}], next?}`; `state` is `waiting`, `asking`, `offered`, `placing`, `placed`, `given_up` or `cancelled`"),
              (status = 400, body = super::Refused),
              (status = 401, body = super::Refused)))]
pub(super) async fn list_callbacks(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<CallbackList>, ApiError> {
    let (lines, after) = (caller.lines(), page.after_moment()?);
    let mut callbacks = office.store.waiting_of::<Callback>(lines, page.to_read(), after).await?;
    let next = page.cut(&mut callbacks, |callback| {
        format!("{}.{}", callback.since.unix_ms(), callback.callback_id)
    });
    Ok(Json(CallbackList { callbacks, next }))
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
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Callback>, ApiError> {
    let mine = |callback: &Callback| caller.organisation.lines.contains(&callback.phone_number_id);
    let known = office.store.waiting::<Callback>(id.clone()).await?.filter(mine);
    known.ok_or_else(|| ApiError::not_found("no callback has this id"))?;
    if let Some(callback) = callbacks::cancel(&office, id.clone()).await? {
        return Ok(Json(callback));
    }
    let known = office.store.waiting::<Callback>(id).await?;
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
