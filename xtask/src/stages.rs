//! How long did each stage of a task take, and did the task stay in its budget?

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What a stage counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// Installing and compiling: 18 minutes cold on two cores.
    Build,
    /// Running tests: 12 minutes.
    Tests,
}

impl Budget {
    fn limit(self) -> Duration {
        match self {
            Self::Build => Duration::from_secs(18 * 60),
            Self::Tests => Duration::from_secs(12 * 60),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Build => "set-up and build",
            Self::Tests => "tests",
        }
    }
}

/// The stages run so far.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    done: Vec<(&'static str, Budget, Duration)>,
}

impl Stages {
    /// Runs one stage and remembers its time.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        budget: Budget,
        stage: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let result = stage();
        let took = start.elapsed();
        self.done.push((name, budget, took));
        eprintln!("== {name}: {:.1} s", took.as_secs_f64());
        result.with_context(|| format!("stage \"{name}\""))
    }

    /// Prints every stage with its time, and each budget with what was used of it.
    pub(crate) fn print(&self) {
        println!("\n{:<24} {:>8}", "stage", "seconds");
        for (name, _, took) in &self.done {
            println!("{name:<24} {:>8.1}", took.as_secs_f64());
        }
        for budget in [Budget::Build, Budget::Tests] {
            let used: Duration =
                self.done.iter().filter(|stage| stage.1 == budget).map(|stage| stage.2).sum();
            let verdict = if used > budget.limit() { "OVER" } else { "within" };
            println!(
                "{:<24} {:>8.1}  {verdict} {} s",
                budget.name(),
                used.as_secs_f64(),
                budget.limit().as_secs()
            );
        }
    }
}
