//! May this template be made?

use super::{Button, Category, Template, variables};
use crate::{
    Refusal,
    button::{label_fault, read_minutes},
    rulebook::{MessageRules, Rulebook, TemplateRules},
    words::check_length,
};

/// A template as somebody wants to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// What it is for.
    pub category: Category,
    /// Its components.
    pub parts: Vec<Part>,
}

/// A component of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The line above.
    Header {
        /// The text.
        text: String,
        /// One value for each variable.
        examples: Vec<String>,
    },
    /// The text.
    Body {
        /// The text.
        text: String,
        /// One value for each variable.
        examples: Vec<String>,
    },
    /// The line below.
    Footer {
        /// The text.
        text: String,
    },
    /// What can be pressed.
    Buttons(Vec<DraftButton>),
    /// Asks for permission to call.
    CallPermissionRequest,
}

impl Part {
    fn field(&self) -> &'static str {
        match self {
            Self::Header { .. } => "HEADER",
            Self::Body { .. } => "BODY",
            Self::Footer { .. } => "FOOTER",
            Self::Buttons(_) => "BUTTONS",
            Self::CallPermissionRequest => "call_permission_request",
        }
    }
}

/// A button of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftButton {
    /// Calls the business.
    Call {
        /// What stands on it.
        label: Option<String>,
        /// How long it works, in minutes.
        minutes: Option<i64>,
    },
    /// Opens a page.
    Url {
        /// What stands on it.
        label: String,
        /// Where it leads.
        url: String,
        /// A value for the variable of the URL.
        examples: Vec<String>,
    },
}

/// Checks a draft whole.
///
/// # Errors
///
/// [`Refusal::TemplateInvalid`] with the first field that is wrong.
pub fn check(draft: Draft, book: &Rulebook) -> Result<Template, Refusal> {
    let rules = &book.templates;
    check_name(&draft.name, rules).map_err(|why| invalid("name", why))?;
    check_language(&draft.language).map_err(|why| invalid("language", why))?;
    let mut template = Template {
        name: draft.name,
        language: draft.language,
        category: draft.category,
        header: None,
        body: String::new(),
        footer: None,
        buttons: Vec::new(),
        asks_permission: false,
    };
    let mut seen = Vec::new();
    for part in draft.parts {
        let field = part.field();
        if seen.contains(&field) {
            return Err(invalid(field, "may be there once".to_owned()));
        }
        seen.push(field);
        add(&mut template, part, book).map_err(|why| invalid(field, why))?;
    }
    if template.body.is_empty() {
        return Err(invalid("BODY", "is required".to_owned()));
    }
    if template.asks_permission {
        check_asking(&template, rules).map_err(|why| invalid("call_permission_request", why))?;
    }
    Ok(template)
}

fn invalid(field: &str, reason: String) -> Refusal {
    Refusal::TemplateInvalid { field: field.to_owned(), reason }
}

fn add(template: &mut Template, part: Part, book: &Rulebook) -> Result<(), String> {
    let rules = &book.templates;
    match part {
        Part::Header { text, examples } => {
            let found = check_text(&text, &examples, rules.header_chars_max.value)?;
            if found > 1 {
                return Err("may have one variable".to_owned());
            }
            template.header = Some(text);
        }
        Part::Body { text, examples } => {
            check_text(&text, &examples, rules.body_chars_max.value)?;
            template.body = text;
        }
        Part::Footer { text } => {
            if check_text(&text, &[], rules.footer_chars_max.value)? > 0 {
                return Err("has no variables".to_owned());
            }
            template.footer = Some(text);
        }
        Part::Buttons(buttons) => template.buttons = check_buttons(buttons, book)?,
        Part::CallPermissionRequest => template.asks_permission = true,
    }
    Ok(())
}

/// How many variables a text has, every one of them with an example.
fn check_text(text: &str, examples: &[String], chars_max: u32) -> Result<usize, String> {
    if text.trim().is_empty() {
        return Err("text must not be empty".to_owned());
    }
    check_length(text, chars_max)?;
    let wanted = variables::count(text)?;
    if wanted != examples.len() {
        return Err(format!("has {wanted} variables and {} examples", examples.len()));
    }
    Ok(wanted)
}

fn check_name(name: &str, rules: &TemplateRules) -> Result<(), String> {
    check_length(name, rules.name_chars_max.value)?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || !name.bytes().all(fits) {
        return Err("must be of small letters, digits and _".to_owned());
    }
    Ok(())
}

/// `en`, `fil` or `pt_BR`.
fn check_language(language: &str) -> Result<(), String> {
    let (word, region) = language.split_once('_').map_or((language, None), |(w, r)| (w, Some(r)));
    let is_word = (2..=3).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_region = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    if is_word && region.is_none_or(is_region) {
        return Ok(());
    }
    Err("must be a code such as en or pt_BR".to_owned())
}

fn check_buttons(buttons: Vec<DraftButton>, book: &Rulebook) -> Result<Vec<Button>, String> {
    let rules = &book.templates;
    let is_call = |button: &&DraftButton| matches!(button, DraftButton::Call { .. });
    let calls = buttons.iter().filter(is_call).count();
    let links = buttons.len() - calls;
    if buttons.is_empty() {
        return Err("must hold a button".to_owned());
    }
    for (found, max, what) in [
        (calls, rules.call_buttons_max.value, "voice_call buttons"),
        (links, rules.url_buttons_max.value, "URL buttons"),
    ] {
        if u32::try_from(found).is_ok_and(|found| found <= max) {
            continue;
        }
        return Err(format!("may hold {max} {what}"));
    }
    buttons.into_iter().map(|button| check_button(button, book)).collect()
}

fn check_button(button: DraftButton, book: &Rulebook) -> Result<Button, String> {
    match button {
        DraftButton::Call { label, minutes } => call_button(label, minutes, &book.messages),
        DraftButton::Url { label, url, examples } => {
            check_text(&label, &[], book.templates.url_text_chars_max.value)?;
            check_url(&url, &examples, book.templates.url_chars_max.value)?;
            Ok(Button::Url { label, url })
        }
    }
}

fn call_button(
    label: Option<String>,
    minutes: Option<i64>,
    rules: &MessageRules,
) -> Result<Button, String> {
    if let Some(why) = label.as_deref().and_then(|label| label_fault(label, rules)) {
        return Err(format!("text {why}"));
    }
    let (min, max) = (rules.template_button_ttl_min.value, rules.button_ttl_max.value);
    let lifetime = minutes
        .map(|minutes| read_minutes(minutes, min, max))
        .transpose()
        .map_err(|why| format!("ttl_minutes {why}"))?;
    let label = label.unwrap_or_else(|| rules.button_text_default.value.clone());
    Ok(Button::Call { label, lifetime })
}

/// A URL may end in one variable.
fn check_url(url: &str, examples: &[String], chars_max: u32) -> Result<(), String> {
    if !["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err("url must begin with https:// or http://".to_owned());
    }
    let wanted = check_text(url, examples, chars_max).map_err(|why| format!("url {why}"))?;
    if wanted > 1 || (wanted == 1 && !url.ends_with("}}")) {
        return Err("url may have one variable, at its end".to_owned());
    }
    Ok(())
}

fn check_asking(template: &Template, rules: &TemplateRules) -> Result<(), String> {
    let word = template.category.as_str();
    if !rules.request_categories.value.iter().any(|known| known == word) {
        return Err(format!("is not possible in a template of category {word}"));
    }
    if !template.buttons.is_empty() && !rules.request_with_buttons.value {
        return Err("cannot be mixed with buttons".to_owned());
    }
    Ok(())
}
