//! What does an answer that says no look like?
//!
//! RFC 9457 problem details, `application/problem+json`, for every status of 400 or more under `/v1`:
//! what a handler refuses, what the framework refuses before a handler runs (a path, method, query or
//! body that does not fit) and a panic. [`render`] is the one place that writes them, because only
//! there the request's path and whatever refused it are both known. `docs/api.md` lists the types.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, rejection::JsonRejection},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use switchboard::access::Act;
use terms::Timestamp;
use utoipa::ToSchema;
use wire::console::Said;

use crate::{
    calls::{
        advice,
        placing::{self, NotPlaced},
    },
    console::session::Caller,
    graph::GraphError,
    store::StoreError,
};

/// The media type of every answer that says no.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";
/// What every `type` begins with; the rest is a stable word.
const TYPE: &str = "urn:offhook:problem:";
/// How much of the framework's own words is read.
const WORDS_MAX: usize = 4096;

/// Why a request is not done.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Box<Refused>,
}

/// The body of an answer that says no: RFC 9457 problem details.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Refused {
    /// `urn:offhook:problem:` and a stable word.
    #[serde(rename = "type")]
    kind: String,
    /// The word for people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request, with what to do.
    detail: String,
    /// The path that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The platform's code, or a word of ours.
    code: Code,
    /// The rule that says no, where it is one of ours or of the preflight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What it looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// The same by codes, sentence by sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    said: Vec<Said>,
    /// When the answer changes by itself; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes_at: Option<String>,
    /// The scope that a key lacks for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
enum Code {
    Number(i64),
    Word(String),
}

impl Refused {
    fn new(status: StatusCode, word: &str, code: Code, detail: String) -> Self {
        Self {
            kind: format!("{TYPE}{word}"),
            title: title(word),
            status: status.as_u16(),
            detail,
            instance: None,
            code,
            rule: None,
            evidence: None,
            said: Vec::new(),
            changes_at: None,
            scope: None,
        }
    }

    /// What was written before, if it is a problem.
    pub(super) fn read(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let body = Refused::new(status, code, Code::Word(code.into()), detail.into());
        Self { status, body: Box::new(body) }
    }

    /// A rule says no.
    pub(crate) fn by_rule(
        rule: String,
        (evidence, said): (String, Vec<Said>),
        changes_at: Option<Timestamp>,
    ) -> Self {
        let status = StatusCode::CONFLICT;
        let code = Code::Word(rule.clone());
        let mut body = Refused::new(status, "refused_by_rule", code, evidence.clone());
        (body.rule, body.evidence, body.said) = (Some(rule), Some(evidence), said);
        body.changes_at = changes_at.map(|at| at.to_string());
        Self { status, body: Box::new(body) }
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub(crate) fn unprocessable(code: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub(crate) fn internal(detail: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Whether it is certain that nothing was done.
    pub(crate) fn did_nothing(&self) -> bool {
        self.status.is_client_error()
    }

    /// The status and the body, to be kept; the path is added when they are sent.
    pub(crate) fn to_json(&self) -> (StatusCode, String) {
        (self.status, serde_json::to_string(&self.body).unwrap_or_default())
    }

    pub(crate) fn unauthorised() -> Self {
        let detail = "log in, or send the API key as a bearer token";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", detail)
    }

    pub(crate) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// The caller is known, and may not do this.
    pub(crate) fn not_allowed(caller: &Caller, act: Act) -> Self {
        let scope = act.scope().as_str();
        match caller.agent() {
            Some(agent) => {
                Self::forbidden(&format!("this is nothing for the role {}", agent.role.as_str()))
            }
            None => {
                let mut refused = Self::forbidden(&format!("this key lacks the scope {scope}"));
                refused.body.scope = Some(scope.to_owned());
                refused
            }
        }
    }

    pub(crate) fn no_such_method() -> Self {
        let detail = "this path takes no such request";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    pub(crate) fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }
}

/// Writes every problem under `/v1`: the handlers', and what the framework says in words of its own.
pub(super) async fn render(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if !path.starts_with("/v1/") || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let mut problem = match head.extensions.remove::<Refused>() {
        Some(problem) => problem,
        None => of_framework(status, body).await,
    };
    problem.instance = Some(path);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Response::from_parts(head, Body::from(body))
}

async fn of_framework(status: StatusCode, body: Body) -> Refused {
    let words = to_bytes(body, WORDS_MAX).await.unwrap_or_default();
    let words = String::from_utf8_lossy(&words).into_owned();
    let (word, otherwise) = match status {
        StatusCode::NOT_FOUND => ("not_found", "nothing is at this path"),
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "`Allow` names the methods"),
        StatusCode::REQUEST_TIMEOUT => ("timeout", "the request took too long"),
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type", "send application/json"),
        StatusCode::UPGRADE_REQUIRED => ("upgrade_required", "this path speaks WebSocket"),
        other if other.is_server_error() => ("internal", "the gateway could not do this"),
        _ => ("invalid", "the request does not fit"),
    };
    // What broke inside is for the log.
    let keep = !words.is_empty() && !status.is_server_error();
    let detail = if keep { words } else { otherwise.to_owned() };
    Refused::new(status, word, Code::Word(word.into()), detail)
}

/// `parked.not_waiting` → `Parked not waiting`.
fn title(word: &str) -> String {
    let text = word.replace(['.', '_'], " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, *self.body).into_response()
    }
}

impl IntoResponse for Refused {
    /// [`render`] writes it.
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request failed at the store");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store", "the gateway's database failed")
    }
}

