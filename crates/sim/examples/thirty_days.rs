//! How long do thirty days of ten thousand users take in virtual time?
//!
//! Four accounts with forty numbers, ten thousand users, three hundred thousand things that happen:
//! one a user and day. Everything is decided by the real rules: who may call, write and ask, each
//! call's life, consent, window and counters, settings, the delivery of every webhook with outages
//! and the rulebook's waits, and the price of every answered call by its month. No store, no HTTP and
//! no media take part. The references are not asked; the tests do that.
//!
//! Prints one line of JSON. `cargo xtask bench platform` runs it.

#![expect(clippy::print_stdout, reason = "its only output")]

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use offhook_sim::crowd::{Pace, Plan, Shape, run};

const USERS: usize = 10_000;
const DAYS: u64 = 30;

/// One thing a user and day.
const STEPS: u32 = 300_000;

#[expect(clippy::disallowed_methods, reason = "it measures itself")]
fn main() {
    let mean = Duration::from_millis(DAYS * 86_400_000 / u64::from(STEPS));
    let plan = Plan {
        seed: 1,
        steps: STEPS,
        skip: BTreeSet::new(),
        shape: Shape { accounts: 4, numbers: 40, users: USERS },
        pace: Pace::Even(mean),
        rules: Vec::new(),
        checked: false,
    };
    let start = Instant::now();
    let report = run(&plan);
    let seconds = start.elapsed().as_secs_f64();
    let counts = report.counts;
    println!(
        "{{\"seconds\":{seconds:.3},\"days\":{:.1},\"steps\":{},\"verdicts\":{},\"calls\":{},\
         \"answered\":{},\"billed\":{},\"webhooks\":{},\"attempts\":{},\"expired\":{}}}",
        counts.seconds as f64 / 86_400.0,
        counts.steps,
        counts.verdicts,
        counts.calls,
        counts.answered,
        counts.billed,
        counts.webhooks,
        counts.attempts,
        counts.expired,
    );
}
