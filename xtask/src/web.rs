//! How are the pages built?

use anyhow::Result;

use crate::{setup, shell};

/// Installs the npm packages and builds `web/dist`.
pub(crate) fn build() -> Result<()> {
    setup::npm()?;
    npm_run("build")
}

/// Type-checks the pages.
pub(crate) fn check() -> Result<()> {
    setup::npm()?;
    npm_run("check")
}

/// Holds the gateway's AsyncAPI document against AsyncAPI's own schema.
pub(crate) fn asyncapi() -> Result<()> {
    setup::npm()?;
    npm_run("test:asyncapi")
}

fn npm_run(script: &str) -> Result<()> {
    let mut npm = shell::command("npm", &["run", "--silent", script]);
    npm.current_dir(shell::root().join("web"));
    shell::run_command(npm)
}
