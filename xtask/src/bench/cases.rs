//! Which cases are there, and did a measurement meet its target?

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::shell;

/// A case as `bench/cases.toml` lists it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    unit: String,
    better: Better,
    target: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Better {
    Lower,
    Higher,
}

/// The figures of a case, one a round, and how many calls each round had.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) rounds: Vec<f64>,
    pub(super) calls: Option<u64>,
}

/// A row of the output; one without a reference has no ratio.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    case: String,
    calls: Option<u64>,
    ours: Option<f64>,
    reference: Option<f64>,
    ratio: Option<f64>,
    target: f64,
    unit: String,
    better: Better,
    met: bool,
    spread: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The cases whose names begin so, in the order of the file.
pub(super) fn of(prefix: &str) -> Result<Vec<Case>> {
    #[derive(Deserialize)]
    struct File {
        case: Vec<Case>,
    }
    let path = shell::root().join("bench/cases.toml");
    let text = std::fs::read_to_string(&path).context("cannot read bench/cases.toml")?;
    let file: File = toml::from_str(&text).context("cannot read bench/cases.toml")?;
    Ok(file.case.into_iter().filter(|case| case.name.starts_with(prefix)).collect())
}

impl Case {
    /// The case's row: the median of the rounds against the target.
    pub(super) fn row(&self, measured: &Result<Measured>) -> Row {
        let mut row = Row {
            case: self.name.clone(),
            calls: None,
            ours: None,
            reference: None,
            ratio: None,
            target: self.target,
            unit: self.unit.clone(),
            better: self.better,
            met: false,
            spread: None,
            why: None,
        };
        match measured {
            Ok(measured) => row.fill(measured),
            Err(fault) => row.why = Some(format!("{fault:#}")),
        }
        row
    }
}

impl Row {
    fn fill(&mut self, measured: &Measured) {
        let mut rounds = measured.rounds.clone();
        rounds.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (rounds.first(), rounds.last()) else {
            self.why = Some("no round was measured".to_owned());
            return;
        };
        let median = rounds[rounds.len() / 2];
        self.calls = measured.calls;
        self.spread = Some([rounded(*least), rounded(*most)]);
        self.ours = Some(rounded(median));
        self.met = match self.better {
            Better::Lower => median < self.target,
            Better::Higher => median > self.target,
        };
        if !self.met {
            self.why = Some(format!("the median misses {} {}", self.target, self.unit));
        }
    }

    /// A line of the table for people.
    pub(super) fn line(&self) -> String {
        let figure = |figure: Option<f64>| figure.map_or_else(|| "-".into(), |f| format!("{f}"));
        let [least, most] = self.spread.map_or([None, None], |[a, b]| [Some(a), Some(b)]);
        let sign = match self.better {
            Better::Lower => '<',
            Better::Higher => '>',
        };
        format!(
            "{:<24} {:>10} {:>10}–{:<10} {sign} {:<6} {:<28} {}{}",
            self.case,
            figure(self.ours),
            figure(least),
            figure(most),
            self.target,
            self.unit,
            if self.met { "met" } else { "NOT MET" },
            self.why.as_ref().map_or_else(String::new, |why| format!(": {why}")),
        )
    }
}

/// Three digits behind the point are more than any of these measurements has.
fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(better: Better, target: f64) -> Case {
        Case { name: "x".into(), unit: "s".into(), better, target }
    }

    #[test]
    fn the_median_decides_and_the_spread_is_least_and_most() {
        let measured = Ok(Measured { rounds: vec![3.0, 0.5, 0.9], calls: None });
        let row = case(Better::Lower, 1.0).row(&measured);
        assert_eq!((row.ours, row.met, row.spread), (Some(0.9), true, Some([0.5, 3.0])));
        assert!(!case(Better::Higher, 1.0).row(&measured).met);
    }

    #[test]
    fn what_could_not_run_says_why_and_is_not_met() {
        let row = case(Better::Lower, 1.0).row(&Err(anyhow::anyhow!("no such program")));
        assert_eq!((row.met, row.why.as_deref()), (false, Some("no such program")));
    }

    #[test]
    fn the_platform_has_its_four_cases() {
        let names: Vec<_> = of("platform-").unwrap().into_iter().map(|case| case.name).collect();
        let want = [
            "platform-start",
            "platform-idle-memory",
            "platform-refused-calls",
            "platform-thirty-days",
        ];
        assert_eq!(names, want);
    }
}
