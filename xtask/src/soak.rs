//! What holds for long, not only in a bounded test?

use anyhow::{Result, bail};
use clap::Args;

use crate::{setup, shell};

/// Which soak.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    /// `stories`: whole calls in virtual time, from many seeds, against the naive reference.
    name: String,
    /// How many stories, for each rulebook; `test` plays 1,000.
    #[arg(long, default_value_t = 60_000)]
    count: u64,
}

pub(crate) fn run(args: &SoakArgs) -> Result<()> {
    if args.name != "stories" {
        bail!("no soak called {:?}; there is: stories", args.name);
    }
    setup::programs(setup::TO_BUILD)?;
    let mut test =
        shell::command("cargo", &["test", "--locked", "-p", "offhook-sim", "--test", "it"]);
    test.args(["--", "nothing_is_stuck_lost_or_decided_wrongly"]);
    test.env("OFFHOOK_STORIES", args.count.to_string());
    shell::run_command(test)
}
