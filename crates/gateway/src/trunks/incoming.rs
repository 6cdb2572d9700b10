//! Who asks us for something by SIP, and what do they get?

use std::sync::Arc;

use sip::{Incoming, IncomingInvite, Refusal};
use tokio::sync::mpsc;

use crate::{office::Office, upstream_sip};

/// Who is nobody we know.
const FORBIDDEN: u16 = 403;

/// Hears them one after the other, until SIP stops.
pub(crate) async fn run(office: Arc<Office>, mut incoming: mpsc::Receiver<Incoming>) {
    while let Some(asked) = incoming.recv().await {
        match asked {
            Incoming::Invite(invite) => called(&office, invite),
            Incoming::Register(register) => register.refuse(Refusal::of(FORBIDDEN)),
        }
    }
}

/// Each who may call takes the call or hands it back.
fn called(office: &Arc<Office>, invite: IncomingInvite) {
    let Some(invite) = upstream_sip::incoming::take(office, invite) else { return };
    invite.refuse(Refusal::of(FORBIDDEN));
}
