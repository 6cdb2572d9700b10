//! How many are left, and when is there one more?
//!
//! Limits are rolling: a moment counts for exactly one period, until `at + period`.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};
use terms::Timestamp;

use crate::{
    Refusal,
    rulebook::{PermissionRules, Rulebook},
};

/// Whether a business number is a real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberKind {
    /// A real number.
    #[default]
    Production,
    /// A public test number: wider limits, and listed recipients only.
    Test,
    /// A number of a sandbox account: the limits of a test number.
    Sandbox,
}

impl NumberKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Production, Self::Test, Self::Sandbox];

    /// The word in seeds, rulebooks and the sandbox API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Test => "test",
            Self::Sandbox => "sandbox",
        }
    }

    /// Not a real number: no messaging tier is needed.
    #[must_use]
    pub fn is_for_tests(self) -> bool {
        match self {
            Self::Production => false,
            Self::Test | Self::Sandbox => true,
        }
    }
}

/// The ceilings of one pair that depend on the kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    /// Requests for permission in a day.
    pub requests_per_day: u32,
    /// Requests for permission in a week.
    pub requests_per_week: u32,
    /// Unanswered calls before the user is asked to think again.
    pub nudge_after: u32,
    /// Unanswered calls that end the permission.
    pub revoke_after: u32,
}

impl Ceilings {
    /// The ceilings for this kind of number.
    #[must_use]
    pub fn of(rules: &PermissionRules, kind: NumberKind) -> Self {
        match kind {
            NumberKind::Production => Self {
                requests_per_day: rules.requests_per_day.value,
                requests_per_week: rules.requests_per_week.value,
                nudge_after: rules.nudge_after.value,
                revoke_after: rules.revoke_after.value,
            },
            NumberKind::Test | NumberKind::Sandbox => Self {
                requests_per_day: rules.test_requests_per_day.value,
                requests_per_week: rules.test_requests_per_week.value,
                nudge_after: rules.test_nudge_after.value,
                revoke_after: rules.test_revoke_after.value,
            },
        }
    }
}

/// How much of one limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The limit's period.
    pub period: Duration,
    /// The limit.
    pub max: u32,
    /// How many count now.
    pub used: u32,
    /// When there is room again; only when the limit is reached.
    pub allowed_at: Option<Timestamp>,
}

impl Use {
    /// No more for now.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.used >= self.max
    }
}

/// The moments that count towards rolling limits, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rolling {
    moments: VecDeque<Timestamp>,
}

impl Rolling {
    /// Notes one at `now` and forgets those older than `keep`, the longest period asked about.
    pub fn record(&mut self, now: Timestamp, keep: Duration) {
        while self.moments.front().is_some_and(|at| *at + keep <= now) {
            self.moments.pop_front();
        }
        let place = self.moments.partition_point(|at| *at <= now);
        self.moments.insert(place, now);
    }

    /// How much of a limit is used at `now`.
    #[must_use]
    pub fn usage(&self, max: u32, period: Duration, now: Timestamp) -> Use {
        usage(self.moments.iter().copied(), max, period, now)
    }
}

/// How much of a limit is used at `now` by these moments, oldest first.
pub(crate) fn usage(
    moments: impl Iterator<Item = Timestamp>,
    max: u32,
    period: Duration,
    now: Timestamp,
) -> Use {
    let counting: Vec<Timestamp> = moments.filter(|at| *at + period > now).collect();
    let used = u32::try_from(counting.len()).unwrap_or(u32::MAX);
    let allowed_at = used
        .checked_sub(max)
        .and_then(|above| counting.get(above as usize))
        .map(|frees| *frees + period);
    Use { period, max, used, allowed_at }
}

/// May a number that read this many permissions in the current second read one more?
///
/// # Errors
///
/// [`Refusal::ReadLimit`].
pub fn check_permission_reads(used: u32, book: &Rulebook) -> Result<(), Refusal> {
    let max = book.limits.permission_reads_per_second.value;
    if used >= max { Err(Refusal::ReadLimit { used, max }) } else { Ok(()) }
}

/// May a number that sent this many messages in the current second send one more?
///
/// # Errors
///
/// [`Refusal::MessageRate`].
pub fn check_message_rate(used: u32, book: &Rulebook) -> Result<(), Refusal> {
    let max = book.messages.per_second.value;
    if used >= max { Err(Refusal::MessageRate { used, max }) } else { Ok(()) }
}
