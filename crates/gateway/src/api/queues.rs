//! Who waits, and who is called back?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use terms::UserRef;
use wire::console::{Destination, Peer, Queue};

use super::{
    ApiError,
    idempotency::{self, Answer, Asked, Whose},
    page::Page,
};
use crate::{
    callbacks::{self, Keeping, Wanted},
    calls::order::known,
    clock,
    console::session::Caller,
    line::Line,
    office::Office,
    store::{Callback, CallbackState},
};

/// The highest priority, as a flow's step has it.
const PRIORITY_MAX: u8 = 9;

/// Every queue.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct QueueList {
    queues: Vec<Queue>,
}

/// Whom to call back.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddCallback {
    /// The queue whose agents call.
    queue: String,
    /// The user: the number, digits, or the BSUID.
    to: UserRef,
    /// Our number: digits, or its id; may be absent where there is one.
    from: Option<String>,
    /// 0 to 9: higher goes first.
    #[serde(default)]
    priority: u8,
}

/// Callbacks, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CallbackList {
    callbacks: Vec<Callback>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The queues: who waits, who serves them, what came of their calls today.
#[utoipa::path(get, path = "/v1/queues", tag = "queues",
    responses((status = 200, body = QueueList, description = "`{queues: [{name, skills, waiting: [{call_id? | callback_id?, contact, since, priority, position, estimated_wait_s?, offered_to?}], agents: {available, ringing, busy, wrap_up, away, offline}, today: {since, answered, answered_in_time, abandoned, overflowed, callbacks, threshold_s, service_level_percent?, average_wait_s?}}]}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(caller: Caller) -> Json<QueueList> {
    Json(QueueList { queues: caller.organisation.queues.now().to_vec() })
}

/// Users who wanted to be called back instead of waiting.
#[utoipa::path(get, path = "/v1/callbacks", tag = "queues",
    params(("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = CallbackList, description = "`{callbacks: [{callback_id, phone_number_id, queue, priority, contact, since, state, from_call?, request_id?, call_id?, text?}], next?}`; `state` is `waiting`, `asking`, `offered`, `placing`, `placed`, `given_up` or `cancelled`"),
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

/// Let a queue's agents call a user when their turn comes. A user who may not be called is asked for
/// consent then.
#[utoipa::path(post, path = "/v1/callbacks", tag = "queues",
    params(("Idempotency-Key" = Option<String>, Header, description = "Acts once; the same key with the same body gets the same answer for 24 hours")),
    request_body(content = AddCallback, description = "`{queue, to, from?, priority?}`; `to` is a number, digits, or a BSUID; `priority` is 0 to 9, higher goes first"),
    responses((status = 201, body = Callback, description = "The callback, `waiting`"),
              (status = 400, body = super::Refused, description = "There is no such queue, or the number is not ours"),
              (status = 409, body = super::Refused, description = "`callback.already`: the user waits in this queue; `callback.full`: too many wait")))]
pub(super) async fn add_callback(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Asked { wanted, mark }: Asked<AddCallback>,
) -> Result<Answer, ApiError> {
    let line = Arc::clone(caller.line(&office, wanted.from.as_deref())?);
    let place = Destination::Queue { name: wanted.queue.clone() };
    known(&office, &caller.organisation, &place).map_err(ApiError::invalid)?;
    if wanted.priority > PRIORITY_MAX {
        return Err(ApiError::invalid(format!("priority: 0 to {PRIORITY_MAX}")));
    }
    let acting = keep(Arc::clone(&office), Arc::clone(&line), wanted);
    idempotency::once(office, Whose::Line(line.id()), mark, acting).await
}

async fn keep(
    office: Arc<Office>,
    line: Arc<Line>,
    wanted: AddCallback,
) -> Result<Answer, ApiError> {
    let AddCallback { queue, to, from: _, priority } = wanted;
    let known = office.store.contact(line.contact(&to)).await?;
    let contact = known.map_or_else(|| Peer::of(&to, None), |known| known.peer());
    let wanted = Wanted { queue, priority, since: clock::now(), contact, from_call: None };
    match callbacks::keep(&office, &line, wanted).await? {
        Keeping::Kept(callback) => Answer::created(&callback),
        Keeping::Already(callback) => {
            let text = format!("the user waits already: {}", callback.callback_id);
            Err(ApiError::conflict("callback.already", text))
        }
        Keeping::Full => Err(ApiError::conflict("callback.full", "too many callbacks wait")),
        Keeping::NoUser => Err(ApiError::invalid("to: a number in digits, or a BSUID")),
    }
}

/// Take a callback back.
#[utoipa::path(delete, path = "/v1/callbacks/{id}", tag = "queues",
    params(("id" = String, Path, description = "The callback's id")),
    responses((status = 200, body = Callback, description = "The callback, `cancelled`"),
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
