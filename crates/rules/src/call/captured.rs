//! When is a call recorded or transcribed?
//!
//! From the answer on both sides hear the announcement; what is said after it is kept until the end.
//! A call that ends before, or whose announcement cannot be played, is not kept at all.

use serde::{Deserialize, Serialize};

use super::{Call, Effect, Verdict};
use crate::capture::Plan;

/// What is to be kept of a call, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Captured {
    plan: Plan,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Waiting,
    Announcing,
    Running,
    GivenUp,
}

impl Call {
    /// A business's call of which this is to be kept.
    #[must_use]
    pub fn capturing(self, plan: Option<Plan>) -> Self {
        Self { captured: plan.map(Captured::waiting), ..self }
    }

    /// The call is answered.
    pub(super) fn announce(&mut self, effects: &mut Vec<Effect>) {
        if let Some(captured) = &mut self.captured {
            captured.stage = Stage::Announcing;
            effects.push(Effect::Announce(captured.plan.clone()));
        }
    }

    /// The announcement was heard, or could not be played: the parties hear each other again.
    pub(super) fn announced(&mut self, played: bool, effects: &mut Vec<Effect>) {
        let Some(captured) = &mut self.captured else { return };
        if captured.stage != Stage::Announcing {
            return;
        }
        effects.push(Effect::OpenMediaGate);
        if played {
            captured.stage = Stage::Running;
            effects.push(Effect::StartCapture);
        } else {
            captured.stage = Stage::GivenUp;
            effects.push(Effect::Note(Verdict::NotAnnounced));
        }
    }

    /// The call is over; what was kept is delivered.
    pub(super) fn deliver_captured(&self, effects: &mut Vec<Effect>) {
        if let Some(Captured { plan, stage: Stage::Running }) = &self.captured {
            effects.push(Effect::DeliverCapture(plan.clone()));
        }
    }
}

impl Captured {
    pub(super) fn waiting(plan: Plan) -> Self {
        Self { plan, stage: Stage::Waiting }
    }
}
