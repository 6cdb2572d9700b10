//! May we call this user, as far as we know, and which word proves it?
//!
//! The platform decides. This is the business's own account, for evidence and for the time in which
//! the platform does not answer: everything seen between our number and one user is an [`Entry`] that
//! is never changed, and [`Standing`] is what all of them add up to.
//!
//! ```text
//!          granted                        expired │ revoked │ refused
//!   None ────────────▶ Temporary │ Permanent ────────────────────────▶ None
//!     ▲                                                                 │
//!     └────────────────── reconciled: the platform's word wins ─────────┘
//! ```
//!
//! Words about the permission count by their own time: an older one that arrives late changes
//! nothing. Moments that count towards limits are kept as long as the longest period; how many there
//! may be is the rulebook's business, not ours.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::{Direction, Timestamp};

/// The most of one counter the platform is believed; every documented limit is far below.
const COUNT_MAX: u32 = 10_000;

/// An entry's place in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryNo(pub i64);

/// A permission to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "grant", rename_all = "snake_case")]
pub enum Grant {
    /// For some days.
    Temporary {
        /// When it ends.
        until: Timestamp,
    },
    /// Until taken back.
    Permanent,
}

/// Why there is no permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// Nothing was ever seen.
    #[default]
    NeverGiven,
    /// The user said no to a request.
    Refused,
    /// The user, or too many unanswered calls, took it back.
    Revoked,
    /// It ran out.
    Expired,
    /// The platform says so, and we saw no reason.
    PlatformSaysNo,
}

/// One thing that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened, by the platform's clock.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What an entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// We asked for permission.
    Requested,
    /// The user allowed calls.
    Granted(Grant),
    /// The user said no to a request.
    Refused,
    /// The permission was taken back: by the user, or after too many unanswered calls.
    Revoked,
    /// A temporary permission ran out. No webhook says so.
    Expired,
    /// A call was picked up.
    Connected {
        /// Who had called.
        direction: Direction,
    },
    /// A call of ours was refused or not picked up.
    Unanswered,
    /// The platform's account differs from ours, and wins.
    Reconciled(Told),
}

/// What the platform says of one user. A count it did not give is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The permission, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<Grant>,
    /// Our calls that were picked up within a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_in_a_day: Option<u32>,
    /// Requests within a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_in_a_day: Option<u32>,
    /// Requests within a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_in_a_week: Option<u32>,
}

/// How long a day and a week of the limits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// The shorter one.
    pub day: Duration,
    /// The longer one.
    pub week: Duration,
}

/// What all entries of one user add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    grant: Option<Grant>,
    absence: Absence,
    /// The newest word about the permission.
    decided: Option<(EntryNo, Timestamp)>,
    requests: Vec<Timestamp>,
    connected: Vec<Timestamp>,
    unanswered_in_a_row: u32,
}

impl Standing {
    /// What these entries add up to, in the order they were written.
    #[must_use]
    pub fn fold(entries: impl IntoIterator<Item = (EntryNo, Entry)>, periods: Periods) -> Self {
        let mut standing = Self::default();
        for (no, entry) in entries {
            standing.apply(no, &entry, periods);
        }
        standing
    }

