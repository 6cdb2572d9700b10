//! Which files may a business upload, and how long does a file live?
//!
//! An upload is for a message or, with `use_case=call_voicemail_announcement`, for voicemail: that
//! one must be Ogg Opus of less than a minute, and does not expire. What the platform makes itself
//! (voicemails, recordings, transcripts) lives for some days after its webhook.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::Timestamp;

use crate::{Refusal, rulebook::Rulebook};

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UseCase {
    /// To be sent in a message.
    Message,
    /// To be played by voicemail.
    CallVoicemailAnnouncement,
    /// What a user said to voicemail.
    Voicemail,
    /// A recorded call.
    CallRecording,
    /// A call in writing.
    CallTranscript,
}

impl UseCase {
    /// Reads the form field `use_case`; without it the file is for a message.
    ///
    /// # Errors
    ///
    /// A use that is no upload's.
    pub fn of_upload(text: Option<&str>) -> Result<Self, Refusal> {
        match text {
            None | Some("") => Ok(Self::Message),
            Some("call_voicemail_announcement") => Ok(Self::CallVoicemailAnnouncement),
            Some(other) => Err(unfit(
                "use_case",
                format!("{other:?} is not a use; the only one is call_voicemail_announcement"),
            )),
        }
    }
}

/// What is known of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload<'a> {
    /// Its type, with or without parameters.
    pub mime: &'a str,
    /// Its size.
    pub bytes: u64,
    /// What it is for.
    pub use_case: UseCase,
    /// How long it plays, if it is Ogg Opus that can be played.
    pub ogg_opus: Option<Duration>,
    /// Characters of its description.
    pub description_chars: usize,
}

/// May this file be uploaded?
///
/// # Errors
///
/// The first thing that is wrong with it.
pub fn check(upload: &Upload<'_>, book: &Rulebook) -> Result<(), Refusal> {
    let kind = upload.mime.split(';').next().unwrap_or_default().trim();
    let types = &book.files.upload_types.value;
    let Some(allowed) = types.iter().find(|allowed| allowed.mime.eq_ignore_ascii_case(kind)) else {
        let names: Vec<_> = types.iter().map(|allowed| allowed.mime.as_str()).collect();
        let reason =
            format!("must be a file with one of the following types: {}", names.join(", "));
        return Err(unfit("file", reason));
    };
    if upload.bytes == 0 {
        return Err(unfit("file", "is empty".to_owned()));
    }
    if upload.bytes > allowed.bytes_max {
        let reason = format!("a file of type {kind} has at most {} bytes", allowed.bytes_max);
        return Err(unfit("file", reason));
    }
    let chars_max = book.files.description_chars_max.value;
    if upload.description_chars > chars_max as usize {
        return Err(unfit("description", format!("has at most {chars_max} characters")));
    }
    match upload.use_case {
        UseCase::CallVoicemailAnnouncement => check_announcement(kind, upload.ogg_opus, book),
        UseCase::Message
        | UseCase::Voicemail
        | UseCase::CallRecording
        | UseCase::CallTranscript => Ok(()),
    }
}

fn check_announcement(
    kind: &str,
    ogg_opus: Option<Duration>,
    book: &Rulebook,
) -> Result<(), Refusal> {
    let types = &book.files.announcement_types.value;
    if !types.iter().any(|allowed| allowed.eq_ignore_ascii_case(kind)) {
        let reason = format!("an announcement of voicemail must be {}", types.join(" or "));
        return Err(unfit("file", reason));
    }
    let below = book.files.announcement_below.value;
    match ogg_opus {
        None => Err(unfit("file", "an announcement of voicemail must be Ogg Opus".to_owned())),
        Some(lasts) if lasts >= below => {
            let reason = format!("an announcement must be shorter than {} s", below.as_secs());
            Err(unfit("file", reason))
        }
        Some(_) => Ok(()),
    }
}

/// The most bytes any upload may have.
#[must_use]
pub fn bytes_max(book: &Rulebook) -> u64 {
    book.files.upload_types.value.iter().map(|allowed| allowed.bytes_max).max().unwrap_or(0)
}

/// When a file added now is gone; `None` never.
#[must_use]
pub fn expires_at(use_case: UseCase, now: Timestamp, book: &Rulebook) -> Option<Timestamp> {
    let lifetime = match use_case {
        UseCase::Message => book.files.upload_lifetime.value,
        UseCase::CallVoicemailAnnouncement => return None,
        UseCase::Voicemail | UseCase::CallRecording | UseCase::CallTranscript => {
            book.files.capture_lifetime.value
        }
    };
    Some(now + lifetime)
}

/// Until when a link made now works.
#[must_use]
pub fn link_until(now: Timestamp, book: &Rulebook) -> Timestamp {
    now + book.files.link_lifetime.value
}

fn unfit(field: &'static str, reason: String) -> Refusal {
    Refusal::FileUnfit { field, reason }
}
