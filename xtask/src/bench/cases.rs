//! Which cases are there, and did a measurement meet its target?

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::shell;

/// A case as `bench/cases.toml` lists it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    /// Which benchmarks measure it.
    #[serde(default)]
    bench: Vec<String>,
    pub(super) calls: Option<u64>,
    unit: String,
    better: Better,
    pub(super) target: f64,
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
    rounds: Vec<f64>,
    /// The reference's figures in the same rounds.
    beside: Option<Vec<f64>>,
    calls: Option<u64>,
    /// What else the case demands and was not so.
    missed: Vec<String>,
}

impl Measured {
    /// Figures that stand for themselves.
    pub(super) fn alone(rounds: Vec<f64>, calls: Option<u64>) -> Self {
        Self { rounds, beside: None, calls, missed: Vec::new() }
    }

    /// Ours and the reference's, pair by pair.
    pub(super) fn pairs(pairs: &[(f64, f64)], calls: Option<u64>) -> Self {
        let (rounds, beside) = pairs.iter().copied().unzip();
        Self { rounds, beside: Some(beside), calls, missed: Vec::new() }
    }

    /// The same, with something more that the case demands and that was not so.
    pub(super) fn missing(mut self, what: impl IntoIterator<Item = String>) -> Self {
        self.missed.extend(what);
        self
    }
}

/// A row of the output; one without a reference has no ratio.
#[derive(Debug, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The cases of a benchmark, in the order of the file.
pub(super) fn of(bench: &str) -> Result<Vec<Case>> {
    #[derive(Deserialize)]
    struct File {
        case: Vec<Case>,
    }
    let path = shell::root().join("bench/cases.toml");
    let text = std::fs::read_to_string(&path).context("cannot read bench/cases.toml")?;
    let file: File = toml::from_str(&text).context("cannot read bench/cases.toml")?;
    Ok(file.case.into_iter().filter(|case| case.bench.iter().any(|b| b == bench)).collect())
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
        let Measured { rounds, beside, calls, missed } = measured;
        let ratios = beside.as_ref().map(|beside| {
            rounds.iter().zip(beside).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>()
        });
        let judged = sorted(ratios.as_ref().unwrap_or(rounds));
        let (Some(least), Some(most)) = (judged.first(), judged.last()) else {
            self.why = Some("no round was measured".to_owned());
            return;
        };
        let median = judged[judged.len() / 2];
        self.calls = *calls;
        self.spread = Some([rounded(*least), rounded(*most)]);
        self.ours = Some(rounded(middle(rounds)));
        self.reference = beside.as_ref().map(|beside| rounded(middle(beside)));
        self.ratio = ratios.as_ref().map(|_| rounded(median));
        let reached = match self.better {
            Better::Lower => median <= self.target,
            Better::Higher => median >= self.target,
        };
        let mut why = missed.clone();
        if !reached {
            let what = if ratios.is_some() { "times the reference" } else { &self.unit };
            why.insert(0, format!("the median misses {} {what}", self.target));
        }
        self.met = why.is_empty();
        self.why = (!self.met).then(|| why.join("; "));
    }

    /// Which case it is of.
    pub(super) fn case(&self) -> &str {
        &self.case
    }

    /// What the reference cost.
    pub(super) fn reference(&self) -> Option<f64> {
        self.reference
    }

    /// A row that was not met says what nobody gets below, in parts of the reference.
    pub(super) fn not_below(&mut self, floor: f64, what: &str) {
        let (Some(why), Some(reference)) = (&mut self.why, self.reference) else { return };
        why.push_str(&format!("; {what} is {:.3} of it", floor / reference));
    }

    /// What stands above [`Row::line`]s.
    pub(super) fn head() -> String {
        format!(
            "{:<24} {:>6} {:>10} {:>10} {:>7} {:>17}  {:<8} {}",
            "case", "calls", "ours", "reference", "ratio", "spread", "target", "unit"
        )
    }

    /// A line of the table for people.
    pub(super) fn line(&self) -> String {
        let figure = |figure: Option<f64>| figure.map_or_else(|| "-".into(), |f| format!("{f}"));
        let spread = self.spread.map_or_else(|| "-".into(), |[a, b]| format!("{a}–{b}"));
        let calls = self.calls.map_or_else(|| "-".into(), |calls| calls.to_string());
        let sign = match self.better {
            Better::Lower => '≤',
            Better::Higher => '≥',
        };
        format!(
            "{:<24} {calls:>6} {:>10} {:>10} {:>7} {spread:>17}  {sign} {:<6} {}: {}{}",
            self.case,
            figure(self.ours),
            figure(self.reference),
            figure(self.ratio),
            self.target,
            self.unit,
            if self.met { "met" } else { "NOT MET" },
            self.why.as_ref().map_or_else(String::new, |why| format!(": {why}")),
        )
    }
}