impl From<GraphError> for ApiError {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::Refused { code, text } => {
                let (status, detail) = (StatusCode::CONFLICT, advice(code, &text));
                let code = Code::Number(code);
                let body = Refused::new(status, "refused_by_platform", code, detail);
                Self { status, body: Box::new(body) }
            }
            GraphError::Unreachable { why } => Self::new(
                StatusCode::BAD_GATEWAY,
                "unreachable",
                format!("WhatsApp's platform does not answer: {why}"),
            ),
        }
    }
}

impl From<NotPlaced> for ApiError {
    fn from(error: NotPlaced) -> Self {
        match error {
            NotPlaced::Refused { code, text } => GraphError::Refused { code, text }.into(),
            NotPlaced::Unreachable { why } => GraphError::Unreachable { why }.into(),
            NotPlaced::Held(held) => {
                let evidence = (held.evidence.to_string(), held.evidence.said());
                Self::by_rule(held.rule.to_owned(), evidence, held.changes_at)
            }
            NotPlaced::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, placing::STOPPED, error.to_string())
            }
            NotPlaced::NoLeg(text) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, placing::NO_LEG, text)
            }
            NotPlaced::Ended { reason, text } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, text)
            }
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
            _ => "invalid",
        };
        Self::new(status, code, rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, middleware, routing::post};
    use serde_json::{Value, json};
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn panics() -> StatusCode {
        panic!("a bug")
    }

    async fn ask(method: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let router = Router::new()
            .route("/v1/refuse", post(|| async { ApiError::conflict("a.word", "because") }))
            .route("/v1/json", post(|Json(_): Json<u32>| async {}))
            .route("/v1/panic", post(panics))
            .layer(CatchPanicLayer::new())
            .layer(middleware::from_fn(render));
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE, "{path}");
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn whatever_says_no_is_a_problem_with_its_path() {
        let (_, refused) = ask("POST", "/v1/refuse", "").await;
        let expected = json!({"type": "urn:offhook:problem:a.word", "title": "A word",
            "status": 409, "detail": "because", "instance": "/v1/refuse", "code": "a.word"});
        assert_eq!(refused, expected);
        for (method, path, body, status, code) in [
            ("POST", "/v1/json", "x", 400, "invalid"),
            ("POST", "/v1/json", "\"x\"", 422, "invalid"),
            ("GET", "/v1/json", "", 405, "method_not_allowed"),
            ("GET", "/v1/nothing", "", 404, "not_found"),
            ("POST", "/v1/panic", "", 500, "internal"),
        ] {
            let (answered, problem) = ask(method, path, body).await;
            assert_eq!((answered.as_u16(), &problem["code"]), (status, &json!(code)), "{path}");
            assert_eq!(problem["instance"], path);
            assert!(!problem.to_string().contains("a bug"), "{problem}");
        }
    }
}
