//! What happened in this call, step by step?
//!
//! The events of one call, for whoever may see the call; all events of the house are another question.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    ApiError,
    calls::{call_id, row},
    events::{CloudEvent, document},
};
use crate::{console::session::Caller, office::Office, store::Asked};

/// More steps than any call has.
const LIMIT: u32 = 500;

/// Events in the order they were told.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CallEvents {
    #[schema(value_type = Vec<CloudEvent>)]
    events: Vec<Box<RawValue>>,
}

/// The events of a call, the oldest first; none once they are forgotten.
#[utoipa::path(get, path = "/v1/calls/{id}/events", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 200, body = CallEvents, description = "`{events: […]}`, CloudEvents 1.0"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<CallEvents>, ApiError> {
    let call_id = call_id(&id)?;
    row(&office, &caller, call_id.clone()).await?;
    let call_id = Some(call_id.as_str().to_owned());
    let asked = Asked { lines: caller.lines(), after: 0, kind: None, call_id, limit: LIMIT };
    let told = office.store.events(asked).await?;
    let events = told.into_iter().map(document).collect::<Result<_, _>>()?;
    Ok(Json(CallEvents { events }))
}
