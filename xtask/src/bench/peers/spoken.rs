//! How are orders given to a process that takes lines of JSON?

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How long an answer may take beyond what the order itself takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process with a line of JSON for each order and each answer; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Spoken {
    name: &'static str,
    child: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
    /// The line it greeted with.
    pub(super) ready: Value,
}

impl Spoken {
    /// Starts it and waits until it says that it is ready.
    pub(super) fn start(name: &'static str, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let orders = child.stdin.take().context("a process without input")?;
        let stdout = child.stdout.take().context("a process without output")?;
        let (line, answers) = sync_channel(16);
        std::thread::spawn(move || {
            for text in BufReader::new(stdout).lines() {
                let Ok(text) = text else { return };
                if line.send(text).is_err() {
                    return;
                }
            }
        });
        let mut spoken = Self { name, child, orders, answers, ready: Value::Null };
        spoken.ready = spoken.hear()?;
        Ok(spoken)
    }

    /// Gives an order and waits for its answer.
    pub(super) fn ask(&mut self, order: &Value) -> Result<Value> {
        writeln!(self.orders, "{order}").with_context(|| format!("{} is gone", self.name))?;
        self.hear()
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn hear(&self) -> Result<Value> {
        let line = match self.answers.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => bail!("{} does not answer", self.name),
            Err(RecvTimeoutError::Disconnected) => bail!("{} has ended", self.name),
        };
        let answer: Value =
            serde_json::from_str(&line).with_context(|| format!("{} says {line:?}", self.name))?;
        if let Some(error) = answer["error"].as_str() {
            bail!("{}: {error}", self.name);
        }
        Ok(answer)
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
