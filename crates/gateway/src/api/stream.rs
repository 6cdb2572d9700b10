//! How does a program listen to events as they happen?
//!
//! Server-sent events. `id:` is the cursor; a reader that comes back with it as `Last-Event-ID` goes on
//! after it, without gaps or repeats. The store is the only buffer: a few events wait for a reader, and
//! one that takes none for a while is closed.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, KeepAlive, Sse},
    },
};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{ApiError, events::known};
use crate::{
    console::session::Caller,
    metrics::Metrics,
    office::Office,
    store::{Asked, LineSet, Store, Told},
};

/// How many events wait for one reader beside what its connection holds.
const FRAMES_MAX: usize = 16;
/// How many events are read from the store at a time.
const PAGE: u32 = 100;
/// How long a reader may take no event before it is closed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a quiet stream shows that it lives: less than proxies wait.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many readers there may be.
const READERS_MAX: usize = 100;

#[derive(Deserialize)]
pub(super) struct From {
    /// Start after this cursor; `Last-Event-ID` wins.
    after: Option<i64>,
    /// Only events of this type.
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Counts a reader for as long as it reads.
struct Reader(Arc<Metrics>);

impl Reader {
    fn new(metrics: Arc<Metrics>) -> Self {
        metrics.streams(1);
        Self(metrics)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.streams(-1);
    }
}

/// Events as they happen.
#[utoipa::path(get, path = "/v1/events/stream", tag = "events",
    params(("after" = Option<i64>, Query, description = "Start after this cursor; from now on when absent"),
           ("Last-Event-ID" = Option<i64>, Header, description = "The same; browsers send it when they come back"),
           ("type" = Option<String>, Query, description = "Only events of this type")),
    responses((status = 200, content_type = "text/event-stream", body = String,
                  description = "`id` is the cursor, `event` the type, `data` the CloudEvent"),
              (status = 400, body = super::Refused, description = "There is no such type or cursor"),
              (status = 503, body = super::Refused, description = "There are too many readers")))]
pub(super) async fn stream(
    State(office): State<Arc<Office>>,
    caller: Caller,
    headers: HeaderMap,
    Query(from): Query<From>,
) -> Result<Response, ApiError> {
    let kind = known(from.kind)?;
    let newest = *office.store.newest().borrow();
    let after = last_event_id(&headers)?.or(from.after).unwrap_or(newest);
    let Ok(seat) = Arc::clone(&office.readers).try_acquire_owned() else {
        let text = "too many programs listen to events";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_readers", text));
    };
    let (frames, waiting) = mpsc::channel(FRAMES_MAX);
    let reader = Reader::new(Arc::clone(&office.metrics));
    let (store, lines) = (office.store.clone(), caller.lines());
    tokio::spawn(async move {
        let (_seat, _reader) = (seat, reader);
        feed(&store, frames, (lines, kind), after, PATIENCE).await;
    });
    let waiting = futures_util::stream::unfold(waiting, |mut waiting| async move {
        waiting.recv().await.map(|frame| (Ok::<_, Infallible>(frame), waiting))
    });
    let keep_alive = KeepAlive::new().interval(HEARTBEAT);
    Ok(Sse::new(waiting).keep_alive(keep_alive).into_response())
}

/// The room for readers of the stream.
pub(crate) fn seats() -> Arc<tokio::sync::Semaphore> {
    Arc::new(tokio::sync::Semaphore::new(READERS_MAX))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let cursor = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    cursor.map(Some).ok_or_else(|| ApiError::invalid("Last-Event-ID is not a cursor of ours"))
}

/// Sends what there is and what comes, until the reader is gone or takes nothing.
async fn feed(
    store: &Store,
    frames: mpsc::Sender<Frame>,
    (lines, kind): (LineSet, Option<String>),
    mut after: i64,
    patience: Duration,
) {
    let mut newest = store.newest();
    loop {
        newest.mark_unchanged();
        let asked =
            Asked { lines: lines.clone(), after, kind: kind.clone(), call_id: None, limit: PAGE };
        let page = match store.events(asked).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "events cannot be read for a stream");
                return;
            }
        };
        let Some(last) = page.last().map(|told| told.place) else {
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return },
                () = frames.closed() => return,
            }
            continue;
        };
        for told in page {
            if frames.send_timeout(frame(told), patience).await.is_err() {
                return;
            }
        }
        after = last;
    }
}

fn frame(told: Told) -> Frame {
    Frame::default().id(told.place.to_string()).event(told.kind).data(told.body)
}

#[cfg(test)]
mod tests {
    use terms::{PhoneNumberId, Timestamp};
    use wire::{
        console::Peer,
        event::{Permission, What},
    };

    use super::*;
    use crate::store::News;

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_closed_and_one_that_left_too() {
        let line: PhoneNumberId = "1".parse().unwrap();
        let mine = || (LineSet::one(&line), None);
        let store = Store::open(None, &line).unwrap();
        let news = (0..50).map(|number| News {
            line: line.clone(),
            key: number.to_string(),
            subject: "5511988887777".into(),
            call_id: None,
            at: Timestamp::from_unix(0),
            what: What::PermissionRevoked(Permission {
                contact: Peer::default(),
                permanent: None,
                expires_at: None,
            }),
        });
        store.keep_news(news.collect()).await.unwrap();
        let (frames, waiting) = mpsc::channel(FRAMES_MAX);
        let short = Duration::from_millis(50);
        let fed = feed(&store, frames, mine(), 0, short);
        tokio::time::timeout(Duration::from_secs(5), fed).await.expect("closed");
        assert_eq!(waiting.len(), FRAMES_MAX, "what waits is bounded");

        let (frames, waiting) = mpsc::channel(FRAMES_MAX);
        drop(waiting);
        let fed = feed(&store, frames, mine(), 50, PATIENCE);
        tokio::time::timeout(Duration::from_secs(5), fed).await.expect("closed");
    }
}
