//! What may a business write to its calling settings?
//!
//! The body of `POST /{PNID}/settings`, below `calling`, before any value was judged. A field left
//! out stays as it is, except inside `call_hours`, which is replaced as a whole.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The object `calling` of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct Change {
    pub status: Option<String>,
    pub call_icon_visibility: Option<String>,
    pub call_icons: Option<IconsChange>,
    pub call_hours: Option<HoursChange>,
    pub callback_permission_status: Option<String>,
    pub srtp_key_exchange_protocol: Option<String>,
    pub audio: Option<AudioChange>,
    pub sip: Option<SipChange>,
    pub voicemail: Option<VoicemailChange>,
    pub video: Option<VideoChange>,
}

/// `call_icons`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct IconsChange {
    pub restrict_to_user_countries: Option<Vec<String>>,
}

/// `call_hours`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct HoursChange {
    pub status: Option<String>,
    pub timezone_id: Option<String>,
    pub weekly_operating_hours: Option<Vec<IntervalChange>>,
    pub holiday_schedule: Option<Vec<HolidayChange>>,
}

/// One entry of `weekly_operating_hours`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct IntervalChange {
    pub day_of_week: String,
    pub open_time: String,
    pub close_time: String,
}

/// One entry of `holiday_schedule`; the documents also call its times open and close.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct HolidayChange {
    pub date: String,
    #[serde(alias = "open_time")]
    pub start_time: String,
    #[serde(alias = "close_time")]
    pub end_time: String,
}

/// `audio`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct AudioChange {
    pub additional_codecs: Option<Vec<String>>,
}

/// `sip`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct SipChange {
    pub status: Option<String>,
    pub webhook_delivery: Option<String>,
    pub servers: Option<Vec<SipServerChange>>,
}

/// One entry of `sip.servers`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct SipServerChange {
    pub hostname: String,
    pub port: Option<Port>,
    pub request_uri_user_params: BTreeMap<String, String>,
}

/// A port, as a number or, as some documents have it, as text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the two forms")]
pub enum Port {
    Number(u64),
    Text(String),
}

/// `voicemail`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct VoicemailChange {
    pub status: Option<String>,
    pub triggers: Option<Vec<String>>,
    pub audio: Option<VoicemailAudioChange>,
}

/// `voicemail.audio`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct VoicemailAudioChange {
    pub default: Option<AnnouncementChange>,
}

/// `voicemail.audio.default`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct AnnouncementChange {
    pub announcement_media_id: Option<u64>,
    pub timeout_seconds: Option<u64>,
}

/// `video`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the API, named as there")]
pub struct VideoChange {
    pub status: Option<String>,
}
