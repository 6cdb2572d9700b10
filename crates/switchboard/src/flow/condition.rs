//! Is this caller one of those who are meant?
//!
//! A case holds when all its conditions do. A fact that is not known meets no condition.

use std::{collections::BTreeMap, fmt};

use terms::Country;

use super::{Caller, Trail, speech::LANGUAGE};

/// Conditions and the step they lead to.
#[derive(Debug)]
pub(crate) struct Case {
    pub(super) conditions: Vec<Condition>,
    pub(super) next: usize,
}

/// One thing that must be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// The number is one of these.
    Caller(Vec<Pattern>),
    /// The id scoped to the business is one of these.
    UserId(Vec<Pattern>),
    /// The number is of one of these countries.
    Country(Vec<Country>),
    /// What the button or deep link carried.
    Payload(Vec<Pattern>),
    /// What the flow set as the caller's language.
    Language(Vec<Pattern>),
    /// Whether the service window was open before the call.
    WindowOpen(bool),
    /// How many calls there were before.
    PastCalls(Compare, u32),
    /// What `set` steps set.
    Variables(BTreeMap<String, Vec<Pattern>>),
}

/// A text in which `*` stands for anything; upper and lower case are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(String);

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Case {
    pub(super) fn holds(&self, caller: &Caller, trail: &Trail) -> bool {
        self.conditions.iter().all(|condition| condition.holds(caller, trail))
    }
}

impl fmt::Display for Case {
    /// The conditions as they were written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, condition) in self.conditions.iter().enumerate() {
            let and = if n == 0 { "" } else { ", " };
            write!(f, "{and}{condition}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller(of) => write!(f, "caller {}", words(of)),
            Self::UserId(of) => write!(f, "user_id {}", words(of)),
            Self::Country(of) => {
                let of: Vec<&str> = of.iter().map(Country::as_str).collect();
                write!(f, "country {}", of.join(" or "))
            }
            Self::Payload(of) => write!(f, "payload {}", words(of)),
            Self::Language(of) => write!(f, "language {}", words(of)),
            Self::WindowOpen(open) => {
                f.write_str(if *open { "window open" } else { "window closed" })
            }
            Self::PastCalls(compare, with) => write!(f, "past_calls {}{with}", compare.sign()),
            Self::Variables(wanted) => {
                let each = |(name, of): (&String, &Vec<Pattern>)| format!("{name} {}", words(of));
                let wanted: Vec<String> = wanted.iter().map(each).collect();
                f.write_str(&wanted.join(", "))
            }
        }
    }
}

fn words(patterns: &[Pattern]) -> String {
    let of: Vec<&str> = patterns.iter().map(|pattern| pattern.0.as_str()).collect();
    of.join(" or ")
}

impl Condition {
    fn holds(&self, caller: &Caller, trail: &Trail) -> bool {
        match self {
            Self::Caller(of) => any(of, caller.number.as_ref().map(|number| number.as_str())),
            Self::UserId(of) => any(of, caller.user_id.as_ref().map(|id| id.as_str())),
            Self::Country(of) => caller.country().is_some_and(|country| of.contains(&country)),
            Self::Payload(of) => any(of, caller.payload.as_deref()),
            Self::Language(of) => any(of, trail.variables().get(LANGUAGE).map(String::as_str)),
            Self::WindowOpen(open) => caller.window_open == Some(*open),
            Self::PastCalls(compare, with) => {
                caller.past_calls.is_some_and(|calls| compare.holds(calls, *with))
            }
            Self::Variables(wanted) => wanted
                .iter()
                .all(|(name, of)| any(of, trail.variables().get(name).map(String::as_str))),
        }
    }
}

fn any(patterns: &[Pattern], text: Option<&str>) -> bool {
    text.is_some_and(|text| patterns.iter().any(|pattern| pattern.fits(text)))
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    fn fits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let Some((start, rest)) = self.0.split_once('*') else { return text == self.0 };
        let Some(mut text) = text.strip_prefix(start) else { return false };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            let Some((_, after)) = text.split_once(part) else { return false };
            text = after;
        }
        text.ends_with(end)
    }
}

impl Compare {
    /// Reads `>=3`, `<2` or `0`.
    pub(super) fn parse(text: &str) -> Option<(Self, u32)> {
        let signs = [
            (">=", Self::AtLeast),
            ("<=", Self::AtMost),
            (">", Self::More),
            ("<", Self::Less),
            ("=", Self::Equal),
            ("", Self::Equal),
        ];
        let (rest, compare) =
            signs.iter().find_map(|(sign, by)| Some((text.trim().strip_prefix(sign)?, *by)))?;
        Some((compare, rest.trim().parse().ok()?))
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    fn holds(self, left: u32, right: u32) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let fits = |pattern, text| Pattern::new(pattern).fits(text);
        assert!(fits("vip*", "VIP-7") && fits("*", "") && fits("a*b*c", "a--b--c"));
        assert!(fits("*site*", "src=site-footer") && fits("plain", "Plain") && fits("a**", "a"));
        assert!(!fits("vip*", "a vip") && !fits("a*b*c", "a-c") && !fits("plain", "plain 2"));
        assert!(!fits("ab*ba", "aba"), "the two ends do not share a sign");
    }

    #[test]
    fn numbers_are_compared_as_written() {
        for (text, calls, holds) in [
            (">=3", 3, true),
            (">3", 3, false),
            ("<2", 1, true),
            ("<= 2", 2, true),
            ("0", 0, true),
            ("=1", 2, false),
        ] {
            let (compare, with) = Compare::parse(text).unwrap();
            assert_eq!(compare.holds(calls, with), holds, "{text} of {calls}");
        }
        for text in ["", ">=", "three", "-1", "=>3"] {
            assert_eq!(Compare::parse(text), None, "{text}");
        }
    }
}
