//! What can be asked over HTTP?
//!
//! REST for programs (bearer API key) and consoles (cookie), the console's WebSocket, the webhook, and
//! what operators read. An answer that says no is `{code, text}`.

mod agents;
mod calls;
mod cdrs;
mod consents;
mod contacts;
mod control;
mod diagnosis;
mod events;
mod idempotency;
pub mod openapi;
mod operations;
mod place;
mod preflight;
mod queues;
mod session;
pub(crate) mod stream;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use terms::Timestamp;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    calls::{advice, placing::NotPlaced},
    console::socket,
    graph::GraphError,
    office::Office,
    pages,
    store::StoreError,
    webhook,
};

/// The longest body of a request by a program or console.
const REQUEST_MAX: usize = 64 * 1024;

/// Every route.
pub(crate) fn router(office: Arc<Office>) -> Router {
    let hook = Router::new()
        .route("/webhooks/whatsapp", get(webhook::handshake).post(webhook::receive))
        .layer(DefaultBodyLimit::max(webhook::BODY_MAX));
    let (rest, _) = rest().split_for_parts();
    Router::new()
        .merge(rest)
        .route("/v1/console/ws", get(socket::open))
        .route("/openapi.json", get(openapi::answer))
        .layer(DefaultBodyLimit::max(REQUEST_MAX))
        .merge(hook)
        .fallback(pages::page)
        .layer(CatchPanicLayer::new())
        .with_state(office)
}

/// The documented routes.
fn rest() -> OpenApiRouter<Arc<Office>> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(session::log_in, session::log_out))
        .routes(routes!(session::me))
        .routes(routes!(calls::list, place::place))
        .routes(routes!(calls::one))
        .routes(routes!(control::hold))
        .routes(routes!(control::resume))
        .routes(routes!(control::transfer))
        .routes(routes!(control::consult))
        .routes(routes!(control::hand_over))
        .routes(routes!(control::hang_up))
        .routes(routes!(diagnosis::diagnosis))
        .routes(routes!(cdrs::csv))
        .routes(routes!(cdrs::jsonl))
        .routes(routes!(events::list))
        .routes(routes!(events::one))
        .routes(routes!(events::redeliver))
        .routes(routes!(stream::stream))
        .routes(routes!(preflight::preflight))
        .routes(routes!(place::list_parked))
        .routes(routes!(place::cancel_parked))
        .routes(routes!(queues::list))
        .routes(routes!(queues::list_callbacks))
        .routes(routes!(queues::cancel_callback))
        .routes(routes!(agents::list))
        .routes(routes!(agents::set_presence))
        .routes(routes!(consents::list))
        .routes(routes!(consents::one))
        .routes(routes!(contacts::list))
        .routes(routes!(contacts::one))
        .routes(routes!(contacts::ask_permission))
        .routes(routes!(contacts::write))
        .routes(routes!(operations::health))
        .routes(routes!(operations::ready))
        .routes(routes!(operations::metrics))
}

/// Why a request is not done.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Box<Refused>,
}

/// The body of an answer that says no.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refused {
    /// The platform's code, or a word of ours.
    code: Code,
    /// The same for people, with what to do.
    text: String,
    /// The rule that says no, where it is one of ours or of the preflight.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What it looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// When the answer changes by itself; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Code {
    Number(i64),
    Word(String),
}

impl Refused {
    fn new(code: Code, text: String) -> Self {
        Self { code, text, rule: None, evidence: None, changes_at: None }
    }
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, body: Box::new(Refused::new(Code::Word(code.into()), text.into())) }
    }

    /// A rule says no.
    pub(crate) fn by_rule(rule: String, evidence: String, changes_at: Option<Timestamp>) -> Self {
        let mut body = Refused::new(Code::Word(rule.clone()), evidence.clone());
        (body.rule, body.evidence) = (Some(rule), Some(evidence));
        body.changes_at = changes_at.map(|at| at.to_string());
        Self { status: StatusCode::CONFLICT, body: Box::new(body) }
    }

    pub(crate) fn conflict(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, text)
    }

    pub(crate) fn unprocessable(code: &'static str, text: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, text)
    }

    pub(crate) fn internal(text: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
    }

    /// Whether it is certain that nothing was done.
    pub(crate) fn did_nothing(&self) -> bool {
        self.status.is_client_error()
    }

    /// The status and the body, as they are sent.
    pub(crate) fn to_json(&self) -> (StatusCode, String) {
        (self.status, serde_json::to_string(&self.body).unwrap_or_default())
    }

    pub(crate) fn unauthorised() -> Self {
        let text = "log in, or send the API key as a bearer token";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", text)
    }

    pub(crate) fn forbidden(text: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", text)
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", text)
    }

    pub(crate) fn not_found(text: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", text)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request failed at the store");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store", "the gateway's database failed")
    }
}

impl From<GraphError> for ApiError {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::Refused { code, text } => Self {
                status: StatusCode::CONFLICT,
                body: Box::new(Refused::new(Code::Number(code), advice(code, &text))),
            },
            GraphError::Unreachable { why } => Self::new(
                StatusCode::BAD_GATEWAY,
                "unreachable",
                format!("WhatsApp's platform does not answer: {why}"),
            ),
        }
    }
}

impl From<NotPlaced> for ApiError {
    fn from(error: NotPlaced) -> Self {
        match error {
            NotPlaced::Refused { code, text } => GraphError::Refused { code, text }.into(),
            NotPlaced::Unreachable { why } => GraphError::Unreachable { why }.into(),
            NotPlaced::NotTried { reason, text } | NotPlaced::Ended { reason, text } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, text)
            }
        }
    }
}

impl From<axum::extract::rejection::JsonRejection> for ApiError {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        let body = Refused::new(Code::Word("invalid".into()), rejection.body_text());
        Self { status: rejection.status(), body: Box::new(body) }
    }
}
