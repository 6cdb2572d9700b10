//! What world does a new platform start with?
//!
//! Apps, accounts (WABAs), business numbers and users, as a TOML file: the demo's is compiled in,
//! `--seed FILE` brings another. A seed is checked when it is read, so a running platform has no app
//! of an unknown account and no number twice. Its calling settings are judged as a change over the API
//! once the rulebooks and the time are known: [`Seed::settle`].

use std::{collections::BTreeSet, path::Path};

use rules::{price::Cards, quality::Restriction};
use serde::Deserialize;
use terms::{AppId, Timestamp};

use crate::{
    books::Books,
    directory::{Account, App, NewNumber, Number, User},
};

/// The demo's world.
const DEMO: &str = include_str!("../seeds/demo.toml");

/// The world a platform without a data folder, or with an empty one, starts with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Apps.
    #[serde(default, rename = "app")]
    pub(crate) apps: Vec<App>,
    /// Accounts.
    #[serde(default, rename = "account")]
    pub(crate) accounts: Vec<Account>,
    /// Business numbers.
    #[serde(default, rename = "number")]
    pub(crate) numbers: Vec<NewNumber>,
    /// Users.
    #[serde(default, rename = "user")]
    pub(crate) users: Vec<User>,
}

/// A seed's world, ready to be there.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) apps: Vec<App>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) users: Vec<User>,
}

/// Why a seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file could not be read.
    #[error("cannot read the seed file")]
    Read(#[source] std::io::Error),
    /// It is not TOML, or has keys or values a seed does not have; the text names the line.
    #[error("the seed is not valid:\n{0}")]
    Syntax(String),
    /// Something refers to what is not there, or is there twice.
    #[error("the seed is not valid: {0}")]
    Meaning(String),
}

/// What an account may name of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub(crate) cards: &'a Cards,
    pub(crate) books: &'a Books,
}

impl Seed {
    /// The demo's world.
    #[must_use]
    pub fn demo() -> Self {
        Self::parse(DEMO).expect("a test reads the demo's seed")
    }

