//! Who is who on this platform?
//!
//! Apps with their tokens and callback, accounts, business numbers with their calling settings, and
//! users with the behaviour of their scripted phones. Reading is in memory and takes a lock for the
//! length of a copy; every change is in the store before it is visible.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use terms::{AppId, Country, Currency, PhoneNumberId, UserId, WaId, WabaId};

use rules::settings::CallingSettings;
use wire::sandbox::Behaviour;

use crate::{
    seed::Seed,
    store::{Kind, Store, StoreFault},
};

/// An app: a client of the Graph API and a receiver of webhooks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) verify_token: String,
    pub(crate) access_tokens: Vec<String>,
    #[serde(default)]
    pub(crate) fields: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback_url: Option<String>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("id", &self.id).finish_non_exhaustive()
    }
}

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
    pub(crate) rate_card: String,
    #[serde(default)]
    pub(crate) apps: Vec<AppId>,
}

/// A business number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Number {
    pub(crate) id: PhoneNumberId,
    pub(crate) account: WabaId,
    pub(crate) digits: WaId,
    pub(crate) name: String,
    pub(crate) tier: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) d360_key: Option<String>,
    /// The 360dialog edition's channel webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel_webhook: Option<ChannelWebhook>,
    #[serde(default)]
    pub(crate) calling: CallingSettings,
}

/// Where the 360dialog edition sends a number's webhooks, and with which headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChannelWebhook {
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}

/// A WhatsApp user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) wa_id: WaId,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<Country>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<UserId>,
    #[serde(default)]
    pub(crate) behaviour: Behaviour,
}

impl User {
    /// Derives what the seed or the sandbox API left out.
    pub(crate) fn complete(&mut self) {
        self.country = self.country.or_else(|| Country::of(&self.wa_id));
        if self.user_id.is_none() {
            self.user_id = Some(derived_user_id(&self.wa_id, self.country));
        }
    }
}

impl User {
    /// The BSUID, derived where none was given.
    pub(crate) fn known_id(&self) -> UserId {
        let derived = || derived_user_id(&self.wa_id, self.country);
        self.user_id.clone().unwrap_or_else(derived)
    }
}

/// A stable BSUID for a user without one: the country, a dot, twenty digits.
fn derived_user_id(wa_id: &WaId, country: Option<Country>) -> UserId {
    let digest = Sha256::digest(wa_id.as_str().as_bytes());
    let digits: String = digest.iter().take(20).map(|byte| char::from(b'0' + byte % 10)).collect();
    let country = country.map_or_else(|| "ZZ".to_owned(), |country| country.to_string());
    format!("{country}.{digits}").parse().expect("two letters, a dot and digits")
}

/// Who calls the Graph API, by its token or key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// An app, by access token.
    App(AppId),
    /// A number's client of the 360dialog edition, by its key.
    Channel(PhoneNumberId),
}

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

impl Directory {
    /// Loads everyone from the store; an empty store is filled from the seed first.
    pub(crate) async fn load(store: Store, seed: Seed) -> Result<Self, StoreFault> {
        let directory = Self { tables: Arc::default(), store };
        let apps: Vec<App> = directory.store.load_all(Kind::App).await?;
        if apps.is_empty() {
            directory.fill(seed).await?;
            return Ok(directory);
        }
        let accounts = directory.store.load_all(Kind::Account).await?;
        let numbers = directory.store.load_all(Kind::Number).await?;
        let users = directory.store.load_all(Kind::User).await?;
        directory.write(|tables| {
            tables.apps.extend(apps.into_iter().map(|it: App| (it.id.clone(), Arc::new(it))));
            tables
                .accounts
                .extend(accounts.into_iter().map(|it: Account| (it.id.clone(), Arc::new(it))));
            tables
                .numbers
                .extend(numbers.into_iter().map(|it: Number| (it.id.clone(), Arc::new(it))));
            tables.users.extend(users.into_iter().map(|it: User| (it.wa_id.clone(), Arc::new(it))));
        });
        Ok(directory)
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

    /// The app of an access token.
    pub(crate) fn caller_of_token(&self, token: &str) -> Option<Caller> {
        self.read(|tables| {
            let app = tables
                .apps
                .values()
                .find(|app| app.access_tokens.iter().any(|known| same_secret(known, token)))?;
            Some(Caller::App(app.id.clone()))
        })
    }

    /// The number of a 360dialog key.
    pub(crate) fn caller_of_key(&self, key: &str) -> Option<Caller> {
        self.read(|tables| {
            let number = tables.numbers.values().find(|number| {
                number.d360_key.as_deref().is_some_and(|known| same_secret(known, key))
            })?;
            Some(Caller::Channel(number.id.clone()))
        })
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

    /// One user, by BSUID.
    pub(crate) fn user_of(&self, id: &UserId) -> Option<Arc<User>> {
        self.read(|tables| {
            tables.users.values().find(|user| user.user_id.as_ref() == Some(id)).map(Arc::clone)
        })
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
