//! Who is told how each call went, stage by stage?
//!
//! One trace for each call, in OpenTelemetry's words. A [`trace::CallTrace`] belongs to the task that
//! owns the call; what is over goes into a bounded queue, and [`export`] sends it on. Without a receiver
//! nothing is queued; a trace that others began is passed on all the same. Nobody waits for any of it.

pub(crate) mod export;
pub(crate) mod trace;

use std::sync::Arc;

use axum::http::HeaderMap;
use terms::Timestamp;
use tokio::sync::mpsc;
use wire::trace::{HEADER, Span, SpanId, SpanKind, TraceId, TraceParent};

use self::trace::CallTrace;
use crate::{clock, metrics::Metrics};

/// How many spans wait to be sent; a call makes about twenty.
const SPANS_MAX: usize = 4_096;

/// The way to the receiver of traces. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Telemetry {
    /// None where there is no receiver.
    spans: Option<mpsc::Sender<Span>>,
    metrics: Arc<Metrics>,
}

impl Telemetry {
    /// The way, and what comes out at its end.
    pub(crate) fn new(metrics: Arc<Metrics>, records: bool) -> (Self, mpsc::Receiver<Span>) {
        let (spans, waiting) = mpsc::channel(SPANS_MAX);
        (Self { spans: records.then_some(spans), metrics }, waiting)
    }

    /// The trace of a call that starts; `None` where nobody traces it.
    pub(crate) fn call(&self, parent: Option<TraceParent>, from: Timestamp) -> Option<CallTrace> {
        let records = self.spans.is_some();
        let traced = records || parent.is_some();
        traced.then(|| CallTrace::new(self.clone(), parent, records, from))
    }

    /// Sends on a stage that is over, or drops it.
    pub(super) fn tell(&self, span: Span) {
        let Some(spans) = &self.spans else { return };
        if spans.try_send(span).is_err() {
            self.metrics.spans("dropped", 1);
        }
    }

    /// A request of ours that belongs to a trace.
    pub(crate) fn request(&self, within: TraceParent) -> Asking {
        let own = TraceParent { span: new_span(), ..within };
        Asking { telemetry: self.clone(), within, own, from: clock::now() }
    }
}

/// A request of ours that has not been answered.
#[derive(Debug)]
pub(crate) struct Asking {
    telemetry: Telemetry,
    within: TraceParent,
    own: TraceParent,
    from: Timestamp,
}

impl Asking {
    /// What to send as `traceparent`.
    pub(crate) fn header(&self) -> String {
        self.own.to_string()
    }

    /// It was answered, or will not be.
    pub(crate) fn answered(self, name: &'static str, error: Option<String>) {
        self.telemetry.tell(Span {
            trace: self.own.trace,
            id: self.own.span,
            parent: Some(self.within.span),
            name,
            kind: SpanKind::Client,
            from: self.from,
            to: clock::now(),
            attributes: Vec::new(),
            error,
        });
    }
}

/// The trace a request belongs to, if it says so in a way we can read.
pub(crate) fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    headers.get(HEADER)?.to_str().ok()?.parse().ok()
}

fn new_trace() -> TraceId {
    TraceId::new(rand::random())
}

fn new_span() -> SpanId {
    SpanId::new(rand::random())
}
