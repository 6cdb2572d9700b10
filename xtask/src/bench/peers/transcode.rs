//! What does a call between Opus and a telephone's PCMU cost, beside rtpengine?
//!
//! Both have their calls up for the whole time, on the same processor; in each round users and telephones
//! speak real speech through one after the other, so that a slow moment of the machine falls on both. All CPU
//! of a process counts, from socket to socket.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{
    Numbers,
    bots::are_answered,
    far_ends::{Calls, FarEnds, Speech},
    relays::{EFFORT, Relay},
};
use crate::bench::{account, cases::Measured};

/// Calls of each: rtpengine has no room for many more on one processor.
const CALLS: u64 = 10;

/// Pairs of rounds that must have gone well, and how many are tried for it.
const ROUNDS: usize = 7;
const TRIED_MAX: usize = 2 * ROUNDS;

/// How long they speak before a round counts, and while it does.
const WARM: Duration = Duration::from_millis(400);
const RUN: Duration = Duration::from_secs(3);

/// One that could not be started is the row's fault.
type Started = Result<Box<dyn Relay>>;

/// Ours beside rtpengine.
pub(super) fn measure(
    (ours, theirs): (Started, Started),
    numbers: &mut Numbers,
    far: &mut FarEnds,
) -> Result<Measured> {
    let ours = Contestant::enter("ours", ours?, numbers, far, CALLS)?;
    let theirs = Contestant::enter("rtpengine", theirs?, numbers, far, CALLS)?;
    eprintln!("  both encode Opus with an effort of {EFFORT}");
    let mut pairs = Vec::new();
    for _ in 0..TRIED_MAX {
        if pairs.len() == ROUNDS {
            break;
        }
        let (our_round, their_round) = (ours.round(far)?, theirs.round(far)?);
        let sound = is_sound(&ours, our_round.1) && is_sound(&theirs, their_round.1);
        eprintln!(
            "  ours {:.3} ms a call and second, rtpengine {:.3} ms, ratio {:.3}{}",
            our_round.0,
            their_round.0,
            our_round.0 / their_round.0,
            if sound { "" } else { ": dropped" }
        );
        pairs.extend(sound.then_some((our_round.0, their_round.0)));
    }
    ours.leave(far)?;
    theirs.leave(far)?;
    ensure!(
        pairs.len() == ROUNDS,
        "of {TRIED_MAX} rounds only {} were answered whole",
        pairs.len()
    );
    Ok(Measured::pairs(&pairs, Some(CALLS)))
}

/// Two calls through ours, for half a second.
pub(super) fn smoke(ours: Box<dyn Relay>, numbers: &mut Numbers, far: &mut FarEnds) -> Result<()> {
    let ours = Contestant::enter("ours", ours, numbers, far, 2)?;
    let speech = far.speak(&ours.calls, Duration::from_millis(500))?;
    ensure!(speech.sent > 90, "nobody spoke: {speech:?}");
    are_answered(speech)?;
    ours.leave(far)
}

/// A process with its calls.
struct Contestant {
    name: &'static str,
    relay: Box<dyn Relay>,
    calls: Calls,
}

impl Contestant {
    /// Sets all calls up.
    fn enter(
        name: &'static str,
        mut relay: Box<dyn Relay>,
        numbers: &mut Numbers,
        far: &mut FarEnds,
        count: u64,
    ) -> Result<Self> {
        let calls = numbers.take(count);
        for call in calls.clone() {
            relay.open(call, far).with_context(|| format!("{name} opens no call"))?;
        }
        far.whatsapp_connects(&calls).with_context(|| format!("{name} connects no call"))?;
        Ok(Self { name, relay, calls })
    }

    /// Lets all speak; milliseconds of CPU for each call and second, and what was moved.
    fn round(&self, far: &mut FarEnds) -> Result<(f64, Speech)> {
        far.speak(&self.calls, WARM)?;
        let before = account::cpu_ns(self.relay.pid())?;
        let speech = far.speak(&self.calls, RUN)?;
        let spent_ns = account::cpu_ns(self.relay.pid())?.saturating_sub(before);
        let call_seconds = (self.calls.end - self.calls.start) as f64 * RUN.as_secs_f64();
        Ok((spent_ns as f64 / 1e6 / call_seconds, speech))
    }

    /// Ends all calls.
    fn leave(mut self, far: &mut FarEnds) -> Result<()> {
        for call in self.calls.clone() {
            self.relay.close(call)?;
        }
        far.close(&self.calls)
    }
}

/// Who was starved, or transcodes one way only, looks cheaper than it is.
fn is_sound(contestant: &Contestant, speech: Speech) -> bool {
    let answered = are_answered(speech);
    if let Err(fault) = &answered {
        eprintln!("  {}: {fault:#}", contestant.name);
    }
    answered.is_ok()
}
