//! When does a number get a warning, and when is calling taken from it?
//!
//! Two measures. Users who block or report a number, against its calls: close to the threshold it is
//! warned, at the threshold calls of that direction stop for a week. And the share of users' calls it
//! answers: too low brings a warning, and later the call button is hidden until the business shows it
//! again. Thresholds are the rulebook's; the platform counts, this decides.

use serde::{Deserialize, Serialize};
use terms::{Direction, Timestamp};

use crate::{
    Refusal,
    rulebook::{FeedbackWithoutCall, RestrictionTypes, Rulebook},
};

/// What a number may not do for a while; serialized in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestrictionKind {
    /// No calls by the business, and no requests for permission.
    #[serde(rename = "RESTRICTED_BUSINESS_INITIATED_CALLING")]
    BusinessInitiated,
    /// No calls by users; the call button is hidden.
    #[serde(rename = "RESTRICTED_USER_INITIATED_CALLING")]
    UserInitiated,
    /// The call button is hidden until the business shows it again.
    #[serde(rename = "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN")]
    CallButtonHidden,
    /// No calls at all, and no changes of the calling settings: the older, combined type.
    #[serde(rename = "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING")]
    Both,
}

impl RestrictionKind {
    /// The wire form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BusinessInitiated => "RESTRICTED_BUSINESS_INITIATED_CALLING",
            Self::UserInitiated => "RESTRICTED_USER_INITIATED_CALLING",
            Self::CallButtonHidden => "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN",
            Self::Both => "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING",
        }
    }

    /// Stops calls of this direction.
    #[must_use]
    pub fn stops(self, direction: Direction) -> bool {
        match self {
            Self::BusinessInitiated => direction == Direction::BusinessInitiated,
            Self::UserInitiated => direction == Direction::UserInitiated,
            Self::CallButtonHidden => false,
            Self::Both => true,
        }
    }

    /// Why a number has it, for people.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::BusinessInitiated => "Users blocked or reported the business after its calls.",
            Self::UserInitiated => "Users blocked or reported the business after calling it.",
            Self::CallButtonHidden => "Too many calls by users were not answered.",
            Self::Both => "Users blocked or reported the business because of its calls.",
        }
    }
}

/// A restriction that stops calls lacks its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("restriction {kind} needs its end, `until`")]
pub struct EndlessError {
    kind: &'static str,
}

/// A restriction of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// What is not possible.
    pub kind: RestrictionKind,
    /// Why, for people.
    pub reason: String,
    /// When it ends; absent: when the business does something about it, which is possible with the
    /// hidden call button alone (see [`Restriction::check`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Restriction {
    /// Can there be such a restriction? One that stops calls has an end.
    ///
    /// # Errors
    ///
    /// [`EndlessError`].
    pub fn check(&self) -> Result<(), EndlessError> {
        let stops = [Direction::BusinessInitiated, Direction::UserInitiated];
        if self.until.is_none() && stops.into_iter().any(|direction| self.kind.stops(direction)) {
            return Err(EndlessError { kind: self.kind.as_str() });
        }
        Ok(())
    }

    /// Whether it holds now: until one moment before its end.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Until when are calls of this direction stopped? The latest end, if any holds now.
#[must_use]
pub fn stopped_until(
    restrictions: &[Restriction],
    direction: Direction,
    now: Timestamp,
) -> Option<Timestamp> {
    restrictions
        .iter()
        .filter(|it| it.is_active(now) && it.kind.stops(direction))
        .filter_map(|it| it.until)
        .max()
}

/// Is the call button hidden by a restriction?
#[must_use]
pub fn hides_icon(restrictions: &[Restriction], now: Timestamp) -> bool {
    stopped_until(restrictions, Direction::UserInitiated, now).is_some()
}

