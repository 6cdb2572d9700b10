//! How long does a call button work, and what may it carry?
//!
//! A button in an interactive message or in a template starts a user's call (fact sheet 3.8). Its
//! payload comes back with that call; when its time is over the phone refuses the press. Deep links
//! (3.9) carry a payload of the same kind and never end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::{Country, Timestamp};

use crate::{
    Refusal,
    eligibility::RequestForm,
    rulebook::{MessageRules, Rulebook},
    words::check_length,
};

/// A call button as the user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallButton {
    /// What stands on it.
    pub label: String,
    /// How long it works.
    pub lifetime: Duration,
    /// What it tells the business.
    pub payload: Option<String>,
}

impl CallButton {
    /// The button of an interactive message.
    ///
    /// # Errors
    ///
    /// [`Refusal::ParameterInvalid`] with the field.
    pub fn of_message(
        label: Option<String>,
        minutes: Option<i64>,
        payload: Option<String>,
        book: &Rulebook,
    ) -> Result<Self, Refusal> {
        let rules = &book.messages;
        if let Some(why) = label.as_deref().and_then(|label| label_fault(label, rules)) {
            return Err(invalid("display_text", why));
        }
        let label = label.unwrap_or_else(|| rules.button_text_default.value.clone());
        let button = Self { label, lifetime: rules.button_ttl_default.value, payload: None };
        button.sent_with(minutes, payload, book)
    }

    /// This button with what a message says about it.
    ///
    /// # Errors
    ///
    /// [`Refusal::ParameterInvalid`] with the field.
    pub fn sent_with(
        mut self,
        minutes: Option<i64>,
        payload: Option<String>,
        book: &Rulebook,
    ) -> Result<Self, Refusal> {
        let rules = &book.messages;
        if let Some(minutes) = minutes {
            let (min, max) = (rules.button_ttl_min.value, rules.button_ttl_max.value);
            self.lifetime =
                read_minutes(minutes, min, max).map_err(|why| invalid("ttl_minutes", why))?;
        }
        if let Some(payload) = payload {
            check_length(&payload, rules.payload_chars_max.value)
                .map_err(|why| invalid("payload", why))?;
            self.payload = Some(payload);
        }
        Ok(self)
    }
}

/// What is wrong with a button's label.
pub(crate) fn label_fault(label: &str, rules: &MessageRules) -> Option<String> {
    if label.trim().is_empty() {
        return Some("must not be empty".to_owned());
    }
    check_length(label, rules.button_text_chars_max.value).err()
}

/// A lifetime in minutes between two bounds, both included.
pub(crate) fn read_minutes(minutes: i64, min: Duration, max: Duration) -> Result<Duration, String> {
    u64::try_from(minutes)
        .ok()
        .and_then(|minutes| minutes.checked_mul(60))
        .map(Duration::from_secs)
        .filter(|lifetime| (min..=max).contains(lifetime))
        .ok_or_else(|| format!("must be from {} to {}", min.as_secs() / 60, max.as_secs() / 60))
}

fn invalid(field: &str, reason: String) -> Refusal {
    Refusal::ParameterInvalid { field: field.to_owned(), reason }
}

/// May a number of this country send call buttons?
///
/// # Errors
///
/// [`Refusal::ButtonCountry`].
pub fn check_sender(country: Option<Country>, book: &Rulebook) -> Result<(), Refusal> {
    match country {
        Some(country) if book.messages.button_blocked_countries.value.contains(&country) => {
            Err(Refusal::ButtonCountry { country })
        }
        Some(_) | None => Ok(()),
    }
}

/// How is a button with its own category sent? Only Direct Send gives one (fact sheet 3.8).
///
/// # Errors
///
/// [`Refusal::ParameterInvalid`] where the rulebook has no Direct Send.
pub fn form_of(is_direct: bool, book: &Rulebook) -> Result<RequestForm, Refusal> {
    match (is_direct, book.messages.direct_send.value) {
        (false, _) => Ok(RequestForm::FreeForm),
        (true, true) => Ok(RequestForm::Template),
        (true, false) => Err(invalid("category", "is not taken with this message".to_owned())),
    }
}

/// Does a button that ends then still work?
///
/// # Errors
///
/// [`Refusal::ButtonExpired`].
pub fn check_press(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    match expires_at {
        Some(at) if at <= now => Err(Refusal::ButtonExpired { at }),
        Some(_) | None => Ok(()),
    }
}

/// May a deep link carry this payload?
///
/// # Errors
///
/// [`Refusal::ParameterInvalid`].
pub fn check_deeplink(payload: &str, book: &Rulebook) -> Result<(), Refusal> {
    check_length(payload, book.messages.deeplink_payload_chars_max.value)
        .map_err(|why| invalid("biz_payload", why))
}
