//! What does one target say to our INVITE, and how is it told to stop?

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::DialogStateReceiver;
use rsipstack::dialog::invitation::{InviteAsyncResult, InviteOption};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, Response, StatusCode, StatusCodeKind};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::agent::Desk;
use crate::face::ROUTES_LOST;
use crate::holds::Hold;
use crate::life::Input;
use crate::pracks::Waiting;
use crate::refresh::{self, Refresh};
use crate::reoffer::{Ours, Saying};
use crate::said::{Talk, said, sdp, value};
use crate::session::{self, Session};
use crate::{Invite, Manners, Refusal, Target, Wish, headers};

type Settled = (DialogId, Option<Response>);

/// What came of waiting.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Something for `life`.
    Input(Input),
    /// Something for whoever has the call.
    Wish(Wish),
    /// Nothing of interest.
    Nothing,
}

/// An INVITE to one target. Dropped before its answer, it is cancelled.
pub(crate) struct Attempt {
    desk: Arc<Desk>,
    /// What is sent once there is a connection.
    option: Option<InviteOption>,
    /// The same for once more, where its session timer may be too short for the target.
    again: Option<InviteOption>,
    stage: Stage,
    ours: Ours,
    /// Our sign of life under way: whether it was answered.
    refreshing: Option<JoinHandle<bool>>,
    /// Whether an offer of ours waits for its answer.
    asks: Arc<AtomicBool>,
    /// Whether the far end takes UPDATE for one.
    updates: bool,
    /// Whether a session timer may be agreed on.
    timer: bool,
    /// Its connection stays open meanwhile.
    _hold: Hold,
    /// How a PRACK is addressed is known meanwhile.
    _waiting: Waiting,
    /// What it said when it refused.
    pub(crate) refusal: Option<Refusal>,
    /// Cancelled when the road is gone; absent once the target has said anything, as it may come back
    /// by another.
    gone: Option<CancellationToken>,
    /// The answer did not repeat our `Record-Route`.
    pub(crate) routes_lost: bool,
}

enum Stage {
    Connecting(JoinHandle<io::Result<Option<CancellationToken>>>),
    Inviting(Dialog, JoinHandle<InviteAsyncResult>),
    Standing(Dialog),
    Leaving(Dialog, JoinHandle<()>),
    Over,
}

struct Dialog {
    inner: InviteDialog,
    states: DialogStateReceiver,
}

impl Attempt {
    pub(crate) fn begin(
        desk: &Arc<Desk>,
        (invite, manners): (&Invite, &Manners),
        target: &Target,
        index: usize,
    ) -> Self {
        debug!(index, ?target, "ringing a SIP target");
        let option = desk.option(invite, manners, target);
        let timer = desk.has_timer(manners);
        let desk = Arc::clone(desk);
        let roads = Arc::clone(&desk.roads);
        let hold = roads.holds.hold(target.address);
        let waiting = desk.pracks.wait(&headers::one_line(&invite.call_id));
        let target = target.clone();
        let by_origin = manners.contact.is_some();
        let connecting = tokio::spawn(async move {
            if by_origin { roads.came_by(&target) } else { roads.ready(&target).await }
        });
        Self {
            desk,
            again: option.clone().filter(|_| timer),
            option,
            stage: Stage::Connecting(connecting),
            ours: Arc::new(Mutex::new(Saying::of(invite.offer.clone()))),
            refreshing: None,
            asks: Arc::default(),
            updates: false,
            timer,
            _hold: hold,
            _waiting: waiting,
            refusal: None,
            gone: None,
            routes_lost: false,
        }
    }

    /// What happens next. Losing the race in a `select!` loses nothing.
    pub(crate) async fn next(&mut self) -> Seen {
        match &mut self.stage {
            Stage::Connecting(connecting) => {
                let road = connecting.await.ok().and_then(Result::ok);
                self.connected(road)
            }
            Stage::Inviting(dialog, inviting) => {
                tokio::select! {
                    biased;
                    Some(state) = dialog.states.recv() => {
                        let seen = said(state, &talk(dialog, &self.ours, &self.asks));
                        self.gone = self.gone.take().filter(|_| matches!(seen, Seen::Nothing));
                        seen
                    }
                    () = lost(self.gone.as_ref()) => {
                        self.gone = None;
                        Seen::Input(Input::Broken)
                    }
                    result = inviting => self.settled(result.ok().and_then(Result::ok)),
                }
            }
            Stage::Standing(dialog) => {
                tokio::select! {
                    biased;
                    Some(state) = dialog.states.recv() => {
                        said(state, &talk(dialog, &self.ours, &self.asks))
                    }
                    answered = refresh::answered(&mut self.refreshing) => {
                        self.refreshing = None;
                        if answered { Seen::Input(Input::Lives) } else { Seen::Nothing }
                    }
                }
            }
            Stage::Leaving(dialog, leaving) => {
                tokio::select! {
                    biased;
                    Some(state) = dialog.states.recv() => {
                        said(state, &talk(dialog, &self.ours, &self.asks))
                    }
                    _ = leaving => {
                        self.stage = Stage::Over;
                        Seen::Input(Input::Left)
                    }
                }
            }
            Stage::Over => std::future::pending().await,
        }
    }

