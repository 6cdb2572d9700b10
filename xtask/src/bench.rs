//! How fast is it, beside what?
//!
//! Rows go to standard output; with `--json` nothing else does.

use anyhow::{Result, bail};
use clap::Args;

use crate::{setup, shell};

/// Which benchmark.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// `media`: CPU per forwarded packet of the relay, beside an echo without crypto.
    name: String,
    /// Prints one JSON array of rows and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    if args.name != "media" {
        bail!("no benchmark called {:?}; there is: media", args.name);
    }
    setup::programs(setup::TO_BUILD)?;
    let mut bench = shell::command(
        "cargo",
        &[
            "run",
            "--quiet",
            "--release",
            "--locked",
            "-p",
            "offhook-engine",
            "--example",
            "relay",
            "--",
        ],
    );
    if args.json {
        bench.arg("--json");
    }
    shell::run_command(bench)
}
