//! Which test programs run beside each other?
//!
//! Tests mostly wait for timers and far ends. Where one program waits, another one runs that does not mind: no
//! two that need much of both processors, and none beside those that listen to whole calls.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;

use crate::{second_account, shell};

/// What runs beside what, by where it is written: first those whose words are seen at once.
///
/// The engine's mostly wait; instructions and allocations are counted, not timed, and `sim` has a clock of its own.
const BESIDE: [(&[Suite], &[Suite]); 2] = [
    (&[Suite::Once("crates/engine/tests/it/main.rs")], &[Suite::SecondAccount]),
    (
        &[Suite::Once(second_account::SOURCE)],
        &[
            Suite::Once("crates/engine/tests/instructions.rs"),
            Suite::Once("crates/engine/tests/allocations.rs"),
            Suite::Once("crates/sim/tests/it/main.rs"),
        ],
    ),
];

/// Tests mostly wait for timers and far ends: the platform's took 80 s of processor time in 106 s of
/// two cores, two at a time.
const AT_A_TIME: &str = "4";
/// The same for one that waits even more: four at a time took 126 s, six 97 s.
const WAITS_LONGEST: (&str, &str) = ("crates/gateway/tests/it/main.rs", "6");

/// One run of a test program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suite {
    /// The one of this source.
    Once(&'static str),
    /// The platform's, on another account.
    SecondAccount,
}

/// A test program of the workspace.
#[derive(Debug)]
struct Program {
    source: String,
    executable: String,
    manifest: String,
}

/// Runs all of them, and what stands in the documentation; a failure stops none.
pub(crate) fn run() -> Result<()> {
    let programs = programs()?;
    let mut failed = Vec::new();
    for program in programs.iter().filter(|program| !is_beside(program)) {
        failed.extend(shell::run_command(program.command()?).err());
    }
    for (seen, beside) in BESIDE {
        failed.extend(pair(&programs, seen, beside)?);
    }
    let docs = ["test", "--workspace", "--locked", "--doc", "--no-fail-fast"];
    failed.extend(shell::run("cargo", &docs).err());
    for fault in &failed {
        eprintln!("{fault:#}");
    }
    ensure!(failed.is_empty(), "{} test programs failed", failed.len());

    Ok(())
}

/// As the workspace's build made them.
fn programs() -> Result<Vec<Program>> {
    let args = ["test", "--workspace", "--locked", "--no-run", "--message-format=json"];
    let built = shell::output("cargo", &args)?;
    let artifacts = built.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs: Vec<Program> =
        artifacts.filter_map(|artifact| Program::read(&artifact)).collect();
    for (seen, beside) in BESIDE {
        for suite in seen.iter().chain(beside) {
            suite.command(&programs)?;
        }
    }
    Ok(programs)
}

fn is_beside(program: &Program) -> bool {
    BESIDE.iter().any(|(seen, beside)| {
        seen.iter()
            .chain(*beside)
            .any(|suite| matches!(suite, Suite::Once(source) if program.source == *source))
    })
}

/// Runs two rows at a time; what went wrong.
fn pair(programs: &[Program], seen: &[Suite], beside: &[Suite]) -> Result<Vec<anyhow::Error>> {
    let commands = |suites: &[Suite]| -> Result<Vec<Command>> {
        suites.iter().map(|suite| suite.command(programs)).collect()
    };
    let (seen, beside) = (commands(seen)?, commands(beside)?);
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| beside.into_iter().map(shell::quietly).collect::<Vec<_>>());
        let mut failed: Vec<_> =
            seen.into_iter().filter_map(|command| shell::run_command(command).err()).collect();
        let done = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        failed.extend(done.into_iter().filter_map(|one| one.told().err()));
        Ok(failed)
    })
}

impl Suite {
    fn command(self, programs: &[Program]) -> Result<Command> {
        let (source, is_second) = match self {
            Self::Once(source) => (source, false),
            Self::SecondAccount => (second_account::SOURCE, true),
        };
        let found = programs.iter().find(|program| program.source == source);
        let mut command = found.ok_or_else(|| anyhow!("no test program of {source}"))?.command()?;
        if is_second {
            command.envs(second_account::SEED);
        }
        Ok(command)
    }
}

impl Program {
    /// Nothing if it is another artifact.
    fn read(artifact: &Value) -> Option<Self> {
        let is_test = artifact["profile"]["test"].as_bool()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let source = text(&artifact["target"]["src_path"])?;
        let root = shell::root();
        let source = Path::new(&source).strip_prefix(&root).ok()?.to_str()?.to_owned();
        let (executable, manifest) =
            (text(&artifact["executable"])?, text(&artifact["manifest_path"])?);
        is_test.then_some(Self { source, executable, manifest })
    }

    /// As `cargo test` runs it.
    fn command(&self) -> Result<Command> {
        let folder = Path::new(&self.manifest).parent().context("a manifest lies in a folder")?;
        let mut command = shell::command(&self.executable, &[]);
        command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
        let (waits_longest, more) = WAITS_LONGEST;
        let at_a_time = if self.source == waits_longest { more } else { AT_A_TIME };
        command.env("RUST_TEST_THREADS", at_a_time);
        Ok(command)
    }
}