    /// Reads a seed file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no valid seed.
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        Self::parse(&std::fs::read_to_string(path).map_err(SeedError::Read)?)
    }

    /// Reads a seed from its text.
    ///
    /// # Errors
    ///
    /// It is no valid seed; the text says where and why.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        let mut seed: Self =
            toml::from_str(text).map_err(|fault| SeedError::Syntax(fault.to_string()))?;
        for user in &mut seed.users {
            user.complete();
        }
        seed.check(None)?;
        Ok(seed)
    }

    /// Is everything that is named there, and nothing twice? Rate cards and an account's rules are
    /// judged once all are known: a configuration may bring its own.
    pub(crate) fn check(&self, shelf: Option<&Shelf<'_>>) -> Result<(), SeedError> {
        self.check_unique()?;
        for account in &self.accounts {
            self.check_account(account, shelf)
                .map_err(|why| SeedError::Meaning(format!("account {} names {why}", account.id)))?;
        }
        for number in &self.numbers {
            if let Some(app) = number.callback_overrides.keys().find(|app| !self.has_app(app)) {
                return Err(SeedError::Meaning(format!(
                    "number {} names app {app}, which is not there",
                    number.id
                )));
            }
            if !self.accounts.iter().any(|account| account.id == number.account) {
                return Err(SeedError::Meaning(format!(
                    "number {} names account {}, which is not there",
                    number.id, number.account
                )));
            }
        }
        for number in &self.numbers {
            let checked = number.restrictions.iter().try_for_each(Restriction::check);
            checked
                .map_err(|fault| SeedError::Meaning(format!("number {}: {fault}", number.id)))?;
        }
        let tokens = self.apps.iter().flat_map(|app| &app.tokens);
        for account in tokens.flat_map(|token| &token.accounts) {
            if !self.accounts.iter().any(|known| known.id == *account) {
                return Err(SeedError::Meaning(format!(
                    "a token names account {account}, which is not there"
                )));
            }
        }
        Ok(())
    }

    /// The seed's world, its numbers with their settings.
    pub(crate) fn settle(self, books: &Books, now: Timestamp) -> Result<Settled, SeedError> {
        let mut numbers = Vec::new();
        for new in self.numbers {
            let account = self.accounts.iter().find(|account| account.id == new.account);
            let account = account.expect("a checked seed has the account of each number");
            let mut apps =
                account.subscribers().filter_map(|id| self.apps.iter().find(|app| app.id == *id));
            let (key, webhook) = (new.d360_key.is_some(), new.channel_webhook.is_some());
            let app_listens =
                apps.any(App::hears_of_calls) || account.is_heard_by_channel(key, webhook);
            let id = new.id.clone();
            let settled = new.settle(account, app_listens, &books.of(account), now);
            let why = |refusal| SeedError::Meaning(format!("number {id}: {refusal}"));
            numbers.push(settled.map_err(why)?);
        }
        Ok(Settled { apps: self.apps, accounts: self.accounts, numbers, users: self.users })
    }

    fn check_unique(&self) -> Result<(), SeedError> {
        unique("app", self.apps.iter().map(|app| app.id.as_str()))?;
        unique("account", self.accounts.iter().map(|account| account.id.as_str()))?;
        unique("number", self.numbers.iter().map(|number| number.id.as_str()))?;
        unique("number with digits", self.numbers.iter().map(|number| number.digits.as_str()))?;
        unique("user", self.users.iter().map(|user| user.wa_id.as_str()))?;
        unique(
            "user_id",
            self.users.iter().filter_map(|user| Some(user.user_id.as_ref()?.as_str())),
        )?;
        let plain = self.apps.iter().flat_map(|app| &app.access_tokens);
        let limited = self.apps.iter().flat_map(|app| &app.tokens).map(|token| &token.token);
        unique("access token", plain.chain(limited).map(String::as_str))?;
        unique("d360_key", self.numbers.iter().filter_map(|number| number.d360_key.as_deref()))
    }

    fn has_app(&self, id: &AppId) -> bool {
        self.apps.iter().any(|app| app.id == *id)
    }

    /// What the account names that is not there.
    fn check_account(&self, account: &Account, shelf: Option<&Shelf<'_>>) -> Result<(), String> {
        let named = account.apps.iter().chain(account.overrides.keys());
        for app in named {
            if !self.has_app(app) {
                return Err(format!("app {app}, which is not there"));
            }
        }
        for app in account.subscribed_apps.iter().flatten() {
            if !account.apps.contains(app) {
                return Err(format!("app {app} as subscribed, which is none of its apps"));
            }
        }
        if rules::rulebook::named(&account.rulebook).is_none() {
            return Err(format!("rulebook {:?}, which is not there", account.rulebook));
        }
        if let Some(Err(fault)) = shelf.map(|shelf| shelf.books.check(account)) {
            return Err(format!("a rule it cannot replace: {fault}"));
        }
        if shelf.is_some_and(|shelf| !shelf.cards.knows(&account.rate_card)) {
            return Err(format!("rate card {:?}, which is not there", account.rate_card));
        }
        if rules::hours::zone(&account.timezone).is_none() {
            return Err(format!("time zone {:?}, which is not there", account.timezone));
        }
        Ok(())
    }
}

