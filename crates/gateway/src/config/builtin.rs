//! Which bots are there without a program?
//!
//! ```toml
//! [[bots]]
//! name = "front-desk"
//! builtin = "ivr"                 # or "echo"
//! language = "pt"                 # or "en"; that of the number's country when absent
//! ```
//!
//! Each of them is there under its own name as well, without a table; a bot of the house with that
//! name takes its place.

use std::collections::BTreeSet;

use serde::Deserialize;
use switchboard::builtin::{Kind, Language};
use terms::OrganisationId;

use super::{
    Bot, Config,
    read::{ConfigError, value},
};

/// The names under which they are there without a table.
const RESERVED: [(&str, Kind); 2] = [("echo", Kind::Echo), ("ivr", Kind::Ivr)];

/// A bot that needs no program, as a table names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltinBot {
    /// What flows call it.
    pub name: String,
    /// Whose calls it takes.
    pub organisation: OrganisationId,
    /// Which it is.
    pub kind: Kind,
    /// What it speaks when a flow says nothing else; that of the number's country when absent.
    pub language: Option<Language>,
}

/// Whom a call with a bot of some name is given to.
#[derive(Debug)]
pub(crate) enum AnyBot<'a> {
    Program(&'a Bot),
    Builtin(BuiltinBot),
}

/// `builtin` of a table.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindWord {
    Echo,
    Ivr,
}

impl Config {
    /// The bot of this name in a house.
    pub(crate) fn bot(&self, house: &OrganisationId, name: &str) -> Option<AnyBot<'_>> {
        if let Some(bot) =
            self.bots.iter().find(|bot| bot.organisation == *house && bot.name == name)
        {
            return Some(AnyBot::Program(bot));
        }
        let named = |bot: &&BuiltinBot| bot.organisation == *house && bot.name == name;
        if let Some(bot) = self.builtin_bots.iter().find(named) {
            return Some(AnyBot::Builtin(bot.clone()));
        }
        let (name, kind) = RESERVED.into_iter().find(|(reserved, _)| *reserved == name)?;
        let (name, organisation) = (name.to_owned(), house.clone());
        Some(AnyBot::Builtin(BuiltinBot { name, organisation, kind, language: None }))
    }

    /// The bots that tables of a house name.
    pub(crate) fn bots_of<'a>(
        &'a self,
        house: &'a OrganisationId,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let programs = self.bots.iter().map(|bot| (&bot.organisation, &bot.name));
        let builtin = self.builtin_bots.iter().map(|bot| (&bot.organisation, &bot.name));
        let mine = move |(whose, name): (&OrganisationId, &'a String)| {
            (whose == house).then_some(name.as_str())
        };
        programs.chain(builtin).filter_map(mine)
    }

    /// Every name of a bot that a flow of the house may say.
    pub(crate) fn bot_names(&self, house: &OrganisationId) -> BTreeSet<String> {
        let reserved = RESERVED.iter().map(|(name, _)| *name);
        self.bots_of(house).chain(reserved).map(str::to_owned).collect()
    }
}

/// A table's bot that is built in; `beside` is what else the table says, for which there is no use.
pub(super) fn builtin(
    (name, organisation): (String, OrganisationId),
    word: KindWord,
    language: Option<&str>,
    beside: &[(&str, bool)],
) -> Result<BuiltinBot, ConfigError> {
    let key = format!("bots.{name}");
    if let Some((other, _)) = beside.iter().find(|(_, is_said)| *is_said) {
        return Err(value(&key, format!("{other}: a built-in bot has no use for it")));
    }
    let kind = match word {
        KindWord::Echo => Kind::Echo,
        KindWord::Ivr => Kind::Ivr,
    };
    let spoken = |tag: &str| {
        let why = "language: the built-in bots speak \"en\" and \"pt\"";
        Language::of_tag(tag).ok_or_else(|| value(&key, why.into()))
    };
    let language = language.map(spoken).transpose()?;
    Ok(BuiltinBot { name, organisation, kind, language })
}
