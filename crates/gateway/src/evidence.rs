//! What shows that a user may be called or asked, or not?
//!
//! One [`Sentence`] after the other. Programs read them in English; each has a code and facts as well, from
//! which a page says it in the language of whoever reads.

use std::{collections::BTreeMap, fmt};

use rust_decimal::Decimal;
use switchboard::consent::{Absence, Grant, What};
use terms::{Money, Timestamp};
use wire::console::Said;

use crate::calls::advice;

/// What a rule looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence(Vec<Sentence>);

/// One thing that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sentence {
    /// The entry of the ledger that tells it.
    Entry { no: i64, what: What, at: Timestamp, message: Option<String> },
    /// There is none.
    NoEntry,
    /// The platform's no, by its code.
    Platform { code: i64, text: String },
    /// The platform says that no call can start now, and not why.
    CannotStart,
    /// It did not answer.
    OursAlone { why: String },
    /// Until when calls are allowed, as far as that is told.
    AllowedForATime { until: Option<Timestamp> },
    /// Calls are allowed until the user takes that back.
    AllowedForGood,
    /// Calls were allowed, as far as we know.
    WereAllowed,
    /// They were not.
    WereNotAllowed(Absence),
    /// Calls that count towards a ceiling of the platform's.
    CallsUsed { used: u32, max: u32, period: String },
    /// Calls that count by our own records.
    CallsInADay { used: u32, max: u32 },
    /// Requests that count by our own records.
    RequestsUsed { used: u32, max: u32, hours: u64 },
    /// The service window is not open.
    NoWindow,
    /// It closed, and there is no template to ask with.
    NoTemplate { closed_at: Timestamp, language: Option<String> },
    /// The month's money is gone.
    Spent { spent: Decimal, monthly: Money },
    /// One more call in vain, and the user is asked whether we may go on.
    Nudge { streak: u32 },
    /// One more call in vain, and the permission is gone.
    Revoke { streak: u32 },
    /// What to do then.
    LetThemCall,
}

impl Evidence {
    /// These sentences, in this order.
    pub(crate) fn new(sentences: impl IntoIterator<Item = Sentence>) -> Self {
        Self(sentences.into_iter().collect())
    }

    /// The same, with this before it.
    pub(crate) fn after(mut self, first: Sentence) -> Self {
        self.0.insert(0, first);
        self
    }

    /// By codes.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.0.iter().map(Sentence::said).collect()
    }
}

impl From<Sentence> for Evidence {
    fn from(sentence: Sentence) -> Self {
        Self(vec![sentence])
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&sentences.join(" "))
    }
}

