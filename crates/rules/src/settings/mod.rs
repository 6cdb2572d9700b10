//! What are a number's calling settings, and is a change to them possible?
//!
//! [`apply`] takes the stored settings and a [`Change`] and gives the new settings, all or nothing.
//! Enabling has conditions of its own: the messaging tier, the number's country where the rulebook
//! blocks calling as a whole, and somebody who hears of calls. `None` is a field that was never
//! touched, which the API reads back as `NOT_SET`.

mod change;
mod check_hours;
mod others;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use terms::{AppId, Country, Timestamp};

pub use change::{
    AnnouncementChange, AudioChange, Change, HolidayChange, HoursChange, IconsChange,
    IntervalChange, Port, SipChange, SipServerChange, VideoChange, VoicemailAudioChange,
    VoicemailChange,
};
pub use others::{Announcement, Sip, SipPassword, SipServer, Trigger, Voicemail};

use crate::{
    Refusal,
    eligibility::{check_country_for_calling, check_grant},
    hours::CallHours,
    limits::NumberKind,
    quality::{self, Restriction},
    rulebook::Rulebook,
};

/// On or off, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the two words of the API")]
pub enum Switch {
    Enabled,
    Disabled,
}

/// `call_icon_visibility`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IconVisibility {
    /// Shown.
    Default,
    /// Hidden in the chat, the business's page and outside.
    DisableAll,
}

/// `srtp_key_exchange_protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the two protocols")]
pub enum KeyExchange {
    Dtls,
    Sdes,
}

/// A codec beside Opus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the two codecs")]
pub enum Codec {
    Pcma,
    Pcmu,
}

/// A number's calling settings; `None` was never set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallingSettings {
    /// Calling is on.
    pub status: Option<Switch>,
    /// Whether users see a call icon.
    pub call_icon_visibility: Option<IconVisibility>,
    /// Countries of users who see the icon; empty means all.
    pub icon_countries: Vec<Country>,
    /// When calls are taken.
    pub call_hours: Option<CallHours>,
    /// A user who calls gives a temporary permission.
    pub callback_permission_status: Option<Switch>,
    /// How media keys are exchanged.
    pub srtp_key_exchange_protocol: Option<KeyExchange>,
    /// Codecs beside Opus.
    pub additional_codecs: Option<Vec<Codec>>,
    /// Signalling over SIP.
    pub sip: Option<Sip>,
    /// Voicemail.
    pub voicemail: Option<Voicemail>,
    /// Stored, without effect: video is not launched.
    pub video_status: Option<Switch>,
}

impl CallingSettings {
    /// Calls can be placed and taken.
    #[must_use]
    pub fn calling_enabled(&self) -> bool {
        self.status == Some(Switch::Enabled)
    }

    /// Calls are signalled over SIP.
    #[must_use]
    pub fn sip_enabled(&self) -> bool {
        self.sip.as_ref().is_some_and(|sip| sip.status == Switch::Enabled)
    }

    /// Calls are told by webhook: always with Graph's signalling, with SIP only where that is set.
    #[must_use]
    pub fn tells_calls(&self) -> bool {
        let sip = self.sip.as_ref().filter(|sip| sip.status == Switch::Enabled);
        sip.is_none_or(|sip| sip.webhook_delivery == Switch::Enabled)
    }

    /// A user's call grants a callback.
    #[must_use]
    pub fn grants_callback(&self) -> bool {
        self.callback_permission_status == Some(Switch::Enabled)
    }

    /// A user of this country sees the call icon.
    #[must_use]
    pub fn shows_icon(&self, user_country: Option<Country>) -> bool {
        let listed = self.icon_countries.is_empty()
            || user_country.is_some_and(|country| self.icon_countries.contains(&country));
        self.calling_enabled()
            && self.call_icon_visibility != Some(IconVisibility::DisableAll)
            && listed
    }
}

/// What enabling depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisites {
    /// The messaging tier: unique recipients a day.
    pub tier: u32,
    /// Test numbers need no tier.
    pub kind: NumberKind,
    /// The number's country.
    pub country: Option<Country>,
    /// What the account declared to use calls for.
    pub use_case: String,
    /// An app subscribed to the WABA subscribes to field `calls`.
    pub app_listens: bool,
    /// Who wants the change.
    pub asker: Asker,
}

/// Who wants a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The app; `None` is a client of the 360dialog edition, or the sandbox.
    pub app: Option<AppId>,
    /// The app is in live mode, which SIP needs.
    pub is_live: bool,
}

impl Asker {
    /// Nobody's app.
    pub const DIRECT: Self = Self { app: None, is_live: true };
}

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The new settings.
    pub settings: CallingSettings,
    /// One of the watched fields changed: send `account_settings_update`.
    pub notify: bool,
}

/// May the calling settings be changed at all?
///
/// # Errors
///
/// [`Refusal::Restricted`] while the combined restriction holds, if the rulebook has it so.
pub fn may_change(
    restrictions: &[Restriction],
    book: &Rulebook,
    now: Timestamp,
) -> Result<(), Refusal> {
    if book.settings.restriction_blocks_changes.value {
        quality::check_settings(restrictions, now)
    } else {
        Ok(())
    }
}

