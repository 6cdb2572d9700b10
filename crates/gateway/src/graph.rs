//! How is the Calling API asked?
//!
//! One client for both editions; what differs is in [`wire::edition`]. `connect` is never sent twice:
//! a second one would ring the user twice. Every other request is repeated once when the platform
//! did not answer or broke, and an error that says "already so" counts as done (fact sheet 3.6).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use switchboard::call::Outcome;
use terms::{CallId, Timestamp, WaId};
use wire::{
    SdpText,
    edition::Endpoint,
    graph::{
        call::{Accept, CallRequest, Connect, Connected},
        error::ErrorAnswer,
        message::{Content, MessageRequest, Sent},
        permission::{CallPermissions, PermissionQuery},
    },
    trace::{self, TraceParent},
};

use crate::{
    clock::PlatformClock, config::Upstream, hep::Hep, metrics::Metrics, telemetry::Telemetry,
};

/// How long before the one repetition: long enough for a hiccup, short beside the answer window.
const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// The longest answer we read; real ones have a few hundred bytes.
const ANSWER_MAX: usize = 256 * 1024;

/// A client of the Calling API. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    inner: Arc<Inner>,
    witness: Option<Arc<Witness>>,
}

/// Who sees what is asked about a call.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) telemetry: Telemetry,
    /// The place in a trace that requests are a part of.
    pub(crate) within: Option<TraceParent>,
    pub(crate) hep: Option<Hep>,
    /// None while the platform has not named the call.
    pub(crate) call_id: Option<CallId>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    upstream: Upstream,
    metrics: Arc<Metrics>,
    clock: PlatformClock,
}

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The platform said no.
    #[error("{text} ({code})")]
    Refused {
        /// Graph's code; the HTTP status where there is none.
        code: i64,
        /// Its text.
        text: String,
    },
    /// No answer, or one that says the platform is broken.
    #[error("{why}")]
    Unreachable {
        /// What we saw.
        why: String,
    },
}

