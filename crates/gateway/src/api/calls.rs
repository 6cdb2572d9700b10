//! Which calls were there?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use terms::{CallId, Timestamp};
use tokio::sync::oneshot;
use wire::console::{Call, CallState};

use super::ApiError;
use crate::{
    calls::registry::{Letter, Look},
    cdr::{Cdr, LegRecord, QueueRecord, TransferRecord},
    console::session::Caller,
    office::Office,
};

/// How many records one page has when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

#[derive(Deserialize)]
pub(super) struct Page {
    /// How many at most; 100 when absent, 1000 at most.
    limit: Option<u32>,
    /// Whether running calls come first; they do not when absent.
    live: Option<bool>,
}

/// A list of calls, the newest first.
#[derive(Serialize)]
pub(super) struct CallList {
    calls: Vec<CallRow>,
}

/// A call with what was measured.
#[derive(Serialize)]
pub(super) struct CallRow {
    #[serde(flatten)]
    call: Call,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whatsapp_leg: Option<LegRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_leg: Option<LegRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys_pressed: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transfers: Vec<TransferRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_s: Option<u64>,
    #[serde(rename = "queue_record", skip_serializing_if = "Option::is_none")]
    queue: Option<QueueRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<&'static str>,
}

impl CallRow {
    fn ended(cdr: Cdr, number: &str) -> Self {
        Self {
            call: cdr.to_call(number),
            started_at: cdr.started_at,
            code: cdr.code,
            whatsapp_leg: cdr.whatsapp_leg,
            agent_leg: cdr.agent_leg,
            keys_pressed: cdr.keys_pressed,
            transfers: cdr.transfers,
            hold_s: cdr.hold_s,
            queue: cdr.queue,
            step: None,
            waiting_for: None,
        }
    }

    fn live(call: Call) -> Self {
        Self {
            started_at: call.since,
            call,
            code: None,
            whatsapp_leg: None,
            agent_leg: None,
            keys_pressed: None,
            transfers: Vec::new(),
            hold_s: None,
            queue: None,
            step: None,
            waiting_for: None,
        }
    }
}

/// The records of ended calls, the newest first.
#[utoipa::path(get, path = "/v1/calls", tag = "calls", 
    params(("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("live" = Option<bool>, Query, description = "Whether running calls come first")),
    responses((status = 200, body = Object, description = "`{calls: […]}`, one record for each call"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    _caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<CallList>, ApiError> {
    let mut calls = Vec::new();
    if page.live == Some(true) {
        calls.extend(office.consoles.live().into_iter().map(CallRow::live));
    }
    let limit = page.limit.unwrap_or(LIMIT.0).min(LIMIT.1);
    let number = office.number();
    let records = office.store.cdrs(limit).await?;
    calls.extend(records.into_iter().map(|cdr| CallRow::ended(cdr, number)));
    Ok(Json(CallList { calls }))
}

/// One call, running or ended.
#[utoipa::path(get, path = "/v1/calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 200, body = Object, description = "The call with what was measured"),
              (status = 404, body = super::Refused)))]
pub(super) async fn one(
    State(office): State<Arc<Office>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<CallRow>, ApiError> {
    let call_id = call_id(&id)?;
    if let Some(call) = office.consoles.live_call(&call_id) {
        let mut row = CallRow::live(call);
        if let Some(look) = look(&office, &call_id).await {
            // A call that only waits for the platform's last word has no record to show yet.
            let running = look.call.filter(|call| call.state != CallState::Ended);
            row.call = running.unwrap_or(row.call);
            row.whatsapp_leg = look.whatsapp_leg;
            row.agent_leg = look.agent_leg;
            row.step = look.step;
            row.waiting_for = look.waiting_for;
        }
        return Ok(Json(row));
    }
    let cdr = office.store.cdr(call_id).await?;
    let cdr = cdr.ok_or_else(|| ApiError::not_found("no call has this id"))?;
    Ok(Json(CallRow::ended(cdr, office.number())))
}

pub(super) fn call_id(text: &str) -> Result<CallId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("no call has this id"))
}

/// What the task of a live call says about it.
pub(super) async fn look(office: &Office, call_id: &CallId) -> Option<Look> {
    let (answer, answered) = oneshot::channel();
    let handle = office.registry.find(call_id, None)?;
    if !handle.send(Letter::Look(answer)) {
        return None;
    }
    answered.await.ok()
}
