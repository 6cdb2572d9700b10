//! Which business numbers are there beside the first, and whose are they?
//!
//! Each is asked for, or given as `--also id=…,digits=…`. One that has keys of its own gets files of its
//! own; one of another organisation brings that organisation's first agent and API key.

use std::{collections::BTreeMap, str::FromStr};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use terms::{OrganisationId, PhoneNumberId, WaId, WabaId};

use super::{
    SecretFile,
    agent::{self, Agent},
    ask::Asker,
    dialled, random_word,
    upstream::{self, EditionWord, Upstream},
};

/// A further number.
#[derive(Debug)]
pub(super) struct Number {
    pub(super) phone_number_id: PhoneNumberId,
    pub(super) digits: WaId,
    pub(super) name: Option<String>,
    pub(super) account: Option<WabaId>,
    /// Absent: the first one's.
    pub(super) organisation: Option<OrganisationId>,
    /// Absent: the first number's.
    pub(super) upstream: Option<Upstream>,
}

/// An organisation beside the first.
#[derive(Debug)]
pub(super) struct Organisation {
    pub(super) id: OrganisationId,
    /// What its key's file ends with.
    pub(super) api_key: String,
    pub(super) agent: Agent,
}

/// All that is beside the first number.
#[derive(Debug, Default)]
pub(super) struct Others {
    pub(super) numbers: Vec<Number>,
    /// The first number's organisation, where there are several.
    pub(super) first: Option<OrganisationId>,
    pub(super) organisations: Vec<Organisation>,
}

/// A number as `--also` gives it.
#[derive(Debug, Clone)]
pub(crate) struct Also {
    phone_number_id: PhoneNumberId,
    digits: WaId,
    name: Option<String>,
    account: Option<WabaId>,
    organisation: Option<OrganisationId>,
    edition: Option<EditionWord>,
    keys: upstream::Flags,
}

const KEYS: &str =
    "id, digits, name, account, organisation, edition, base-url, token-env, app-secret-env";

impl FromStr for Also {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').context("write id=…,digits=…")?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        };
        let mut said: BTreeMap<String, String> =
            text.split(',').map(pair).collect::<Result<_>>()?;
        let mut take = |key: &str| said.remove(key);
        let also = Self {
            phone_number_id: take("id").context("id= is missing")?.parse()?,
            digits: dialled(&take("digits").context("digits= is missing")?)?,
            name: take("name"),
            account: take("account").map(|id| id.parse()).transpose()?,
            organisation: take("organisation").map(|id| id.parse()).transpose()?,
            edition: take("edition")
                .map(|word| EditionWord::from_str(&word, true).ok().context("meta or 360dialog"))
                .transpose()?,
            keys: upstream::Flags {
                base_url: take("base-url"),
                token_env: take("token-env"),
                app_secret_env: take("app-secret-env"),
            },
        };
        match said.keys().next() {
            Some(key) => bail!("{key} is none of {KEYS}"),
            None => Ok(also),
        }
    }
}

impl Also {
    fn has_own_keys(&self) -> bool {
        self.edition.is_some() || self.keys.token_env.is_some() || self.keys.base_url.is_some()
    }
}

/// Takes the numbers of the flags, then asks for more until there are none.
pub(super) fn asked(
    ask: &mut Asker,
    flags: Vec<Also>,
    edition: EditionWord,
    secrets: &mut Vec<SecretFile>,
) -> Result<Others> {
    let mut others = Others::default();
    for also in flags {
        let own = also.has_own_keys().then_some(also.edition.unwrap_or(edition));
        let number = Number {
            phone_number_id: also.phone_number_id,
            digits: also.digits,
            name: also.name,
            account: also.account,
            organisation: None,
            upstream: None,
        };
        let mut silent = Asker::silent();
        others.add(&mut silent, number, also.organisation, own.zip(Some(also.keys)), secrets)?;
    }
    let question = "Another number's phone number id, empty when these are all";
    while let Some(phone_number_id) = ask.maybe(question, None, |text| Ok(text.parse()?))? {
        let digits = ask.value("Its digits with country", None, None, dialled)?;
        let name = ask.optional("Its business name", None)?;
        let account =
            ask.maybe("Its account (WABA), empty when not known", None, |id| Ok(id.parse()?))?;
        let whose = "Its organisation, empty for the first number's";
        let organisation = ask.maybe(whose, None, |text| Ok(text.parse()?))?;
        let shares =
            ask.value("The first number's way and keys (yes or no)", None, Some("yes"), yes)?;
        let own = if shares { None } else { Some(upstream::edition(ask, None)?) };
        let number =
            Number { phone_number_id, digits, name, account, organisation: None, upstream: None };
        let own = own.zip(Some(upstream::Flags::default()));
        others.add(ask, number, organisation, own, secrets)?;
    }
    Ok(others)
}

impl Others {
    fn add(
        &mut self,
        ask: &mut Asker,
        mut number: Number,
        organisation: Option<OrganisationId>,
        own: Option<(EditionWord, upstream::Flags)>,
        secrets: &mut Vec<SecretFile>,
    ) -> Result<()> {
        if let Some((edition, flags)) = own {
            let prefix = format!("{}.", number.phone_number_id);
            number.upstream = Some(upstream::asked(ask, edition, flags, &prefix, secrets)?);
        }
        if let Some(id) = organisation {
            self.welcome(ask, &id, secrets)?;
            number.organisation = Some(id);
        }
        self.numbers.push(number);
        Ok(())
    }

    /// An organisation that was not named before brings its first agent and a key.
    fn welcome(
        &mut self,
        ask: &mut Asker,
        id: &OrganisationId,
        secrets: &mut Vec<SecretFile>,
    ) -> Result<()> {
        if self.first.is_none() {
            let question = "The first number's organisation";
            self.first = Some(ask.value(question, None, Some("first"), |text| Ok(text.parse()?))?);
        }
        let is_known = self.first.as_ref() == Some(id)
            || self.organisations.iter().any(|known| known.id == *id);
        if is_known {
            return Ok(());
        }
        let question = format!("Log-in name of {id}'s first agent");
        let agent = agent::asked(ask, &question, &format!("agent-{id}"), None, None)?;
        let api_key = format!("{id}.api-key");
        secrets.push(SecretFile { ending: api_key.clone(), text: random_word() });
        self.organisations.push(Organisation { id: id.clone(), api_key, agent });
        Ok(())
    }
}

fn yes(text: &str) -> Result<bool> {
    match text {
        "yes" | "y" => Ok(true),
        "no" | "n" => Ok(false),
        _ => bail!("write yes or no"),
    }
}
