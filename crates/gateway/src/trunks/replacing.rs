//! May a telephone take the place of another one in a call (INVITE with `Replaces`, RFC 3891)?
//!
//! It may, where it comes as calls of that one's trunk do: with the password of the trunk, or from an
//! address of one of its targets. What becomes of it is the call's to say.

use std::sync::Arc;

use sip::{IncomingInvite, Patience, Proof, Realm, Refusal};

use super::{
    incoming::{Asks, CONTACT, of_trunk, proves},
    line::{Happening, Said},
    lines::Known,
    road::Road,
};
use crate::{
    calls::caller::{self, Caller},
    office::Office,
};

/// Hands it to the call whose telephone it names, or refuses it.
pub(super) async fn asked(office: &Office, invite: IncomingInvite, realm: &Realm) {
    let named = invite.replaces();
    let named = named.and_then(|it| office.trunks.lines.find(&it.call_id).ok_or(Refusal::of(481)));
    match who(office, named.as_ref().ok(), &invite, realm) {
        Who::Admitted => {}
        Who::Known => return refuse(office, invite, named.err().unwrap_or(Refusal::of(403))),
        Who::Unproven { stale } => return invite.challenge(realm, stale),
        Who::Nobody => {
            office.metrics.trunk("forbidden");
            return invite.turn_away(Refusal::of(403));
        }
    }
    match named {
        Ok(line) => take(office, &line, invite).await,
        Err(why) => refuse(office, invite, why),
    }
}

/// Who wants the place.
enum Who {
    /// One who may have it.
    Admitted,
    /// Another one whom we know.
    Known,
    Unproven {
        stale: bool,
    },
    Nobody,
}

fn who(office: &Office, line: Option<&Arc<Known>>, invite: &IncomingInvite, realm: &Realm) -> Who {
    let of_target = |road: &Road| road.has_address(invite.source.ip());
    let Some(line) = line else {
        return match of_trunk(office, invite, realm) {
            Asks::Known(..) | Asks::Agent(..) => Who::Known,
            Asks::Nobody if office.trunks.roads.iter().any(|road| of_target(road)) => Who::Known,
            Asks::Nobody => Who::Nobody,
            Asks::Unproven { stale } => Who::Unproven { stale },
        };
    };
    let calls_in = line.road.trunk.calls_in.as_ref();
    let Some(calls_in) = calls_in.filter(|calls_in| calls_in.credentials.is_some()) else {
        return match of_target(&line.road) {
            true => Who::Admitted,
            false if office.trunks.roads.iter().any(|road| of_target(road)) => Who::Known,
            false => Who::Nobody,
        };
    };
    match invite.proof(realm) {
        Proof::None => Who::Unproven { stale: false },
        Proof::Stale => Who::Unproven { stale: true },
        Proof::Claimed(claim) if proves(calls_in, &claim) => Who::Admitted,
        Proof::Claimed(claim) if office.trunks.has_caller(&claim) => Who::Known,
        Proof::Claimed(_) => Who::Nobody,
    }
}

async fn take(office: &Office, line: &Arc<Known>, invite: IncomingInvite) {
    let offer = invite.offer.clone();
    if offer.as_ref().is_some_and(|offer| !caller::is_usable(&line.road, offer)) {
        return refuse(office, invite, Refusal::of(488));
    }
    invite.welcome();
    let (extension, sip_call_id) = (invite.caller.clone(), invite.call_id.clone());
    let Some(call) = invite.take(CONTACT, Patience::default()) else { return };
    let road = Arc::clone(&line.road);
    let caller = Caller { road, extension, sip_call_id, offer, call };
    let what = Happening::Replaced(caller);
    // Its end of the call is gone with it where the other call is over: the telephone hears 480.
    drop(line.tell.send(Said { number: line.number, what }).await);
}

fn refuse(office: &Office, invite: IncomingInvite, why: Refusal) {
    office.metrics.trunk("refused");
    invite.welcome();
    invite.refuse(why);
}
