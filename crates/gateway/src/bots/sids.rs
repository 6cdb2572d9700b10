//! Which call does a program mean that knows Twilio's names?
//!
//! A bot that was written for Twilio ends calls over REST, by the `CallSid` it was told. The sid lives
//! as long as its call.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use terms::{CallId, OrganisationId, PhoneNumberId};

/// The sids of live calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sids(Arc<Mutex<BTreeMap<String, Named>>>);

/// The call of a sid.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// The account its bot believes to be in.
    pub(crate) account_sid: String,
    /// Whose bot it is.
    pub(crate) organisation: OrganisationId,
    /// The line it is on.
    pub(crate) line: PhoneNumberId,
    /// Its id.
    pub(crate) call_id: CallId,
}

/// A sid that is known while this is held.
#[derive(Debug)]
pub(crate) struct Sid {
    text: String,
    sids: Sids,
}

impl Sids {
    /// Gives a call a sid.
    pub(crate) fn name(&self, call: Named) -> Sid {
        let text = format!("CA{}", uuid::Uuid::now_v7().simple());
        self.locked().insert(text.clone(), call);
        Sid { text, sids: self.clone() }
    }

    /// The call of this sid, while it is live.
    pub(crate) fn find(&self, sid: &str) -> Option<Named> {
        self.locked().get(sid).cloned()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Named>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sid {
    /// `CA` and 32 hexadecimal digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl Drop for Sid {
    fn drop(&mut self) {
        self.sids.locked().remove(&self.text);
    }
}
