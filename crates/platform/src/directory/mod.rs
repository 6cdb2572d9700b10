//! Who is who on this platform?
//!
//! Apps with their tokens and callback, accounts, business numbers with their calling settings, and
//! users with the behaviour of their scripted phones. Reading is in memory and takes a lock for the
//! length of a copy; every change is in the store before it is visible.

mod account;
mod app;
mod number;
mod user;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use rules::limits::NumberKind;
use sha2::{Digest as _, Sha256};
use terms::{AppId, PhoneNumberId, UserId, WaId, WabaId};

pub(crate) use account::{Account, AccountKind, Callback};
pub(crate) use app::{App, Grant};
pub(crate) use number::{ChannelWebhook, Number, OtherSettings};
pub(crate) use user::User;

use crate::{
    seed::Seed,
    store::{Kind, Store, StoreFault},
};

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
    /// Loads everyone from the store; an empty store is filled from the seed first.
    pub(crate) async fn load(store: Store, seed: Seed) -> Result<Self, StoreFault> {
        let directory = Self { tables: Arc::default(), store };
        directory.reload().await?;
        if directory.read(Tables::is_empty) {
            directory.fill(seed).await?;
        }
        Ok(directory)
    }

    /// Reads everyone from the store again.
    pub(crate) async fn reload(&self) -> Result<(), StoreFault> {
        let apps: Vec<App> = self.store.load_all(Kind::App).await?;
        let accounts = self.store.load_all(Kind::Account).await?;
        let numbers = self.store.load_all(Kind::Number).await?;
        let users = self.store.load_all(Kind::User).await?;
        self.write(|tables| {
            *tables = Tables::default();
            tables.apps.extend(apps.into_iter().map(|it: App| (it.id.clone(), Arc::new(it))));
            tables
                .accounts
                .extend(accounts.into_iter().map(|it: Account| (it.id.clone(), Arc::new(it))));
            tables
                .numbers
                .extend(numbers.into_iter().map(|it: Number| (it.id.clone(), Arc::new(it))));
            tables.users.extend(users.into_iter().map(|it: User| (it.wa_id.clone(), Arc::new(it))));
        });
        Ok(())
    }

    async fn fill(&self, seed: Seed) -> Result<(), StoreFault> {
        for app in seed.apps {
            self.save_app(app).await?;
        }
        for account in seed.accounts {
            self.save_account(account).await?;
        }
        for number in seed.numbers {
            self.save_number(number).await?;
        }
        for user in seed.users {
            self.save_user(user).await?;
        }
        Ok(())
    }

    /// Adds or replaces an app.
    pub(crate) async fn save_app(&self, app: App) -> Result<(), StoreFault> {
        self.store.save(Kind::App, app.id.as_str(), &app).await?;
        self.write(|tables| drop(tables.apps.insert(app.id.clone(), Arc::new(app))));
        Ok(())
    }

    /// Adds or replaces an account.
    pub(crate) async fn save_account(&self, account: Account) -> Result<(), StoreFault> {
        self.store.save(Kind::Account, account.id.as_str(), &account).await?;
        self.write(|tables| drop(tables.accounts.insert(account.id.clone(), Arc::new(account))));
        Ok(())
    }

    /// Adds or replaces a number.
    pub(crate) async fn save_number(&self, number: Number) -> Result<(), StoreFault> {
        self.store.save(Kind::Number, number.id.as_str(), &number).await?;
        self.write(|tables| drop(tables.numbers.insert(number.id.clone(), Arc::new(number))));
        Ok(())
    }

    /// Adds or replaces a user.
    pub(crate) async fn save_user(&self, user: User) -> Result<(), StoreFault> {
        self.store.save(Kind::User, user.wa_id.as_str(), &user).await?;
        self.write(|tables| drop(tables.users.insert(user.wa_id.clone(), Arc::new(user))));
        Ok(())
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
