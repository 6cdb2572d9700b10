//! What did an examination find?
//!
//! One [`Finding`] for each thing that was looked at, also where all is well: a check that did not happen
//! must not look like one that passed.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use terms::{PhoneNumberId, Timestamp};
use utoipa::ToSchema;

/// How bad it is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// Calls work, not all of them or not for long; or it could not be looked at.
    Warning,
    /// Calls fail or stay silent.
    Fault,
}

impl Grade {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// Its stable name, `area.thing`.
    pub check: &'static str,
    /// Of which number, where it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub line: Option<PhoneNumberId>,
    /// How it is.
    pub grade: Grade,
    /// What was found; stable, and with its facts what another language says `what` and `fix` from.
    pub code: &'static str,
    /// What of it is not the same each time, by names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub facts: BTreeMap<&'static str, String>,
    /// The same for people.
    pub what: String,
    /// What shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What to change; absent where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(check: &'static str, code: &'static str, what: impl Into<String>) -> Self {
        Self {
            check,
            line: None,
            grade: Grade::Ok,
            code,
            facts: BTreeMap::new(),
            what: what.into(),
            evidence: None,
            fix: None,
        }
    }

    /// It works, not always.
    pub(super) fn warning(
        check: &'static str,
        code: &'static str,
        what: impl Into<String>,
        fix: &str,
    ) -> Self {
        Self { grade: Grade::Warning, fix: Some(fix.to_owned()), ..Self::ok(check, code, what) }
    }

    /// Calls fail or stay silent.
    pub(super) fn fault(
        check: &'static str,
        code: &'static str,
        what: impl Into<String>,
        fix: &str,
    ) -> Self {
        Self { grade: Grade::Fault, ..Self::warning(check, code, what, fix) }
    }

    /// Something in its words that is not the same each time.
    pub(super) fn with(mut self, name: &'static str, fact: impl fmt::Display) -> Self {
        self.facts.insert(name, fact.to_string());
        self
    }

    /// It is of this number.
    pub(super) fn of_line(mut self, line: &PhoneNumberId) -> Self {
        self.line = Some(line.clone());
        self
    }

    /// What shows it.
    pub(super) fn seen(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = Some(evidence.into());
        self
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Report {
    /// The worst of all.
    pub worst: Grade,
    /// When.
    #[schema(value_type = String)]
    pub checked_at: Timestamp,
    /// What was looked at, in the order of a call's way.
    pub findings: Vec<Finding>,
}

impl Report {
    /// What may be told to somebody who may see only some numbers.
    #[must_use]
    pub(super) fn only(self, may_see: impl Fn(&PhoneNumberId) -> bool) -> Self {
        let mut findings = self.findings;
        findings.retain(|finding| finding.line.as_ref().is_none_or(&may_see));
        Self::new(self.checked_at, findings)
    }

    pub(super) fn new(checked_at: Timestamp, findings: Vec<Finding>) -> Self {
        let worst = findings.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Ok);
        Self { worst, checked_at, findings }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { check, line, grade, code: _, facts: _, what, evidence, fix } in &self.findings
        {
            let of = line.as_ref().map_or_else(String::new, |line| format!(" ({line})"));
            writeln!(f, "{:<8} {check:<24} {what}{of}", grade.as_str())?;
            for (word, text) in [("seen", evidence), ("fix", fix)] {
                if let Some(text) = text {
                    writeln!(f, "{:<8} {word:>24} {text}", "")?;
                }
            }
        }
        write!(f, "In all: {}", self.worst.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_every_line_is_shown() {
        let at = Timestamp::from_unix(1_783_000_000);
        let findings = vec![
            Finding::ok("storage.folder", "folder_writable", "It can be written."),
            Finding::fault("media.ports", "ports_none", "No port is free.", "Widen the range.")
                .seen("EADDRINUSE"),
            Finding::warning("clock.skew", "clock_differs", "Off by 7 s.", "Run NTP."),
        ];
        let report = Report::new(at, findings);
        assert_eq!(report.worst, Grade::Fault);
        let text = report.to_string();
        for part in ["storage.folder", "EADDRINUSE", "Widen the range.", "In all: fault"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(Report::new(at, Vec::new()).worst, Grade::Ok);
    }
}
