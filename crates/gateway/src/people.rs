//! Who may log in?
//!
//! People stand in the configuration file, which is theirs to change, or were added at run time and are
//! in the store. A log-in name is one person's on the whole gateway.

use std::sync::{Mutex, MutexGuard, PoisonError};

use terms::AgentId;

use crate::{
    config::{Agent, HashedPassword},
    store::User,
};

/// Where somebody is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the configuration file.
    File,
    /// In the store.
    Store,
}

impl Source {
    /// Its word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Store => "store",
        }
    }
}

/// Somebody who works here.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) agent: Agent,
    /// Whether the log-in is shut.
    pub(crate) disabled: bool,
    pub(crate) source: Source,
}

impl Person {
    /// Somebody of the store; `None` when the password there is no hash.
    pub(crate) fn of_store(user: User) -> Option<Self> {
        let User { id, organisation, name, role, skills, password, disabled } = user;
        let password = HashedPassword::parse(&password)?;
        let agent = Agent { id, organisation, name, role, skills, password };
        Some(Self { agent, disabled, source: Source::Store })
    }
}

/// Everybody of an organisation.
#[derive(Debug)]
pub(crate) struct People(Mutex<Vec<Person>>);

impl People {
    /// Those of the configuration file.
    pub(crate) fn new(agents: Vec<Agent>) -> Self {
        let person = |agent| Person { agent, disabled: false, source: Source::File };
        Self(Mutex::new(agents.into_iter().map(person).collect()))
    }

    fn people(&self) -> MutexGuard<'_, Vec<Person>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds somebody, or replaces the one of the same id.
    pub(crate) fn put(&self, person: Person) {
        let mut people = self.people();
        match people.iter_mut().find(|known| known.agent.id == person.agent.id) {
            Some(known) => *known = person,
            None => people.push(person),
        }
    }

    /// Somebody, whether the log-in is shut or not.
    pub(crate) fn person(&self, id: &AgentId) -> Option<Person> {
        self.people().iter().find(|known| known.agent.id == *id).cloned()
    }

    /// Somebody who may log in.
    pub(crate) fn agent(&self, id: &AgentId) -> Option<Agent> {
        self.person(id).filter(|person| !person.disabled).map(|person| person.agent)
    }

    /// Everybody, in the order they came.
    pub(crate) fn all(&self) -> Vec<Person> {
        self.people().clone()
    }
}
