//! Is the gateway well?

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use switchboard::guard::Answered;
use terms::Timestamp;
use utoipa::ToSchema;
use wire::console::AgentState;

use crate::{
    office::Office,
    organisation::Organisation,
    store::{STATES, Search},
};

/// The process lives.
#[utoipa::path(get, path = "/health", tag = "operations",
    responses((status = 200, body = String, description = "`ok`")))]
pub(super) async fn health() -> &'static str {
    "ok"
}

/// Whether new calls should come here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    ready: bool,
    /// The gateway is being stopped: no new calls, live ones finish.
    draining: bool,
    /// When a drain ends the calls that still run; RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    draining_until: Option<Timestamp>,
    /// Whether the database answers.
    database: bool,
    /// Calls running now.
    calls: usize,
}

/// The gateway can take calls: its database answers and it does not drain.
#[utoipa::path(get, path = "/ready", tag = "operations",
    responses((status = 200, body = Readiness, description = "It can"),
              (status = 503, body = Readiness, description = "It drains, or the database does not answer")))]
pub(super) async fn ready(State(office): State<Arc<Office>>) -> Response {
    let draining_until = draining_until(&office);
    let draining = draining_until.is_some();
    let database = office.store.search(Search { limit: 1, ..Search::default() }).await.is_ok();
    let (ready, calls) = (database && !draining, office.registry.count());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = Readiness { ready, draining, draining_until, database, calls };
    (status, Json(answer)).into_response()
}

/// All organisations drain at once.
fn draining_until(office: &Office) -> Option<Timestamp> {
    office.organisations.iter().find_map(|organisation| organisation.consoles.draining_until())
}

/// Counters in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, body = String, description = "Prometheus' text form")))]
pub(super) async fn metrics(State(office): State<Arc<Office>>) -> Response {
    match office.store.waiting_deliveries().await {
        Ok(waiting) => office.metrics.deliveries_waiting(waiting),
        Err(error) => tracing::error!(%error, "how many deliveries wait is not known"),
    }
    match office.store.webhooks_in_inbox().await {
        Ok(waiting) => office.metrics.webhooks_waiting(waiting),
        Err(error) => tracing::error!(%error, "how many webhooks wait is not known"),
    }
    for organisation in office.organisations.iter() {
        look_at(&office, organisation).await;
    }
    office.trunks.count(&office.metrics);
    count_workers(&office);
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, office.metrics.render()).into_response()
}

/// How busy those are who stand beside the packet path.
fn count_workers(office: &Office) {
    let trades = [
        ("bots", office.bots.busy()),
        ("keys", office.in_band_keys.busy()),
        ("mixes", office.mixer.busy()),
        ("transcoders", office.trunks.transcoder.busy()),
    ];
    for (trade, busy) in trades {
        office.metrics.workers(trade, &busy);
    }
}

/// How its queues, its agents, its users and its numbers stand now.
async fn look_at(office: &Office, organisation: &Organisation) {
    let metrics = &office.metrics;
    for queue in &*organisation.queues.now() {
        metrics.queue_depth(&organisation.id, &queue.name, queue.waiting.len());
    }
    let colleagues = organisation.consoles.colleagues();
    let available = colleagues.iter().filter(|agent| agent.state == AgentState::Available).count();
    metrics.agents_available(&organisation.id, available);
    match office.store.permission_states(organisation.lines.clone()).await {
        Ok(counts) => {
            for (state, users) in STATES.iter().zip(counts) {
                metrics.permission_state(&organisation.id, state, users);
            }
        }
        Err(error) => tracing::error!(%error, "how permissions stand is not known"),
    }
    metrics.pickup_ratio(&organisation.id, pickups(office, organisation).await.ratio());
}

/// The users' calls within the guard's window, and how many were picked up.
async fn pickups(office: &Office, organisation: &Organisation) -> Answered {
    let mut all = Answered::default();
    for line in office.lines.iter().filter(|line| organisation.lines.contains(line.id())) {
        let since = line.now() - line.config.guard.pickup.window;
        match office.store.pickups(line.id().clone(), since).await {
            Ok(counted) => {
                all.calls = all.calls.saturating_add(counted.by_users.calls);
                all.answered = all.answered.saturating_add(counted.by_users.answered);
            }
            Err(error) => tracing::error!(%error, "how many calls are picked up is not known"),
        }
    }
    all
}
