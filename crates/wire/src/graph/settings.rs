//! How is a number set up for calls? `/{PNID}/settings` (fact sheet 2).
//!
//! One shape, [`Calling`], is the request (what is absent stays as it is), the answer, and the
//! content of the `account_settings_update` webhook. Types and words are checked here; whether a
//! schedule makes sense (zones, overlaps, dates) is the rules' question.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use terms::Timestamp;

use crate::{
    RequestFault,
    open::open_enum,
    read::{self, Fields},
    unix,
};

/// The body of a write, and of the answer to a read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// All about calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calling: Option<Calling>,
    /// Another feature of the same endpoint; `{"status":"DEFAULT"}` in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_configuration: Option<Value>,
    /// Another feature of the same endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_identity_change: Option<Value>,
    /// Another feature of the same endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_encryption: Option<Value>,
}

/// The `calling` object. Absent in a write: unchanged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calling {
    /// Calls on or off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Switch>,
    /// Whether users see the call icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_icon_visibility: Option<IconVisibility>,
    /// To whom the icon is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_icons: Option<CallIcons>,
    /// When users may call. A write replaces it as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_hours: Option<CallHours>,
    /// Whether a user's call grants permission to call back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_permission_status: Option<Switch>,
    /// How media keys are agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srtp_key_exchange_protocol: Option<KeyExchange>,
    /// Codecs beside Opus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<Audio>,
    /// SIP instead of Graph and webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip: Option<Sip>,
    /// Voicemail, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voicemail: Option<Value>,
    /// Video, as it came; not launched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<Value>,
    /// What is not allowed now; answers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restrictions: Option<Restrictions>,
}

open_enum! {
    /// On or off.
    Switch {
        /// On.
        Enabled = "ENABLED",
        /// Off.
        Disabled = "DISABLED",
        /// Never touched; answers only.
        NotSet = "NOT_SET",
    }
}

/// What a request may say; `NOT_SET` is for answers.
const SWITCH_WORDS: &[&str] = &["ENABLED", "DISABLED"];

open_enum! {
    /// Whether users see the call icon.
    IconVisibility {
        /// Wherever calls are possible.
        Default = "DEFAULT",
        /// Nowhere.
        DisableAll = "DISABLE_ALL",
        /// Never touched; answers only.
        NotSet = "NOT_SET",
    }
}

open_enum! {
    /// How media keys are agreed.
    KeyExchange {
        /// A DTLS handshake on the media path.
        Dtls = "DTLS",
        /// Keys in the SDP.
        Sdes = "SDES",
    }
}

open_enum! {
    /// A codec beside Opus.
    AudioCodec {
        /// G.711 A-law.
        Pcma = "PCMA",
        /// G.711 µ-law.
        Pcmu = "PCMU",
    }
}

open_enum! {
    /// A day of the week.
    Weekday {
        /// Monday.
        Monday = "MONDAY",
        /// Tuesday.
        Tuesday = "TUESDAY",
        /// Wednesday.
        Wednesday = "WEDNESDAY",
        /// Thursday.
        Thursday = "THURSDAY",
        /// Friday.
        Friday = "FRIDAY",
        /// Saturday.
        Saturday = "SATURDAY",
        /// Sunday.
        Sunday = "SUNDAY",
    }
}

/// To whom the icon is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CallIcons {
    /// Only to users whose number is of these countries; empty is everybody. Absent in a write:
    /// unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restrict_to_user_countries: Option<Vec<String>>,
}

/// When users may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CallHours {
    /// Off is always open.
    pub status: Switch,
    /// An IANA name.
    #[serde(default)]
    pub timezone_id: String,
    /// The week; days without an entry are closed.
    #[serde(default)]
    pub weekly_operating_hours: Vec<OpeningHours>,
    /// Dates that differ. A write without it deletes the stored ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holiday_schedule: Vec<Holiday>,
}

/// One opening on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OpeningHours {
    /// Which day.
    pub day_of_week: Weekday,
    /// `HHMM`.
    pub open_time: String,
    /// `HHMM`.
    pub close_time: String,
}

/// One date that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Holiday {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// `HHMM`. Documents also call it `open_time`.
    #[serde(alias = "open_time")]
    pub start_time: String,
    /// `HHMM`. Documents also call it `close_time`.
    #[serde(alias = "close_time")]
    pub end_time: String,
}

/// Codecs beside Opus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// Which. Absent in a write: unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_codecs: Option<Vec<AudioCodec>>,
}

/// SIP instead of Graph and webhooks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sip {
    /// On: Graph's call actions are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Switch>,
    /// Whether SIP calls send webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_delivery: Option<Switch>,
    /// Where calls go; an empty list deletes this app's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<SipServer>>,
}

/// Where SIP calls go.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipServer {
    /// The app that set it; answers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<u64>,
    /// Its name, which its certificate covers.
    pub hostname: String,
    /// Its port; in a write the platform's default (5061) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Added to the user part of the Request-URI.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub request_uri_user_params: Map<String, Value>,
    /// The digest password; answers only, and only when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_user_password: Option<String>,
}

impl std::fmt::Debug for SipServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SipServer")
            .field("app_id", &self.app_id)
            .field("hostname", &self.hostname)
            .field("port", &self.port)
            .field("sip_user_password", &self.sip_user_password.as_ref().map(|_| "***"))
            .finish_non_exhaustive()
    }
}

/// What is not allowed now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Restrictions {
    /// Each restriction.
    #[serde(default, alias = "restriction_list")]
    pub restrictions_list: Vec<Restriction>,
}

/// One restriction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Restriction {
    /// Such as `RESTRICTED_BUSINESS_INITIATED_CALLING`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ends.
    #[serde(default, with = "unix::number_option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>))]
    pub expiration: Option<Timestamp>,
}

