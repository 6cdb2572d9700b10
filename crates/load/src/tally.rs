//! What came of all calls together?
//!
//! Outcomes are added up as they come; what is kept does not grow with the length of a run but for
//! the times of its set-ups.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    figures::{Figures, ms, quantile, round},
    judge::{Finding, judge},
    outcome::{Ending, Outcome, Stage},
    plan::Kind,
};

/// Bad calls that are described; all are counted.
const DESCRIBED_MAX: usize = 20;

/// All calls that are over.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) over: u64,
    pub(crate) set_up: u64,
    by_kind: BTreeMap<Kind, u64>,
    stages: BTreeMap<Stage, Vec<f64>>,
    pub(crate) media: Figures,
    findings: BTreeMap<&'static str, u64>,
    pub(crate) bad: u64,
    pub(crate) described: Vec<BadCall>,
    tones: u64,
    tones_wrong: u64,
}

/// A call with something wrong.
#[derive(Debug, Clone)]
pub(crate) struct BadCall {
    seat: u32,
    kind: Kind,
    findings: Vec<Finding>,
}

impl Tally {
    /// Takes a call that is over; `seats` are how many calls there are at the same time.
    pub(crate) fn add(&mut self, outcome: &Outcome, seats: u32) {
        self.over += 1;
        self.set_up += u64::from(!matches!(outcome.ending, Ending::NotSetUp(_)));
        *self.by_kind.entry(outcome.kind).or_default() += 1;
        for (stage, took) in &outcome.stages {
            self.stages.entry(*stage).or_default().push(ms(*took));
        }
        self.media.add(&outcome.sight, None);
        self.tones += outcome.tones.len() as u64;
        self.tones_wrong += outcome.tones.iter().filter(|tone| !tone.is_right).count() as u64;
        let findings = judge(outcome, seats);
        if findings.is_empty() {
            return;
        }
        self.bad += 1;
        let mut names: Vec<&'static str> = findings.iter().map(Finding::name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            *self.findings.entry(name).or_default() += 1;
        }
        if self.described.len() < DESCRIBED_MAX {
            self.described.push(BadCall { seat: outcome.seat, kind: outcome.kind, findings });
        }
    }

    /// Calls with this finding.
    pub(crate) fn count(&self, finding: &str) -> u64 {
        self.findings.get(finding).copied().unwrap_or_default()
    }

    /// Every finding, and how many calls have it.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.findings.iter().map(|(name, calls)| (*name, *calls))
    }

    /// How long each step of setting up took.
    pub(crate) fn stages(&self) -> Vec<(Stage, Spread)> {
        self.stages.iter().filter_map(|(stage, took)| Some((*stage, Spread::of(took)?))).collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        let kinds: BTreeMap<&str, u64> =
            self.by_kind.iter().map(|(kind, calls)| (kind.as_str(), *calls)).collect();
        let bad: Vec<Value> = self.described.iter().map(BadCall::to_json).collect();
        json!({
            "over": self.over,
            "set_up": self.set_up,
            "by_kind": kinds,
            "bad": self.bad,
            "findings": self.findings,
            "bad_calls": bad,
            "tones": { "checked": self.tones, "wrong": self.tones_wrong },
        })
    }

    /// How many tones were decoded, and how many were wrong.
    pub(crate) const fn tones(&self) -> (u64, u64) {
        (self.tones, self.tones_wrong)
    }
}

impl BadCall {
    fn to_json(&self) -> Value {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| json!({ "finding": finding.name(), "text": finding.text() }))
            .collect();
        json!({ "call": self.seat, "kind": self.kind.as_str(), "findings": findings })
    }

    /// One line for people.
    pub(crate) fn to_text(&self) -> String {
        let findings: Vec<String> = self.findings.iter().map(Finding::text).collect();
        format!("call {} ({}) {}", self.seat, self.kind.as_str(), findings.join("; "))
    }
}

/// How times are spread, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let at = |share| quantile(values, share);
        Some(Self {
            count: values.len(),
            p50: at(0.5)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            max: at(1.0)?,
        })
    }

    pub(crate) fn to_json(self) -> Value {
        let Self { count, p50, p95, p99, max } = self;
        json!({ "count": count, "p50": round(p50), "p95": round(p95), "p99": round(p99),
            "max": round(max) })
    }
}

/// Set-ups a second, over the time they took.
#[expect(clippy::cast_precision_loss, reason = "calls of a run stay far below 2^53")]
pub(crate) fn rate(calls: u64, took: Duration) -> f64 {
    if took.is_zero() { 0.0 } else { calls as f64 / took.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::End;
    use crate::outcome::{Sight, Tone};

    fn outcome(ending: Ending) -> Outcome {
        let tone = Tone { end: End::User, expected_hz: 400.0, heard_hz: None, is_right: false };
        Outcome {
            seat: 1,
            call: 0,
            kind: Kind::Flow,
            stages: vec![(Stage::Ring, Duration::from_millis(10))],
            ending,
            sight: Sight::default(),
            tones: vec![tone],
        }
    }

    #[test]
    fn outcomes_add_up() {
        let mut tally = Tally::default();
        tally.add(&outcome(Ending::NotSetUp("no".to_owned())), 2);
        tally.add(&outcome(Ending::HungUp), 2);
        assert_eq!((tally.over, tally.set_up, tally.bad), (2, 1, 2));
        assert_eq!((tally.count("not_set_up"), tally.count("deaf")), (1, 1));
        assert_eq!(tally.count("wrong_tone"), 1);
        assert_eq!(tally.tones(), (2, 2));
        assert_eq!(tally.stages()[0].1.count, 2);
        assert_eq!(tally.to_json()["by_kind"]["flow"], 2);
        assert!(tally.described[0].to_text().contains("was not set up: no"));
    }
}
