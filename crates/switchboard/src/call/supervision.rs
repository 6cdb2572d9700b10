//! Who is in the call beside those who talk?
//!
//! One supervisor at a time, beside whatever state the call is in while agents have it: listening,
//! which nobody hears; whispering, which the agent hears; or joined, whom all hear. A supervisor who
//! comes, changes or goes never changes the state, and one whose leg breaks is only gone. When no agent
//! has the call any more, or it is over, the supervisor is out of it.

use terms::AgentId;

use super::{Call, Effect, Handled, State};

/// A supervisor in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervision {
    /// Who.
    pub supervisor: AgentId,
    /// In which manner.
    pub how: Manner,
}

/// Who hears the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Nobody.
    Listening,
    /// The agent who has the call.
    Whispering,
    /// Everybody; a user who waits does not.
    Joined,
}

impl Call {
    /// The supervisor in the call.
    #[must_use]
    pub fn supervision(&self) -> Option<&Supervision> {
        self.supervision.as_ref()
    }

    /// Begins to listen, or only listens again. For a beginning the supervisor's leg is open.
    pub(super) fn supervisor_listens(
        &mut self,
        supervisor: AgentId,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if self.supervision.is_some() {
            return self.supervisor_turns(&supervisor, Manner::Listening, effects);
        }
        let has_part = [self.state.agent(), self.state.other_agent()].contains(&Some(&supervisor));
        if has_part || !self.state.is_with_agents() {
            return Err(self.out_of_place("a supervisor"));
        }
        self.supervision = Some(Supervision { supervisor, how: Manner::Listening });
        effects.extend([Effect::Arrange, Effect::Tell]);
        Ok(())
    }

    /// Is heard by others than before.
    pub(super) fn supervisor_turns(
        &mut self,
        supervisor: &AgentId,
        to: Manner,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        let refusal = self.out_of_place("a supervisor's change");
        match &mut self.supervision {
            Some(Supervision { supervisor: who, how }) if who == supervisor && *how != to => {
                *how = to;
            }
            Some(_) | None => return Err(refusal),
        }
        effects.extend([Effect::Arrange, Effect::Tell]);
        Ok(())
    }

    pub(super) fn supervisor_leaves(
        &mut self,
        supervisor: &AgentId,
        effects: &mut Vec<Effect>,
    ) -> Handled {
        if !self.is_supervised_by(supervisor) {
            return Err(self.out_of_place("a supervisor's leaving"));
        }
        self.supervision = None;
        // The others first: none of them waits for the leg to close.
        effects.extend([Effect::Arrange, Effect::DropSupervisor, Effect::Tell]);
        Ok(())
    }

    pub(super) fn is_supervised_by(&self, agent: &AgentId) -> bool {
        self.supervision.as_ref().is_some_and(|it| it.supervisor == *agent)
    }

    /// A supervisor has no place where no agent has the call.
    pub(super) fn end_supervision(&mut self) -> Option<Effect> {
        if self.state.is_with_agents() {
            return None;
        }
        self.supervision.take().map(|_| Effect::DropSupervisor)
    }
}

impl State {
    /// Whether agents have the call: they talk, or the user waits for one.
    fn is_with_agents(&self) -> bool {
        match self {
            Self::Bridged { .. }
            | Self::Held(_)
            | Self::Transferring(_)
            | Self::Consulting(_)
            | Self::Inquiring(_)
            | Self::ThreeWay(_) => true,
            Self::Opening
            | Self::Offered(_)
            | Self::Accepting { .. }
            | Self::Joining { .. }
            | Self::InFlow(_)
            | Self::Placing(_)
            | Self::Dialing(_)
            | Self::Ringing(_)
            | Self::Ending { .. }
            | Self::Ended { .. } => false,
        }
    }
}
