//! How does an event read for one receiver?
//!
//! [`Format::CloudEvents`] is the document as it is kept. [`Format::Plain`] is for whoever takes JSON
//! and no envelope, such as a script or a tool that maps fields: what stands in `data` stands beside
//! `id`, `type` and `time`, by the same names.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::MEDIA_TYPE;

/// How a receiver wants its events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// CloudEvents 1.0 in JSON.
    #[default]
    CloudEvents,
    /// One flat JSON object.
    Plain,
}

impl Format {
    /// The media type of what [`Format::write`] writes.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::CloudEvents => MEDIA_TYPE,
            Self::Plain => "application/json",
        }
    }

    /// The body of a delivery; `document` is an event as CloudEvents has it. The same document is the
    /// same body.
    ///
    /// # Errors
    ///
    /// The document is no event.
    pub fn write(self, document: String) -> Result<String, serde_json::Error> {
        match self {
            Self::CloudEvents => Ok(document),
            Self::Plain => {
                serde_json::from_str::<Kept>(&document).and_then(|kept| plain(kept).to_text())
            }
        }
    }
}

/// A document of CloudEvents, read without knowing its type: an older gateway may have written it.
#[derive(Deserialize)]
struct Kept {
    id: String,
    source: String,
    subject: String,
    time: String,
    sequence: Option<String>,
    traceparent: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    data: Map<String, Value>,
}

#[derive(Serialize)]
struct Plain {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u32>,
    phone_number_id: String,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(flatten)]
    data: Map<String, Value>,
}

impl Plain {
    fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// The names beside the data. Of ours none is in any data but the line's, which is the same there; the
/// platform's words in `account.restricted` are its own.
const BESIDE: [&str; 7] =
    ["id", "type", "time", "sequence", "phone_number_id", "subject", "traceparent"];

fn plain(kept: Kept) -> Plain {
    let Kept { id, source, subject, time, sequence, traceparent, kind, mut data } = kept;
    data.retain(|name, _| !BESIDE.contains(&name.as_str()));
    let line = source.rsplit('/').next().unwrap_or(&source).to_owned();
    let sequence = sequence.and_then(|number| number.parse().ok());
    Plain { id, kind, time, sequence, phone_number_id: line, subject, traceparent, data }
}
