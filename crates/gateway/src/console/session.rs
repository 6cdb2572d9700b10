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
use serde_json::Value;
use switchboard::access::{self, Act, Scope};
use terms::AgentId;
use tokio::time::Instant;

use crate::{
    api::ApiError,
    clock,
    config::Agent,
    line::Line,
    office::Office,
    organisation::Organisation,
    scheme::Scheme,
    store::{Deed, LineSet},
};

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

    /// Closes every session of this agent.
    pub(crate) fn end(&self, agent: &AgentId) {
        self.open().retain(|_, session| session.agent != *agent);
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

/// Who asks, and whose numbers and data that is about: never another organisation's.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) organisation: Arc<Organisation>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// A program with an API key.
    Program(Program),
    /// An agent with a session.
    Agent(Agent),
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The key's id; `api_key` for the one in the configuration.
    pub(crate) key: String,
    /// What the key opens.
    pub(crate) scopes: Vec<Scope>,
}

impl Caller {
    /// The agent, if a person asks.
    pub(crate) fn agent(&self) -> Option<&Agent> {
        match &self.who {
            Who::Agent(agent) => Some(agent),
            Who::Program(_) => None,
        }
    }

    /// Whether the caller may do this: by the role, or by the key's scopes.
    pub(crate) fn may(&self, act: Act) -> bool {
        match &self.who {
            Who::Agent(agent) => access::may(agent.role, act),
            Who::Program(program) => program.scopes.contains(&act.scope()),
        }
    }

    /// What the caller does to the house, now.
    pub(crate) fn deed(&self, act: &str, object: &str, mut detail: Option<Value>) -> Deed {
        if let Some(Value::Object(parts)) = &mut detail {
            // What was not asked for is no part of it.
            parts.retain(|_, part| !part.is_null());
        }
        Deed {
            at: clock::now(),
            organisation: self.organisation.id.clone(),
            by: self.name().to_owned(),
            act: act.to_owned(),
            object: object.to_owned(),
            detail,
        }
    }

    /// Who did it, for whoever reads about it later.
    pub(crate) fn name(&self) -> &str {
        match &self.who {
            Who::Agent(agent) => agent.id.as_str(),
            Who::Program(program) => &program.key,
        }
    }

    /// The lines the caller may see something of.
    pub(crate) fn lines(&self) -> LineSet {
        self.organisation.lines.clone()
    }

    /// The line that `from` names, by its digits or its id; the only one when nothing is said.
    ///
    /// # Errors
    ///
    /// None is named where there are several, or one that is not the caller's.
    pub(crate) fn line<'a>(
        &self,
        office: &'a Office,
        from: Option<&str>,
    ) -> Result<&'a Arc<Line>, ApiError> {
        self.organisation
            .line(&office.lines, from)
            .map_err(|error| ApiError::invalid(error.to_string()))
    }
}

impl FromRequestParts<Arc<Office>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        office: &Arc<Office>,
    ) -> Result<Self, Self::Rejection> {
        // The check of the route has looked already.
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(key) = header.and_then(|text| text.strip_prefix("Bearer ")) {
            if let Some(program) = program(office, key) {
                return Ok(program);
            }
            let organisation = office.organisations.of_key(key).map(Arc::clone);
            let organisation = organisation.ok_or_else(ApiError::unauthorised)?;
            let program = Program { key: "api_key".into(), scopes: Scope::ALL.to_vec() };
            return Ok(Self { who: Who::Program(program), organisation });
        }
        let agent = office.sessions.agent(&parts.headers);
        let agent = agent.ok_or_else(ApiError::unauthorised)?;
        let (organisation, agent) =
            office.organisations.agent(&agent).ok_or_else(ApiError::unauthorised)?;
        Ok(Self { who: Who::Agent(agent), organisation: Arc::clone(organisation) })
    }
}

/// A program whose key was made at run time.
fn program(office: &Office, token: &str) -> Option<Caller> {
    let now = clock::now();
    let (key, note) = office.keys.of_token(token, now)?;
    let organisation = Arc::clone(office.organisations.get(&key.organisation)?);
    if note {
        office.store.post_key_use(key.id.clone(), now);
    }
    let program = Program { key: key.id, scopes: key.scopes };
    Some(Caller { who: Who::Program(program), organisation })
}
