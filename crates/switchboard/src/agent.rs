//! Who can take a call now?
//!
//! An agent is offline until a console opens, then away or available as the agent says, and busy
//! while a call holds the agent. Ringing does not hold anybody: two calls may ring one agent, and
//! the first [`Roster::claim`] wins.

use std::collections::BTreeMap;

use terms::AgentId;

use crate::flow::Ring;

/// What others see of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// No console is open.
    Offline,
    /// A console is open; the agent does not take calls.
    Away,
    /// Can be rung.
    Available,
    /// In a call.
    Busy,
}

impl Presence {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Away => "away",
            Self::Available => "available",
            Self::Busy => "busy",
        }
    }
}

/// All agents of the business and their presence.
#[derive(Debug, Default)]
pub struct Roster {
    desks: BTreeMap<AgentId, Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    consoles: usize,
    available: bool,
    busy: bool,
}

impl Desk {
    fn presence(&self) -> Presence {
        if self.busy {
            Presence::Busy
        } else if self.consoles == 0 {
            Presence::Offline
        } else if self.available {
            Presence::Available
        } else {
            Presence::Away
        }
    }
}

impl Roster {
    /// A roster of these agents, all offline.
    pub fn new(agents: impl IntoIterator<Item = AgentId>) -> Self {
        Self { desks: agents.into_iter().map(|id| (id, Desk::default())).collect() }
    }

    /// Somebody new, offline; who is known stays as they are.
    pub fn know(&mut self, agent: AgentId) {
        self.desks.entry(agent).or_default();
    }

    /// A console of this agent opened. Unknown agents are ignored here and below.
    pub fn console_opened(&mut self, agent: &AgentId) {
        if let Some(desk) = self.desks.get_mut(agent) {
            desk.consoles += 1;
        }
    }

    /// A console of this agent closed; with the last one the agent stops being available.
    pub fn console_closed(&mut self, agent: &AgentId) {
        if let Some(desk) = self.desks.get_mut(agent) {
            desk.consoles = desk.consoles.saturating_sub(1);
            desk.available &= desk.consoles > 0;
        }
    }

    /// The agent says whether calls may ring.
    pub fn set_available(&mut self, agent: &AgentId, available: bool) {
        if let Some(desk) = self.desks.get_mut(agent) {
            desk.available = available;
        }
    }

    /// Takes the agent for a call; `false` when unknown or taken already.
    #[must_use]
    pub fn claim(&mut self, agent: &AgentId) -> bool {
        let Some(desk) = self.desks.get_mut(agent) else { return false };
        !std::mem::replace(&mut desk.busy, true)
    }

    /// The call that held this agent is over.
    pub fn release(&mut self, agent: &AgentId) {
        if let Some(desk) = self.desks.get_mut(agent) {
            desk.busy = false;
        }
    }

    /// Whom a ring reaches now.
    #[must_use]
    pub fn reached_by(&self, ring: &Ring) -> Vec<AgentId> {
        let free = |id: &&AgentId| self.presence(id) == Presence::Available;
        match ring {
            Ring::Everyone => self.desks.keys().filter(free).cloned().collect(),
            Ring::Only(agents) => agents.iter().filter(free).cloned().collect(),
        }
    }

    /// The presence of one agent; an unknown one is offline.
    #[must_use]
    pub fn presence(&self, agent: &AgentId) -> Presence {
        self.desks.get(agent).map_or(Presence::Offline, Desk::presence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AgentId {
        text.parse().unwrap()
    }

    #[test]
    fn only_available_agents_ring_and_the_first_claim_wins() {
        let mut roster = Roster::new([id("lia"), id("rui")]);
        assert!(roster.reached_by(&Ring::Everyone).is_empty());
        for agent in ["lia", "rui"] {
            roster.console_opened(&id(agent));
            roster.set_available(&id(agent), true);
        }
        assert_eq!(roster.reached_by(&Ring::Everyone), [id("lia"), id("rui")]);
        assert!(roster.claim(&id("lia")));
        assert!(!roster.claim(&id("lia")));
        assert_eq!(roster.reached_by(&Ring::Only(vec![id("lia")])), []);
        roster.release(&id("lia"));
        roster.console_closed(&id("lia"));
        assert_eq!(roster.presence(&id("lia")), Presence::Offline);
        roster.console_opened(&id("lia"));
        assert_eq!(roster.presence(&id("lia")), Presence::Away, "a new console starts away");
    }
}
