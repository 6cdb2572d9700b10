//! What does the user see of a template with these values?

use super::{Button, Template, variables};
use crate::{Refusal, button::CallButton, rulebook::Rulebook, words::check_length};

/// The values a message brings for one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Which component.
    pub part: GivenPart,
    /// The values, in order.
    pub values: Vec<GivenValue>,
}

/// Which component of a template values are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenPart {
    /// The line above.
    Header,
    /// The text.
    Body,
    /// The call button.
    CallButton,
    /// A link, counted among all buttons from 0.
    UrlButton {
        /// Its place.
        index: usize,
    },
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenValue {
    /// A text.
    Text(String),
    /// How long the button works.
    Minutes(i64),
    /// What the button tells the business.
    Payload(String),
    /// A kind of value no component here takes.
    Other {
        /// Its kind.
        kind: String,
    },
}

impl GivenValue {
    fn kind(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Minutes(_) => "ttl_minutes",
            Self::Payload(_) => "payload",
            Self::Other { kind } => kind,
        }
    }
}

/// A template with its values in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The line above.
    pub header: Option<String>,
    /// The text.
    pub body: String,
    /// The line below.
    pub footer: Option<String>,
    /// The button that calls.
    pub call: Option<CallButton>,
    /// The links.
    pub links: Vec<Link>,
    /// Asks for permission to call.
    pub asks_permission: bool,
}

/// A button that opens a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What stands on it.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// Puts the values in place.
///
/// # Errors
///
/// [`Refusal::TemplateParameters`] for a wrong count, [`Refusal::TemplateFormat`] for a value of the
/// wrong kind, [`Refusal::TemplateTooLong`] for a text that grew too long, and
/// [`Refusal::ParameterInvalid`] for a button's.
pub fn fill(template: &Template, given: &[Given], book: &Rulebook) -> Result<Filled, Refusal> {
    check_places(template, given)?;
    let rules = &book.templates;
    let texts = |part| texts_of(given, part);
    let header = template
        .header
        .as_deref()
        .map(|text| put("header", text, &texts(GivenPart::Header)?, rules.header_chars_max.value))
        .transpose()?;
    let body = put("body", &template.body, &texts(GivenPart::Body)?, rules.body_chars_max.value)?;
    let mut filled = Filled {
        header,
        body,
        footer: template.footer.clone(),
        call: None,
        links: Vec::new(),
        asks_permission: template.asks_permission,
    };
    for (index, button) in template.buttons.iter().enumerate() {
        match button {
            Button::Call { label, lifetime } => {
                let lifetime = lifetime.unwrap_or(book.messages.button_ttl_default.value);
                let button = CallButton { label: label.clone(), lifetime, payload: None };
                filled.call = Some(call_button(button, given, book)?);
            }
            Button::Url { label, url } => {
                let values = texts(GivenPart::UrlButton { index })?;
                let url = put("button", url, &values, rules.url_chars_max.value)?;
                filled.links.push(Link { label: label.clone(), url });
            }
        }
    }
    Ok(filled)
}

/// Every component that is given values must be in the template, once.
fn check_places(template: &Template, given: &[Given]) -> Result<(), Refusal> {
    for (place, one) in given.iter().enumerate() {
        let (part, is_there) = match one.part {
            GivenPart::Header => ("header", template.header.is_some()),
            GivenPart::Body => ("body", true),
            GivenPart::CallButton => {
                ("button", template.buttons.iter().any(|it| matches!(it, Button::Call { .. })))
            }
            GivenPart::UrlButton { index } => {
                ("button", matches!(template.buttons.get(index), Some(Button::Url { .. })))
            }
        };
        let refuse = |reason: &str| Refusal::TemplateFormat { part, reason: reason.to_owned() };
        if !is_there {
            return Err(refuse("the template has no such component"));
        }
        if given[..place].iter().any(|earlier| earlier.part == one.part) {
            return Err(refuse("is given twice"));
        }
    }
    Ok(())
}

fn values_of(given: &[Given], part: GivenPart) -> &[GivenValue] {
    given.iter().find(|one| one.part == part).map_or(&[], |one| &one.values)
}

fn texts_of(given: &[Given], part: GivenPart) -> Result<Vec<String>, Refusal> {
    let name = match part {
        GivenPart::Header => "header",
        GivenPart::Body => "body",
        GivenPart::CallButton | GivenPart::UrlButton { .. } => "button",
    };
    values_of(given, part)
        .iter()
        .map(|value| match value {
            GivenValue::Text(text) => Ok(text.clone()),
            GivenValue::Minutes(_) | GivenValue::Payload(_) | GivenValue::Other { .. } => {
                let reason = format!("a parameter is of type {}; expected text", value.kind());
                Err(Refusal::TemplateFormat { part: name, reason })
            }
        })
        .collect()
}

fn put(
    part: &'static str,
    text: &str,
    values: &[String],
    chars_max: u32,
) -> Result<String, Refusal> {
    let wanted = variables::count(text).unwrap_or(0);
    if wanted != values.len() {
        return Err(Refusal::TemplateParameters { part, given: values.len(), wanted });
    }
    let filled = variables::replaced(text, values);
    check_length(&filled, chars_max).map_err(|reason| Refusal::TemplateTooLong { part, reason })?;
    Ok(filled)
}

fn call_button(
    button: CallButton,
    given: &[Given],
    book: &Rulebook,
) -> Result<CallButton, Refusal> {
    let (mut minutes, mut payload) = (None, None);
    for value in values_of(given, GivenPart::CallButton) {
        match value {
            GivenValue::Minutes(given) => minutes = Some(*given),
            GivenValue::Payload(given) => payload = Some(given.clone()),
            GivenValue::Text(_) | GivenValue::Other { .. } => {
                let reason = format!(
                    "a parameter is of type {}; expected ttl_minutes or payload",
                    value.kind()
                );
                return Err(Refusal::TemplateFormat { part: "button", reason });
            }
        }
    }
    button.sent_with(minutes, payload, book)
}
