//! What happens to one call, in either direction?
//!
//! One machine for both directions; a user's call begins with [`Call::offer`], a business's call
//! with [`Call::dial`], which takes the [`Permit`] that only [`crate::eligibility`] makes.
//!
//! ```text
//! user calls       Offered ──▶ PreAccepted ──▶ Accepted ──▶ Ended
//!                     └──────────────────────────▲
//! business calls   Dialing ──▶ Ringing ──────▶ Accepted ──▶ Ended      (any state may go to Ended)
//! ```
//!
//! A user's call that is declined or not answered may go to voicemail before it ends; an accepted
//! call may be recorded or transcribed.
//!
//! Inputs are what happened, effects what the shell must do, in order. A refused input leaves the
//! call as it was. Offered, PreAccepted, Dialing and Ringing have a deadline with a reason; an
//! accepted call has none, because silence is watched by media's own clock and comes as
//! [`Input::MediaSilent`].

mod captured;
mod effect;
mod end;
mod input;
mod state;
mod voicemail;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::{Direction, Timestamp};

pub use effect::{Effect, Notice, Status, Verdict};
pub use end::{CallError, CallStatus, EndReason, Ending};
pub use input::{Input, LegFailure, Silence};
pub use state::State;
pub use voicemail::Voicemail;

use captured::Captured;
use state::Phase;

use crate::{
    Refusal,
    capture::Plan,
    eligibility::Permit,
    rulebook::{RepeatedPreAccept, Rulebook},
};

/// One WhatsApp call as the platform sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    direction: Direction,
    state: State,
    placed_at: Timestamp,
    opaque: Option<Box<str>>,
    grants_callback: bool,
    cancelled_counts: bool,
    opens_window: bool,
    silent_from_start: Duration,
    silent_mid_call: Duration,
    both_silent_blames_business: bool,
    #[serde(default = "taken")]
    takes_pre_accept_again: bool,
    #[serde(default)]
    voicemail: Option<Voicemail>,
    #[serde(default)]
    captured: Option<Captured>,
}

/// What a call that was written before this rule was does.
fn taken() -> bool {
    true
}

impl Call {
    /// Begins a user's call that eligibility let through. `grants_callback` is the number's
    /// setting `callback_permission_status`.
    pub fn offer(
        book: &Rulebook,
        grants_callback: bool,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Self {
        if book.window.opened_by_user_call.value {
            effects.push(Effect::OpenWindow);
        }
        effects.push(Effect::SendConnect);
        effects.push(Effect::TellUser(Notice::Ringing));
        let state = State::Offered { answer_by: now + book.call.answer_window.value };
        Self { grants_callback, ..Self::new(book, Direction::UserInitiated, state, now) }
    }

    /// Begins a business's call. The permit is used up: one dial, one permit.
    pub fn dial(
        _permit: Permit,
        book: &Rulebook,
        opaque: Option<Box<str>>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Self {
        effects.extend([Effect::CountPlaced, Effect::SendConnect, Effect::RingUser]);
        let ring_until = now + book.call.ring_timeout.value;
        let state = State::Dialing { ring_until, early_media: false };
        Self { opaque, ..Self::new(book, Direction::BusinessInitiated, state, now) }
    }

    fn new(book: &Rulebook, direction: Direction, state: State, now: Timestamp) -> Self {
        Self {
            direction,
            state,
            placed_at: now,
            opaque: None,
            grants_callback: false,
            cancelled_counts: book.permission.cancelled_counts.value,
            opens_window: book.window.opened_by_pick_up.value,
            silent_from_start: book.media.silent_from_start.value,
            silent_mid_call: book.media.silent_mid_call.value,
            both_silent_blames_business: book.media.both_silent_blames_business.value,
            takes_pre_accept_again: match book.call.repeated_pre_accept.value {
                RepeatedPreAccept::Success => true,
                RepeatedPreAccept::Refused => false,
            },
            voicemail: None,
            captured: None,
        }
    }

    /// Who called.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Where the call stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// When the call was placed.
    #[must_use]
    pub fn placed_at(&self) -> Timestamp {
        self.placed_at
    }

    /// `biz_opaque_callback_data`, to be echoed in every webhook from now on.
    #[must_use]
    pub fn opaque(&self) -> Option<&str> {
        self.opaque.as_deref()
    }

    /// How the call ended, once it has.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        match &self.state {
            State::Ended(ending) => Some(ending),
            State::Offered { .. }
            | State::PreAccepted { .. }
            | State::Dialing { .. }
            | State::Ringing { .. }
            | State::Accepted { .. }
            | State::Voicemail { .. } => None,
        }
    }

