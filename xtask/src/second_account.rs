//! Do the platform's rules hold on another account than the demo's?
//!
//! The platform's tests ran once on the demo's account. Here the same program runs again on a seed file
//! with another country, currency, time zone, tier and rulebook.

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

use crate::shell;

const CRATE: &str = "crates/platform";
const SEED: &str = "tests/it/seeds/other.toml";

pub(crate) fn run() -> Result<()> {
    let mut tests = shell::command(&tests()?, &[]);
    tests.current_dir(shell::root().join(CRATE)).env("OFFHOOK_TEST_SEED", SEED);
    tests.envs(shell::TESTS_AT_A_TIME);
    shell::run_command(tests)
}

/// The program of the platform's tests, as the workspace's build made it.
fn tests() -> Result<String> {
    let args = ["test", "--workspace", "--locked", "--no-run", "--message-format=json"];
    let built = shell::output("cargo", &args)?;
    let source = format!("{CRATE}/tests/it/main.rs");
    let mut artifacts = built.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_platform = |artifact: &Value| {
        artifact["target"]["src_path"].as_str().is_some_and(|path| path.ends_with(&source))
    };
    let found = artifacts.find(of_platform).ok_or_else(|| anyhow!("no test of {source}"))?;
    found["executable"].as_str().map(str::to_owned).context("the platform's test is a program")
}
