//! How much memory does a live relayed call hold?
//!
//! A fresh process each round: what it holds while its calls talk, less what it held before the first
//! of them, so that pools that fill with the first calls count as theirs.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{
    Numbers,
    far_ends::FarEnds,
    relays::{Relay, Told},
};
use crate::bench::{account, cases::Measured};

const ROUNDS: usize = 7;

/// Calls of each round.
const CALLS: u64 = 250;

/// How long the calls have talked when memory is read.
const TALK: Duration = Duration::from_millis(1_000);

pub(super) fn measure(numbers: &mut Numbers, far: &mut FarEnds) -> Result<Measured> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let mut relay = Told::ours()?;
        let before = account::resident_bytes(relay.pid())?;
        let numbers = numbers.take(CALLS);
        for call in numbers.clone() {
            relay.open(call, far)?;
        }
        far.connect(&numbers)?;
        let tally = far.play(&numbers, TALK)?;
        ensure!(tally.lost() < 0.1, "the calls do not talk");
        let held = account::resident_bytes(relay.pid())? - before;
        far.close(&numbers)?;
        rounds.push(held / 1024.0 / CALLS as f64);
        eprintln!("  {:.1} KiB a call", held / 1024.0 / CALLS as f64);
    }
    Ok(Measured::alone(rounds, Some(CALLS)))
}
