//! Who signs in first, and with which password?

use ::gateway::config::HashedPassword;
use anyhow::Result;
use terms::AgentId;

use super::{ask::Asker, random_word};

/// Somebody who can sign in.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) id: AgentId,
    pub(super) password: HashedPassword,
    /// The password where it was made up, to be shown once.
    pub(super) made_up: Option<String>,
}

/// Asks for the log-in name and a password.
pub(super) fn asked(
    ask: &mut Asker,
    question: &str,
    usual: &str,
    flag: Option<AgentId>,
    password: Option<String>,
) -> Result<Agent> {
    let id = ask.value(question, flag, Some(usual), |text| Ok(text.parse()?))?;
    let given = ask.secret("Password of that agent, empty to have one made up", password)?;
    let (plain, made_up) = given.map_or_else(
        || {
            let word = random_word();
            (word.clone(), Some(word))
        },
        |given| (given, None),
    );
    Ok(Agent { id, password: HashedPassword::hash(&plain), made_up })
}
