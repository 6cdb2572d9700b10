//! What can a test do to this world?
//!
//! `/sandbox/v1/…`: see everything, be any user, move the clock, read every webhook. It answers on
//! loopback only, or to a token if one is configured ([`access`]). A rule that says no is 409; what
//! cannot be read is 400, what is not there 404; all of them `{rule, code, text}`.

pub(crate) mod access;
mod accounts;
mod analytics;
mod calls;
mod clock;
mod faults;
mod feedback;
mod messages;
mod numbers;
mod rate_cards;
mod snapshot;
mod state;
mod trigger;
mod users;
mod webhooks;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Request,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post, put},
};
use serde::de::DeserializeOwned;
use terms::{UserId, WaId};
use wire::sandbox::Refused;

use crate::{
    api::{chain, read, refusals::ApiRefusal},
    directory::User,
    store::StoreFault,
    world::World,
};

/// The sandbox API.
pub(crate) fn router(world: &Arc<World>) -> Router<Arc<World>> {
    Router::new()
        .route("/sandbox/v1/state", get(state::show))
        .route("/sandbox/v1/users", get(users::list).post(users::add))
        .route("/sandbox/v1/users/{wa_id}", get(users::show).put(users::change))
        .route("/sandbox/v1/users/{wa_id}/behaviour", put(users::set_behaviour))
        .route("/sandbox/v1/users/{wa_id}/call", post(users::call))
        .route("/sandbox/v1/users/{wa_id}/message", post(users::write_message))
        .route("/sandbox/v1/users/{wa_id}/read", post(users::read_chat))
        .route("/sandbox/v1/users/{wa_id}/callback", post(users::ask_callback))
        .route("/sandbox/v1/users/{wa_id}/permission", post(users::decide))
        .route("/sandbox/v1/users/{wa_id}/feedback", post(feedback::give))
        .route("/sandbox/v1/users/{wa_id}/hang_up", post(users::hang_up))
        .route("/sandbox/v1/apps", post(accounts::add_app))
        .route("/sandbox/v1/apps/{id}", put(accounts::change_app))
        .route("/sandbox/v1/accounts", post(accounts::add_account))
        .route("/sandbox/v1/accounts/{id}", put(accounts::change_account))
        .route("/sandbox/v1/numbers", post(accounts::add_number))
        .route("/sandbox/v1/numbers/{id}", put(accounts::change_number))
        .route(
            "/sandbox/v1/numbers/{id}/settings",
            get(numbers::show_settings).post(numbers::change_settings),
        )
        .route("/sandbox/v1/numbers/{id}/media", post(numbers::upload))
        .route("/sandbox/v1/media/{id}", get(numbers::file))
        .route("/sandbox/v1/calls", get(calls::list))
        .route("/sandbox/v1/calls/{id}", get(calls::inspect))
        .route("/sandbox/v1/calls/{id}/recording.wav", get(calls::recording))
        .route("/sandbox/v1/accounts/{waba_id}/analytics", get(analytics::show))
        .route("/sandbox/v1/accounts/{waba_id}/messages", get(messages::list))
        .route("/sandbox/v1/rate_cards", post(rate_cards::add))
        .route("/sandbox/v1/snapshot", get(snapshot::take).post(snapshot::restore))
        .route("/sandbox/v1/trigger", post(trigger::fire))
        .route("/sandbox/v1/clock", get(clock::show).post(clock::change))
        .route("/sandbox/v1/faults", get(faults::show).put(faults::set).delete(faults::clear))
        .route("/sandbox/v1/webhooks", get(webhooks::list))
        .route("/sandbox/v1/webhooks/{id}/redeliver", post(webhooks::redeliver))
        .route("/sandbox/{*path}", any(async || SandboxRefusal::Unknown { what: "path" }))
        .method_not_allowed_fallback(async || SandboxRefusal::Method)
        .route_layer(middleware::from_fn_with_state(Arc::clone(world), access::guard))
}

