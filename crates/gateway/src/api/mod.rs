//! What can be asked over HTTP?
//!
//! REST for programs (bearer API key) and consoles (cookie), the console's WebSocket, the webhook, and
//! what operators read. An answer that says no is `{code, text}`.

mod calls;
mod cdrs;
mod contacts;
mod control;
mod diagnosis;
mod events;
pub mod openapi;
mod operations;
mod preflight;
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
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    calls::advice, console::socket, graph::GraphError, office::Office, pages, store::StoreError,
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
        .routes(routes!(calls::list))
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
    body: Refused,
}

/// The body of an answer that says no.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refused {
    /// The platform's code, or a word of ours.
    code: Code,
    /// The same for people, with what to do.
    text: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Code {
    Number(i64),
    Word(&'static str),
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, body: Refused { code: Code::Word(code), text: text.into() } }
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
                body: Refused { code: Code::Number(code), text: advice(code, &text) },
            },
            GraphError::Unreachable { why } => Self::new(
                StatusCode::BAD_GATEWAY,
                "unreachable",
                format!("WhatsApp's platform does not answer: {why}"),
            ),
        }
    }
}

impl From<axum::extract::rejection::JsonRejection> for ApiError {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        let body = Refused { code: Code::Word("invalid"), text: rejection.body_text() };
        Self { status: rejection.status(), body }
    }
}
