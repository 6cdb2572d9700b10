//! What can be asked over HTTP?
//!
//! REST for programs (bearer API key) and consoles (cookie), the console's WebSocket, the webhook, and
//! what operators read. An answer that says no is `{code, text}`.

mod access;
mod account;
mod analytics;
mod api_keys;
mod audit;
mod call_events;
mod calls;
mod cdrs;
mod consents;
mod contacts;
mod control;
mod diagnosis;
mod doctor;
mod events;
mod flows;
mod idempotency;
mod notes;
mod number_settings;
mod numbers;
pub mod openapi;
mod operations;
mod place;
mod preflight;
mod reconciliation;
mod session;
mod spend;
pub(crate) mod stream;
mod supervision;
mod users;
mod windows;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::tz::TimeZone;
use serde::Serialize;
use switchboard::access::Act;
use terms::Timestamp;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    calls::{
        advice,
        placing::{self, NotPlaced},
    },
    console::{session::Caller, socket},
    graph::GraphError,
    line::Line,
    office::Office,
    pages, spans,
    store::{LineSet, StoreError},
    webhook,
};

/// The longest body of a request by a program or console.
const REQUEST_MAX: usize = 64 * 1024;

/// Every route.
pub(crate) fn router(office: Arc<Office>) -> Router {
    let hook =
        Router::new().route("/webhooks/whatsapp", get(webhook::handshake).post(webhook::receive));
    let (rest, _) = rest().split_for_parts();
    let rest = rest.route_layer(from_fn_with_state(Arc::clone(&office), access::check));
    Router::new()
        .merge(rest)
        .route("/v1/console/ws", get(socket::open))
        .route("/openapi.json", get(openapi::answer))
        .layer(DefaultBodyLimit::max(REQUEST_MAX))
        .merge(hook)
        .fallback(pages::page)
        .layer(CatchPanicLayer::new())
        .with_state(office)
}

/// The documented routes.
fn rest() -> OpenApiRouter<Arc<Office>> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(session::log_in, session::log_out))
        .routes(routes!(session::me))
        .routes(routes!(calls::list, place::place))
        .routes(routes!(calls::one, notes::note))
        .routes(routes!(notes::codes))
        .routes(routes!(control::hold))
        .routes(routes!(control::resume))
        .routes(routes!(control::transfer))
        .routes(routes!(control::consult))
        .routes(routes!(control::hand_over))
        .routes(routes!(control::merge))
        .routes(routes!(supervision::listen))
        .routes(routes!(supervision::whisper))
        .routes(routes!(supervision::join))
        .routes(routes!(supervision::leave))
        .routes(routes!(control::hang_up))
        .routes(routes!(diagnosis::diagnosis))
        .routes(routes!(call_events::list))
        .routes(routes!(cdrs::csv))
        .routes(routes!(cdrs::jsonl))
        .routes(routes!(spend::spend))
        .routes(routes!(account::health))
        .routes(routes!(analytics::analytics))
        .routes(routes!(analytics::csv))
        .routes(routes!(reconciliation::reconciliation))
        .routes(routes!(windows::list))
        .routes(routes!(events::list))
        .routes(routes!(events::one))
        .routes(routes!(events::redeliver))
        .routes(routes!(stream::stream))
        .routes(routes!(flows::list))
        .routes(routes!(flows::check))
        .routes(routes!(flows::dry_run))
        .routes(routes!(preflight::preflight))
        .routes(routes!(place::list_parked))
        .routes(routes!(place::cancel_parked))
        .routes(routes!(consents::list))
        .routes(routes!(consents::one))
        .routes(routes!(contacts::list))
        .routes(routes!(contacts::one))
        .routes(routes!(contacts::ask_permission))
        .routes(routes!(contacts::write))
        .routes(routes!(doctor::examine))
        .routes(routes!(number_settings::read_settings, number_settings::change_settings))
        .routes(routes!(numbers::list))
        .routes(routes!(api_keys::list, api_keys::make))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::change))
        .routes(routes!(audit::list))
        .routes(routes!(operations::health))
        .routes(routes!(operations::ready))
        .routes(routes!(operations::metrics))
}

