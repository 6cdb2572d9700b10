//! Which rulebook decides?
//!
//! The shipped rulebooks by name, with the rules this server replaces in all of them. An account names
//! its own; whatever is about no account goes by the first one.

use std::{collections::BTreeMap, sync::Arc};

use rules::rulebook::{self, Rulebook, RulebookError};

use crate::directory::Account;

/// The rulebooks of a server.
#[derive(Debug)]
pub(crate) struct Books {
    by_name: BTreeMap<String, Arc<Rulebook>>,
}

impl Default for Books {
    fn default() -> Self {
        Self::with(&BTreeMap::new()).expect("rulebooks without a change are as shipped")
    }
}

impl Books {
    /// The shipped rulebooks with these rules in place of their own.
    ///
    /// # Errors
    ///
    /// A rule does not exist or cannot have its value.
    pub(crate) fn with(rules: &BTreeMap<String, String>) -> Result<Self, RulebookError> {
        let changes: Vec<(&str, &str)> =
            rules.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
        let changed = |book: &Arc<Rulebook>| {
            let book = book.with(&changes)?;
            Ok((book.name.clone(), Arc::new(book)))
        };
        Ok(Self { by_name: rulebook::list().iter().map(changed).collect::<Result<_, _>>()? })
    }

    /// An account's.
    pub(crate) fn of(&self, account: &Account) -> Arc<Rulebook> {
        self.by_name.get(&account.rulebook).map_or_else(|| self.usual(), Arc::clone)
    }

    /// The one for what is about no account.
    pub(crate) fn usual(&self) -> Arc<Rulebook> {
        let beta = Rulebook::beta();
        self.by_name.get(&beta.name).map_or(beta, Arc::clone)
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }
}
