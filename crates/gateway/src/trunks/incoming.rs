//! Who asks us for something by SIP, and what do they get?
//!
//! A telephone of an agent's registers ([`super::registered`]). WhatsApp calls a number by SIP
//! (`upstream_sip`). A telephone of the house calls a user by way of its trunk: from an address of one of
//! the trunk's targets, or with the password the trunk asks for; an agent's telephone with its own
//! ([`super::dialled`]). Everybody else is forbidden.

use std::sync::Arc;

use sip::{Incoming, IncomingInvite, Patience, Proof, Realm, Refusal};
use terms::{AgentId, UserRef};
use tokio::sync::{Semaphore, mpsc};

use super::{dialled, registered, road::Road};
use crate::{
    calls::{
        begin,
        caller::{self, Caller},
        placing,
    },
    config::CallsIn,
    line::Line,
    office::Office,
    upstream_sip,
};

/// The realm of our passwords.
const REALM: &str = "offhook";
/// How many who ask are looked at beside each other; one more hears 503.
const ASKED_MAX: usize = 64;
/// What we are called in `Contact`.
pub(super) const CONTACT: &str = "offhook";

/// Hears them one after the other, until SIP stops.
pub(crate) async fn run(office: Arc<Office>, mut incoming: mpsc::Receiver<Incoming>) {
    let realm = Arc::new(Realm::new(REALM.to_owned(), sip::Asker::User));
    let places = Arc::new(Semaphore::new(ASKED_MAX));
    while let Some(asked) = incoming.recv().await {
        let invite = match asked {
            Incoming::Invite(invite) => invite,
            Incoming::Register(register) => {
                registered::register(&office, register, &realm);
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (office, realm) = (Arc::clone(&office), Arc::clone(&realm));
        drop(tokio::spawn(async move {
            called(&office, invite, &realm).await;
            drop(place);
        }));
    }
}

async fn called(office: &Arc<Office>, invite: IncomingInvite, realm: &Realm) {
    let Some(invite) = upstream_sip::incoming::take(office, invite) else { return };
    match of_trunk(office, &invite, realm) {
        Asks::Known(road, calls_in) => {
            invite.welcome();
            let calls_in = calls_in.clone();
            place(office, &road, &calls_in, invite).await;
        }
        Asks::Agent(agent, road) => {
            invite.welcome();
            dialled::place(office, &agent, &road, invite).await;
        }
        Asks::Nobody => {
            office.metrics.trunk("forbidden");
            invite.turn_away(Refusal::of(403));
        }
        Asks::Unproven { stale } => invite.challenge(realm, stale),
    }
}

/// Who asks.
enum Asks<'a> {
    Known(Arc<Road>, &'a CallsIn),
    /// An agent at a telephone.
    Agent(AgentId, Arc<Road>),
    Unproven {
        stale: bool,
    },
    Nobody,
}

/// The trunk by which it comes: one whose password it knows, or one of whose targets it is. Else the agent
/// whose telephone's password it knows.
fn of_trunk<'a>(office: &'a Office, invite: &IncomingInvite, realm: &Realm) -> Asks<'a> {
    let open = || {
        let roads = office.trunks.roads.iter();
        roads.filter_map(|road| Some((road, road.trunk.calls_in.as_ref()?)))
    };
    let from_target = |road: &Road| road.has_address(invite.source.ip());
    let peer = open().find(|(road, calls)| calls.credentials.is_none() && from_target(road));
    if let Some((road, calls_in)) = peer {
        return Asks::Known(Arc::clone(road), calls_in);
    }
    let telephones = &office.trunks.telephones;
    if telephones.are_none() && open().all(|(_, calls)| calls.credentials.is_none()) {
        return Asks::Nobody;
    }
    let claim = match invite.proof(realm) {
        Proof::None => return Asks::Unproven { stale: false },
        Proof::Stale => return Asks::Unproven { stale: true },
        Proof::Claimed(claim) => claim,
    };
    let knows = |calls: &CallsIn| {
        let ours = calls.credentials.as_ref();
        ours.is_some_and(|ours| ours.user == claim.user() && claim.proves(&ours.password))
    };
    match open().find(|(_, calls)| knows(calls)) {
        Some((road, calls_in)) => Asks::Known(Arc::clone(road), calls_in),
        None => telephones
            .whose(&claim)
            .map_or(Asks::Nobody, |(agent, road)| Asks::Agent(agent.clone(), Arc::clone(road))),
    }
}

/// Calls the user whom the telephone dialled.
async fn place(office: &Arc<Office>, road: &Arc<Road>, calls: &CallsIn, invite: IncomingInvite) {
    let why = match prepared(office, road, calls, &invite) {
        Ok((line, to, offer)) => match placing::clear(office, &line, &to).await {
            Ok(cleared) => return begin(office, road, &line, cleared, offer, invite),
            Err(why) => said(403, &why),
        },
        Err(why) => why,
    };
    office.metrics.trunk("refused");
    invite.refuse(why);
}

/// What is needed to call: our number, whom, and audio of use.
fn prepared(
    office: &Office,
    road: &Road,
    calls: &CallsIn,
    invite: &IncomingInvite,
) -> Result<(Arc<Line>, UserRef, Option<String>), Refusal> {
    let house = &road.trunk.organisation;
    let mut lines = office.lines.iter().filter(|line| line.organisation.id == *house);
    let named = |line: &&Arc<Line>| calls.from.as_ref().is_none_or(|from| line.is_named(from));
    let line = lines.find(named).ok_or_else(|| Refusal::of(503))?;
    let dialled = invite.called.split(';').next().unwrap_or_default();
    let to = dialled.strip_prefix(&calls.prefix).and_then(|user| user.parse().ok());
    let to = to.ok_or_else(|| Refusal::of(404))?;
    if invite.offer.as_ref().is_some_and(|offer| !caller::is_usable(road, offer)) {
        return Err(Refusal::of(488));
    }
    Ok((Arc::clone(line), to, invite.offer.clone()))
}

fn begin(
    office: &Arc<Office>,
    road: &Arc<Road>,
    line: &Arc<Line>,
    cleared: crate::calls::clearance::Cleared,
    offer: Option<String>,
    invite: IncomingInvite,
) {
    let (extension, sip_call_id) = (invite.caller.clone(), invite.call_id.clone());
    let Some(call) = invite.take(CONTACT, Patience::default()) else { return };
    let caller = Caller { road: Arc::clone(road), extension, sip_call_id, offer, call };
    if let Err(error) = begin::place_telephone(office, line, cleared, caller) {
        // Its end of the call is gone with it: the telephone hears 480.
        tracing::info!(%error, "a telephone cannot call now");
    }
}

pub(super) fn said(status: u16, why: &dyn std::fmt::Display) -> Refusal {
    Refusal { status, phrase: Some(why.to_string()), headers: Vec::new() }
}
