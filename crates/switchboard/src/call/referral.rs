//! What if a telephone gives the user to another one?
//!
//! One that has the user may, whether a flow, an agent or itself brought the two together; one that an
//! agent only asks has nobody to give. The call stays where it is in its flow: another telephone stands
//! there.

use terms::Timestamp;

use super::{Call, Effect, Handled, State};
use crate::flow::Visit;

impl Call {
    pub(super) fn telephone_refers(
        &mut self,
        extension: &str,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("a telephone's transfer");
        let (State::InFlow(cursor), Some(flow)) = (&mut self.state, &self.walked) else {
            return Err(refusal);
        };
        let (caller, trail) = (&self.plan.caller, &mut self.trail);
        let mut visit = Visit { flow, caller, trail, now, effects };
        if cursor.refers(extension, &mut visit) { Ok(()) } else { Err(refusal) }
    }

    /// Whether a telephone has given the user away and nobody has answered yet.
    pub(super) fn is_given_away(&self) -> bool {
        matches!(&self.state, State::InFlow(cursor) if cursor.is_given_away())
    }
}
