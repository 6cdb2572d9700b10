//! What does a process use, by what the kernel says?

use std::time::{Duration, Instant};

/// Ticks of a second in `/proc/PID/stat`: the same on every Linux (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// A process that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// What it is called in reports.
    pub name: String,
    /// Its id.
    pub pid: u32,
}

impl Watched {
    /// This process.
    #[must_use]
    pub fn this(name: &str) -> Self {
        Self { name: name.to_owned(), pid: std::process::id() }
    }

    /// What it has used so far; absent when it is gone.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        Some(Usage {
            at: Instant::now(),
            cpu: cpu_of(&stat, TICKS_PER_SECOND)?,
            memory: memory_of(&status)?,
        })
    }
}

/// What a process has used by one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// When.
    pub at: Instant,
    /// Processor time.
    pub cpu: Duration,
    /// Bytes in memory.
    pub memory: u64,
}

/// User and system time of a line of `/proc/PID/stat`.
fn cpu_of(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    // The name is in brackets and may contain anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / ticks_per_second.max(1)))
}

/// Resident memory of `/proc/PID/status`.
fn memory_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let stat = "7 (off) hook) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 4 0 99 1 1";
        assert_eq!(cpu_of(stat, 100), Some(Duration::from_secs(2)));
        assert_eq!(cpu_of("7 (x) S 1", 100), None);
        assert_eq!(memory_of("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(memory_of("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Watched::this("load").usage().unwrap();
        assert!(usage.memory > 1 << 20);
        let nobody = Watched { name: "nobody".to_owned(), pid: u32::MAX };
        assert_eq!(nobody.usage(), None);
    }
}
