//! How fast is it, beside what?
//!
//! Rows go to standard output; with `--json` nothing else does. Every case stands in
//! `bench/cases.toml` with its unit and its target.

mod cases;
mod client;
mod platform;
mod process;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{setup, shell};

/// Which benchmark.
#[derive(Debug, Args)]
#[command(after_help = "Example: cargo xtask bench platform --json")]
pub(crate) struct BenchArgs {
    /// What is measured.
    #[arg(value_enum)]
    name: Bench,
    /// Prints one JSON array of rows and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// CPU per forwarded packet of the relay, beside an echo without crypto.
    Media,
    /// The platform's start, memory, cost of a refused call, and thirty days in virtual time.
    Platform,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    setup::programs(setup::TO_BUILD)?;
    match args.name {
        Bench::Media => media(args.json),
        Bench::Platform => platform::run(args.json),
    }
}

fn media(json: bool) -> Result<()> {
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
    if json {
        bench.arg("--json");
    }
    shell::run_command(bench)
}
