//! What does SIP say for the platform's words, and what do its words mean to a call?
//!
//! The SIP edition (fact sheet 6): whose INVITE is it, which status and which text has a "no", what
//! is a business's answer to our INVITE, and how is a call left. Messages and connections are the
//! shell's.

use std::net::IpAddr;

use terms::{AppId, Direction, PhoneNumberId, WaId};

use crate::{
    Refusal,
    call::{EndReason, Ending, Input},
    settings::{Sip, SipServer, Switch},
};

/// Why an INVITE of a business is refused, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InviteRefusal {
    /// The Request-URI has an address in place of a name, or a user that is no number.
    NotFound,
    /// `From` names no business number.
    UnknownNumber,
    /// `From`'s host is not the configured one.
    OtherServer {
        /// What it said.
        host: String,
        /// The number that calls.
        number: PhoneNumberId,
    },
    /// The credentials are wrong.
    Digest,
    /// The app that configured the server may not call.
    NotAuthorized {
        /// The app.
        app: AppId,
        /// What `From` said.
        host: String,
        /// The number that calls.
        number: PhoneNumberId,
    },
    /// A rule of calls.
    Rule(Refusal),
    /// The offer is none WhatsApp would take: why.
    Sdp(String),
    /// The platform has no room.
    NoRoom,
    /// The platform could not do it.
    Fault,
}

/// A final status with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 400 or more.
    pub status: u16,
    /// What stands beside it.
    pub text: String,
    /// Whether a `Warning` says it again.
    pub warns: bool,
}

/// How a call is left that the platform ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parting {
    /// Our INVITE is taken back.
    Cancel,
    /// Their INVITE is answered.
    Refuse(Answer),
    /// The call stood.
    Bye {
        /// How long it stood, in whole seconds.
        duration_s: i64,
        /// `Reason` (RFC 3326), where it was no ordinary end.
        reason: Option<&'static str>,
    },
}

/// One text for whoever must not know which of three it was.
const NO_PERMISSION: &str = "No Approved Call Permission Found";

impl InviteRefusal {
    /// The refusal's row of table 6.7.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::NotFound => answer(404, "Not found"),
            Self::UnknownNumber => answer(400, "Asset not found, invalid business phone number"),
            Self::OtherServer { host, number } => Answer {
                warns: true,
                ..answer(
                    403,
                    &format!(
                        "SIP server {host} from INVITE does not match any SIP server configured \
                         for phone number id {number}"
                    ),
                )
            },
            Self::Digest => answer(403, "Authentication failed: bad digest"),
            Self::NotAuthorized { app, host, number } => answer(
                403,
                &format!(
                    "The app {app} configured for SIP server {host} is not authorized for phone \
                     number id {number}"
                ),
            ),
            Self::Rule(refusal) => of_rule(refusal),
            Self::Sdp(why) => answer(403, &format!("SDP validation failed: {why}")),
            Self::NoRoom => answer(503, "Service Unavailable"),
            Self::Fault => answer(500, "Internal Server Error"),
        }
    }
}

fn answer(status: u16, text: &str) -> Answer {
    Answer { status, text: text.to_owned(), warns: false }
}

/// What a rule's "no" is in SIP. The three of [`NO_PERMISSION`] are not told apart.
fn of_rule(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::NoPermission(_)
        | Refusal::Uncallable { .. }
        | Refusal::BlockedByUser { .. }
        | Refusal::Blocked
        | Refusal::AppTooOld
        | Refusal::Undeliverable { .. }
        | Refusal::NotOnAllowedList => answer(403, NO_PERMISSION),
        Refusal::ConnectedLimit { .. } => {
            answer(403, "Business Initiated Connected Call Per Day Limit Hit")
        }
        Refusal::CallRunning => answer(403, "Duplicate call"),
        Refusal::PaymentMissing { .. } => answer(403, "Business eligibility: payment issue"),
        Refusal::CallingNotEnabled
        | Refusal::CountryBlocked { .. }
        | Refusal::Restricted { .. }
        | Refusal::WindowClosed { .. }
        | Refusal::PlacedLimit { .. }
        | Refusal::ConcurrencyLimit { .. } => answer(403, &refusal.to_string()),
        // What no INVITE meets: actions of Graph, messages, settings, files, the user's phone.
        Refusal::WrongState { .. }
        | Refusal::CallEnded { .. }
        | Refusal::AnsweredTooLate { .. }
        | Refusal::WrongDirection { .. }
        | Refusal::UnknownCall
        | Refusal::SdpDiffers
        | Refusal::SipEnabled
        | Refusal::VersionTooOld { .. }
        | Refusal::UseCaseBlocked { .. }
        | Refusal::RequestLimit { .. }
        | Refusal::AlreadyPermanent
        | Refusal::ReadLimit { .. }
        | Refusal::RequestClosed { .. }
        | Refusal::NothingToRevoke
        | Refusal::OutOfHours { .. }
        | Refusal::NoCallbackOffered
        | Refusal::MessageRate { .. }
        | Refusal::ParameterInvalid { .. }
        | Refusal::ButtonCountry { .. }
        | Refusal::ButtonExpired { .. }
        | Refusal::TemplateInvalid { .. }
        | Refusal::TemplateExists { .. }
        | Refusal::TemplateCount { .. }
        | Refusal::TemplateUnknown { .. }
        | Refusal::TemplateParameters { .. }
        | Refusal::TemplateTooLong { .. }
        | Refusal::TemplateFormat { .. }
        | Refusal::TierTooLow { .. }
        | Refusal::NobodyListens
        | Refusal::AppNotLive { .. }
        | Refusal::SettingInvalid { .. }
        | Refusal::CaptureInvalid { .. }
        | Refusal::FileUnfit { .. } => answer(500, "Internal Server Error"),
    }
}

