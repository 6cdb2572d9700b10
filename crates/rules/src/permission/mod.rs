//! May the business call this user?
//!
//! Only while the user's permission stands, per pair of business number and user. The user gives it
//! on a request, in the business's profile, or by calling first; it ends when it expires, when the
//! user takes it back, or when too many calls in a row go unanswered.
//!
//! ```text
//!          accept │ profile │ callback
//!   None ─────────────────────────────▶ Temporary │ Permanent
//!     ▲                                         │
//!     └──── expire │ revoke │ reject │ too many unanswered
//! ```
//!
//! [`Consent`] is the record of one pair; [`Consent::handle`] takes what happened and says which
//! webhook or notice follows. [`check`] gives the verdict at a moment: expiry needs no event.

mod reply;
mod request;
mod view;

use serde::{Deserialize, Serialize};
use terms::{CallId, Direction, MessageId, Timestamp};

pub use reply::{Context, Reply, Response, Source};
pub use request::{Choice, Request, RequestState};
pub use view::{Action, Facts, Status, View, status, view};

use crate::{
    Refusal,
    eligibility::RequestPermit,
    limits::{Ceilings, NumberKind, Rolling, Use, usage},
    rulebook::Rulebook,
};

/// A permission that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Grant {
    /// For some days.
    Temporary {
        /// When the user gave it.
        at: Timestamp,
        /// When it ends.
        until: Timestamp,
    },
    /// Until revoked.
    Permanent {
        /// When the user gave it.
        at: Timestamp,
    },
}

/// Why there is no permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Absence {
    /// It was never given.
    #[default]
    #[error("it was never given")]
    NeverGiven,
    /// The user said no.
    #[error("the user declined at {at}")]
    Rejected {
        /// When.
        at: Timestamp,
    },
    /// The user took it back.
    #[error("the user took it back at {at}")]
    Revoked {
        /// When.
        at: Timestamp,
    },
    /// Too many calls in a row went unanswered.
    #[error("it ended at {at} after {unanswered} unanswered calls in a row")]
    TooManyUnanswered {
        /// When.
        at: Timestamp,
        /// How many.
        unanswered: u32,
    },
    /// It ran out.
    #[error("it expired at {at}")]
    Expired {
        /// When.
        at: Timestamp,
    },
}

/// Everything remembered about one pair's consent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Consent {
    grant: Option<Grant>,
    absence: Absence,
    unanswered_in_a_row: u32,
    requests: Vec<Request>,
    connected: Rolling,
}

/// Something that happened between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The business sent a request that eligibility let through.
    RequestSent {
        /// The message.
        id: MessageId,
        /// The proof.
        permit: RequestPermit,
    },
    /// A request reached the user's phone.
    RequestDelivered {
        /// The message.
        id: MessageId,
    },
    /// A request cannot be shown on the user's phone.
    RequestFailed {
        /// The message.
        id: MessageId,
    },
    /// The user chose: on a request, or without one in the business's profile.
    Answered {
        /// The request.
        request: Option<MessageId>,
        /// The choice.
        choice: Choice,
    },
    /// The user took the permission back in the business's profile.
    Revoked,
    /// The user called, and the number grants callbacks.
    CalledBack {
        /// The user's call.
        call: CallId,
    },
    /// A call was answered.
    Connected {
        /// Who had called.
        direction: Direction,
    },
    /// A business's call was not answered.
    Unanswered,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send the webhook `call_permission_reply`.
    SendReply(Reply),
    /// Show the user a notice that asks whether calls are still welcome.
    Nudge {
        /// Unanswered calls in a row.
        unanswered: u32,
    },
}

/// Proof that the user's permission stood at the moment of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consented {
    grant: Grant,
}

impl Consented {
    /// The permission.
    #[must_use]
    pub fn grant(&self) -> Grant {
        self.grant
    }

    /// When it ends by itself.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self.grant {
            Grant::Temporary { until, .. } => Some(until),
            Grant::Permanent { .. } => None,
        }
    }
}

/// Does the user's permission stand at `now`?
///
/// # Errors
///
/// [`Refusal::NoPermission`] with the reason.
pub fn check(consent: &Consent, now: Timestamp) -> Result<Consented, Refusal> {
    consent.standing(now).map(|grant| Consented { grant }).map_err(Refusal::NoPermission)
}

