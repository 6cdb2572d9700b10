//! Who writes down what was said in recordings?
//!
//! ```toml
//! [transcription]
//! command = ["whisper-cli", "-nt", "-f", "{wav}"] # the path of a WAV file stands there, else at the end
//! # url = "https://speech.example/listen"         # instead: the WAV file is posted
//! # token_file = "/run/secrets/speech"            # its bearer token, or token_env; optional
//! timeout_s = 120                                 # beside the recording's own length
//! retries_s = [30, 120, 600, 3600]                # waits before it is tried again
//! ```

use std::{fmt, path::PathBuf, time::Duration};

use reqwest::Url;
use serde::Deserialize;

use super::{
    Secret,
    read::{ConfigError, Secrets, value},
};

/// How long a voice may take beside its own length when nothing is said.
const TIMEOUT_DEFAULT_S: u64 = 120;
/// Waits between tries when nothing is said.
const RETRIES_DEFAULT_S: [u64; 4] = [30, 120, 600, 3_600];
/// The most tries after the first.
const RETRIES_MAX: usize = 16;
/// The longest time and the longest wait: a day.
const WAIT_MAX_S: u64 = 86_400;

/// How recordings are written down.
#[derive(Debug, Clone)]
pub struct Transcription {
    /// Who does it.
    pub by: Transcriber,
    /// How long a voice may take, beside its own length.
    pub timeout: Duration,
    /// The waits before it is tried again; after the last it has failed.
    pub retries: Vec<Duration>,
}

/// Who listens to one voice and says what it said.
#[derive(Clone)]
pub enum Transcriber {
    /// A command, its program first; `{wav}` among its words is the file, else the file comes last.
    Command(Vec<String>),
    /// An endpoint that is posted the file.
    Endpoint {
        /// Where it is.
        url: Url,
        /// Its bearer token.
        token: Option<Secret>,
    },
}

impl fmt::Debug for Transcriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Words and addresses may hold keys.
        f.write_str(match self {
            Self::Command(_) => "Command",
            Self::Endpoint { .. } => "Endpoint",
        })
    }
}

/// `[transcription]`.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct TranscriptionTable {
    command: Option<Vec<String>>,
    url: Option<String>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    timeout_s: Option<u64>,
    retries_s: Option<Vec<u64>>,
}

impl TranscriptionTable {
    /// The checked table.
    pub(super) fn checked(self, secrets: &Secrets<'_>) -> Result<Transcription, ConfigError> {
        let timeout_s = self.timeout_s.unwrap_or(TIMEOUT_DEFAULT_S);
        if timeout_s == 0 || timeout_s > WAIT_MAX_S {
            return Err(value("transcription.timeout_s", "write 1 to 86400 seconds".into()));
        }
        let retries = self.retries_s.clone().unwrap_or_else(|| RETRIES_DEFAULT_S.to_vec());
        if retries.len() > RETRIES_MAX || retries.iter().any(|&wait_s| wait_s > WAIT_MAX_S) {
            let why = format!("write up to {RETRIES_MAX} waits of up to 86400 seconds");
            return Err(value("transcription.retries_s", why));
        }
        Ok(Transcription {
            by: self.transcriber(secrets)?,
            timeout: Duration::from_secs(timeout_s),
            retries: retries.into_iter().map(Duration::from_secs).collect(),
        })
    }

    fn transcriber(self, secrets: &Secrets<'_>) -> Result<Transcriber, ConfigError> {
        let has_token = self.token_file.is_some() || self.token_env.is_some();
        match (self.command, self.url) {
            (Some(_), None) if has_token => {
                Err(value("transcription.token", "a token belongs to a url".into()))
            }
            (Some(words), None) if words.first().is_none_or(String::is_empty) => {
                let why = "name a program, as in command = [\"whisper-cli\", \"-f\", \"{wav}\"]";
                Err(value("transcription.command", why.into()))
            }
            (Some(words), None) => Ok(Transcriber::Command(words)),
            (None, Some(url)) => {
                let token = has_token.then(|| {
                    secrets.secret("transcription.token", self.token_file, self.token_env)
                });
                Ok(Transcriber::Endpoint { url: address(&url)?, token: token.transpose()? })
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(value("transcription", "give either a command or a url".into()))
            }
        }
    }
}

fn address(text: &str) -> Result<Url, ConfigError> {
    let url = text.parse::<Url>().ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let why = "write one such as https://speech.example/listen";
    url.ok_or_else(|| value("transcription.url", why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Transcription, String> {
        let folder = tempfile::tempdir().map_err(|it| it.to_string())?;
        std::fs::write(folder.path().join("token"), "sesame\n").map_err(|it| it.to_string())?;
        let table: TranscriptionTable = toml::from_str(text).map_err(|it| it.to_string())?;
        table.checked(&Secrets { folder: folder.path() }).map_err(|it| it.to_string())
    }

    #[test]
    fn a_command_or_a_url_and_nothing_else() {
        for (text, told) in [
            ("", "either a command or a url"),
            ("command = [\"x\"]\nurl = \"https://a.example\"", "either a command or a url"),
            ("command = []", "name a program"),
            ("command = [\"\"]", "name a program"),
            ("command = \"x\"", "expected a sequence"),
            ("command = [\"x\"]\ntoken_env = \"T\"", "a token belongs to a url"),
            ("url = \"ftp://a.example\"", "https://speech.example"),
            ("url = \"https://a.example\"\ntoken_file = \"none\"", "transcription.token"),
            ("command = [\"x\"]\ntimeout_s = 0", "timeout_s"),
            ("command = [\"x\"]\nretries_s = [90000]", "retries_s"),
            ("command = [\"x\"]\ncomand = 1", "unknown field"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(told), "{text}: {fault}");
        }
    }

    #[test]
    fn what_is_not_said_has_a_default_and_a_token_is_never_shown() {
        let by_command = read("command = [\"x\", \"{wav}\"]").unwrap();
        assert_eq!(by_command.timeout, Duration::from_secs(120));
        assert_eq!(by_command.retries.len(), 4);
        assert!(matches!(&by_command.by, Transcriber::Command(words) if words.len() == 2));
        let by_url = read(
            "url = \"https://a.example/x?key=sesame\"\ntoken_file = \"token\"\nretries_s = []",
        );
        let by_url = by_url.unwrap();
        assert!(by_url.retries.is_empty());
        assert!(!format!("{by_url:?}").contains("sesame"));
        let Transcriber::Endpoint { token, .. } = by_url.by else { panic!("a url") };
        assert!(token.unwrap().fits("sesame"));
    }
}
