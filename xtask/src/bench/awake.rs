//! How do processors stay awake while nobody needs them?
//!
//! A virtual processor that has nothing to do is taken away by its host and comes back late and with cold caches:
//! what wakes five hundred times a second is charged for that, and no two rounds are alike. Whoever holds
//! `/dev/cpu_dma_latency` at nothing has the kernel poll where it would sleep, in the idle task, which
//! takes nobody's caches and gives way at once.
//!
//! Where the kernel has no state it can poll in, each processor has a loop of the scheduler's idle class instead,
//! which gets what nobody else wants. It is a process, so what comes after it begins without translations of
//! addresses; and it sleeps for a moment about once a second: beside loops that never did, the kernel's own
//! workers stood still for up to two minutes on Linux 6.18 (`workqueue lockup` in its log), and every fsync with
//! them.

use std::{
    fs::File,
    io::Write as _,
    process::{Child, Command, Stdio},
};

/// Processors sleep again when this is dropped, and with this process in any case.
#[derive(Debug)]
pub(super) enum Awake {
    Asked { _held: File },
    Looped(Vec<Child>),
}

impl Awake {
    /// Where neither can be, processors sleep and figures are what they are.
    pub(super) fn start() -> Self {
        if let Some(held) = ask() {
            return Self::Asked { _held: held };
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let loops: Vec<_> = (0..processors).filter_map(|at| spin(at).ok()).collect();
        if loops.len() < processors {
            eprintln!(
                "processors sleep between whiles: setpriv, chrt or taskset is missing (Debian: util-linux)"
            );
        }
        Self::Looped(loops)
    }

    /// A processor that polls is idle for the scheduler, one with a loop is not.
    pub(super) fn unless_looped(self) -> Option<Self> {
        matches!(self, Self::Asked { .. }).then_some(self)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        let Self::Looped(loops) = self else { return };
        for child in loops {
            // One that has ended already needs no end.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The longest a processor may take to wake, in microseconds.
const LATENCY_MAX: i32 = 0;

/// Asks the kernel, for as long as the file is open.
fn ask() -> Option<File> {
    let states = "/sys/devices/system/cpu/cpu0/cpuidle/state0/name";
    if std::fs::read_to_string(states).ok()?.trim() != "POLL" {
        return None;
    }
    let mut held = File::options().write(true).open("/dev/cpu_dma_latency").ok()?;
    held.write_all(&LATENCY_MAX.to_ne_bytes()).ok()?;
    Some(held)
}

/// What a processor does that has nothing else to do.
const LOOP: &str =
    "while :; do i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done; sleep 0.001; done";

/// Every word replaces the one before it, so the process is the loop itself.
fn spin(processor: usize) -> std::io::Result<Child> {
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "chrt", "--idle", "0", "taskset", "-c"])
        .arg(processor.to_string())
        .args(["sh", "-c", LOOP])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
}
