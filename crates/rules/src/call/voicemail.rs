//! When does the platform answer a user's call in the business's place, and what happens then?
//!
//! ```text
//! Offered, PreAccepted ──reject, or the wait is over──▶ greeting ──played──▶ recording ──▶ Ended
//!                                                          └──hung up, failed, too long──────▲
//! ```
//!
//! The business is out of the call the moment it begins: its actions are refused as for a call that
//! has ended. Whether its terminate webhook goes out then or after the user has spoken is a rule.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::{Direction, Party, Timestamp};

use super::{Call, Effect, EndReason, Ending, Input, Notice, State, Verdict};
use crate::{
    Refusal,
    rulebook::{Rulebook, TerminateAt},
    settings::{CallingSettings, Switch, Trigger},
};

/// A number's voicemail, as it was set when the call was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voicemail {
    on_reject: bool,
    /// The wait from ringing, if it starts so.
    after: Option<Duration>,
    greeting_max: Duration,
    recording_max: Duration,
    tells_at_start: bool,
}

impl Voicemail {
    /// The voicemail these settings mean; `None` while it or calling is off, or nothing starts it.
    #[must_use]
    pub fn of(settings: &CallingSettings, book: &Rulebook) -> Option<Self> {
        let set = settings.voicemail.as_ref().filter(|it| it.status == Switch::Enabled)?;
        let announcement = set.announcement.filter(|_| settings.calling_enabled())?;
        let on_reject = set.triggers.contains(&Trigger::Reject);
        let on_timeout = set.triggers.contains(&Trigger::Timeout);
        let after = announcement.timeout_s.filter(|_| on_timeout).map(Duration::from_secs);
        let rules = &book.voicemail;
        let tells_at_start = match rules.terminate.value {
            TerminateAt::Start => true,
            TerminateAt::End => false,
        };
        (on_reject || after.is_some()).then_some(Self {
            on_reject,
            after,
            greeting_max: rules.greeting_max.value,
            recording_max: rules.recording_max.value,
            tells_at_start,
        })
    }

    /// Whether what was recorded is a message at all.
    #[must_use]
    pub fn is_message(recorded: Duration, book: &Rulebook) -> bool {
        recorded >= book.voicemail.recording_min.value
    }
}

impl Call {
    /// A user's call to a number with this voicemail.
    #[must_use]
    pub fn with_voicemail(self, voicemail: Option<Voicemail>) -> Self {
        Self { voicemail, ..self }
    }

    /// When voicemail takes an unanswered call.
    pub(super) fn voicemail_at(&self) -> Option<Timestamp> {
        Some(self.placed_at + self.voicemail?.after?)
    }

    /// The business declines, or has not answered: voicemail takes the call, or it ends.
    pub(super) fn leave_to_voicemail(
        &mut self,
        reason: EndReason,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let rejected = reason == EndReason::BusinessRejected;
        let due = |at: Timestamp| at <= now;
        let taken = self.voicemail.filter(|it| {
            if rejected { it.on_reject } else { self.voicemail_at().is_some_and(due) }
        });
        let Some(voicemail) = taken else { return self.end(reason, now, effects) };
        let ending = Ending { reason, answered_at: None, ended_at: now };
        effects.push(Effect::TellUser(Notice::Voicemail { at: now }));
        effects.push(Effect::StartVoicemail);
        if voicemail.tells_at_start {
            effects.push(Effect::SendTerminate(ending));
        }
        let until = now + voicemail.greeting_max;
        self.state = State::Voicemail { ending, until, recording: false };
    }

    /// What happens while voicemail has the call.
    pub(super) fn in_voicemail(
        &mut self,
        input: Input,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let State::Voicemail { ending, until, recording } = self.state else { return Ok(()) };
        let name = input.name();
        match input {
            Input::AnnouncementPlayed if !recording => {
                let longest = self.voicemail.map_or(Duration::ZERO, |it| it.recording_max);
                let until = now + longest;
                self.state = State::Voicemail { ending, until, recording: true };
                effects.push(Effect::RecordVoicemail);
            }
            Input::AnnouncementFailed if !recording => {
                effects.push(Effect::Note(Verdict::VoicemailNotPlayed));
                self.end_voicemail(ending, false, now, effects);
            }
            Input::UserHungUp
            | Input::UserVanished
            | Input::PlatformStopped
            | Input::LegFailed { whose: Party::User, .. } => {
                self.end_voicemail(ending, recording, now, effects);
            }
            Input::DeadlineReached if now >= until => {
                self.end_voicemail(ending, recording, now, effects);
            }
            // The business's leg is closed; whatever it still says is of no weight.
            Input::AnnouncementPlayed
            | Input::AnnouncementFailed
            | Input::DeadlineReached
            | Input::BusinessMediaStarted
            | Input::MediaSilent(_)
            | Input::LegFailed { whose: Party::Business | Party::Platform, .. } => {}
            Input::PreAccept { .. }
            | Input::Accept { .. }
            | Input::Reject
            | Input::Terminate
            | Input::BusinessUnreachable
            | Input::UserRinging
            | Input::UserPickedUp
            | Input::UserRejected
            | Input::UserBusy
            | Input::UserUnreachable => return Err(self.refuse(name)),
        }
        Ok(())
    }

    fn end_voicemail(
        &mut self,
        told: Ending,
        deliver: bool,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let tells_at_start = self.voicemail.is_some_and(|it| it.tells_at_start);
        let ending = if tells_at_start { told } else { Ending { ended_at: now, ..told } };
        effects.push(Effect::CloseLegs);
        if deliver {
            effects.push(Effect::DeliverVoicemail);
        }
        effects.push(Effect::TellUser(Notice::Ended(ending)));
        if !tells_at_start {
            effects.push(Effect::SendTerminate(ending));
        }
        if self.direction == Direction::UserInitiated && self.grants_callback {
            effects.push(Effect::GrantCallback);
        }
        self.state = State::Ended(ending);
    }
}
