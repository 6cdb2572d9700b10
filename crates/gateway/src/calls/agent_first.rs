//! Which agent is about to call somebody, and does the agent want to?
//!
//! A call that a program or a callback wants placed for an agent rings at the agent first. Who takes
//! it sends the browser's offer with it, and from there it is a call the agent placed. Ringing holds
//! nobody: the agent is claimed on taking it, and may have another call by then.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use terms::{AgentId, CallId};
use tokio::sync::oneshot;
use wire::{
    SdpText,
    console::{Offer, RingStopped, ToConsole},
    trace::TraceParent,
};

use super::{
    begin::{self, Outgoing},
    clearance::Cleared,
    placing::{self, NotPlaced},
};
use crate::{events::ConsoleId, line::Line, office::Office, organisation::Organisation};

/// The agents who are asked.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    open: Mutex<BTreeMap<String, Open>>,
}

#[derive(Debug)]
struct Open {
    agent: AgentId,
    answer: oneshot::Sender<Answer>,
}

/// What an agent does about it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Takes it at this console, with the browser's offer.
    Takes { console: ConsoleId, offer: SdpText },
    /// Does not.
    Passes,
    /// It was taken back.
    Withdrawn,
}

/// An agent who took it, claimed for the call.
#[derive(Debug)]
pub(crate) struct Taken {
    agent: AgentId,
    console: ConsoleId,
    offer: SdpText,
}

/// Why no agent calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    /// Offline, away, in a call or after one, or something rings there.
    #[error("The agent does not take calls now.")]
    NotAvailable,
    /// Did not answer in time.
    #[error("The agent did not answer.")]
    NoAnswer,
    /// Said no, or went away.
    #[error("The agent did not take the call.")]
    Declined,
}

impl NotTaken {
    /// The word for programs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotAvailable => "agent.not_available",
            Self::NoAnswer => "agent.no_answer",
            Self::Declined => "agent.declined",
        }
    }
}

impl Offers {
    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agent answers; `false` when it is not offered to this agent, or no more.
    pub(crate) fn answer(&self, offer_id: &str, agent: &AgentId, answer: Answer) -> bool {
        let mut open = self.open();
        if open.get(offer_id).is_none_or(|offer| offer.agent != *agent) {
            return false;
        }
        open.remove(offer_id).is_some_and(|offer| offer.answer.send(answer).is_ok())
    }

    /// It is offered no more.
    pub(crate) fn withdraw(&self, offer_id: &str) {
        if let Some(offer) = self.open().remove(offer_id) {
            // Nobody waits for it: then it is over already.
            drop(offer.answer.send(Answer::Withdrawn));
        }
    }

    /// The agent's last console closed.
    pub(crate) fn agent_gone(&self, agent: &AgentId) {
        let mut open = self.open();
        let theirs: Vec<String> = open
            .iter()
            .filter(|(_, offer)| offer.agent == *agent)
            .map(|(id, _)| id.clone())
            .collect();
        for id in theirs {
            if let Some(offer) = open.remove(&id) {
                drop(offer.answer.send(Answer::Passes));
            }
        }
    }
}

/// Rings an agent for so long; the agent is claimed when it is taken.
///
/// # Errors
///
/// Why the agent does not call.
pub(crate) async fn ring(
    house: &Organisation,
    agent: &AgentId,
    offer: Offer,
    patience: Duration,
) -> Result<Taken, NotTaken> {
    let id = offer.offer_id.clone();
    let (answer, answered) = oneshot::channel();
    house.offers.open().insert(id.clone(), Open { agent: agent.clone(), answer });
    if !house.consoles.ask(agent, offer) {
        house.offers.open().remove(&id);
        return Err(NotTaken::NotAvailable);
    }
    let answered = tokio::time::timeout(patience, answered).await;
    house.offers.open().remove(&id);
    let (result, why) = match answered {
        Ok(Ok(Answer::Takes { console, offer })) => {
            if house.consoles.claim(agent) {
                (Ok(Taken { agent: agent.clone(), console, offer }), RingStopped::Taken)
            } else {
                let (what, code) = ("take".into(), "busy".into());
                let text = "You are in another call.".into();
                house.consoles.send(console, ToConsole::Refused { what, code, text });
                (Err(NotTaken::NotAvailable), RingStopped::Declined)
            }
        }
        Ok(Ok(Answer::Passes) | Err(_)) => (Err(NotTaken::Declined), RingStopped::Declined),
        Ok(Ok(Answer::Withdrawn)) | Err(_) => (Err(NotTaken::NoAnswer), RingStopped::TimedOut),
    };
    house.consoles.stop_asking(&id, why);
    result
}

/// Calls the user for the agent who took it, as a part of the trace of whoever asks, and waits until the
/// platform has the call.
///
/// # Errors
///
/// Why the call was not placed; the agent is free again.
pub(crate) async fn place(
    office: &Arc<Office>,
    line: &Arc<Line>,
    taken: Taken,
    (to, name): (Cleared, Option<String>),
    parent: Option<TraceParent>,
) -> Result<CallId, NotPlaced> {
    let Taken { agent, console, offer } = taken;
    let (program, placed) = oneshot::channel();
    let program = Some(program);
    let outgoing = Outgoing { to, name, agent: agent.clone(), console, offer, program };
    if let Err(error) = begin::place(office, line, outgoing, parent) {
        line.consoles().release(&agent, None);
        let (what, code, text) = ("take".into(), "offer".into(), error.to_string());
        line.consoles().send(console, ToConsole::Refused { what, code, text });
        return Err(error.into());
    }
    placing::until_placed(placed).await
}
