//! What does the far end want changed in a call that stands (re-INVITE, UPDATE)?

use std::sync::{Arc, Mutex, PoisonError};

use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::sip::Header;
use tracing::debug;

/// A new offer in a call that stands, or a question whether it still does. To be answered once;
/// dropped, it is refused and the call goes on as before.
pub struct Reoffer {
    offer: Option<String>,
    answer: TransactionHandle,
    /// `Session-Expires` of the answer, where the far end agreed on one.
    session: Option<String>,
    ours: Ours,
}

/// The SDP we said last: a sign of life by INVITE repeats it.
pub(crate) type Ours = Arc<Mutex<String>>;

impl std::fmt::Debug for Reoffer {
    /// Without the SDP.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reoffer").field("has_offer", &self.offer.is_some()).finish_non_exhaustive()
    }
}

impl Reoffer {
    pub(crate) const fn new(
        offer: Option<String>,
        answer: TransactionHandle,
        session: Option<String>,
        ours: Ours,
    ) -> Self {
        Self { offer, answer, session, ours }
    }

    /// Its SDP; `None` asks for ours (a delayed offer, or only a sign of life).
    #[must_use]
    pub fn offer(&self) -> Option<&str> {
        self.offer.as_deref()
    }

    /// Answers with our SDP.
    pub fn accept(self, sdp: String) {
        let mut headers = vec![Header::ContentType("application/sdp".into())];
        headers.extend(self.session.clone().map(|session| Header::SessionExpires(session.into())));
        self.ours.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&sdp);
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
