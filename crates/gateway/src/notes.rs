//! What may be noted about a call, and who hears of it?

use std::sync::Arc;

use terms::{AgentId, CallId};
use wire::{
    console::{NoteChange, ToConsole},
    event::Noted,
};

use crate::{clock, office::Office, organisation::Organisation, store::StoreError};

/// The longest note: a page of writing.
const NOTES_CHARS_MAX: usize = 4_000;
/// The longest code.
const CODE_CHARS_MAX: usize = 64;

/// Why nothing was noted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoteError {
    /// The note is too long.
    #[error("notes: at most {NOTES_CHARS_MAX} characters")]
    TooLong,
    /// The code is none of ours.
    #[error("wrap_up: {0}")]
    Code(String),
    /// There is no such call.
    #[error("no call has this id")]
    Unknown,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a word can be a code.
pub(crate) fn is_code(word: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=CODE_CHARS_MAX).contains(&word.len()) && word.bytes().all(fits)
}

/// Notes something about a call, running or over; every console and the business's systems hear it.
///
/// # Errors
///
/// Why nothing was noted.
pub(crate) async fn note(
    office: &Arc<Office>,
    organisation: &Organisation,
    call_id: CallId,
    change: NoteChange,
    by: Option<AgentId>,
) -> Result<Noted, NoteError> {
    check(&change, &office.config.wrap_up_codes)?;
    let noted =
        office.store.note(organisation.lines.clone(), call_id, change, by, clock::now()).await?;
    let noted = noted.ok_or(NoteError::Unknown)?;
    organisation.consoles.send_to_all(&ToConsole::Noted(noted.clone()));
    Ok(noted)
}

fn check(change: &NoteChange, codes: &[String]) -> Result<(), NoteError> {
    let notes = change.notes.iter().flatten().next();
    if notes.is_some_and(|text| text.chars().count() > NOTES_CHARS_MAX) {
        return Err(NoteError::TooLong);
    }
    let Some(code) = change.wrap_up.iter().flatten().next() else { return Ok(()) };
    if !codes.is_empty() && !codes.contains(code) {
        return Err(NoteError::Code(format!("write one of {}", codes.join(", "))));
    }
    if !is_code(code) {
        return Err(NoteError::Code("a word of a-z, 0-9, _ and -, up to 64".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_bounded_and_a_code_is_one_of_ours() {
        let change = |notes: &str, code: &str| NoteChange {
            notes: Some(Some(notes.into())),
            wrap_up: Some(Some(code.into())),
        };
        let codes = ["sale".to_owned()];
        assert!(check(&change(&"é".repeat(4_000), "sale"), &codes).is_ok());
        assert!(matches!(
            check(&change(&"é".repeat(4_001), "sale"), &codes),
            Err(NoteError::TooLong)
        ));
        assert!(matches!(check(&change("", "other"), &codes), Err(NoteError::Code(_))));
        assert!(check(&change("", "other"), &[]).is_ok(), "without a list any word");
        assert!(matches!(check(&change("", "Not So"), &[]), Err(NoteError::Code(_))));
        let cleared = NoteChange { notes: Some(None), wrap_up: Some(None) };
        assert!(check(&cleared, &codes).is_ok());
    }
}