/// Rows as a table for people, or as one JSON array and nothing else.
pub(super) fn print(rows: &[Row], json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(rows)?);
        return Ok(());
    }
    println!("{}", Row::head());
    for row in rows {
        println!("{}", row.line());
    }
    Ok(())
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures
}

/// The median; nothing sensible of no figures.
pub(super) fn middle(figures: &[f64]) -> f64 {
    sorted(figures).get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The figure that this share of all, in percent, does not exceed.
pub(super) fn percentile(figures: &[f64], percent: usize) -> Option<f64> {
    let last = figures.len().checked_sub(1)?;
    sorted(figures).get((last * percent).div_ceil(100)).copied()
}

/// Three digits behind the point are more than any of these measurements has.
fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(better: Better, target: f64) -> Case {
        let (bench, unit) = (vec!["x".into()], "s".into());
        Case { name: "x".into(), bench, calls: None, unit, better, target }
    }

    #[test]
    fn the_median_decides_and_the_spread_is_least_and_most() {
        let measured = Ok(Measured::alone(vec![3.0, 0.5, 0.9], None));
        let row = case(Better::Lower, 1.0).row(&measured);
        assert_eq!((row.ours, row.met, row.spread), (Some(0.9), true, Some([0.5, 3.0])));
        assert_eq!((row.reference, row.ratio), (None, None));
        assert!(!case(Better::Higher, 1.0).row(&measured).met);
    }

    #[test]
    fn a_ratio_is_the_median_over_pairs_not_of_medians() {
        let pairs = [(1.0, 10.0), (2.0, 4.0), (9.0, 10.0)];
        let row = case(Better::Lower, 0.5).row(&Ok(Measured::pairs(&pairs, Some(100))));
        assert_eq!((row.ours, row.reference, row.ratio), (Some(2.0), Some(10.0), Some(0.5)));
        assert_eq!((row.spread, row.met, row.why), (Some([0.1, 0.9]), true, None));
    }

    #[test]
    fn what_else_was_demanded_and_missed_is_said() {
        let measured = Measured::pairs(&[(1.0, 2.0)], None).missing(["p99 of 30 ms".to_owned()]);
        let row = case(Better::Lower, 1.0).row(&Ok(measured));
        assert_eq!((row.met, row.why.as_deref()), (false, Some("p99 of 30 ms")));
    }

    #[test]
    fn what_could_not_run_says_why_and_is_not_met() {
        let row = case(Better::Lower, 1.0).row(&Err(anyhow::anyhow!("no such program")));
        assert_eq!((row.met, row.why.as_deref()), (false, Some("no such program")));
    }

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        let figures: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&figures, 50), Some(11.0));
        assert_eq!(percentile(&figures, 95), Some(20.0));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn every_benchmark_has_its_cases() {
        let names =
            |bench| of(bench).unwrap().into_iter().map(|case| case.name).collect::<Vec<_>>();
        assert_eq!(
            names("media"),
            [
                "relay-100-vs-echo",
                "relay-500-vs-echo",
                "relay-1500-vs-echo",
                "relay-1500-muxed-vs-echo"
            ]
        );
        assert_eq!(
            names("peers"),
            [
                "relay-1500-vs-echo",
                "relay-100-vs-rtpengine",
                "relay-100-vs-janus",
                "setup-rate",
                "setup-vs-aiortc",
                "webhook-accept",
                "memory",
                "system-1000",
                "latency-1000",
                "growth-2000-200",
            ]
        );
        assert_eq!(
            names("bots"),
            ["bot-complexity-0", "bot-complexity-5", "bot-complexity-10", "bot-vs-pipecat"]
        );
        assert_eq!(
            names("sip"),
            ["sip-setup-rate", "sip-call-in", "sip-call-out", "transcode-vs-rtpengine"]
        );
        assert_eq!(
            names("platform"),
            [
                "platform-start",
                "platform-idle-memory",
                "platform-refused-calls",
                "platform-thirty-days"
            ]
        );
    }
}
