//! Which calls are recorded, what are users told, and how long is it kept?
//!
//! ```toml
//! [recording]
//! mode = "agents"                 # every talk with an agent; "off": only what flows and programs begin;
//!                                 # "platform": see `platform_recording`
//! numbers = ["551140000000"]      # optional: only calls of these
//! announcement = "recorded"       # optional: a prompt, or { say = "…", language = "en" }
//! keep_days = 90                  # optional; for ever when absent
//! key_file = "recording.key"      # optional: files are encrypted with it
//! old_key_files = ["2025.key"]    # optional: with these files were encrypted before
//! [recording.bucket]              # see `bucket`
//! name = "recordings"
//! ```

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use switchboard::flow::{Announcement, Spoken};
use terms::WaId;

use super::{
    Bucket,
    bucket::BucketTable,
    platform_recording::{PlatformRecording, PlatformTable},
    read::{ConfigError, Secrets, value},
    recording_key::RecordingKey,
};

/// What is recorded.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// Whether every talk with an agent is.
    pub talks: bool,
    /// How the platform is asked to record calls; it is not when absent.
    pub by_platform: Option<PlatformRecording>,
    /// Of these numbers alone; of all when empty.
    pub numbers: Vec<WaId>,
    /// What a user hears to the end before anything is recorded.
    pub announcement: Option<Words>,
    /// How long recordings are kept; for ever when absent.
    pub keep: Option<Duration>,
    /// What files are encrypted with; they are plain when absent.
    pub key: Option<RecordingKey>,
    /// What files were encrypted with before.
    pub old_keys: Vec<RecordingKey>,
    /// Where files go once they are made; they stay where they were written when absent.
    pub bucket: Option<Bucket>,
}

/// Something a user hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// A prompt of the flow's, by its name.
    Prompt(String),
    /// Words for the speech command.
    Say(Spoken),
}

impl Recording {
    /// Whether talks with this number's users are recorded.
    #[must_use]
    pub fn records(&self, number: &WaId) -> bool {
        self.talks && self.is_of(number)
    }

    /// How the platform is asked to record this number's calls; `None` where it is not.
    #[must_use]
    pub fn platform_for(&self, number: &WaId) -> Option<&PlatformRecording> {
        self.by_platform.as_ref().filter(|_| self.is_of(number))
    }

    fn is_of(&self, number: &WaId) -> bool {
        self.numbers.is_empty() || self.numbers.contains(number)
    }

    /// Every key that may have encrypted a file, the one of today first.
    pub fn keys(&self) -> impl Iterator<Item = &RecordingKey> {
        self.key.iter().chain(&self.old_keys)
    }
}

impl Words {
    /// What the record says of it.
    #[must_use]
    pub fn told(&self) -> Announcement {
        match self {
            Self::Prompt(name) => Announcement { text: name.clone(), language: None },
            Self::Say(spoken) => {
                Announcement { text: spoken.text.clone(), language: spoken.language.clone() }
            }
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordingTable {
    mode: Option<Mode>,
    #[serde(default)]
    numbers: Vec<WaId>,
    announcement: Option<WordsTable>,
    purpose: Option<String>,
    announcement_language: Option<String>,
    transcription: Option<bool>,
    keep_days: Option<u64>,
    key_file: Option<PathBuf>,
    #[serde(default)]
    old_key_files: Vec<PathBuf>,
    bucket: Option<BucketTable>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Off,
    Agents,
    Platform,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected the name of a prompt, or { say = \"words\" }")]
enum WordsTable {
    Prompt(String),
    Say(SayTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SayTable {
    say: String,
    language: Option<String>,
    voice: Option<String>,
}

/// What else is configured.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// Whether something speaks.
    pub(super) speaks: bool,
    /// Whether somebody writes down what was said.
    pub(super) transcribes: bool,
}

/// The checked table.
pub(super) fn recording(
    secrets: &Secrets<'_>,
    table: RecordingTable,
    beside: Beside,
) -> Result<Recording, ConfigError> {
    let platform = PlatformTable {
        purpose: table.purpose,
        announcement_language: table.announcement_language,
        transcription: table.transcription,
        announces: table.announcement.is_some(),
        is_transcribed: beside.transcribes,
    };
    let by_platform = match table.mode {
        Some(Mode::Platform) => Some(platform.checked()?),
        Some(Mode::Off | Mode::Agents) | None => {
            platform.unwanted()?;
            None
        }
    };
    let announcement = announcement(table.announcement, beside.speaks)?;
    if table.keep_days == Some(0) {
        return Err(value("recording.keep_days", "write at least 1 day".into()));
    }
    Ok(Recording {
        talks: matches!(table.mode, Some(Mode::Agents)),
        by_platform,
        numbers: table.numbers,
        announcement,
        keep: table.keep_days.map(|days| Duration::from_secs(days.saturating_mul(86_400))),
        key: table.key_file.map(|file| key(secrets, "key", file)).transpose()?,
        old_keys: table
            .old_key_files
            .into_iter()
            .map(|file| key(secrets, "old_key", file))
            .collect::<Result<_, _>>()?,
        bucket: table.bucket.map(|bucket| bucket.checked(secrets)).transpose()?,
    })
}

fn announcement(table: Option<WordsTable>, speaks: bool) -> Result<Option<Words>, ConfigError> {
    Ok(match table {
        None => None,
        Some(WordsTable::Prompt(name)) => Some(Words::Prompt(name)),
        Some(WordsTable::Say(_)) if !speaks => {
            let why = "nothing is set up that speaks: add [speech], or name a prompt";
            return Err(value("recording.announcement", why.into()));
        }
        Some(WordsTable::Say(SayTable { say, language, voice })) => {
            Some(Words::Say(Spoken { text: say, language, voice }))
        }
    })
}

fn key(secrets: &Secrets<'_>, name: &str, file: PathBuf) -> Result<RecordingKey, ConfigError> {
    let name = format!("recording.{name}");
    let file = secrets.folder.join(file);
    let text = secrets.secret(&name, Some(file.clone()), None)?;
    RecordingKey::read(&name, &file, &text)
}