/// May the calling settings be changed?
///
/// # Errors
///
/// [`Refusal::Restricted`] while the combined restriction holds.
pub fn check_settings(restrictions: &[Restriction], now: Timestamp) -> Result<(), Refusal> {
    let both = |it: &&Restriction| it.kind == RestrictionKind::Both && it.is_active(now);
    match restrictions.iter().filter(both).filter_map(|it| it.until).max() {
        Some(until) => Err(Refusal::Restricted { until }),
        None => Ok(()),
    }
}

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// Feedback on calls by the business.
    BusinessInitiatedQuality,
    /// Feedback on calls by users.
    UserInitiatedQuality,
    /// Users' calls are not answered.
    LowPickupRate,
    /// Feedback on calls of either direction: the older, combined type.
    CallingQuality,
}

impl Violation {
    /// The wire form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BusinessInitiatedQuality => "LOW_BUSINESS_INITIATED_CALLING_QUALITY",
            Self::UserInitiatedQuality => "LOW_USER_INITIATED_CALLING_QUALITY",
            Self::LowPickupRate => "USER_INITIATED_CALLS_LOW_PICKUP_RATE",
            Self::CallingQuality => "LOW_CALLING_QUALITY",
        }
    }
}

/// What the business can do about its pick-up rate.
#[must_use]
pub fn pickup_remediation(hidden: bool) -> &'static str {
    if hidden {
        "Too many calls by users were not answered, so the call button is hidden. Set call_icon_visibility to DEFAULT once calls are answered."
    } else {
        "Too many calls by users are not answered. Answer them, set call_hours, or hide the call button with call_icon_visibility DISABLE_ALL."
    }
}

/// Does a block still count after the user took it back?
#[must_use]
pub fn counts_after_unblock(book: &Rulebook) -> bool {
    !book.quality.unblock_withdraws.value
}

/// Of which calls feedback is measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Those of one direction; absent: all.
    pub direction: Option<Direction>,
    kind: RestrictionKind,
    violation: Violation,
}

impl Scope {
    /// The scope of feedback by a user whose last call had this direction; `None` if it does not
    /// count.
    #[must_use]
    pub fn of_feedback(last_call: Option<Direction>, book: &Rulebook) -> Option<Self> {
        let direction = match (last_call, book.quality.feedback_without_call.value) {
            (Some(direction), _) => direction,
            (None, FeedbackWithoutCall::BusinessInitiated) => Direction::BusinessInitiated,
            (None, FeedbackWithoutCall::Ignored) => return None,
        };
        Some(Self::of(direction, book))
    }

    /// The scope of feedback on a call of this direction.
    #[must_use]
    pub fn of(direction: Direction, book: &Rulebook) -> Self {
        match (book.quality.restriction_types.value, direction) {
            (RestrictionTypes::Combined, _) => Self {
                direction: None,
                kind: RestrictionKind::Both,
                violation: Violation::CallingQuality,
            },
            (RestrictionTypes::Split, Direction::BusinessInitiated) => Self {
                direction: Some(direction),
                kind: RestrictionKind::BusinessInitiated,
                violation: Violation::BusinessInitiatedQuality,
            },
            (RestrictionTypes::Split, Direction::UserInitiated) => Self {
                direction: Some(direction),
                kind: RestrictionKind::UserInitiated,
                violation: Violation::UserInitiatedQuality,
            },
        }
    }
}

/// How a number stands: what it has been told, and since when its figures count anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    warned: Vec<Warning>,
    /// Feedback from before a restriction does not count again.
    feedback_since: Vec<(RestrictionKind, Timestamp)>,
    /// Users' calls from before the call button was shown again do not count.
    pickup_since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Warning {
    about: Violation,
    at: Timestamp,
}

/// Negative feedback, and the calls it is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedbackCount {
    /// Blocks and reports.
    pub negative: u32,
    /// Ended calls, answered or not.
    pub calls: u32,
}

/// Users' calls, and how many of them were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickupCount {
    /// Ended calls.
    pub calls: u32,
    /// Answered ones.
    pub answered: u32,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell the business that its quality is low.
    Warn(Violation),
    /// Take something from it, and say so.
    Restrict(Restriction),
}

