//! Who is at work, and who takes calls?

use axum::{
    Json,
    extract::{Path, Query, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use switchboard::access::Act;
use terms::AgentId;
use wire::console::{AgentState, Colleague, Presence, Role};

use super::{ApiError, page::Page};
use crate::{
    clock,
    console::{session::Caller, socket::says},
};

/// Everybody.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AgentList {
    agents: Vec<AgentRow>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An agent.
#[derive(Serialize, utoipa::ToSchema)]
struct AgentRow {
    #[serde(flatten)]
    agent: Colleague,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// Whole seconds an available agent waits for a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_s: Option<u64>,
}

/// What the agent does.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPresence {
    state: Presence,
}

/// The agents and how they stand.
#[utoipa::path(get, path = "/v1/agents", tag = "agents",
    params(("limit" = Option<u32>, Query, description = "How many at most; 1000 when absent, and at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = AgentList, description = "`{agents: [{id, name, role, state, since?, wrap_up_until?, skills?, idle_s?}], next?}`; `state` is `available`, `ringing`, `busy`, `wrap_up`, `away` or `offline`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<AgentList>, ApiError> {
    let consoles = &caller.organisation.consoles;
    let now = clock::now();
    let row = |agent: Colleague| AgentRow {
        role: consoles.agent(&agent.id).map(|agent| agent.role),
        idle_s: agent
            .since
            .filter(|_| agent.state == AgentState::Available)
            .map(|since| now.since(since).as_secs()),
        agent,
    };
    let (agents, next) = page.part(consoles.colleagues(), |agent| agent.id.as_str())?;
    Ok(Json(AgentList { agents: agents.into_iter().map(row).collect(), next }))
}

/// Let an agent take calls, or not, or end a wrap-up.
#[utoipa::path(post, path = "/v1/agents/{id}/presence", tag = "agents",
    params(("id" = String, Path, description = "The agent's id")),
    request_body(content = SetPresence, description = "`{state}`: `available`, `away` or `wrap_up`"),
    responses((status = 204, description = "It is so"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused),
              (status = 403, body = super::Refused, description = "Another agent's"),
              (status = 404, body = super::Refused, description = "Nobody has this id"),
              (status = 409, body = super::Refused, description = "No console of the agent is open"),
              (status = 415, body = super::Refused), (status = 422, body = super::Refused)))]
pub(super) async fn set_presence(
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<SetPresence>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(SetPresence { state }) = body?;
    let consoles = &caller.organisation.consoles;
    let id: Option<AgentId> = id.parse().ok().filter(|id| consoles.agent(id).is_some());
    let id = id.ok_or_else(|| ApiError::not_found("nobody has this id"))?;
    let own = caller.agent().is_none_or(|agent| agent.id == id);
    if !own && !caller.may(Act::SteerCalls) {
        return Err(ApiError::forbidden("an agent sets only the agent's own presence"));
    }
    if consoles.state_of(&id) == AgentState::Offline {
        let text = "the agent has no console open";
        return Err(ApiError::conflict("agent.offline", text));
    }
    consoles.agent_says(&id, says(state));
    Ok(StatusCode::NO_CONTENT)
}
