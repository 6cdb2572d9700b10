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
    /// The user answered a request.
    Replied,
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

/// The numbers that depend on the kind of business number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceilings {
    pub(crate) asks_per_day: usize,
    pub(crate) asks_per_week: usize,
    pub(crate) revoke_after: usize,
    pub(crate) connected_per_day: usize,
}

impl Ceilings {
    pub(crate) const REAL: Self =
        Self { asks_per_day: 1, asks_per_week: 2, revoke_after: 4, connected_per_day: 100 };
    pub(crate) const TEST: Self =
        Self { asks_per_day: 25, asks_per_week: 100, revoke_after: 10, connected_per_day: 100 };
}

/// All facts, in order.
#[derive(Debug)]
pub(crate) struct Model {
    facts: Vec<(i64, Fact)>,
    ceilings: Ceilings,
}

impl Default for Model {
    fn default() -> Self {
        Self::new(Ceilings::REAL)
    }
}

impl Model {
    pub(crate) fn new(ceilings: Ceilings) -> Self {
        Self { facts: Vec::new(), ceilings }
    }

    pub(crate) fn note(&mut self, at: Timestamp, fact: Fact) {
        self.facts.push((at.unix_ms(), fact));
    }

    pub(crate) fn allowed(&self, now: Timestamp) -> Allowed {
        match self.replay().0 {
            Allowed::Until(end) if end <= now.unix_ms() => Allowed::No,
            allowed @ (Allowed::No | Allowed::Until(_) | Allowed::Always) => allowed,
        }
    }

    /// Unanswered calls in a row.
    pub(crate) fn streak(&self) -> usize {
        self.replay().1
    }

    /// The permission and the streak after everything that happened.
    fn replay(&self) -> (Allowed, usize) {
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
                    if streak >= self.ceilings.revoke_after && allowed != Allowed::No {
                        allowed = Allowed::No;
                        streak = 0;
                    }
                }
                Fact::CallbackOffered
                | Fact::UserWrote
                | Fact::UserCalled
                | Fact::Asked
                | Fact::Replied => {}
            }
        }
        (allowed, streak)
    }

    pub(crate) fn window_is_open(&self, now: Timestamp) -> bool {
        self.facts.iter().any(|(at, fact)| {
            let opens = match fact {
                Fact::UserWrote | Fact::UserCalled | Fact::Replied => true,
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
        if self.allowed(now) == Allowed::No {
            "permission.required"
        } else if beta && !self.window_is_open(now) {
            "window.open"
        } else if in_call {
            "limits.one_call_per_pair"
        } else if self.connected(now) >= self.ceilings.connected_per_day {
            "limits.connected_per_day"
        } else {
            "ok"
        }
    }

    /// Business's calls that were answered within a day.
    pub(crate) fn connected(&self, now: Timestamp) -> usize {
        let business = Fact::Answered(Direction::BusinessInitiated);
        self.count(business, now.unix_ms() - DAY_MS)
    }

    /// Requests that count within this span.
    fn asked(&self, span: i64, now: Timestamp) -> usize {
        let answered = |(_, fact): &(i64, Fact)| matches!(fact, Fact::Answered(_));
        let last = self.facts.iter().rposition(answered);
        let since = &self.facts[last.map_or(0, |place| place + 1)..];
        let after = now.unix_ms() - span;
        since.iter().filter(|(at, fact)| *fact == Fact::Asked && *at > after).count()
    }

    /// Requests that count within a day and within a week.
    pub(crate) fn requests(&self, now: Timestamp) -> [usize; 2] {
        [self.asked(DAY_MS, now), self.asked(WEEK_MS, now)]
    }

    /// May the business ask for permission now, by a free-form message or a template?
    pub(crate) fn request_verdict(&self, free_form: bool, now: Timestamp) -> &'static str {
        let [day, week] = self.requests(now);
        if free_form && !self.window_is_open(now) {
            "window.open"
        } else if self.allowed(now) == Allowed::Always {
            "permission.already_permanent"
        } else if day >= self.ceilings.asks_per_day || week >= self.ceilings.asks_per_week {
            "permission.request_limit"
        } else {
            "ok"
        }
    }

    fn count(&self, wanted: Fact, after_ms: i64) -> usize {
        self.facts.iter().filter(|(at, fact)| *fact == wanted && *at > after_ms).count()
    }
}
