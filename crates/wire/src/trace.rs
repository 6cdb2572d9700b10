//! Which trace does a request belong to, and what happened in it?
//!
//! [`TraceParent`] is W3C Trace Context: `00-<trace>-<parent>-<flags>`. [`export`] is the body of an
//! OTLP/HTTP request in JSON (opentelemetry-proto 1.x: ids in hex, 64-bit numbers as text).

use std::{fmt, str::FromStr};

use serde::Serialize;
use terms::Timestamp;

/// The header, and the name of the CloudEvents extension.
pub const HEADER: &str = "traceparent";

/// All that happened to one call; sixteen bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// One stage of it; eight bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// A place in a trace, as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// What the receiver's spans are children of.
    pub span: SpanId,
    /// Whether somebody records it.
    pub sampled: bool,
}

/// A text that is no `traceparent` of a version we can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent such as 00-<32 hex>-<16 hex>-01")]
pub struct TraceParentError;

impl TraceId {
    /// Makes an id of random bytes; nobody draws sixteen zeros.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl SpanId {
    /// Makes an id of random bytes; nobody draws eight zeros.
    #[must_use]
    pub fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = TraceParentError;

    /// A later version may add fields at the end; version `ff` is none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.trim().split('-');
        let mut part = || parts.next().ok_or(TraceParentError);
        let (version, trace, span, flags) = (part()?, part()?, part()?, part()?);
        let [version] = bytes(version)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return Err(TraceParentError);
        }
        let (trace, span) = (bytes(trace)?, bytes(span)?);
        if trace == [0; 16] || span == [0; 8] {
            return Err(TraceParentError);
        }
        let [flags] = bytes(flags)?;
        Ok(Self { trace: TraceId(trace), span: SpanId(span), sampled: flags & 1 == 1 })
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], TraceParentError> {
    let mut bytes = [0; N];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    hex::decode_to_slice(text, &mut bytes).map_err(|_| TraceParentError)?;
    if lower { Ok(bytes) } else { Err(TraceParentError) }
}

/// Who asks whom in a span; the numbers of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Nobody.
    Internal = 1,
    /// Somebody asks us.
    Server = 2,
    /// We ask somebody.
    Client = 3,
}

/// A stage that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The trace.
    pub trace: TraceId,
    /// The stage.
    pub id: SpanId,
    /// What it is a part of.
    pub parent: Option<SpanId>,
    /// A word of ours.
    pub name: &'static str,
    /// Who asks whom.
    pub kind: SpanKind,
    /// When it began.
    pub from: Timestamp,
    /// When it was over.
    pub to: Timestamp,
    /// What is known of it; nothing personal.
    pub attributes: Vec<(&'static str, String)>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// The body of an OTLP/HTTP request with these spans of a service.
///
/// # Panics
///
/// Never: there are only names as keys.
#[must_use]
pub fn export(service: &str, version: &str, spans: &[Span]) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![attribute("service.name", service), attribute("service.version", version)],
    };
    let scope = Scope { name: "offhook", version };
    let spans = spans.iter().map(SpanJson::of).collect();
    let request = Request {
        resource_spans: [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }],
    };
    serde_json::to_vec(&request).expect("there are only names as keys")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope<'a>,
    spans: Vec<SpanJson<'a>>,
}

#[derive(Serialize)]
struct Scope<'a> {
    name: &'static str,
    version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: &'static str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
}

#[derive(Serialize)]
struct Status<'a> {
    /// 2 is an error.
    code: u8,
    message: &'a str,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'static str,
    value: Text<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'a> {
    string_value: &'a str,
}

fn attribute<'a>(key: &'static str, text: &'a str) -> Attribute<'a> {
    Attribute { key, value: Text { string_value: text } }
}

impl<'a> SpanJson<'a> {
    fn of(span: &'a Span) -> Self {
        let nanos = |at: Timestamp| format!("{}000000", at.unix_ms());
        let attributes = span.attributes.iter().map(|(key, text)| attribute(key, text)).collect();
        Self {
            trace_id: span.trace.to_string(),
            span_id: span.id.to_string(),
            parent_span_id: span.parent.map(|id| id.to_string()),
            name: span.name,
            kind: span.kind as u8,
            start_time_unix_nano: nanos(span.from),
            end_time_unix_nano: nanos(span.to),
            attributes,
            status: span.error.as_deref().map(|message| Status { code: 2, message }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written_back() {
        let parent: TraceParent = W3C.parse().unwrap();
        assert_eq!(parent.to_string(), W3C);
        assert!(parent.sampled);
        let later = format!("cc{}-more", W3C.trim_start_matches("00"));
        assert_eq!(
            later.parse::<TraceParent>(),
            Ok(parent),
            "what a later version adds is not read"
        );
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf9-00f067aa0ba902b7-01",
        ] {
            assert_eq!(wrong.parse::<TraceParent>(), Err(TraceParentError), "{wrong}");
        }
    }

    #[test]
    fn an_export_has_the_names_of_otlp() {
        let parent: TraceParent = W3C.parse().unwrap();
        let at = Timestamp::from_unix_ms(1_783_000_000_123);
        let span = Span {
            trace: parent.trace,
            id: SpanId::new([1; 8]),
            parent: Some(parent.span),
            name: "call",
            kind: SpanKind::Server,
            from: at,
            to: at,
            attributes: vec![("a", "b".into())],
            error: Some("why".into()),
        };
        let body: Value = serde_json::from_slice(&export("gw", "1", &[span])).unwrap();
        let text = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
        let expected = json!({"resourceSpans": [{
            "resource": {"attributes": [text("service.name", "gw"), text("service.version", "1")]},
            "scopeSpans": [{"scope": {"name": "offhook", "version": "1"}, "spans": [{
                "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "0101010101010101",
                "parentSpanId": "00f067aa0ba902b7", "name": "call", "kind": 2,
                "startTimeUnixNano": "1783000000123000000",
                "endTimeUnixNano": "1783000000123000000",
                "attributes": [text("a", "b")], "status": {"code": 2, "message": "why"}}]}]}]});
        assert_eq!(body, expected);
    }
}