fn unique<'a>(what: &str, ids: impl Iterator<Item = &'a str>) -> Result<(), SeedError> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(SeedError::Meaning(format!("{what} {id} is there twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn why(text: &str) -> String {
        Seed::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_demo_is_complete() {
        let demo = Seed::demo();
        let ana = demo.users.iter().find(|user| user.name == "Ana").unwrap();
        assert_eq!(ana.wa_id.as_str(), "5215550000001", "kept digit for digit");
        assert_eq!(ana.country.unwrap().as_str(), "MX");
        assert!(ana.known_id().as_str().starts_with("MX."));
        let settled = demo.settle(
            &Books::new(&BTreeMap::new()).unwrap(),
            "2026-11-22T18:00:00Z".parse().unwrap(),
        );
        let calling = &settled.unwrap().numbers[0].calling;
        assert!(calling.calling_enabled() && calling.grants_callback());
    }

    #[test]
    fn settings_no_business_could_have_are_refused() {
        let settled = |from: &str, to: &str| {
            assert!(DEMO.contains(from), "{from}");
            let seed = Seed::parse(&DEMO.replace(from, to)).map_err(|fault| fault.to_string())?;
            let now = "2026-11-22T18:00:00Z".parse().unwrap();
            seed.settle(&Books::new(&BTreeMap::new()).unwrap(), now)
                .map(drop)
                .map_err(|fault| fault.to_string())
        };
        let table = "[number.calling]\n";
        let with = |more: &str| settled(table, &format!("{table}{more}\n")).unwrap_err();
        let colour = with("colour = \"red\"");
        assert!(colour.contains("there is no setting colour"), "{colour}");
        let nested = with("call_icons = { countries = [\"BR\"] }");
        assert!(nested.contains("there is no setting call_icons.countries"), "{nested}");
        let hours = "call_hours = { status = \"ENABLED\", timezone_id = \"Mars/Olympus\", \
                     weekly_operating_hours = [{ day_of_week = \"MONDAY\", open_time = \"0900\", \
                     close_time = \"1800\" }] }";
        let zone = with(hours);
        assert!(zone.contains("number 109876543210987: calling.call_hours.timezone_id"), "{zone}");
        assert!(
            with(
                "voicemail = { status = \"DISABLED\", audio = { default = \
                      { announcement_media_id = 7 } } }"
            )
            .contains("announcement_media_id")
        );
        for (from, to, said) in [
            ("tier = 2000", "tier = 250", "250"),
            ("use_case = \"service\"", "use_case = \"gambling\"", "gambling"),
            ("fields = [\"calls\", ", "fields = [", "subscribe"),
        ] {
            let why = settled(from, to).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        assert_eq!(settled("tier = 2000", "tier = 250\nkind = \"test\""), Ok(()));
    }

    #[test]
    fn a_wrong_seed_is_refused_with_place_and_reason() {
        let strange = why("[[user]]\nwa_id = \"1\"\nname = \"x\"\ncolour = \"red\"\n");
        assert!(strange.contains("line 4") && strange.contains("colour"), "{strange}");
        let twice = "[[user]]\nwa_id = \"1\"\nname = \"x\"\n".repeat(2);
        assert!(why(&twice).contains("user 1 is there twice"));
        let book = DEMO.replace("2025-beta", "1999");
        assert!(why(&book).contains("rulebook \"1999\""));
        let card = DEMO.replace("rate_card = \"example\"", "rate_card = \"free\"");
        let (cards, books) = (Cards::shipped(), Books::new(&BTreeMap::new()).unwrap());
        let shelf = Shelf { cards: &cards, books: &books };
        let known = Seed::parse(&card).unwrap().check(Some(&shelf));
        assert!(known.unwrap_err().to_string().contains("rate card \"free\""));
        let rules = DEMO.replace("[[number]]", "[account.rules]\ncall.ring = 1\n\n[[number]]");
        let rules = Seed::parse(&rules).unwrap().check(Some(&shelf)).unwrap_err().to_string();
        assert!(
            rules.contains("account 201234567890123") && rules.contains("call.ring"),
            "{rules}"
        );
        let zone = DEMO.replace("America/Sao_Paulo", "Mars/Olympus");
        assert!(why(&zone).contains("time zone \"Mars/Olympus\""));
        let token = "[[app.tokens]]\ntoken = \"demo-token\"\nscopes = []\n\n[[account]]";
        let token = DEMO.replace("[[account]]", token);
        assert!(why(&token).contains("access token demo-token is there twice"));
        let scope = DEMO.replace(
            "[[account]]",
            "[[app.tokens]]\ntoken = \"t\"\nscopes = [\"all\"]\n\n[[account]]",
        );
        assert!(why(&scope).contains("line 13"), "{}", why(&scope));
        let endless = |kind: &str| {
            let list =
                format!("restrictions = [{{ kind = \"{kind}\", reason = \"test\" }}]\ntier =");
            Seed::parse(&DEMO.replace("tier =", &list)).map_err(|fault| fault.to_string())
        };
        let stops = endless("RESTRICTED_BUSINESS_INITIATED_CALLING").unwrap_err();
        assert!(stops.contains("number 109876543210987") && stops.contains("until"), "{stops}");
        assert!(endless("RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN").is_ok());
        let app = DEMO.replace("apps = [\"401234567890123\"]", "apps = [\"7\"]");
        assert!(why(&app).contains("names app 7"));
        let listed = "apps = [\"401234567890123\"]";
        let stranger = DEMO.replace(listed, &format!("{listed}\nsubscribed_apps = [\"7\"]"));
        assert!(why(&stranger).contains("names app 7 as subscribed"), "{}", why(&stranger));
        let account = DEMO.replace("account = \"201234567890123\"", "account = \"7\"");
        assert!(why(&account).contains("names account 7"));
    }
}
