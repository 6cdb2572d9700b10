//! What does a phone know about the one call it is in?

use std::time::{Duration, Instant};

use media::dtmf::Digit;
use terms::CallId;
use tokio::sync::oneshot;
use wire::sandbox::{Behaviour, Reaction};

use crate::{
    fault::CallError,
    heard::SetUp,
    media_leg::{MediaLeg, millis},
};

/// The one call.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) phase: Phase,
    pub(crate) media: Option<MediaLeg>,
    started: Instant,
    rung: Option<Instant>,
    answered: Option<Instant>,
    steps: Vec<(Instant, Step)>,
}

/// How far the call is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Asked for; whoever asked still waits for the id.
    Dialling {
        /// Who waits.
        reply: oneshot::Sender<Result<CallId, CallError>>,
        /// Hang up as soon as there is an id to hang up.
        hang_up: bool,
    },
    /// It rings at the business.
    Calling(CallId),
    /// It rings here.
    Incoming(CallId),
    /// Picked up here; the platform has not answered yet.
    PickedUp(CallId),
    /// Both are on the line.
    Talking(CallId),
    /// We hung up or refused; the platform has not confirmed yet.
    Leaving(CallId),
}

/// Something the phone does by itself at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Takes the ringing call.
    PickUp,
    /// Refuses it.
    Reject,
    /// Says that it is in another call.
    Busy,
    /// Presses a key.
    Press(Digit),
    /// Ends the call.
    HangUp,
    /// Stops waiting for the platform's confirmation of the end.
    GiveUp,
}

impl Line {
    /// A call this phone places.
    pub(crate) fn dialling(
        reply: oneshot::Sender<Result<CallId, CallError>>,
        media: MediaLeg,
        now: Instant,
    ) -> Self {
        let phase = Phase::Dialling { reply, hang_up: false };
        let (rung, answered) = (None, None);
        Self { phase, media: Some(media), started: now, rung, answered, steps: Vec::new() }
    }

    /// A call that rings here.
    pub(crate) fn incoming(id: CallId, behaviour: &Behaviour, now: Instant) -> Self {
        let steps = match behaviour.answer {
            Reaction::Answer(after) => {
                vec![(now + Duration::from_millis(after.after_ms), Step::PickUp)]
            }
            Reaction::Reject => vec![(now, Step::Reject)],
            Reaction::Busy => vec![(now, Step::Busy)],
            Reaction::Ignore | Reaction::Unreachable => Vec::new(),
        };
        let phase = Phase::Incoming(id);
        let (rung, answered) = (None, None);
        Self { phase, media: None, started: now, rung, answered, steps }
    }

    /// The call's id, once it has one.
    pub(crate) fn call_id(&self) -> Option<&CallId> {
        match &self.phase {
            Phase::Dialling { .. } => None,
            Phase::Calling(id)
            | Phase::Incoming(id)
            | Phase::PickedUp(id)
            | Phase::Talking(id)
            | Phase::Leaving(id) => Some(id),
        }
    }

    /// It rings at the business.
    pub(crate) fn ring(&mut self, now: Instant) {
        self.rung.get_or_insert(now);
    }

    /// Plans what the phone does from the answer on.
    pub(crate) fn answer(&mut self, behaviour: &Behaviour, now: Instant) {
        self.answered.get_or_insert(now);
        let keys = behaviour.dtmf.iter().filter_map(|key| {
            let digit = Digit::new(key.digit)?;
            Some((now + Duration::from_millis(key.at_ms), Step::Press(digit)))
        });
        self.steps.extend(keys);
        if let Some(after) = behaviour.hang_up {
            self.plan(Step::HangUp, now + Duration::from_millis(after.after_ms));
        }
    }

    /// Plans one step.
    pub(crate) fn plan(&mut self, step: Step, at: Instant) {
        self.steps.push((at, step));
    }

    /// Forgets what was planned.
    pub(crate) fn clear_plan(&mut self) {
        self.steps.clear();
    }

    /// When the next step is due.
    pub(crate) fn next_step(&self) -> Option<Instant> {
        self.steps.iter().map(|(at, _)| *at).min()
    }

    /// Takes the first step that is due, in the order of their times.
    pub(crate) fn take_step(&mut self, now: Instant) -> Option<Step> {
        let due = self.next_step().filter(|at| *at <= now)?;
        let index = self.steps.iter().position(|(at, _)| *at == due)?;
        Some(self.steps.remove(index).1)
    }

    /// Adds the call's own times to those of its media.
    pub(crate) fn set_up(&self, media: SetUp) -> SetUp {
        let since_start = |at: Option<Instant>| at.map(|at| millis(at, self.started));
        SetUp { ring_ms: since_start(self.rung), answer_ms: since_start(self.answered), ..media }
    }
}
