//! What if another telephone takes the place of the one in a call?
//!
//! The PBX gave the call to it, or somebody picked up what rang elsewhere. It is answered at once, the
//! user goes over to it, and only then the other one is hung up on.

use sip::Refusal;
use switchboard::{call::Input, flow::FromTrunk};

use super::{actor::CallActor, caller::Caller, telephone::Telephone};
use crate::clock;

impl CallActor {
    /// Another telephone wants the place of the one that rings or talks.
    pub(super) async fn telephone_replaced(&mut self, caller: Caller) {
        let Some((telephone, answer)) = self.in_place(caller) else { return };
        let mut effects = Vec::new();
        let input = Input::Trunk(FromTrunk::Replaced);
        if self.call.handle(input, clock::now(), &mut effects).is_err() {
            telephone.handle.close();
            // Over, and not gone yet (RFC 3891, 3).
            return telephone.line.refuses(Refusal::of(603));
        }
        telephone.line.answers(answer);
        let Some(before) = self.exchange(telephone) else { return };
        self.after(effects).await;
        // The user hears the other one by now.
        let became = if before.answered_at.is_some() { "answered" } else { "replaced" };
        drop(self.close_telephone(before, became).await);
    }

    /// The telephone in a seat, and what it is answered; one for which there is none is refused.
    fn in_place(&mut self, caller: Caller) -> Option<(Telephone, String)> {
        let seat = match self.seat(&caller) {
            Ok(seat) => seat,
            Err(why) => {
                tracing::warn!(why, "a telephone cannot take the place of another");
                self.office.metrics.trunk("unavailable");
                caller.call.refuse(Refusal::of(503));
                return None;
            }
        };
        let offer = caller.offer.clone();
        let mut telephone = self.seated(caller, seat);
        telephone.replaces = true;
        let answer = match offer {
            Some(offer) => telephone.answer(&offer, &self.office.trunks.transcoder),
            None => Some(telephone.offer()),
        };
        let Some(answer) = answer else {
            telephone.handle.close();
            telephone.line.refuses(Refusal::of(488));
            return None;
        };
        Some((telephone, answer))
    }

    /// The one in place of the other, which comes back.
    fn exchange(&mut self, telephone: Telephone) -> Option<Telephone> {
        let (extension, talks) = (telephone.extension.clone(), telephone.answered_at.is_some());
        let before = self.trunk.replace(telephone)?;
        if before.answered_at.is_some() {
            self.facts.note_referral(&before, extension);
            self.tell_transferred();
        }
        if talks {
            self.caller_talks();
        }
        Some(before)
    }
}
