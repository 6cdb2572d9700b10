//! What can be asked over HTTP?
//!
//! REST for programs (bearer API key) and consoles (cookie), the console's WebSocket, the webhook, and
//! what operators read. An answer that says no is a [`problem`].

mod access;
mod api_keys;
mod audit;
mod calls;
mod cdrs;
mod consents;
mod contacts;
mod control;
mod diagnosis;
mod events;
mod idempotency;
mod numbers;
pub mod openapi;
mod operations;
mod page;
mod place;
mod preflight;
mod problem;
mod session;
pub(crate) mod stream;
mod users;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{self, from_fn_with_state},
    routing::get,
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use self::problem::{ApiError, Refused};
use crate::{console::socket, office::Office, pages, webhook};

/// The longest body of a request by a program or console.
const REQUEST_MAX: usize = 64 * 1024;

/// Every route.
pub(crate) fn router(office: Arc<Office>) -> Router {
    let hook = Router::new()
        .route("/webhooks/whatsapp", get(webhook::handshake).post(webhook::receive))
        .layer(DefaultBodyLimit::max(webhook::BODY_MAX));
    let (rest, _) = rest().split_for_parts();
    let rest = rest.route_layer(from_fn_with_state(Arc::clone(&office), access::check));
    Router::new()
        .merge(rest)
        .route("/v1/console/ws", get(socket::open))
        .route("/openapi.json", get(openapi::answer))
        .layer(DefaultBodyLimit::max(REQUEST_MAX))
        .merge(hook)
        .fallback(pages::page)
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(problem::render))
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
        .routes(routes!(consents::list))
        .routes(routes!(consents::one))
        .routes(routes!(contacts::list))
        .routes(routes!(contacts::one))
        .routes(routes!(contacts::ask_permission))
        .routes(routes!(contacts::write))
        .routes(routes!(numbers::list))
        .routes(routes!(api_keys::list, api_keys::make))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::change))
        .routes(routes!(audit::list))
        .routes(routes!(operations::health))
        .routes(routes!(operations::ready))
        .routes(routes!(operations::metrics))
}
