//! What does a relayed call cost, beside a peer that relays the same?
//!
//! Every relay has its calls up for the whole time, all of them on the same processor; in each round
//! the far ends talk through one after the other, so that a slow moment of the machine falls on all.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::{
    Numbers,
    far_ends::{Calls, FarEnds, Tally},
    relays::Relay,
};
use crate::bench::{account, cases::Measured};

/// Calls of each relay: what a call costs falls with their number, so it is one for all.
pub(super) const CALLS: u64 = 100;

/// Pairs of rounds that must have gone well, and how many are tried for it.
const ROUNDS: usize = 7;
const TRIED_MAX: usize = 2 * ROUNDS;

/// How long the far ends talk before a round counts, and while it does.
const WARM: Duration = Duration::from_millis(400);
const RUN: Duration = Duration::from_millis(2_000);

/// A round that lost more, or let packets wait longer, was starved: queues build, work is done in
/// batches, and it looks cheaper than it is. Ours counts only when it was not; a peer's counts as
/// long as it lost little, because its being cheap is to its favour.
const LOST_MAX: f64 = 0.01;
const DELAY_MAX_US: u32 = 20_000;

/// A relay with its calls.
pub(super) struct Contestant {
    name: &'static str,
    relay: Box<dyn Relay>,
    calls: Calls,
}

impl Contestant {
    /// Sets all calls up.
    pub(super) fn enter(
        name: &'static str,
        mut relay: Box<dyn Relay>,
        numbers: &mut Numbers,
        far: &mut FarEnds,
    ) -> Result<Self> {
        let calls = numbers.take(CALLS);
        for call in calls.clone() {
            relay.open(call, far).with_context(|| format!("{name} opens no call"))?;
        }
        let profiles = far.connect(&calls).with_context(|| format!("{name} connects no call"))?;
        eprintln!("  {name}: {CALLS} calls, protected by {profiles}");
        Ok(Self { name, relay, calls })
    }

    /// Lets its far ends talk; milliseconds of CPU for each call and second, and what was moved.
    fn round(&self, far: &mut FarEnds) -> Result<(f64, Tally)> {
        far.play(&self.calls, WARM)?;
        let before = account::cpu_ns(self.relay.pid())?;
        let tally = far.play(&self.calls, RUN)?;
        let spent_ns = account::cpu_ns(self.relay.pid())?.saturating_sub(before);
        let call_seconds = CALLS as f64 * RUN.as_secs_f64();
        Ok((spent_ns as f64 / 1e6 / call_seconds, tally))
    }

    /// Ends all calls.
    fn leave(mut self, far: &mut FarEnds) -> Result<()> {
        for call in self.calls.clone() {
            self.relay.close(call)?;
        }
        far.close(&self.calls)
    }
}

/// Measures ours beside each peer; what a peer could not do is its own error.
pub(super) fn measure(
    ours: Contestant,
    peers: Vec<Result<Contestant>>,
    far: &mut FarEnds,
) -> Vec<Result<Measured>> {
    let mut pairs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); peers.len()];
    let mut faults: Vec<Option<anyhow::Error>> = Vec::new();
    let mut running = Vec::new();
    for peer in peers {
        let (peer, fault) = peer.map_or_else(|e| (None, Some(e)), |peer| (Some(peer), None));
        running.push(peer);
        faults.push(fault);
    }
    for _ in 0..TRIED_MAX {
        let enough = |at: usize| pairs[at].len() >= ROUNDS || running[at].is_none();
        if (0..running.len()).all(enough) {
            break;
        }
        let our_round = ours.round(far);
        for (at, peer) in running.iter_mut().enumerate() {
            let Some(contestant) = peer else { continue };
            let both = our_round
                .as_ref()
                .map_err(|e| anyhow!("{e:#}"))
                .and_then(|our_round| Ok((*our_round, contestant.round(far)?)));
            match both {
                Ok((our_round, their_round)) => {
                    if let Some(pair) = pair(contestant.name, our_round, their_round) {
                        pairs[at].push(pair);
                    }
                }
                Err(fault) => {
                    faults[at] = Some(fault);
                    *peer = None;
                }
            }
        }
    }
    for contestant in running.into_iter().flatten().chain([ours]) {
        if let Err(fault) = contestant.leave(far) {
            eprintln!("  a relay did not end its calls: {fault:#}");
        }
    }
    let outcomes = faults.into_iter().zip(pairs);
    outcomes.map(|(fault, pairs)| fault.map_or_else(|| judged(&pairs), Err)).collect()
}

fn judged(pairs: &[(f64, f64)]) -> Result<Measured> {
    if pairs.len() < ROUNDS {
        return Err(anyhow!(
            "only {} of {TRIED_MAX} rounds went without loss and in time",
            pairs.len()
        ));
    }
    Ok(Measured::pairs(pairs, Some(CALLS)))
}

/// The two figures, unless one of them says nothing.
fn pair(name: &str, ours: (f64, Tally), theirs: (f64, Tally)) -> Option<(f64, f64)> {
    let kept = is_sound(&ours.1) && theirs.1.lost() <= LOST_MAX;
    eprintln!(
        "  ours {:.3} ms ({}), {name} {:.3} ms ({}), ratio {:.3}{}",
        ours.0,
        words(&ours.1),
        theirs.0,
        words(&theirs.1),
        ours.0 / theirs.0,
        if kept { "" } else { ": dropped" },
    );
    kept.then_some((ours.0, theirs.0))
}

fn is_sound(tally: &Tally) -> bool {
    tally.lost() <= LOST_MAX && tally.p99_us.is_some_and(|delay| delay <= DELAY_MAX_US)
}

fn words(tally: &Tally) -> String {
    let ms = |us: Option<u32>| us.map_or(f64::NAN, |us| f64::from(us) / 1e3);
    format!(
        "lost {:.2} %, delay {:.1} and {:.1} ms, {} late",
        tally.lost() * 100.0,
        ms(tally.p50_us),
        ms(tally.p99_us),
        tally.late
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_with_loss_or_long_delay_does_not_count() {
        let good =
            Tally { sent: 1_000, received: 995, p50_us: Some(400), p99_us: Some(9_000), late: 0 };
        assert!(is_sound(&good));
        assert!(!is_sound(&Tally { received: 980, ..good }));
        assert!(!is_sound(&Tally { p99_us: Some(30_000), ..good }));
        assert!(!is_sound(&Tally { sent: 0, received: 0, p99_us: None, ..good }));
    }
}