impl Standing {
    /// From when feedback of this scope counts.
    #[must_use]
    pub fn feedback_from(&self, scope: Scope, book: &Rulebook, now: Timestamp) -> Timestamp {
        let since = self.feedback_since.iter().find(|(kind, _)| *kind == scope.kind);
        let window = now - book.quality.feedback_window.value;
        since.map_or(window, |(_, at)| window.max(*at))
    }

    /// From when users' calls count.
    #[must_use]
    pub fn pickup_from(&self, book: &Rulebook, now: Timestamp) -> Timestamp {
        let window = now - book.quality.pickup_window.value;
        self.pickup_since.map_or(window, |at| window.max(at))
    }

    /// A user gave negative feedback; it is in `count`.
    pub fn note_feedback(
        &mut self,
        scope: Scope,
        count: FeedbackCount,
        restrictions: &[Restriction],
        book: &Rulebook,
        now: Timestamp,
    ) -> Option<Effect> {
        let is_restricted = |it: &Restriction| it.kind == scope.kind && it.is_active(now);
        if restrictions.iter().any(is_restricted) {
            return None;
        }
        let rules = &book.quality;
        let calls = u64::from(count.calls.max(rules.feedback_sample_min.value));
        let reaches = |percent: u32| u64::from(count.negative) * 100 >= u64::from(percent) * calls;
        if reaches(rules.feedback_restrict_percent.value) {
            self.warned.retain(|warning| warning.about != scope.violation);
            self.feedback_since.retain(|(kind, _)| *kind != scope.kind);
            self.feedback_since.push((scope.kind, now));
            let until = Some(now + rules.restriction_length.value);
            let reason = scope.kind.reason().to_owned();
            return Some(Effect::Restrict(Restriction { kind: scope.kind, reason, until }));
        }
        let period = rules.feedback_window.value;
        if reaches(rules.feedback_warn_percent.value) && self.warn(scope.violation, period, now) {
            return Some(Effect::Warn(scope.violation));
        }
        None
    }

    /// A user's call ended; it is in `count`.
    pub fn note_user_call(
        &mut self,
        count: PickupCount,
        restrictions: &[Restriction],
        book: &Rulebook,
        now: Timestamp,
    ) -> Option<Effect> {
        let kind = RestrictionKind::CallButtonHidden;
        if restrictions.iter().any(|it| it.kind == kind && it.is_active(now)) {
            return None;
        }
        let rules = &book.quality;
        let below = |percent: u32| {
            u64::from(count.answered) * 100 < u64::from(percent) * u64::from(count.calls)
        };
        if count.calls < rules.pickup_sample_min.value || !below(rules.pickup_warn_percent.value) {
            return None;
        }
        let about = Violation::LowPickupRate;
        let period = rules.pickup_window.value + rules.pickup_grace.value;
        // A warning from longer ago was about other calls; the business is warned again first.
        let is_fresh = |it: &&Warning| it.about == about && now < it.at + period;
        let warned = self.warned.iter().find(is_fresh).map(|it| it.at);
        let hides = warned.is_some_and(|at| now >= at + rules.pickup_grace.value)
            && below(rules.pickup_hide_percent.value);
        if hides {
            self.warned.retain(|warning| warning.about != about);
            let reason = kind.reason().to_owned();
            return Some(Effect::Restrict(Restriction { kind, reason, until: None }));
        }
        self.warn(about, period, now).then_some(Effect::Warn(about))
    }

    /// The business shows the call button again: the restriction goes, and its calls count anew.
    pub fn note_icon_shown(&mut self, restrictions: &mut Vec<Restriction>, now: Timestamp) {
        let before = restrictions.len();
        restrictions.retain(|it| it.kind != RestrictionKind::CallButtonHidden);
        if restrictions.len() < before {
            self.pickup_since = Some(now);
        }
    }

    /// Notes a warning; false if the same one was given less than `period` ago.
    fn warn(&mut self, about: Violation, period: std::time::Duration, now: Timestamp) -> bool {
        self.warned.retain(|warning| warning.about != about || now < warning.at + period);
        if self.warned.iter().any(|warning| warning.about == about) {
            return false;
        }
        self.warned.push(Warning { about, at: now });
        true
    }
}
