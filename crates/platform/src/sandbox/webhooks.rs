//! `/sandbox/v1/webhooks`: what was the business told, and did it take it?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
    response::IntoResponse as _,
};
use serde_json::{Value, json};
use wire::sandbox::{WebhookAttempt, WebhookRecord};

use super::{Answer, SandboxRefusal};
use crate::{
    api::query,
    store::{Attempt, DeliveryState, JournalFilter, WebhookRow},
    webhooks::Target,
    world::World,
};

/// Webhooks that are listed at once.
const LISTED_MAX: u32 = 1000;

/// The states by the word the journal shows.
const STATES: [(&str, DeliveryState); 5] = [
    ("waiting", DeliveryState::Pending),
    ("delivered", DeliveryState::Delivered),
    ("expired", DeliveryState::Expired),
    ("journalled", DeliveryState::Journalled),
    ("dropped", DeliveryState::Dropped),
];

/// The newest that pass `?field=&state=&call_id=&limit=`, oldest first; with `?after=ID` those made
/// next after that one.
pub(super) async fn list(State(world): State<Arc<World>>, uri: Uri) -> Answer {
    let filter = JournalFilter {
        field: query(&uri, "field"),
        state: query(&uri, "state").map(|word| read_state(&word)).transpose()?,
        call_id: query(&uri, "call_id"),
        after: query(&uri, "after"),
    };
    let rows_max = query(&uri, "limit").map_or(Ok(LISTED_MAX), |text| read_limit(&text))?;
    let rows = world.store.webhooks(filter, rows_max).await?;
    let shown: Vec<_> = rows.into_iter().map(shown).collect();
    Ok(Json(shown).into_response())
}

pub(super) async fn redeliver(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let row = world.store.webhook(&id).await?;
    let row = row.ok_or(SandboxRefusal::Unknown { what: "webhook" })?;
    let target = Target::from_text(&row.target);
    if target.and_then(|target| target.endpoint(&world.directory)).is_none() {
        return Err(SandboxRefusal::Conflict {
            rule: "webhook.no_endpoint",
            text: "there is no callback URL to send it to".to_owned(),
        });
    }
    if !world.store.redeliver(&id, world.clock.now()).await? {
        return Err(SandboxRefusal::Unknown { what: "webhook" });
    }
    world.outbox.wake();
    Ok(Json(json!({ "success": true })).into_response())
}

fn read_state(word: &str) -> Result<DeliveryState, SandboxRefusal> {
    let found = STATES.iter().find(|(name, _)| *name == word).map(|(_, state)| *state);
    found.ok_or_else(|| {
        let words = STATES.map(|(name, _)| name).join(", ");
        SandboxRefusal::Body(format!("state: one of {words}"))
    })
}

fn read_limit(text: &str) -> Result<u32, SandboxRefusal> {
    let limit = text.parse().ok().filter(|limit| (1..=LISTED_MAX).contains(limit));
    limit.ok_or_else(|| SandboxRefusal::Body(format!("limit: 1 to {LISTED_MAX}")))
}

fn shown(row: WebhookRow) -> WebhookRecord {
    let word = STATES.iter().find(|(_, state)| *state == row.state).map_or("", |(word, _)| word);
    WebhookRecord {
        body: serde_json::from_str(&row.body).unwrap_or(Value::String(row.body)),
        id: row.id,
        made_at: row.made_at,
        field: row.field,
        call_id: row.call_id,
        target: row.target,
        signature: Some(row.signature),
        url: row.url,
        attempts: row.attempts.into_iter().map(attempt).collect(),
        state: word.to_owned(),
        next_attempt_at: (row.state == DeliveryState::Pending).then_some(row.due_at),
        faults: row.faults,
        synthetic: row.synthetic,
    }
}

fn attempt(attempt: Attempt) -> WebhookAttempt {
    let status = (attempt.status > 0).then_some(attempt.status);
    WebhookAttempt { at: attempt.at, status, error: attempt.error }
}
