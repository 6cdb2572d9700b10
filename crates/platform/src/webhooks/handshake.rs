//! Does this URL want our webhooks?
//!
//! Before a callback URL is used it is asked (fact sheet 10.1): a GET with a challenge and the
//! verify token, answered with the bare challenge.

use std::time::Duration;

use crate::{directory::App, ids::Stream, world::World};

/// How long the endpoint may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read; a challenge has ten characters.
const ANSWER_BYTES_MAX: usize = 1024;

/// Why a URL was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeFault {
    /// No URL, or not HTTP.
    #[error("the callback URL is not a valid http or https URL")]
    Url,
    /// The app's client certificate cannot be used.
    #[error("{0}")]
    Certificate(String),
    /// The endpoint did not answer.
    #[error("the callback URL could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The endpoint answered something else than 200.
    #[error("the callback URL answered {status} to the verification request")]
    Status {
        /// What it answered.
        status: u16,
    },
    /// The endpoint did not echo the challenge.
    #[error("the callback URL did not answer with the challenge")]
    Challenge,
}

/// Checks a URL's form.
///
/// # Errors
///
/// It is no HTTP address.
pub(crate) fn check_url(url: &str) -> Result<reqwest::Url, HandshakeFault> {
    let url: reqwest::Url = url.parse().map_err(|_| HandshakeFault::Url)?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(HandshakeFault::Url)
    }
}

/// Asks an app's new callback URL, its own or an override, unless the platform asks nobody.
///
/// # Errors
///
/// The endpoint does not answer as a webhook endpoint does, or wants a certificate the app lacks.
pub(crate) async fn verify(
    world: &World,
    app: Option<&App>,
    url: &str,
    verify_token: &str,
) -> Result<(), HandshakeFault> {
    if !world.handshake {
        return check_url(url).map(drop);
    }
    let certificate = app.and_then(|app| app.client_certificate.as_deref());
    let client = world.clients.showing(certificate).await;
    let client = client.map_err(|fault| HandshakeFault::Certificate(fault.to_string()))?;
    let challenge = 1_000_000_000 + world.ids.number(Stream::Other) % 1_000_000_000;
    verify_endpoint(&client, url, verify_token, &challenge.to_string()).await
}

async fn verify_endpoint(
    http: &reqwest::Client,
    url: &str,
    verify_token: &str,
    challenge: &str,
) -> Result<(), HandshakeFault> {
    let mut url = check_url(url)?;
    url.query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.challenge", challenge)
        .append_pair("hub.verify_token", verify_token);
    let mut answer =
        http.get(url).timeout(TIMEOUT).send().await.map_err(HandshakeFault::Unreachable)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(HandshakeFault::Status { status: answer.status().as_u16() });
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(HandshakeFault::Unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(HandshakeFault::Challenge);
        }
    }
    if body == challenge.as_bytes() { Ok(()) } else { Err(HandshakeFault::Challenge) }
}
