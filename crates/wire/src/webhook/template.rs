//! What became of a template? The field `message_template_status_update` (fact sheet 4.4; its body is
//! general Cloud API knowledge).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use terms::TemplateId;

use crate::open::open_enum;

open_enum! {
    /// What became of it.
    TemplateEvent {
        /// It may be sent.
        Approved = "APPROVED",
        /// It may not.
        Rejected = "REJECTED",
        /// It waits for its review.
        Pending = "PENDING",
    }
}

/// The value of a change in `message_template_status_update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateStatusUpdate {
    /// What became of it.
    pub event: TemplateEvent,
    /// Its id, written as a number.
    #[serde(serialize_with = "write_id", deserialize_with = "read_id")]
    pub message_template_id: TemplateId,
    /// Its name.
    pub message_template_name: String,
    /// Its language.
    pub message_template_language: String,
    /// Why it was rejected; `NONE` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whatever else is there, as it came.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn write_id<S: Serializer>(id: &TemplateId, to: S) -> Result<S::Ok, S::Error> {
    let number = id.as_str().parse::<u64>().ok().filter(|number| number.to_string() == id.as_str());
    match number {
        Some(number) => to.serialize_u64(number),
        None => to.serialize_str(id.as_str()),
    }
}

fn read_id<'de, D: Deserializer<'de>>(from: D) -> Result<TemplateId, D::Error> {
    let value = Value::deserialize(from)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().map_err(serde::de::Error::custom)
}
