//! How does the stack answer and place the same calls, with nothing of ours around it?
//!
//! Its own dialogs and transactions, one UDP socket, no bounds, no deadlines, no session timers.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rsipstack::EndpointBuilder;
use rsipstack::dialog::dialog::{
    Dialog, DialogState, DialogStateReceiver, DialogStateSender, TerminatedReason,
};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::{Header, Method, StatusCodeKind, Uri};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::TransportLayer;
use rsipstack::transport::udp::UdpConnection;
use tokio_util::sync::CancellationToken;

use crate::{LOCAL, Outcome, SDP};

pub(crate) struct Bare {
    pub(crate) address: SocketAddr,
    layer: Arc<DialogLayer>,
    contact: Uri,
    taken: Arc<AtomicU64>,
}

impl Bare {
    pub(crate) async fn start() -> Outcome<Self> {
        let stop = CancellationToken::new();
        let transports = TransportLayer::new(stop.child_token());
        let udp = UdpConnection::create_connection(LOCAL.parse()?, None, Some(stop.child_token()))
            .await?;
        let address = udp.get_addr().get_socketaddr()?;
        transports.add_transport(udp.into());
        let endpoint = EndpointBuilder::new()
            .with_cancel_token(stop)
            .with_user_agent("bare")
            .with_transport_layer(transports)
            .build();
        let incoming = endpoint.incoming_transactions()?;
        let layer = Arc::new(DialogLayer::new(Arc::clone(&endpoint.inner)));
        tokio::spawn(async move { endpoint.serve().await });
        let contact = Uri::try_from(format!("sip:200@{address}").as_str())?;
        let (sender, states) = layer.new_dialog_state_channel();
        let taken = Arc::new(AtomicU64::new(0));
        tokio::spawn(hear(Arc::clone(&layer), incoming, sender, contact.clone()));
        tokio::spawn(answer_all(Arc::clone(&layer), states, Arc::clone(&taken)));

        Ok(Self { address, layer, contact, taken })
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Places a call and hangs up once it is answered; whether all of it was answered.
    pub(crate) fn place(&self, to: SocketAddr) -> impl Future<Output = bool> + Send + 'static {
        let (layer, contact) = (Arc::clone(&self.layer), self.contact.clone());
        async move { Box::pin(place(&layer, contact, to)).await.unwrap_or(false) }
    }
}

async fn place(layer: &DialogLayer, contact: Uri, to: SocketAddr) -> Outcome<bool> {
    let option = InviteOption {
        caller: contact.clone(),
        callee: Uri::try_from(format!("sip:200@{to}").as_str())?,
        contact,
        offer: Some(SDP.into()),
        ..InviteOption::default()
    };
    // Its states are told to nobody, and pile up nowhere: both ends are gone with the call.
    let (sender, _states) = layer.new_dialog_state_channel();
    let (dialog, answer) = layer.do_invite(option, sender).await?;
    let is_answer = |status: StatusCodeKind| status == StatusCodeKind::Successful;
    let was_answered = answer.is_some_and(|answer| is_answer(answer.status_code.kind()));
    let was_left = dialog.bye_with_headers(None).await.is_ok();
    layer.remove_dialog(&dialog.id());

    Ok(was_answered && was_left)
}

async fn hear(
    layer: Arc<DialogLayer>,
    mut incoming: TransactionReceiver,
    sender: DialogStateSender,
    contact: Uri,
) {
    while let Some(request) = incoming.recv().await {
        let dialog = match layer.match_dialog(&request) {
            Some(Dialog::Invite(dialog)) => Some(dialog),
            Some(_) => None,
            None if request.original.method == Method::Invite => layer
                .get_or_create_server_invite(&request, sender.clone(), None, Some(contact.clone()))
                .ok(),
            None => None,
        };
        let Some(mut dialog) = dialog else { continue };
        let mut request: Transaction = request;
        tokio::spawn(async move { Box::pin(dialog.handle(&mut request)).await });
    }
}

async fn answer_all(
    layer: Arc<DialogLayer>,
    mut states: DialogStateReceiver,
    taken: Arc<AtomicU64>,
) {
    while let Some(state) = states.recv().await {
        if let DialogState::Calling(id) = state {
            if let Some(Dialog::Invite(dialog)) = layer.get_dialog(&id) {
                let headers = vec![Header::ContentType("application/sdp".into())];
                // One that was cancelled meanwhile is counted by nobody.
                drop(dialog.accept(Some(headers), Some(SDP.into())));
            }
        } else if let DialogState::Terminated(id, reason) = state {
            layer.remove_dialog(&id);
            let was_hung_up = matches!(reason, TerminatedReason::UacBye);
            taken.fetch_add(u64::from(was_hung_up), Ordering::Relaxed);
        }
    }
}
