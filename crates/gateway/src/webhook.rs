//! What does the platform tell us, and is it the platform?
//!
//! The signature is checked on the raw bytes, in constant time, before anything is believed: of the
//! body only which numbers it names is read before that ([`crate::verify`]). Then the body goes to the durable inbox, and only then the platform gets its 200. Acting on it is another
//! task's work ([`crate::dispatch`]), in the order of arrival.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use serde::Deserialize;
use wire::webhook::{envelope::Envelope, signature, verify::Handshake};

use crate::{clock, office::Office, telemetry, verify::verify};

/// The longest body we read: real ones have a few kilobytes, batches a few hundred.
const BODY_MAX: usize = 1024 * 1024;
/// So much of a body that is too long is read all the same, and dropped: whoever still writes when the
/// connection closes sees that it broke, not the 413.
const DROPPED_MAX: usize = 8 * BODY_MAX;
/// How long that may take.
const DROPPED_WITHIN: Duration = Duration::from_secs(10);

/// The handshake's parameters.
#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
}

/// `GET`: is this URL ours?
pub(crate) async fn handshake(
    State(office): State<Arc<Office>>,
    Query(parameters): Query<Parameters>,
) -> Response {
    let handshake = Handshake {
        mode: parameters.mode.as_deref(),
        challenge: parameters.challenge.as_deref(),
        verify_token: parameters.verify_token.as_deref(),
    };
    // One address for all numbers: the token of any will do.
    let mut answers =
        office.lines.iter().map(|line| handshake.check(line.config.upstream.verify_token.expose()));
    let answer = answers.next().map(|first| answers.fold(first, Result::or));
    match answer {
        Some(Ok(challenge)) => challenge.to_owned().into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
        Some(Err(refusal)) => {
            tracing::warn!(%refusal, "a webhook handshake is refused");
            (StatusCode::FORBIDDEN, refusal.to_string()).into_response()
        }
    }
}

/// `POST`: something happened.
pub(crate) async fn receive(
    State(office): State<Arc<Office>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => {
            office.metrics.webhook("unreadable");
            return status.into_response();
        }
    };
    let header = headers.get(signature::HEADER).and_then(|value| value.to_str().ok());
    let envelope = Envelope::parse(&body);
    let signed = header.unwrap_or_default();
    let Ok(lines) = verify(&office.lines, &body, signed, envelope.as_ref().ok()) else {
        office.metrics.webhook("bad_signature");
        tracing::warn!("a webhook with a bad signature is refused");
        return (StatusCode::UNAUTHORIZED, "bad signature").into_response();
    };
    if let Err(error) = envelope {
        office.metrics.webhook("malformed");
        tracing::warn!(%error, "a signed webhook cannot be read");
        return (StatusCode::BAD_REQUEST, "not a webhook of WhatsApp").into_response();
    }
    let trace = telemetry::parent(&headers);
    match office.store.keep_webhook(body, lines, clock::now(), trace).await {
        Ok(_) => {
            office.metrics.webhook("accepted");
            office.inbox.notify_one();
            StatusCode::OK.into_response()
        }
        Err(error) => {
            // Without the 200 the platform delivers again.
            office.metrics.webhook("not_stored");
            tracing::error!(%error, "a webhook cannot be stored");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The raw body, or the status of the answer to one that cannot be taken.
async fn read(body: Body) -> Result<Vec<u8>, StatusCode> {
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        if whole.len() + chunk.len() > BODY_MAX {
            let mut dropped = whole.len() + chunk.len();
            let rest = async {
                while let Some(Ok(chunk)) = chunks.next().await {
                    dropped += chunk.len();
                    if dropped > DROPPED_MAX {
                        return;
                    }
                }
            };
            // Who is slower than this learns no more than that the connection broke.
            drop(tokio::time::timeout(DROPPED_WITHIN, rest).await);
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}
