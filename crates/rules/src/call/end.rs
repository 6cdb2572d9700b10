//! Why did the call end, whose doing was it, and what does the API say about it?

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::{Direction, Party, Timestamp};

use super::input::{LegFailure, Silence};
use crate::rulebook::{Rulebook, UnansweredStatus};

/// Why a call ended. Each names the party that caused it and the error the API reports, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The user hung up.
    UserHungUp,
    /// The business sent `terminate`, in the call or before it was answered.
    BusinessTerminated,
    /// The business sent `reject`.
    BusinessRejected,
    /// The business let a user's call ring until its answer window closed.
    BusinessDidNotAnswer,
    /// A user's call did not reach the business's SIP server, or that could not take it.
    BusinessUnreachable,
    /// The user let a business's call ring until the ring timeout.
    UserDidNotAnswer,
    /// The user declined.
    UserRejected,
    /// The user was in another call.
    UserBusy,
    /// The user's phone could not be reached.
    UserUnreachable,
    /// The user's phone went away in the call.
    UserVanished,
    /// The business sent no media since the answer.
    BusinessSilentFromStart,
    /// The business stopped sending media.
    BusinessSilent,
    /// The user's phone stopped sending media.
    UserSilent,
    /// Nobody sent any media.
    NobodySpoke,
    /// The user's phone could not set up its leg.
    UserSetUpFailed,
    /// The user's phone could not reach the relay.
    UserRelayFailed,
    /// The business's leg could not be connected (ICE, DTLS or SDP).
    BusinessLegFailed,
    /// The platform failed or is stopping.
    PlatformFailed,
}

macro_rules! call_errors {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $http:literal, $title:literal;)+) => {
        /// An error the API reports for a failed call, in `errors` of its terminate webhook.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum CallError { $($(#[$doc])* $name,)+ }

        impl CallError {
            /// Every error, for tables.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The API's code.
            #[must_use]
            pub fn code(self) -> u32 {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status the API's table gives it; in a webhook it has no effect.
            #[must_use]
            pub fn http(self) -> u16 {
                match self { $(Self::$name => $http,)+ }
            }

            /// The API's `title` and `message`.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

call_errors! {
    /// The call could not be connected.
    Connection = 138_004, 500, "Connection error";
    /// The user's phone could not set up its leg.
    SetUp = 138_019, 400, "Call set-up failed";
    /// The user's phone could not reach the relay.
    Relay = 138_020, 400, "Relay connection failed";
    /// The user's phone got no media.
    MediaReceiveTimeout = 138_021, 400, "Media receive timeout";
    /// The user's phone sent no media.
    MediaTransmitTimeout = 138_022, 400, "Media transmit timeout";
    /// Accepted, and ended without media from anybody.
    NoMediaSignals = 138_023, 400, "No media signals";
}

impl EndReason {
    /// Every reason, for tables.
    pub const ALL: [Self; 18] = [
        Self::UserHungUp,
        Self::BusinessTerminated,
        Self::BusinessRejected,
        Self::BusinessDidNotAnswer,
        Self::UserDidNotAnswer,
        Self::UserRejected,
        Self::UserBusy,
        Self::UserUnreachable,
        Self::UserVanished,
        Self::BusinessSilentFromStart,
        Self::BusinessSilent,
        Self::UserSilent,
        Self::NobodySpoke,
        Self::UserSetUpFailed,
        Self::UserRelayFailed,
        Self::BusinessLegFailed,
        Self::BusinessUnreachable,
        Self::PlatformFailed,
    ];

    /// Its stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserHungUp => "user_hung_up",
            Self::BusinessTerminated => "business_terminated",
            Self::BusinessRejected => "business_rejected",
            Self::BusinessDidNotAnswer => "business_did_not_answer",
            Self::BusinessUnreachable => "business_unreachable",
            Self::UserDidNotAnswer => "user_did_not_answer",
            Self::UserRejected => "user_rejected",
            Self::UserBusy => "user_busy",
            Self::UserUnreachable => "user_unreachable",
            Self::UserVanished => "user_vanished",
            Self::BusinessSilentFromStart => "business_silent_from_start",
            Self::BusinessSilent => "business_silent",
            Self::UserSilent => "user_silent",
            Self::NobodySpoke => "nobody_spoke",
            Self::UserSetUpFailed => "user_set_up_failed",
            Self::UserRelayFailed => "user_relay_failed",
            Self::BusinessLegFailed => "business_leg_failed",
            Self::PlatformFailed => "platform_failed",
        }
    }

    /// Whose doing the end was; for a failure, whose fault.
    #[must_use]
    pub fn party(self) -> Party {
        match self {
            Self::UserHungUp
            | Self::UserDidNotAnswer
            | Self::UserRejected
            | Self::UserBusy
            | Self::UserUnreachable
            | Self::UserVanished
            | Self::UserSilent
            | Self::UserSetUpFailed
            | Self::UserRelayFailed => Party::User,
            Self::BusinessTerminated
            | Self::BusinessRejected
            | Self::BusinessDidNotAnswer
            | Self::BusinessUnreachable
            | Self::BusinessSilentFromStart
            | Self::BusinessSilent
            | Self::NobodySpoke
            | Self::BusinessLegFailed => Party::Business,
            Self::PlatformFailed => Party::Platform,
        }
    }

    /// The error in the terminate webhook; with one the call is `FAILED`.
    #[must_use]
    pub fn error(self) -> Option<CallError> {
        match self {
            Self::UserHungUp
            | Self::BusinessTerminated
            | Self::BusinessRejected
            | Self::BusinessDidNotAnswer
            | Self::UserDidNotAnswer
            | Self::UserRejected
            | Self::UserBusy
            | Self::UserUnreachable => None,
            Self::UserVanished | Self::UserSilent => Some(CallError::MediaTransmitTimeout),
            Self::BusinessSilentFromStart | Self::BusinessSilent => {
                Some(CallError::MediaReceiveTimeout)
            }
            Self::NobodySpoke => Some(CallError::NoMediaSignals),
            Self::UserSetUpFailed => Some(CallError::SetUp),
            Self::UserRelayFailed => Some(CallError::Relay),
            Self::BusinessUnreachable | Self::BusinessLegFailed | Self::PlatformFailed => {
                Some(CallError::Connection)
            }
        }
    }

    /// What a media watch that ran out means.
    pub(super) fn of_silence(silence: Silence, both_silent_blames_business: bool) -> Self {
        match silence {
            Silence::Both if both_silent_blames_business => Self::BusinessSilentFromStart,
            Silence::BusinessFromStart => Self::BusinessSilentFromStart,
            Silence::Business => Self::BusinessSilent,
            Silence::User => Self::UserSilent,
            Silence::Both => Self::NobodySpoke,
        }
    }

    /// What a broken leg means.
    pub(super) fn of_failure(whose: Party, failure: LegFailure) -> Self {
        match (whose, failure) {
            (Party::User, LegFailure::NoPath) => Self::UserRelayFailed,
            (Party::User, LegFailure::NoKeys | LegFailure::SetUp) => Self::UserSetUpFailed,
            (Party::Business, LegFailure::NoPath | LegFailure::NoKeys | LegFailure::SetUp) => {
                Self::BusinessLegFailed
            }
            (Party::Platform, LegFailure::NoPath | LegFailure::NoKeys | LegFailure::SetUp) => {
                Self::PlatformFailed
            }
        }
    }

    /// A business's call that ended so before the answer counts in the unanswered streak.
    pub(super) fn counts_unanswered(self, cancelled_counts: bool) -> bool {
        match self {
            Self::UserDidNotAnswer
            | Self::UserRejected
            | Self::UserBusy
            | Self::UserUnreachable => true,
            Self::BusinessTerminated => cancelled_counts,
            Self::UserHungUp
            | Self::BusinessRejected
            | Self::BusinessDidNotAnswer
            | Self::BusinessUnreachable
            | Self::UserVanished
            | Self::BusinessSilentFromStart
            | Self::BusinessSilent
            | Self::UserSilent
            | Self::NobodySpoke
            | Self::UserSetUpFailed
            | Self::UserRelayFailed
            | Self::BusinessLegFailed
            | Self::PlatformFailed => false,
        }
    }

    /// What happened, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::UserHungUp => "The user hung up.",
            Self::BusinessTerminated => "The business ended the call.",
            Self::BusinessRejected => "The business declined the call.",
            Self::BusinessDidNotAnswer => "The business did not answer in time.",
            Self::BusinessUnreachable => "The call did not reach the business's SIP server.",
            Self::UserDidNotAnswer => "The user did not answer in time.",
            Self::UserRejected => "The user declined the call.",
            Self::UserBusy => "The user was in another call.",
            Self::UserUnreachable => "The user's phone could not be reached.",
            Self::UserVanished => "The user's phone went away.",
            Self::BusinessSilentFromStart => "No media from the business arrived after the answer.",
            Self::BusinessSilent => "Media from the business stopped.",
            Self::UserSilent => "Media from the user's phone stopped.",
            Self::NobodySpoke => "The call was accepted, but no media arrived from anybody.",
            Self::UserSetUpFailed => "The user's phone could not set up the call.",
            Self::UserRelayFailed => "The user's phone could not reach the relay.",
            Self::BusinessLegFailed => "The business's media could not be connected.",
            Self::PlatformFailed => "The platform could not carry the call on.",
        }
    }
}