/// So many of so many; absent of none.
fn share(part: u64, whole: u64) -> Option<f64> {
    let thousandths = part.checked_mul(1_000)?.checked_div(whole)?;
    u32::try_from(thousandths).ok().map(|thousandths| f64::from(thousandths) / 1_000.0)
}

/// The number a question is about; the first of the caller's when none is named.
fn first_line<'a>(office: &'a Office, caller: &Caller) -> Result<&'a Arc<Line>, ApiError> {
    let mut mine = office.lines.iter().filter(|line| caller.organisation.lines.contains(line.id()));
    mine.next().ok_or_else(|| ApiError::not_found("this organisation has no number"))
}

/// The lines a question is about, and the one whose calendar it is asked in: the one that is named,
/// else all of the caller's and the first of them.
fn asked_lines<'a>(
    office: &'a Office,
    caller: &Caller,
    number: Option<&str>,
) -> Result<(LineSet, &'a Arc<Line>), ApiError> {
    match number.filter(|number| !number.is_empty()) {
        Some(number) => {
            let line = caller.line(office, Some(number))?;
            Ok((LineSet::one(line.id()), line))
        }
        None => Ok((caller.lines(), first_line(office, caller)?)),
    }
}

/// A moment of a query, or the midnight in this zone a date begins with.
fn moment_in(
    text: Option<&str>,
    name: &str,
    zone: &TimeZone,
) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let at = spans::moment(text, zone).ok_or_else(|| {
        ApiError::invalid(format!("{name}: a time such as 2026-11-28T09:00:00Z, or a date"))
    })?;
    Ok(Some(at))
}

/// Why a request is not done.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Box<Refused>,
}

/// The body of an answer that says no.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refused {
    /// The platform's code, or a word of ours.
    code: Code,
    /// The same for people, with what to do.
    text: String,
    /// The rule that says no, where it is one of ours or of the preflight.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What it looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// When the answer changes by itself; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_at: Option<String>,
    /// The scope that a key lacks for this.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Code {
    Number(i64),
    Word(String),
}

impl Refused {
    fn new(code: Code, text: String) -> Self {
        Self { code, text, rule: None, evidence: None, changes_at: None, scope: None }
    }
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, body: Box::new(Refused::new(Code::Word(code.into()), text.into())) }
    }

    /// A rule says no.
    pub(crate) fn by_rule(rule: String, evidence: String, changes_at: Option<Timestamp>) -> Self {
        let mut body = Refused::new(Code::Word(rule.clone()), evidence.clone());
        (body.rule, body.evidence) = (Some(rule), Some(evidence));
        body.changes_at = changes_at.map(|at| at.to_string());
        Self { status: StatusCode::CONFLICT, body: Box::new(body) }
    }

    pub(crate) fn conflict(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, text)
    }

    pub(crate) fn unprocessable(code: &'static str, text: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, text)
    }

    pub(crate) fn internal(text: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
    }

    /// Whether it is certain that nothing was done.
    pub(crate) fn did_nothing(&self) -> bool {
        self.status.is_client_error()
    }

    /// The status and the body, as they are sent.
    pub(crate) fn to_json(&self) -> (StatusCode, String) {
        (self.status, serde_json::to_string(&self.body).unwrap_or_default())
    }

    pub(crate) fn unauthorised() -> Self {
        let text = "log in, or send the API key as a bearer token";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", text)
    }

    pub(crate) fn forbidden(text: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", text)
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
        let text = "this path takes no such request";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", text)
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", text)
    }

    pub(crate) fn not_found(text: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", text)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
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
            GraphError::Refused { code, text } => Self {
                status: StatusCode::CONFLICT,
                body: Box::new(Refused::new(Code::Number(code), advice(code, &text))),
            },
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
                Self::by_rule(held.rule.to_owned(), held.evidence, held.changes_at)
            }
            NotPlaced::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, placing::STOPPED, error.to_string())
            }
            NotPlaced::Ended { reason, text } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, text)
            }
        }
    }
}

impl From<axum::extract::rejection::JsonRejection> for ApiError {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        let body = Refused::new(Code::Word("invalid".into()), rejection.body_text());
        Self { status: rejection.status(), body: Box::new(body) }
    }
}
