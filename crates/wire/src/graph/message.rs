//! What can be sent to a user's chat? `POST /{PNID}/messages` (fact sheet 3.8, 4.4).
//!
//! The kinds that calling needs: text, the permission request, the call button, and templates.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use terms::{MessageId, UserId, WaId};

use super::call::{Recipient, read_recipient};
use crate::{
    RequestFault,
    read::{self, Fields},
};

/// One request to `/messages`.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageRequest {
    /// Send a message.
    Send {
        /// To whom.
        to: Recipient,
        /// What.
        content: Content,
        /// The message it answers.
        context: Option<MessageId>,
        /// Of category `utility` although no template (Direct Send, fact sheet 3.8).
        is_direct: bool,
    },
    /// Mark a user's message as read.
    MarkRead {
        /// Which.
        message_id: MessageId,
    },
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A text.
    Text {
        /// The text.
        body: String,
    },
    /// Asks for permission to call (CPR, free form).
    CallPermissionRequest {
        /// Our words above the fixed ones.
        body: Option<String>,
    },
    /// A button that calls us.
    VoiceCall(CallButton),
    /// An approved template.
    Template(Template),
}

/// A call button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallButton {
    /// The text above the button.
    pub body: String,
    /// Its label; `Call Now` when absent.
    pub display_text: Option<String>,
    /// How long it works; 7 days when absent.
    pub ttl_minutes: Option<i64>,
    /// Comes back as `cta_payload`.
    pub payload: Option<String>,
}

/// A template, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language, such as `pt_BR`.
    pub language: String,
    /// Its parameters, as they came; [`Template::given`] reads them.
    pub components: Vec<Value>,
}

impl MessageRequest {
    /// A message that answers nothing.
    #[must_use]
    pub fn send(to: Recipient, content: Content) -> Self {
        Self::Send { to, content, context: None, is_direct: false }
    }

    /// Reads the raw body.
    ///
    /// # Errors
    ///
    /// The first fault, in the order: JSON, product, recipient, type, content.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestFault> {
        let map = read::body(bytes)?;
        let fields = Fields::root(&map);
        fields.messaging_product()?;
        if let Some(status) = fields.text("status")? {
            return read_mark(fields, status);
        }
        if let Some(kind) = fields.text("recipient_type")? {
            read::check_word("recipient_type", kind, &["individual"])?;
        }
        let to = read_recipient(fields)?;
        let content = match fields.text("type")?.unwrap_or("text") {
            "text" => fields.required_object("text", read_text)?,
            "interactive" => fields.required_object("interactive", read_interactive)?,
            "template" => fields.required_object("template", read_template)?,
            _ => return Err(RequestFault::UnsupportedType { path: "type".into() }),
        };
        let context = fields.object("context", |context| {
            context.parsed("message_id")?.ok_or_else(|| context.missing("message_id"))
        })?;
        let is_direct = read_direct(fields, &content)?;
        Ok(Self::Send { to, content, context, is_direct })
    }
}

fn read_direct(fields: Fields<'_>, content: &Content) -> Result<bool, RequestFault> {
    let Some(category) = fields.text("category")? else { return Ok(false) };
    let wrong = |why: &str| RequestFault::invalid(fields.path_of("category"), why);
    if !matches!(content, Content::VoiceCall(_)) {
        return Err(wrong("only an interactive voice_call message has a category"));
    }
    if !category.eq_ignore_ascii_case("utility") {
        return Err(wrong("must be utility"));
    }
    Ok(true)
}

fn read_mark(fields: Fields<'_>, status: &str) -> Result<MessageRequest, RequestFault> {
    read::check_word("status", status, &["read"])?;
    let message_id = fields.parsed("message_id")?.ok_or_else(|| fields.missing("message_id"))?;
    Ok(MessageRequest::MarkRead { message_id })
}

fn read_text(fields: Fields<'_>) -> Result<Content, RequestFault> {
    let body = fields.text("body")?.filter(|body| !body.is_empty());
    Ok(Content::Text { body: body.ok_or_else(|| fields.missing("body"))?.to_owned() })
}

