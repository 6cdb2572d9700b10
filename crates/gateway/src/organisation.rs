//! Who shares this gateway, and what is whose?
//!
//! An [`Organisation`] has its numbers, its people and a room of its own for their consoles, so that
//! nothing one of them does can be seen from another. There is at least one.

use std::sync::Arc;

use switchboard::agent::Skills;
use terms::{AgentId, OrganisationId};
use wire::console;

use crate::{
    calls::agent_first::Offers,
    config::{self, Config, Secret},
    events::Consoles,
    line::{Line, Lines},
    people::Person,
    queues::Queues,
    store::{LineSet, User},
};

/// Numbers, people and data that belong together.
#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) id: OrganisationId,
    /// The name people read.
    pub(crate) name: String,
    /// Its lines: whose rows its people may see.
    pub(crate) lines: LineSet,
    /// Who works there, and what they see.
    pub(crate) consoles: Consoles,
    /// Where its callers wait.
    pub(crate) queues: Queues,
    /// Whom of its people are asked to call somebody.
    pub(crate) offers: Offers,
    /// What its programs may send beside the keys in the store.
    api_keys: Vec<Secret>,
}

/// Which number is meant?
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WhichLine {
    /// None is named, and there are several.
    #[error("from: there are several numbers of ours; say from which, by its digits or its id")]
    NotSaid,
    /// This is none of ours.
    #[error("from: this is not our number")]
    NotOurs,
}

impl Organisation {
    /// As consoles show it.
    pub(crate) fn shown(&self) -> console::Organisation {
        console::Organisation { id: self.id.clone(), name: self.name.clone() }
    }

    /// The line that `from` names, by its digits or its id; the only one when nothing is said.
    ///
    /// # Errors
    ///
    /// None is named where there are several, or one that is not the organisation's.
    pub(crate) fn line<'a>(
        &self,
        lines: &'a Lines,
        from: Option<&str>,
    ) -> Result<&'a Arc<Line>, WhichLine> {
        let mut mine = lines.iter().filter(|line| self.lines.contains(line.id()));
        match from {
            // An unescaped `+` arrives as a space.
            Some(from) => {
                let from = from.trim_start_matches(['+', ' ']);
                mine.find(|line| line.is_named(from)).ok_or(WhichLine::NotOurs)
            }
            None => match (mine.next(), mine.next()) {
                (Some(only), None) => Ok(only),
                (Some(_), Some(_)) => Err(WhichLine::NotSaid),
                (None, _) => Err(WhichLine::NotOurs),
            },
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Organisations {
    first: Arc<Organisation>,
    others: Vec<Arc<Organisation>>,
}

impl Organisations {
    /// Those of a configuration; the file's own API key is the first one's.
    pub(crate) fn new(config: &Config) -> Self {
        let mut made = config.organisations.iter().map(|table| organisation(config, table.clone()));
        let mut first =
            made.next().unwrap_or_else(|| organisation(config, config::Organisation::default()));
        let others = made.map(Arc::new).collect();
        first.api_keys.push(config.api_key.clone());
        Self { first: Arc::new(first), others }
    }

    /// All of them, the first one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Organisation>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The one of this id; what names none that exists is the first one's.
    pub(crate) fn named(&self, id: &OrganisationId) -> &Arc<Organisation> {
        self.iter().find(|known| known.id == *id).unwrap_or(&self.first)
    }

    /// Somebody who may log in, and whose.
    pub(crate) fn agent(&self, id: &AgentId) -> Option<(&Arc<Organisation>, config::Agent)> {
        self.iter().find_map(|known| Some((known, known.consoles.agent(id)?)))
    }

    /// Somebody, whether the log-in is shut or not.
    pub(crate) fn person(&self, id: &AgentId) -> Option<Person> {
        self.iter().find_map(|known| known.consoles.people().person(id))
    }

    /// Lets those in who are in the store. Whoever stands in the file has the id before them.
    pub(crate) fn admit(&self, users: Vec<User>) {
        for user in users {
            let house = self.iter().find(|known| known.id == user.organisation);
            match (house, self.person(&user.id)) {
                (Some(house), None) => match Person::of_store(user) {
                    Some(person) => house.consoles.admit(person),
                    None => tracing::error!("somebody's password in the store is no hash"),
                },
                (None, _) => tracing::warn!(user = %user.id, "the organisation of a user is gone"),
                (Some(_), Some(_)) => {
                    tracing::warn!(user = %user.id, "the file has this user; the store's is left out");
                }
            }
        }
    }

    /// Warns of skills that a queue asks for and nobody has: its callers would wait in vain.
    pub(crate) fn warn_of_unknown_skills(&self) {
        for house in self.iter() {
            let people = house.consoles.people().all();
            let known: Skills = people.into_iter().flat_map(|person| person.agent.skills).collect();
            for (queue, skill) in house.queues.skills().filter(|(_, skill)| !known.contains(*skill))
            {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let meant = terms::nearest(skill, &known).unwrap_or("none like it");
                tracing::warn!(queue, skill, meant, "nobody has this skill of a queue");
            }
        }
    }

    /// The one of this id.
    pub(crate) fn get(&self, id: &OrganisationId) -> Option<&Arc<Organisation>> {
        self.iter().find(|known| known.id == *id)
    }

    /// Whose configured API key this is. Every one is tried, so that the time tells nothing.
    pub(crate) fn of_key(&self, key: &str) -> Option<&Arc<Organisation>> {
        let fits = |known: &Organisation| {
            known.api_keys.iter().fold(false, |found, secret| secret.fits(key) | found)
        };
        self.iter().fold(None, |found, known| if fits(known) { Some(known) } else { found })
    }
}

fn organisation(config: &Config, table: config::Organisation) -> Organisation {
    let config::Organisation { id, name, api_key } = table;
    let lines = config.lines.iter().filter(|line| line.organisation == id);
    let lines = lines.map(|line| line.number.phone_number_id.clone()).collect();
    let agents = config.agents.iter().filter(|agent| agent.organisation == id).cloned();
    let consoles = Consoles::new(agents.collect(), config.wrap_up);
    let queues = config.queues.iter().filter(|queue| queue.organisation == id).cloned();
    let queues = Queues::new(queues.collect());
    let (offers, api_keys) = (Offers::default(), api_key.into_iter().collect());
    Organisation { id, name, lines, consoles, queues, offers, api_keys }
}