    /// Sends CANCEL, now or as soon as the target has said anything (RFC 3261, 9.1). False when the
    /// INVITE was never sent.
    pub(crate) fn cancel(&mut self) -> bool {
        self.again = None;
        match &self.stage {
            Stage::Inviting(dialog, _) | Stage::Standing(dialog) | Stage::Leaving(dialog, _) => {
                let dialog = dialog.inner.clone();
                drop(tokio::spawn(async move {
                    if Box::pin(dialog.cancel()).await.is_err() {
                        debug!("a CANCEL was not answered");
                    }
                }));
                true
            }
            Stage::Connecting(connecting) => {
                connecting.abort();
                self.stage = Stage::Over;
                false
            }
            Stage::Over => false,
        }
    }

    /// Sends BYE.
    pub(crate) fn bye(&mut self, saying: Vec<Header>) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Standing(dialog) => {
                let leaver = dialog.inner.clone();
                let leaving = tokio::spawn(async move {
                    if Box::pin(leaver.bye_with_headers(Some(saying))).await.is_err() {
                        debug!("a BYE was not answered");
                    }
                });
                self.stage = Stage::Leaving(dialog, leaving);
            }
            other @ (Stage::Connecting(_)
            | Stage::Inviting(..)
            | Stage::Leaving(..)
            | Stage::Over) => self.stage = other,
        }
    }

    /// Says that we are still here; an answer is [`Input::Lives`].
    pub(crate) fn refresh(&mut self) {
        // One that met theirs is still being tried.
        let (Stage::Standing(dialog), None) = (&self.stage, &self.refreshing) else { return };
        let refresh = Refresh {
            dialog: dialog.inner.clone(),
            ours: Arc::clone(&self.ours),
            asks: Arc::clone(&self.asks),
            placed: true,
        };
        self.refreshing = Some(refresh::spawn(refresh, self.updates));
    }

    /// With a road, or without one.
    fn connected(&mut self, road: Option<Option<CancellationToken>>) -> Seen {
        self.stage = Stage::Over;
        let (Some(option), Some(gone)) = (self.option.take(), road) else {
            return Seen::Input(Input::Broken);
        };
        self.gone = gone;
        let (sender, states) = self.desk.layer.new_dialog_state_channel();
        match self.desk.layer.do_invite_async(option, sender) {
            Ok((inner, inviting)) => {
                self.stage = Stage::Inviting(Dialog { inner, states }, inviting);
                Seen::Nothing
            }
            Err(fault) => {
                debug!(%fault, "an INVITE could not be made");
                Seen::Input(Input::Broken)
            }
        }
    }

    /// The INVITE's final response, if there was one.
    fn settled(&mut self, result: Option<Settled>) -> Seen {
        let Stage::Inviting(dialog, _) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Seen::Nothing;
        };
        let Some((_, Some(response))) = result else { return Seen::Input(Input::Broken) };
        if let Some(again) = self.again.take().and_then(|option| longer(option, &response)) {
            self.option = Some(again);
            let gone = self.gone.take();
            return self.connected(Some(gone));
        }
        if response.status_code.kind() != StatusCodeKind::Successful {
            self.refusal = Some(refusal(&response));
            return Seen::Input(Input::Refuses(response.status_code.code()));
        }
        self.stage = Stage::Standing(dialog);
        let answer = sdp(&response).unwrap_or_default();
        let session = value(&response, "Session-Expires").or_else(|| value(&response, "x"));
        let session = session.as_deref().filter(|_| self.timer).and_then(Session::agreed);
        self.routes_lost = value(&response, ROUTES_LOST).is_some();
        self.updates = refresh::takes_update(&response);
        Seen::Input(Input::Answers { answer, session })
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        match &self.stage {
            // The stack's guard stops repetitions, cancels, and ends an answer that comes all the same.
            Stage::Inviting(_, inviting) => inviting.abort(),
            Stage::Connecting(connecting) => connecting.abort(),
            // Our BYE goes on being repeated by its own transaction.
            Stage::Standing(dialog) | Stage::Leaving(dialog, _) => {
                self.desk.layer.remove_dialog(&dialog.inner.id());
            }
            Stage::Over => {}
        }
    }
}

fn talk<'a>(dialog: &'a Dialog, ours: &'a Ours, asks: &'a AtomicBool) -> Talk<'a> {
    Talk { dialog: &dialog.inner, ours, asks }
}

/// The INVITE for one that takes no session timer as short as ours (RFC 4028, 7.4).
fn longer(mut option: InviteOption, response: &Response) -> Option<InviteOption> {
    if response.status_code != StatusCode::SessionIntervalTooSmall {
        return None;
    }
    let least = value(response, "Min-SE")?.parse().ok().and_then(session::longer)?;
    for header in option.headers.iter_mut().flatten() {
        if matches!(header, Header::SessionExpires(_)) {
            *header = Header::SessionExpires(least.to_string().into());
        } else if matches!(header, Header::MinSE(_)) {
            *header = Header::MinSE(least.to_string().into());
        }
    }
    Some(option)
}

/// A refusal in its own words; nothing else of it is kept.
fn refusal(response: &Response) -> Refusal {
    let phrase = response.wire_reason.clone();
    let phrase = phrase.unwrap_or_else(|| response.status_code.text().to_owned());
    Refusal {
        status: response.status_code.code(),
        phrase: Some(headers::one_line(&phrase)),
        headers: value(response, "Warning")
            .map(|said| ("Warning".into(), said))
            .into_iter()
            .collect(),
    }
}

async fn lost(gone: Option<&CancellationToken>) {
    match gone {
        Some(gone) => gone.cancelled().await,
        None => std::future::pending().await,
    }
}
