//! What does a call out need before it exists?

use std::fmt;
use std::time::Duration;

use crate::Target;

/// A call to ring.
#[derive(Clone)]
pub struct Invite {
    /// The targets in the order in which they are rung; see [`Target::order`].
    pub targets: Vec<Target>,
    /// Whom to ring there: the user part of the URI.
    pub extension: String,
    /// The `Call-ID`, the same at each target (RFC 3261, 8.1.1.4); never used before.
    pub call_id: String,
    /// What follows it there, name and value (`tgrp`, `trunk-context`: RFC 4904).
    pub user_params: Vec<(String, String)>,
    /// Who calls: the user part of `From`.
    pub caller: String,
    /// The host part of `From`; the agent's own where absent.
    pub caller_host: Option<String>,
    /// The caller's name, if one is shown.
    pub caller_name: Option<String>,
    /// Answers a target's digest challenge; without them a challenge is a refusal.
    pub credentials: Option<Credentials>,
    /// Further headers, name and value; values lose their line breaks, names that SIP itself fills
    /// (`Via`, `From`, `Call-ID` …) are left out.
    pub headers: Vec<(String, String)>,
    /// The offer, as SDP.
    pub offer: String,
    /// How long it may take.
    pub limits: Limits,
}

impl fmt::Debug for Invite {
    /// Nobody's number, no keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite")
            .field("targets", &self.targets)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A user and a password for digest (RFC 8760's MD5 and SHA-256).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// How long each state of a call out may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until a target says anything; then the next one is rung.
    pub answers: Duration,
    /// From its first word until it rings; then the next one is rung.
    pub progress: Duration,
    /// How long it rings; then nobody answered.
    pub ring: Duration,
    /// How long a CANCEL or BYE may take to be answered; then the call is over without it.
    pub leave: Duration,
    /// After how long without a sign of life we give one, where that is ours to do and the session
    /// timer is not sooner.
    pub quiet: Duration,
}

impl Default for Limits {
    /// 4 s, 10 s, 60 s, 5 s and 15 min.
    fn default() -> Self {
        Self {
            answers: Duration::from_secs(4),
            progress: Duration::from_secs(10),
            ring: Duration::from_secs(60),
            leave: Duration::from_secs(5),
            quiet: Duration::from_secs(900),
        }
    }
}
