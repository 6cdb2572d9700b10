//! Which agents have a telephone that registers here?
//!
//! ```toml
//! [[agents]]
//! id = "lia"
//!
//! [agents.telephone]              # optional: a telephone registers as lia, with this password
//! password_file = "lia-telephone" # or password_env
//! codecs = ["opus", "pcmu", "pcma"]
//! srtp = false                    # true: keys in the SDP (RFC 4568), and only so
//! in_band_keys = true             # keys in the sound of one without telephone-events; false: no
//! ```

use std::path::PathBuf;

use serde::Deserialize;
use switchboard::{
    access::{self, Act},
    trunk::Extensions,
};
use terms::{AgentId, OrganisationId};

use super::{
    Agent, ConfigError, Secret, Trunk,
    read::{Secrets, value},
    trunks::{CodecWord, codecs},
};

/// A telephone of an agent's.
#[derive(Debug, Clone)]
pub struct AgentTelephone {
    /// Whose it is, and what it registers as.
    pub agent: AgentId,
    /// What it must know.
    pub password: Secret,
    /// How it is spoken to: as the telephones of a trunk that has no other.
    pub trunk: Trunk,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TelephoneTable {
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    codecs: Option<Vec<CodecWord>>,
    #[serde(default)]
    srtp: bool,
    in_band_keys: Option<bool>,
}

impl AgentTelephone {
    /// One that may talk everything, without protection.
    #[must_use]
    pub fn new(agent: AgentId, organisation: OrganisationId, password: Secret) -> Self {
        let trunk = Trunk {
            name: agent.to_string(),
            organisation,
            targets: Vec::new(),
            extensions: Extensions::none(),
            codecs: codecs(None),
            srtp: false,
            in_band_keys: true,
            credentials: None,
            options_every: None,
            calls_in: None,
        };
        Self { agent, password, trunk }
    }
}

impl Secrets<'_> {
    /// What the table below an agent's says.
    pub(super) fn telephone(
        &self,
        agent: &Agent,
        table: TelephoneTable,
    ) -> Result<AgentTelephone, ConfigError> {
        let key = format!("agents.{}.telephone", agent.id);
        if !agent.id.as_str().bytes().all(is_plain) {
            let why = "it registers as the agent: the id may have letters, digits and . _ - only";
            return Err(value(&key, why.into()));
        }
        if !access::may(agent.role, Act::TakeCalls) {
            return Err(value(&key, "who has this role takes no calls".into()));
        }
        let password =
            self.secret(&format!("{key}.password"), table.password_file, table.password_env)?;
        let (id, organisation) = (agent.id.clone(), agent.organisation.clone());
        let mut telephone = AgentTelephone::new(id, organisation, password);
        let trunk = &mut telephone.trunk;
        trunk.codecs = codecs(table.codecs);
        if trunk.codecs.is_empty() {
            return Err(value(&key, "codecs: name at least one of opus, pcmu, pcma".into()));
        }
        trunk.srtp = table.srtp;
        trunk.in_band_keys = table.in_band_keys.unwrap_or(true);
        Ok(telephone)
    }
}

/// What stands in a SIP address as it is.
fn is_plain(sign: u8) -> bool {
    sign.is_ascii_alphanumeric() || b"._-".contains(&sign)
}

/// A telephone registers where SIP is spoken.
pub(super) fn heard_of(
    telephones: &[AgentTelephone],
    sip_is_spoken: bool,
) -> Result<(), ConfigError> {
    match telephones.first() {
        Some(telephone) if !sip_is_spoken => {
            let key = format!("agents.{}.telephone", telephone.agent);
            let why = "say where SIP is spoken: [sip] listen = \"10.0.0.4:5060\"";
            Err(value(&key, why.into()))
        }
        Some(_) | None => Ok(()),
    }
}
