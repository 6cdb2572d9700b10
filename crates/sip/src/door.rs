//! What do we answer to requests we did not ask for?
//!
//! Those of a call that exists go to it. A new call is refused: no trunk has a route in. The rest gets
//! its status and is forgotten.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::dialog::Dialog;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::Method;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::Semaphore;
use tracing::debug;

/// How many requests are being answered at once; more are dropped, and come again if they are meant.
const ANSWERING_MAX: usize = 1024;
/// How long one may take, its ACK and repetitions included (RFC 3261, timer H is 32 s).
const ANSWERING: Duration = Duration::from_secs(40);

/// Answers until the agent stops.
pub(crate) async fn keep(layer: Arc<DialogLayer>, mut incoming: TransactionReceiver) {
    let places = Arc::new(Semaphore::new(ANSWERING_MAX));
    while let Some(mut request) = incoming.recv().await {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            debug!("a SIP request was dropped: too many at once");
            continue;
        };
        let layer = Arc::clone(&layer);
        drop(tokio::spawn(async move {
            let answering = Box::pin(answer(&layer, &mut request));
            match tokio::time::timeout(ANSWERING, answering).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => debug!(%fault, "a SIP request could not be answered"),
                Err(_) => debug!("a SIP request was not finished in time"),
            }
            drop(place);
        }));
    }
}

async fn answer(layer: &DialogLayer, request: &mut Transaction) -> rsipstack::Result<()> {
    if let Some(Dialog::Invite(mut dialog)) = layer.match_dialog(request) {
        return dialog.handle(request).await;
    }
    let Some(status) = status(request.original.method, has_to_tag(request)) else { return Ok(()) };
    request.reply(status.into()).await?;
    // An INVITE's refusal is repeated until its ACK.
    if request.original.method == Method::Invite {
        while request.receive().await.is_some() {}
    }
    Ok(())
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
