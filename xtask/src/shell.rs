//! How does a task run a program?

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};

/// The repository's top folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the repository's top folder")
        .to_path_buf()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A command in the repository's top folder.
pub(crate) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// Runs a command to its end and fails with its words when it does.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<()> {
    run_command(command(program, args))
}

/// As [`run`], for a command that was prepared further.
pub(crate) fn run_command(mut command: Command) -> Result<()> {
    let words = words(&command);
    eprintln!("$ {words}");
    let status = command.status().with_context(|| format!("could not start `{words}`"))?;
    if !status.success() {
        bail!("`{words}` ended with {status}");
    }
    Ok(())
}

/// A command that has ended, whose words nobody has seen yet.
#[derive(Debug)]
pub(crate) struct Quiet {
    words: String,
    output: Result<Output>,
}

/// Runs a command to its end and keeps its words, while others are seen.
pub(crate) fn quietly(mut command: Command) -> Quiet {
    let words = words(&command);
    let output = command.output().with_context(|| format!("could not start `{words}`"));
    Quiet { words, output }
}

impl Quiet {
    /// Its words, and whether all was well.
    pub(crate) fn told(self) -> Result<()> {
        let Self { words, output } = self;
        let output = output?;
        eprintln!("$ {words}");
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        print!("{}", String::from_utf8_lossy(&output.stdout));
        if !output.status.success() {
            bail!("`{words}` ended with {}", output.status);
        }
        Ok(())
    }
}

/// What a command prints on its standard output.
pub(crate) fn output(program: &str, args: &[&str]) -> Result<String> {
    let mut command = command(program, args);
    let words = words(&command);
    let done = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start `{words}`"))?;
    if !done.status.success() {
        bail!("`{words}` ended with {}", done.status);
    }
    String::from_utf8(done.stdout).with_context(|| format!("`{words}` did not print text"))
}

/// Whether a program is on the PATH.
pub(crate) fn has(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A command as somebody would type it.
fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
