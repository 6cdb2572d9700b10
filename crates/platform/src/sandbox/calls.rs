//! `/sandbox/v1/calls/{id}`: what happened in this call, and how did it sound?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::IntoResponse as _,
};
use terms::CallId;
use tokio::sync::oneshot;
use wire::sandbox::{CallInspection, Heard, LegReport, Legs, StateChange, Verdict};

use super::{Answer, SandboxRefusal};
use crate::{
    calls::{self, CallRecord, Command},
    store::Kind,
    world::World,
};

pub(super) async fn inspect(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let record = find(&world, &id).await?;
    Ok(Json(CallInspection {
        call_id: record.id,
        direction: record.direction,
        state: record.call.state().name().to_owned(),
        states: record
            .states
            .into_iter()
            .map(|change| StateChange { state: change.state, at: change.at })
            .collect(),
        legs: Legs {
            user: record.user_heard.as_ref().map(report),
            business: record.business_heard.as_ref().map(report),
        },
        verdicts: record
            .findings
            .into_iter()
            .map(|found| Verdict { code: found.code, text: found.text, fix: Some(found.fix) })
            .collect(),
        price: record.price.map(|price| price.total),
    })
    .into_response())
}

pub(super) async fn recording(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let unknown = SandboxRefusal::Unknown { what: "recording" };
    let Some(recording) = id.parse().ok().and_then(|id| world.recordings.get(&id)) else {
        return Err(unknown);
    };
    // Ten minutes of Opus take a moment to decode.
    match tokio::task::spawn_blocking(move || recording.to_wav()).await {
        Ok(Ok(wav)) => Ok(([(header::CONTENT_TYPE, "audio/wav")], wav).into_response()),
        Ok(Err(_)) | Err(_) => Err(unknown),
    }
}

/// The call as it stands: from its actor while it lives, else from its record.
async fn find(world: &World, id: &str) -> Result<CallRecord, SandboxRefusal> {
    let unknown = || SandboxRefusal::Unknown { what: "call" };
    let id: CallId = id.parse().map_err(|_| unknown())?;
    if let Some(call) = world.calls.get(&id) {
        let (reply, answer) = oneshot::channel();
        let asked = call.inbox.send(Command::Inspect { reply }).await;
        if asked.is_ok()
            && let Ok(record) = answer.await
        {
            return Ok(record);
        }
    }
    world.store.load(Kind::Call, id.as_str()).await?.ok_or_else(unknown)
}

fn report(heard: &calls::Heard) -> LegReport {
    LegReport {
        heard: Heard {
            dbfs: heard.dbfs.map(f64::from),
            tone_hz: heard.tone_hz.map(f64::from),
            packets: Some(heard.packets),
            lost: Some(heard.lost),
            jitter_ms: Some(f64::from(heard.jitter_ms)),
            mos: heard.mos.map(f64::from),
        },
    }
}
