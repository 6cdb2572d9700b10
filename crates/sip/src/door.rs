//! What do we answer to requests we did not ask for?
//!
//! Those of a call that exists go to it. New calls and registrations go to whoever started the agent
//! and wants them, and are refused where nobody does. The rest gets its status and is forgotten.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::dialog::Dialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, StatusCode};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::debug;

use crate::agent::Desk;
use crate::{Incoming, IncomingInvite, IncomingRegister, flaw};

/// How many requests are being answered at once; more are dropped, and come again if they are meant.
const ANSWERING_MAX: usize = 1024;
/// How long one may take, its ACK and repetitions included (RFC 3261, timer H is 32 s).
const ANSWERING: Duration = Duration::from_secs(40);

/// Answers until the agent stops; `ask` hears of calls and registrations.
pub(crate) async fn keep(
    desk: Arc<Desk>,
    mut incoming: TransactionReceiver,
    ask: Option<mpsc::Sender<Incoming>>,
) {
    let places = Arc::new(Semaphore::new(ANSWERING_MAX));
    while let Some(request) = incoming.recv().await {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            debug!("a SIP request was dropped: too many at once");
            continue;
        };
        let (desk, ask) = (Arc::clone(&desk), ask.clone());
        drop(tokio::spawn(async move { answer(desk, request, place, ask).await }));
    }
}

async fn answer(
    desk: Arc<Desk>,
    mut request: Transaction,
    place: OwnedSemaphorePermit,
    ask: Option<mpsc::Sender<Incoming>>,
) {
    if let Some((status, headers)) = flaw::of(&request.original, desk.face.allows.is_empty()) {
        return finish(request, status, headers).await;
    }
    if !desk.face.takes(request.original.method) && request.original.method != Method::Register {
        let allow = desk.face.allow().into_iter().collect();
        return finish(request, StatusCode::MethodNotAllowed, allow).await;
    }
    if let Some(Dialog::Invite(mut dialog)) = desk.layer.match_dialog(&request) {
        desk.partings.note(&request.original);
        let handling = Box::pin(dialog.handle(&mut request));
        match tokio::time::timeout(ANSWERING, handling).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => debug!(%fault, "a SIP request could not be answered"),
            Err(_) => debug!("a SIP request was not finished in time"),
        }
        return;
    }
    let method = request.original.method;
    let in_dialog = has_to_tag(&request);
    match (method, ask) {
        (Method::Invite, Some(ask)) if !in_dialog => {
            let read = IncomingInvite::read(request, place, desk);
            pass_on(&ask, read.map(Incoming::Invite)).await;
        }
        (Method::Register, Some(ask)) if !in_dialog => {
            let read = IncomingRegister::read(request, place, desk);
            pass_on(&ask, read.map(Incoming::Register)).await;
        }
        _ => {
            let Some(status) = status(method, in_dialog) else { return };
            finish(request, status.into(), Vec::new()).await;
        }
    }
}

/// Who is too busy to hear of it refuses it.
async fn pass_on(
    ask: &mpsc::Sender<Incoming>,
    read: Result<Incoming, (Transaction, OwnedSemaphorePermit)>,
) {
    match read {
        Ok(incoming) => drop(ask.try_send(incoming)),
        Err((request, _place)) => finish(request, StatusCode::BadRequest, Vec::new()).await,
    }
}

/// Answers a request, and repeats an INVITE's refusal until its ACK.
pub(crate) async fn finish(mut request: Transaction, status: StatusCode, headers: Vec<Header>) {
    let finishing = async {
        request.reply_with(status, headers, None).await?;
        if request.original.method == Method::Invite {
            while request.receive().await.is_some() {}
        }
        rsipstack::Result::Ok(())
    };
    match tokio::time::timeout(ANSWERING, Box::pin(finishing)).await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => debug!(%fault, "a SIP request could not be answered"),
        Err(_) => debug!("a SIP request was not finished in time"),
    }
}

/// What a request outside of any call gets; `None` for what is never answered.
fn status(method: Method, in_dialog: bool) -> Option<u16> {
    match method {
        Method::Ack => None,
        Method::Options => Some(200),
        Method::Invite | Method::Register if !in_dialog => Some(403),
        Method::Invite
        | Method::Register
        | Method::Bye
        | Method::Cancel
        | Method::Info
        | Method::Notify
        | Method::PRack
        | Method::Refer
        | Method::Update => Some(481),
        Method::Message | Method::Publish | Method::Subscribe => Some(405),
    }
}

fn has_to_tag(request: &Transaction) -> bool {
    let to = request.original.to_header().and_then(|to| to.tag());
    matches!(to, Ok(Some(_)))
}
