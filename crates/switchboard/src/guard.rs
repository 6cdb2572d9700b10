//! Does what we do put our number at risk?
//!
//! WhatsApp measures two things and takes something away: calls of ours that a user does not pick up,
//! one after the other, cost the permission; users' calls that we do not pick up cost the call button.
//! Both are seen here before they happen. Thresholds are facts that come in; some of them WhatsApp
//! does not publish, so they are settings too.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many calls of ours in a row a user may leave unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreakRules {
    /// After so many the user is asked to reconsider.
    pub nudge_after: u32,
    /// After so many the permission is gone.
    pub revoke_after: u32,
}

/// What one more unanswered call would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Nothing.
    None,
    /// The user is, or was, asked whether we may go on calling.
    Nudge,
    /// The permission is lost.
    Revoke,
}

impl StreakRules {
    /// What one more unanswered call would do after so many in a row.
    #[must_use]
    pub fn risk(self, unanswered_in_a_row: u32) -> Risk {
        let next = unanswered_in_a_row.saturating_add(1);
        if next >= self.revoke_after {
            Risk::Revoke
        } else if next >= self.nudge_after {
            Risk::Nudge
        } else {
            Risk::None
        }
    }
}

/// When the share of users' calls that are picked up is too low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickupRules {
    /// Over how long calls count.
    pub window: Duration,
    /// Fewer calls than this say nothing.
    pub sample_min: u32,
    /// Below this share, in percent, WhatsApp warns.
    pub warn_percent: u32,
    /// Below this one it hides the call button.
    pub hide_percent: u32,
}

/// How a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing to worry about.
    Good,
    /// Close to losing something.
    Warning,
    /// About to lose it, or without it already.
    Critical,
}

impl Health {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Calls that ended, and how many of them were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answered {
    /// All.
    pub calls: u64,
    /// The answered ones.
    pub answered: u64,
}

impl Answered {
    /// The share that was answered, 0 to 1; `None` where there was no call.
    #[must_use]
    pub fn ratio(self) -> Option<f64> {
        let exact = |many: u64| u32::try_from(many).ok().map(f64::from);
        (self.calls > 0).then_some(())?;
        Some(exact(self.answered)? / exact(self.calls)?)
    }
}

impl PickupRules {
    /// How a number stands by the users' calls within the window.
    #[must_use]
    pub fn health(self, count: Answered) -> Health {
        let below = |percent: u32| count.answered * 100 < u64::from(percent) * count.calls;
        if count.calls < u64::from(self.sample_min) || !below(self.warn_percent) {
            Health::Good
        } else if below(self.hide_percent) {
            Health::Critical
        } else {
            Health::Warning
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_unanswered_call_nudges_and_the_fourth_revokes() {
        let rules = StreakRules { nudge_after: 2, revoke_after: 4 };
        let risks = [0, 1, 2, 3, 4, u32::MAX].map(|streak| rules.risk(streak));
        let wanted =
            [Risk::None, Risk::Nudge, Risk::Nudge, Risk::Revoke, Risk::Revoke, Risk::Revoke];
        assert_eq!(risks, wanted);
    }

    #[test]
    fn a_few_calls_say_nothing_and_half_of_many_is_enough() {
        let window = Duration::from_secs(604_800);
        let rules = PickupRules { window, sample_min: 20, warn_percent: 50, hide_percent: 25 };
        let health = |answered, calls| rules.health(Answered { calls, answered });
        assert_eq!(health(0, 19), Health::Good);
        assert_eq!(health(10, 20), Health::Good);
        assert_eq!(health(9, 20), Health::Warning);
        assert_eq!(health(5, 20), Health::Warning);
        assert_eq!(health(4, 20), Health::Critical);
        assert_eq!(health(0, 0), Health::Good);
    }
}