    /// The next deadline and its reason.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Timestamp, &'static str)> {
        match self.state {
            State::Offered { answer_by } | State::PreAccepted { answer_by, .. } => {
                match self.voicemail_at() {
                    Some(at) if at <= answer_by => Some((at, "the wait before voicemail")),
                    Some(_) | None => Some((answer_by, "the business's answer window")),
                }
            }
            State::Dialing { ring_until, .. } | State::Ringing { ring_until, .. } => {
                Some((ring_until, "the user's ring timeout"))
            }
            State::Voicemail { until, recording: false, .. } => {
                Some((until, "the longest announcement of voicemail"))
            }
            State::Voicemail { until, recording: true, .. } => {
                Some((until, "the longest voicemail"))
            }
            State::Accepted { .. } | State::Ended(_) => None,
        }
    }

    /// Takes one input and says what to do.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the input is not possible in this state; the call is then unchanged.
    #[rustfmt::skip]
    pub fn handle(&mut self, input: Input, now: Timestamp, effects: &mut Vec<Effect>)
        -> Result<(), Refusal> {
        use Input as In;
        use Phase::{Accepted, Dialing, Ended, Offered, PreAccepted, Ringing, Voicemail};
        let name = input.name();
        match (self.state.phase(), input) {
            // A business answers, or does not.
            (Offered, In::PreAccept { sdp }) => self.pre_accept(sdp, effects),
            (PreAccepted, In::PreAccept { sdp }) => self.pre_accept_again(&sdp)?,
            (Offered, In::Accept { sdp, opaque, capture }) => {
                effects.extend([Effect::Note(Verdict::NoPreAccept), Effect::ApplyAnswer { sdp }]);
                self.accept(opaque, capture, now, effects);
            }
            (PreAccepted, In::Accept { sdp, opaque, capture }) => {
                self.check_same_sdp(&sdp).map(|()| self.accept(opaque, capture, now, effects))?;
            }
            (Offered | PreAccepted, In::Reject) => {
                self.leave_to_voicemail(EndReason::BusinessRejected, now, effects);
            }
            (Offered | PreAccepted, In::BusinessUnreachable) => self.end(EndReason::BusinessUnreachable, now, effects),
            (Voicemail, input) => return self.in_voicemail(input, now, effects),
            (Offered | PreAccepted | Dialing | Ringing | Accepted, In::Terminate) => {
                self.end(EndReason::BusinessTerminated, now, effects);
            }
            // A user's phone rings, is picked up, or is not.
            (Dialing | Ringing, In::UserRinging) => self.ring(effects),
            (Dialing | Ringing, In::UserPickedUp) => self.pick_up(now, effects),
            (Dialing | Ringing, In::UserRejected | In::UserHungUp) => {
                self.decline(EndReason::UserRejected, now, effects);
            }
            (Dialing | Ringing, In::UserBusy) => self.decline(EndReason::UserBusy, now, effects),
            (Dialing | Ringing, In::UserUnreachable)
            | (Offered | PreAccepted | Dialing | Ringing, In::UserVanished) => {
                self.end(EndReason::UserUnreachable, now, effects);
            }
            (Offered | PreAccepted | Accepted, In::UserHungUp) => self.end(EndReason::UserHungUp, now, effects),
            (Accepted, In::UserVanished) => self.end(EndReason::UserVanished, now, effects),
            // Media starts, stops, breaks.
            (PreAccepted | Dialing | Ringing | Accepted, In::BusinessMediaStarted) => {
                self.note_early_media(now, effects);
            }
            (Accepted, In::AnnouncementPlayed) => self.announced(true, effects),
            (Accepted, In::AnnouncementFailed) => self.announced(false, effects),
            (Accepted, In::MediaSilent(silence)) => self.fall_silent(silence, now, effects),
            (Offered | PreAccepted | Dialing | Ringing | Accepted, In::LegFailed { whose, failure }) => {
                self.end(EndReason::of_failure(whose, failure), now, effects);
            }
            // Time passes; the platform stops.
            (Offered | PreAccepted | Dialing | Ringing | Accepted, In::DeadlineReached) => {
                self.check_deadline(now, effects);
            }
            (Offered | PreAccepted | Dialing | Ringing | Accepted, In::PlatformStopped) => {
                self.end(EndReason::PlatformFailed, now, effects);
            }
            // Not possible here.
            (Dialing | Ringing | Accepted, In::PreAccept { .. } | In::Accept { .. } | In::Reject | In::BusinessUnreachable)
            | (
                Offered | PreAccepted | Accepted,
                In::UserRinging | In::UserPickedUp | In::UserRejected | In::UserBusy | In::UserUnreachable,
            )
            | (Offered, In::BusinessMediaStarted)
            | (
                Offered | PreAccepted | Dialing | Ringing,
                In::MediaSilent(_) | In::AnnouncementPlayed | In::AnnouncementFailed,
            )
            | (
                Ended,
                In::PreAccept { .. } | In::Accept { .. } | In::Reject | In::Terminate
                | In::BusinessUnreachable
                | In::UserRinging | In::UserPickedUp | In::UserRejected | In::UserBusy
                | In::UserUnreachable | In::UserHungUp | In::UserVanished
                | In::BusinessMediaStarted | In::MediaSilent(_) | In::LegFailed { .. }
                | In::AnnouncementPlayed | In::AnnouncementFailed | In::DeadlineReached
                | In::PlatformStopped,
            ) => return Err(self.refuse(name)),
        }
        Ok(())
    }

    fn pre_accept(&mut self, sdp: Box<str>, effects: &mut Vec<Effect>) {
        if let State::Offered { answer_by } = self.state {
            effects.push(Effect::ApplyAnswer { sdp: sdp.clone() });
            self.state = State::PreAccepted { answer_by, sdp, early_media_at: None };
        }
    }

    fn pre_accept_again(&self, sdp: &str) -> Result<(), Refusal> {
        self.check_same_sdp(sdp)?;
        if self.takes_pre_accept_again { Ok(()) } else { Err(self.refuse("pre_accept")) }
    }

    fn check_same_sdp(&self, again: &str) -> Result<(), Refusal> {
        match &self.state {
            State::PreAccepted { sdp, .. } if **sdp != *again => Err(Refusal::SdpDiffers),
            State::PreAccepted { .. }
            | State::Offered { .. }
            | State::Dialing { .. }
            | State::Ringing { .. }
            | State::Accepted { .. }
            | State::Voicemail { .. }
            | State::Ended(_) => Ok(()),
        }
    }

    /// The business answers a user's call.
    fn accept(
        &mut self,
        opaque: Option<Box<str>>,
        capture: Option<Plan>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let user_knows = self.state.early_media_at().is_some();
        self.opaque = opaque;
        self.captured = capture.map(Captured::waiting);
        self.connect(!user_knows, now, effects);
    }

    /// The user picks up a business's call.
    fn pick_up(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.push(Effect::SendStatus(Status::Accepted));
        if self.opens_window {
            effects.push(Effect::OpenWindow);
        }
        self.connect(true, now, effects);
    }

    /// The parties are connected. Early media has told the user and opened the gate already.
    fn connect(&mut self, tell_user: bool, now: Timestamp, effects: &mut Vec<Effect>) {
        if tell_user {
            effects.push(Effect::OpenMediaGate);
            effects.push(Effect::TellUser(Notice::Answered { at: now }));
        }
        effects.push(Effect::StartWatch {
            from_start: self.silent_from_start,
            mid_call: self.silent_mid_call,
        });
        effects.push(Effect::CountConnected);
        self.announce(effects);
        self.state = State::Accepted { answered_at: now };
    }

    fn ring(&mut self, effects: &mut Vec<Effect>) {
        if let State::Dialing { ring_until, early_media } = self.state {
            self.state = State::Ringing { ring_until, early_media };
            effects.push(Effect::SendStatus(Status::Ringing));
        }
    }

    fn decline(&mut self, reason: EndReason, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.push(Effect::SendStatus(Status::Rejected));
        self.end(reason, now, effects);
    }

    /// Media before the answer: a user's phone takes it for the answer, so its timer starts and
    /// both hear each other; before a user picks up, nobody hears it.
    fn note_early_media(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        match &mut self.state {
            State::PreAccepted { early_media_at: at @ None, .. } => {
                *at = Some(now);
                effects.push(Effect::Note(Verdict::MediaBeforeAccept));
                effects.push(Effect::OpenMediaGate);
                effects.push(Effect::TellUser(Notice::Answered { at: now }));
            }
            State::Dialing { early_media: early @ false, .. }
            | State::Ringing { early_media: early @ false, .. } => {
                *early = true;
                effects.push(Effect::Note(Verdict::MediaBeforePickUp));
            }
            State::PreAccepted { .. }
            | State::Dialing { .. }
            | State::Ringing { .. }
            | State::Offered { .. }
            | State::Accepted { .. }
            | State::Voicemail { .. }
            | State::Ended(_) => {}
        }
    }

    fn fall_silent(&mut self, silence: Silence, now: Timestamp, effects: &mut Vec<Effect>) {
        let reason = EndReason::of_silence(silence, self.both_silent_blames_business);
        self.end(reason, now, effects);
    }

    fn check_deadline(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some((deadline, _)) = self.next_timeout() else { return };
        if now < deadline {
            return;
        }
        let reason = match self.state {
            State::Offered { .. } | State::PreAccepted { .. } => {
                let reason = EndReason::BusinessDidNotAnswer;
                return self.leave_to_voicemail(reason, now, effects);
            }
            State::Dialing { .. } => EndReason::UserUnreachable,
            State::Ringing { .. } => EndReason::UserDidNotAnswer,
            State::Accepted { .. } | State::Voicemail { .. } | State::Ended(_) => return,
        };
        self.end(reason, now, effects);
    }

    fn end(&mut self, reason: EndReason, now: Timestamp, effects: &mut Vec<Effect>) {
        // A clock that was set back cannot end a call before its answer.
        let answered_at = self.state.answered_at();
        let ended_at = answered_at.map_or(now, |at| now.max(at));
        let ending = Ending { reason, answered_at, ended_at };
        effects.push(Effect::CloseLegs);
        // The phone first: a business that dials at once must find it free.
        effects.push(Effect::TellUser(Notice::Ended(ending)));
        effects.push(Effect::SendTerminate(ending));
        self.deliver_captured(effects);
        match self.direction {
            Direction::UserInitiated if self.grants_callback => effects.push(Effect::GrantCallback),
            Direction::UserInitiated => {}
            Direction::BusinessInitiated => match ending.connected() {
                Some(connected) => effects.push(Effect::Bill { connected }),
                None if reason.counts_unanswered(self.cancelled_counts) => {
                    effects.push(Effect::CountUnanswered)
                }
                None => {}
            },
        }
        self.state = State::Ended(ending);
    }

    fn refuse(&self, input: &'static str) -> Refusal {
        if let State::Ended(ending) | State::Voicemail { ending, .. } = &self.state {
            let late = ending.reason == EndReason::BusinessDidNotAnswer;
            return if late && matches!(input, "pre_accept" | "accept") {
                Refusal::AnsweredTooLate { input }
            } else {
                Refusal::CallEnded { input, reason: ending.reason.as_str() }
            };
        }
        let for_user_call =
            matches!(input, "pre_accept" | "accept" | "reject" | "business_unreachable");
        let for_business_call = matches!(
            input,
            "user_ringing" | "user_picked_up" | "user_rejected" | "user_busy" | "user_unreachable"
        );
        let wrong = match self.direction {
            Direction::UserInitiated => for_business_call,
            Direction::BusinessInitiated => for_user_call,
        };
        if wrong {
            Refusal::WrongDirection { input, direction: self.direction }
        } else {
            Refusal::WrongState { input, state: self.state.name() }
        }
    }
}
