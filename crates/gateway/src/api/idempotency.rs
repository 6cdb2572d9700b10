//! Was this request acted on before?
//!
//! A program that got no answer may send its request again with the same `Idempotency-Key`: it acts
//! once, and every repetition within 24 hours gets the same answer. A refusal, which did nothing, uses
//! up no key; an answer that leaves open what was done does.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::{ApiError, Refused};
use crate::{clock, line::Line, office::Office, store::Kept};

/// The header with the key.
const HEADER: &str = "idempotency-key";
/// The longest key.
const KEY_CHARS_MAX: usize = 255;
/// How long answers are kept.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// An answer that can be given again.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// JSON.
    pub(super) body: String,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if let Some(problem) = Refused::read(&self.body) {
            return (self.status, problem).into_response();
        }
        let json = [(header::CONTENT_TYPE, "application/json")];
        (self.status, json, self.body).into_response()
    }
}

/// Acts, or gives the answer of the time when it acted. What is begun is finished also when the
/// program hangs up.
///
/// # Errors
///
/// The key is malformed, in use, or was used for another request; or what `act` refused.
pub(super) async fn once(
    office: Arc<Office>,
    line: &Line,
    headers: &HeaderMap,
    request: &[u8],
    act: impl Future<Output = Result<Answer, ApiError>> + Send + 'static,
) -> Result<Answer, ApiError> {
    // Two lines may use the same key, for they may be two organisations'.
    let key = key(headers)?.map(|key| format!("{}:{key}", line.id()));
    if let Some(key) = key.clone()
        && let Some(answer) = before(&office, key, request).await?
    {
        return Ok(answer);
    }
    let acting = tokio::spawn(async move {
        let answer = act.await;
        if let Some(key) = key {
            keep(&office, key, &answer).await?;
        }
        answer
    });
    acting.await.unwrap_or_else(|_| Err(ApiError::internal("the request could not be finished")))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get(HEADER) else { return Ok(None) };
    let wrong = || {
        ApiError::invalid(format!("Idempotency-Key: 1 to {KEY_CHARS_MAX} visible ASCII characters"))
    };
    let key = key.to_str().map_err(|_| wrong())?;
    let fits = !key.is_empty() && key.len() <= KEY_CHARS_MAX;
    if fits { Ok(Some(key.to_owned())) } else { Err(wrong()) }
}

async fn before(office: &Office, key: String, request: &[u8]) -> Result<Option<Answer>, ApiError> {
    let request = Sha256::digest(request).iter().map(|byte| format!("{byte:02x}")).collect();
    let now = clock::now();
    match office.store.take_key(key, request, now, now - KEEP).await? {
        Kept::Nothing => Ok(None),
        Kept::Answered { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            Ok(Some(Answer { status, body }))
        }
        Kept::OtherRequest => Err(ApiError::unprocessable(
            "idempotency.other_request",
            "this Idempotency-Key was used for a request with another body",
        )),
        Kept::Unanswered => Err(ApiError::conflict(
            "idempotency.unanswered",
            "a request with this Idempotency-Key is running, or the gateway stopped in the middle of \
             it: look at GET /v1/calls before you send another",
        )),
    }
}

async fn keep(
    office: &Office,
    key: String,
    answer: &Result<Answer, ApiError>,
) -> Result<(), ApiError> {
    let (status, body) = match answer {
        Ok(answer) => (answer.status, answer.body.clone()),
        Err(error) if error.did_nothing() => return Ok(office.store.free_key(key).await?),
        Err(error) => error.to_json(),
    };
    Ok(office.store.keep_answer(key, status.as_u16(), body).await?)
}
