//! How does all of it do with a thousand calls, and does a call cost more among many?
//!
//! `offhook load` of the release binary plays every phone and starts the servers itself; platform,
//! gateway and load share the processors as they like. A run that lost media has its figures counted
//! and its faults said.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::bench::cases::{Measured, middle};
use crate::shell;

/// Runs of a case without a reference.
const ROUNDS: usize = 3;

/// Pairs of a few and many calls.
const PAIRS: usize = 7;

/// Calls through platform and gateway, and through the gateway alone.
const CALLS: u64 = 1_000;

/// A few, and many.
const FEW: u64 = 200;
const MANY: u64 = 2_000;

/// What the gateway may add to the way of all but the slowest hundredth of the packets.
const ADDED_P99_MAX_MS: f64 = 10.0;

/// Packets lost of a thousand calls through platform and gateway, in percent.
pub(super) fn lossless() -> Result<Measured> {
    let (mut lost, mut missed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let run = Run::of(&["--calls", &CALLS.to_string(), "--ramp", "25", "--for", "30s"])?;
        let percent = run.media("loss_percent")?;
        let mos = run.media_at("mos", "p01")?;
        eprintln!("  {percent} % lost, MOS {mos} of the worst hundredth, {}", run.verdict());
        missed.extend(run.faults());
        lost.push(percent);
    }
    missed.dedup();
    Ok(Measured::alone(lost, Some(CALLS)).missing(missed))
}

/// What the gateway adds to a packet's way with a thousand calls, in milliseconds: the median.
pub(super) fn latency() -> Result<Measured> {
    let (mut halves, mut slow) = (Vec::new(), Vec::new());
    let mut missed = Vec::new();
    for _ in 0..ROUNDS {
        let run = Run::relayed(CALLS, "15s")?;
        let [half, hundredth] = [run.added_ms("p50")?, run.added_ms("p99")?];
        eprintln!("  adds {half:.2} ms, at most {hundredth:.2} ms to 99 %, {}", run.verdict());
        missed.extend(run.faults());
        halves.push(half);
        slow.push(hundredth);
    }
    let p99 = middle(&slow);
    if p99 > ADDED_P99_MAX_MS {
        missed.insert(0, format!("99th percentile {p99:.1} ms, allowed {ADDED_P99_MAX_MS} ms"));
    }
    missed.dedup();
    Ok(Measured::alone(halves, Some(CALLS)).missing(missed))
}

/// The gateway's processor time for each call and second: of many, and of a few.
pub(super) fn growth() -> Result<Measured> {
    let (mut pairs, mut missed) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let (few, many) = (Run::relayed(FEW, "8s")?, Run::relayed(MANY, "8s")?);
        let pair = (many.gateway_ms()?, few.gateway_ms()?);
        eprintln!(
            "  {FEW} calls {:.3} ms, {MANY} calls {:.3} ms, {}",
            pair.1,
            pair.0,
            many.verdict()
        );
        missed.extend(few.faults().into_iter().chain(many.faults()));
        pairs.push(pair);
    }
    missed.dedup();
    Ok(Measured::pairs(&pairs, Some(MANY)).missing(missed))
}

/// What a run of the load said.
#[derive(Debug)]
struct Run {
    report: Value,
}

impl Run {
    /// The gateway alone, with the load in WhatsApp's place.
    fn relayed(calls: u64, hold: &str) -> Result<Self> {
        Self::of(&["--relay", "--calls", &calls.to_string(), "--ramp", "100", "--for", hold])
    }

    fn of(args: &[&str]) -> Result<Self> {
        let done = Command::new(shell::target().join("release/offhook"))
            .args(["load", "--json", "--mix", "flow=1", "--decode-every", "0"])
            .args(args)
            .output()
            .context("cannot start the load")?;
        // One is a run that was measured and was not good.
        if !matches!(done.status.code(), Some(0 | 1)) {
            let said = String::from_utf8_lossy(&done.stderr);
            bail!("the load {}: {}", done.status, said.lines().last().unwrap_or_default());
        }
        let report: Value = serde_json::from_slice(&done.stdout).context("no report")?;
        ensure!(report["levels"][0].is_object(), "the load held no calls: {}", report["faults"]);
        Ok(Self { report })
    }

    fn level(&self) -> &Value {
        &self.report["levels"][0]
    }

    fn media(&self, name: &str) -> Result<f64> {
        self.level()["media"][name].as_f64().with_context(|| format!("no {name}"))
    }

    fn media_at(&self, name: &str, share: &str) -> Result<f64> {
        self.level()["media"][name][share].as_f64().with_context(|| format!("no {name} {share}"))
    }

    /// What this share of the packets took longer than between two legs of the load itself.
    fn added_ms(&self, share: &str) -> Result<f64> {
        let own = self.level()["own_delay_ms"][share].as_f64().context("no delay of its own")?;
        Ok(self.media_at("one_way_delay_ms", share)? - own)
    }

    /// Milliseconds of the gateway's processor time for each call and second.
    fn gateway_ms(&self) -> Result<f64> {
        let gateway = &self.level()["processes"]["gateway"];
        let percent = gateway["cpu_percent"].as_f64().context("no gateway")?;
        let calls = self.level()["calls"].as_f64().context("no number of calls")?;
        // The share of each call is rounded to a hundredth of a millisecond, which is a thirtieth of it.
        Ok(percent * 10.0 / calls)
    }

    fn faults(&self) -> Vec<String> {
        let faults = self.report["faults"].as_array().into_iter().flatten();
        faults.filter_map(|fault| Some(fault.as_str()?.to_owned())).collect()
    }

    fn verdict(&self) -> &str {
        self.report["verdict"].as_str().unwrap_or("no verdict")
    }
}
