//! What did a user write, allow or refuse, and what became of our messages? The field `messages`
//! (fact sheet 4.5, 2.6).
//!
//! The answer to a permission request comes here, not in `calls`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use terms::{MessageId, Timestamp, UserId, WaId};

use super::{Contact, Metadata, WebhookError, call::whatsapp};
use crate::{open::open_enum, unix};

/// The value of a change in `messages`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessagesValue {
    /// `whatsapp`.
    #[serde(default = "whatsapp")]
    pub messaging_product: String,
    /// Which number.
    pub metadata: Metadata,
    /// The user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    /// What the user sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// What became of ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<MessageStatus>,
    /// Errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<WebhookError>,
}

impl MessagesValue {
    /// A value that is empty but for the number.
    #[must_use]
    pub fn new(metadata: Metadata) -> Self {
        Self {
            messaging_product: whatsapp(),
            metadata,
            contacts: Vec::new(),
            messages: Vec::new(),
            statuses: Vec::new(),
            errors: Vec::new(),
        }
    }
}

open_enum! {
    /// What kind of message.
    MessageType {
        /// A text.
        Text = "text",
        /// An answer to something interactive, such as a permission request.
        Interactive = "interactive",
        /// Audio; with a WACID as its id it is a voicemail.
        Audio = "audio",
    }
}

/// One message from a user.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The user's number. Missing for users with a username.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<WaId>,
    /// The user's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user_id: Option<UserId>,
    /// The user's id, scoped to the business above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_parent_user_id: Option<UserId>,
    /// The message; a WACID for a voicemail.
    pub id: MessageId,
    /// When.
    #[serde(with = "unix::text")]
    pub timestamp: Timestamp,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: MessageType,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// The interactive answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactive: Option<Interactive>,
    /// Whatever else is there (audio, images, errors), as it came.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("from", &self.from)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Message {
    fn new(id: MessageId, kind: MessageType, timestamp: Timestamp) -> Self {
        Self {
            from: None,
            from_user_id: None,
            from_parent_user_id: None,
            id,
            timestamp,
            kind,
            context: None,
            text: None,
            interactive: None,
            more: Map::new(),
        }
    }

    /// A text message, perhaps an answer to another.
    #[must_use]
    pub fn text(
        id: MessageId,
        timestamp: Timestamp,
        body: String,
        context: Option<Context>,
    ) -> Self {
        let mut message = Self::new(id, MessageType::Text, timestamp);
        message.context = context;
        message.text = Some(Text { body });
        message
    }

    /// An audio file; a voicemail has its call's id.
    #[must_use]
    pub fn audio(id: MessageId, timestamp: Timestamp, audio: &super::MediaRef) -> Self {
        let mut message = Self::new(id, MessageType::Audio, timestamp);
        message.more.insert("audio".to_owned(), audio.to_value());
        message
    }

    /// The answer to a permission request, or a change of permission without one.
    #[must_use]
    pub fn permission_reply(
        id: MessageId,
        timestamp: Timestamp,
        reply: CallPermissionReply,
        context: Option<Context>,
    ) -> Self {
        let mut message = Self::new(id, MessageType::Interactive, timestamp);
        message.context = context;
        message.interactive = Some(Interactive {
            kind: InteractiveType::CallPermissionReply,
            call_permission_reply: Some(reply),
            more: Map::new(),
        });
        message
    }

    /// The permission reply in this message, if it is one.
    #[must_use]
    pub fn call_permission_reply(&self) -> Option<&CallPermissionReply> {
        self.interactive.as_ref().and_then(|answer| answer.call_permission_reply.as_ref())
    }
}

/// What a message answers. `from` is not to be relied on (fact sheet 4.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// Whose message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<WaId>,
    /// Which message, or which call (a WACID).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
}

/// A text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text.
    pub body: String,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes)", self.body.len())
    }
}

open_enum! {
    /// What was answered.
    InteractiveType {
        /// A permission request.
        CallPermissionReply = "call_permission_reply",
    }
}

/// An interactive answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interactive {
    /// What was answered.
    #[serde(rename = "type")]
    pub kind: InteractiveType,
    /// The answer to a permission request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_permission_reply: Option<CallPermissionReply>,
    /// Whatever else is there, as it came.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

open_enum! {
    /// What the user decided.
    Response {
        /// May be called.
        Accept = "accept",
        /// May not, or no longer.
        Reject = "reject",
    }
}

open_enum! {
    /// Who decided.
    ResponseSource {
        /// The user.
        UserAction = "user_action",
        /// The platform: a callback grant, or too many unanswered calls.
        Automatic = "automatic",
    }
}

/// A permission was given, refused or taken back (fact sheet 4.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPermissionReply {
    /// What was decided.
    pub response: Response,
    /// Whether it stands until taken back; missing in old payloads and with `reject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_permanent: Option<bool>,
    /// When a temporary one ends.
    #[serde(default, with = "unix::text_option", skip_serializing_if = "Option::is_none")]
    pub expiration_timestamp: Option<Timestamp>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_source: Option<ResponseSource>,
}

open_enum! {
    /// What became of a message.
    Delivery {
        /// It left.
        Sent = "sent",
        /// It arrived.
        Delivered = "delivered",
        /// It was read.
        Read = "read",
        /// It did not arrive.
        Failed = "failed",
    }
}

/// What became of one of our messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageStatus {
    /// The message.
    pub id: MessageId,
    /// What became of it.
    pub status: Delivery,
    /// When.
    #[serde(with = "unix::text")]
    pub timestamp: Timestamp,
    /// The user's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<WaId>,
    /// The user's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_user_id: Option<UserId>,
    /// The id one level up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_parent_user_id: Option<UserId>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<WebhookError>,
    /// Whatever else is there (conversation, pricing), as it came.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl MessageStatus {
    /// A status with everything absent that may be.
    #[must_use]
    pub fn new(id: MessageId, status: Delivery, timestamp: Timestamp) -> Self {
        Self {
            id,
            status,
            timestamp,
            recipient_id: None,
            recipient_user_id: None,
            recipient_parent_user_id: None,
            errors: Vec::new(),
            more: Map::new(),
        }
    }
}
