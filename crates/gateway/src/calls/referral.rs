//! What if the telephone of a call gives the user to another one?
//!
//! It asks with REFER, and only for an extension of its trunk. Whether it may is the switchboard's to
//! say. It stays beside while the other one rings and is told what comes of it ([`sip::Referral`]):
//! then it is let go, or has the user again.

use engine::Source;
use sip::{Refer, Referral, Refusal, Replaces};
use switchboard::{
    call::Input,
    flow::{FromReferrer, FromTrunk, NotTaken},
};

use super::{
    actor::CallActor,
    telephone::{Telephone, Turn},
};
use crate::{
    clock,
    trunks::line::{Happening, Said},
};

/// A telephone that gave the user away, until it is known what comes of it.
#[derive(Debug)]
pub(super) struct Referrer {
    pub(super) telephone: Telephone,
    referral: Referral,
    /// The other one's call with the first whose place ours takes, where the two have spoken.
    replaces: Option<Replaces>,
}

impl CallActor {
    /// The telephone wants another one to have the user.
    pub(super) async fn telephone_refers(&mut self, refer: Refer) {
        let (extension, replaces) = match self.referred(&refer) {
            Ok(to) => to,
            Err(why) => return refer.refuse(&why),
        };
        let mut effects = Vec::new();
        let input = Input::TelephoneRefers { extension: extension.clone() };
        if let Err(refusal) = self.call.handle(input, clock::now(), &mut effects) {
            return refer.refuse(&said(603, &refusal));
        }
        if let Some(telephone) = self.trunk.take() {
            telephone.handle.play(Source::Silence);
            self.facts.note_referral(&telephone, extension);
            self.tell_transferred();
            self.referrer = Some(Referrer { telephone, referral: refer.accept(), replaces });
        }
        self.after(effects).await;
    }

    /// What the telephone does that gave the user away.
    pub(super) async fn hear_referrer(&mut self, what: Happening) -> Option<Input> {
        let word = match what {
            Happening::Reoffers(reoffer) => {
                turned(self.referrer.as_mut()?.telephone.reoffered(reoffer)?)
            }
            Happening::AnswersLate(answer) => {
                turned(self.referrer.as_mut()?.telephone.answered_late(&answer)?)
            }
            Happening::Over(_) => {
                let Referrer { telephone, .. } = self.referrer.take()?;
                drop(self.close_telephone(telephone, "answered").await);
                FromReferrer::Leaves
            }
            Happening::Refers(refer) => {
                refer.refuse(&Refusal::of(491));
                return None;
            }
            Happening::Replaced(caller) => {
                caller.call.refuse(Refusal::of(603));
                return None;
            }
            Happening::Rings
            | Happening::Early(_)
            | Happening::Answers(_)
            | Happening::Presses(_) => return None,
        };
        Some(Input::Trunk(FromTrunk::Referrer(word)))
    }

    /// Whether it is the telephone that gave the user away.
    pub(super) fn is_referrers(&self, said: &Said) -> bool {
        self.referrer.as_ref().is_some_and(|it| it.telephone.line.number == said.number)
    }

    /// The telephone that gave the user away has the user again.
    pub(super) async fn take_back(&mut self, why: NotTaken) {
        self.close_trunk(why.as_str()).await;
        let Some(Referrer { telephone, referral, .. }) = self.referrer.take() else { return };
        self.watch_beside("telephone", true);
        referral.ends(status(why));
        self.trunk = Some(telephone);
    }

    /// The other one has the user: whoever gave the user away may hang up now, and is hung up on if not.
    pub(super) async fn let_referrer_go(&mut self) {
        let Some(Referrer { telephone, referral, .. }) = self.referrer.take() else { return };
        referral.ends(200);
        self.close_telephone(telephone, "answered").await.let_go();
    }

    /// The call is no longer on the trunk, with nobody given to anybody.
    pub(super) async fn leave_referrer(&mut self) {
        let Some(Referrer { telephone, referral, .. }) = self.referrer.take() else { return };
        referral.ends(487);
        drop(self.close_telephone(telephone, "answered").await);
    }

    /// What the other telephone is told of how it came to the call.
    pub(super) fn referral_headers(&self) -> Vec<(String, String)> {
        let Some(Referrer { telephone, replaces, .. }) = &self.referrer else { return Vec::new() };
        let by = self.office.trunks.host().map(|host| {
            ("Referred-By".to_owned(), format!("<sip:{}@{host}>", telephone.extension))
        });
        let replaces = replaces.as_ref().map(|it| ("Replaces".to_owned(), it.to_string()));
        by.into_iter().chain(replaces).collect()
    }

    /// Whom it names, where that is a telephone of its trunk.
    fn referred(&self, refer: &Refer) -> Result<(String, Option<Replaces>), Refusal> {
        let nobody = || said(403, &"Only extensions of this trunk can be called");
        let (leg, to) = self.trunk.as_ref().zip(refer.to()).ok_or_else(nobody)?;
        // A telephone with two calls of ours: each user has a call of their own.
        let is_ours = |it: &Replaces| self.office.trunks.lines.find(&it.call_id).is_some();
        if to.replaces.as_ref().is_some_and(is_ours) {
            return Err(said(403, &"Two users cannot be connected"));
        }
        let extension = to.user.split(';').next().unwrap_or_default();
        if !leg.road.trunk.extensions.allow(extension) {
            return Err(said(404, &"No such extension on this trunk"));
        }
        Ok((extension.to_owned(), to.replaces.clone()))
    }
}

const fn turned(turn: Turn) -> FromReferrer {
    match turn {
        Turn::Holds => FromReferrer::Holds,
        Turn::Resumes => FromReferrer::Resumes,
    }
}

/// What a telephone is told whose user could not be given to the other one.
const fn status(why: NotTaken) -> u16 {
    match why {
        NotTaken::Busy => 486,
        NotTaken::NoAnswer => 480,
        NotTaken::Refused => 603,
        NotTaken::Unavailable => 503,
    }
}

pub(super) fn said(status: u16, why: &dyn std::fmt::Display) -> Refusal {
    Refusal { status, phrase: Some(why.to_string()), headers: Vec::new() }
}
