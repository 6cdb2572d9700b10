//! What does an agent get whose telephone dials?
//!
//! The user's number or BSUID, of the organisation's first number, by the rules of every call of the
//! business. The call is the agent's, as one placed in the console is.

use std::sync::Arc;

use sip::{IncomingInvite, Patience, Refusal};
use terms::{AgentId, UserRef};

use super::{
    incoming::{CONTACT, said},
    road::Road,
};
use crate::{
    calls::{
        begin,
        caller::{self, Caller},
        clearance::Cleared,
        placing,
    },
    line::Line,
    office::Office,
};

/// What is needed to call; the agent is claimed for it.
struct Ready {
    line: Arc<Line>,
    to: Cleared,
    offer: String,
}

pub(super) async fn place(
    office: &Arc<Office>,
    agent: &AgentId,
    road: &Arc<Road>,
    invite: IncomingInvite,
) {
    let Ready { line, to, offer } = match ready(office, agent, road, &invite).await {
        Ok(ready) => ready,
        Err(why) => return invite.refuse(why),
    };
    let sip_call_id = invite.call_id.clone();
    let taken = invite.take(CONTACT, Patience::default());
    let began = taken.is_some_and(|call| {
        let (road, extension) = (Arc::clone(road), agent.to_string());
        let caller = Caller { road, extension, sip_call_id, offer: Some(offer), call };
        // Its end of the call is gone with it: the telephone hears 480.
        begin::place_for(office, &line, to, agent.clone(), caller).is_ok()
    });
    if !began {
        line.consoles().release(agent, None);
    }
}

async fn ready(
    office: &Office,
    agent: &AgentId,
    road: &Road,
    invite: &IncomingInvite,
) -> Result<Ready, Refusal> {
    let house = &road.trunk.organisation;
    let mut lines = office.lines.iter();
    let line = lines.find(|line| line.organisation.id == *house).ok_or_else(|| Refusal::of(503))?;
    let dialled = invite.called.split(';').next().unwrap_or_default();
    let to: UserRef = dialled.parse().map_err(|_| Refusal::of(404))?;
    let offer = invite.offer.clone().filter(|offer| caller::is_usable(road, offer));
    let offer = offer.ok_or_else(|| Refusal::of(488))?;
    let to = placing::clear(office, line, &to).await.map_err(|why| said(403, &why))?;
    if !line.consoles().claim(agent) {
        return Err(said(486, &"You are in another call"));
    }
    Ok(Ready { line: Arc::clone(line), to, offer })
}
