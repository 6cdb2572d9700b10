//! Who is a model in a call, and where is it?
//!
//! What a table of `[[bots]]` says beside the rest where `protocol = "openai"`.

use std::{collections::BTreeMap, path::PathBuf};

use wire::bot::realtime::Persona;

use super::read::{ConfigError, Secrets, value};

/// Where models are when nothing is said.
const URL: &str = "wss://api.openai.com/v1/realtime";

/// What the table says.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: Option<String>,
    pub(super) voice: Option<String>,
    pub(super) instructions: Option<String>,
    pub(super) instructions_file: Option<PathBuf>,
    pub(super) greeting: Option<String>,
    pub(super) steps: Option<BTreeMap<String, String>>,
}

impl Model {
    /// Its address with its name, and who it is.
    pub(super) fn checked(
        self,
        secrets: &Secrets<'_>,
        url: Option<String>,
        has_token: bool,
        key: &str,
    ) -> Result<(Option<String>, Persona), ConfigError> {
        let Some(name) = self.name else {
            return Err(value(key, "model: name one, such as gpt-realtime-2.1".into()));
        };
        if !has_token {
            return Err(value(
                key,
                "token: write token_file or token_env, the service's key".into(),
            ));
        }
        let url = url.as_deref().unwrap_or(URL).parse::<reqwest::Url>().ok();
        let url = url.filter(|url| ["ws", "wss"].contains(&url.scheme()) && url.has_host());
        let Some(mut url) = url else {
            return Err(value(key, format!("url: write one such as {URL}")));
        };
        url.query_pairs_mut().append_pair("model", &name);
        let instructions = match (self.instructions, self.instructions_file) {
            (Some(_), Some(_)) => {
                let fault = "instructions: write them here or in instructions_file, not in both";
                return Err(value(key, fault.into()));
            }
            (Some(text), None) => text,
            (None, Some(path)) => secrets.text(&path).map_err(|error| {
                value(key, format!("instructions_file: {} cannot be read: {error}", path.display()))
            })?,
            (None, None) => String::new(),
        };
        let persona = Persona {
            instructions,
            voice: self.voice,
            greeting: self.greeting,
            steps: self.steps.unwrap_or_default(),
        };
        Ok((Some(url.into()), persona))
    }

    /// A bot that is no model has nothing of one.
    pub(super) fn absent(&self, key: &str) -> Result<(), ConfigError> {
        let keys = [
            ("model", self.name.is_some()),
            ("voice", self.voice.is_some()),
            ("instructions", self.instructions.is_some()),
            ("instructions_file", self.instructions_file.is_some()),
            ("greeting", self.greeting.is_some()),
            ("steps", self.steps.is_some()),
        ];
        match keys.iter().find(|(_, is_there)| *is_there) {
            None => Ok(()),
            Some((word, _)) => Err(value(key, format!("{word}: only `openai` bots have it"))),
        }
    }
}
