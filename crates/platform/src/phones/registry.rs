//! Which phones are connected, and how does one hear from us?

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rules::Refusal;
use terms::{CallId, Timestamp, WaId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::handset::{EndedReason, PhoneCaller, ToPhone};

use super::scripted;
use crate::{
    api::refusals::ApiRefusal,
    calls::{Command, Facts},
    world::World,
};

/// Frames that may wait for one phone; a phone this far behind is disconnected.
const FRAMES_MAX: usize = 256;

/// One connection of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PhoneId(u64);

/// What others hold of a connected phone.
#[derive(Debug, Clone)]
pub(crate) struct PhoneHandle {
    id: PhoneId,
    frames: mpsc::Sender<ToPhone>,
    too_slow: CancellationToken,
    once: bool,
    /// A call of it is over.
    is_done: Arc<AtomicBool>,
}

/// The connected phones; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phones {
    connected: Arc<Mutex<BTreeMap<WaId, Vec<PhoneHandle>>>>,
    next: Arc<AtomicU64>,
}

/// A phone's own end of its place in the registry.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) phone: PhoneHandle,
    pub(crate) frames: mpsc::Receiver<ToPhone>,
    pub(crate) too_slow: CancellationToken,
}

impl Phones {
    /// Adds a phone of this user, for one call or for all.
    pub(crate) fn connect(&self, user: WaId, once: bool) -> Connected {
        let (sink, frames) = mpsc::channel(FRAMES_MAX);
        let too_slow = CancellationToken::new();
        let id = PhoneId(self.next.fetch_add(1, Ordering::Relaxed));
        let (too_slow_too, is_done) = (too_slow.clone(), Arc::default());
        let phone = PhoneHandle { id, frames: sink, too_slow: too_slow_too, once, is_done };
        self.lock().entry(user).or_default().push(phone.clone());
        Connected { phone, frames, too_slow }
    }

    /// Removes a phone.
    pub(crate) fn disconnect(&self, user: &WaId, id: PhoneId) {
        let mut connected = self.lock();
        if let Some(phones) = connected.get_mut(user) {
            phones.retain(|phone| phone.id != id);
            if phones.is_empty() {
                connected.remove(user);
            }
        }
    }

    /// The user's phones.
    pub(crate) fn of(&self, user: &WaId) -> Vec<PhoneHandle> {
        self.lock().get(user).cloned().unwrap_or_default()
    }

    /// The user's phones that a call can ring on.
    fn free(&self, user: &WaId) -> Vec<PhoneHandle> {
        let mut phones = self.of(user);
        phones.retain(|phone| !phone.once || !phone.is_done.load(Ordering::Relaxed));
        phones
    }

    /// The users with a phone.
    pub(crate) fn users(&self) -> Vec<WaId> {
        self.lock().keys().cloned().collect()
    }

    /// Shows something on all of the user's phones.
    pub(crate) fn show(&self, user: &WaId, frame: &ToPhone) {
        for phone in self.of(user) {
            phone.tell(frame.clone());
        }
    }

    /// Lets the user's phones ring; a user without one gets a scripted handset first. The call hears
    /// which phones ring as [`Command::Rung`].
    pub(crate) fn ring(&self, world: &Arc<World>, facts: &Facts) {
        let (phones, world, facts) = (self.clone(), Arc::clone(world), facts.clone());
        tokio::spawn(async move {
            let user = &facts.user.wa_id;
            if phones.free(user).is_empty() {
                scripted::await_calls(&world, &facts.user).await;
            }
            let rung = phones.free(user);
            for phone in &rung {
                phone.incoming(&facts);
            }
            if let Some(call) = world.calls.get(&facts.id) {
                drop(call.inbox.send(Command::Rung { phones: rung }).await);
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WaId, Vec<PhoneHandle>>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PhoneHandle {
    /// Which connection this is.
    pub(crate) fn id(&self) -> PhoneId {
        self.id
    }

    /// Sends a frame; a phone that does not read is disconnected.
    pub(crate) fn tell(&self, frame: ToPhone) {
        if self.frames.try_send(frame).is_err() {
            self.too_slow.cancel();
        }
    }

    /// The call goes out.
    pub(crate) fn calling(&self, id: &CallId) {
        self.tell(ToPhone::Calling { call_id: id.clone() });
    }

    /// The answer to the phone's offer.
    pub(crate) fn answer(&self, id: &CallId, sdp: String) {
        self.tell(ToPhone::Answer { call_id: id.clone(), sdp: sdp.into() });
    }

    /// The call is answered.
    pub(crate) fn accepted(&self, id: &CallId, at: Timestamp) {
        self.tell(ToPhone::Accepted { call_id: id.clone(), at });
    }

    /// Voicemail answers the call.
    pub(crate) fn voicemail(&self, id: &CallId, at: Timestamp) {
        self.tell(ToPhone::Voicemail { call_id: id.clone(), at });
    }

    /// The call is over.
    pub(crate) fn ended(
        &self,
        id: &CallId,
        reason: EndedReason,
        text: &str,
        duration_s: Option<u64>,
    ) {
        self.is_done.store(true, Ordering::Relaxed);
        let text = text.to_owned();
        self.tell(ToPhone::Ended { call_id: id.clone(), reason, text, duration_s });
    }

    /// Another phone of the user took the call.
    pub(crate) fn ended_elsewhere(&self, id: &CallId) {
        let reason = EndedReason::Unknown("answered_elsewhere".to_owned());
        self.ended(id, reason, "Another of your phones took the call.", None);
    }

    /// What the phone asked for will not happen.
    pub(crate) fn refuse(&self, what: &str, code: &str, text: &str) {
        self.tell(ToPhone::Refused {
            what: what.to_owned(),
            code: code.to_owned(),
            error_code: None,
            text: text.to_owned(),
            opens_at: None,
            callback: false,
        });
    }

    /// The same, because of a rule.
    pub(crate) fn refuse_by(&self, what: &str, refusal: &ApiRefusal) {
        let (opens_at, callback) =
            if let ApiRefusal::Rule(Refusal::OutOfHours { opens_at, callback }) = refusal {
                (*opens_at, *callback)
            } else {
                (None, false)
            };
        // A caller hears nothing of the business's limits (fact sheet 9.1).
        let is_our_limit = matches!(refusal, ApiRefusal::Rule(Refusal::ConcurrencyLimit { .. }));
        let text = match is_our_limit {
            true => "The call cannot be placed.".to_owned(),
            false => refusal.to_string(),
        };
        self.tell(ToPhone::Refused {
            what: what.to_owned(),
            code: refusal.rule().to_owned(),
            error_code: Some(refusal.row().code),
            text,
            opens_at,
            callback,
        });
    }

    fn incoming(&self, facts: &Facts) {
        let from =
            PhoneCaller { number: facts.number.digits.clone(), name: facts.number.name.clone() };
        self.tell(ToPhone::Incoming { call_id: facts.id.clone(), from });
    }
}
