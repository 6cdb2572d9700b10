//! How does a newcomer hear a call? One command, from a clean checkout.

use anyhow::Result;
use clap::Args;

use crate::{setup, shell, web};

/// What the demo is started with.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Passed on to `offhook demo`.
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    setup::programs(setup::TO_BUILD)?;
    web::build()?;
    shell::run("cargo", &["build", "--release", "--locked", "-p", "offhook"])?;
    let mut demo = shell::command("target/release/offhook", &["demo"]);
    if let Some(target) = std::env::var_os("CARGO_TARGET_DIR") {
        demo = shell::command(
            &std::path::Path::new(&target).join("release/offhook").to_string_lossy(),
            &["demo"],
        );
    }
    demo.args(&args.rest);
    shell::run_command(demo)
}
