//! How does an agent log in and out?

use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use wire::console::{Agent, AgentState, LogIn, Role};

use super::ApiError;
use crate::{
    config::HashedPassword,
    console::session::{Caller, Who},
    office::Office,
    scheme::Scheme,
};

/// Log in: the answer sets a cookie.
#[utoipa::path(post, path = "/v1/session", tag = "session",
    request_body(content = Object, description = "`{user, password}`"),
    responses((status = 204, description = "Logged in; the answer sets a cookie"),
              (status = 401, body = super::Refused)))]
pub(super) async fn log_in(
    State(office): State<Arc<Office>>,
    scheme: Scheme,
    body: Result<Json<LogIn>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(login) = body?;
    let agent = login.user.parse().ok().and_then(|id| office.organisations.agent(&id));
    let agent = agent.map(|(_, agent)| agent.clone());
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

/// Who is logged in.
#[utoipa::path(get, path = "/v1/me", tag = "session",
    responses((status = 200, body = Object, description = "`{id, name, role, state}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn me(caller: Caller) -> Result<Json<Agent>, ApiError> {
    match caller.who {
        Who::Agent(agent) => {
            let state = caller.organisation.consoles.state_of(&agent.id);
            Ok(Json(Agent { id: agent.id, name: agent.name, role: agent.role, state }))
        }
        Who::Program(_) => Ok(Json(Agent {
            id: "api".parse().map_err(|_| ApiError::not_found("nobody"))?,
            name: "API key".into(),
            role: Role::Supervisor,
            state: AgentState::Offline,
        })),
    }
}
