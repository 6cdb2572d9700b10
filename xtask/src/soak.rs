//! What holds for long, not only in a bounded test?

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{
    fuzz::{self, Depth},
    setup, shell,
};

/// Which soak.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    #[command(subcommand)]
    which: Soak,
}

#[derive(Debug, Subcommand)]
enum Soak {
    /// Whole calls of one number and one user, from many seeds, against the naive reference.
    ///
    /// Example: `cargo xtask soak stories --count 60000`
    Stories {
        /// How many stories, for each rulebook; `test` plays 1,000.
        #[arg(long, default_value_t = 60_000)]
        count: u64,
    },
    /// Many accounts, numbers and users on one platform: no sequence of requests, taps, outages and
    /// moves of the clock breaks an invariant. Prints what happened, and a failure's seed and story.
    ///
    /// Examples: `cargo xtask soak sim`, `cargo xtask soak sim --first 4711 --seeds 1`
    Sim {
        /// How many seeds; `test` plays 100.
        #[arg(long, default_value_t = 5_000)]
        seeds: u64,
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        first: u64,
    },
    /// The gateway's process killed at random moments with calls up, webhooks in flight, an agent who is
    /// recorded, a queue, parked calls and a receiver of events: no orphan stays, no acknowledged
    /// webhook is lost, nothing is done twice.
    ///
    /// Examples: `cargo xtask soak kill`, `cargo xtask soak kill --first 7 --runs 1`
    Kill {
        /// How many runs of 20 kills and of 5, each with a platform of its own; `test` makes one.
        #[arg(long, default_value_t = 10)]
        runs: u64,
        /// The seed of the first run.
        #[arg(long, default_value_t = 1)]
        first: u64,
    },
    /// A bot greets for 200 ms as soon as it is told of a call: the user hears all of it, in every call.
    ///
    /// Example: `cargo xtask soak greeting`
    Greeting {
        /// How many calls, one after the other; `test` makes 2.
        #[arg(long, default_value_t = 100)]
        calls: u32,
    },
    /// A talk that is recorded, in real time: each word lies within 20 ms of where it was said beside the other side.
    ///
    /// Example: `cargo xtask soak recording`
    Recording {
        /// How long the talk is; `test` makes 15 seconds.
        #[arg(long, default_value_t = 300)]
        seconds: u32,
    },
    /// Requests made up from the gateway's OpenAPI document, and every answer held against it.
    ///
    /// Examples: `cargo xtask soak fuzz`, `cargo xtask soak fuzz --seed 7 --examples 2000`
    Fuzz {
        /// How many requests are made up for each operation; `test` makes 5.
        #[arg(long, default_value_t = 500)]
        examples: u32,
        /// Where the dice begin.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

pub(crate) fn run(args: &SoakArgs) -> Result<()> {
    setup::programs(setup::TO_BUILD)?;
    if let Soak::Fuzz { examples, seed } = args.which {
        setup::fuzzer()?;
        shell::run("cargo", &["build", "--locked", "-p", "offhook"])?;
        return fuzz::run(Depth { examples, seed });
    }
    let package = match args.which {
        Soak::Stories { .. } | Soak::Sim { .. } => "offhook-sim",
        Soak::Greeting { .. } | Soak::Recording { .. } => "offhook-gateway",
        Soak::Kill { .. } | Soak::Fuzz { .. } => "offhook",
    };
    let mut test = shell::command("cargo", &["test", "--locked", "-p", package, "--test", "it"]);
    match args.which {
        Soak::Kill { runs, first } => {
            test.args(["--", "--nocapture", "kills"]);
            test.env("OFFHOOK_KILL_RUNS", runs.to_string());
            test.env("OFFHOOK_KILL_FIRST", first.to_string());
        }
        Soak::Greeting { calls } => {
            test.args(["--", "--nocapture", "a_greeting_arrives_whole"]);
            test.env("OFFHOOK_GREETING_CALLS", calls.to_string());
        }
        Soak::Recording { seconds } => {
            test.args(["--", "--nocapture", "both_sides_of_a_recording"]);
            test.env("OFFHOOK_RECORDING_S", seconds.to_string());
        }
        // It is no test of cargo's.
        Soak::Fuzz { .. } => {}
        Soak::Stories { count } => {
            test.args(["--", "nothing_is_stuck_lost_or_decided_wrongly"]);
            test.env("OFFHOOK_STORIES", count.to_string());
        }
        Soak::Sim { seeds, first } => {
            test.args(["--", "--nocapture", "no_sequence_breaks_an_invariant"]);
            test.env("OFFHOOK_SIM_SEEDS", seeds.to_string());
            test.env("OFFHOOK_SIM_FIRST", first.to_string());
        }
    }
    let start = std::time::Instant::now();
    let result = shell::run_command(test);
    println!("{:.1} s, building included", start.elapsed().as_secs_f64());
    result
}
