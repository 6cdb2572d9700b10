//! Where in its trace is this call?
//!
//! The root is the call. Below it are its stages, one after the other, by the words of
//! `switchboard::call::State`; requests to the platform are parts of the stage they were sent in.

use std::collections::BTreeMap;

use terms::{CallId, Direction, Timestamp};
use wire::trace::{Span, SpanId, SpanKind, TraceParent};

use super::{Telemetry, new_span, new_trace};

/// The trace of one call, held by the task that owns it.
#[derive(Debug)]
pub(crate) struct CallTrace {
    telemetry: Telemetry,
    /// The call's own place.
    root: TraceParent,
    /// What others called it a part of.
    parent: Option<SpanId>,
    from: Timestamp,
    stage: Option<Stage>,
    /// What lasts beside the stages.
    beside: BTreeMap<&'static str, Timestamp>,
}

#[derive(Debug)]
struct Stage {
    id: SpanId,
    name: &'static str,
    from: Timestamp,
}

impl CallTrace {
    pub(super) fn new(
        telemetry: Telemetry,
        parent: Option<TraceParent>,
        records: bool,
        from: Timestamp,
    ) -> Self {
        let root = TraceParent {
            trace: parent.map_or_else(new_trace, |parent| parent.trace),
            span: new_span(),
            sampled: records || parent.is_some_and(|parent| parent.sampled),
        };
        let parent = parent.map(|parent| parent.span);
        Self { telemetry, root, parent, from, stage: None, beside: BTreeMap::new() }
    }

    /// What is told of the call belongs here.
    pub(crate) fn root(&self) -> TraceParent {
        self.root
    }

    /// What is asked of others now belongs here.
    pub(crate) fn now(&self) -> TraceParent {
        let span = self.stage.as_ref().map_or(self.root.span, |stage| stage.id);
        TraceParent { span, ..self.root }
    }

    /// The call is in this stage; the same again changes nothing.
    pub(crate) fn enter(&mut self, name: &'static str, now: Timestamp) {
        if self.stage.as_ref().is_some_and(|stage| stage.name == name) {
            return;
        }
        self.leave(now);
        self.stage = Some(Stage { id: new_span(), name, from: now });
    }

    /// Something begins that lasts beside the stages.
    pub(crate) fn begin(&mut self, name: &'static str, now: Timestamp) {
        self.beside.entry(name).or_insert(now);
    }

    /// It is over; what never began is not.
    pub(crate) fn finish(&mut self, name: &'static str, now: Timestamp) {
        if let Some(from) = self.beside.remove(name) {
            self.note(name, from, now);
        }
    }

    /// Something that took a time of its own and is over, or a moment.
    pub(crate) fn note(&self, name: &'static str, from: Timestamp, to: Timestamp) {
        self.telemetry.tell(Span {
            trace: self.root.trace,
            id: new_span(),
            parent: Some(self.root.span),
            name,
            kind: SpanKind::Internal,
            from,
            to,
            attributes: Vec::new(),
            error: None,
        });
    }

    /// The call is over.
    pub(crate) fn end(
        mut self,
        call_id: Option<&CallId>,
        direction: Direction,
        reason: &str,
        fault: Option<&str>,
        now: Timestamp,
    ) {
        self.leave(now);
        for (name, from) in std::mem::take(&mut self.beside) {
            self.note(name, from, now);
        }
        let mut attributes = vec![
            ("offhook.call.direction", direction.as_str().to_ascii_lowercase()),
            ("offhook.call.reason", reason.to_owned()),
        ];
        // The id itself holds both numbers.
        attributes.extend(call_id.map(|id| ("offhook.call", id.loggable().to_string())));
        attributes.extend(fault.map(|fault| ("offhook.call.fault", fault.to_owned())));
        let kind = match direction {
            Direction::UserInitiated => SpanKind::Server,
            Direction::BusinessInitiated => SpanKind::Client,
        };
        self.telemetry.tell(Span {
            trace: self.root.trace,
            id: self.root.span,
            parent: self.parent,
            name: "call",
            kind,
            from: self.from,
            to: now,
            attributes,
            error: fault.map(|_| reason.to_owned()),
        });
    }

    fn leave(&mut self, now: Timestamp) {
        let Some(stage) = self.stage.take() else { return };
        self.telemetry.tell(Span {
            trace: self.root.trace,
            id: stage.id,
            parent: Some(self.root.span),
            name: stage.name,
            kind: SpanKind::Internal,
            from: stage.from,
            to: now,
            attributes: Vec::new(),
            error: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_stages_are_parts_of_the_call_and_the_call_of_its_parent() {
        let metrics = Arc::new(Metrics::default());
        let (telemetry, mut spans) = Telemetry::new(Arc::clone(&metrics), true);
        let at = Timestamp::from_unix;
        let parent: TraceParent =
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse().unwrap();
        let mut trace = telemetry.call(Some(parent), at(1)).unwrap();
        assert!(trace.root().sampled && trace.root().trace == parent.trace);
        trace.enter("ringing", at(1));
        let ringing = trace.now();
        trace.enter("ringing", at(2));
        assert_eq!(trace.now(), ringing, "the same stage");
        trace.begin("queue", at(2));
        trace.enter("connected", at(3));
        trace.finish("queue", at(4));
        trace.finish("queue", at(5));
        trace.begin("bot", at(6));
        let root = trace.root().span;
        trace.end(None, Direction::UserInitiated, "user_hung_up", None, at(9));
        let told: Vec<_> = std::iter::from_fn(|| spans.try_recv().ok()).collect();
        let names: Vec<_> = told.iter().map(|span| (span.name, span.parent)).collect();
        let expected = ["ringing", "queue", "connected", "bot"].map(|name| (name, Some(root)));
        assert_eq!(names[..4], expected);
        assert_eq!(names[4..], [("call", Some(parent.span))]);
        let spans: Vec<_> = told[1..4].iter().map(|span| (span.from, span.to)).collect();
        assert_eq!(spans, [(at(2), at(4)), (at(3), at(9)), (at(6), at(9))]);
    }

    #[test]
    fn without_a_receiver_a_trace_of_others_is_passed_on_and_none_is_begun() {
        let (telemetry, mut spans) = Telemetry::new(Arc::new(Metrics::default()), false);
        assert!(telemetry.call(None, Timestamp::from_unix(0)).is_none());
        let parent: TraceParent =
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse().unwrap();
        let trace = telemetry.call(Some(parent), Timestamp::from_unix(0)).unwrap();
        assert!(!trace.now().sampled && trace.now().trace == parent.trace);
        drop(trace);
        assert!(spans.try_recv().is_err());
    }
}
