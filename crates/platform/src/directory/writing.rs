//! How does a change get in without losing another?
//!
//! A change reads a whole document, edits it and saves it whole. Two at once would each save what the
//! other has not seen; so there is one turn, and only its holder can save.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::{Account, App, Directory, Number, Tables, User};
use crate::{
    seed::Settled,
    store::{Kind, StoreFault},
};

/// The turn to change somebody. What is read while it is held stands until it is dropped.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    directory: &'a Directory,
    _turn: MutexGuard<'a, ()>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(directory: &'a Directory, turn: MutexGuard<'a, ()>) -> Self {
        Self { directory, _turn: turn }
    }

    /// Reads everyone from the store again.
    pub(crate) async fn reload(&self) -> Result<(), StoreFault> {
        let store = &self.directory.store;
        let apps: Vec<App> = store.load_all(Kind::App).await?;
        let accounts: Vec<Account> = store.load_all(Kind::Account).await?;
        let numbers: Vec<Number> = store.load_all(Kind::Number).await?;
        let users: Vec<User> = store.load_all(Kind::User).await?;
        self.directory.write(|tables| {
            *tables = Tables::default();
            tables.apps.extend(apps.into_iter().map(|it| (it.id.clone(), Arc::new(it))));
            tables.accounts.extend(accounts.into_iter().map(|it| (it.id.clone(), Arc::new(it))));
            tables.numbers.extend(numbers.into_iter().map(|it| (it.id.clone(), Arc::new(it))));
            tables.users.extend(users.into_iter().map(|it| (it.wa_id.clone(), Arc::new(it))));
        });
        Ok(())
    }

    /// Adds everyone of a seed.
    pub(crate) async fn fill(&self, settled: Settled) -> Result<(), StoreFault> {
        for app in settled.apps {
            self.save_app(app).await?;
        }
        for account in settled.accounts {
            self.save_account(account).await?;
        }
        for number in settled.numbers {
            self.save_number(number).await?;
        }
        for user in settled.users {
            self.save_user(user).await?;
        }
        Ok(())
    }

    /// Adds or replaces an app.
    pub(crate) async fn save_app(&self, app: App) -> Result<(), StoreFault> {
        self.directory.store.save(Kind::App, app.id.as_str(), &app).await?;
        self.directory.write(|tables| drop(tables.apps.insert(app.id.clone(), Arc::new(app))));
        Ok(())
    }

    /// Adds or replaces an account.
    pub(crate) async fn save_account(&self, account: Account) -> Result<(), StoreFault> {
        self.directory.store.save(Kind::Account, account.id.as_str(), &account).await?;
        self.directory
            .write(|tables| drop(tables.accounts.insert(account.id.clone(), Arc::new(account))));
        Ok(())
    }

    /// Adds or replaces a number.
    pub(crate) async fn save_number(&self, number: Number) -> Result<(), StoreFault> {
        self.directory.store.save(Kind::Number, number.id.as_str(), &number).await?;
        self.directory
            .write(|tables| drop(tables.numbers.insert(number.id.clone(), Arc::new(number))));
        Ok(())
    }

    /// Adds or replaces a user.
    pub(crate) async fn save_user(&self, user: User) -> Result<(), StoreFault> {
        self.directory.store.save(Kind::User, user.wa_id.as_str(), &user).await?;
        self.directory
            .write(|tables| drop(tables.users.insert(user.wa_id.clone(), Arc::new(user))));
        Ok(())
    }
}
