//! Who hears whom?
//!
//! ```text
//!              user  agent  consulted   supervisor: listens   whispers to   joins
//! Bridged       ●──────●                 hears all,            the agent     all
//! Consulting, Inquiring ●───────●        is heard by                         who do not wait
//! ThreeWay      ●──────●────────●        nobody
//! ```
//!
//! A leg that may hear nobody gets silence, the user's music; one that hears one other is fed by it
//! directly; one that hears several needs a mix.

use super::{Call, Manner, Side, State};

impl Side {
    /// All that a call may have.
    pub const ALL: [Self; 4] = [Self::Whatsapp, Self::Agent, Self::Consulted, Self::Supervisor];
}

impl Call {
    /// Whom this end hears, while agents have the call. Ends that have no leg now are named as well.
    #[must_use]
    pub fn heard_by(&self, listener: Side) -> Vec<Side> {
        let hears = |speaker: &Side| listener != *speaker && self.hears(listener, *speaker);
        Side::ALL.into_iter().filter(hears).collect()
    }

    fn hears(&self, listener: Side, speaker: Side) -> bool {
        match (listener, speaker) {
            (Side::Supervisor, _) => self.supervision().is_some(),
            (_, Side::Supervisor) => match self.supervision().map(|it| it.how) {
                Some(Manner::Joined) => self.talks(listener),
                Some(Manner::Whispering) => listener == Side::Agent,
                Some(Manner::Listening) | None => false,
            },
            (
                Side::Whatsapp | Side::Agent | Side::Consulted,
                Side::Whatsapp | Side::Agent | Side::Consulted,
            ) => self.talks(listener) && self.talks(speaker) && !self.is_held(),
        }
    }

    /// Whether this end is one of those who talk, and does not wait.
    fn talks(&self, side: Side) -> bool {
        match side {
            Side::Whatsapp => !self.state.is_waiting(),
            Side::Agent => true,
            Side::Consulted => self.state.has_third(),
            Side::Supervisor => false,
        }
    }

    fn is_held(&self) -> bool {
        matches!(self.state, State::Held(_) | State::Transferring(_))
    }
}
