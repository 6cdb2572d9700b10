//! Whose telephones are registered, and where do they ring?
//!
//! An agent's telephone registers as the agent, with a password of its own. While one is, its agent is
//! there to be rung, whether a console is open or not.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use sip::{
    Bindings, Claim, IncomingRegister, NotRegistered, Proof, Realm, Refusal, Registering, Target,
};
use terms::AgentId;
use tokio::sync::Notify;

use super::road::Road;
use crate::{config::AgentTelephone, config::Secret, office::Office};

/// The telephones of all agents who have one.
#[derive(Debug)]
pub(crate) struct Telephones {
    of: BTreeMap<AgentId, Mine>,
    /// Rung when one registers: the next to be forgotten may be another.
    changed: Notify,
}

/// An agent's.
#[derive(Debug)]
struct Mine {
    password: Secret,
    road: Arc<Road>,
    bindings: Mutex<Bindings>,
}

/// Where one of an agent's telephones rings.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) road: Arc<Road>,
    /// The URI it is called by.
    pub(crate) contact: String,
    pub(crate) target: Target,
}

impl Mine {
    fn bindings(&self) -> MutexGuard<'_, Bindings> {
        self.bindings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Telephones {
    pub(super) fn new(telephones: &[AgentTelephone]) -> Self {
        let mine = |telephone: &AgentTelephone| Mine {
            password: telephone.password.clone(),
            road: Arc::new(Road::new(telephone.trunk.clone())),
            bindings: Mutex::default(),
        };
        let of = telephones.iter().map(|telephone| (telephone.agent.clone(), mine(telephone)));
        Self { of: of.collect(), changed: Notify::new() }
    }

    /// Where this agent's telephones ring now.
    pub(crate) fn of(&self, agent: &AgentId) -> Vec<Reached> {
        let Some(mine) = self.of.get(agent) else { return Vec::new() };
        let bindings = mine.bindings();
        let reached = bindings.known(Instant::now()).map(|binding| Reached {
            road: Arc::clone(&mine.road),
            contact: binding.contact().to_owned(),
            target: binding.target(),
        });
        reached.collect()
    }

    /// Whose password it is, and how that one's telephones are spoken to.
    pub(super) fn whose(&self, claim: &Claim) -> Option<(&AgentId, &Arc<Road>)> {
        self.proven(claim).map(|(agent, mine)| (agent, &mine.road))
    }

    /// How many are registered.
    pub(crate) fn count(&self) -> usize {
        let now = Instant::now();
        self.of.values().map(|mine| mine.bindings().known(now).count()).sum()
    }

    /// Whether there can be any.
    pub(crate) fn are_none(&self) -> bool {
        self.of.is_empty()
    }

    fn proven(&self, claim: &Claim) -> Option<(&AgentId, &Mine)> {
        let agent: AgentId = claim.user().parse().ok()?;
        let known = self.of.get_key_value(&agent)?;
        claim.proves(known.1.password.expose()).then_some(known)
    }

    fn next_end(&self) -> Option<Instant> {
        self.of.values().filter_map(|mine| mine.bindings().next_end()).min()
    }
}

/// A telephone says where it is.
pub(super) fn register(office: &Office, asked: IncomingRegister, realm: &Realm) {
    let telephones = &office.trunks.telephones;
    if telephones.are_none() {
        return asked.turn_away(Refusal::of(403));
    }
    let claim = match asked.proof(realm) {
        Proof::None => return asked.challenge(realm, false),
        Proof::Stale => return asked.challenge(realm, true),
        Proof::Claimed(claim) => claim,
    };
    let known = telephones.proven(&claim);
    let Some((agent, mine)) = known.filter(|(agent, _)| agent.as_str() == asked.user) else {
        tracing::info!("a telephone that nobody has was turned away");
        return asked.turn_away(Refusal::of(403));
    };
    let Some(registering) = asked.registering() else { return asked.refuse(Refusal::of(400)) };
    match take(office, (agent, mine), &registering) {
        Ok(known) => asked.known(known),
        Err(why) => asked.refuse(why.refusal()),
    }
}

fn take(
    office: &Office,
    (agent, mine): (&AgentId, &Mine),
    registering: &Registering,
) -> Result<Vec<(String, u32)>, NotRegistered> {
    let now = Instant::now();
    let mut bindings = mine.bindings();
    bindings.register(registering, now)?;
    tell(office, agent, mine, &bindings);
    office.trunks.telephones.changed.notify_one();
    Ok(bindings.told(now))
}

/// Forgets those that do not come again, for ever.
pub(super) async fn watch(office: &Office) {
    let telephones = &office.trunks.telephones;
    loop {
        tokio::select! {
            () = until(telephones.next_end()) => {}
            () = telephones.changed.notified() => continue,
        }
        for (agent, mine) in &telephones.of {
            let mut bindings = mine.bindings();
            bindings.forget(Instant::now());
            tell(office, agent, mine, &bindings);
        }
    }
}

/// What others know of it, told while nobody can change it again.
fn tell(office: &Office, agent: &AgentId, mine: &Mine, bindings: &Bindings) {
    let registered = bindings.known(Instant::now()).next().is_some();
    let house = office.organisations.named(&mine.road.trunk.organisation);
    house.consoles.telephone(agent, registered);
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end.into()).await,
        None => std::future::pending().await,
    }
}
