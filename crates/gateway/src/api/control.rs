//! What can a program do with a running call?
//!
//! `POST /v1/calls/{id}/{order}`: the same things the call's agent can do in the console. A program and
//! a supervisor act for whichever agent has the call, an agent only on calls of the agent's own.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::Deserialize;
use switchboard::{access::Act, flow::Key};
use terms::AgentId;
use tokio::sync::oneshot;
use wire::console::{Consulted, Destination};

use super::{ApiError, calls::call_id};
use crate::{
    calls::{
        order::{
            Asker, Order, as_destination, consult as to_consult, destination, known as known_place,
        },
        registry::Letter,
    },
    console::session::{Caller, Who},
    office::Office,
};

/// How many keys one request presses: they take some seconds.
const DIGITS_MAX: usize = 32;

/// Where the call goes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    to: Destination,
}

/// Who is heard.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Mute {
    /// Who of ours in the call; absent: who has it, or the agent who asks.
    agent: Option<AgentId>,
    /// Unheard?
    on: bool,
}

/// What is pressed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Digits {
    /// 1 to 32 of `0` to `9`, `*`, `#` and `A` to `D`.
    digits: String,
}

/// Let the user wait, with music.
#[utoipa::path(post, path = "/v1/calls/{id}/hold", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "The user hears music"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "Not possible as the call stands")))]
pub(super) async fn hold(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    order(&office, caller, &id, Order::Hold).await
}

/// Back to the user, from hold or from a consultation.
#[utoipa::path(post, path = "/v1/calls/{id}/resume", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "User and agent hear each other"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "Not possible as the call stands")))]
pub(super) async fn resume(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    order(&office, caller, &id, Order::Resume).await
}

/// Give the call to another agent, the flow, a queue, a bot or a telephone of the house.
#[utoipa::path(post, path = "/v1/calls/{id}/transfer", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    request_body(content = Transfer, description =
        "`{to: {kind: \"agent\", id}}`, or `{kind: \"flow\", step?}`, `{kind: \"queue\", name}`, `{kind: \"bot\", name}`, `{kind: \"trunk\", name, extension}`"),
    responses((status = 204, description = "Its agent is free; the user waits with music or hears the flow"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "Not possible as the call stands"),
              (status = 415, body = super::Refused), (status = 422, body = super::Refused)))]
pub(super) async fn transfer(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<Transfer>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(Transfer { to }) = body?;
    known_place(&office, &caller.organisation, &to).map_err(ApiError::invalid)?;
    order(&office, caller, &id, Order::Transfer(destination(to))).await
}

/// Let the call's agent ask another one, whoever serves a queue, or a telephone of the house, while the
/// user waits.
#[utoipa::path(post, path = "/v1/calls/{id}/consult", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    request_body(content = Consulted, description = "`{agent}`, `{queue}` for whoever of it is free, or `{trunk, extension}` for a telephone of the house"),
    responses((status = 204, description = "The other agent or the telephone rings"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "Not possible as the call stands, or nobody of the queue is free"),
              (status = 415, body = super::Refused), (status = 422, body = super::Refused)))]
pub(super) async fn consult(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<Consulted>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(with) = body?;
    known_place(&office, &caller.organisation, &as_destination(&with))
        .map_err(ApiError::invalid)?;
    order(&office, caller, &id, to_consult(with)).await
}

/// Hand the call over to the agent who was asked.
#[utoipa::path(post, path = "/v1/calls/{id}/hand_over", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "The other agent has the user, or still rings for it"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "Not possible as the call stands")))]
pub(super) async fn hand_over(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    order(&office, caller, &id, Order::HandOver).await
}

/// Bring the agent who was asked into the call.
#[utoipa::path(post, path = "/v1/calls/{id}/merge", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "User and both agents hear each other"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "Not possible as the call stands")))]
pub(super) async fn merge(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    order(&office, caller, &id, Order::Merge).await
}

/// Let nobody hear an agent of the call, or all again. The agent's page shows it.
#[utoipa::path(post, path = "/v1/calls/{id}/mute", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    request_body(content = Mute, description = "`{agent?, on}`; `agent` is somebody of ours in the call, absent: who has it"),
    responses((status = 204, description = "It is so"),
              (status = 401, body = super::Refused),
              (status = 403, body = super::Refused, description = "An agent mutes only the agent"),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "The agent does not talk in this call")))]
pub(super) async fn mute(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<Mute>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(Mute { agent, on }) = body?;
    let other = agent.as_ref().filter(|agent| caller.agent().is_some_and(|me| me.id != **agent));
    if other.is_some() && !caller.may(Act::SteerCalls) {
        return Err(ApiError::forbidden("an agent mutes only the agent"));
    }
    order(&office, caller, &id, Order::Mute { agent, on }).await
}

/// Press keys for the user, as a telephone's keypad does (DTMF).
#[utoipa::path(post, path = "/v1/calls/{id}/digits", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    request_body(content = Digits, description = "`{digits}`: 1 to 32 of `0` to `9`, `*`, `#` and `A` to `D`, sent one after the other"),
    responses((status = 204, description = "They are being sent"),
              (status = 400, body = super::Refused, description = "No such keys"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "No agent talks with the user")))]
pub(super) async fn digits(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<Digits>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(Digits { digits }) = body?;
    let keys: Option<Vec<Key>> = digits.chars().take(DIGITS_MAX + 1).map(Key::new).collect();
    let fits = |keys: &Vec<Key>| (1..=DIGITS_MAX).contains(&keys.len());
    let keys = keys.filter(fits).ok_or_else(|| {
        ApiError::invalid(format!("digits: 1 to {DIGITS_MAX} of 0 to 9, *, # and A to D"))
    })?;
    order(&office, caller, &id, Order::Digits(keys)).await
}

/// End the call.
#[utoipa::path(post, path = "/v1/calls/{id}/hang_up", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 204, description = "The platform is told"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "Not possible as the call stands")))]
pub(super) async fn hang_up(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    order(&office, caller, &id, Order::HangUp).await
}

pub(super) fn known(caller: &Caller, agent: &AgentId) -> Result<(), ApiError> {
    match caller.organisation.consoles.agent(agent) {
        Some(_) => Ok(()),
        None => Err(ApiError::invalid(format!("agent: nobody here is called {agent}"))),
    }
}

/// Asks the call's task, and waits for its word.
pub(super) async fn order(
    office: &Office,
    caller: Caller,
    id: &str,
    order: Order,
) -> Result<StatusCode, ApiError> {
    let asker = asker(&caller, &order);
    let over = || ApiError::not_found("no call of this id runs");
    let call = office.registry.find(&caller.lines(), &call_id(id)?, None).ok_or_else(over)?;
    let (answer, answered) = oneshot::channel();
    if !call.send(Letter::Do { order, asker, answer }) {
        return Err(over());
    }
    match answered.await {
        Ok(Ok(())) => Ok(StatusCode::NO_CONTENT),
        Ok(Err(text)) => Err(ApiError::new(StatusCode::CONFLICT, "out_of_place", text)),
        Err(_) => Err(over()),
    }
}

/// In whose name: a supervisor's place in a call is the supervisor's own.
fn asker(caller: &Caller, order: &Order) -> Asker {
    let for_all = caller.may(Act::SteerCalls) && !order.is_supervisors();
    match &caller.who {
        Who::Agent(agent) if !for_all => Asker::Agent(agent.id.clone()),
        Who::Agent(_) | Who::Program(_) => Asker::Business,
    }
}
