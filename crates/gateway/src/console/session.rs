//! Who is asking?
//!
//! People log in with a password and hold a cookie; programs send the API key. Sessions live in
//! memory: a restart logs everybody out, and nothing that opens a door lies on disk.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use terms::AgentId;
use tokio::time::Instant;

use crate::{api::ApiError, config::Agent, office::Office, scheme::Scheme};

/// The cookie's name.
pub(crate) const COOKIE: &str = "offhook_session";
/// How long a log-in lasts: a working day.
const LASTS: Duration = Duration::from_secs(12 * 60 * 60);
/// How many sessions are kept; the oldest goes first. More than this is no desk but an attack.
const SESSIONS_MAX: usize = 10_000;

/// Everybody who is logged in.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<BTreeMap<String, Session>>,
}

#[derive(Debug)]
struct Session {
    agent: AgentId,
    until: Instant,
}

impl Sessions {
    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session; returns the cookie to set.
    pub(crate) fn log_in(&self, agent: AgentId, scheme: Scheme) -> String {
        let token: String =
            rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
        let now = Instant::now();
        let mut open = self.open();
        open.retain(|_, session| session.until > now);
        if open.len() >= SESSIONS_MAX {
            let oldest = open.iter().min_by_key(|(_, session)| session.until);
            if let Some(token) = oldest.map(|(token, _)| token.clone()) {
                open.remove(&token);
            }
        }
        open.insert(token.clone(), Session { agent, until: now + LASTS });
        let seconds = LASTS.as_secs();
        cookie(&token, seconds, scheme)
    }

    /// Closes a session; returns the cookie that clears the browser's.
    pub(crate) fn log_out(&self, headers: &HeaderMap, scheme: Scheme) -> String {
        if let Some(token) = token(headers) {
            self.open().remove(token);
        }
        cookie("", 0, scheme)
    }

    fn agent(&self, headers: &HeaderMap) -> Option<AgentId> {
        let open = self.open();
        let session = open.get(token(headers)?)?;
        (session.until > Instant::now()).then(|| session.agent.clone())
    }
}

fn cookie(token: &str, seconds: u64, scheme: Scheme) -> String {
    let secure = match scheme {
        Scheme::Https => "; Secure",
        Scheme::Http => "",
    };
    format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let pairs = cookies.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, token)| token)
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A program with the API key.
    Program,
    /// An agent with a session.
    Agent(Agent),
}

impl FromRequestParts<Arc<Office>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        office: &Arc<Office>,
    ) -> Result<Self, Self::Rejection> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(key) = header.and_then(|text| text.strip_prefix("Bearer ")) {
            return if office.config.api_key.fits(key) {
                Ok(Self::Program)
            } else {
                Err(ApiError::unauthorised())
            };
        }
        let agent = office.sessions.agent(&parts.headers);
        let agent = agent.and_then(|id| office.consoles.agent(&id).cloned());
        agent.map(Self::Agent).ok_or_else(ApiError::unauthorised)
    }
}
