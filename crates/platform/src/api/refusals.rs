//! Which code, which HTTP status, which words does a "no" have?
//!
//! One table for every refusal of the Graph API and of the sandbox API. It is exhaustive: a new
//! refusal anywhere does not compile before it has its row. `docs/errors.md` is written from it.

use media::sdp::SdpRefusal;
use rules::{Refusal, access::Scope};
use terms::Timestamp;
use wire::RequestFault;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiRefusal {
    #[error("no access token was given")]
    TokenMissing,
    #[error("the access token or key is not known here")]
    TokenUnknown,
    #[error("Session has expired on {at}")]
    TokenExpired { at: Timestamp },
    #[error("the token lacks the permission {}", scope.as_str())]
    ScopeMissing { scope: Scope },
    #[error("the app of this token has no access to this object")]
    NotPermitted,
    #[error("object with ID '{id}' does not exist or does not support this operation")]
    UnknownObject { id: String },
    #[error("unknown path")]
    UnknownPath,
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("{0}")]
    Body(RequestFault),
    #[error("{0}")]
    Message(RequestFault),
    #[error("{0}")]
    Parameter(String),
    #[error("session.sdp: {0}")]
    Sdp(SdpRefusal),
    #[error("{0}")]
    Rule(Refusal),
    #[error("{0}")]
    Handshake(String),
    #[error(
        "the link to this file does not work, or no longer; GET /{{media_id}} gives a fresh one"
    )]
    LinkOver,
    #[error("the platform has no room for another call")]
    NoMedia,
    #[error("a fault asked for through the sandbox API")]
    OnDemand { status: u16 },
    #[error("the platform could not do this")]
    Fault(#[source] crate::store::StoreFault),
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) code: u32,
    pub(crate) subcode: Option<u32>,
    pub(crate) http: u16,
    pub(crate) title: &'static str,
}

const fn row(code: u32, http: u16, title: &'static str) -> Row {
    Row { code, subcode: None, http, title }
}

const INVALID: Row = row(100, 400, "Invalid parameter");

impl ApiRefusal {
    /// The refusal's row.
    pub(crate) fn row(&self) -> Row {
        match self {
            Self::TokenMissing => row(
                190,
                401,
                "An active access token must be used to query information about the current user.",
            ),
            Self::TokenUnknown => row(190, 401, "Invalid OAuth access token"),
            Self::TokenExpired { .. } => {
                Row { subcode: Some(463), ..row(190, 401, "Error validating access token") }
            }
            Self::ScopeMissing { .. } => {
                row(10, 403, "Application does not have permission for this action")
            }
            Self::NotPermitted => row(200, 403, "Permissions error"),
            Self::UnknownObject { .. } => Row { subcode: Some(33), ..INVALID },
            Self::UnknownPath => row(2500, 400, "Unknown path components"),
            Self::TooLarge { .. } => row(100, 413, "Invalid parameter"),
            Self::Body(fault) => body_row(fault),
            Self::Message(fault) => message_row(fault),
            Self::Parameter(_) | Self::Sdp(_) => INVALID,
            Self::Rule(refusal) => rule_row(refusal),
            Self::Handshake(_) => row(2200, 400, "Callback verification failed"),
            Self::LinkOver => row(100, 404, "Media link expired"),
            Self::NoMedia => row(131_016, 500, "Service unavailable"),
            Self::OnDemand { status } => on_demand_row(*status),
            Self::Fault(_) => row(131_000, 500, "Something went wrong"),
        }
    }

    /// The rule's stable name, for the sandbox API.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Self::TokenMissing
            | Self::TokenUnknown
            | Self::TokenExpired { .. }
            | Self::ScopeMissing { .. }
            | Self::NotPermitted => "auth",
            Self::UnknownObject { .. } | Self::UnknownPath => "request.unknown",
            Self::TooLarge { .. } => "request.size",
            Self::Body(_) | Self::Message(_) | Self::Parameter(_) => "request.body",
            Self::Sdp(_) => "request.sdp",
            Self::Rule(refusal) => refusal.rule(),
            Self::Handshake(_) => "webhook.handshake",
            Self::LinkOver => "media.link",
            Self::NoMedia => "platform.capacity",
            Self::OnDemand { .. } => "sandbox.fault",
            Self::Fault(_) => "platform.fault",
        }
    }
}

/// What an outage looks like, or a refusal that is none of the rules' (fact sheet 9.4 and 9.5).
fn on_demand_row(status: u16) -> Row {
    match status {
        401 => row(190, 401, "Invalid OAuth access token"),
        403 => row(10, 403, "Application does not have permission for this action"),
        429 => row(130_429, 429, "Rate limit hit"),
        500 => row(131_000, 500, "Something went wrong"),
        503 => row(131_016, 503, "Service unavailable"),
        400..500 => Row { http: status, ..INVALID },
        _ => row(2, status, "API Service"),
    }
}

impl ApiRefusal {
    /// The path of the field at fault, for the sandbox API.
    pub(crate) fn field(&self) -> Option<&str> {
        if let Self::Body(fault) | Self::Message(fault) = self {
            fault.path()
        } else if let Self::Rule(Refusal::SettingInvalid { field, .. }) = self {
            Some(field)
        } else {
            None
        }
    }
}

