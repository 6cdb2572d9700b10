//! Whose INVITE is it, may it call, and what becomes of the call?
//!
//! The checks run in the order of table 6.7: the address, the challenge, the number, its server, the
//! password, the app; then those that a Graph `connect` goes through, by the same code.

use std::sync::Arc;

use rules::{
    access::Scope,
    call::{Input, LegFailure},
    eligibility,
    settings::SipServer,
    sip::{InviteRefusal, Parting, called, calling, servers_of},
};
use sip::{CallIn, Claim, End, IncomingInvite, Patience, Proof, Told, Wish, WordIn};
use terms::{AppId, CallId, Party, WaId};
use tokio::sync::mpsc;
use wire::graph::call::Recipient;

use super::{
    Edge, Line, Order, RINGS,
    line::{Ear, bye, refusal},
};
use crate::{
    api::refusals::ApiRefusal,
    calls::place::{self, BusinessCall},
    consent,
    directory::Number,
    world::World,
};

/// Answers an INVITE outside of any call.
pub(super) async fn take(world: &Arc<World>, invite: IncomingInvite) {
    let Some(edge) = &world.sip else { return };
    let to = match called(&invite.called, &invite.host) {
        Ok(to) => to,
        Err(no) => return invite.refuse(refusal(no.answer(), &edge.domain)),
    };
    let claim = match invite.proof(&edge.realm) {
        Proof::None => return invite.challenge(&edge.realm, false),
        Proof::Stale => return invite.challenge(&edge.realm, true),
        Proof::Claimed(claim) => claim,
    };
    let (line, orders) = Line::new();
    match start(world, &invite, &claim, to, line).await {
        Ok(id) => connect(world, edge, invite, id, orders),
        Err(no) => {
            tracing::debug!(status = no.answer().status, "an INVITE of a business was refused");
            invite.refuse(refusal(no.answer(), &edge.domain));
        }
    }
}

/// Starts the call, if everything lets it.
async fn start(
    world: &Arc<World>,
    invite: &IncomingInvite,
    claim: &Claim,
    to: WaId,
    line: Line,
) -> Result<CallId, InviteRefusal> {
    let number = caller(world, invite, claim)?;
    let facts = consent::number_facts(world, &number);
    let cleared = eligibility::check_sip_number(&facts, &world.book(&number), world.clock.now());
    let cleared = cleared.map_err(InviteRefusal::Rule)?;
    let no_offer = || InviteRefusal::Sdp("the INVITE has no offer".to_owned());
    let offer = invite.offer.as_deref().ok_or_else(no_offer)?;
    let offer = place::read_offer(world, &number, offer).map_err(in_sip)?;
    let call = BusinessCall {
        number,
        to: Recipient { wa_id: Some(to), user_id: None },
        offer,
        opaque: None,
        cleared,
        capture: None,
        line: Some(line),
    };
    place::from_business(world, call).await.map_err(in_sip)
}

/// The number that calls, proven by the password of one of its servers.
fn caller(
    world: &World,
    invite: &IncomingInvite,
    claim: &Claim,
) -> Result<Arc<Number>, InviteRefusal> {
    let digits = calling(&invite.caller)?;
    let number = world.directory.number_of(&digits).ok_or(InviteRefusal::UnknownNumber)?;
    let host = &invite.caller_host;
    let servers: Vec<_> = servers_of(number.calling.sip.as_ref(), host).collect();
    if servers.is_empty() {
        return Err(InviteRefusal::OtherServer { host: host.clone(), number: number.id.clone() });
    }
    let knows = |server: &&SipServer| {
        server.password.as_ref().is_some_and(|password| claim.proves(&password.0))
    };
    let is_it = claim.user() == digits.as_str();
    let server = servers.into_iter().find(knows).filter(|_| is_it).ok_or(InviteRefusal::Digest)?;
    invite.welcome();
    if let Some(app) = server.app.as_ref().filter(|app| !may_call(world, &number, app)) {
        return Err(InviteRefusal::NotAuthorized {
            app: app.clone(),
            host: host.clone(),
            number: number.id.clone(),
        });
    }
    Ok(number)
}

