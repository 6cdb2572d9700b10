//! How is the platform asked to record calls?
//!
//! ```toml
//! [recording]
//! mode = "platform"               # the platform records, and speaks for it
//! purpose = "quality assurance"   # why; the platform says it to both sides, in the language below
//! announcement_language = "en"
//! transcription = true            # optional: the platform writes down what was said, too
//! ```

use rules::{
    Refusal,
    capture::{self, Wish},
    rulebook::Rulebook,
};
use wire::graph::call::{Capture, Captures};

use super::read::{ConfigError, value};

/// What the platform is asked for with each call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRecording {
    capture: Capture,
    /// Whether it writes down what was said, too.
    pub transcribes: bool,
}

impl PlatformRecording {
    /// Checks what the platform would check with every call.
    ///
    /// # Errors
    ///
    /// What it would refuse.
    pub fn new(purpose: String, language: String, transcribes: bool) -> Result<Self, Refusal> {
        let wish =
            Wish { enabled: true, purpose: Some(&purpose), language: Some(language.as_str()) };
        capture::check(Some(wish), transcribes.then_some(wish), &Rulebook::beta())?;
        let (purpose, announcement_language) = (Some(purpose), Some(language));
        let capture = Capture { enabled: true, purpose, announcement_language };
        Ok(Self { capture, transcribes })
    }

    /// The objects `recording` and `transcription` of a call.
    #[must_use]
    pub fn captures(&self) -> Captures {
        let transcription = self.transcribes.then(|| self.capture.clone());
        Captures { recording: Some(self.capture.clone()), transcription }
    }
}

/// The keys of `[recording]` that are of this mode alone.
pub(super) struct PlatformTable {
    pub(super) purpose: Option<String>,
    pub(super) announcement_language: Option<String>,
    pub(super) transcription: Option<bool>,
    /// Whether an announcement of ours is configured.
    pub(super) announces: bool,
    /// Whether a transcriber of ours is.
    pub(super) is_transcribed: bool,
}

impl PlatformTable {
    /// The mode, where it is wanted.
    pub(super) fn checked(self) -> Result<PlatformRecording, ConfigError> {
        if self.announces {
            let why = "with mode = \"platform\" the platform announces the recording: write its \
                       reason into `purpose` and leave the announcement out";
            return Err(value("recording.announcement", why.into()));
        }
        let purpose = self.purpose.ok_or_else(|| {
            let why =
                "with mode = \"platform\", write why calls are recorded: the platform says it";
            value("recording.purpose", why.into())
        })?;
        let language = self.announcement_language.ok_or_else(|| {
            let why = "with mode = \"platform\", write the language the platform announces it in, \
                       such as \"en\"";
            value("recording.announcement_language", why.into())
        })?;
        let transcribes = self.transcription.unwrap_or(false);
        if transcribes && self.is_transcribed {
            let why = "the platform writes down what was said, and [transcription] does, too: leave \
                       out one of them";
            return Err(value("recording.transcription", why.into()));
        }
        PlatformRecording::new(purpose, language, transcribes).map_err(refused)
    }

    /// No key of this mode stands where another one is configured.
    pub(super) fn unwanted(&self) -> Result<(), ConfigError> {
        let given = [
            ("purpose", self.purpose.is_some()),
            ("announcement_language", self.announcement_language.is_some()),
            ("transcription", self.transcription.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((key, _)) => {
                let why = "this is what the platform is told: it needs mode = \"platform\"";
                Err(value(&format!("recording.{key}"), why.into()))
            }
        }
    }
}

fn refused(refusal: Refusal) -> ConfigError {
    if let Refusal::CaptureInvalid { field, reason, .. } = &refusal {
        let why = format!("the platform refuses it: {reason}");
        return value(&format!("recording.{field}"), why);
    }
    value("recording", refusal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(purpose: &str, language: &str) -> PlatformTable {
        PlatformTable {
            purpose: Some(purpose.to_owned()),
            announcement_language: Some(language.to_owned()),
            transcription: None,
            announces: false,
            is_transcribed: false,
        }
    }

    fn fault(table: PlatformTable) -> String {
        table.checked().unwrap_err().to_string()
    }

    #[test]
    fn what_the_platform_would_refuse_with_every_call_is_refused_at_the_start() {
        let without = |purpose: bool| {
            let mut table = table("quality", "en");
            if purpose {
                table.purpose = None
            } else {
                table.announcement_language = None
            }
            fault(table)
        };
        assert!(without(true).contains("recording.purpose: with mode = \"platform\""));
        assert!(without(false).contains("recording.announcement_language: with mode"));
        let long = "x".repeat(251);
        for (purpose, language, told) in [
            (long.as_str(), "en", "recording.purpose: the platform refuses it: has at most 250"),
            (" ", "en", "recording.purpose: the platform refuses it"),
            ("quality", "xx", "recording.announcement_language: the platform refuses it: must be"),
        ] {
            let fault = fault(table(purpose, language));
            assert!(fault.contains(told), "{fault}");
        }
        let announced = fault(PlatformTable { announces: true, ..table("quality", "en") });
        assert!(announced.contains("recording.announcement: with mode = \"platform\""));
    }

    #[test]
    fn a_transcript_is_asked_for_only_where_it_is_wanted() {
        let capture = Capture {
            enabled: true,
            purpose: Some("quality".to_owned()),
            announcement_language: Some("pt".to_owned()),
        };
        let silent = table("quality", "pt").checked().unwrap();
        let recording = Some(capture);
        let asked = |transcription| Captures { recording: recording.clone(), transcription };
        assert_eq!(silent.captures(), asked(None));
        let both = PlatformTable { transcription: Some(true), ..table("quality", "pt") };
        let twice = PlatformTable {
            transcription: Some(true),
            is_transcribed: true,
            ..table("quality", "pt")
        };
        assert!(fault(twice).contains("leave out one of them"));
        assert_eq!(both.checked().unwrap().captures(), asked(recording.clone()));
    }

    #[test]
    fn what_the_platform_is_told_needs_its_mode() {
        let nothing = PlatformTable {
            purpose: None,
            announcement_language: None,
            transcription: None,
            announces: true,
            is_transcribed: false,
        };
        assert!(nothing.unwanted().is_ok());
        let fault = PlatformTable { transcription: Some(false), ..nothing }.unwanted();
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains("recording.transcription: this is what the platform"), "{fault}");
    }
}
