//! What holds for long, not only in a bounded test?

use anyhow::{Result, bail};
use clap::Args;

/// Which soak.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    /// The soak's name.
    name: String,
}

pub(crate) fn run(args: &SoakArgs) -> Result<()> {
    bail!("no soak called {:?}", args.name)
}