impl Settings {
    /// Reads the raw body of a write.
    ///
    /// # Errors
    ///
    /// The first fault, in the order of the fields.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestFault> {
        let map = read::body(bytes)?;
        let fields = Fields::root(&map);
        Ok(Self {
            calling: fields.object("calling", read_calling)?,
            storage_configuration: read_free_object(fields, "storage_configuration")?,
            user_identity_change: read_free_object(fields, "user_identity_change")?,
            payload_encryption: read_free_object(fields, "payload_encryption")?,
        })
    }
}

fn read_calling(fields: Fields<'_>) -> Result<Calling, RequestFault> {
    Ok(Calling {
        status: fields.word("status", SWITCH_WORDS)?,
        call_icon_visibility: fields.word("call_icon_visibility", &["DEFAULT", "DISABLE_ALL"])?,
        call_icons: fields.object("call_icons", read_icons)?,
        call_hours: fields.object("call_hours", read_hours)?,
        callback_permission_status: fields.word("callback_permission_status", SWITCH_WORDS)?,
        srtp_key_exchange_protocol: fields
            .word("srtp_key_exchange_protocol", KeyExchange::WORDS)?,
        audio: fields.object("audio", read_audio)?,
        sip: fields.object("sip", read_sip)?,
        voicemail: read_free_object(fields, "voicemail")?,
        video: read_free_object(fields, "video")?,
        restrictions: None,
    })
}

fn read_free_object(fields: Fields<'_>, name: &str) -> Result<Option<Value>, RequestFault> {
    fields.object(name, |_| Ok(()))?;
    Ok(fields.value(name).cloned())
}

fn read_icons(fields: Fields<'_>) -> Result<CallIcons, RequestFault> {
    let countries = fields.texts("restrict_to_user_countries")?;
    for (at, country) in countries.iter().flatten().enumerate() {
        if country.parse::<terms::Country>().is_err() {
            let path = format!("{}[{at}]", fields.path_of("restrict_to_user_countries"));
            return Err(RequestFault::invalid(path, "an ISO 3166-1 alpha-2 country code"));
        }
    }
    Ok(CallIcons { restrict_to_user_countries: countries })
}

fn read_hours(fields: Fields<'_>) -> Result<CallHours, RequestFault> {
    Ok(CallHours {
        status: fields.word("status", SWITCH_WORDS)?.ok_or_else(|| fields.missing("status"))?,
        timezone_id: fields.required_text("timezone_id")?.to_owned(),
        weekly_operating_hours: fields
            .objects("weekly_operating_hours", read_opening)?
            .ok_or_else(|| fields.missing("weekly_operating_hours"))?,
        holiday_schedule: fields.objects("holiday_schedule", read_holiday)?.unwrap_or_default(),
    })
}

fn read_opening(fields: Fields<'_>) -> Result<OpeningHours, RequestFault> {
    let day = fields.word("day_of_week", Weekday::WORDS)?;
    Ok(OpeningHours {
        day_of_week: day.ok_or_else(|| fields.missing("day_of_week"))?,
        open_time: fields.required_text("open_time")?.to_owned(),
        close_time: fields.required_text("close_time")?.to_owned(),
    })
}

fn read_holiday(fields: Fields<'_>) -> Result<Holiday, RequestFault> {
    let either = |name: &str, other: &str| match fields.text(name)? {
        Some(text) => Ok(text.to_owned()),
        None => fields.text(other)?.map(str::to_owned).ok_or_else(|| fields.missing(name)),
    };
    Ok(Holiday {
        date: fields.required_text("date")?.to_owned(),
        start_time: either("start_time", "open_time")?,
        end_time: either("end_time", "close_time")?,
    })
}

fn read_audio(fields: Fields<'_>) -> Result<Audio, RequestFault> {
    let codecs = fields.texts("additional_codecs")?;
    let path = fields.path_of("additional_codecs");
    for (at, codec) in codecs.iter().flatten().enumerate() {
        read::check_word(&format!("{path}[{at}]"), codec, AudioCodec::WORDS)?;
    }
    let read = |list: Vec<String>| list.iter().map(|it| AudioCodec::from(it.as_str())).collect();
    Ok(Audio { additional_codecs: codecs.map(read) })
}

fn read_sip(fields: Fields<'_>) -> Result<Sip, RequestFault> {
    Ok(Sip {
        status: fields.word("status", SWITCH_WORDS)?,
        webhook_delivery: fields.word("webhook_delivery", SWITCH_WORDS)?,
        servers: fields.objects("servers", read_server)?,
    })
}

fn read_server(fields: Fields<'_>) -> Result<SipServer, RequestFault> {
    let port = match fields.value("port") {
        // Documents also say the port is a string.
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => fields.integer("port")?,
        None => None,
    };
    let bad_port = || RequestFault::invalid(fields.path_of("port"), "a TCP port");
    if fields.value("port").is_some() && port.is_none() {
        return Err(bad_port());
    }
    let port = port.map(|port: i64| u16::try_from(port).ok().filter(|port| *port > 0));
    Ok(SipServer {
        app_id: None,
        hostname: fields.required_text("hostname")?.to_owned(),
        port: port.map(|port| port.ok_or_else(bad_port)).transpose()?,
        request_uri_user_params: fields
            .object("request_uri_user_params", read_uri_params)?
            .unwrap_or_default(),
        sip_user_password: None,
    })
}

fn read_uri_params(fields: Fields<'_>) -> Result<Map<String, Value>, RequestFault> {
    Ok(fields.text_pairs()?.into_iter().map(|(name, value)| (name, value.into())).collect())
}
