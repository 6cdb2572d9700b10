//! In which queues may callers wait?
//!
//! ```toml
//! [[queues]]
//! name = "support"
//! organisation = "aurora"         # of [[organisations]]; the first when absent
//! skills = ["billing"]            # optional: its agents know about all of these
//! ring_for_s = 15                 # how long one agent rings
//! service_level_s = 20            # how soon a call should be answered
//! timezone = "America/Sao_Paulo"  # where its days begin; UTC when absent
//! ```

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;
use switchboard::agent::Skills;
use terms::OrganisationId;

use super::{
    Organisation, lines,
    read::{ConfigError, value},
};

/// How long one agent rings when nothing is said.
const RING_FOR_DEFAULT_S: u64 = 15;
/// The longest one agent rings.
const RING_FOR_MAX_S: u64 = 120;
/// How soon a call should be answered when nothing is said: what call centres mostly promise.
const SERVICE_LEVEL_DEFAULT_S: u64 = 20;

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Its name; flows wait in it by this.
    pub name: String,
    /// Whose queue.
    pub organisation: OrganisationId,
    /// What its agents must know about.
    pub skills: Skills,
    /// How long one agent rings.
    pub ring_for: Duration,
    /// How soon a call should be answered.
    pub in_time: Duration,
    /// Where its days begin.
    pub zone: TimeZone,
}

impl Queue {
    /// A queue of this name that every agent of the organisation can serve.
    #[must_use]
    pub fn new(name: &str, organisation: OrganisationId) -> Self {
        Self {
            name: name.to_owned(),
            organisation,
            skills: Skills::new(),
            ring_for: Duration::from_secs(RING_FOR_DEFAULT_S),
            in_time: Duration::from_secs(SERVICE_LEVEL_DEFAULT_S),
            zone: TimeZone::UTC,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueTable {
    name: String,
    organisation: Option<OrganisationId>,
    #[serde(default)]
    skills: Skills,
    ring_for_s: Option<u64>,
    service_level_s: Option<u64>,
    timezone: Option<String>,
}

/// The queues of a file.
pub(super) fn queues(
    tables: Vec<QueueTable>,
    organisations: &[Organisation],
) -> Result<Vec<Queue>, ConfigError> {
    let mut queues: Vec<Queue> = Vec::new();
    for table in tables {
        let queue = queue(table, organisations)?;
        let same = |known: &Queue| {
            (&known.organisation, &known.name) == (&queue.organisation, &queue.name)
        };
        if queue.name.is_empty() || queues.iter().any(same) {
            return Err(value("queues", "give each queue a name of its own".into()));
        }
        queues.push(queue);
    }
    Ok(queues)
}

fn queue(table: QueueTable, organisations: &[Organisation]) -> Result<Queue, ConfigError> {
    let key = format!("queues.{}", table.name);
    let organisation = lines::organisation(organisations, table.organisation, &key)?;
    let mut queue = Queue { skills: table.skills, ..Queue::new(&table.name, organisation) };
    if let Some(seconds) = table.ring_for_s {
        if seconds == 0 || seconds > RING_FOR_MAX_S {
            return Err(value(&key, format!("ring_for_s: write 1 to {RING_FOR_MAX_S}")));
        }
        queue.ring_for = Duration::from_secs(seconds);
    }
    queue.in_time = table.service_level_s.map_or(queue.in_time, Duration::from_secs);
    if let Some(name) = &table.timezone {
        queue.zone = TimeZone::get(name)
            .map_err(|_| value(&key, format!("no time zone is named `{name}`")))?;
    }
    Ok(queue)
}
