//! Who is who on this platform?
//!
//! Apps with their tokens and callback, accounts, business numbers with their calling settings, and
//! users with the behaviour of their scripted phones. Reading is in memory and takes a lock for the
//! length of a copy; every change is in the store before it is visible. Whoever changes something does
//! so through [`Writing`]: one at a time, from how it stands then, so that no change is lost.

mod account;
mod app;
mod new_number;
mod number;
mod user;
mod writing;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use rules::limits::NumberKind;
use sha2::{Digest as _, Sha256};
use terms::{AppId, PhoneNumberId, UserId, WaId, WabaId};

pub(crate) use account::{Account, AccountKind, Callback};
pub(crate) use app::{App, Grant};
pub(crate) use new_number::NewNumber;
pub(crate) use number::{ChannelWebhook, Number, OtherSettings};
pub(crate) use user::User;
pub(crate) use writing::Writing;

use crate::store::{Store, StoreFault};

/// Where webhooks of one target go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
}

/// Everyone the platform knows; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    tables: Arc<RwLock<Tables>>,
    store: Store,
    /// Held by whoever changes somebody.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Tables {
    apps: BTreeMap<AppId, Arc<App>>,
    accounts: BTreeMap<WabaId, Arc<Account>>,
    numbers: BTreeMap<PhoneNumberId, Arc<Number>>,
    users: BTreeMap<WaId, Arc<User>>,
}

impl Tables {
    fn is_empty(&self) -> bool {
        let Self { apps, accounts, numbers, users } = self;
        apps.is_empty() && accounts.is_empty() && numbers.is_empty() && users.is_empty()
    }
}

impl Directory {
    /// Loads everyone from the store.
    pub(crate) async fn load(store: Store) -> Result<Self, StoreFault> {
        let directory = Self { tables: Arc::default(), store, turn: Arc::default() };
        directory.writing().await.reload().await?;
        Ok(directory)
    }

    /// The turn to change somebody, waited for. It is kept for reads and writes of the store, never
    /// while another server answers.
    pub(crate) async fn writing(&self) -> Writing<'_> {
        Writing::new(self, self.turn.lock().await)
    }

    /// The app of an access token, and what the token allows.
    pub(crate) fn grant_of(&self, token: &str) -> Option<(Arc<App>, Grant)> {
        self.read(|tables| {
            tables
                .apps
                .values()
                .find_map(|app| app.grant_of(token).map(|grant| (Arc::clone(app), grant)))
        })
    }

    /// The app whose own token, `id|secret`, this is.
    pub(crate) fn app_of_own_token(&self, token: &str) -> Option<Arc<App>> {
        self.read(|tables| tables.apps.values().find(|app| app.is_own_token(token)).map(Arc::clone))
    }

    /// The number of a 360dialog key.
    pub(crate) fn number_of_key(&self, key: &str) -> Option<Arc<Number>> {
        self.read(|tables| {
            let has = |number: &&Arc<Number>| {
                number.d360_key.as_deref().is_some_and(|known| same_secret(known, key))
            };
            tables.numbers.values().find(has).map(Arc::clone)
        })
    }

    /// Where an app gets the webhooks of a number: its override at the number goes before that at
    /// the account, and that before its own callback URL (fact sheet 10.2).
    pub(crate) fn endpoint_of(&self, app: &AppId, number: &PhoneNumberId) -> Option<Endpoint> {
        let (app, number) = (self.app(app)?, self.number(number)?);
        let account = self.account(&number.account);
        let of_number = number.callback_overrides.get(&app.id).map(|callback| &callback.url);
        let of_account = || Some(&account.as_ref()?.overrides.get(&app.id)?.url);
        let url = of_number.or_else(of_account).or(app.callback_url.as_ref())?.clone();
        Some(Endpoint { url, headers: BTreeMap::new() })
    }

    /// What kind of number this is; all numbers of a sandbox account are sandbox numbers.
    pub(crate) fn kind_of(&self, number: &Number) -> NumberKind {
        let account = self.account(&number.account);
        match account.map_or(AccountKind::Production, |account| account.kind) {
            AccountKind::Production => number.kind,
            AccountKind::Sandbox => NumberKind::Sandbox,
        }
    }

    /// Whether an app that is subscribed to the account subscribes to the webhooks of calls.
    pub(crate) fn is_heard(&self, account: &Account) -> bool {
        account.subscribers().filter_map(|id| self.app(id)).any(|app| app.hears_of_calls())
    }

    /// One app.
    pub(crate) fn app(&self, id: &AppId) -> Option<Arc<App>> {
        self.read(|tables| tables.apps.get(id).map(Arc::clone))
    }

    /// All apps.
    pub(crate) fn apps(&self) -> Vec<Arc<App>> {
        self.read(|tables| tables.apps.values().map(Arc::clone).collect())
    }

    /// One account.
    pub(crate) fn account(&self, id: &WabaId) -> Option<Arc<Account>> {
        self.read(|tables| tables.accounts.get(id).map(Arc::clone))
    }

    /// All accounts.
    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        self.read(|tables| tables.accounts.values().map(Arc::clone).collect())
    }

    /// One business number, by id.
    pub(crate) fn number(&self, id: &PhoneNumberId) -> Option<Arc<Number>> {
        self.read(|tables| tables.numbers.get(id).map(Arc::clone))
    }

    /// One business number, by its digits.
    pub(crate) fn number_of(&self, digits: &WaId) -> Option<Arc<Number>> {
        self.read(|tables| {
            tables.numbers.values().find(|number| number.digits == *digits).map(Arc::clone)
        })
    }

    /// All business numbers.
    pub(crate) fn numbers(&self) -> Vec<Arc<Number>> {
        self.read(|tables| tables.numbers.values().map(Arc::clone).collect())
    }

    /// One user, by phone number.
    pub(crate) fn user(&self, wa_id: &WaId) -> Option<Arc<User>> {
        self.read(|tables| tables.users.get(wa_id).map(Arc::clone))
    }

    /// One user, by BSUID or parent BSUID.
    pub(crate) fn user_of(&self, id: &UserId) -> Option<Arc<User>> {
        let has = |user: &&Arc<User>| {
            user.user_id.as_ref() == Some(id) || user.parent_user_id.as_ref() == Some(id)
        };
        self.read(|tables| tables.users.values().find(has).map(Arc::clone))
    }

    /// All users.
    pub(crate) fn users(&self) -> Vec<Arc<User>> {
        self.read(|tables| tables.users.values().map(Arc::clone).collect())
    }

    /// Whether it knows nobody: a new store.
    pub(crate) fn is_empty(&self) -> bool {
        self.read(Tables::is_empty)
    }

    fn read<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(&self.tables.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, edit: impl FnOnce(&mut Tables)) {
        edit(&mut self.tables.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Compares secrets by their digests, so the time taken says nothing about a common beginning.
pub(crate) fn same_secret(known: &str, given: &str) -> bool {
    Sha256::digest(known.as_bytes()) == Sha256::digest(given.as_bytes())
}
