//! `/sandbox/v1/calls`: which calls were there, what happened in one, and how did it sound?

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{Uri, header},
    response::IntoResponse as _,
};
use terms::{CallId, Timestamp, WaId};
use tokio::sync::oneshot;
use wire::sandbox::{
    CallEnd, CallInspection, CallPage, CallSummary, Heard, LegReport, Legs, MessageInCall,
    StateChange, Verdict,
};

use super::{Answer, SandboxRefusal};
use crate::{
    api::query,
    calls::{self, CallRecord, Command},
    store::{Kind, MessageCost, StoreFault},
    world::World,
};

/// Calls of one page when nobody says how many, and at most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 200;

/// `?limit=&before=`: newest first.
pub(super) async fn list(State(world): State<Arc<World>>, uri: Uri) -> Answer {
    let limit = match query(&uri, "limit") {
        None => PAGE,
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit)).ok_or_else(|| {
                SandboxRefusal::Body(format!("limit must be a number from 1 to {PAGE_MAX}"))
            })?
        }
    };
    // One more than is shown says whether there is a next page.
    let mut records: Vec<CallRecord> = match query(&uri, "before") {
        None => world.store.load_newest(Kind::Call, limit + 1).await?,
        Some(id) => {
            let id: CallId = id.parse().map_err(|_| SandboxRefusal::Unknown { what: "call" })?;
            world.store.load_before(Kind::Call, id.as_str(), limit + 1).await?
        }
    };
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| more).map(|last| last.id.clone());
    let calls = records.into_iter().filter_map(|record| summary(&world, record)).collect();
    Ok(Json(CallPage { calls, next }).into_response())
}

/// The newest calls, newest first, and then whichever older ones still live.
pub(super) async fn newest(world: &World) -> Result<Vec<CallSummary>, StoreFault> {
    let mut records: Vec<CallRecord> = world.store.load_newest(Kind::Call, PAGE_MAX).await?;
    let known: BTreeSet<CallId> = records.iter().map(|record| record.id.clone()).collect();
    for call in world.calls.all().into_iter().filter(|call| !known.contains(&call.id)) {
        records.extend(world.store.load::<CallRecord>(Kind::Call, call.id.as_str()).await?);
    }
    Ok(records.into_iter().filter_map(|record| summary(world, record)).collect())
}

fn summary(world: &World, record: CallRecord) -> Option<CallSummary> {
    Some(CallSummary {
        direction: record.direction,
        state: record.call.state().name().to_owned(),
        business: business(world, &record)?,
        placed_at: record.call.placed_at(),
        end: end(&record),
        price: record.price.map(|price| price.total),
        verdicts: record.findings.len(),
        user: record.user,
        call_id: record.id,
    })
}

fn business(world: &World, record: &CallRecord) -> Option<WaId> {
    world.directory.number(&record.number).map(|number| number.digits.clone())
}

fn end(record: &CallRecord) -> Option<CallEnd> {
    let ending = record.call.ending()?;
    let connected_ms = |from: Timestamp| {
        let connected = ending.ended_at.since(from);
        u64::try_from(connected.as_millis()).unwrap_or(u64::MAX)
    };
    Some(CallEnd {
        reason: ending.reason.as_str().to_owned(),
        party: ending.reason.party(),
        text: ending.reason.text().to_owned(),
        code: ending.reason.error().map(rules::call::CallError::code),
        at: ending.ended_at,
        connected_ms: ending.answered_at.map(connected_ms),
    })
}

pub(super) async fn inspect(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let record = find(&world, &id).await?;
    let messages = messages(&world, &record.id).await?;
    Ok(Json(CallInspection {
        business: business(&world, &record).unwrap_or_else(|| record.user.clone()),
        end: end(&record),
        recorded: world.recordings.get(&record.id).is_some(),
        opaque: record.call.opaque().map(str::to_owned),
        user: record.user,
        deeplink_payload: record.deeplink_payload,
        cta_payload: record.cta_payload,
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
            .map(|found| Verdict {
                code: found.code,
                text: found.text,
                evidence: None,
                fix: Some(found.fix),
            })
            .collect(),
        price: record.price.map(|price| price.total),
        messages,
    })
    .into_response())
}

/// The messages of a call, with what they cost.
async fn messages(world: &World, call: &CallId) -> Result<Vec<MessageInCall>, StoreFault> {
    let shown = |message: MessageCost| MessageInCall {
        id: message.id,
        category: message.category,
        charge: message.charge,
        price: message.cost,
    };
    Ok(world.store.messages_of(call).await?.into_iter().map(shown).collect())
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
    // Of nothing that came nothing can be said.
    let has_come = heard.packets > 0;
    LegReport {
        heard: Heard {
            dbfs: heard.dbfs.map(f64::from),
            tone_hz: heard.tone_hz.map(f64::from),
            packets: Some(heard.packets),
            lost: has_come.then_some(heard.lost),
            jitter_ms: has_come.then_some(f64::from(heard.jitter_ms)),
            mos: heard.mos.filter(|_| has_come).map(f64::from),
        },
    }
}
