//! `/sandbox/v1/webhooks`: what was the business told, and did it take it?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse as _,
};
use serde_json::{Value, json};
use wire::sandbox::{WebhookAttempt, WebhookRecord};

use super::{Answer, SandboxRefusal};
use crate::{
    store::{Attempt, DeliveryState, WebhookRow},
    world::World,
};

/// Webhooks that are listed, the newest.
const LISTED_MAX: u32 = 1000;

pub(super) async fn list(State(world): State<Arc<World>>) -> Answer {
    let rows = world.store.webhooks(LISTED_MAX).await?;
    let shown: Vec<_> = rows.into_iter().map(shown).collect();
    Ok(Json(shown).into_response())
}

pub(super) async fn redeliver(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    if !world.store.set_webhook_state(&id, DeliveryState::Pending).await? {
        return Err(SandboxRefusal::Unknown { what: "webhook" });
    }
    world.outbox.wake();
    Ok(Json(json!({ "success": true })).into_response())
}

fn shown(row: WebhookRow) -> WebhookRecord {
    let status = |attempt: &Attempt| (attempt.status > 0).then_some(attempt.status);
    WebhookRecord {
        body: serde_json::from_str(&row.body).unwrap_or(Value::String(row.body)),
        id: row.id,
        field: row.field,
        signature: Some(row.signature),
        url: row.url,
        attempts: row
            .attempts
            .iter()
            .map(|attempt| WebhookAttempt { at: attempt.at, status: status(attempt) })
            .collect(),
        state: match row.state {
            DeliveryState::Pending => "waiting",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Expired => "expired",
            DeliveryState::Journalled => "journalled",
        }
        .to_owned(),
    }
}