impl Sentence {
    /// By its code.
    pub(crate) fn said(&self) -> Said {
        let facts = self.facts().into_iter().map(|(name, fact)| (name.to_owned(), fact));
        Said { code: self.code().to_owned(), facts: facts.collect::<BTreeMap<_, _>>() }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Entry { message: None, .. } => "entry",
            Self::Entry { message: Some(_), .. } => "entry_of_message",
            Self::NoEntry => "no_entry",
            Self::Platform { .. } => "platform",
            Self::CannotStart => "cannot_start",
            Self::OursAlone { .. } => "ours_alone",
            Self::AllowedForATime { until: None } => "allowed_for_a_time",
            Self::AllowedForATime { until: Some(_) } => "allowed_until",
            Self::AllowedForGood => "allowed_for_good",
            Self::WereAllowed => "were_allowed",
            Self::WereNotAllowed(Absence::NeverGiven) => "never_allowed",
            Self::WereNotAllowed(Absence::Refused) => "refused",
            Self::WereNotAllowed(Absence::Revoked) => "taken_back",
            Self::WereNotAllowed(Absence::Expired) => "ran_out",
            Self::WereNotAllowed(Absence::PlatformSaysNo) => "were_not_allowed",
            Self::CallsUsed { .. } => "calls_used",
            Self::CallsInADay { .. } => "calls_in_a_day",
            Self::RequestsUsed { .. } => "requests_used",
            Self::NoWindow => "no_window",
            Self::NoTemplate { language: None, .. } => "no_template",
            Self::NoTemplate { language: Some(_), .. } => "no_template_in_language",
            Self::Spent { .. } => "spent",
            Self::Nudge { streak: 1 } => "nudge_after_one",
            Self::Nudge { .. } => "nudge",
            Self::Revoke { streak: 1 } => "revoke_after_one",
            Self::Revoke { .. } => "revoke",
            Self::LetThemCall => "let_them_call",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Entry { no, what, at, message } => {
                let facts = [("no", no.to_string()), ("what", word(what).0.to_owned())];
                let at = ("at", at.to_string());
                let message = message.clone().map(|id| ("message", id));
                facts.into_iter().chain([at]).chain(message).collect()
            }
            Self::Platform { code, text } => {
                vec![("code", code.to_string()), ("text", text.clone())]
            }
            Self::OursAlone { why } => vec![("why", why.clone())],
            Self::AllowedForATime { until } => {
                until.iter().map(|at| ("until", at.to_string())).collect()
            }
            Self::CallsUsed { used, max, period } => {
                vec![
                    ("used", used.to_string()),
                    ("max", max.to_string()),
                    ("period", period.clone()),
                ]
            }
            Self::CallsInADay { used, max } => {
                vec![("used", used.to_string()), ("max", max.to_string())]
            }
            Self::RequestsUsed { used, max, hours } => vec![
                ("used", used.to_string()),
                ("max", max.to_string()),
                ("hours", hours.to_string()),
            ],
            Self::NoTemplate { closed_at, language } => {
                let language = language.clone().map(|language| ("language", language));
                std::iter::once(("at", closed_at.to_string())).chain(language).collect()
            }
            Self::Spent { spent, monthly } => {
                vec![("spent", spent.to_string()), ("monthly", monthly.to_string())]
            }
            Self::Nudge { streak } | Self::Revoke { streak } => {
                vec![("streak", streak.to_string())]
            }
            Self::NoEntry
            | Self::CannotStart
            | Self::AllowedForGood
            | Self::WereAllowed
            | Self::WereNotAllowed(_)
            | Self::NoWindow
            | Self::LetThemCall => Vec::new(),
        }
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { no, what, at, message } => {
                write!(f, "Ledger entry {no}: {} at {at}", word(what).1)?;
                match message {
                    Some(id) => write!(f, ", message {id}."),
                    None => f.write_str("."),
                }
            }
            Self::NoEntry => f.write_str("The ledger has no entry about it."),
            Self::Platform { code, text } => f.write_str(&advice(*code, text)),
            Self::CannotStart => f.write_str("The platform says that a call cannot start now."),
            Self::OursAlone { why } => write!(
                f,
                "The platform does not answer ({why}); the rest is by our own records alone."
            ),
            Self::AllowedForATime { until: Some(at) } => {
                write!(f, "The user has allowed calls until {at} (temporary).")
            }
            Self::AllowedForATime { until: None } => {
                f.write_str("The user has allowed calls (temporary).")
            }
            Self::AllowedForGood => f.write_str("The user has allowed calls (permanent)."),
            Self::WereAllowed => f.write_str("The user had allowed calls."),
            Self::WereNotAllowed(absence) => f.write_str(absent(*absence)),
            Self::CallsUsed { used, max, period } => {
                write!(f, "{used} of {max} calls in {period} are used.")
            }
            Self::CallsInADay { used, max } => {
                write!(f, "{used} of {max} calls in a day are used.")
            }
            Self::RequestsUsed { used, max, hours } => {
                write!(f, "{used} of {max} requests in {hours} hours were sent.")
            }
            Self::NoWindow => f.write_str(
                "The user has neither written nor called within 24 hours, as far as we saw, and this \
                 rulebook asks for that.",
            ),
            Self::NoTemplate { closed_at, language } => {
                let language = language.as_ref();
                let of = language.map_or_else(String::new, |it| format!(" for the language {it}"));
                write!(
                    f,
                    "The service window closed at {closed_at}, so only a template may ask, and no \
                     template{of} is configured. Add one under [[permission_templates]], or wait \
                     until the user writes or calls."
                )
            }
            Self::Spent { spent, monthly } => write!(
                f,
                "{spent} of {monthly} of this month are spent, and the budget stops calls to users."
            ),
            Self::Nudge { streak } => write!(
                f,
                "{} One more, and WhatsApp asks the user whether we may go on calling.",
                InVain(*streak)
            ),
            Self::Revoke { streak } => write!(
                f,
                "{} One more, and WhatsApp takes our permission to call back.",
                InVain(*streak)
            ),
            Self::LetThemCall => f.write_str("Let the user call or write to us first."),
        }
    }
}

/// What an entry tells, by its code and in English.
fn word(what: &What) -> (&'static str, &'static str) {
    match what {
        What::Requested => ("requested", "asked"),
        What::Granted(Grant::Temporary { .. }) => ("granted", "granted for a time"),
        What::Granted(Grant::Permanent) => ("granted_for_good", "granted for good"),
        What::Refused => ("refused", "refused"),
        What::Revoked => ("revoked", "taken back"),
        What::Expired => ("expired", "expired"),
        What::Connected { .. } => ("connected", "call picked up"),
        What::Unanswered => ("unanswered", "call not picked up"),
        What::Reconciled(_) => ("reconciled", "the platform's word"),
    }
}

fn absent(absence: Absence) -> &'static str {
    match absence {
        Absence::NeverGiven => "The user never allowed calls.",
        Absence::Refused => "The user refused calls.",
        Absence::Revoked => "The user took the permission back.",
        Absence::Expired => "The user had allowed calls for a time that is over.",
        Absence::PlatformSaysNo => "The user had not allowed calls.",
    }
}

/// How many calls in a row.
struct InVain(u32);

impl fmt::Display for InVain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("The user did not pick up our last call."),
            streak => write!(f, "The user did not pick up our last {streak} calls."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_sentences_in_english_and_codes_with_the_same_facts() {
        let at = Timestamp::from_unix(1_783_000_000);
        let message = Some("wamid.1".to_owned());
        let entry = Sentence::Entry { no: 7, what: What::Refused, at, message };
        let evidence = Evidence::from(entry).after(Sentence::OursAlone { why: "late".into() });
        assert_eq!(
            evidence.to_string(),
            format!(
                "The platform does not answer (late); the rest is by our own records alone. Ledger \
                 entry 7: refused at {at}, message wamid.1."
            )
        );
        let said = serde_json::to_value(evidence.said()).unwrap();
        let facts =
            serde_json::json!({"no": "7", "what": "refused", "at": at, "message": "wamid.1"});
        assert_eq!(said[0], serde_json::json!({"code": "ours_alone", "facts": {"why": "late"}}));
        assert_eq!(said[1], serde_json::json!({"code": "entry_of_message", "facts": facts}));
        let nudge = |streak| Sentence::Nudge { streak };
        assert!(nudge(1).to_string().starts_with("The user did not pick up our last call."));
        assert!(nudge(3).to_string().contains("our last 3 calls"));
        assert_eq!((nudge(1).code(), nudge(3).code()), ("nudge_after_one", "nudge"));
    }
}
