//! What must be true, told as simply as possible?
//!
//! Every question scans all facts from the beginning. The numbers are written out here and are not
//! read from a rulebook, so a wrong rulebook is found too.

use terms::{Direction, Timestamp};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;

/// Something that happened between the two, as seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    UserWrote,
    UserCalled,
    Answered(Direction),
    /// The user left a business's call unanswered, or declined it.
    LeftUnanswered,
    /// A user's call ended; the number grants callbacks.
    CallbackOffered,
    Asked,
    SaidYes,
    SaidAlways,
    SaidNo,
    TookBack,
}

/// The permission at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    No,
    Until(i64),
    Always,
}

/// All facts, in order.
#[derive(Debug, Default)]
pub(crate) struct Model {
    facts: Vec<(i64, Fact)>,
}

impl Model {
    pub(crate) fn note(&mut self, at: Timestamp, fact: Fact) {
        self.facts.push((at.unix_ms(), fact));
    }

    pub(crate) fn allowed(&self, now: Timestamp) -> Allowed {
        let mut allowed = Allowed::No;
        let mut streak = 0;
        for (at, fact) in &self.facts {
            if matches!(allowed, Allowed::Until(end) if end <= *at) {
                allowed = Allowed::No;
            }
            match fact {
                Fact::SaidYes => allowed = Allowed::Until(at + WEEK_MS),
                Fact::CallbackOffered if allowed != Allowed::Always => {
                    allowed = Allowed::Until(at + WEEK_MS);
                }
                Fact::SaidAlways => allowed = Allowed::Always,
                Fact::SaidNo | Fact::TookBack => allowed = Allowed::No,
                Fact::Answered(_) => streak = 0,
                Fact::LeftUnanswered => {
                    streak += 1;
                    if streak >= 4 && allowed != Allowed::No {
                        allowed = Allowed::No;
                        streak = 0;
                    }
                }
                Fact::CallbackOffered | Fact::UserWrote | Fact::UserCalled | Fact::Asked => {}
            }
        }
        match allowed {
            Allowed::Until(end) if end <= now.unix_ms() => Allowed::No,
            Allowed::No | Allowed::Until(_) | Allowed::Always => allowed,
        }
    }

    pub(crate) fn window_is_open(&self, now: Timestamp) -> bool {
        self.facts.iter().any(|(at, fact)| {
            let opens = match fact {
                Fact::UserWrote | Fact::UserCalled => true,
                Fact::Answered(direction) => *direction == Direction::BusinessInitiated,
                Fact::LeftUnanswered
                | Fact::CallbackOffered
                | Fact::Asked
                | Fact::SaidYes
                | Fact::SaidAlways
                | Fact::SaidNo
                | Fact::TookBack => false,
            };
            opens && now.unix_ms() < at + DAY_MS
        })
    }

    /// May the business call now? `ok`, or the rule that says no.
    pub(crate) fn call_verdict(&self, beta: bool, in_call: bool, now: Timestamp) -> &'static str {
        let business = Fact::Answered(Direction::BusinessInitiated);
        let connected = self.count(business, now.unix_ms() - DAY_MS);
        if self.allowed(now) == Allowed::No {
            "permission.required"
        } else if beta && !self.window_is_open(now) {
            "window.open"
        } else if in_call {
            "limits.one_call_per_pair"
        } else if connected >= 100 {
            "limits.connected_per_day"
        } else {
            "ok"
        }
    }

    /// May the business ask for permission now, by a free-form message?
    pub(crate) fn request_verdict(&self, now: Timestamp) -> &'static str {
        let last_answered =
            self.facts.iter().rposition(|(_, fact)| matches!(fact, Fact::Answered(_)));
        let since = &self.facts[last_answered.map_or(0, |place| place + 1)..];
        let asked = |span: i64| {
            since.iter().filter(|(at, f)| *f == Fact::Asked && *at > now.unix_ms() - span).count()
        };
        if !self.window_is_open(now) {
            "window.open"
        } else if self.allowed(now) == Allowed::Always {
            "permission.already_permanent"
        } else if asked(DAY_MS) >= 1 || asked(WEEK_MS) >= 2 {
            "permission.request_limit"
        } else {
            "ok"
        }
    }

    fn count(&self, wanted: Fact, after_ms: i64) -> usize {
        self.facts.iter().filter(|(at, fact)| *fact == wanted && *at > after_ms).count()
    }
}