/// Whether an app may call for this number: it acts for its account, and holds a token with the
/// permission for messages.
pub(super) fn may_call(world: &World, number: &Number, app: &AppId) -> bool {
    let account = world.directory.account(&number.account);
    if !account.is_some_and(|account| account.apps.contains(app)) {
        return false;
    }
    let now = world.clock.now();
    let app = world.directory.apps().into_iter().find(|known| known.id == *app);
    app.is_some_and(|app| {
        app.grants().any(|grant| {
            let may = grant.scopes.contains(&Scope::Messaging);
            may && !grant.is_expired(now) && grant.covers(&number.account)
        })
    })
}

/// Graph's refusals in the words of SIP.
fn in_sip(refusal: ApiRefusal) -> InviteRefusal {
    match refusal {
        ApiRefusal::Rule(refusal) => InviteRefusal::Rule(refusal),
        ApiRefusal::Sdp(refusal) => InviteRefusal::Sdp(refusal.to_string()),
        ApiRefusal::NoMedia => InviteRefusal::NoRoom,
        ApiRefusal::TokenMissing
        | ApiRefusal::TokenUnknown
        | ApiRefusal::TokenExpired { .. }
        | ApiRefusal::ScopeMissing { .. }
        | ApiRefusal::NotPermitted
        | ApiRefusal::UnknownObject { .. }
        | ApiRefusal::UnknownPath
        | ApiRefusal::TooLarge { .. }
        | ApiRefusal::Body(_)
        | ApiRefusal::Message(_)
        | ApiRefusal::Parameter(_)
        | ApiRefusal::Handshake(_)
        | ApiRefusal::LinkOver
        | ApiRefusal::OnDemand { .. }
        | ApiRefusal::Fault(_) => InviteRefusal::Fault,
    }
}

/// Connects a call with its dialog.
fn connect(
    world: &Arc<World>,
    edge: &Edge,
    invite: IncomingInvite,
    id: CallId,
    orders: mpsc::Receiver<Order>,
) {
    let Some(call) = world.calls.get(&id) else { return };
    let (ear, domain) = (Ear::new(call.inbox), edge.domain.clone());
    let contact = invite.called.split(';').next().unwrap_or_default().to_owned();
    let patience = Patience { waits: RINGS, ..Patience::default() };
    let dialog = invite.take(&contact, patience);
    world.tasks.spawn(async move {
        match dialog {
            Some(dialog) => follow(&id, &domain, dialog, orders, &ear).await,
            None => ear.tell(None, vec![Input::Terminate]).await,
        }
    });
}

/// Carries the call's orders to the business and its words to the call, until the dialog is over.
async fn follow(
    id: &CallId,
    domain: &str,
    mut call: CallIn,
    mut orders: mpsc::Receiver<Order>,
    ear: &Ear,
) {
    let mut is_wanted = true;
    loop {
        let word = tokio::select! {
            order = orders.recv(), if is_wanted => {
                is_wanted = order.is_some();
                obey(id, domain, &call, order);
                continue;
            }
            word = call.word() => word,
        };
        match word {
            None => return,
            // Calls are not negotiated again (fact sheet 6.2).
            Some(WordIn::Wish(Wish::Reoffer(reoffer))) => reoffer.refuse_with(500),
            // Neither INFO nor REFER is among the methods of the edge.
            Some(WordIn::Wish(Wish::Key(_) | Wish::Refer(_) | Wish::LateAnswer(_))) => {}
            Some(WordIn::Told(told)) => hear(told, ear).await,
        }
    }
}

fn obey(id: &CallId, domain: &str, call: &CallIn, order: Option<Order>) {
    match order {
        Some(Order::Ring) => call.ring(None),
        Some(Order::Answer(sdp)) => call.answer(sdp),
        Some(Order::Leave(Parting::Refuse(answer))) => call.refuse(refusal(answer, domain)),
        Some(Order::Leave(Parting::Bye { duration_s, reason })) => {
            call.hang_up(bye(id, duration_s, reason));
        }
        Some(Order::Leave(Parting::Cancel)) | None => call.hang_up(Vec::new()),
    }
}

async fn hear(told: Told, ear: &Ear) {
    let input = match told {
        Told::Standing | Told::Ended(End::Ours) => return,
        Told::Ended(End::Theirs | End::NoAnswer) => Input::Terminate,
        // Our 200 was never acknowledged.
        Told::Ended(End::Lost | End::Busy | End::Refused(_) | End::Unavailable) => {
            Input::LegFailed { whose: Party::Business, failure: LegFailure::SetUp }
        }
    };
    ear.tell(None, vec![input]).await;
}
