//! How is something noted about a call?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::Serialize;
use wire::console::NoteChange;

use super::{
    ApiError,
    calls::{self, CallRow},
};
use crate::{
    console::session::Caller,
    notes::{self, NoteError},
    office::Office,
};

/// The configured words.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WrapUpCodes)]
pub(super) struct Codes {
    codes: Vec<String>,
}

/// Note something about a call, running or over.
#[utoipa::path(patch, path = "/v1/calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    request_body(content = NoteChange, description = "`{notes?, wrap_up?}`: what is absent stays, `null` takes it back"),
    responses((status = 200, body = CallRow, description = "The call"),
              (status = 404, body = super::Refused),
              (status = 422, body = super::Refused, description = "Too long, or none of the configured codes")))]
pub(super) async fn note(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<NoteChange>, JsonRejection>,
) -> Result<Json<CallRow>, ApiError> {
    let Json(change) = body?;
    let by = caller.agent().map(|agent| agent.id.clone());
    let call_id = calls::call_id(&id)?;
    notes::note(&office, &caller.organisation, call_id.clone(), change, by).await?;
    Ok(Json(calls::row(&office, &caller, call_id).await?))
}

/// The words of which one says what came of a call; none: any word.
#[utoipa::path(get, path = "/v1/wrap_up_codes", tag = "calls",
    responses((status = 200, body = Codes, description = "`{codes: […]}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn codes(State(office): State<Arc<Office>>, _caller: Caller) -> Json<Codes> {
    Json(Codes { codes: office.config.wrap_up_codes.clone() })
}

impl From<NoteError> for ApiError {
    fn from(error: NoteError) -> Self {
        match error {
            NoteError::TooLong | NoteError::Code(_) => {
                Self::unprocessable("invalid", &error.to_string())
            }
            NoteError::Unknown => Self::not_found("no call has this id"),
            NoteError::Store(error) => error.into(),
        }
    }
}