fn body_row(fault: &RequestFault) -> Row {
    match fault {
        RequestFault::NotJson { .. }
        | RequestFault::Missing { .. }
        | RequestFault::WrongType { .. }
        | RequestFault::Invalid { .. }
        | RequestFault::TooLong { .. }
        | RequestFault::UnknownAction
        | RequestFault::UnsupportedType { .. } => INVALID,
    }
}

fn message_row(fault: &RequestFault) -> Row {
    match fault {
        RequestFault::Missing { .. } => row(131_008, 400, "Required parameter is missing"),
        RequestFault::Invalid { .. } | RequestFault::TooLong { .. } => {
            row(131_009, 400, "Parameter value is not valid")
        }
        RequestFault::UnsupportedType { .. } => row(131_051, 400, "Unsupported message type"),
        RequestFault::NotJson { .. }
        | RequestFault::WrongType { .. }
        | RequestFault::UnknownAction => INVALID,
    }
}

fn rule_row(refusal: &Refusal) -> Row {
    match refusal {
        Refusal::WrongState { .. }
        | Refusal::CallEnded { .. }
        | Refusal::WrongDirection { .. }
        | Refusal::UnknownCall
        | Refusal::SdpDiffers
        | Refusal::RequestClosed { .. }
        | Refusal::NothingToRevoke
        | Refusal::OutOfHours { .. }
        | Refusal::SettingInvalid { .. }
        | Refusal::NoCallbackOffered
        | Refusal::ButtonExpired { .. }
        | Refusal::CaptureInvalid { .. }
        | Refusal::FileUnfit { .. } => INVALID,
        Refusal::AnsweredTooLate { .. } => row(138_007, 500, "Connect timeout"),
        Refusal::SipEnabled => row(131_055, 400, "Method not allowed"),
        Refusal::CallingNotEnabled => row(138_000, 401, "Calling not enabled"),
        Refusal::CountryBlocked { .. } => {
            row(138_013, 400, "Business-initiated calling is not available")
        }
        Refusal::Restricted { .. } => row(138_014, 400, "Calling is temporarily disabled"),
        Refusal::PaymentMissing { code } => row(*code, 400, "Business eligibility: payment issue"),
        Refusal::BlockedByUser { code } => row(*code, 400, "Receiver uncallable"),
        Refusal::Uncallable { .. } | Refusal::Blocked => row(138_001, 400, "Receiver uncallable"),
        Refusal::AppTooOld | Refusal::Undeliverable { .. } => {
            row(131_026, 400, "Message undeliverable")
        }
        Refusal::MessageRate { .. } => row(130_429, 400, "Rate limit hit"),
        Refusal::ParameterInvalid { .. } | Refusal::ButtonCountry { .. } => {
            row(131_009, 400, "Parameter value is not valid")
        }
        Refusal::TemplateInvalid { .. } | Refusal::TemplateCount { .. } => INVALID,
        Refusal::TemplateExists { .. } => Row { subcode: Some(2_388_024), ..INVALID },
        Refusal::TemplateUnknown { .. } => {
            row(132_001, 404, "Template name does not exist in the translation")
        }
        Refusal::TemplateParameters { .. } => {
            row(132_000, 400, "Number of parameters does not match the expected number of params")
        }
        Refusal::TemplateTooLong { .. } => row(132_005, 400, "Translated text too long"),
        Refusal::TemplateFormat { .. } => {
            row(132_012, 400, "Parameter format does not match format in the created template")
        }
        Refusal::NotOnAllowedList => row(131_030, 400, "Recipient not in allowed list"),
        Refusal::VersionTooOld { .. } => row(2635, 400, "Deprecated API version"),
        Refusal::UseCaseBlocked { code, .. } => row(*code, 400, "Calling cannot be enabled"),
        Refusal::NoPermission(_) => {
            row(138_006, 401, "No approved call permission from the recipient")
        }
        Refusal::WindowClosed { code, .. } => row(*code, 400, "Re-engagement message"),
        Refusal::CallRunning => row(138_003, 400, "Duplicate call"),
        Refusal::ConnectedLimit { .. } => {
            row(138_012, 400, "Business-initiated call limit reached")
        }
        Refusal::PlacedLimit { .. } => row(138_005, 429, "Call rate limit exceeded"),
        Refusal::ConcurrencyLimit { .. } => row(138_002, 429, "Concurrent calls limit reached"),
        Refusal::RequestLimit { .. } => row(138_009, 400, "Call permission request limit hit"),
        Refusal::AlreadyPermanent => row(138_017, 400, "Permanent call permission exists"),
        Refusal::ReadLimit { .. } => row(613, 429, "Call permission fetch limit reached"),
        Refusal::TierTooLow { .. } => row(138_015, 400, "Calling cannot be enabled"),
        Refusal::NobodyListens => row(138_018, 400, "Technical prerequisites are not met"),
        Refusal::AppNotLive { code } => row(*code, 400, "Technical prerequisites are not met"),
    }
}

impl From<Refusal> for ApiRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Rule(refusal)
    }
}

impl From<crate::store::StoreFault> for ApiRefusal {
    fn from(fault: crate::store::StoreFault) -> Self {
        Self::Fault(fault)
    }
}

#[cfg(test)]
#[path = "refusals_test.rs"]
mod tests;
