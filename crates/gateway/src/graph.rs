//! How is the Calling API asked?
//!
//! One client for both editions; what differs is in [`wire::edition`]. `connect` is never sent twice:
//! a second one would ring the user twice; nor is a message. Every other request is repeated as
//! [`crate::repetition`] says, and an error that says "already so" counts as done (fact sheet 3.6).

pub(crate) mod media;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use switchboard::call::Outcome;
use terms::{CallId, Timestamp, UserRef, WabaId};
use wire::{
    SdpText,
    edition::{Edition, Endpoint, call_analytics_path},
    graph::{
        analytics::{AccountFigures, CallAnalytics, CallAnalyticsRequest},
        call::{Accept, CallRequest, Captures, Connect, Connected},
        error::ErrorAnswer,
        message::{Content, MessageRequest, Sent},
        permission::{CallPermissions, PermissionQuery},
        settings::{Calling, Settings},
    },
    trace::{self, TraceParent},
};

use crate::{
    allowance,
    clock::PlatformClock,
    config::Upstream,
    hep::Hep,
    metrics::Metrics,
    repetition::{self, Failure},
    telemetry::Telemetry,
};

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

/// A failed request, and whether another try may help.
struct Failed {
    error: GraphError,
    failure: Failure,
}

impl Failed {
    fn broken(why: String) -> Self {
        Self { error: GraphError::Unreachable { why }, failure: Failure::Broken }
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
            // One packet lost holds up one request, not all of them.
            .http1_only()
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
        to: UserRef,
        offer: SdpText,
        opaque: String,
        captures: Captures,
    ) -> Result<CallId, GraphError> {
        let request = CallRequest::Connect(Box::new(Connect {
            to: to.into(),
            sdp: offer,
            biz_opaque_callback_data: Some(opaque),
            captures,
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
    pub(crate) async fn accept(
        &self,
        call_id: CallId,
        sdp: SdpText,
        captures: Captures,
    ) -> Outcome {
        let accept = Accept { call_id, sdp, biz_opaque_callback_data: None, captures };
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
    pub(crate) async fn permissions(&self, user: &UserRef) -> Result<CallPermissions, GraphError> {
        let query = PermissionQuery::from(user);
        let endpoint = Endpoint::CallPermissions(&query);
        let send = || self.send::<()>("call_permissions", endpoint, None);
        let body = self.repeated(send).await?;
        read(&body)
    }

    /// Sends a message; returns its id. Sent once: a repetition would show twice.
    ///
    /// # Errors
    ///
    /// The platform's no, or that it did not answer.
    pub(crate) async fn send_message(
        &self,
        to: UserRef,
        content: Content,
    ) -> Result<Sent, GraphError> {
        let request = MessageRequest::send(to.into(), content);
        self.post("messages", Endpoint::Messages, &request).await
    }

    /// What an account's calls add up to; `None` where the platform tells no figures.
    ///
    /// # Errors
    ///
    /// The platform's no, or that it did not answer.
    pub(crate) async fn call_analytics(
        &self,
        account: &WabaId,
        request: &CallAnalyticsRequest,
    ) -> Result<Option<CallAnalytics>, GraphError> {
        let upstream = &self.inner.upstream;
        let Edition::Meta { version, .. } = upstream.edition else { return Ok(None) };
        let path = call_analytics_path(version, account, request);
        let url = format!("{}{path}", upstream.base_url.trim_end_matches('/'));
        let send = || self.send_to::<()>("call_analytics", url.clone(), None);
        let answer: AccountFigures = read(&self.repeated(send).await?)?;
        Ok(answer.call_analytics)
    }

    /// The number's settings.
    ///
    /// # Errors
    ///
    /// The platform's no, or that it did not answer.
    pub(crate) async fn settings(&self) -> Result<Settings, GraphError> {
        let endpoint = Endpoint::ReadSettings { sip_credentials: false };
        let send = || self.send::<()>("settings", endpoint, None);
        read(&self.repeated(send).await?)
    }

    /// The password of the number's SIP server of this name, where the platform tells one.
    ///
    /// # Errors
    ///
    /// The platform's no, or that it did not answer.
    pub(crate) async fn sip_password(&self, hostname: &str) -> Result<Option<String>, GraphError> {
        let endpoint = Endpoint::ReadSettings { sip_credentials: true };
        let send = || self.send::<()>("settings", endpoint, None);
        let settings: Settings = read(&self.repeated(send).await?)?;
        let servers = settings.calling.and_then(|calling| calling.sip?.servers).unwrap_or_default();
        let ours = servers.into_iter().find(|it| it.hostname.eq_ignore_ascii_case(hostname));
        Ok(ours.and_then(|server| server.sip_user_password))
    }

    /// Changes the number's calling settings.
    ///
    /// # Errors
    ///
    /// The platform's no, or that it did not answer.
    pub(crate) async fn change_settings(&self, calling: Calling) -> Result<(), GraphError> {
        let settings = Settings { calling: Some(calling), ..Settings::default() };
        let send = || self.send("change_settings", Endpoint::WriteSettings, Some(&settings));
        self.repeated(send).await.map(drop)
    }

    async fn post<A: DeserializeOwned>(
        &self,
        what: &'static str,
        endpoint: Endpoint<'_>,
        request: &impl Serialize,
    ) -> Result<A, GraphError> {
        let answer = self.send(what, endpoint, Some(request)).await;
        read(&answer.map_err(|failed| failed.error)?)
    }

    async fn action(&self, request: &CallRequest) -> Outcome {
        let action = request.action();
        let done = self.repeated(|| self.send(action, Endpoint::Calls, Some(request))).await;
        match done {
            Ok(_) => Outcome::Done,
            Err(GraphError::Refused { code, text }) if says_already(&text) => {
                tracing::debug!(action, code, "the platform says it was so already");
                Outcome::Done
            }
            Err(error) => error.into(),
        }
    }

    /// Sends, again and again as long as that may help.
    async fn repeated<F>(&self, send: impl Fn() -> F) -> Result<Vec<u8>, GraphError>
    where
        F: Future<Output = Result<Vec<u8>, Failed>>,
    {
        let mut failed = 0;
        loop {
            let Failed { error, failure } = match send().await {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            let Some(pause) = repetition::pause(failure, failed, rand::random()) else {
                return Err(error);
            };
            tracing::debug!(%error, ?pause, "asking the platform once more");
            tokio::time::sleep(pause).await;
            failed += 1;
        }
    }

    async fn send<B: Serialize>(
        &self,
        what: &'static str,
        endpoint: Endpoint<'_>,
        body: Option<&B>,
    ) -> Result<Vec<u8>, Failed> {
        let upstream = &self.inner.upstream;
        let url = upstream.edition.url(&upstream.base_url, endpoint);
        self.send_to(what, url, body).await
    }

    async fn send_to<B: Serialize>(
        &self,
        what: &'static str,
        url: String,
        body: Option<&B>,
    ) -> Result<Vec<u8>, Failed> {
        let Inner { client, upstream, metrics, clock } = &*self.inner;
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
        let answer = answer_of(request, clock, metrics).await;
        let seen = answer.as_ref().map_err(|failed| &failed.error);
        metrics.graph_request(what, seen.map(|_| ()), sent.elapsed());
        if let Some(asking) = asking {
            asking.answered(what, seen.err().map(ToString::to_string));
        }
        if let (Some(witness), Some(body)) = (witness, body) {
            witness.show(body, at, seen.map(Vec::as_slice));
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
    metrics: &Metrics,
) -> Result<Vec<u8>, Failed> {
    let mut response = request.send().await.map_err(unreachable)?;
    if let Some(date) = response.headers().get(reqwest::header::DATE) {
        clock.set(date.to_str().unwrap_or_default());
    }
    if let Some(left) = allowance::left(response.headers()) {
        metrics.rate_limit_remaining(left);
    }
    let status = response.status();
    let after = response.headers().get(reqwest::header::RETRY_AFTER);
    let after = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(Failed::broken("its answer is far too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return Ok(body);
    }
    let error = refusal(status, &body);
    let failure = match &error {
        GraphError::Unreachable { .. } => Failure::Broken,
        GraphError::Refused { code, .. } if repetition::is_throttled(*code) => {
            Failure::Throttled { after: after.map(Duration::from_secs) }
        }
        GraphError::Refused { .. } => Failure::Refused,
    };
    Err(Failed { error, failure })
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

fn unreachable(error: reqwest::Error) -> Failed {
    let why = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    Failed::broken(why.into())
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
