//! How is a command of the business's run without harm?
//!
//! Its words go to the system as they are, never through a shell, so no text of a caller can become
//! another command. It gets a time and a bound for its output; whatever it started goes with it.

use std::{
    io::{Read as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant},
};

/// How often it is looked whether a command that has spoken has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How soon a command ends whose output nobody wants any more.
const LET_GO: Duration = Duration::from_millis(100);

/// Why a command gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandFault {
    /// It cannot be started, or its pipes broke.
    #[error("cannot run the command")]
    Run(#[source] std::io::Error),
    /// It took too long.
    #[error("the command took longer than {0:?}")]
    Late(Duration),
    /// It said that it failed.
    #[error("the command failed with {0}")]
    Failed(ExitStatus),
    /// It wrote more than it may.
    #[error("the command wrote more than {0} bytes")]
    TooMuch(usize),
    /// Nobody wants its output any more.
    #[error("the command was let go")]
    LetGo,
}

/// What a command may have and do.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The program and its arguments.
    pub words: &'a [String],
    /// What it reads.
    pub input: &'a [u8],
    pub limit: Duration,
    pub bytes_max: usize,
}

/// Ends a command once it is dropped. Clones of its flag are looked at by whoever waits.
#[derive(Debug, Default)]
pub(crate) struct Leash(Arc<AtomicBool>);

/// Whether a leash was let go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(Arc<AtomicBool>);

impl Leash {
    /// What the runner of the command looks at.
    pub(crate) fn held(&self) -> Held {
        Held(Arc::clone(&self.0))
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Held {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Run<'_> {
    /// Runs it and gives what it wrote. Blocks; belongs on a worker.
    ///
    /// # Errors
    ///
    /// [`CommandFault`]; then nothing of it runs any more.
    pub(crate) fn output(&self, held: &Held) -> Result<Vec<u8>, CommandFault> {
        let none = || std::io::Error::from(std::io::ErrorKind::InvalidInput);
        let (program, rest) = self.words.split_first().ok_or_else(|| CommandFault::Run(none()))?;
        let mut child = Command::new(program)
            .args(rest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(CommandFault::Run)?;
        let until = Instant::now() + self.limit;
        let result = self.hear(&mut child, until, held);
        end(&mut child);
        result
    }

    /// Gives the command its input, takes its output and waits for its end.
    fn hear(
        &self,
        child: &mut Child,
        until: Instant,
        held: &Held,
    ) -> Result<Vec<u8>, CommandFault> {
        let output = self.listen(child)?;
        if let Some(mut stdin) = child.stdin.take()
            // A command that reads its arguments closes its input.
            && let Err(error) = stdin.write_all(self.input)
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            return Err(CommandFault::Run(error));
        }
        let bytes = self.take(&output, until, held)?;
        loop {
            match child.try_wait().map_err(CommandFault::Run)? {
                Some(status) if status.success() => return Ok(bytes),
                Some(status) => return Err(CommandFault::Failed(status)),
                None if held.is_over() => return Err(CommandFault::LetGo),
                None if Instant::now() >= until => return Err(CommandFault::Late(self.limit)),
                None => std::thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// Reads on a thread of its own: a read has no time limit.
    fn listen(
        &self,
        child: &mut Child,
    ) -> Result<Receiver<std::io::Result<Vec<u8>>>, CommandFault> {
        let (sender, output) = sync_channel(1);
        let most = u64::try_from(self.bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        let stdout = child.stdout.take();
        let read = move || {
            let mut bytes = Vec::new();
            let read = stdout.map_or(Ok(0), |it| it.take(most).read_to_end(&mut bytes));
            // Whoever waited may have given up.
            drop(sender.send(read.map(|_| bytes)));
        };
        let thread = std::thread::Builder::new().name("command".into()).spawn(read);
        thread.map(|_| output).map_err(CommandFault::Run)
    }

    fn take(
        &self,
        output: &Receiver<std::io::Result<Vec<u8>>>,
        until: Instant,
        held: &Held,
    ) -> Result<Vec<u8>, CommandFault> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match output.recv_timeout(left.min(LET_GO)) {
                Ok(Ok(bytes)) if bytes.len() > self.bytes_max => {
                    return Err(CommandFault::TooMuch(self.bytes_max));
                }
                Ok(read) => return read.map_err(CommandFault::Run),
                Err(RecvTimeoutError::Timeout) if held.is_over() => {
                    return Err(CommandFault::LetGo);
                }
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(CommandFault::Late(self.limit));
                }
            }
        }
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

    fn run(words: &[&str], held: &Held) -> Result<Vec<u8>, CommandFault> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let limit = Duration::from_millis(400);
        Run { words: &words, input: b"said", limit, bytes_max: 4 }.output(held)
    }

    #[test]
    fn what_it_writes_in_time_and_measure_comes_back() {
        assert_eq!(run(&["cat"], &Held::default()).unwrap(), b"said");
        for (words, told) in [
            (["echo", "$(id) a"].as_slice(), "more than 4 bytes"),
            (&["sleep", "60"], "longer than 400ms"),
            (&["sh", "-c", "sleep 60 & exit 0"], "longer than 400ms"),
            (&["false"], "failed with"),
            (&["/no/such"], "cannot run"),
            (&[], "cannot run"),
        ] {
            let began = Instant::now();
            let fault = run(words, &Held::default()).unwrap_err().to_string();
            assert!(fault.contains(told), "{words:?}: {fault}");
            assert!(began.elapsed() < Duration::from_secs(20), "{words:?}");
        }
    }

    #[test]
    fn one_that_is_let_go_ends() {
        let leash = Leash::default();
        let held = leash.held();
        drop(leash);
        let words = ["sleep".to_owned(), "60".to_owned()];
        let run = Run { words: &words, input: b"", limit: Duration::from_secs(60), bytes_max: 1 };
        assert!(matches!(run.output(&held), Err(CommandFault::LetGo)));
    }
}
