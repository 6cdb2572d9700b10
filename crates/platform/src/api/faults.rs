//! How does the Graph API fail on demand?
//!
//! What a test asked for through the sandbox: an answer that comes late, or an error in place of it,
//! before anything else is looked at. Time is real here: a client's patience is, too.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use wire::sandbox::GraphFaults;

use super::refusals::ApiRefusal;
use crate::world::World;

/// Lets a request through, late or not at all.
pub(crate) async fn fail_on_demand(
    State(world): State<Arc<World>>,
    request: Request,
    next: Next,
) -> Response {
    match suffer(world.faults.graph()).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Waits as long as asked for, and fails if that was asked for.
pub(crate) async fn suffer(faults: GraphFaults) -> Result<(), ApiRefusal> {
    if faults.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
    }
    faults.status.map_or(Ok(()), |status| Err(ApiRefusal::OnDemand { status }))
}
