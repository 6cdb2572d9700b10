//! How do we say that a call still stands (RFC 4028), when the far end may want something too?
//!
//! By UPDATE where it takes that, else by an INVITE that repeats what was agreed. Two INVITEs that meet
//! are both refused with 491; whoever placed the call waits for 2.1 to 4 s and tries again, the other
//! one for less (RFC 3261, 14.1). We say so in calls that we placed alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, Response, StatusCode, StatusCodeKind};

use crate::reoffer::Ours;
use crate::session;

/// How long the owner of a `Call-ID` waits after a 491, in units of 10 ms.
const WAIT_10_MS: std::ops::RangeInclusive<u64> = 210..=400;
/// How often it is tried: all of them fit into the time after which the call counts as lost.
const TRIES: usize = 5;

/// A sign of life under way.
pub(crate) struct Refresh {
    pub(crate) dialog: InviteDialog,
    pub(crate) ours: Ours,
    /// Whether an offer of ours waits for its answer.
    pub(crate) asks: Arc<AtomicBool>,
}

impl Refresh {
    /// By UPDATE; whether it was answered.
    pub(crate) async fn update(self) -> bool {
        let answer = Box::pin(self.dialog.update(Some(headers()), None)).await;
        is_fine(answer.ok().flatten().as_ref())
    }

    /// By INVITE; whether it was answered.
    pub(crate) async fn reinvite(self) -> bool {
        for _ in 0..TRIES {
            let ours = self.ours.lock().unwrap_or_else(PoisonError::into_inner).sdp.clone();
            let mut headers = headers();
            headers.push(Header::ContentType("application/sdp".into()));
            self.asks.store(true, Ordering::Relaxed);
            let asking = Box::pin(self.dialog.reinvite(Some(headers), Some(ours.into_bytes())));
            let answer = asking.await.ok().flatten();
            self.asks.store(false, Ordering::Relaxed);
            let met =
                answer.as_ref().is_some_and(|it| it.status_code == StatusCode::RequestPending);
            if !met {
                return is_fine(answer.as_ref());
            }
            let wait = rand::random_range(WAIT_10_MS) * 10;
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        false
    }
}

fn headers() -> Vec<Header> {
    vec![
        Header::Supported("timer".into()),
        Header::SessionExpires(format!("{};refresher=uac", session::ASKED).into()),
    ]
}

fn is_fine(answer: Option<&Response>) -> bool {
    answer.is_some_and(|answer| answer.status_code.kind() == StatusCodeKind::Successful)
}
