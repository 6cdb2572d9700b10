//! Who lets media go first where there are more threads than processors?

/// How far behind media threads a courteous thread stands.
const NICE: i32 = 10;

/// Lets the calling thread give way to media threads from now on, where they share a processor. For work
/// that may be late: what waits for it waits, what is forwarded does not.
pub fn yield_to_media() {
    let us = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(us), NICE) {
        tracing::debug!(%error, "a thread competes with media threads");
    }
}
