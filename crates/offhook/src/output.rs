//! Where do words go? Results to standard output, logs and faults to standard error.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// Exit code of a command that was understood and could not be carried out.
pub(crate) const COULD_NOT_RUN: u8 = 3;

/// Logs to standard error; `OFFHOOK_LOG` sets the levels, `info` when unset.
pub(crate) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("OFFHOOK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Says why a command could not run.
#[expect(clippy::print_stderr, reason = "a command talks to its terminal")]
pub(crate) fn could_not_run(fault: &anyhow::Error) -> ExitCode {
    eprintln!("error: {fault:#}");
    ExitCode::from(COULD_NOT_RUN)
}

/// Prints a line of the result.
#[expect(clippy::print_stdout, reason = "a command talks to its terminal")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Prints help, or what was wrong with the arguments. A command that was not understood could not
/// run: its exit code is never that of a verdict.
pub(crate) fn usage(words: &clap::Error) -> ExitCode {
    if words.print().is_err() {
        return ExitCode::from(COULD_NOT_RUN);
    }
    if words.use_stderr() { ExitCode::from(COULD_NOT_RUN) } else { ExitCode::SUCCESS }
}
