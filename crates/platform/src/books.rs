//! Which rules hold for an account?
//!
//! Those of the rulebook it names, then those this server replaces (`[rules]` of its configuration,
//! `--rule`), then those the account replaces. What an account replaces is checked before it is
//! kept, so a book in use is complete.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rules::rulebook::{self, Rulebook, RulebookError};
use serde::{Deserialize as _, Deserializer, de::Error as _};
use serde_json::{Map, Value};
use terms::WabaId;

use crate::directory::Account;

/// Values by the path of their rule, such as `call.answer_window` = `30 s`.
pub(crate) type Changes = BTreeMap<String, String>;

/// Every rulebook as this server has it.
#[derive(Debug)]
pub(crate) struct Books {
    named: BTreeMap<String, Arc<Rulebook>>,
    /// Those of accounts with rules of their own, made when first asked for.
    own: Mutex<BTreeMap<WabaId, Own>>,
}

#[derive(Debug)]
struct Own {
    base: String,
    changes: Changes,
    book: Arc<Rulebook>,
}

impl Books {
    /// Every shipped rulebook with these rules in place of its own.
    pub(crate) fn new(changes: &Changes) -> Result<Self, RulebookError> {
        let changed =
            |book: &Arc<Rulebook>| Ok((book.name.clone(), Arc::new(changed(book, changes)?)));
        let named = rulebook::list().iter().map(changed).collect::<Result<_, _>>()?;
        Ok(Self { named, own: Mutex::default() })
    }

    /// The rulebooks an account can name.
    pub(crate) fn names(&self) -> Vec<String> {
        self.named.keys().cloned().collect()
    }

    /// The rules of whoever has no account.
    pub(crate) fn base(&self) -> Arc<Rulebook> {
        let first = Rulebook::beta();
        self.named.get(&first.name).map_or(first, Arc::clone)
    }

    /// An account's rules.
    pub(crate) fn of(&self, account: &Account) -> Arc<Rulebook> {
        let base = self.named.get(&account.rulebook).map_or_else(|| self.base(), Arc::clone);
        if account.rules.is_empty() {
            return base;
        }
        let mut all = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |own: &&Own| own.base == base.name && own.changes == account.rules;
        if let Some(own) = all.get(&account.id).filter(is_current) {
            return Arc::clone(&own.book);
        }
        let book = match changed(&base, &account.rules) {
            Ok(book) => Arc::new(book),
            Err(fault) => {
                tracing::error!(account = %account.id, %fault, "an account's rules do not fit");
                base
            }
        };
        let own = Own {
            base: book.name.clone(),
            changes: account.rules.clone(),
            book: Arc::clone(&book),
        };
        all.insert(account.id.clone(), own);
        book
    }

    /// Can the account have the rules it wants?
    pub(crate) fn check(&self, account: &Account) -> Result<(), RulebookError> {
        match self.named.get(&account.rulebook) {
            Some(base) => changed(base, &account.rules).map(drop),
            None => Ok(()),
        }
    }
}

fn changed(book: &Rulebook, changes: &Changes) -> Result<Rulebook, RulebookError> {
    let pairs: Vec<(&str, &str)> =
        changes.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    book.with(&pairs)
}

/// Reads the rules a file or an account replaces: a table of paths, or of sections with names in
/// them; a value is a text, a number, a switch or a list of these.
///
/// # Errors
///
/// A value of another kind; the text says whose.
pub fn read_rules<'de, D: Deserializer<'de>>(from: D) -> Result<Changes, D::Error> {
    let table = Option::<Map<String, Value>>::deserialize(from)?.unwrap_or_default();
    let mut changes = Changes::new();
    for (name, value) in table {
        if let Value::Object(section) = value {
            for (rule, value) in section {
                let path = format!("{name}.{rule}");
                let text = text(&path, &value).map_err(D::Error::custom)?;
                changes.insert(path, text);
            }
        } else {
            let text = text(&name, &value).map_err(D::Error::custom)?;
            changes.insert(name, text);
        }
    }
    Ok(changes)
}

fn text(path: &str, value: &Value) -> Result<String, String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(switch) => Some(switch.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let text = if let Value::Array(items) = value {
        items.iter().map(scalar).collect::<Option<Vec<_>>>().map(|items| items.join(", "))
    } else {
        scalar(value)
    };
    text.ok_or_else(|| {
        format!("{path}: a rule's value is a text, a number, a switch or a list of them")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn account(rules: &[(&str, &str)]) -> Account {
        let mut account = Seed::demo().accounts.remove(0);
        account.rules =
            rules.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        account
    }

    #[test]
    fn an_accounts_rules_go_before_the_servers_and_those_before_the_books() {
        let server = [
            ("permission.nudge_after".to_owned(), "3".to_owned()),
            ("limits.connected_per_day".to_owned(), "7".to_owned()),
        ];
        let books = Books::new(&server.into()).unwrap();
        let own = account(&[("limits.connected_per_day", "9")]);
        let book = books.of(&own);
        assert_eq!(book.permission.nudge_after.value, 3);
        assert_eq!(book.limits.connected_per_day.value, 9);
        assert_eq!(books.of(&account(&[])).limits.connected_per_day.value, 7);
        assert!(Arc::ptr_eq(&book, &books.of(&own)), "made once");
        let changed = account(&[("limits.connected_per_day", "1")]);
        assert_eq!(books.of(&changed).limits.connected_per_day.value, 1, "and again when changed");
    }

    #[test]
    fn what_an_account_cannot_have_is_named() {
        let books = Books::new(&Changes::new()).unwrap();
        let why = |path, text| books.check(&account(&[(path, text)])).unwrap_err().to_string();
        assert!(why("call.nothing", "1").contains("call.nothing: no such rule"));
        assert!(why("call.answer_window", "soon").contains("call.answer_window: expected a time"));
        assert!(why("permission.nudge_after", "9").contains("permission.nudge_after"));
    }

    #[test]
    fn rules_are_written_as_paths_or_in_sections() {
        let read = |text: &str| {
            let table: toml::Table = toml::from_str(text).unwrap();
            read_rules(table).map_err(|fault| fault.to_string())
        };
        let text = "\"media.silent_mid_call\" = \"5 s\"\n[call]\nring_timeout = \"9 s\"\n\
                    [eligibility]\ncall_needs_window = false\nblocked_countries = [\"FR\", \"DE\"]\n\
                    tier_min = 250\n";
        let read_back = read(text).unwrap();
        let pairs: Vec<_> =
            read_back.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let want = [
            ("call.ring_timeout", "9 s"),
            ("eligibility.blocked_countries", "FR, DE"),
            ("eligibility.call_needs_window", "false"),
            ("eligibility.tier_min", "250"),
            ("media.silent_mid_call", "5 s"),
        ];
        assert_eq!(pairs, want);
        let wrong = read("[call.answer_window]\nsoon = { is = 1 }\n").unwrap_err();
        assert!(wrong.contains("call.answer_window"), "{wrong}");
    }
}
