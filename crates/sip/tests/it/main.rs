//! Does the user agent keep its word towards far ends that answer, refuse, are silent and lie?
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod calls;
mod calls_in;
mod challenges;
mod crossings;
mod far_end;
mod hostile;
mod mutated;
mod refer;
mod registered;
mod replaces;
mod session_timers;
mod sipp;
mod torture;