impl From<GraphError> for Outcome {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::Refused { code, text } => Self::Refused { code, text },
            GraphError::Unreachable { why } => Self::Unreachable { why },
        }
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the HTTP client")]
pub struct ClientError(#[source] pub(crate) reqwest::Error);

impl Graph {
    /// A client for this front door.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub(crate) fn new(upstream: Upstream, metrics: Arc<Metrics>) -> Result<Self, ClientError> {
        let client = Client::builder()
            .timeout(upstream.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(ClientError)?;
        let clock = PlatformClock::default();
        Ok(Self { inner: Arc::new(Inner { client, upstream, metrics, clock }), witness: None })
    }

    /// The same client, whose requests are seen.
    pub(crate) fn seen_by(&self, witness: Witness) -> Self {
        Self { inner: Arc::clone(&self.inner), witness: Some(Arc::new(witness)) }
    }

    /// Now, by the clock of the platform.
    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The platform's clock.
    pub(crate) fn clock(&self) -> &PlatformClock {
        &self.inner.clock
    }

    /// Calls a user; returns the call's id. Sent once, whatever happens.
    ///
    /// # Errors
    ///
    /// The platform's no, or that it did not answer.
    pub(crate) async fn connect(
        &self,
        to: WaId,
        offer: SdpText,
        opaque: String,
    ) -> Result<CallId, GraphError> {
        let request = CallRequest::Connect(Box::new(Connect {
            to: to.into(),
            sdp: offer,
            biz_opaque_callback_data: Some(opaque),
            recording: None,
            transcription: None,
        }));
        let connected: Connected = self.post("connect", Endpoint::Calls, &request).await?;
        let id = connected.call_id().cloned();
        id.ok_or_else(|| GraphError::Unreachable { why: "its answer names no call".into() })
    }

    /// Prepares the media of a user's call.
    pub(crate) async fn pre_accept(&self, call_id: CallId, sdp: SdpText) -> Outcome {
        self.action(&CallRequest::PreAccept { call_id, sdp }).await
    }

    /// Takes a user's call.
    pub(crate) async fn accept(&self, call_id: CallId, sdp: SdpText) -> Outcome {
        let accept = Accept {
            call_id,
            sdp,
            biz_opaque_callback_data: None,
            recording: None,
            transcription: None,
        };
        self.action(&CallRequest::Accept(Box::new(accept))).await
    }

    /// Refuses a user's call.
    pub(crate) async fn reject(&self, call_id: CallId) -> Outcome {
        self.action(&CallRequest::Reject { call_id }).await
    }

    /// Ends a call.
    pub(crate) async fn terminate(&self, call_id: CallId) -> Outcome {
        self.action(&CallRequest::Terminate { call_id }).await
    }

    /// Whether this user may be called, and what may be sent.
    ///
    /// # Errors
    ///
    /// The platform's no, or that it did not answer.
    pub(crate) async fn permissions(&self, user: WaId) -> Result<CallPermissions, GraphError> {
        let query = PermissionQuery::WaId(user);
        let endpoint = Endpoint::CallPermissions(&query);
        let send = || self.send::<()>("call_permissions", endpoint, None);
        let body = self.twice(send).await?;
        read(&body)
    }

    /// Sends a message; returns its id. Sent once: a repetition would show twice.
    ///
    /// # Errors
    ///
    /// The platform's no, or that it did not answer.
    pub(crate) async fn send_message(
        &self,
        to: WaId,
        content: Content,
    ) -> Result<Sent, GraphError> {
        let request = MessageRequest::send(to.into(), content);
        self.post("messages", Endpoint::Messages, &request).await
    }

    async fn post<A: DeserializeOwned>(
        &self,
        what: &'static str,
        endpoint: Endpoint<'_>,
        request: &impl Serialize,
    ) -> Result<A, GraphError> {
        read(&self.send(what, endpoint, Some(request)).await?)
    }

    async fn action(&self, request: &CallRequest) -> Outcome {
        let action = request.action();
        let done = self.twice(|| self.send(action, Endpoint::Calls, Some(request))).await;
        match done {
            Ok(_) => Outcome::Done,
            Err(GraphError::Refused { code, text }) if says_already(&text) => {
                tracing::debug!(action, code, "the platform says it was so already");
                Outcome::Done
            }
            Err(error) => error.into(),
        }
    }

    /// Sends, and once more when the platform did not answer or broke.
    async fn twice<F>(&self, send: impl Fn() -> F) -> Result<Vec<u8>, GraphError>
    where
        F: Future<Output = Result<Vec<u8>, GraphError>>,
    {
        match send().await {
            Err(GraphError::Unreachable { why }) => {
                tracing::debug!(why, "asking the platform once more");
                tokio::time::sleep(AGAIN_AFTER).await;
                send().await
            }
            answered => answered,
        }
    }

    async fn send<B: Serialize>(
        &self,
        what: &'static str,
        endpoint: Endpoint<'_>,
        body: Option<&B>,
    ) -> Result<Vec<u8>, GraphError> {
        let Inner { client, upstream, metrics, clock } = &*self.inner;
        let url = upstream.edition.url(&upstream.base_url, endpoint);
        let (name, value) = upstream.edition.auth_header(upstream.token.expose());
        let request = match body {
            Some(body) => client.post(url).json(body),
            None => client.get(url),
        };
        let mut request = request.header(name, value);
        let witness = self.witness.as_deref();
        let asking = witness.and_then(|seen| Some(seen.telemetry.request(seen.within?)));
        if let Some(asking) = &asking {
            request = request.header(trace::HEADER, asking.header());
        }
        let (sent, at) = (Instant::now(), crate::clock::now());
        let answer = answer_of(request, clock).await;
        metrics.graph_request(what, answer.as_ref().map(|_| ()), sent.elapsed());
        if let Some(asking) = asking {
            asking.answered(what, answer.as_ref().err().map(ToString::to_string));
        }
        if let (Some(witness), Some(body)) = (witness, body) {
            witness.show(body, at, answer.as_deref());
        }
        answer
    }
}

impl Witness {
    /// HOMER sees a request and its answer; a call of ours is named by the answer.
    fn show<B: Serialize>(&self, request: &B, at: Timestamp, answer: Result<&[u8], &GraphError>) {
        let Some(hep) = &self.hep else { return };
        let named = || read::<Connected>(answer.ok()?).ok()?.call_id().cloned();
        let Some(call_id) = self.call_id.clone().or_else(named) else { return };
        let answer = match answer {
            Ok(body) => serde_json::from_slice(body).unwrap_or_default(),
            Err(error) => serde_json::json!({"error": error.to_string()}),
        };
        hep.asked(&call_id, request, at, &answer);
    }
}

async fn answer_of(
    request: reqwest::RequestBuilder,
    clock: &PlatformClock,
) -> Result<Vec<u8>, GraphError> {
    let mut response = request.send().await.map_err(unreachable)?;
    if let Some(date) = response.headers().get(reqwest::header::DATE) {
        clock.set(date.to_str().unwrap_or_default());
    }
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(GraphError::Unreachable { why: "its answer is far too long".into() });
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
}

fn read<A: DeserializeOwned>(body: &[u8]) -> Result<A, GraphError> {
    serde_json::from_slice(body).map_err(|error| {
        let why = format!("its answer cannot be read at column {}", error.column());
        GraphError::Unreachable { why }
    })
}

/// What an answer with an error status means. A 5xx with a code of the calling table is a refusal:
/// the platform works and says what is wrong (138004, 138007).
fn refusal(status: StatusCode, body: &[u8]) -> GraphError {
    let answer = ErrorAnswer::parse(body);
    let calling = answer.code().filter(|code| (138_000..139_000).contains(code));
    if status.is_server_error() && calling.is_none() {
        return GraphError::Unreachable { why: format!("HTTP {}", status.as_u16()) };
    }
    let code = answer.code().unwrap_or_else(|| i64::from(status.as_u16()));
    GraphError::Refused { code, text: answer.text().trim_end_matches('.').to_owned() }
}

fn unreachable(error: reqwest::Error) -> GraphError {
    let why = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    GraphError::Unreachable { why: why.into() }
}

/// Whether a refusal says that the call is already where we want it.
fn says_already(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["already", "has ended", "was ended", "is over"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_code_and_status() {
        let body = br#"{"error":{"message":"(#138006) No","type":"OAuthException","code":138006,
            "error_data":{"details":"No approved call permission from the recipient"}}}"#;
        let no = refusal(StatusCode::UNAUTHORIZED, body);
        let text = "No approved call permission from the recipient".to_owned();
        assert_eq!(no, GraphError::Refused { code: 138_006, text });
        let broken = refusal(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(broken, GraphError::Unreachable { why: "HTTP 502".into() });
        let late = br#"{"error":{"code":138007,"message":"Connect timeout"}}"#;
        let late = refusal(StatusCode::INTERNAL_SERVER_ERROR, late);
        assert!(matches!(late, GraphError::Refused { code: 138_007, .. }));
        let text = refusal(StatusCode::FORBIDDEN, br#"{"error":"no channel"}"#);
        assert_eq!(text, GraphError::Refused { code: 403, text: "no channel".into() });
    }

    #[test]
    fn an_error_that_says_already_is_known() {
        assert!(says_already("The call is already accepted"));
        assert!(says_already("terminate is not possible: the call has ended (user hung up)"));
        assert!(!says_already("No approved call permission"));
    }
}
