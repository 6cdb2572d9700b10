//! How is a command of the operator run without harm?
//!
//! Its words are split at blanks, never by a shell, so no text of a caller can become another
//! command. It gets a time and a bound for its output; whatever it started goes with it.

use std::{
    io::{Read as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How often a running command is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why a command gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandFault {
    #[error("the command is empty")]
    Empty,
    #[error("cannot run the command")]
    Run(#[source] std::io::Error),
    #[error("the command took longer than {} s", limit.as_secs())]
    TooLong { limit: Duration },
    #[error("the command failed with {status}")]
    Failed { status: std::process::ExitStatus },
    #[error("the command's output is longer than {bytes_max} bytes")]
    TooMuch { bytes_max: usize },
}

/// What a command may have and do.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// The operator's words; those that are a name of `fill` in braces are replaced.
    pub(super) command: &'a str,
    pub(super) fill: &'a [(&'a str, &'a str)],
    pub(super) input: &'a [u8],
    pub(super) limit: Duration,
    pub(super) bytes_max: usize,
}

impl Run<'_> {
    /// Runs it and gives its output. Blocks; belongs on a worker.
    pub(super) fn output(&self) -> Result<Vec<u8>, CommandFault> {
        let mut words = self.command.split_whitespace().map(|word| self.filled(word));
        let program = words.next().ok_or(CommandFault::Empty)?;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(CommandFault::Run)?;
        let (sink, output) = std::sync::mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            let most = u64::try_from(self.bytes_max + 1).unwrap_or(u64::MAX);
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let read = stdout.take(most).read_to_end(&mut bytes);
                drop(sink.send(read.map(|_| bytes)));
            });
        }
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input is no failure.
            drop(stdin.write_all(self.input));
        }
        let result = self.wait(&mut child, &output);
        end(&mut child);
        result
    }

    fn wait(
        &self,
        child: &mut Child,
        output: &std::sync::mpsc::Receiver<std::io::Result<Vec<u8>>>,
    ) -> Result<Vec<u8>, CommandFault> {
        let until = Instant::now() + self.limit;
        let left = || until.saturating_duration_since(Instant::now());
        let too_long = CommandFault::TooLong { limit: self.limit };
        let Ok(bytes) = output.recv_timeout(left()) else { return Err(too_long) };
        let bytes = bytes.map_err(CommandFault::Run)?;
        if bytes.len() > self.bytes_max {
            return Err(CommandFault::TooMuch { bytes_max: self.bytes_max });
        }
        loop {
            match child.try_wait().map_err(CommandFault::Run)? {
                Some(status) if status.success() => return Ok(bytes),
                Some(status) => return Err(CommandFault::Failed { status }),
                None if left().is_zero() => return Err(too_long),
                None => std::thread::sleep(LOOK_EVERY),
            }
        }
    }

    fn filled(&self, word: &str) -> String {
        let name = word.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        let value = self.fill.iter().find(|(known, _)| Some(*known) == name);
        value.map_or(word, |(_, value)| value).to_owned()
    }
}

/// Ends the command and whatever it started.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let killed =
        group.map(|it| rustix::process::kill_process_group(it, rustix::process::Signal::KILL));
    // A command that ended by itself has no group any more.
    if let Some(Err(fault)) = killed {
        tracing::trace!(%fault, "nothing of the command is left");
    }
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, fill: &[(&str, &str)], input: &[u8]) -> Result<Vec<u8>, CommandFault> {
        let limit = Duration::from_millis(500);
        Run { command, fill, input, limit, bytes_max: 100 }.output()
    }

    #[test]
    fn words_are_filled_and_never_read_by_a_shell() {
        let said = run("echo {text} {other}", &[("text", "$(id); rm -rf /")], b"").unwrap();
        assert_eq!(said, b"$(id); rm -rf / {other}\n");
        assert_eq!(run("cat", &[], b"in").unwrap(), b"in");
    }

    #[test]
    fn what_takes_too_long_or_says_too_much_is_ended() {
        let began = Instant::now();
        assert!(matches!(run("sleep 9", &[], b""), Err(CommandFault::TooLong { .. })));
        assert!(began.elapsed() < Duration::from_secs(3));
        assert!(matches!(run("yes", &[], b""), Err(CommandFault::TooMuch { bytes_max: 100 })));
        assert!(matches!(run("false", &[], b""), Err(CommandFault::Failed { .. })));
        assert!(matches!(run("/no/such/thing", &[], b""), Err(CommandFault::Run(_))));
        assert!(matches!(run(" ", &[], b""), Err(CommandFault::Empty)));
    }
}
