//! What does the far end want changed in a call that stands (re-INVITE, UPDATE)?

use std::sync::{Arc, Mutex, PoisonError};

use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request};
use tracing::debug;

use crate::said::sdp;

/// A new offer in a call that stands, or a question whether it still does. To be answered once;
/// dropped, it is refused and the call goes on as before.
pub struct Reoffer {
    offer: Option<String>,
    answer: TransactionHandle,
    /// `Session-Expires` of the answer, where the far end agreed on one.
    session: Option<String>,
    /// The number of its INVITE.
    seq: Option<u32>,
    ours: Ours,
}

/// What we said last.
pub(crate) type Ours = Arc<Mutex<Saying>>;

/// What of our SDPs must be known later.
#[derive(Debug, Default)]
pub(crate) struct Saying {
    /// The last one: a sign of life by INVITE repeats it.
    pub(crate) sdp: String,
    /// The INVITE whose ACK answers it, where the far end asked for an offer of ours.
    asked_by: Option<u32>,
}

impl Saying {
    /// One that is answered otherwise than in an ACK.
    pub(crate) const fn of(sdp: String) -> Self {
        Self { sdp, asked_by: None }
    }
}

/// What the far end answers to our offer in a call that stands, where its last ACK does.
pub(crate) fn late_answer(dialog: &InviteDialog, ours: &Ours) -> Option<String> {
    let mut ours = ours.lock().unwrap_or_else(PoisonError::into_inner);
    let asked_by = ours.asked_by?;
    let ack = dialog.last_remote_ack()?;
    if number(&ack) != Some(asked_by) {
        return None;
    }
    ours.asked_by = None;
    sdp(&ack)
}

/// The number of its `CSeq`.
pub(crate) fn number(request: &Request) -> Option<u32> {
    request.cseq_header().ok()?.seq().ok()
}

impl std::fmt::Debug for Reoffer {
    /// Without the SDP.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reoffer").field("has_offer", &self.offer.is_some()).finish_non_exhaustive()
    }
}

impl Reoffer {
    pub(crate) fn new(
        offer: Option<String>,
        answer: TransactionHandle,
        (session, seq): (Option<String>, Option<u32>),
        ours: Ours,
    ) -> Self {
        Self { offer, answer, session, seq, ours }
    }

    /// Its SDP; `None` asks for ours (a delayed offer, or only a sign of life), and what it says to that
    /// is [`crate::Wish::LateAnswer`].
    #[must_use]
    pub fn offer(&self) -> Option<&str> {
        self.offer.as_deref()
    }

    /// Answers with our SDP.
    pub fn accept(self, sdp: String) {
        let mut headers = vec![Header::ContentType("application/sdp".into())];
        headers.extend(self.session.clone().map(|session| Header::SessionExpires(session.into())));
        let asked_by = self.seq.filter(|_| self.offer.is_none());
        let saying = Saying { sdp: sdp.clone(), asked_by };
        *self.ours.lock().unwrap_or_else(PoisonError::into_inner) = saying;
        self.respond(200, Some(headers), Some(sdp.into_bytes()));
    }

    /// Refuses it (488); the call goes on as before.
    pub fn refuse(self) {
        self.refuse_with(488);
    }

    /// Refuses it with a status of its own; the call goes on as before.
    pub fn refuse_with(self, status: u16) {
        self.respond(status, None, None);
    }

    fn respond(self, status: u16, headers: Option<Vec<Header>>, body: Option<Vec<u8>>) {
        drop(tokio::spawn(async move {
            if self.answer.respond(status.into(), headers, body).await.is_err() {
                debug!("a SIP re-INVITE was answered too late");
            }
        }));
    }
}
