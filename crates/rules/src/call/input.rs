//! What can happen to a call?

use serde::{Deserialize, Serialize};
use terms::Party;

use crate::capture::Plan;

/// One thing that happened: an action of the business, the user's phone, media, or time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Action `pre_accept`, its SDP already read as an answer.
    PreAccept {
        /// The text of `session.sdp`, byte for byte.
        sdp: Box<str>,
    },
    /// Action `accept`, its SDP already read as an answer.
    Accept {
        /// The text of `session.sdp`, byte for byte.
        sdp: Box<str>,
        /// `biz_opaque_callback_data`.
        opaque: Option<Box<str>>,
        /// What `recording` and `transcription` ask for, already checked.
        capture: Option<Plan>,
    },
    /// Action `reject`.
    Reject,
    /// Action `terminate`.
    Terminate,
    /// The call did not reach the business's SIP server, or that could not take it.
    BusinessUnreachable,
    /// The user's phone rings.
    UserRinging,
    /// The user picked up.
    UserPickedUp,
    /// The user declined.
    UserRejected,
    /// The user is in another call.
    UserBusy,
    /// No phone of the user could be reached.
    UserUnreachable,
    /// The user hung up, or gave up calling.
    UserHungUp,
    /// The user's phone went away without a word.
    UserVanished,
    /// The first media packet of the business arrived.
    BusinessMediaStarted,
    /// Both sides have heard the announcement of a recording, or the user that of voicemail.
    AnnouncementPlayed,
    /// The announcement could not be made or played.
    AnnouncementFailed,
    /// A media watch ran out.
    MediaSilent(Silence),
    /// A leg could not be connected, or broke.
    LegFailed {
        /// Whose leg; [`Party::Platform`] for a failure of our own.
        whose: Party,
        /// How.
        failure: LegFailure,
    },
    /// The moment given by [`super::Call::next_timeout`] may have come.
    DeadlineReached,
    /// The platform stops, or found this call without its media after a restart; `now` is then the
    /// last moment it is known to have lived, so that nobody pays for the outage.
    PlatformStopped,
}

/// Which media watch ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Nothing from the business since the answer.
    BusinessFromStart,
    /// Nothing more from the business.
    Business,
    /// Nothing more from the user's phone.
    User,
    /// Nothing from anybody since the answer.
    Both,
}

/// How a leg failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegFailure {
    /// No connectivity (ICE).
    NoPath,
    /// No keys (DTLS), or a fingerprint that does not match.
    NoKeys,
    /// Anything else of the set-up.
    SetUp,
}

impl Input {
    /// Its name in refusals and tables; for actions, the API's word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PreAccept { .. } => "pre_accept",
            Self::Accept { .. } => "accept",
            Self::Reject => "reject",
            Self::Terminate => "terminate",
            Self::BusinessUnreachable => "business_unreachable",
            Self::UserRinging => "user_ringing",
            Self::UserPickedUp => "user_picked_up",
            Self::UserRejected => "user_rejected",
            Self::UserBusy => "user_busy",
            Self::UserUnreachable => "user_unreachable",
            Self::UserHungUp => "user_hung_up",
            Self::UserVanished => "user_vanished",
            Self::BusinessMediaStarted => "business_media_started",
            Self::AnnouncementPlayed => "announcement_played",
            Self::AnnouncementFailed => "announcement_failed",
            Self::MediaSilent(_) => "media_silent",
            Self::LegFailed { .. } => "leg_failed",
            Self::DeadlineReached => "deadline_reached",
            Self::PlatformStopped => "platform_stopped",
        }
    }
}
