//! A user calls: what happens before the call's task begins?
//!
//! The same whether a webhook says so or SIP: it is told outside, what a flow may know of the user is
//! read, and the service window opens.

use std::sync::Arc;

use terms::{CallId, Direction, Timestamp};
use wire::{
    SdpText,
    console::{Call, CallState, Peer},
    event::What,
};

use super::{
    begin::{self, Incoming, Signalling},
    registry::Receipt,
};
use crate::{
    contacts, flows::facts, line::Line, office::Office, outbox::news, store::StoreError,
    telemetry::trace::CallTrace,
};

/// A user's call as it reached us.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) call_id: CallId,
    pub(crate) contact: Peer,
    pub(crate) started_at: Timestamp,
    pub(crate) offer: SdpText,
    pub(crate) deeplink_payload: Option<String>,
    pub(crate) cta_payload: Option<String>,
    pub(crate) trace: Option<CallTrace>,
    /// Dropped once the call is on disk.
    pub(crate) receipt: Receipt,
    pub(crate) signalling: Signalling,
}

/// Starts the task of the call; `false` when it runs already.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn take(
    office: &Arc<Office>,
    line: &Arc<Line>,
    arrival: Arrival,
) -> Result<bool, StoreError> {
    tell_ringing(office, line, &arrival);
    let contact = &arrival.contact;
    let payload = arrival.cta_payload.clone().or_else(|| arrival.deeplink_payload.clone());
    let caller = facts::of_incoming(office, line, contact, payload).await?;
    contacts::note_window(office, line, contact, arrival.started_at).await?;
    let incoming = Incoming {
        call_id: arrival.call_id,
        contact: arrival.contact,
        started_at: arrival.started_at,
        offer: arrival.offer,
        deeplink_payload: arrival.deeplink_payload,
        cta_payload: arrival.cta_payload,
        caller,
        trace: arrival.trace,
        receipt: arrival.receipt,
        signalling: arrival.signalling,
    };
    Ok(begin::take(office, line, incoming))
}

/// On disk before a webhook is forgotten, for the store does its jobs in order; so nobody waits.
fn tell_ringing(office: &Office, line: &Line, arrival: &Arrival) {
    let direction = Direction::UserInitiated;
    let number = line.digits().to_owned();
    let (state, since) = (CallState::Ringing, arrival.started_at);
    let (call_id, contact) = (arrival.call_id.clone(), arrival.contact.clone());
    let mut ringing = Call::new(call_id, direction, state, contact, number, since);
    ringing.deeplink_payload.clone_from(&arrival.deeplink_payload);
    ringing.cta_payload.clone_from(&arrival.cta_payload);
    office.outbox.tell(news::of_call(line.id(), ringing, since, What::CallRinging));
}
