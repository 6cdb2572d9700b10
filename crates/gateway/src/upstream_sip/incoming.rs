//! Is this INVITE a user's call, and what does it say?
//!
//! It is when it came by TLS from the platform's domain for a number whose calls come by SIP; whoever
//! sent it must know the number's password. Its headers say what a `connect` webhook says.

use std::sync::Arc;

use sip::{IncomingInvite, Patience, Proof, Refusal, Transport};
use terms::{CallId, UserId, WaId};
use tracing::{debug, warn};
use wire::console::Peer;

use super::Edge;
use crate::{
    calls::{
        arrival::{self, Arrival},
        begin::Signalling,
        registry::Receipt,
    },
    clock,
    line::Line,
    office::Office,
    telemetry::trace::CallTrace,
};

/// Something of it cannot be read.
const BAD_REQUEST: u16 = 400;
/// Whoever sent it does not know the password.
const FORBIDDEN: u16 = 403;
/// It offers no audio.
const NOT_ACCEPTABLE: u16 = 488;
/// We cannot serve now.
const UNAVAILABLE: u16 = 503;

/// What starts the `Call-ID` of a user's call; the call's id follows (fact sheet 6.4).
const CALL_ID_PREFIX: &str = "outgoing:";

/// Takes a user's call; hands back what is none.
pub(crate) fn take(office: &Arc<Office>, invite: IncomingInvite) -> Option<IncomingInvite> {
    let Some(line) = called(office, &invite).cloned() else { return Some(invite) };
    let edge = line.sip.as_ref()?;
    let invite = proven(&line, edge, invite)?;
    let office = Arc::clone(office);
    // As many as the SIP room lets in at a time.
    drop(tokio::spawn(async move { arrive(&office, &line, invite).await }));
    None
}

/// The line by SIP that the platform calls.
fn called<'a>(office: &'a Office, invite: &IncomingInvite) -> Option<&'a Arc<Line>> {
    let number = invite.called.split(';').next()?;
    let number = number.strip_prefix('+').unwrap_or(number);
    let is_called = |line: &&Arc<Line>| {
        let from = |edge: &Edge| edge.config.domain.eq_ignore_ascii_case(&invite.caller_host);
        line.digits() == number && line.sip.as_ref().is_some_and(from)
    };
    office.lines.iter().find(is_called).filter(|_| invite.transport == Transport::Tls)
}

/// The call, if whoever sent it knows the password; else it is answered.
fn proven(line: &Line, edge: &Edge, invite: IncomingInvite) -> Option<IncomingInvite> {
    let Some(password) = edge.password.get() else {
        invite.refuse(Refusal::of(UNAVAILABLE));
        return None;
    };
    match invite.proof(&edge.realm) {
        Proof::None => invite.challenge(&edge.realm, false),
        Proof::Stale => invite.challenge(&edge.realm, true),
        Proof::Claimed(claim)
            if claim.user() == line.digits() && claim.proves(password.expose()) =>
        {
            invite.welcome();
            return Some(invite);
        }
        Proof::Claimed(_) => {
            warn!(line = %line.id(), "a call by SIP does not know the number's password");
            invite.turn_away(Refusal::of(FORBIDDEN));
        }
    }
    None
}

async fn arrive(office: &Arc<Office>, line: &Arc<Line>, invite: IncomingInvite) {
    let metrics = &office.metrics;
    let Some(call_id) = call_id(&invite) else {
        metrics.event("unreadable");
        return invite.refuse(Refusal::of(BAD_REQUEST));
    };
    let Some(offer) = invite.offer.clone() else {
        metrics.event("no_session");
        return invite.refuse(Refusal::of(NOT_ACCEPTABLE));
    };
    let Some(edge) = &line.sip else { return };
    let contact = caller(&invite);
    let deeplink_payload = invite.header("x-wa-meta-deeplink-payload");
    let cta_payload = invite.header("x-wa-meta-cta-payload");
    let contact_user = format!("+{}", line.digits());
    let Some(call) = invite.take_so(&contact_user, Patience::default(), &edge.manners()) else {
        return metrics.event("unreadable");
    };
    let (receipt, _settled) = Receipt::new();
    let trace = trace(office, line, &call_id);
    let arrival = Arrival {
        call_id,
        contact,
        started_at: line.now(),
        offer: offer.into(),
        deeplink_payload,
        cta_payload,
        trace,
        receipt,
        signalling: Signalling::Sip(call),
    };
    match arrival::take(office, line, arrival).await {
        Ok(true) => metrics.event("acted_on"),
        Ok(false) => metrics.event("duplicate"),
        // The call is refused as it is dropped.
        Err(error) => tracing::error!(%error, "a call by SIP cannot be taken"),
    }
}

/// The trace of the call begins here; what is told of it carries it.
fn trace(office: &Office, line: &Line, call_id: &CallId) -> Option<CallTrace> {
    let now = clock::now();
    let trace = office.telemetry.call(None, now)?;
    office.store.note_trace(line.id(), call_id, trace.root(), now);
    Some(trace)
}

/// The platform's id of the call.
fn call_id(invite: &IncomingInvite) -> Option<CallId> {
    let said = invite.header("x-wa-meta-wacid");
    let said = said.as_deref().or_else(|| invite.call_id.strip_prefix(CALL_ID_PREFIX))?;
    said.parse().inspect_err(|_| debug!("a call by SIP has no id of a call")).ok()
}

/// The user: by number where `From` has it, by the ids of the headers.
fn caller(invite: &IncomingInvite) -> Peer {
    let user_id = |name: &str| invite.header(name)?.parse::<UserId>().ok();
    let wa_id = WaId::from_dialled(&invite.caller).ok();
    // Meta writes the digits where there is no name.
    let name = invite.caller_name.clone().filter(|name| WaId::from_dialled(name).is_err());
    let name = name.filter(|name| !name.trim().is_empty());
    Peer {
        name: name.or_else(|| invite.header("x-wa-meta-username")),
        wa_id,
        user_id: user_id("x-wa-meta-user-id"),
        parent_user_id: user_id("x-wa-meta-parent-user-id"),
    }
}
