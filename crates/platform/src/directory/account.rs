//! Which WhatsApp Business Accounts (WABAs) are there?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use terms::{AppId, Country, Currency, WabaId};

/// A WABA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) id: WabaId,
    pub(crate) name: String,
    pub(crate) currency: Currency,
    pub(crate) timezone: String,
    pub(crate) use_case: String,
    pub(crate) payment_valid: bool,
    pub(crate) rulebook: String,
    /// Single rules in place of the rulebook's, by path.
    #[serde(
        default,
        deserialize_with = "crate::books::read_rules",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub(crate) rules: BTreeMap<String, String>,
    pub(crate) rate_card: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<Country>,
    #[serde(default)]
    pub(crate) kind: AccountKind,
    /// The business portfolio above it, by id; the account's own id stands in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) portfolio: Option<String>,
    /// The apps that may act for it.
    #[serde(default)]
    pub(crate) apps: Vec<AppId>,
    /// Those of them that get its webhooks; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subscribed_apps: Option<Vec<AppId>>,
    /// Where an app gets this account's webhooks instead of at its own callback URL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) overrides: BTreeMap<AppId, Callback>,
}

impl Account {
    /// The apps that get its webhooks, in the order in which they subscribed.
    pub(crate) fn subscribers(&self) -> impl Iterator<Item = &AppId> {
        let subscribed = self.subscribed_apps.as_ref().unwrap_or(&self.apps);
        subscribed.iter().filter(|app| self.apps.contains(app))
    }

    /// Whether a number's 360dialog channel hears of calls: by a webhook of its own, or because the
    /// account has no app here, where 360dialog's own is subscribed.
    pub(crate) fn is_heard_by_channel(&self, has_key: bool, has_webhook: bool) -> bool {
        has_webhook || (has_key && self.apps.is_empty())
    }

    /// The app gets its webhooks from now on.
    pub(crate) fn subscribe(&mut self, app: &AppId) {
        let subscribed = self.subscribed_apps.get_or_insert_with(|| self.apps.clone());
        if !subscribed.contains(app) {
            subscribed.push(app.clone());
        }
    }

    /// The app gets its webhooks no longer.
    pub(crate) fn unsubscribe(&mut self, app: &AppId) {
        let subscribed = self.subscribed_apps.get_or_insert_with(|| self.apps.clone());
        subscribed.retain(|known| known != app);
        self.overrides.remove(app);
    }
}

/// Whether an account is a real one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountKind {
    /// A real one.
    #[default]
    Production,
    /// A tech partner's sandbox: all its numbers are sandbox numbers.
    Sandbox,
}

/// A URL that takes webhooks, and what its handshake carries.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Callback {
    pub(crate) url: String,
    pub(crate) verify_token: String,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}
