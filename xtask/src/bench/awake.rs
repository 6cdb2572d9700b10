//! How do processors stay awake while nobody needs them?
//!
//! A virtual processor that has nothing to do is taken away by its host and comes back late and with cold caches:
//! what wakes five hundred times a second is charged for that, and no two rounds are alike. So each processor has
//! a loop of the scheduler's idle class, which gets what nobody else wants.
//!
//! It sleeps for a moment about once a second: beside loops that never did, the kernel's own workers stood still for
//! up to two minutes on Linux 6.18 (`workqueue lockup` in its log), and every fsync with them.

use std::process::{Child, Command, Stdio};

/// A loop for each processor; they end when this is dropped, and with this process in any case.
#[derive(Debug)]
pub(super) struct Awake(Vec<Child>);

impl Awake {
    /// Where the programs for it are missing, processors sleep and figures are what they are.
    pub(super) fn start() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let loops: Vec<_> = (0..processors).filter_map(|at| spin(at).ok()).collect();
        if loops.len() < processors {
            eprintln!(
                "processors sleep between whiles: setpriv, chrt or taskset is missing (Debian: util-linux)"
            );
        }
        Self(loops)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended already needs no end.
            drop(child.kill());
            drop(child.wait());
        }
    }
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
