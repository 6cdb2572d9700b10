//! What was told, and to whom?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use terms::Timestamp;
use wire::event::KINDS;

use super::ApiError;
use crate::{
    clock,
    config::Endpoint,
    console::session::Caller,
    office::Office,
    store::{Asked, DeliveryRow, Told},
};

/// How many events one page has when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

#[derive(Deserialize)]
pub(super) struct Page {
    /// Only events after this cursor.
    after: Option<i64>,
    /// Only events of this type.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Only events of this call.
    call_id: Option<String>,
    /// How many at most.
    limit: Option<u32>,
}

/// An event as it was told: CloudEvents 1.0.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "events are answered as they were written")]
pub(super) struct CloudEvent {
    /// `1.0`.
    specversion: String,
    /// Its id, the same in every delivery.
    id: String,
    /// `/numbers/` and the number's id.
    source: String,
    /// The call's id, the user's number, or the number's id.
    subject: String,
    /// When it happened.
    time: Timestamp,
    /// `application/json`.
    datacontenttype: String,
    /// Its place among the events of its call, from `0000000001`.
    sequence: Option<String>,
    /// The trace of its call.
    traceparent: Option<String>,
    /// What happened, such as `call.ended`.
    #[schema(rename = "type")]
    kind: String,
    /// `docs/events.md` says what each type has.
    #[schema(value_type = Object)]
    data: (),
}

/// Events in the order they were told.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct EventList {
    #[schema(value_type = Vec<CloudEvent>)]
    events: Vec<Box<RawValue>>,
    /// What to send as `after` to go on.
    next: i64,
    /// Whether there is more already.
    more: bool,
}

/// An event with its deliveries.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct EventAnswer {
    cursor: i64,
    #[schema(value_type = CloudEvent)]
    event: Box<RawValue>,
    deliveries: Vec<DeliveryRow>,
}

#[derive(Deserialize)]
pub(super) struct Whom {
    /// Only this receiver; all when absent.
    endpoint: Option<String>,
}

/// To whom the event goes again.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Redelivered {
    endpoints: Vec<String>,
}

/// Events, the oldest first, page by page.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(("after" = Option<i64>, Query, description = "Only events after this cursor: `next` of the page before"),
           ("type" = Option<String>, Query, description = "Only events of this type, such as `call.ended`"),
           ("call_id" = Option<String>, Query, description = "Only events of this call"),
           ("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most")),
    responses((status = 200, body = EventList, description = "`{events: […], next, more}`, CloudEvents 1.0"),
              (status = 400, body = super::Refused, description = "There is no such type"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<EventList>, ApiError> {
    let kind = known(page.kind)?;
    let limit = page.limit.unwrap_or(LIMIT.0).clamp(1, LIMIT.1);
    let after = page.after.unwrap_or_default();
    // One more than asked for tells whether there is more.
    let asked =
        Asked { lines: caller.lines(), after, kind, call_id: page.call_id, limit: limit + 1 };
    let mut told = office.store.events(asked).await?;
    let count = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = told.len() > count;
    told.truncate(count);
    let next = told.last().map_or(after, |last| last.place);
    let events = told.into_iter().map(document).collect::<Result<_, _>>()?;
    Ok(Json(EventList { events, next, more }))
}

/// One event with its deliveries.
#[utoipa::path(get, path = "/v1/events/{id}", tag = "events",
    params(("id" = String, Path, description = "The event's id, `evt_…`")),
    responses((status = 200, body = EventAnswer, description = "`{cursor, event, deliveries: […]}`"),
              (status = 404, body = super::Refused)))]
pub(super) async fn one(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<EventAnswer>, ApiError> {
    let (told, deliveries) = office.store.event(caller.lines(), id).await?.ok_or_else(unknown)?;
    Ok(Json(EventAnswer { cursor: told.place, event: document(told)?, deliveries }))
}

/// Deliver an event again, now.
#[utoipa::path(post, path = "/v1/events/{id}/redeliver", tag = "events",
    params(("id" = String, Path, description = "The event's id, `evt_…`"),
           ("endpoint" = Option<String>, Query, description = "Only to the receiver of this name; to all when absent")),
    responses((status = 200, body = Redelivered, description = "`{endpoints: […]}`, whom it goes to"),
              (status = 400, body = super::Refused, description = "There is no such receiver"),
              (status = 404, body = super::Refused)))]
pub(super) async fn redeliver(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(whom): Query<Whom>,
) -> Result<Json<Redelivered>, ApiError> {
    let fits = |name: &&String| whom.endpoint.as_ref().is_none_or(|only| only == *name);
    let mine = |endpoint: &&Endpoint| endpoint.organisation == caller.organisation.id;
    let configured = office.config.events.endpoints.iter().filter(mine);
    let configured = configured.map(|endpoint| &endpoint.name);
    let endpoints: Vec<String> = configured.filter(fits).cloned().collect();
    if endpoints.is_empty() {
        return Err(ApiError::invalid(
            "no receiver of events has this name, or none is configured",
        ));
    }
    if !office.store.owe_again(caller.lines(), id, endpoints.clone(), clock::now()).await? {
        return Err(unknown());
    }
    Ok(Json(Redelivered { endpoints }))
}

/// A type that exists, or none.
pub(super) fn known(kind: Option<String>) -> Result<Option<String>, ApiError> {
    match kind {
        Some(kind) if !KINDS.contains(&kind.as_str()) => {
            Err(ApiError::invalid(format!("no event has a type {kind:?}")))
        }
        kind => Ok(kind),
    }
}

/// The event as it was told.
pub(super) fn document(told: Told) -> Result<Box<RawValue>, ApiError> {
    RawValue::from_string(told.body).map_err(|error| crate::store::StoreError::from(error).into())
}

fn unknown() -> ApiError {
    ApiError::not_found("no event has this id, or it is forgotten")
}
