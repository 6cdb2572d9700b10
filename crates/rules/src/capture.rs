//! May this call be recorded or transcribed as the business asks?
//!
//! Each request names a purpose and the language of its announcement, and is checked on its own. With
//! both there is one announcement, and the recording's purpose and language win (fact sheet 12.2).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Refusal, rulebook::Rulebook};

/// What one of the objects `recording` and `transcription` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish<'a> {
    /// `status` is `ENABLED`.
    pub enabled: bool,
    /// `purpose`.
    pub purpose: Option<&'a str>,
    /// `announcement_language`.
    pub language: Option<&'a str>,
}

/// What is kept of a call, and how that is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// A recording is delivered.
    pub records: bool,
    /// A transcript is delivered.
    pub transcribes: bool,
    /// Spoken to both sides.
    pub purpose: Box<str>,
    /// The language of the announcement that is played.
    pub language: Box<str>,
}

/// Checks both requests; `None` when neither asks for anything.
///
/// # Errors
///
/// The first field that is missing, too long or in no known language.
pub fn check(
    recording: Option<Wish<'_>>,
    transcription: Option<Wish<'_>>,
    book: &Rulebook,
) -> Result<Option<Plan>, Refusal> {
    let rules = &book.capture;
    let recording = read(recording, "recording", &rules.recording_languages.value, book)?;
    let transcription =
        read(transcription, "transcription", &rules.transcription_languages.value, book)?;
    let (records, transcribes) = (recording.is_some(), transcription.is_some());
    let Some((purpose, language)) = recording.or(transcription) else { return Ok(None) };
    let is_replaced = !records
        && rules.transcription_in_english.value.iter().any(|replaced| *replaced == language);
    let language = if is_replaced { rules.english.value.as_str() } else { language };
    let (purpose, language) = (purpose.into(), language.into());
    Ok(Some(Plan { records, transcribes, purpose, language }))
}

/// Whether what was said this long after the announcement is still kept.
#[must_use]
pub fn keeps(after: Duration, book: &Rulebook) -> bool {
    after < book.capture.length_max.value
}

fn read<'a>(
    wish: Option<Wish<'a>>,
    object: &'static str,
    languages: &[String],
    book: &Rulebook,
) -> Result<Option<(&'a str, &'a str)>, Refusal> {
    let invalid = |field, reason| Refusal::CaptureInvalid { object, field, reason };
    let Some(wish) = wish.filter(|wish| wish.enabled) else { return Ok(None) };
    let given = |text: Option<&'a str>| text.map(str::trim).filter(|text| !text.is_empty());
    let Some(purpose) = given(wish.purpose) else {
        return Err(invalid("purpose", "is required while the status is ENABLED".to_owned()));
    };
    let chars_max = book.capture.purpose_chars_max.value;
    if purpose.chars().count() > chars_max as usize {
        return Err(invalid("purpose", format!("has at most {chars_max} characters")));
    }
    let Some(language) = given(wish.language) else {
        let reason = "is required while the status is ENABLED".to_owned();
        return Err(invalid("announcement_language", reason));
    };
    if !languages.iter().any(|known| known == language) {
        let reason = format!("must be one of {}", languages.join(", "));
        return Err(invalid("announcement_language", reason));
    }
    Ok(Some((purpose, language)))
}
