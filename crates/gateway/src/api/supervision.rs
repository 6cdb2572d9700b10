//! What can a supervisor do in a call?
//!
//! Listening begins in a console, for it brings the audio; from then on a supervisor may also change or
//! leave by `POST /v1/calls/{id}/…`, and a program for whichever supervisor is there.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use super::{ApiError, control};
use crate::{calls::order::Order, console::session::Caller, office::Office};

/// Only listen again.
#[utoipa::path(post, path = "/v1/calls/{id}/listen", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "Nobody hears the supervisor"),
              (status = 401, body = super::Refused),
              (status = 403, body = super::Refused, description = "The caller is no supervisor"),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "No supervisor is in the call")))]
pub(super) async fn listen(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    control::order(&office, caller, &id, Order::Listen).await
}

/// Talk to the agent alone.
#[utoipa::path(post, path = "/v1/calls/{id}/whisper", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "The agent hears the supervisor, the user does not"),
              (status = 401, body = super::Refused),
              (status = 403, body = super::Refused, description = "The caller is no supervisor"),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "No supervisor is in the call")))]
pub(super) async fn whisper(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    control::order(&office, caller, &id, Order::Whisper).await
}

/// Talk to all.
#[utoipa::path(post, path = "/v1/calls/{id}/join", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "All hear the supervisor"),
              (status = 401, body = super::Refused),
              (status = 403, body = super::Refused, description = "The caller is no supervisor"),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "No supervisor is in the call")))]
pub(super) async fn join(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    control::order(&office, caller, &id, Order::Join).await
}

/// Leave the call, which goes on.
#[utoipa::path(post, path = "/v1/calls/{id}/leave", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "The supervisor is out of the call"),
              (status = 401, body = super::Refused),
              (status = 403, body = super::Refused, description = "The caller is no supervisor"),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "No supervisor is in the call")))]
pub(super) async fn leave(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    control::order(&office, caller, &id, Order::Leave).await
}
