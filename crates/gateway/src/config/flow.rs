//! Which flow answers, whom does it ask, and who speaks its texts?

use std::{fmt, path::PathBuf, time::Duration};

use reqwest::Url;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use switchboard::flow::Spoken;
use wire::event::signature::SigningKey;

/// The business's endpoint that is asked for a flow when a user calls.
#[derive(Clone)]
pub struct FlowEndpoint {
    /// Where it is.
    pub url: Url,
    /// What questions are signed with.
    pub key: SigningKey,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

impl fmt::Debug for FlowEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowEndpoint").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// How long the endpoint may take when nothing is said: the caller hears it ring meanwhile.
pub(super) const ASK_TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);
/// How long a text may take to be spoken when nothing is said.
pub(super) const SPEECH_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// A command that speaks.
#[derive(Debug, Clone)]
pub struct SpeechCommand {
    words: Vec<String>,
    language: Option<String>,
    voice: Option<String>,
    /// How long it may take for a text.
    pub timeout: Duration,
}

/// Why a command cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechCommandError {
    /// It names no program.
    #[error("name a program, as in command = [\"espeak-ng\", \"--stdin\", \"--stdout\"]")]
    Empty,
    /// A place in it would be left empty.
    #[error("the command uses {{{0}}}: set {0} for texts that name none")]
    NoDefault(&'static str),
}

impl SpeechCommand {
    /// A command; `{text}`, `{language}` and `{voice}` in its words are filled in. The text is on its
    /// standard input, too.
    ///
    /// # Errors
    ///
    /// There is no program, or a place without a default.
    pub fn new(
        words: Vec<String>,
        language: Option<String>,
        voice: Option<String>,
        timeout: Duration,
    ) -> Result<Self, SpeechCommandError> {
        if words.first().is_none_or(String::is_empty) {
            return Err(SpeechCommandError::Empty);
        }
        let uses = |place: &str| words.iter().any(|word| word.contains(place));
        if uses("{language}") && language.is_none() {
            return Err(SpeechCommandError::NoDefault("language"));
        }
        if uses("{voice}") && voice.is_none() {
            return Err(SpeechCommandError::NoDefault("voice"));
        }
        Ok(Self { words, language, voice, timeout })
    }

    /// The program and its arguments for these words; never through a shell.
    #[must_use]
    pub fn words(&self, spoken: &Spoken) -> Vec<String> {
        let or = |said: &Option<String>, default: &Option<String>| {
            said.as_ref().or(default.as_ref()).cloned().unwrap_or_default()
        };
        let language = or(&spoken.language, &self.language);
        let voice = or(&spoken.voice, &self.voice);
        // A text must not be taken for an option.
        let dash = if spoken.text.starts_with('-') { " " } else { "" };
        let text = format!("{dash}{}", spoken.text);
        let filled = |word: &String| match word.as_str() {
            "{text}" => text.clone(),
            other => other.replace("{language}", &language).replace("{voice}", &voice),
        };
        self.words.iter().map(filled).collect()
    }
}

/// `flow = "flow.toml"`, or the table `[flow]`.
#[derive(Clone)]
pub(super) struct FlowSetting {
    pub(super) file: PathBuf,
    pub(super) ask: Option<AskTable>,
}

/// `[flow] ask`.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct AskTable {
    pub(super) url: String,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) secret_env: Option<String>,
    pub(super) timeout_s: Option<u64>,
}

/// `[speech]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpeechTable {
    pub(super) command: Vec<String>,
    pub(super) language: Option<String>,
    pub(super) voice: Option<String>,
    pub(super) timeout_s: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlowTable {
    file: PathBuf,
    ask: Option<AskTable>,
}

impl<'de> Deserialize<'de> for FlowSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FileOrTable)
    }
}

struct FileOrTable;

impl<'de> Visitor<'de> for FileOrTable {
    type Value = FlowSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file such as \"flow.toml\", or a table with `file` and `ask`")
    }

    fn visit_str<E>(self, file: &str) -> Result<FlowSetting, E> {
        Ok(FlowSetting { file: file.into(), ask: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FlowSetting, A::Error> {
        let table = FlowTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(FlowSetting { file: table.file, ask: table.ask })
    }
}
