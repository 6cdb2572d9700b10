//! Where do peers run, so that they find each other and nothing gets out?
//!
//! Janus, aiortc and others skip the loopback interface when they gather candidates, but take a
//! loopback address on any other one. So everything runs in a network namespace that has `lo` and a
//! veth pair whose near end carries 127.0.0.2. The namespace has no name: it is gone with the last
//! process in it, however that ends.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{setup, shell};

/// The address every media socket is bound to.
pub(super) const ADDRESS: &str = "127.0.0.2";

/// What is measured has the first processor for itself, what plays and asks has the second.
pub(super) const MEASURED: &str = "0";
pub(super) const PLAYED: &str = "1";

/// Above what else may run on the machine.
const NICE: &str = "-10";

/// Why there can be no such place here.
pub(super) fn refusal() -> Option<String> {
    if !setup::is_root() {
        return Some("needs root, for a network namespace".into());
    }
    for program in ["unshare", "ip", "taskset", "prlimit"] {
        if !shell::has(program) {
            let packages = "util-linux iproute2";
            return Some(format!("{program} is missing (Debian: apt-get install {packages})"));
        }
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors < 2).then(|| "needs two processors, one for what is measured".into())
}

/// This program once more, in a namespace of its own.
pub(super) fn enter(args: &[&str]) -> Result<Command> {
    let program = std::env::current_exe().context("where is this program?")?;
    let mut command = shell::command("unshare", &["--net", "--", "nice", "-n", NICE]);
    command.arg(program).args(args);
    Ok(command)
}

/// Makes the interfaces; called in the namespace.
pub(super) fn furnish() -> Result<()> {
    let links = shell::output("ip", &["-brief", "link"])?;
    if links.lines().count() != 1 {
        bail!("this is no empty network namespace");
    }
    let address = format!("{ADDRESS}/32");
    for words in [
        "link set lo up",
        "link add near type veth peer name away",
        &format!("addr add {address} dev near"),
        "link set near up",
        "link set away up",
    ] {
        shell::output("ip", &words.split(' ').collect::<Vec<_>>())?;
    }
    Ok(())
}

/// A program on one processor, with room for the sockets of many calls. Every word replaces the one
/// before it, so the process is the program's own.
pub(super) fn pinned(processor: &str, program: &std::ffi::OsStr) -> Command {
    let mut command = Command::new("prlimit");
    if let Some(files) = files_max() {
        command.arg(format!("--nofile={files}:"));
    }
    command.args(["--", "taskset", "-c", processor]).arg(program);
    command
}

/// How many files a process may open here at most: the hard limit, which not even root can raise
/// everywhere.
fn files_max() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