/// Applies a change, all or nothing.
///
/// # Errors
///
/// The first refusal: a wrong value, or a condition of enabling that is not met.
pub fn apply(
    current: &CallingSettings,
    change: &Change,
    prerequisites: &Prerequisites,
    book: &Rulebook,
    now: Timestamp,
) -> Result<Applied, Refusal> {
    let mut settings = current.clone();
    set(&mut settings.status, "status", change.status.as_ref())?;
    set(
        &mut settings.call_icon_visibility,
        "call_icon_visibility",
        change.call_icon_visibility.as_ref(),
    )?;
    set(
        &mut settings.callback_permission_status,
        "callback_permission_status",
        change.callback_permission_status.as_ref(),
    )?;
    set(
        &mut settings.srtp_key_exchange_protocol,
        "srtp_key_exchange_protocol",
        change.srtp_key_exchange_protocol.as_ref(),
    )?;
    let video = change.video.as_ref().and_then(|video| video.status.as_ref());
    set(&mut settings.video_status, "video.status", video)?;
    let countries = change.call_icons.as_ref().and_then(|i| i.restrict_to_user_countries.as_ref());
    if let Some(countries) = countries {
        settings.icon_countries = check_countries(countries)?;
    }
    if let Some(codecs) = change.audio.as_ref().and_then(|audio| audio.additional_codecs.as_ref()) {
        let codecs = codecs.iter().map(|codec| word("audio.additional_codecs", codec));
        settings.additional_codecs = Some(codecs.collect::<Result<_, _>>()?);
    }
    if let Some(hours) = &change.call_hours {
        settings.call_hours = Some(check_hours::check_hours(hours, book, now)?);
    }
    if let Some(sip) = &change.sip {
        settings.sip =
            Some(others::check_sip(settings.sip.as_ref(), sip, &prerequisites.asker, book)?);
    }
    if let Some(voicemail) = &change.voicemail {
        let current = settings.voicemail.as_ref();
        settings.voicemail = Some(others::check_voicemail(current, voicemail, book)?);
    }
    if settings.grants_callback() && !current.grants_callback() {
        check_grant(prerequisites.country, book)?;
    }
    if settings.calling_enabled() && !current.calling_enabled() {
        check_enabling(&settings, prerequisites, book)?;
    }
    let notify = watched(current) != watched(&settings);
    Ok(Applied { settings, notify })
}

type Watched = (Option<Switch>, Option<IconVisibility>, Option<Switch>, bool, Option<KeyExchange>);

/// The five fields whose change is announced (fact sheet 2.8).
fn watched(settings: &CallingSettings) -> Watched {
    (
        settings.status,
        settings.call_icon_visibility,
        settings.callback_permission_status,
        settings.sip_enabled(),
        settings.srtp_key_exchange_protocol,
    )
}

fn check_enabling(
    settings: &CallingSettings,
    prerequisites: &Prerequisites,
    book: &Rulebook,
) -> Result<(), Refusal> {
    check_country_for_calling(prerequisites.country, book)?;
    let allowed = &book.eligibility.use_cases.value;
    if !allowed.contains(&prerequisites.use_case) {
        return Err(Refusal::UseCaseBlocked {
            use_case: prerequisites.use_case.clone(),
            allowed: allowed.clone(),
            code: book.eligibility.use_case_code.value,
        });
    }
    let (tier, min) = (prerequisites.tier, book.eligibility.tier_min.value);
    if !prerequisites.kind.is_for_tests() && tier < min {
        return Err(Refusal::TierTooLow { tier, min });
    }
    if !settings.sip_enabled() && !prerequisites.app_listens {
        return Err(Refusal::NobodyListens);
    }
    Ok(())
}

fn check_countries(countries: &[String]) -> Result<Vec<Country>, Refusal> {
    const FIELD: &str = "call_icons.restrict_to_user_countries";
    let read = |text: &String| {
        text.parse().map_err(|_| invalid(FIELD, &format!("{text:?} is not an ISO 3166-1 code")))
    };
    countries.iter().map(read).collect()
}

fn set<T: DeserializeOwned>(
    field: &mut Option<T>,
    name: &str,
    text: Option<&String>,
) -> Result<(), Refusal> {
    if let Some(text) = text {
        *field = Some(word(name, text)?);
    }
    Ok(())
}

/// Reads one of the API's words.
fn word<T: DeserializeOwned>(field: &str, text: &str) -> Result<T, Refusal> {
    use serde::de::{IntoDeserializer, value::Error};
    let read: Result<T, Error> = T::deserialize(text.into_deserializer());
    read.map_err(|_| invalid(field, &format!("{text:?} is not a valid value")))
}

fn invalid(field: &str, reason: &str) -> Refusal {
    Refusal::SettingInvalid { field: field.to_owned(), reason: reason.to_owned() }
}
