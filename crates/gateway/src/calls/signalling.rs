//! What is asked of the platform about a call, by SIP?
//!
//! The switchboard's effects are the same as by Graph. There is no `pre_accept`: the platform learns our
//! answer when the call is taken, and where that takes DTLS, its handshake begins then.

use std::sync::Arc;

use switchboard::call::{EndReason, Input, Outcome, State};
use terms::{CallId, ReachedBy};
use tokio::sync::oneshot;
use wire::SdpText;

use super::{
    actor::{CallActor, Return},
    effects::Ask,
    legs::AnswerGoes,
};
use crate::{
    store::LineSet,
    upstream_sip::dialogue::{Dialogue, Placing, Whose},
};

/// Nobody takes the call now.
const TEMPORARILY_UNAVAILABLE: u16 = 480;
/// Its session is of no use.
const NOT_ACCEPTABLE: u16 = 488;
/// We cannot serve.
const UNAVAILABLE: u16 = 503;
/// Somebody does not want it.
const DECLINE: u16 = 603;

/// What starts the id of a call we place: the platform tells its own of none of them.
const PLACED_PREFIX: &str = "wacid.sip-";

impl CallActor {
    /// When the platform learns our answer to a user's offer.
    pub(super) const fn answer_goes(&self) -> AnswerGoes {
        if self.dialogue.is_some() { AnswerGoes::WhenTaken } else { AnswerGoes::AtOnce }
    }

    /// Asks by SIP; may bring the next input at once.
    pub(super) fn ask_by_sip(&mut self, ask: Ask) -> Option<Input> {
        let dialogue = self.dialogue.as_ref()?;
        match ask {
            Ask::PreAccept => {
                dialogue.ring();
                Some(Input::PreAccepted(Outcome::Done))
            }
            Ask::Accept => {
                let sdp = self.facts.ours.clone()?;
                let (taken, returns) = (dialogue.answer(sdp), self.returns.clone());
                if let Some(leg) = &mut self.whatsapp {
                    leg.meet();
                }
                tokio::spawn(async move {
                    tokio::select! {
                        () = taken => {
                            let accepted = Return::Input(Input::Accepted(Outcome::Done));
                            // A call that is over does not wait for it.
                            drop(returns.send(accepted).await);
                        }
                        () = returns.closed() => {}
                    }
                });
                None
            }
            Ask::Reject => {
                dialogue.refuse(refused_with(self.call.state()));
                Some(Input::Closed(Outcome::Done))
            }
            Ask::Terminate => {
                dialogue.leave();
                Some(Input::Closed(Outcome::Done))
            }
        }
    }

    /// Calls the user by SIP.
    pub(super) fn connect_by_sip(&mut self, offer: SdpText) {
        let (placed, outcome) = oneshot::channel();
        let call_id = self.begin_dialogue(offer, placed);
        let returns = self.returns.clone();
        tokio::spawn(async move {
            let returned = match (outcome.await, call_id) {
                (Ok(Outcome::Done), Some(call_id)) => Return::Placed(call_id),
                (Ok(outcome), _) => Return::Input(Input::Placed(outcome)),
                (Err(_), _) => Return::Input(Input::Placed(numberless())),
            };
            // A call that is over does not wait for it.
            drop(returns.send(returned).await);
        });
    }

    /// `None` where the user has no number that can be called.
    fn begin_dialogue(
        &mut self,
        offer: SdpText,
        placed: oneshot::Sender<Outcome>,
    ) -> Option<CallId> {
        let user = self.facts.contact.user()?;
        let ReachedBy::Number(to) = user.reached_by() else { return None };
        let to = to.clone();
        let id = format!("{PLACED_PREFIX}{}", uuid::Uuid::now_v7().simple());
        let call_id: CallId = id.parse().ok()?;
        let mine = LineSet::one(self.line.id());
        let opaque = self.facts.opaque.as_deref();
        let call = self.office.registry.find(&mine, &call_id, opaque)?;
        let whose = Whose { line: Arc::clone(&self.line), call_id: call_id.clone(), call };
        let placing = Placing { to, offer, placed };
        self.dialogue = Some(Dialogue::of_business(Arc::clone(&self.office), whose, placing));
        Some(call_id)
    }
}

/// The platform takes numbers alone in SIP.
fn numberless() -> Outcome {
    let text = "by SIP a user is called by number, and this one's is not known".to_owned();
    Outcome::Refused { code: 100, text }
}

/// How a user's call is refused that ends for this reason.
const fn refused_with(state: &State) -> u16 {
    let State::Ending { reason, .. } = state else { return DECLINE };
    if matches!(reason, EndReason::SessionUnusable { .. }) {
        NOT_ACCEPTABLE
    } else if matches!(reason, EndReason::NoSocket { .. } | EndReason::GatewayStopped) {
        UNAVAILABLE
    } else if matches!(reason, EndReason::NobodyAnswered) {
        TEMPORARILY_UNAVAILABLE
    } else {
        DECLINE
    }
}
