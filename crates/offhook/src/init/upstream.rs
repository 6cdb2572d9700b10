//! By which way, and with which keys, does a number reach its platform?

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;

use super::{SecretFile, ask::Asker, random_word};

/// Meta's or 360dialog's front door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EditionWord {
    /// Meta's Cloud API.
    Meta,
    /// 360dialog's.
    #[value(name = "360dialog")]
    Dialog360,
}

impl EditionWord {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Dialog360 => "360dialog",
        }
    }
}

/// What was found out; the keys themselves are in files.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) edition: EditionWord,
    pub(super) base_url: Option<String>,
    /// The keys' files, by what their names end with.
    pub(super) token: String,
    pub(super) app_secret: Option<String>,
    pub(super) verify_token: String,
}

/// What flags say of it.
#[derive(Debug, Default, Clone)]
pub(super) struct Flags {
    pub(super) base_url: Option<String>,
    pub(super) token_env: Option<String>,
    pub(super) app_secret_env: Option<String>,
}

/// The edition alone, which the first question is about.
pub(super) fn edition(ask: &mut Asker, flag: Option<EditionWord>) -> Result<EditionWord> {
    ask.value("Edition (meta or 360dialog)", flag, Some("meta"), |text| {
        EditionWord::from_str(text, true).ok().context("write meta or 360dialog")
    })
}

/// Asks for the keys, which become files with names that begin with `prefix`.
pub(super) fn asked(
    ask: &mut Asker,
    edition: EditionWord,
    flags: Flags,
    prefix: &str,
    secrets: &mut Vec<SecretFile>,
) -> Result<Upstream> {
    let mut keep = |ending: &str, text: String| {
        let ending = format!("{prefix}{ending}");
        secrets.push(SecretFile { ending: ending.clone(), text });
        ending
    };
    let token = ask.secret(token_words(edition), variable("token-env", flags.token_env)?)?;
    let token =
        token.ok_or_else(|| anyhow!("a token is needed: --token-env names its variable"))?;
    let token = keep("token", token);
    let app_secret =
        ask.secret(app_secret_words(edition), variable("app-secret-env", flags.app_secret_env)?)?;
    let app_secret = match (edition, app_secret) {
        (_, Some(text)) => Some(keep("app-secret", text)),
        (EditionWord::Meta, None) => {
            bail!("webhooks are signed with an app secret: --app-secret-env names its variable")
        }
        (EditionWord::Dialog360, None) => None,
    };
    let verify_token = keep("verify-token", random_word());
    let base_url = ask.optional("API address, empty for the usual one", flags.base_url)?;
    Ok(Upstream { edition, base_url, token, app_secret, verify_token })
}

/// The text of an environment variable that a flag names.
pub(super) fn variable(flag: &str, name: Option<String>) -> Result<Option<String>> {
    let Some(name) = name else { return Ok(None) };
    let text = std::env::var(&name).with_context(|| format!("{flag}: no variable {name}"))?;
    Ok(Some(text.trim().to_owned()))
}

fn token_words(edition: EditionWord) -> &'static str {
    match edition {
        EditionWord::Meta => "Access token",
        EditionWord::Dialog360 => "D360-API-KEY",
    }
}

fn app_secret_words(edition: EditionWord) -> &'static str {
    match edition {
        EditionWord::Meta => "App secret",
        EditionWord::Dialog360 => "App secret, empty when webhooks are not signed",
    }
}
