//! What is wrapped around every webhook?
//!
//! `{object, entry: [{id, changes: [{field, value}]}]}`. A reader goes over all entries and all
//! changes. A change whose value we cannot read does not spoil the others: it becomes
//! [`Change::Unreadable`].

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;
use terms::WabaId;

use super::{
    account::{AccountUpdate, SettingsUpdate},
    call::CallsValue,
    message::MessagesValue,
    template::TemplateStatusUpdate,
};

/// The `object` of every envelope.
pub const OBJECT: &str = "whatsapp_business_account";

/// One delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// `whatsapp_business_account`.
    pub object: String,
    /// One for each account.
    pub entry: Vec<Entry>,
}

/// What changed in one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The account; `0` in samples of `account_update`.
    pub id: WabaId,
    /// When, in Unix seconds; only with `account_update`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
    /// The changes.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Clone, PartialEq)]
pub enum Change {
    /// Field `calls`.
    Calls(Box<CallsValue>),
    /// Field `messages`.
    Messages(Box<MessagesValue>),
    /// Field `account_settings_update`.
    SettingsUpdate(Box<SettingsUpdate>),
    /// Field `account_update`.
    AccountUpdate(Box<AccountUpdate>),
    /// Field `message_template_status_update`.
    TemplateStatus(Box<TemplateStatusUpdate>),
    /// A field this version does not know.
    Other {
        /// Its name.
        field: String,
        /// Its value, as it came.
        value: Value,
    },
    /// A known field with a value we cannot read.
    Unreadable {
        /// Its name.
        field: String,
        /// Its value, as it came.
        value: Value,
        /// What we stumbled over. May quote the value: for DEBUG only.
        why: String,
    },
}

impl fmt::Debug for Change {
    /// Shows no value we could not read: it may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls(value) => value.fmt(f),
            Self::Messages(value) => value.fmt(f),
            Self::SettingsUpdate(value) => value.fmt(f),
            Self::AccountUpdate(value) => value.fmt(f),
            Self::TemplateStatus(value) => value.fmt(f),
            Self::Other { field, .. } => write!(f, "Other({field:?})"),
            Self::Unreadable { field, .. } => write!(f, "Unreadable({field:?})"),
        }
    }
}

/// A body that is not an envelope.
#[derive(Debug, thiserror::Error)]
#[error("the webhook is not an envelope of WhatsApp")]
pub struct EnvelopeError(#[source] serde_json::Error);

impl Envelope {
    /// An envelope with one change.
    #[must_use]
    pub fn of(account: WabaId, change: Change) -> Self {
        let entry = vec![Entry { id: account, time: None, changes: vec![change] }];
        Self { object: OBJECT.into(), entry }
    }

    /// Reads the raw body. Verify its signature first.
    ///
    /// # Errors
    ///
    /// The body is not JSON, or not an envelope.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice(bytes).map_err(EnvelopeError)
    }

    /// Every change of every entry.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.entry.iter().flat_map(|entry| &entry.changes)
    }
}

impl Change {
    /// The webhook field, the name one subscribes to.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            Self::Calls(_) => "calls",
            Self::Messages(_) => "messages",
            Self::SettingsUpdate(_) => "account_settings_update",
            Self::AccountUpdate(_) => "account_update",
            Self::TemplateStatus(_) => "message_template_status_update",
            Self::Other { field, .. } | Self::Unreadable { field, .. } => field,
        }
    }

    fn read(field: String, value: Value) -> Self {
        let read = match field.as_str() {
            "calls" => CallsValue::deserialize(&value).map(|v| Self::Calls(Box::new(v))),
            "messages" => MessagesValue::deserialize(&value).map(|v| Self::Messages(Box::new(v))),
            "account_settings_update" => {
                SettingsUpdate::deserialize(&value).map(|v| Self::SettingsUpdate(Box::new(v)))
            }
            "account_update" => {
                AccountUpdate::deserialize(&value).map(|v| Self::AccountUpdate(Box::new(v)))
            }
            "message_template_status_update" => {
                TemplateStatusUpdate::deserialize(&value).map(|v| Self::TemplateStatus(Box::new(v)))
            }
            _ => return Self::Other { field, value },
        };
        read.unwrap_or_else(|why| Self::Unreadable { field, value, why: why.to_string() })
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            field: String,
            #[serde(default)]
            value: Value,
        }
        let raw = Raw::deserialize(from)?;
        Ok(Self::read(raw.field, raw.value))
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut change = to.serialize_struct("Change", 2)?;
        change.serialize_field("field", self.field())?;
        match self {
            Self::Calls(value) => change.serialize_field("value", value)?,
            Self::Messages(value) => change.serialize_field("value", value)?,
            Self::SettingsUpdate(value) => change.serialize_field("value", value)?,
            Self::AccountUpdate(value) => change.serialize_field("value", value)?,
            Self::TemplateStatus(value) => change.serialize_field("value", value)?,
            Self::Other { value, .. } | Self::Unreadable { value, .. } => {
                change.serialize_field("value", value)?;
            }
        }
        change.end()
    }
}
