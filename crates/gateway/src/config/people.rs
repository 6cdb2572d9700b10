//! Who works with the gateway, and in whose house?
//!
//! The tables `[[organisations]]` and `[[agents]]`; [`super::read`] shows them.

use std::path::PathBuf;

use serde::Deserialize;
use switchboard::agent::Skills;
use terms::{AgentId, OrganisationId};
use wire::console::Role;

use super::{
    Agent, AgentTelephone, ConfigError, HashedPassword, Organisation,
    agent_telephone::{self, TelephoneTable},
    lines,
    read::{Secrets, value},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganisationTable {
    id: OrganisationId,
    name: Option<String>,
    api_key_file: Option<PathBuf>,
    api_key_env: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentTable {
    id: AgentId,
    organisation: Option<OrganisationId>,
    name: Option<String>,
    role: Option<Role>,
    #[serde(default)]
    skills: Skills,
    telephone: Option<TelephoneTable>,
    password_hash: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
}

impl Secrets<'_> {
    /// The default one when none is written.
    pub(super) fn organisations(
        &self,
        tables: Vec<OrganisationTable>,
    ) -> Result<Vec<Organisation>, ConfigError> {
        let mut organisations: Vec<Organisation> = Vec::new();
        for OrganisationTable { id, name, api_key_file, api_key_env } in tables {
            let key = format!("organisations.{id}");
            if organisations.iter().any(|known| known.id == id) {
                return Err(value(&key, "two organisations have this id".into()));
            }
            let keyed = api_key_file.is_some() || api_key_env.is_some();
            let secret = || self.secret(&format!("{key}.api_key"), api_key_file, api_key_env);
            organisations.push(Organisation {
                name: name.unwrap_or_else(|| id.to_string()),
                api_key: keyed.then(secret).transpose()?,
                id,
            });
        }
        if organisations.is_empty() {
            organisations.push(Organisation::default());
        }
        Ok(organisations)
    }

    pub(super) fn agents(
        &self,
        tables: Vec<AgentTable>,
        organisations: &[Organisation],
        sip_is_spoken: bool,
    ) -> Result<(Vec<Agent>, Vec<AgentTelephone>), ConfigError> {
        let (mut agents, mut telephones) = (Vec::<Agent>::new(), Vec::new());
        for mut table in tables {
            let telephone = table.telephone.take();
            let agent = self.agent(table, organisations)?;
            if agents.iter().any(|known| known.id == agent.id) {
                let why = "two agents have this id, which is their log-in name".into();
                return Err(value(&format!("agents.{}", agent.id), why));
            }
            if let Some(table) = telephone {
                telephones.push(self.telephone(&agent, table)?);
            }
            agents.push(agent);
        }
        agent_telephone::heard_of(&telephones, sip_is_spoken)?;
        Ok((agents, telephones))
    }

    fn agent(
        &self,
        table: AgentTable,
        organisations: &[Organisation],
    ) -> Result<Agent, ConfigError> {
        let owner = format!("agents.{}", table.id);
        let organisation = lines::organisation(organisations, table.organisation, &owner)?;
        let key = format!("agents.{}.password", table.id);
        let password = match table.password_hash {
            Some(text) => HashedPassword::parse(&text)
                .ok_or_else(|| value(&key, "not an argon2 hash such as $argon2id$v=19$…".into()))?,
            None => {
                let plain = self.secret(&key, table.password_file, table.password_env)?;
                HashedPassword::hash(plain.expose())
            }
        };
        Ok(Agent {
            name: table.name.unwrap_or_else(|| table.id.to_string()),
            id: table.id,
            organisation,
            role: table.role.unwrap_or(Role::Agent),
            skills: table.skills,
            password,
        })
    }
}

/// Without anybody nobody could sign in.
pub(super) fn somebody(agents: &[AgentTable]) -> Result<(), ConfigError> {
    if agents.is_empty() {
        return Err(value("agents", "add at least one [[agents]] table".into()));
    }
    Ok(())
}
