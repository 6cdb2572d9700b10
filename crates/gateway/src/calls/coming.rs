//! How does an agent come into a call?
//!
//! At a page or at a telephone, and with a leg: the agent is claimed first, then the switchboard says whether
//! there is a place.

use switchboard::call::{Input, State};
use terms::AgentId;
use wire::{SdpText, console::ToConsole};

use super::{
    actor::CallActor,
    effects::chain,
    legs::{self, AgentLeg},
};
use crate::{clock, events::ConsoleId};

/// How an agent comes into a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coming {
    /// It rang.
    Answers,
    /// The agent's page was gone for a moment.
    Returns,
}

impl Coming {
    /// The `type` of the console's frame.
    fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "answer",
            Self::Returns => "rejoin",
        }
    }

    pub(super) fn input(self, agent: AgentId) -> Input {
        match self {
            Self::Answers => Input::AgentAnswered(agent),
            Self::Returns => Input::AgentReturned(agent),
        }
    }
}

impl CallActor {
    /// An agent takes the call, or is back in it: the leg first, then the switchboard's word, then
    /// our answer to the browser.
    pub(super) async fn agent_comes(
        &mut self,
        how: Coming,
        agent: AgentId,
        console: ConsoleId,
        offer: &SdpText,
    ) {
        let refuse = |code: &str, text: &str| ToConsole::Refused {
            what: how.as_str().into(),
            code: code.into(),
            text: text.into(),
        };
        let consoles = self.line.consoles();
        if self.is_taken() || !consoles.claim(&agent) {
            let text = "The call has been taken, or you are in another call.";
            return consoles.send(console, refuse("taken", text));
        }
        let beside = self.whatsapp.as_ref().map(|leg| leg.handle.id());
        let leg = legs::answer_agent(&self.office.engine, beside, agent.clone(), console, offer);
        let leg = match leg {
            Ok(leg) => leg,
            Err(error) => {
                consoles.release(&agent, None);
                return consoles.send(console, refuse("offer", &chain(&error)));
            }
        };
        if !self.comes_in(how.input(agent), leg).await {
            let text = "The call no longer rings.";
            self.line.consoles().send(console, refuse("taken", text));
        }
    }

    /// Whether another leg has the place of the agent who comes. The leg of an agent who asks is there;
    /// the other one gets a leg beside it.
    pub(super) fn is_taken(&self) -> bool {
        let asked = matches!(self.call.state(), State::Consulting(_));
        if asked { self.consulted_leg.is_some() } else { self.agent_leg.is_some() }
    }

    /// The agent of this leg comes in; false when the switchboard says no, and then the leg is closed.
    pub(super) async fn comes_in(&mut self, input: Input, leg: AgentLeg) -> bool {
        let asked = matches!(self.call.state(), State::Consulting(_));
        let mut effects = Vec::new();
        if self.call.handle(input, clock::now(), &mut effects).is_err() {
            self.close_agent(leg).await;
            return false;
        }
        self.send_answer_of(&leg);
        self.facts.note_telephone(&leg);
        if asked {
            self.consulted_leg = Some(leg);
        } else {
            self.agent_leg = Some(leg);
            self.tell_assigned();
        }
        self.after(effects).await;
        true
    }
}
