//! Where do words go? Results to standard output, logs and faults to standard error.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// Exit code of a command that was understood and could not be carried out.
pub(crate) const COULD_NOT_RUN: u8 = 3;

/// Logs to standard error; `OFFHOOK_LOG` sets the levels, `info` when unset.
pub(crate) fn log_to_stderr() {
    let wanted = std::env::var("OFFHOOK_LOG").unwrap_or_default();
    tracing_subscriber::fmt().with_env_filter(filter(&wanted)).with_writer(std::io::stderr).init();
}

/// The SIP stack writes addresses and call ids into its log at every level: it is heard by name alone.
fn filter(wanted: &str) -> EnvFilter {
    let wanted = if wanted.is_empty() { "info" } else { wanted };
    if wanted.contains("rsipstack") {
        return EnvFilter::new(wanted);
    }
    EnvFilter::new(format!("{wanted},rsipstack=off"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sip_stack_is_heard_by_name_alone() {
        for (wanted, shown) in [
            ("", "rsipstack=off,info"),
            ("debug", "rsipstack=off,debug"),
            ("rsipstack=debug", "rsipstack=debug"),
        ] {
            assert_eq!(filter(wanted).to_string(), shown);
        }
    }
}
