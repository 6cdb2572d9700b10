//! Which templates does an account have, and with which values is one sent?
//! `/{WABA_ID}/message_templates` (fact sheet 3.8, 4.4).
//!
//! Only components that calling needs; others are refused with their path. Words of types may be
//! written in capitals or not, as the documents do both.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terms::TemplateId;

use super::message::Template;
use crate::{
    RequestFault,
    read::{self, Fields},
};

/// `POST /{WABA_ID}/message_templates`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTemplate {
    /// Its name.
    pub name: String,
    /// Its language, such as `pt_BR`.
    pub language: String,
    /// `MARKETING` or `UTILITY`.
    pub category: TemplateCategory,
    /// Its components.
    pub components: Vec<Component>,
}

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateCategory {
    /// Offers.
    Marketing,
    /// Notices about something under way.
    Utility,
}

/// Where a template stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateStatus {
    /// It waits for its review.
    Pending,
    /// It may be sent.
    Approved,
}

/// A component of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Component {
    /// The line above; a text.
    Header {
        /// The text.
        text: String,
        /// A value for its variable.
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
    Buttons(Vec<Button>),
    /// Asks for permission to call.
    CallPermissionRequest,
}

/// A button of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Button {
    /// Calls the business.
    VoiceCall {
        /// What stands on it.
        text: Option<String>,
        /// How long it works.
        ttl_minutes: Option<i64>,
    },
    /// Opens a page.
    Url {
        /// What stands on it.
        text: String,
        /// Where it leads.
        url: String,
        /// A value for the variable at its end.
        examples: Vec<String>,
    },
}

impl NewTemplate {
    /// Reads the raw body.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestFault> {
        let map = read::body(bytes)?;
        let fields = Fields::root(&map);
        let name = fields.required_text("name")?.to_owned();
        let language = fields.required_text("language")?.to_owned();
        if let Some(format) = fields.text("parameter_format")? {
            word_of("parameter_format", format, &["POSITIONAL"])?;
        }
        let category = fields.required_text("category")?;
        let category = match word_of("category", category, &["MARKETING", "UTILITY"])? {
            "MARKETING" => TemplateCategory::Marketing,
            _ => TemplateCategory::Utility,
        };
        let components = fields.objects("components", read_component)?;
        let components = components.ok_or_else(|| fields.missing("components"))?;
        Ok(Self { name, language, category, components })
    }
}

/// The word of a list that a text is, whatever its case.
fn word_of(path: &str, text: &str, words: &[&'static str]) -> Result<&'static str, RequestFault> {
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(text));
    let wrong = || RequestFault::invalid(path, format!("must be one of {}", words.join(", ")));
    found.copied().ok_or_else(wrong)
}

fn read_component(fields: Fields<'_>) -> Result<Component, RequestFault> {
    const WORDS: [&str; 5] = ["HEADER", "BODY", "FOOTER", "BUTTONS", "CALL_PERMISSION_REQUEST"];
    let kind = word_of(&fields.path_of("type"), fields.required_text("type")?, &WORDS)?;
    let text = || fields.required_text("text").map(str::to_owned);
    Ok(match kind {
        "HEADER" => {
            let format = fields.text("format")?.unwrap_or("TEXT");
            word_of(&fields.path_of("format"), format, &["TEXT"])?;
            Component::Header { text: text()?, examples: examples(fields, "header_text")? }
        }
        "BODY" => Component::Body { text: text()?, examples: examples(fields, "body_text")? },
        "FOOTER" => Component::Footer { text: text()? },
        "BUTTONS" => {
            let buttons = fields.objects("buttons", read_button)?;
            Component::Buttons(buttons.ok_or_else(|| fields.missing("buttons"))?)
        }
        _ => Component::CallPermissionRequest,
    })
}

/// `example.header_text`: a list of texts; `example.body_text`: the same inside a list.
fn examples(fields: Fields<'_>, name: &str) -> Result<Vec<String>, RequestFault> {
    let read = fields.object("example", |example| {
        let is_nested =
            example.list(name)?.is_some_and(|list| list.first().is_some_and(Value::is_array));
        if is_nested { example.nested_texts(name) } else { example.texts(name) }
    })?;
    Ok(read.flatten().unwrap_or_default())
}

fn read_button(fields: Fields<'_>) -> Result<Button, RequestFault> {
    let kind = fields.required_text("type")?;
    Ok(match word_of(&fields.path_of("type"), kind, &["VOICE_CALL", "URL"])? {
        "VOICE_CALL" => Button::VoiceCall {
            text: fields.text("text")?.map(str::to_owned),
            ttl_minutes: fields.integer("ttl_minutes")?,
        },
        _ => Button::Url {
            text: fields.required_text("text")?.to_owned(),
            url: fields.required_text("url")?.to_owned(),
            examples: fields.texts("example")?.unwrap_or_default(),
        },
    })
}

impl Serialize for Component {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let value = match self {
            Self::Header { text, examples } => {
                let mut value = json!({ "type": "HEADER", "format": "TEXT", "text": text });
                if !examples.is_empty() {
                    value["example"] = json!({ "header_text": examples });
                }
                value
            }
            Self::Body { text, examples } => {
                let mut value = json!({ "type": "BODY", "text": text });
                if !examples.is_empty() {
                    value["example"] = json!({ "body_text": [examples] });
                }
                value
            }
            Self::Footer { text } => json!({ "type": "FOOTER", "text": text }),
            Self::Buttons(buttons) => json!({ "type": "BUTTONS", "buttons": buttons }),
            Self::CallPermissionRequest => json!({ "type": "call_permission_request" }),
        };
        value.serialize(to)
    }
}