/// `status` of a terminate webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CallStatus {
    /// Ended in the ordinary way, answered or not.
    Completed,
    /// Ended by a technical failure; may still carry a duration.
    Failed,
}

impl CallStatus {
    /// The wire form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// How an ended call ended: everything its terminate webhook and its record need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Why, and whose doing.
    pub reason: EndReason,
    /// When it was answered; absent if it never was.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
}

impl Ending {
    /// `status` of the webhook of a call of this direction.
    #[must_use]
    pub fn status(&self, direction: Direction, book: &Rulebook) -> CallStatus {
        if self.reason.error().is_some() {
            return CallStatus::Failed;
        }
        match (direction, self.answered_at, book.call.unanswered_status.value) {
            (Direction::UserInitiated, None, UnansweredStatus::Failed) => CallStatus::Failed,
            (Direction::UserInitiated, None, UnansweredStatus::Completed)
            | (Direction::UserInitiated, Some(_), _)
            | (Direction::BusinessInitiated, _, _) => CallStatus::Completed,
        }
    }

    /// `start_time` of the webhook, Unix seconds; only if answered.
    #[must_use]
    pub fn start_time(&self) -> Option<i64> {
        self.answered_at.map(Timestamp::unix)
    }

    /// `end_time` of the webhook, Unix seconds; only if answered.
    #[must_use]
    pub fn end_time(&self) -> Option<i64> {
        self.answered_at.map(|_| self.ended_at.unix())
    }

    /// `duration` of the webhook: whole seconds, `end_time` less `start_time`; only if answered.
    #[must_use]
    pub fn duration_s(&self) -> Option<i64> {
        self.answered_at.map(|start| self.ended_at.unix() - start.unix())
    }

    /// How long the parties were connected, unrounded: what pulses are counted from.
    #[must_use]
    pub fn connected(&self) -> Option<Duration> {
        self.answered_at.map(|start| self.ended_at.since(start))
    }
}
