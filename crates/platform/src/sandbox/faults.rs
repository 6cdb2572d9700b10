//! `/sandbox/v1/faults`: what shall go wrong?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::Uri,
    response::IntoResponse as _,
};
use serde_json::json;
use terms::CallId;
use wire::sandbox::Faults;

use super::{Answer, SandboxRefusal, body};
use crate::{api::query, calls::Command, faults::SetFault, world::World};

/// Every scope, the global one first.
pub(super) async fn show(State(world): State<Arc<World>>) -> Json<Vec<Faults>> {
    Json(world.faults.all())
}

/// Replaces the faults of one scope.
pub(super) async fn set(State(world): State<Arc<World>>, request: Request) -> Answer {
    let faults: Faults = body(request).await?;
    faults.check().map_err(|why| SandboxRefusal::Body(why.to_string()))?;
    match world.faults.put(faults.clone()).await {
        Ok(()) => {
            tell_calls(&world);
            Ok(Json(faults).into_response())
        }
        Err(full @ SetFault::Full) => {
            Err(SandboxRefusal::Conflict { rule: "faults.calls_max", text: full.to_string() })
        }
        Err(SetFault::Store(fault)) => Err(fault.into()),
    }
}

/// Ends the faults of the call in `?call_id=`, or all of them.
pub(super) async fn clear(State(world): State<Arc<World>>, uri: Uri) -> Answer {
    let call: Option<CallId> = match query(&uri, "call_id") {
        Some(text) => Some(
            text.parse().map_err(|_| SandboxRefusal::Body("call_id: not a call id".to_owned()))?,
        ),
        None => None,
    };
    world.faults.clear(call.as_ref()).await?;
    tell_calls(&world);
    Ok(Json(json!({ "success": true })).into_response())
}

/// Faults of media take effect on running calls too.
fn tell_calls(world: &World) {
    for call in world.calls.all() {
        // One whose inbox is full has ended or is lost anyway.
        drop(call.inbox.try_send(Command::Spoil));
    }
}