fn read_interactive(fields: Fields<'_>) -> Result<Content, RequestFault> {
    let kind = fields.required_text("type")?;
    if kind != "call_permission_request" && kind != "voice_call" {
        return Err(RequestFault::UnsupportedType { path: fields.path_of("type") });
    }
    let body = fields.object("body", |body| Ok(body.text("text")?.map(str::to_owned)))?.flatten();
    fields.required_object("action", |action| {
        read::check_word(
            &action.path_of("name"),
            action.required_text("name")?,
            &["call_permission_request", "voice_call"],
        )?;
        if action.text("name")? != Some(kind) {
            return Err(RequestFault::invalid(action.path_of("name"), format!("must be {kind}")));
        }
        if kind == "call_permission_request" {
            return Ok(Content::CallPermissionRequest { body: body.clone() });
        }
        let body = body.clone().ok_or_else(|| fields.missing("body"))?;
        let button = CallButton { body, display_text: None, ttl_minutes: None, payload: None };
        let empty = button.clone();
        let read = action.object("parameters", |parameters| read_button(parameters, button))?;
        Ok(Content::VoiceCall(read.unwrap_or(empty)))
    })
}

fn read_button(fields: Fields<'_>, mut button: CallButton) -> Result<CallButton, RequestFault> {
    button.display_text = fields.text("display_text")?.map(str::to_owned);
    button.payload = fields.text("payload")?.map(str::to_owned);
    button.ttl_minutes = fields.integer("ttl_minutes")?;
    Ok(button)
}

fn read_template(fields: Fields<'_>) -> Result<Content, RequestFault> {
    let language = fields.required_object("language", |language| {
        language.required_text("code").map(str::to_owned)
    })?;
    Ok(Content::Template(Template {
        name: fields.required_text("name")?.to_owned(),
        language,
        components: fields.list("components")?.unwrap_or_default().to_vec(),
    }))
}

impl Serialize for MessageRequest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut body = Map::new();
        body.insert("messaging_product".into(), crate::WHATSAPP.into());
        match self {
            Self::Send { to, content, context, is_direct } => {
                body.insert("recipient_type".into(), "individual".into());
                if let Some(wa_id) = &to.wa_id {
                    body.insert("to".into(), wa_id.as_str().into());
                }
                if let Some(user_id) = &to.user_id {
                    body.insert("recipient".into(), user_id.as_str().into());
                }
                if let Some(id) = context {
                    body.insert("context".into(), json!({ "message_id": id }));
                }
                if *is_direct {
                    body.insert("category".into(), "utility".into());
                }
                let (kind, content) = content.to_json();
                body.insert("type".into(), kind.into());
                body.insert(kind.into(), content);
            }
            Self::MarkRead { message_id } => {
                body.insert("status".into(), "read".into());
                body.insert("message_id".into(), message_id.as_str().into());
            }
        }
        body.serialize(to)
    }
}

impl Content {
    /// The type's word and the object under it.
    fn to_json(&self) -> (&'static str, Value) {
        match self {
            Self::Text { body } => ("text", json!({ "body": body })),
            Self::CallPermissionRequest { body } => {
                let mut content = json!({
                    "type": "call_permission_request",
                    "action": { "name": "call_permission_request" },
                });
                if let Some(text) = body {
                    content["body"] = json!({ "text": text });
                }
                ("interactive", content)
            }
            Self::VoiceCall(button) => ("interactive", button.to_json()),
            Self::Template(template) => {
                let mut content = json!({
                    "name": template.name,
                    "language": { "code": template.language },
                });
                if !template.components.is_empty() {
                    content["components"] = template.components.clone().into();
                }
                ("template", content)
            }
        }
    }
}

impl CallButton {
    fn to_json(&self) -> Value {
        let mut parameters = Map::new();
        if let Some(text) = &self.display_text {
            parameters.insert("display_text".into(), text.as_str().into());
        }
        if let Some(minutes) = self.ttl_minutes {
            parameters.insert("ttl_minutes".into(), minutes.into());
        }
        if let Some(payload) = &self.payload {
            parameters.insert("payload".into(), payload.as_str().into());
        }
        let mut content = json!({
            "type": "voice_call",
            "body": { "text": self.body },
            "action": { "name": "voice_call" },
        });
        if !parameters.is_empty() {
            content["action"]["parameters"] = parameters.into();
        }
        content
    }
}

/// What a sent message is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// `whatsapp`.
    #[serde(default = "super::permission::whatsapp")]
    pub messaging_product: String,
    /// Whom it was for.
    #[serde(default)]
    pub contacts: Vec<SentContact>,
    /// The new message, one.
    pub messages: Vec<SentMessage>,
}

/// Whom a message was for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentContact {
    /// As the request wrote it.
    pub input: String,
    /// The user's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<WaId>,
    /// The user's business-scoped id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentMessage {
    /// Its id.
    pub id: MessageId,
    /// `accepted`, or held for a quality check; templates only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_status: Option<String>,
}
