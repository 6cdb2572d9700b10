//! Is the gateway well?

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::office::Office;

/// The process lives.
#[utoipa::path(get, path = "/health", tag = "operations",
    responses((status = 200, body = String, description = "`ok`")))]
pub(super) async fn health() -> &'static str {
    "ok"
}

/// The gateway can take calls: its database answers.
#[utoipa::path(get, path = "/ready", tag = "operations",
    responses((status = 200, body = String, description = "`ready`"),
              (status = 503, body = String, description = "The database does not answer")))]
pub(super) async fn ready(State(office): State<Arc<Office>>) -> Response {
    match office.store.cdrs(1).await {
        Ok(_) => "ready".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response(),
    }
}

/// Counters in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, body = String, description = "Prometheus' text form")))]
pub(super) async fn metrics(State(office): State<Arc<Office>>) -> Response {
    match office.store.waiting_deliveries().await {
        Ok(waiting) => office.metrics.deliveries_waiting(waiting),
        Err(error) => tracing::error!(%error, "how many deliveries wait is not known"),
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, office.metrics.render()).into_response()
}
