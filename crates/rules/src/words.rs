//! How long may the words of a message be?

use crate::{Refusal, rulebook::Rulebook};

/// May a text message have this body?
///
/// # Errors
///
/// [`Refusal::ParameterInvalid`].
pub fn check_text(body: &str, book: &Rulebook) -> Result<(), Refusal> {
    check("text.body", body, book.messages.text_chars_max.value)
}

/// May an interactive message have this body?
///
/// # Errors
///
/// [`Refusal::ParameterInvalid`].
pub fn check_body(body: &str, book: &Rulebook) -> Result<(), Refusal> {
    check("interactive.body.text", body, book.messages.body_chars_max.value)
}

fn check(field: &str, text: &str, chars_max: u32) -> Result<(), Refusal> {
    check_length(text, chars_max)
        .map_err(|reason| Refusal::ParameterInvalid { field: field.to_owned(), reason })
}

pub(crate) fn check_length(text: &str, chars_max: u32) -> Result<(), String> {
    let found = text.chars().count();
    if u32::try_from(found).is_ok_and(|found| found <= chars_max) {
        return Ok(());
    }
    Err(format!("must have at most {chars_max} characters; it has {found}"))
}
