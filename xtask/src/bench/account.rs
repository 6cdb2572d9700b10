//! What does the kernel say a process has used?

use std::fs;

use anyhow::{Context, Result};

/// CPU time of all its threads that live, in nanoseconds of the scheduler's own account.
pub(super) fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread that ended meanwhile has no account any more.
        let Ok(account) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let ran = account.split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
        sum += ran.context("no schedstat")?;
    }
    Ok(sum)
}

/// CPU time of all its threads, ended ones too, in nanoseconds with a grain of ten milliseconds.
pub(super) fn coarse_cpu_ns(pid: u32) -> Result<u64> {
    const TICK_NS: u64 = 10_000_000;

    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, figures) = stat.rsplit_once(") ").context("no stat")?;
    let ticks = |at: usize| figures.split(' ').nth(at).and_then(|t| t.parse::<u64>().ok());
    let (user, system) = (ticks(11).context("no utime")?, ticks(12).context("no stime")?);
    Ok((user + system) * TICK_NS)
}

/// Memory it holds, exactly: the sum over its pages.
pub(super) fn resident_bytes(pid: u32) -> Result<f64> {
    let sums = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = sums.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|rest| rest.trim().split(' ').next()?.parse::<f64>().ok());
    Ok(kib.context("no Rss")? * 1024.0)
}