impl Serialize for Button {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let value = match self {
            Self::VoiceCall { text, ttl_minutes } => {
                let mut value = json!({ "type": "voice_call" });
                if let Some(text) = text {
                    value["text"] = json!(text);
                }
                if let Some(minutes) = ttl_minutes {
                    value["ttl_minutes"] = json!(minutes);
                }
                value
            }
            Self::Url { text, url, examples } => {
                let mut value = json!({ "type": "URL", "text": text, "url": url });
                if !examples.is_empty() {
                    value["example"] = json!(examples);
                }
                value
            }
        };
        value.serialize(to)
    }
}

impl Serialize for NewTemplate {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        json!({
            "name": self.name,
            "language": self.language,
            "category": self.category,
            "components": self.components,
        })
        .serialize(to)
    }
}

/// What a new template is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateMade {
    /// Its id.
    pub id: TemplateId,
    /// Where it stands.
    pub status: TemplateStatus,
    /// What it is for.
    pub category: TemplateCategory,
}

/// A template as a read shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownTemplate {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// Where it stands.
    pub status: TemplateStatus,
    /// What it is for.
    pub category: TemplateCategory,
    /// Always `POSITIONAL`.
    pub parameter_format: &'static str,
    /// Its components, as they were made.
    pub components: Value,
}

/// A list of templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TemplateList {
    /// One page of them.
    pub data: Vec<ShownTemplate>,
    /// Where the page stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
}

/// Where a page of a list stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paging {
    /// Its ends.
    pub cursors: Cursors,
    /// The address of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The ends of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cursors {
    /// Its first entry.
    pub before: String,
    /// Its last entry: the `after` of the next page.
    pub after: String,
}

/// The values a message brings for one component of its template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Which component.
    pub part: GivenPart,
    /// The values, in order.
    pub parameters: Vec<Parameter>,
}

/// Which component values are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenPart {
    /// The line above.
    Header,
    /// The text.
    Body,
    /// The call button.
    VoiceCall,
    /// A link, counted among all buttons from 0.
    Url {
        /// Its place.
        index: usize,
    },
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A text.
    Text(String),
    /// How long the button works.
    TtlMinutes(i64),
    /// What the button tells the business.
    Payload(String),
    /// A kind of value no component here takes.
    Other {
        /// Its type's word.
        kind: String,
    },
}

impl Template {
    /// Reads the parameters.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn given(&self) -> Result<Vec<Given>, RequestFault> {
        let mut list = serde_json::Map::new();
        list.insert("components".to_owned(), Value::Array(self.components.clone()));
        let mut root = serde_json::Map::new();
        root.insert("template".to_owned(), Value::Object(list));
        let read = |template: Fields<'_>| template.objects("components", read_given);
        Ok(Fields::root(&root).object("template", read)?.flatten().unwrap_or_default())
    }
}

fn read_given(fields: Fields<'_>) -> Result<Given, RequestFault> {
    let kind = fields.required_text("type")?;
    let part = match word_of(&fields.path_of("type"), kind, &["HEADER", "BODY", "BUTTON"])? {
        "HEADER" => GivenPart::Header,
        "BODY" => GivenPart::Body,
        _ => read_button_part(fields)?,
    };
    let parameters = fields.objects("parameters", read_parameter)?.unwrap_or_default();
    Ok(Given { part, parameters })
}

fn read_button_part(fields: Fields<'_>) -> Result<GivenPart, RequestFault> {
    let kind = fields.required_text("sub_type")?;
    match word_of(&fields.path_of("sub_type"), kind, &["VOICE_CALL", "URL"])? {
        "VOICE_CALL" => Ok(GivenPart::VoiceCall),
        _ => {
            // The documents write it as a text; clients also send a number.
            let index = match fields.value("index") {
                Some(Value::String(text)) => text.parse().ok(),
                Some(value) => value.as_u64().and_then(|index| usize::try_from(index).ok()),
                None => return Err(fields.missing("index")),
            };
            let wrong = || RequestFault::invalid(fields.path_of("index"), "must be 0, 1, …");
            Ok(GivenPart::Url { index: index.ok_or_else(wrong)? })
        }
    }
}

fn read_parameter(fields: Fields<'_>) -> Result<Parameter, RequestFault> {
    Ok(match fields.required_text("type")? {
        "text" => Parameter::Text(fields.required_text("text")?.to_owned()),
        "ttl_minutes" => {
            let minutes = fields.integer("ttl_minutes")?;
            Parameter::TtlMinutes(minutes.ok_or_else(|| fields.missing("ttl_minutes"))?)
        }
        "payload" => Parameter::Payload(fields.required_text("payload")?.to_owned()),
        other => Parameter::Other { kind: other.to_owned() },
    })
}
