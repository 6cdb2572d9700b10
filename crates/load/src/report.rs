//! What does a run say at its end, to people and to machines?

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use crate::{
    figures::round,
    level::Level,
    plan::Plan,
    tally::{Tally, rate},
};

/// Everything there is to say about one run.
#[derive(Debug)]
pub struct Report {
    plan: Plan,
    tally: Tally,
    levels: Vec<Level>,
    /// Calls that came up in ramps, and how long those took.
    ramped: (u64, Duration),
    /// Calls that never came to an end.
    lost: usize,
}

impl Report {
    pub(crate) const fn new(
        plan: Plan,
        tally: Tally,
        levels: Vec<Level>,
        ramped: (u64, Duration),
        lost: usize,
    ) -> Self {
        Self { plan, tally, levels, ramped, lost }
    }

    /// Whether no media was lost, no two calls were mixed up and every target was met. A load that
    /// grows until quality breaks is good when its first level held.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.faults().is_empty()
    }

    /// What was wrong; empty for a good run.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mixed = self.tally.count("mixed_up");
        if mixed > 0 {
            faults.push(format!("{mixed} calls were mixed up with another"));
        }
        if self.tally.set_up == 0 {
            faults.push("no call was set up".to_owned());
        }
        if self.lost > 0 {
            faults.push(format!("{} calls never ended", self.lost));
        }
        if self.plan.step.is_some() {
            let first = self.levels.first().map(|level| level.missed(&self.plan.targets));
            faults.extend(first.unwrap_or_default());
            return faults;
        }
        for (finding, calls) in self.tally.findings().filter(|(name, _)| *name != "mixed_up") {
            faults.push(format!("{calls} calls {}", words(finding)));
        }
        let (loss, limit) = (self.tally.media.loss_percent(), self.plan.targets.loss_percent);
        if loss >= limit {
            faults.push(format!("{loss:.3} % of all packets lost, at most {limit} %"));
        }
        // Failed calls are told already, by what was wrong with them.
        let told = |fault: &String| !fault.ends_with("calls failed");
        let missed = self.levels.iter().flat_map(|level| level.missed(&self.plan.targets));
        faults.extend(missed.filter(told));
        faults
    }

    /// Where quality broke: how many calls, and what was missed.
    #[must_use]
    pub fn breaks_at(&self) -> Option<(u32, Vec<String>)> {
        self.plan.step?;
        let missed = |level: &Level| level.missed(&self.plan.targets);
        let level = self.levels.iter().find(|level| !missed(level).is_empty())?;
        Some((level.calls, missed(level)))
    }

    /// One JSON object; what was not measured is null or absent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Plan { calls, ramp, hold, churn, mix, direction, .. } = &self.plan;
        let stages: serde_json::Map<String, Value> = self
            .tally
            .stages()
            .into_iter()
            .map(|(stage, spread)| (stage.name().to_owned(), spread.to_json()))
            .collect();
        let breaks_at =
            self.breaks_at().map(|(calls, missed)| json!({ "calls": calls, "missed": missed }));
        json!({
            "verdict": if self.is_good() { "good" } else { "bad" },
            "faults": self.faults(),
            "plan": {
                "calls": calls, "ramp_per_s": ramp, "hold_s": hold.as_secs_f64(),
                "churn_per_s": churn, "mix": { "person": mix.person, "flow": mix.flow, "bot": mix.bot },
                "direction": format!("{direction:?}").to_lowercase(),
            },
            "calls": self.tally.to_json(),
            "never_ended": self.lost,
            "set_up": { "rate_per_s": round(self.set_up_rate()), "stages_ms": stages },
            "media": self.tally.media.to_json(),
            "levels": self.levels.iter()
                .map(|level| level.to_json(&self.plan.targets))
                .collect::<Vec<_>>(),
            "breaks_at": breaks_at,
        })
    }

    /// A table for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes all");
        text.truncate(text.trim_end().len());
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let (tones, wrong) = self.tally.tones();
        writeln!(
            to,
            "calls       {} over, {} set up ({:.1} a second), {} bad; {tones} tones decoded, {wrong} wrong",
            self.tally.over,
            self.tally.set_up,
            self.set_up_rate(),
            self.tally.bad,
        )?;
        self.write_stages(to)?;
        for level in &self.levels {
            self.write_level(to, level)?;
        }
        for bad in &self.tally.described {
            writeln!(to, "bad         {}", bad.to_text())?;
        }
        if let Some((calls, missed)) = self.breaks_at() {
            writeln!(to, "breaks      at {calls} calls: {}", missed.join("; "))?;
        }
        let faults = self.faults();
        if faults.is_empty() {
            writeln!(to, "verdict     good")
        } else {
            writeln!(to, "verdict     BAD: {}", faults.join("; "))
        }
    }

    fn write_stages(&self, to: &mut String) -> std::fmt::Result {
        let stages = self.tally.stages();
        if stages.is_empty() {
            return Ok(());
        }
        writeln!(to, "\nset-up, ms                               p50      p95      p99      max")?;
        for (stage, spread) in stages {
            writeln!(
                to,
                "  {:<34} {:>7.0}  {:>7.0}  {:>7.0}  {:>7.0}",
                stage.words(),
                spread.p50,
                spread.p95,
                spread.p99,
                spread.max,
            )?;
        }
        Ok(())
    }

    fn write_level(&self, to: &mut String, level: &Level) -> std::fmt::Result {
        let media = &level.media;
        let or_dash =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
        writeln!(to, "\n{} calls held for {:.0} s", level.up, level.lasted.as_secs_f64())?;
        writeln!(
            to,
            "  packets   {} heard, {} lost ({:.4} %), {} late, {} of other calls, {} unmarked",
            media.received,
            media.lost,
            media.loss_percent(),
            media.late,
            media.foreign,
            media.unmarked,
        )?;
        for (what, at) in [
            ("one way", [media.delay_ms(0.5), media.delay_ms(0.95), media.delay_ms(0.99)]),
            ("ours", {
                let own = &level.own_delay;
                [own.delay_ms(0.5), own.delay_ms(0.95), own.delay_ms(0.99)]
            }),
            ("jitter", [media.jitter_ms(0.5), media.jitter_ms(0.95), media.jitter_ms(0.99)]),
        ] {
            let [p50, p95, p99] = at.map(or_dash);
            writeln!(to, "  {what:<9} p50 {p50} ms, p95 {p95} ms, p99 {p99} ms")?;
        }
        let [half, worst_hundredth, worst] =
            [0.5, 0.01, 0.0].map(|share| or_dash(media.mos(share)));
        writeln!(to, "  MOS       p50 {half}, p01 {worst_hundredth}, worst {worst}")?;
        for used in &level.used {
            writeln!(
                to,
                "  {:<9} {:.1} % of a processor ({:.4} % a call), {:.0} MB",
                used.name,
                used.cpu_percent,
                used.cpu_percent_per_call(level.up),
                used.megabytes(),
            )?;
        }
        let missed = level.missed(&self.plan.targets);
        if !missed.is_empty() {
            writeln!(to, "  missed    {}", missed.join("; "))?;
        }
        Ok(())
    }

    fn set_up_rate(&self) -> f64 {
        rate(self.ramped.0, self.ramped.1)
    }
}

fn words(finding: &str) -> &str {
    match finding {
        "not_set_up" => "were not set up",
        "ended_early" => "ended early",
        "deaf" => "heard nothing at one end",
        "stopped" => "stopped to be heard",
        "lossy" => "lost too many packets",
        "wrong_tone" => "had a wrong tone",
        other => other,
    }
}