/// Whom a Request-URI means: its user part, without what follows a semicolon there.
///
/// # Errors
///
/// [`InviteRefusal::NotFound`].
pub fn called(user: &str, host: &str) -> Result<WaId, InviteRefusal> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let (user, _params) = user.split_once(';').unwrap_or((user, ""));
    let digits = user.strip_prefix('+').unwrap_or(user);
    if bare.parse::<IpAddr>().is_ok() {
        return Err(InviteRefusal::NotFound);
    }
    digits.parse().map_err(|_| InviteRefusal::NotFound)
}

/// The business number in `From`: fully normalised, with its plus.
///
/// # Errors
///
/// [`InviteRefusal::UnknownNumber`].
pub fn calling(user: &str) -> Result<WaId, InviteRefusal> {
    let digits = user.strip_prefix('+').and_then(|digits| digits.parse().ok());
    digits.ok_or(InviteRefusal::UnknownNumber)
}

/// The servers of a number that `From`'s host may stand for: its own name, or a domain above it.
pub fn servers_of<'a>(sip: Option<&'a Sip>, host: &'a str) -> impl Iterator<Item = &'a SipServer> {
    let on = sip.filter(|sip| sip.status == Switch::Enabled);
    on.into_iter().flat_map(|sip| &sip.servers).filter(move |it| is_of(&it.hostname, host))
}

fn is_of(hostname: &str, host: &str) -> bool {
    let (hostname, host) = (hostname.to_ascii_lowercase(), host.to_ascii_lowercase());
    let above = hostname.strip_suffix(&host).is_some_and(|rest| rest.ends_with('.'));
    // A top-level domain stands for nobody.
    hostname == host || (above && host.contains('.'))
}

/// What a business's final response of 300 or more to our INVITE means to the call.
#[must_use]
pub fn refused(status: u16) -> Input {
    match status {
        486 | 600 | 603 => Input::Reject,
        _ => Input::BusinessUnreachable,
    }
}

/// How a call is left that ended so.
#[must_use]
pub fn parting(ending: &Ending, direction: Direction) -> Parting {
    if let Some(duration_s) = ending.duration_s() {
        return Parting::Bye { duration_s, reason: reason(ending.reason) };
    }
    match direction {
        Direction::UserInitiated => Parting::Cancel,
        Direction::BusinessInitiated => Parting::Refuse(not_answered(ending.reason)),
    }
}

/// `Reason` of a BYE.
fn reason(reason: EndReason) -> Option<&'static str> {
    match reason {
        EndReason::BusinessSilentFromStart
        | EndReason::BusinessSilent
        | EndReason::NobodySpoke
        | EndReason::BusinessLegFailed => Some("SIP;cause=408;text=\"RTP Timeout\""),
        EndReason::PlatformFailed => Some("SIP;cause=500;text=\"Internal Server Error\""),
        EndReason::UserHungUp
        | EndReason::BusinessTerminated
        | EndReason::BusinessRejected
        | EndReason::BusinessDidNotAnswer
        | EndReason::BusinessUnreachable
        | EndReason::UserDidNotAnswer
        | EndReason::UserRejected
        | EndReason::UserBusy
        | EndReason::UserUnreachable
        | EndReason::UserVanished
        | EndReason::UserSilent
        | EndReason::UserSetUpFailed
        | EndReason::UserRelayFailed => None,
    }
}

/// The answer to an INVITE whose call ended before anybody picked up.
fn not_answered(reason: EndReason) -> Answer {
    match reason {
        EndReason::UserRejected | EndReason::UserBusy => answer(486, "User declined"),
        EndReason::UserDidNotAnswer
        | EndReason::UserUnreachable
        | EndReason::UserHungUp
        | EndReason::UserVanished
        | EndReason::UserSilent
        | EndReason::UserSetUpFailed
        | EndReason::UserRelayFailed => answer(480, "Temporarily Unavailable"),
        // The stack below answers a CANCEL itself; this is for a call that Graph or the sandbox ends.
        EndReason::BusinessTerminated | EndReason::BusinessRejected => {
            answer(487, "Request Terminated")
        }
        EndReason::BusinessSilentFromStart
        | EndReason::BusinessSilent
        | EndReason::NobodySpoke
        | EndReason::BusinessLegFailed => answer(408, "RTP Timeout"),
        EndReason::BusinessDidNotAnswer
        | EndReason::BusinessUnreachable
        | EndReason::PlatformFailed => answer(500, "Internal Server Error"),
    }
}
