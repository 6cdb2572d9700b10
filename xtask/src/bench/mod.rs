//! How fast is it, beside what?
//!
//! Rows go to standard output; with `--json` nothing else does. Every case stands in
//! `bench/cases.toml` with its unit and its target.

mod account;
mod awake;
mod cases;
mod client;
mod peers;
mod platform;
mod process;

use anyhow::{Context, Result, bail};
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
    /// Set by `bench peers`, `bench bots` and `bench sip` themselves, in the network namespace where it measures.
    #[arg(long, hide = true)]
    inside: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// CPU per forwarded packet of the relay, beside an echo without crypto.
    Media,
    /// A call with a bot, beside the bare codecs and beside pipecat.
    Bots,
    /// Relay, set-up, webhook to accept and memory, beside rtpengine, Janus, aiortc and pipecat.
    Peers,
    /// Calls set up and ended by SIP, beside the bare stack; Opus and PCMU, beside rtpengine.
    Sip,
    /// The platform's start, memory, cost of a refused call, and thirty days in virtual time.
    Platform,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    match args.name {
        Bench::Peers if args.inside => return peers::run_inside(peers::What::All, args.json),
        Bench::Bots if args.inside => return peers::run_inside(peers::What::Bots, args.json),
        Bench::Sip if args.inside => return peers::run_inside(peers::What::Sip, args.json),
        Bench::Media | Bench::Bots | Bench::Peers | Bench::Sip | Bench::Platform => {}
    }
    setup::programs(setup::TO_BUILD)?;
    match args.name {
        Bench::Media => media(args.json),
        Bench::Bots => peers::run(peers::What::Bots, args.json),
        Bench::Peers => peers::run(peers::What::All, args.json),
        Bench::Sip => peers::run(peers::What::Sip, args.json),
        Bench::Platform => platform::run(args.json),
    }
}

/// That the far ends and our relays of `bench peers` and `bench sip` still understand each other.
pub(crate) fn smoke() -> Result<()> {
    peers::smoke()
}

fn media(json: bool) -> Result<()> {
    relay_example()?;
    let _awake = awake::Awake::start();
    let mut relay = relay(&cases::of("media")?)?;
    if json {
        relay.arg("--json");
    }
    shell::run_command(relay)
}

/// The rows of these cases of `bench media`; the example is built.
fn media_rows(cases: &[cases::Case]) -> Result<Vec<cases::Row>> {
    let done = relay(cases)?.arg("--json").output().context("cannot start the relay")?;
    if !done.status.success() {
        bail!("the relay ended with {}", done.status);
    }
    serde_json::from_slice(&done.stdout).context("the relay printed no rows")
}

fn relay_example() -> Result<()> {
    let what = ["-p", "offhook-engine", "--example", "relay"];
    let build = ["build", "--quiet", "--release", "--locked"];
    shell::run("cargo", &[&build[..], &what].concat())
}

/// The engine's relay beside an echo, for cases that have a number of calls.
fn relay(cases: &[cases::Case]) -> Result<std::process::Command> {
    let program = shell::target().join("release/examples/relay");
    let mut command = shell::command(&program.to_string_lossy(), &[]);
    for case in cases {
        let calls = case.calls.with_context(|| format!("{} has no number of calls", case.name))?;
        let sockets = if case.name.contains("-muxed-") { "muxed-" } else { "" };
        command.arg(format!("{sockets}{calls}={}", case.target));
    }
    Ok(command)
}
