//! What does it cost to set a call up: ICE and DTLS on both legs, and to end it again?
//!
//! Calls come in batches and are closed as soon as both their far ends have keys; nobody talks.

use std::{thread, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{Numbers, far_ends::FarEnds, relays::Relay};
use crate::bench::{account, cases::Measured};

/// Pairs of rounds.
const ROUNDS: usize = 7;

/// Calls that are set up at the same time.
const BATCH: u64 = 10;

/// How long a relay may still work on what has ended.
const SETTLE: Duration = Duration::from_millis(100);

/// A relay, and how many calls a round of it has.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) relay: Box<dyn Relay>,
    pub(super) calls: u64,
}

impl Contestant {
    /// Milliseconds of CPU for each call of a round.
    fn round(&mut self, numbers: &mut Numbers, far: &mut FarEnds) -> Result<f64> {
        let pid = self.relay.pid();
        let before = [account::cpu_ns(pid)?, account::coarse_cpu_ns(pid)?];
        for _ in 0..self.calls.div_ceil(BATCH) {
            self.batch(numbers, far).with_context(|| self.name)?;
        }
        thread::sleep(SETTLE);
        let after = [account::cpu_ns(pid)?, account::coarse_cpu_ns(pid)?];
        // The fine account loses threads that end; aiortc has one for each leg.
        let fine = after[0].saturating_sub(before[0]);
        let spent_ns = fine.max(after[1].saturating_sub(before[1]));
        ensure!(spent_ns > 0, "the kernel counted no CPU time");
        let calls = self.calls.div_ceil(BATCH) * BATCH;
        Ok(spent_ns as f64 / 1e6 / calls as f64)
    }

    fn batch(&mut self, numbers: &mut Numbers, far: &mut FarEnds) -> Result<()> {
        let calls = numbers.take(BATCH);
        for call in calls.clone() {
            self.relay.open(call, far)?;
        }
        far.connect(&calls)?;
        for call in calls.clone() {
            self.relay.close(call)?;
        }
        far.close(&calls)
    }
}

/// What each contestant's set-ups cost, round by round; one that could not do it is its own error.
pub(super) fn measure(
    mut contestants: Vec<Result<Contestant>>,
    numbers: &mut Numbers,
    far: &mut FarEnds,
) -> Vec<Result<Vec<f64>>> {
    let mut costs = vec![Vec::new(); contestants.len()];
    // The first round warms caches and is thrown away.
    for round in 0..=ROUNDS {
        for (entry, costs) in contestants.iter_mut().zip(&mut costs) {
            let Ok(contestant) = entry else { continue };
            match contestant.round(numbers, far) {
                Ok(_) if round == 0 => {}
                Ok(cost) => {
                    eprintln!("  {}: {cost:.2} ms a set-up", contestant.name);
                    costs.push(cost);
                }
                Err(fault) => *entry = Err(fault),
            }
        }
    }
    contestants.into_iter().zip(costs).map(|(entry, costs)| entry.map(|_| costs)).collect()
}

/// Set-ups in a second of our own CPU time.
pub(super) fn rate(ours: &[f64], calls: u64) -> Measured {
    Measured::alone(ours.iter().map(|ms| 1e3 / ms).collect(), Some(calls))
}

/// Ours beside a peer's.
pub(super) fn beside(ours: &[f64], theirs: &[f64]) -> Measured {
    let pairs: Vec<(f64, f64)> = ours.iter().copied().zip(theirs.iter().copied()).collect();
    Measured::pairs(&pairs, None)
}
