//! How do we say that a call still stands (RFC 4028), when the far end may want something too?
//!
//! By UPDATE where it takes that, else by an INVITE that repeats what was agreed. Two INVITEs that meet
//! are both refused with 491; whoever placed the call waits for 2.1 to 4 s and tries again, the other
//! one for less (RFC 3261, 14.1).

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HasHeaders;
use rsipstack::sip::{Header, Response, StatusCode, StatusCodeKind};
use tokio::task::JoinHandle;

use crate::reoffer::Ours;
use crate::said::value;
use crate::session;

/// How long the owner of a `Call-ID` waits after a 491, and the other one, in units of 10 ms.
const OWNER_10_MS: RangeInclusive<u64> = 210..=400;
const OTHER_10_MS: RangeInclusive<u64> = 0..=200;
/// How often it is tried: all of them fit into the time after which the call counts as lost.
const TRIES: usize = 5;

/// A sign of life under way.
pub(crate) struct Refresh {
    pub(crate) dialog: InviteDialog,
    pub(crate) ours: Ours,
    /// Whether an offer of ours waits for its answer.
    pub(crate) asks: Arc<AtomicBool>,
    /// Whether we placed the call.
    pub(crate) placed: bool,
}

/// How a sign of life goes out: by UPDATE, where the far end takes that.
pub(crate) fn spawn(refresh: Refresh, by_update: bool) -> JoinHandle<bool> {
    tokio::spawn(async move {
        if by_update { refresh.update().await } else { refresh.reinvite().await }
    })
}

/// Whether the one under way was answered, once it is over.
pub(crate) async fn answered(refreshing: &mut Option<JoinHandle<bool>>) -> bool {
    match refreshing {
        Some(refreshing) => refreshing.await.unwrap_or(false),
        None => std::future::pending().await,
    }
}

/// Whether `Allow` of a message has UPDATE.
pub(crate) fn takes_update(message: &impl HasHeaders) -> bool {
    value(message, "Allow").is_some_and(|allow| allow.contains("UPDATE"))
}

impl Refresh {
    /// By UPDATE; whether it was answered.
    async fn update(self) -> bool {
        let answer = Box::pin(self.dialog.update(Some(headers()), None)).await;
        is_fine(answer.ok().flatten().as_ref())
    }

    /// By INVITE; whether it was answered.
    async fn reinvite(self) -> bool {
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
            let wait = if self.placed { OWNER_10_MS } else { OTHER_10_MS };
            tokio::time::sleep(Duration::from_millis(rand::random_range(wait) * 10)).await;
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
