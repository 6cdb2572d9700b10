//! How do traces reach their receiver?
//!
//! OTLP over HTTP, as JSON, in batches: what waited a second, or as much as one request takes. A receiver
//! that is down costs what it did not take; that is counted, and a call never waits for it.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, header::CONTENT_TYPE};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};
use wire::trace::{Span, export};

use crate::metrics::Metrics;

/// How many spans one request takes.
const BATCH_MAX: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where OTLP wants traces.
const PATH: &str = "/v1/traces";

/// Sends spans on until it is told to stop and none are left.
pub(crate) async fn run(
    base_url: String,
    client: Client,
    mut spans: mpsc::Receiver<Span>,
    metrics: Arc<Metrics>,
    stop: Arc<Notify>,
) {
    let url = format!("{}{PATH}", base_url.trim_end_matches('/'));
    loop {
        let first = tokio::select! {
            first = spans.recv() => first,
            // What is there is sent still.
            () = stop.notified() => {
                spans.close();
                spans.recv().await
            }
        };
        let Some(first) = first else { return };
        let batch = gather(first, &mut spans).await;
        let count = batch.len().try_into().unwrap_or(u64::MAX);
        let body = export("offhook-gateway", env!("CARGO_PKG_VERSION"), &batch);
        let request = client.post(&url).header(CONTENT_TYPE, "application/json").body(body);
        match request.timeout(PATIENCE).send().await {
            Ok(answer) if answer.status().is_success() => metrics.spans("sent", count),
            Ok(answer) => {
                metrics.spans("failed", count);
                tracing::warn!(status = answer.status().as_u16(), "traces are not taken");
            }
            Err(_) => {
                metrics.spans("failed", count);
                tracing::warn!("the receiver of traces does not answer");
            }
        }
    }
}

async fn gather(first: Span, spans: &mut mpsc::Receiver<Span>) -> Vec<Span> {
    let until = Instant::now() + LINGER;
    let mut batch = vec![first];
    while batch.len() < BATCH_MAX {
        match timeout_at(until, spans.recv()).await {
            Ok(Some(span)) => batch.push(span),
            Ok(None) | Err(_) => break,
        }
    }
    batch
}
