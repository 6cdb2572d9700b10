//! `/sandbox/v1/snapshot`: the whole state as one document, and back.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::IntoResponse as _,
};
use serde_json::json;

use super::{Answer, SandboxRefusal};
use crate::{
    snapshot::{self, SnapshotFault},
    world::World,
};

/// The largest snapshot that is read: some thousand calls, or an hour of recordings.
const BYTES_MAX: usize = 512 << 20;

pub(super) async fn take(State(world): State<Arc<World>>) -> Answer {
    Ok(Json(snapshot::take(&world).await?).into_response())
}

pub(super) async fn restore(State(world): State<Arc<World>>, request: Request) -> Answer {
    let bytes = axum::body::to_bytes(request.into_body(), BYTES_MAX)
        .await
        .map_err(|_| SandboxRefusal::Body(format!("a snapshot has at most {BYTES_MAX} bytes")))?;
    let restored = match snapshot::read(&bytes) {
        Ok(snapshot) => snapshot::restore(&world, snapshot).await,
        Err(fault) => Err(fault),
    };
    match restored {
        Ok(()) => Ok(Json(json!({ "success": true })).into_response()),
        Err(SnapshotFault::Unreadable(why)) => Err(SandboxRefusal::Body(why)),
        Err(live @ SnapshotFault::CallsLive { .. }) => {
            Err(SandboxRefusal::Conflict { rule: "snapshot.calls_live", text: live.to_string() })
        }
        Err(SnapshotFault::Store(fault)) => Err(fault.into()),
    }
}
