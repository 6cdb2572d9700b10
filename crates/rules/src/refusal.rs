//! Why not?
//!
//! Every "no" of the platform, in the domain's words. Each variant's doc names the Graph code the
//! platform answers with; the text here is the detail a client may read. A refusal carries the
//! evidence it rests on and, where one is known, the next moment at which the answer changes.

use std::time::Duration;

use terms::{Country, Direction, Timestamp};

use crate::{
    permission::Absence,
    rulebook::{ConcurrencyScope, CountryScope},
};

/// A rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The call's state does not take this input (`accept` of a running call). Code 100.
    #[error("{input} is not possible while the call is {state}")]
    WrongState {
        /// The input, such as `accept`.
        input: &'static str,
        /// The state, such as `accepted`.
        state: &'static str,
    },
    /// The call is over. Code 100.
    #[error("{input} is not possible: the call has ended ({reason})")]
    CallEnded {
        /// The input.
        input: &'static str,
        /// Why the call ended.
        reason: &'static str,
    },
    /// The answer came after the answer window closed. Code 138007.
    #[error("{input} came after the time to answer this call was over")]
    AnsweredTooLate {
        /// The input.
        input: &'static str,
    },
    /// This action belongs to calls of the other direction. Code 100.
    #[error("{input} is not possible for a call of direction {direction}")]
    WrongDirection {
        /// The input.
        input: &'static str,
        /// The call's direction.
        direction: Direction,
    },
    /// No such call at this number. Code 100.
    #[error("no call with this id at this number")]
    UnknownCall,
    /// `accept` or a second `pre_accept` brought another SDP. Code 100.
    #[error("the SDP answer differs from the one given with pre_accept; both must be identical")]
    SdpDiffers,

    /// The number speaks SIP, so Graph call actions are off. Code 131055.
    #[error("calls of this number are signalled over SIP; Graph call actions are not allowed")]
    SipEnabled,
    /// Calling is not switched on. Code 138000.
    #[error("calling is not enabled for this number")]
    CallingNotEnabled,
    /// The business number's country is blocked. Code 138013.
    #[error("{} not available to business numbers of {}",
        match scope { CountryScope::Calling => "calling is", CountryScope::BusinessInitiated => "business-initiated calls are" },
        country)]
    CountryBlocked {
        /// The number's country.
        country: Country,
        /// What is blocked.
        scope: CountryScope,
    },
    /// A restriction for low quality is active. Code 138014.
    #[error("calling is restricted for this number until {until}")]
    Restricted {
        /// When it ends.
        until: Timestamp,
    },
    /// The account has no valid payment method. The code is the rulebook's (131044).
    #[error("the account has no valid payment method")]
    PaymentMissing {
        /// The Graph code the rulebook gives this refusal.
        code: u32,
    },
    /// The user cannot be called. Code 138001.
    #[error("the user cannot be called: {why}")]
    Uncallable {
        /// Why, for the log and the sandbox.
        why: &'static str,
    },
    /// The user has blocked the business, which is not told so. The code is the rulebook's (138001).
    #[error("the user cannot be called")]
    BlockedByUser {
        /// The Graph code the rulebook gives this refusal.
        code: u32,
    },
    /// The user has blocked the business; neither reaches the other. Code 138001.
    #[error("the user has blocked this business; unblock it first")]
    Blocked,
    /// The user's app is too old for a request or a call button. Message status 131026.
    #[error("the user's app is too old to show this message")]
    AppTooOld,
    /// No app of the user can get this message. Message status 131026.
    #[error("the message cannot be delivered: {why}")]
    Undeliverable {
        /// Why.
        why: &'static str,
    },
    /// A public test number may only reach its listed recipients. Code 131030.
    #[error("the user is not on the allowed list of this test number")]
    NotOnAllowedList,

    /// A version of the API that is no longer there. Code 2635.
    #[error("v{version}.0 of the API is no longer available; use v{min}.0 or later")]
    VersionTooOld {
        /// The version asked for.
        version: u32,
        /// The oldest one there is.
        min: u32,
    },
    /// The account's declared use case has no calling. The code is the rulebook's (138015).
    #[error("calling is not available for the use case {use_case:?}; it is for {}", allowed.join(", "))]
    UseCaseBlocked {
        /// What the account declared.
        use_case: String,
        /// What has calling.
        allowed: Vec<String>,
        /// The Graph code the rulebook gives this refusal.
        code: u32,
    },

    /// The user has not agreed to be called. Code 138006.
    #[error("no approved call permission from the user: {0}")]
    NoPermission(Absence),
    /// The service window is closed. The code is the rulebook's (131047).
    #[error("the {}-{} customer service window with this user is closed{}",
        counted(*.length).0, counted(*.length).1, since(*.closed_at))]
    WindowClosed {
        /// How long it stays open.
        length: Duration,
        /// When it closed; absent if it never opened.
        closed_at: Option<Timestamp>,
        /// The Graph code the rulebook gives this refusal.
        code: u32,
    },
    /// A call with this user is running. Code 138003.
    #[error("a call with this user is already running")]
    CallRunning,
    /// Too many connected calls to this user. Code 138012, with the time in `error_data`.
    #[error("{used} of {max} connected calls to this user used in {}; next at {allowed_at}", spoken(*.period))]
    ConnectedLimit {
        /// Connected calls in the period.
        used: u32,
        /// The limit.
        max: u32,
        /// The period.
        period: Duration,
        /// When the next call is allowed.
        allowed_at: Timestamp,
        /// The key the rulebook gives that time in `error_data`.
        field: String,
    },
    /// Too many new calls of this number. Code 138005.
    #[error("{used} of {max} new calls of this number used in {}", spoken(*.period))]
    PlacedLimit {
        /// New calls in the period.
        used: u32,
        /// The limit.
        max: u32,
        /// The period.
        period: Duration,
        /// When the next call is allowed, where known.
        allowed_at: Option<Timestamp>,
    },
    /// Too many calls at the same time. Code 138002; a user's call is dropped without a webhook.
    #[error("{running} of {max} concurrent calls of this {} are running", scope.as_str())]
    ConcurrencyLimit {
        /// Running calls.
        running: u32,
        /// The limit.
        max: u32,
        /// Whose calls are counted.
        scope: ConcurrencyScope,
    },

    /// Too many requests for permission. Code 138009.
    #[error("{used} of {max} call permission requests used in {}; next at {allowed_at}", spoken(*.period))]
    RequestLimit {
        /// Requests in the period.
        used: u32,
        /// The limit.
        max: u32,
        /// The period.
        period: Duration,
        /// When the next request is allowed.
        allowed_at: Timestamp,
    },
    /// A permanent permission stands, so a request is pointless. Code 138017.
    #[error("the user has already given a permanent call permission")]
    AlreadyPermanent,
    /// Too many reads of call permissions. Code 613.
    #[error("{used} of {max} call permission reads used in this second")]
    ReadLimit {
        /// Reads in the second.
        used: u32,
        /// The limit.
        max: u32,
    },
    /// The request's buttons no longer work. No code: only a phone meets this.
    #[error("this call permission request is {state}")]
    RequestClosed {
        /// `expired`, `replaced` or `unknown`.
        state: &'static str,
    },
    /// There is no permission to take back. No code: only a phone meets this.
    #[error("there is no call permission to revoke")]
    NothingToRevoke,

    /// The business is closed now. No code: only the user's phone meets this; no webhook.
    #[error("the business does not take calls now{}", match opens_at { Some(at) => format!("; it opens at {at}"), None => String::new() })]
    OutOfHours {
        /// When it opens next.
        opens_at: Option<Timestamp>,
        /// The phone may offer to ask for a callback.
        callback: bool,
    },

    /// A callback is offered outside the call hours only, and where the number grants it. No code:
    /// only a phone meets this.
    #[error("this business does not offer to call back now")]
    NoCallbackOffered,

    /// Too many messages of this number. Code 130429.
    #[error("{used} of {max} messages of this number used in this second")]
    MessageRate {
        /// Messages in the second.
        used: u32,
        /// The limit.
        max: u32,
    },
    /// A parameter of a message has a wrong value. Code 131009.
    #[error("{field}: {reason}")]
    ParameterInvalid {
        /// The field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Numbers of this country cannot send call buttons. Code 131009.
    #[error(
        "interactive.type: voice_call is not supported for business numbers of {country}; use button or list"
    )]
    ButtonCountry {
        /// The number's country.
        country: Country,
    },
    /// The button's time is over. No code: only a phone meets this.
    #[error("this call button stopped working at {at}")]
    ButtonExpired {
        /// When.
        at: Timestamp,
    },
    /// A template has a wrong component. Code 100.
    #[error("{field}: {reason}")]
    TemplateInvalid {
        /// The component or field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a template of this name and language. Code 100.
    #[error("there is already {language} content for the template {name}")]
    TemplateExists {
        /// Its name.
        name: String,
        /// Its language.
        language: String,
    },
    /// The account has as many templates as it may. Code 100.
    #[error("the account has all of the {max} templates it may have")]
    TemplateCount {
        /// The limit.
        max: u32,
    },
    /// No such template, or it waits for its review. Code 132001.
    #[error("template name ({name}) does not exist in {language}, or is not approved yet")]
    TemplateUnknown {
        /// The name.
        name: String,
        /// The language.
        language: String,
        /// When its review ends, if it is under review.
        approved_at: Option<Timestamp>,
    },
    /// A component got too few or too many values. Code 132000.
    #[error(
        "{part}: number of parameters ({given}) does not match the expected number of params ({wanted})"
    )]
    TemplateParameters {
        /// The component.
        part: &'static str,
        /// How many were given.
        given: usize,
        /// How many it has variables.
        wanted: usize,
    },
    /// A text is too long with its values. Code 132005.
    #[error("{part}: {reason}")]
    TemplateTooLong {
        /// The component.
        part: &'static str,
        /// How long it may be.
        reason: String,
    },
    /// A component or a value of the wrong kind. Code 132012.
    #[error("{part}: {reason}")]
    TemplateFormat {
        /// The component.
        part: &'static str,
        /// What is wrong.
        reason: String,
    },

    /// The messaging tier is too low to switch calling on. Code 138015.
    #[error("calling needs a messaging limit of {min} recipients a day; this number has {tier}")]
    TierTooLow {
        /// The number's tier.
        tier: u32,
        /// The lowest tier.
        min: u32,
    },
    /// Nobody would hear of calls: no SIP server and no app with field `calls`. Code 138018.
    #[error("neither SIP is configured nor does an app of this account subscribe to calls")]
    NobodyListens,
    /// SIP needs an app in live mode. The code is the rulebook's (138018).
    #[error("SIP needs an app in live mode; this app is in development")]
    AppNotLive {
        /// The Graph code the rulebook gives this refusal.
        code: u32,
    },
    /// A setting has a wrong value. Code 100.
    #[error("calling.{field}: {reason}")]
    SettingInvalid {
        /// Path of the field below `calling`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A call cannot be recorded or transcribed so. Code 100.
    #[error("{object}.{field}: {reason}")]
    CaptureInvalid {
        /// `recording` or `transcription`.
        object: &'static str,
        /// The field in it.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be uploaded. Code 100.
    #[error("Param {field} {reason}")]
    FileUnfit {
        /// The form field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// A length of time in its largest whole unit, up to hours: 24 and `hour`.
fn counted(length: Duration) -> (u64, &'static str) {
    match length.as_secs() {
        seconds if seconds.is_multiple_of(3_600) => (seconds / 3_600, "hour"),
        seconds if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    }
}

/// `24 hours`, `1 minute`.
fn spoken(length: Duration) -> String {
    let (count, unit) = counted(length);
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn since(closed_at: Option<Timestamp>) -> String {
    closed_at.map_or_else(|| " (never opened)".into(), |at| format!(" since {at}"))
}

macro_rules! rules {
    ($($variant:ident = $name:literal,)+) => {
        impl Refusal {
            /// The stable name of every rule that says no, one a variant, for tables.
            pub const RULES: &[&str] = &[$($name),+];

            /// The rule's stable name, for the sandbox API and the preflight.
            #[must_use]
            pub fn rule(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)+ }
            }
        }
    };
}

rules! {
    WrongState = "call.state",
    CallEnded = "call.ended",
    AnsweredTooLate = "call.answer_window",
    WrongDirection = "call.direction",
    UnknownCall = "call.unknown",
    SdpDiffers = "call.same_sdp",
    SipEnabled = "eligibility.sip",
    CallingNotEnabled = "eligibility.enabled",
    CountryBlocked = "eligibility.country",
    Restricted = "eligibility.restriction",
    PaymentMissing = "eligibility.payment",
    Uncallable = "eligibility.callable",
    BlockedByUser = "eligibility.blocked_by_user",
    Blocked = "user.blocks",
    AppTooOld = "eligibility.app_version",
    Undeliverable = "messages.undeliverable",
    NotOnAllowedList = "eligibility.allowed_list",
    VersionTooOld = "access.version",
    UseCaseBlocked = "settings.use_case",
    NoPermission = "permission.required",
    WindowClosed = "window.open",
    CallRunning = "limits.one_call_per_pair",
    ConnectedLimit = "limits.connected_per_day",
    PlacedLimit = "limits.placed_per_day",
    ConcurrencyLimit = "limits.concurrent",
    RequestLimit = "permission.request_limit",
    AlreadyPermanent = "permission.already_permanent",
    ReadLimit = "limits.permission_reads",
    RequestClosed = "permission.request_closed",
    NothingToRevoke = "permission.nothing_to_revoke",
    OutOfHours = "hours.open",
    NoCallbackOffered = "hours.callback",
    MessageRate = "limits.messages",
    ParameterInvalid = "messages.value",
    ButtonCountry = "messages.button_country",
    ButtonExpired = "messages.button_expired",
    TemplateInvalid = "templates.value",
    TemplateExists = "templates.unique",
    TemplateCount = "templates.count",
    TemplateUnknown = "templates.unknown",
    TemplateParameters = "templates.parameters",
    TemplateTooLong = "templates.length",
    TemplateFormat = "templates.format",
    TierTooLow = "settings.tier",
    NobodyListens = "settings.prerequisites",
    AppNotLive = "settings.live_app",
    SettingInvalid = "settings.value",
    CaptureInvalid = "capture.request",
    FileUnfit = "media.file",
}

impl Refusal {
    /// The next moment at which the answer changes by time alone, where one is known.
    #[must_use]
    pub fn changes_at(&self) -> Option<Timestamp> {
        match self {
            Self::Restricted { until } => Some(*until),
            Self::ConnectedLimit { allowed_at, .. } | Self::RequestLimit { allowed_at, .. } => {
                Some(*allowed_at)
            }
            Self::PlacedLimit { allowed_at, .. } => *allowed_at,
            Self::OutOfHours { opens_at, .. } => *opens_at,
            Self::TemplateUnknown { approved_at, .. } => *approved_at,
            Self::WrongState { .. }
            | Self::CallEnded { .. }
            | Self::AnsweredTooLate { .. }
            | Self::WrongDirection { .. }
            | Self::UnknownCall
            | Self::SdpDiffers
            | Self::SipEnabled
            | Self::CallingNotEnabled
            | Self::CountryBlocked { .. }
            | Self::PaymentMissing { .. }
            | Self::Uncallable { .. }
            | Self::BlockedByUser { .. }
            | Self::Blocked
            | Self::AppTooOld
            | Self::Undeliverable { .. }
            | Self::NotOnAllowedList
            | Self::VersionTooOld { .. }
            | Self::UseCaseBlocked { .. }
            | Self::NoPermission(_)
            | Self::WindowClosed { .. }
            | Self::CallRunning
            | Self::ConcurrencyLimit { .. }
            | Self::AlreadyPermanent
            | Self::ReadLimit { .. }
            | Self::RequestClosed { .. }
            | Self::NothingToRevoke
            | Self::NoCallbackOffered
            | Self::MessageRate { .. }
            | Self::ParameterInvalid { .. }
            | Self::ButtonCountry { .. }
            | Self::ButtonExpired { .. }
            | Self::TemplateInvalid { .. }
            | Self::TemplateExists { .. }
            | Self::TemplateCount { .. }
            | Self::TemplateParameters { .. }
            | Self::TemplateTooLong { .. }
            | Self::TemplateFormat { .. }
            | Self::TierTooLow { .. }
            | Self::NobodyListens
            | Self::AppNotLive { .. }
            | Self::SettingInvalid { .. }
            | Self::CaptureInvalid { .. }
            | Self::FileUnfit { .. } => None,
        }
    }
}
