//! What must the platform's shell do now?

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::Timestamp;

use super::end::Ending;
use crate::capture::Plan;

/// One thing to do; effects are carried out in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send the connect webhook: the offer of a user's call, the answer of a business's call.
    SendConnect,
    /// Give the business's SDP answer to its leg; ICE and DTLS may run, media stays behind the gate.
    ApplyAnswer {
        /// The answer.
        sdp: Box<str>,
    },
    /// Send a status webhook (business-initiated calls only).
    SendStatus(Status),
    /// Send the terminate webhook.
    SendTerminate(Ending),
    /// Let the user's phones ring.
    RingUser,
    /// Tell the user's phone.
    TellUser(Notice),
    /// Join the legs: from now on media flows.
    OpenMediaGate,
    /// Let both sides hear that the call is recorded or transcribed, in place of each other.
    Announce(Plan),
    /// From here on keep what both sides say.
    StartCapture,
    /// Deliver what was kept.
    DeliverCapture(Plan),
    /// Answer the user's call in the business's place and play the announcement.
    StartVoicemail,
    /// From here on keep what the user says.
    RecordVoicemail,
    /// Deliver what the user said, if it is a message.
    DeliverVoicemail,
    /// Watch both legs for silence.
    StartWatch {
        /// No media from the business from here on.
        from_start: Duration,
        /// No media in a running call.
        mid_call: Duration,
    },
    /// Close both legs.
    CloseLegs,
    /// The service window of this pair opens or starts again.
    OpenWindow,
    /// Give the business a temporary permission, because the user called.
    GrantCallback,
    /// A business-initiated call was placed: counts towards the number's rate.
    CountPlaced,
    /// The call was answered: counts towards the pair's limit if the business placed it, and
    /// resets the request counters and the unanswered streak.
    CountConnected,
    /// A business-initiated call was not answered: one more in the streak.
    CountUnanswered,
    /// Price this business-initiated call.
    Bill {
        /// How long it was connected, unrounded.
        connected: Duration,
    },
    /// Note something a developer should know.
    Note(Verdict),
}

/// `status` of a status webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The user's phone rings.
    Ringing,
    /// The user picked up.
    Accepted,
    /// The user declined.
    Rejected,
}

impl Status {
    /// The wire form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "RINGING",
            Self::Accepted => "ACCEPTED",
            Self::Rejected => "REJECTED",
        }
    }
}

/// What the user's phone hears of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The business's side rings.
    Ringing,
    /// The call is answered; the phone's timer starts here.
    Answered {
        /// When.
        at: Timestamp,
    },
    /// Voicemail answers; the phone's media begins.
    Voicemail {
        /// When.
        at: Timestamp,
    },
    /// The call is over.
    Ended(Ending),
}

/// Something legal that a developer should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Media before `accept`: the user's timer started before the business answered.
    MediaBeforeAccept,
    /// Media before the user picked up: nobody hears it.
    MediaBeforePickUp,
    /// `accept` without `pre_accept`: the media path is only set up now, the first words may be lost.
    NoPreAccept,
    /// The announcement could not be played, so the call is not recorded.
    NotAnnounced,
    /// The announcement of voicemail could not be played.
    VoicemailNotPlayed,
    /// What was to be delivered could not be kept whole.
    NotKept,
}

impl Verdict {
    /// Its stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MediaBeforeAccept => "media_before_accept",
            Self::MediaBeforePickUp => "media_before_pick_up",
            Self::NoPreAccept => "no_pre_accept",
            Self::NotAnnounced => "not_announced",
            Self::VoicemailNotPlayed => "voicemail_not_played",
            Self::NotKept => "not_kept",
        }
    }

    /// What happened.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::MediaBeforeAccept => {
                "The business sent media before accept; the user's call timer started then."
            }
            Self::MediaBeforePickUp => {
                "The business sent media before the user picked up; nobody heard it."
            }
            Self::NoPreAccept => {
                "The business accepted without pre_accept; ICE and DTLS only ran after the answer."
            }
            Self::NotAnnounced => {
                "The announcement could not be played, so the call was not recorded."
            }
            Self::VoicemailNotPlayed => {
                "Voicemail took the call, but its announcement could not be played."
            }
            Self::NotKept => {
                "The platform could not keep what was said, so nothing of it is delivered."
            }
        }
    }

    /// What to change.
    #[must_use]
    pub fn fix(self) -> &'static str {
        match self {
            Self::MediaBeforeAccept => "Hold media until accept has returned 200.",
            Self::MediaBeforePickUp => {
                "Start the greeting at ACCEPTED or the first inbound packet."
            }
            Self::NoPreAccept => "Send pre_accept with the same SDP before accept.",
            Self::NotAnnounced => {
                "Read the platform's log: its speech command or its prompts do not work."
            }
            Self::VoicemailNotPlayed => {
                "Upload the announcement again (Ogg Opus, mono or stereo) and set its new id in \
                 voicemail.audio.default.announcement_media_id."
            }
            Self::NotKept => {
                "Record fewer or shorter calls at a time; the platform's log says when it is full."
            }
        }
    }
}
