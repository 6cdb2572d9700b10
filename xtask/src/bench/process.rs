//! How does a platform run as a process of its own?

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{account, client::Client};
use crate::shell;

/// A platform of the release build with the demo's seed, on free ports of the loopback; it ends when
/// this is dropped.
#[derive(Debug)]
pub(super) struct Platform {
    child: Child,
    /// Address and port.
    pub(super) host: String,
    /// From its start as a process to its first answer.
    pub(super) first_answer: Duration,
}

#[derive(Debug, Deserialize)]
struct Ready {
    platform: String,
}

impl Platform {
    pub(super) fn start() -> Result<Self> {
        let begin = Instant::now();
        let mut child = Command::new(shell::target().join("release/offhook"))
            .args(["platform", "--listen", "127.0.0.1:0", "--media", "127.0.0.1:0", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the release binary")?;
        let stdout = child.stdout.take().context("the platform has no output")?;
        let mut platform = Self { child, host: String::new(), first_answer: Duration::default() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("the platform says nothing")?;
        let ready: Ready = serde_json::from_str(&line).context("the platform did not start")?;
        let host = ready.platform.strip_prefix("http://").context("not a http address")?;
        let answer = Client::connect(host)?.get("/sandbox/v1/clock")?;
        if answer.status != 200 {
            bail!("the first answer is {}: {}", answer.status, answer.body);
        }
        platform.first_answer = begin.elapsed();
        platform.host = host.to_owned();
        Ok(platform)
    }

    /// Memory it holds, in MB (a million bytes).
    pub(super) fn memory_mb(&self) -> Result<f64> {
        Ok(account::resident_bytes(self.child.id())? / 1e6)
    }

    /// CPU time of all its threads, in nanoseconds of the scheduler's own account.
    pub(super) fn cpu_ns(&self) -> Result<u64> {
        account::cpu_ns(self.child.id())
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
