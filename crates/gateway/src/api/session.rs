//! How does an agent log in and out?

use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use switchboard::access::Scope;
use wire::console::{Agent, AgentState, LogIn, Organisation, Role};

use super::ApiError;
use crate::{
    config::HashedPassword,
    console::session::{Caller, Who},
    office::Office,
    scheme::Scheme,
};

/// Log in: the answer sets a cookie.
#[utoipa::path(post, path = "/v1/session", tag = "session",
    request_body(content = LogIn, description = "`{user, password}`"),
    responses((status = 204, description = "Logged in; the answer sets a cookie"),
              (status = 401, body = super::Refused)))]
pub(super) async fn log_in(
    State(office): State<Arc<Office>>,
    scheme: Scheme,
    body: Result<Json<LogIn>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(login) = body?;
    let agent = login.user.parse().ok().and_then(|id| office.organisations.agent(&id));
    let agent = agent.map(|(_, agent)| agent);
    let hash = agent.as_ref().map(|agent| agent.password.clone());
    let password = login.password;
    // An unknown name takes as long as a wrong password.
    let check = move || match hash {
        Some(hash) => hash.fits(&password),
        None => {
            drop(HashedPassword::hash(&password));
            false
        }
    };
    let fits = tokio::task::spawn_blocking(check).await.unwrap_or(false);
    let Some(agent) = agent.filter(|_| fits) else {
        let text = "The name or the password is wrong.";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "log_in", text));
    };
    let cookie = office.sessions.log_in(agent.id, scheme);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Log out.
#[utoipa::path(delete, path = "/v1/session", tag = "session",
    responses((status = 204, description = "Logged out")))]
pub(super) async fn log_out(
    State(office): State<Arc<Office>>,
    scheme: Scheme,
    headers: HeaderMap,
) -> Response {
    let cookie = office.sessions.log_out(&headers, scheme);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// Who asks, and for whom.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Me {
    #[serde(flatten)]
    agent: Agent,
    organisation: Organisation,
    /// What a program's key opens; people have their role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<&'static str>,
}

/// Who is logged in.
#[utoipa::path(get, path = "/v1/me", tag = "session",
    responses((status = 200, body = Me, description = "`{id, name, role, state, organisation: {id, name}, scopes?}`; a program's key has scopes"),
              (status = 401, body = super::Refused)))]
pub(super) async fn me(caller: Caller) -> Result<Json<Me>, ApiError> {
    let organisation = caller.organisation.shown();
    let (agent, scopes) = match caller.who {
        Who::Agent(agent) => {
            let state = caller.organisation.consoles.state_of(&agent.id);
            (Agent { id: agent.id, name: agent.name, role: agent.role, state }, Vec::new())
        }
        Who::Program(program) => {
            let agent = Agent {
                id: "api".parse().map_err(|_| ApiError::not_found("nobody"))?,
                name: "API key".into(),
                role: Role::Supervisor,
                state: AgentState::Offline,
            };
            (agent, program.scopes.into_iter().map(Scope::as_str).collect())
        }
    };
    Ok(Json(Me { agent, organisation, scopes }))
}