/// May another request be sent at `now`, by count alone?
///
/// # Errors
///
/// [`Refusal::AlreadyPermanent`] or [`Refusal::RequestLimit`], whose moment satisfies both limits.
pub fn check_request(
    consent: &Consent,
    book: &Rulebook,
    kind: NumberKind,
    now: Timestamp,
) -> Result<(), Refusal> {
    if let Ok(Grant::Permanent { .. }) = consent.standing(now) {
        return Err(Refusal::AlreadyPermanent);
    }
    let reached = consent.request_uses(book, kind, now).into_iter().filter(Use::is_reached);
    match reached.max_by_key(|used| used.allowed_at) {
        Some(Use { period, max, used, allowed_at }) => Err(Refusal::RequestLimit {
            used,
            max,
            period,
            allowed_at: allowed_at.unwrap_or(now + period),
        }),
        None => Ok(()),
    }
}

impl Consent {
    /// The permission that stands at `now`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn standing(&self, now: Timestamp) -> Result<Grant, Absence> {
        match self.grant {
            Some(Grant::Temporary { until, .. }) if until <= now => {
                Err(Absence::Expired { at: until })
            }
            Some(grant) => Ok(grant),
            None => Err(self.absence),
        }
    }

    /// Calls in a row that went unanswered.
    #[must_use]
    pub fn unanswered_in_a_row(&self) -> u32 {
        self.unanswered_in_a_row
    }

    /// The requests still remembered, oldest first.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// The requests whose buttons stopped working because a newer one was answered.
    #[must_use]
    pub fn replaced_requests(&self) -> Vec<MessageId> {
        self.requests.iter().filter(|r| r.is_replaced).map(|r| r.id.clone()).collect()
    }

    /// The newest request that waits for an answer.
    #[must_use]
    pub fn open_request(&self, book: &Rulebook, now: Timestamp) -> Option<&Request> {
        let is_open = |r: &&Request| matches!(r.state(book, now), RequestState::Open { .. });
        self.requests.iter().rev().find(is_open)
    }

    /// How many connected calls to this user count at `now`.
    #[must_use]
    pub fn connected_use(&self, book: &Rulebook, now: Timestamp) -> Use {
        let limits = &book.limits;
        self.connected.usage(limits.connected_per_day.value, limits.day.value, now)
    }

    /// How many requests count at `now`: by day, by week.
    #[must_use]
    pub fn request_uses(&self, book: &Rulebook, kind: NumberKind, now: Timestamp) -> [Use; 2] {
        let ceilings = Ceilings::of(&book.permission, kind);
        let counted = || self.requests.iter().filter(|r| !r.is_forgiven).map(|r| r.sent_at);
        [
            usage(counted(), ceilings.requests_per_day, book.limits.day.value, now),
            usage(counted(), ceilings.requests_per_week, book.limits.week.value, now),
        ]
    }

    /// Takes what happened and says what follows.
    ///
    /// # Errors
    ///
    /// [`Refusal::RequestClosed`] or [`Refusal::NothingToRevoke`]; the record is then unchanged.
    pub fn handle(
        &mut self,
        input: Input,
        book: &Rulebook,
        kind: NumberKind,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        match input {
            Input::RequestSent { id, permit: _ } => self.add_request(id, book, now),
            Input::RequestDelivered { id } => {
                for request in self.requests.iter_mut().filter(|r| r.id == id) {
                    request.delivered_at.get_or_insert(now);
                }
            }
            Input::RequestFailed { id } => self.fail_request(&id, book),
            Input::Answered { request, choice } => {
                let context = match request {
                    Some(id) => self.answer(id, choice, book, now)?,
                    None => Context::None,
                };
                self.choose(choice, context, book, now, effects);
            }
            Input::Revoked => {
                self.standing(now).map_err(|_| Refusal::NothingToRevoke)?;
                self.lose(Absence::Revoked { at: now }, Source::UserAction, effects);
            }
            Input::CalledBack { call } => self.grant_callback(call, book, now, effects),
            Input::Connected { direction } => self.count_connected(direction, book, now),
            Input::Unanswered => self.count_unanswered(book, kind, now, effects),
        }
        Ok(())
    }

    fn add_request(&mut self, id: MessageId, book: &Rulebook, now: Timestamp) {
        let longest = book.limits.week.value.max(book.limits.day.value);
        let forgotten = |r: &Request| {
            let is_over =
                matches!(r.state(book, now), RequestState::Expired | RequestState::Replaced);
            is_over && r.sent_at + longest <= now
        };
        self.requests.retain(|r| !forgotten(r));
        self.requests.push(Request {
            id,
            sent_at: now,
            delivered_at: None,
            answer: None,
            is_replaced: false,
            is_forgiven: false,
            is_failed: false,
        });
    }

    fn fail_request(&mut self, id: &MessageId, book: &Rulebook) {
        if book.permission.undelivered_counts.value {
            for request in self.requests.iter_mut().filter(|r| r.id == *id) {
                request.is_failed = true;
            }
        } else {
            self.requests.retain(|r| r.id != *id);
        }
    }

    /// Notes an answer on a request; older requests are replaced by it.
    fn answer(
        &mut self,
        id: MessageId,
        choice: Choice,
        book: &Rulebook,
        now: Timestamp,
    ) -> Result<Context, Refusal> {
        let Some(place) = self.requests.iter().position(|r| r.id == id) else {
            return Err(Refusal::RequestClosed { state: "unknown" });
        };
        match self.requests[place].state(book, now) {
            RequestState::Open { .. } | RequestState::Answered { .. } => {}
            RequestState::Expired => return Err(Refusal::RequestClosed { state: "expired" }),
            RequestState::Replaced => return Err(Refusal::RequestClosed { state: "replaced" }),
        }
        for older in &mut self.requests[..place] {
            older.is_replaced = true;
        }
        self.requests[place].answer = Some((now, choice));
        Ok(Context::Request(id))
    }

    fn choose(
        &mut self,
        choice: Choice,
        context: Context,
        book: &Rulebook,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let reply = match choice {
            Choice::Temporary => {
                let until = now + book.permission.lifetime.value;
                self.grant = Some(Grant::Temporary { at: now, until });
                Reply::temporary(until, Source::UserAction, context)
            }
            Choice::Permanent => {
                self.grant = Some(Grant::Permanent { at: now });
                Reply::permanent(context)
            }
            Choice::Reject => {
                self.grant = None;
                self.absence = Absence::Rejected { at: now };
                Reply::reject(Source::UserAction, context)
            }
        };
        effects.push(Effect::SendReply(reply));
    }

    /// A callback never weakens a permanent permission, and then nothing changes.
    fn grant_callback(
        &mut self,
        call: CallId,
        book: &Rulebook,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if matches!(self.grant, Some(Grant::Permanent { .. })) {
            return;
        }
        let until = now + book.permission.lifetime.value;
        self.grant = Some(Grant::Temporary { at: now, until });
        let reply = Reply::temporary(until, Source::Automatic, Context::Call(call));
        effects.push(Effect::SendReply(reply));
    }

    fn count_connected(&mut self, direction: Direction, book: &Rulebook, now: Timestamp) {
        self.unanswered_in_a_row = 0;
        self.requests.iter_mut().for_each(|request| request.is_forgiven = true);
        match direction {
            Direction::BusinessInitiated => self.connected.record(now, book.limits.day.value),
            Direction::UserInitiated => {}
        }
    }

    fn count_unanswered(
        &mut self,
        book: &Rulebook,
        kind: NumberKind,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let ceilings = Ceilings::of(&book.permission, kind);
        self.unanswered_in_a_row = self.unanswered_in_a_row.saturating_add(1);
        let unanswered = self.unanswered_in_a_row;
        if self.standing(now).is_err() {
            return;
        }
        if unanswered >= ceilings.revoke_after {
            self.unanswered_in_a_row = 0;
            let absence = Absence::TooManyUnanswered { at: now, unanswered };
            self.lose(absence, Source::Automatic, effects);
        } else if unanswered == ceilings.nudge_after {
            effects.push(Effect::Nudge { unanswered });
        }
    }

    fn lose(&mut self, absence: Absence, source: Source, effects: &mut Vec<Effect>) {
        self.grant = None;
        self.absence = absence;
        effects.push(Effect::SendReply(Reply::reject(source, Context::None)));
    }
}
