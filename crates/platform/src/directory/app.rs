//! Which clients of the Graph API are there, and what may each do?

use serde::{Deserialize, Serialize};
use terms::{AppId, Timestamp, WabaId};

use rules::access::Scope;

use super::same_secret;

/// An app: a client of the Graph API and a receiver of webhooks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) verify_token: String,
    /// Short for tokens with every scope that never expire.
    #[serde(default)]
    pub(crate) access_tokens: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tokens: Vec<Token>,
    #[serde(default)]
    pub(crate) fields: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback_url: Option<String>,
    /// Live mode; an app in development cannot configure SIP.
    #[serde(default = "yes")]
    pub(crate) is_live: bool,
    /// A PEM file with a certificate and its key, shown to the callback URL (mTLS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_certificate: Option<String>,
}

const fn yes() -> bool {
    true
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("id", &self.id).finish_non_exhaustive()
    }
}

impl App {
    /// What this token of the app allows; `None` if it is not the app's.
    pub(crate) fn grant_of(&self, token: &str) -> Option<Grant> {
        if self.access_tokens.iter().any(|known| same_secret(known, token)) {
            return Some(Grant::whole());
        }
        self.tokens.iter().find(|known| same_secret(&known.token, token)).map(Token::grant)
    }

    /// What each of its tokens allows.
    pub(crate) fn grants(&self) -> impl Iterator<Item = Grant> {
        let whole = self.access_tokens.iter().map(|_| Grant::whole());
        whole.chain(self.tokens.iter().map(Token::grant))
    }

    /// It subscribes to the webhooks of calls.
    pub(crate) fn hears_of_calls(&self) -> bool {
        self.fields.iter().any(|field| field == "calls")
    }

    /// `id|secret`, the token of the app itself.
    pub(crate) fn is_own_token(&self, token: &str) -> bool {
        same_secret(&format!("{}|{}", self.id, self.secret), token)
    }
}

/// An access token with limits of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    pub(crate) token: String,
    pub(crate) scopes: Vec<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// The accounts it is for; empty means all of the app's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) accounts: Vec<WabaId>,
}

impl Token {
    fn grant(&self) -> Grant {
        Grant {
            scopes: self.scopes.clone(),
            expires_at: self.expires_at,
            accounts: self.accounts.clone(),
        }
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) expires_at: Option<Timestamp>,
    accounts: Vec<WabaId>,
}

impl Grant {
    fn whole() -> Self {
        Self { scopes: Scope::ALL.to_vec(), expires_at: None, accounts: Vec::new() }
    }

    /// Whether its time is over.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// The accounts it is for; empty means all of the app's.
    pub(crate) fn accounts(&self) -> &[WabaId] {
        &self.accounts
    }

    /// Whether it is for this account.
    pub(crate) fn covers(&self, account: &WabaId) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }
}
