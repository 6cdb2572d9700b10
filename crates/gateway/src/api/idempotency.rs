//! Was this request acted on before?
//!
//! A program that got no answer may send its request again with the same `Idempotency-Key`: it acts
//! once, and every repetition within 24 hours gets the same answer. A refusal, which did nothing, uses
//! up no key; an answer that leaves open what was done does.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use terms::{OrganisationId, PhoneNumberId};

use super::{ApiError, Refused};
use crate::{clock, office::Office, store::Kept};

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
    /// What a repetition gets instead, where the answer has a secret that is told once.
    pub(super) again: Option<String>,
}

impl Answer {
    /// What was made.
    pub(super) fn created(made: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { status: StatusCode::CREATED, body: json(made)?, again: None })
    }

    /// What was sent.
    pub(super) fn sent(sent: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { status: StatusCode::OK, body: json(sent)?, again: None })
    }

    /// The same; a repetition gets only this.
    pub(super) fn but_again(self, only: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { again: Some(json(only)?), ..self })
    }
}

fn json(body: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(body).map_err(|_| ApiError::internal("the answer cannot be written"))
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

/// Whose key it is: another one's may read the same.
#[derive(Debug)]
pub(super) enum Whose<'a> {
    /// A line's.
    Line(&'a PhoneNumberId),
    /// An organisation's.
    Organisation(&'a OrganisationId),
}

impl Whose<'_> {
    /// The name the key has in the store. A line's id has only digits, and no id has a space.
    fn name(&self, key: &str) -> String {
        match self {
            Self::Line(id) => format!("{id}:{key}"),
            Self::Organisation(id) => format!("organisation {id} {key}"),
        }
    }
}

/// What a request is known again by.
#[derive(Debug)]
pub(super) struct Mark {
    path: String,
    headers: HeaderMap,
    /// The bytes; of a request with a secret in its body, something made from them.
    pub(super) body: Bytes,
}

/// What a program wants, and what its request is known again by.
#[derive(Debug)]
pub(super) struct Asked<T> {
    pub(super) wanted: T,
    pub(super) mark: Mark,
}

impl<T, S> FromRequest<S> for Asked<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let body = Bytes::from_request(whole, state).await.map_err(IntoResponse::into_response)?;
        let (path, headers) = (parts.uri.path().to_owned(), parts.headers.clone());
        let again = Request::from_parts(parts, Body::from(body.clone()));
        let read = Json::from_request(again, state).await;
        let Json(wanted) = read.map_err(|wrong| ApiError::from(wrong).into_response())?;
        Ok(Self { wanted, mark: Mark { path, headers, body } })
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
    whose: Whose<'_>,
    mark: Mark,
    act: impl Future<Output = Result<Answer, ApiError>> + Send + 'static,
) -> Result<Answer, ApiError> {
    let key = key(&mark.headers)?.map(|key| whose.name(&key));
    if let Some(key) = key.clone()
        && let Some(answer) = before(&office, key, &mark).await?
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

async fn before(office: &Office, key: String, mark: &Mark) -> Result<Option<Answer>, ApiError> {
    let hash = Sha256::new().chain_update(&mark.path).chain_update("\n").chain_update(&mark.body);
    let request = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let now = clock::now();
    match office.store.take_key(key, request, now, now - KEEP).await? {
        Kept::Nothing => Ok(None),
        Kept::Answered { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            Ok(Some(Answer { status, body, again: None }))
        }
        Kept::OtherRequest => Err(ApiError::unprocessable(
            "idempotency.other_request",
            "this Idempotency-Key was used for a request of another path or with another body",
        )),
        Kept::Unanswered => Err(ApiError::conflict(
            "idempotency.unanswered",
            "a request with this Idempotency-Key is running, or the gateway stopped in the middle of \
             it: look whether what you wanted is there before you send another",
        )),
    }
}

async fn keep(
    office: &Office,
    key: String,
    answer: &Result<Answer, ApiError>,
) -> Result<(), ApiError> {
    let (status, body) = match answer {
        Ok(answer) => (answer.status, answer.again.as_ref().unwrap_or(&answer.body).clone()),
        Err(error) if error.did_nothing() => return Ok(office.store.free_key(key).await?),
        Err(error) => error.to_json(),
    };
    Ok(office.store.keep_answer(key, status.as_u16(), body).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_of_one_is_a_key_of_another() {
        let line = "1".parse().unwrap();
        let [a, b]: [OrganisationId; 2] = ["1".parse().unwrap(), "1:x".parse().unwrap()];
        let (of_a, of_b) = (Whose::Organisation(&a), Whose::Organisation(&b));
        let names = [Whose::Line(&line).name("x:k"), of_a.name("x:k"), of_b.name("k")];
        assert_eq!(names, ["1:x:k", "organisation 1 x:k", "organisation 1:x k"]);
    }
}