/// Why the sandbox did not do what it was asked.
#[derive(Debug)]
pub(crate) enum SandboxRefusal {
    /// Not from loopback, or without the token.
    Forbidden,
    /// The path takes another method.
    Method,
    /// There is no such user, call, webhook or path.
    Unknown { what: &'static str },
    /// The body or a parameter is not readable.
    Body(String),
    /// It exists, or there is nothing to do it to.
    Conflict { rule: &'static str, text: String },
    /// A rule says no.
    Api(ApiRefusal),
}

impl SandboxRefusal {
    fn field(&self) -> Option<&str> {
        if let Self::Api(refusal) = self { refusal.field() } else { None }
    }
}

impl From<ApiRefusal> for SandboxRefusal {
    fn from(refusal: ApiRefusal) -> Self {
        Self::Api(refusal)
    }
}

impl From<StoreFault> for SandboxRefusal {
    fn from(fault: StoreFault) -> Self {
        Self::Api(ApiRefusal::Fault(fault))
    }
}

impl IntoResponse for SandboxRefusal {
    fn into_response(self) -> Response {
        let field = self.field().map(str::to_owned);
        let (status, rule, code, text) = match self {
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "sandbox.access",
                10,
                "the sandbox API answers on loopback only, or to its token".to_owned(),
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "request.method",
                100,
                "this path takes another method; /openapi.json lists them".to_owned(),
            ),
            Self::Unknown { what } => {
                (StatusCode::NOT_FOUND, "request.unknown", 100, format!("there is no such {what}"))
            }
            Self::Body(text) => (StatusCode::BAD_REQUEST, "request.body", 100, text),
            Self::Conflict { rule, text } => (StatusCode::CONFLICT, rule, 100, text),
            Self::Api(refusal) => {
                let status = match &refusal {
                    ApiRefusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                    ApiRefusal::Parameter(_) => StatusCode::BAD_REQUEST,
                    ApiRefusal::UnknownObject { .. } => StatusCode::NOT_FOUND,
                    ApiRefusal::Fault(fault) => {
                        tracing::error!(fault = %chain(fault), "the sandbox could not answer");
                        StatusCode::INTERNAL_SERVER_ERROR
                    }
                    ApiRefusal::TokenMissing
                    | ApiRefusal::TokenUnknown
                    | ApiRefusal::TokenExpired { .. }
                    | ApiRefusal::ScopeMissing { .. }
                    | ApiRefusal::NotPermitted
                    | ApiRefusal::UnknownPath
                    | ApiRefusal::Body(_)
                    | ApiRefusal::Message(_)
                    | ApiRefusal::Sdp(_)
                    | ApiRefusal::Rule(_)
                    | ApiRefusal::Handshake(_)
                    | ApiRefusal::LinkOver
                    | ApiRefusal::NoMedia
                    | ApiRefusal::OnDemand { .. } => StatusCode::CONFLICT,
                };
                let code = i64::from(refusal.row().code);
                (status, refusal.rule(), code, refusal.to_string())
            }
        };
        (status, Json(Refused { rule: rule.to_owned(), code, text, field })).into_response()
    }
}

type Answer = Result<Response, SandboxRefusal>;

/// Reads a strict body; the error names the field.
async fn body<T: DeserializeOwned>(request: Request) -> Result<T, SandboxRefusal> {
    let bytes = read(request.into_body()).await?;
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|fault| SandboxRefusal::Body(format!("{}: {}", fault.path(), fault.inner())))?;
    json.end().map_err(|fault| SandboxRefusal::Body(fault.to_string()))?;
    Ok(value)
}

/// The user of a path: a wa_id or a user_id.
fn user(world: &World, id: &str) -> Result<Arc<User>, SandboxRefusal> {
    let by_number = WaId::from_dialled(id).ok().and_then(|id| world.directory.user(&id));
    let by_id = || id.parse::<UserId>().ok().and_then(|id| world.directory.user_of(&id));
    by_number.or_else(by_id).ok_or(SandboxRefusal::Unknown { what: "user" })
}