    /// The permission that stands at `now`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn permission(&self, now: Timestamp) -> Result<Grant, Absence> {
        match self.grant {
            Some(Grant::Temporary { until }) if until <= now => Err(Absence::Expired),
            Some(grant) => Ok(grant),
            None => Err(self.absence),
        }
    }

    /// The entry that proves it, either way; `None` when nothing was ever said.
    #[must_use]
    pub fn proof(&self) -> Option<EntryNo> {
        self.decided.map(|(no, _)| no)
    }

    /// When a temporary permission whose end nobody wrote down runs out, or ran out.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.grant {
            Some(Grant::Temporary { until }) => Some(until),
            Some(Grant::Permanent) | None => None,
        }
    }

    /// When we asked, oldest first, since the last call that was picked up.
    #[must_use]
    pub fn requests(&self) -> &[Timestamp] {
        &self.requests
    }

    /// When calls of ours were picked up, oldest first.
    #[must_use]
    pub fn connected(&self) -> &[Timestamp] {
        &self.connected
    }

    /// Calls of ours in a row that were not picked up.
    #[must_use]
    pub fn unanswered_in_a_row(&self) -> u32 {
        self.unanswered_in_a_row
    }

    /// Whether this entry has a place: nothing can run out that does not stand or was renewed.
    #[must_use]
    pub fn takes(&self, entry: &Entry) -> bool {
        match entry.what {
            What::Expired => self.expires_at().is_some_and(|until| until <= entry.at),
            What::Requested
            | What::Granted(_)
            | What::Refused
            | What::Revoked
            | What::Connected { .. }
            | What::Unanswered
            | What::Reconciled(_) => true,
        }
    }

    /// Takes one more entry. One that has no place changes nothing.
    pub fn apply(&mut self, no: EntryNo, entry: &Entry, periods: Periods) {
        if !self.takes(entry) {
            return;
        }
        let at = entry.at;
        match entry.what {
            What::Requested => insert(&mut self.requests, at, periods.week),
            What::Granted(grant) => self.decide(no, at, Ok(grant)),
            What::Refused => self.decide(no, at, Err(Absence::Refused)),
            What::Revoked => {
                self.unanswered_in_a_row = 0;
                self.decide(no, at, Err(Absence::Revoked));
            }
            What::Expired => self.decide(no, at, Err(Absence::Expired)),
            What::Connected { direction } => {
                self.unanswered_in_a_row = 0;
                self.requests.clear();
                if direction == Direction::BusinessInitiated {
                    insert(&mut self.connected, at, periods.day);
                }
            }
            What::Unanswered => {
                self.unanswered_in_a_row = self.unanswered_in_a_row.saturating_add(1);
            }
            What::Reconciled(told) => self.believe(no, &told, at, periods),
        }
    }

    /// What two standings add up to that turn out to be one user's. The newer word about the
    /// permission stands; counters add up, since too many make the platform be asked, and too few
    /// would lose a permission.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let place = |standing: &Self| standing.decided.map(|(no, at)| (at, no));
        let newer_is_other = place(&other) > place(&self);
        let (newer, older) = if newer_is_other { (other, self) } else { (self, other) };
        let both = |mut one: Vec<Timestamp>, two: Vec<Timestamp>| {
            one.extend(two);
            one.sort_unstable();
            one
        };
        Self {
            grant: newer.grant,
            absence: newer.absence,
            decided: newer.decided,
            requests: both(newer.requests, older.requests),
            connected: both(newer.connected, older.connected),
            unanswered_in_a_row: newer
                .unanswered_in_a_row
                .saturating_add(older.unanswered_in_a_row),
        }
    }

    /// Whether the platform's account differs from ours at `now`.
    #[must_use]
    pub fn differs(&self, told: &Told, now: Timestamp, periods: Periods) -> bool {
        let ours = self.permission(now).ok();
        let count =
            |moments: &[Timestamp], period| moments.iter().filter(|at| **at + period > now).count();
        let other =
            |said: Option<u32>, ours: usize| said.is_some_and(|said| believed(said) != ours);
        !is_same(ours, told.permission)
            || other(told.connected_in_a_day, count(&self.connected, periods.day))
            || other(told.requests_in_a_day, count(&self.requests, periods.day))
            || other(told.requests_in_a_week, count(&self.requests, periods.week))
    }

    /// Webhooks tell whole seconds, our own questions finer times: within one second the later entry
    /// is the newer. The same word again, however old, is the better proof: it is the user's.
    fn decide(&mut self, no: EntryNo, at: Timestamp, word: Result<Grant, Absence>) {
        let is_older = self.decided.is_some_and(|(_, known)| at.unix() < known.unix());
        let confirms = word.is_ok() && is_same(word.ok(), self.grant);
        if is_older && !confirms {
            return;
        }
        let known = self.decided.map_or(at, |(_, known)| known.max(at));
        self.decided = Some((no, known));
        match word {
            Ok(grant) => self.grant = Some(grant),
            Err(absence) => (self.grant, self.absence) = (None, absence),
        }
    }

    fn believe(&mut self, no: EntryNo, told: &Told, now: Timestamp, periods: Periods) {
        if !is_same(self.permission(now).ok(), told.permission) {
            self.decide(no, now, told.permission.ok_or(Absence::PlatformSaysNo));
        }
        if let Some(used) = told.connected_in_a_day {
            self.connected.retain(|at| *at + periods.day > now);
            fit(&mut self.connected, believed(used), now);
        }
        self.requests.retain(|at| *at + periods.week > now);
        let recent_from = self.requests.partition_point(|at| *at + periods.day <= now);
        let mut recent = self.requests.split_off(recent_from);
        if let Some(used) = told.requests_in_a_day {
            fit(&mut recent, believed(used), now);
        }
        if let Some(used) = told.requests_in_a_week {
            let older = believed(used).saturating_sub(recent.len());
            fit(&mut self.requests, older, now - periods.day);
        }
        self.requests.append(&mut recent);
    }
}

fn believed(count: u32) -> usize {
    count.min(COUNT_MAX) as usize
}

/// The platform tells whole seconds.
fn is_same(one: Option<Grant>, other: Option<Grant>) -> bool {
    match (one, other) {
        (Some(Grant::Temporary { until: one }), Some(Grant::Temporary { until: other })) => {
            one.unix() == other.unix()
        }
        (one, other) => one == other,
    }
}

/// Adds a moment and forgets those that no longer count.
fn insert(moments: &mut Vec<Timestamp>, at: Timestamp, keep: Duration) {
    moments.retain(|known| *known + keep > at);
    let place = moments.partition_point(|known| *known <= at);
    moments.insert(place, at);
}

/// So many moments: the oldest go, and those we did not see count from when we learnt of them.
fn fit(moments: &mut Vec<Timestamp>, count: usize, learnt_at: Timestamp) {
    let surplus = moments.len().saturating_sub(count);
    moments.drain(..surplus);
    moments.resize(count, learnt_at);
    moments.sort_unstable();
}
