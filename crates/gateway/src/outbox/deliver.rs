//! How does an endpoint get its events?
//!
//! One task for each endpoint. It asks the store what is due, keeps a bounded number of attempts under
//! way, and writes what became of each. An event is tried at least once and carries the same id each
//! time: a gateway that is killed between the receiver's 200 and writing it down tries once more. The
//! events of one call go one after the other; one that failed three times lets the next ones pass.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use reqwest::{Client, header::CONTENT_TYPE, redirect::Policy};
use terms::Timestamp;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use wire::{
    event::signature::{ATTEMPT_HEADER, ID_HEADER, TIMESTAMP_HEADER},
    trace::{self, TraceParent},
};

use super::schedule;
use crate::{
    clock,
    config::Endpoint,
    graph::ClientError,
    office::Office,
    store::{Attempted, Due, Next, StoreError},
};

/// How many attempts run at a time at one endpoint: a slow receiver gets no flood.
const UNDER_WAY_MAX: usize = 8;
/// How long a task waits after the store failed.
const STORE_WAIT: Duration = Duration::from_secs(5);
/// The longest sleep: a clock that was set back is noticed.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// The client all deliveries share.
///
/// # Errors
///
/// TLS cannot be set up.
pub(crate) fn client(timeout: Duration) -> Result<Client, ClientError> {
    Client::builder()
        // One packet lost holds up one request, not all of them.
        .http1_only()
        .timeout(timeout)
        .redirect(Policy::none())
        .user_agent(concat!("offhook/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(ClientError)
}

/// Delivers to one endpoint for ever.
pub(crate) async fn run(office: Arc<Office>, endpoint: Arc<Endpoint>, client: Client) {
    let mut newest = office.store.newest();
    let mut under_way = BTreeSet::new();
    let mut attempts = JoinSet::new();
    loop {
        newest.mark_unchanged();
        let wait = match start_due(&office, &endpoint, &client, &mut under_way, &mut attempts).await
        {
            Ok(next_at) => next_at.map_or(LOOK_MAX, |at| at.since(clock::now()).min(LOOK_MAX)),
            Err(error) => {
                tracing::error!(%error, "what is due at an endpoint cannot be read");
                sleep(STORE_WAIT).await;
                continue;
            }
        };
        pause(&mut newest, &mut under_way, &mut attempts, wait).await;
    }
}

/// Waits for a new event, the end of an attempt, or the time.
async fn pause(
    newest: &mut watch::Receiver<i64>,
    under_way: &mut BTreeSet<i64>,
    attempts: &mut JoinSet<i64>,
    wait: Duration,
) {
    // All places taken: only the end of an attempt makes room.
    let full = under_way.len() >= UNDER_WAY_MAX;
    tokio::select! {
        Some(ended) = attempts.join_next() => match ended {
            Ok(place) => { under_way.remove(&place); }
            Err(error) => {
                // A bug in one attempt must not take its place for ever.
                tracing::error!(%error, "an attempt at a delivery panicked");
                attempts.abort_all();
                under_way.clear();
            }
        },
        // The store outlives this task, so the sender is there.
        _ = newest.changed(), if !full => {}
        () = sleep(wait), if !full => {}
    }
}

async fn start_due(
    office: &Arc<Office>,
    endpoint: &Arc<Endpoint>,
    client: &Client,
    under_way: &mut BTreeSet<i64>,
    attempts: &mut JoinSet<i64>,
) -> Result<Option<Timestamp>, StoreError> {
    let free = UNDER_WAY_MAX.saturating_sub(under_way.len());
    let wants = {
        let endpoint = Arc::clone(endpoint);
        move |kind: &str| endpoint.wants(kind)
    };
    let name = endpoint.name.clone();
    let lines = office.organisations.named(&endpoint.organisation).lines.clone();
    let agenda =
        office.store.agenda(name, (lines, wants), under_way.clone(), free, clock::now()).await?;
    for due in agenda.due {
        under_way.insert(due.place);
        let (office, endpoint) = (Arc::clone(office), Arc::clone(endpoint));
        let client = client.clone();
        attempts.spawn(async move {
            let place = due.place;
            deliver(&office, &endpoint, &client, due).await;
            place
        });
    }
    Ok(agenda.next_at)
}

/// One attempt, written down.
async fn deliver(office: &Office, endpoint: &Endpoint, client: &Client, due: Due) {
    let (place, failed) = (due.place, due.failed);
    let (status, error) = match attempt(endpoint, client, due).await {
        Ok(status) => (Some(status), None),
        Err(why) => (None, Some(why)),
    };
    let retries = &office.config.events.retries;
    let next = schedule::next(retries, failed, status, clock::now(), rand::random());
    let result = match next {
        Next::Delivered => "delivered",
        Next::Again { .. } => "failed",
        Next::Dead => "dead",
    };
    office.metrics.delivery(result);
    if next == Next::Dead {
        tracing::warn!(endpoint = endpoint.name, status, error, "an event is given up");
    }
    let attempted = Attempted { place, status, error, next };
    if let Err(error) = office.store.note_attempt(endpoint.name.clone(), attempted).await {
        tracing::error!(%error, "what became of a delivery is not written");
        // It is due still; not at once again.
        sleep(STORE_WAIT).await;
    }
}

async fn attempt(endpoint: &Endpoint, client: &Client, due: Due) -> Result<u16, &'static str> {
    let now = clock::now();
    let traced = trace_of(&due.body);
    let body = endpoint.format.write(due.body).map_err(|_| "the event cannot be read")?;
    let signed = endpoint.key.sign(&due.id, now, &body);
    let mut request = client
        .post(endpoint.url.clone())
        .header(CONTENT_TYPE, endpoint.format.media_type())
        .header(ID_HEADER, &due.id)
        .header(TIMESTAMP_HEADER, now.unix())
        .header(ATTEMPT_HEADER, due.failed.saturating_add(1))
        .header(endpoint.key.header(), signed)
        .body(body);
    if let Some(traced) = traced {
        request = request.header(trace::HEADER, traced.to_string());
    }
    // The status is the answer; its body is not read.
    match request.send().await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) if error.is_timeout() => Err("no answer in time"),
        Err(error) if error.is_connect() => Err("no connection"),
        Err(_) => Err("the connection broke"),
    }
}

/// The trace an event says it belongs to: that of its call.
fn trace_of(body: &str) -> Option<TraceParent> {
    #[derive(serde::Deserialize)]
    struct Traced {
        traceparent: Option<String>,
    }
    serde_json::from_str::<Traced>(body).ok()?.traceparent?.parse().ok()
}
