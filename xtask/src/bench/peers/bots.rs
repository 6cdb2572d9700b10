//! What does a call with a bot cost, beside its codecs alone and beside pipecat?
//!
//! Users speak real speech to the gateway's own echo bot: it decodes what it hears, says it and encodes
//! it again. All CPU of the gateway's process counts, from the socket to the socket. Beside it stands
//! what the same libopus costs for the same speech of as many calls with nothing around it, on the same
//! processor in the same seconds, a frame of each call every 20 ms; and pipecat's process with the same bot
//! behind its WhatsApp transport.

use std::{path::Path, thread, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{
    Numbers,
    far_ends::{Calls, FarEnds, Speech},
    place,
    spoken::Spoken,
    webhook::{self, Answered, Business, Graph},
};
use crate::{
    bench::{account, cases::Measured},
    shell,
};

/// The efforts of the encoder that have a case, and with how many calls: ours and the codecs alone share a processor,
/// and a worker that has much to do would make less effort. The least is made where a gateway has much to do, so there
/// it has as many as [`that_fit`].
pub(super) const EFFORTS: [(u8, Option<u64>); 3] = [(0, None), (5, Some(30)), (10, Some(20))];

/// What ours and the codecs alone may need of their processor: it is a virtual one, and not always as fast as now.
const FULL: f64 = 0.6;
/// How much of that is ours, in what the codecs need.
const OURS: f64 = 1.2;
const MANY: std::ops::RangeInclusive<u64> = 30..=100;

/// The effort a gateway has when nobody chooses.
const COMPLEXITY_DEFAULT: u8 = 5;

/// Calls beside pipecat, which is full at seven or eight.
const CALLS_BESIDE_PIPECAT: u64 = 5;
const EVERY: Duration = Duration::from_millis(150);

const ROUNDS: usize = 7;

/// How long users speak before anything counts: the bot explains itself first, and answers with a delay.
const GREETING: Duration = Duration::from_secs(12);
const WARM: Duration = Duration::from_millis(400);
const RUN: Duration = Duration::from_secs(3);

/// Frames of each call the codecs are timed with: three seconds.
const FRAMES: u64 = 150;
const FRAMES_A_SECOND: f64 = 50.0;

/// What must come back at least for a call to count as one, of what was said.
const HEARD_MIN: f64 = 0.95;
/// And of that what is no silence; between two sentences the speech pauses.
const VOICED_MIN: f64 = 0.5;

/// Our calls at this effort beside the codecs.
pub(super) fn beside_codecs(
    work: &Path,
    numbers: &mut Numbers,
    far: &mut FarEnds,
    (complexity, calls): (u8, Option<u64>),
) -> Result<Measured> {
    let mut codecs = Codecs::start()?;
    let calls = match calls {
        Some(calls) => calls,
        None => that_fit(codecs.ms(complexity, *MANY.start())?),
    };
    let graph = Graph::start()?;
    let ours = Business::ours(work, graph.address, Answered::Bot { complexity })?;
    let bots = Talks::begin(ours, &graph, numbers, far, calls)?;
    let mut pairs = Vec::new();
    for _ in 0..ROUNDS {
        let (whole, codecs_ms) = bots.round_beside(far, || codecs.ms(complexity, calls))?;
        eprintln!("  a call {whole:.3} ms a second, its codecs {codecs_ms:.3} ms");
        pairs.push((whole, codecs_ms));
    }
    bots.end(far)?;
    Ok(Measured::pairs(&pairs, Some(calls)))
}

/// As many calls as fill their part of the processor, where their codecs need so much of a second each.
fn that_fit(codecs_ms: f64) -> u64 {
    let each_ms = codecs_ms * (1.0 + OURS);

    MANY.rev().find(|calls| *calls as f64 * each_ms <= FULL * 1_000.0).unwrap_or(*MANY.start())
}

/// Our calls beside pipecat's.
pub(super) fn beside_pipecat(
    work: &Path,
    numbers: &mut Numbers,
    far: &mut FarEnds,
) -> Result<Measured> {
    let answers = Answered::Bot { complexity: COMPLEXITY_DEFAULT };
    let (our_graph, their_graph) = (Graph::start()?, Graph::start()?);
    let ours = Business::ours(work, our_graph.address, answers)?;
    let ours = Talks::begin(ours, &our_graph, numbers, far, CALLS_BESIDE_PIPECAT)?;
    let pipecat = Business::pipecat(their_graph.address, answers)?;
    let pipecat = Talks::begin(pipecat, &their_graph, numbers, far, CALLS_BESIDE_PIPECAT)?;
    let mut pairs = Vec::new();
    for _ in 0..ROUNDS {
        let pair = (ours.round(far)?, pipecat.round(far)?);
        eprintln!("  ours {:.3} ms a second, pipecat {:.3} ms", pair.0, pair.1);
        pairs.push(pair);
    }
    ours.end(far)?;
    pipecat.end(far)?;
    Ok(Measured::pairs(&pairs, Some(CALLS_BESIDE_PIPECAT)))
}

/// Calls whose users talk with a bot.
struct Talks {
    business: Business,
    calls: Calls,
}

impl Talks {
    fn begin(
        business: Business,
        graph: &Graph,
        numbers: &mut Numbers,
        far: &mut FarEnds,
        count: u64,
    ) -> Result<Self> {
        let (calls, _) = webhook::bring(&business, graph, numbers, far, (count, EVERY))?;
        far.speak(&calls, GREETING)?;
        Ok(Self { business, calls })
    }

    /// Lets users speak; milliseconds of CPU for each call and second.
    fn round(&self, far: &mut FarEnds) -> Result<f64> {
        Ok(self.round_beside(far, || Ok(()))?.0)
    }

    /// The same, and what came of something else meanwhile.
    fn round_beside<T: Send>(
        &self,
        far: &mut FarEnds,
        other: impl FnOnce() -> Result<T> + Send,
    ) -> Result<(f64, T)> {
        far.speak(&self.calls, WARM)?;
        let before = account::cpu_ns(self.business.pid())?;
        let (speech, other) = thread::scope(|scope| {
            let other = scope.spawn(other);
            let speech = far.speak(&self.calls, RUN);
            (speech, other.join().expect("whoever measures does not panic"))
        });
        let spent_ns = account::cpu_ns(self.business.pid())?.saturating_sub(before);
        are_answered(speech?).with_context(|| self.business.name)?;
        let call_seconds = (self.calls.end - self.calls.start) as f64 * RUN.as_secs_f64();
        Ok((spent_ns as f64 / 1e6 / call_seconds, other?))
    }

    fn end(self, far: &mut FarEnds) -> Result<()> {
        webhook::hang_up(&self.business, &self.calls, far)
    }
}

/// A bot that says nothing would be cheap.
pub(super) fn are_answered(speech: Speech) -> Result<()> {
    let Speech { sent, heard, voiced } = speech;
    let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
    ensure!(
        share(heard, sent) >= HEARD_MIN && share(voiced, heard) >= VOICED_MIN,
        "of {sent} packets of speech {heard} were answered, {voiced} of them with a voice"
    );
    Ok(())
}

/// libopus with nothing around it.
struct Codecs(Spoken);

impl Codecs {
    fn start() -> Result<Self> {
        let program = shell::target().join("release/examples/codecs");
        let command = place::pinned(place::MEASURED, program.as_os_str());
        Ok(Self(Spoken::start("the codecs", command)?))
    }

    /// Milliseconds of CPU to decode and to encode a second of a call.
    fn ms(&mut self, complexity: u8, calls: u64) -> Result<f64> {
        let order = json!({ "complexity": complexity, "calls": calls, "frames": FRAMES });
        let answer = self.0.ask(&order)?;
        let ns = |of: &str| answer[of].as_f64().context("the codecs have no figure");
        Ok((ns("decode_ns")? + ns("encode_ns")?) * FRAMES_A_SECOND / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_calls_as_the_processor_is_fast() {
        assert_eq!([20.0, 4.0, 2.0].map(that_fit), [30, 68, 100]);
    }

    #[test]
    fn silence_and_half_an_answer_are_none() {
        let good = Speech { sent: 1_000, heard: 990, voiced: 900 };
        assert!(are_answered(good).is_ok());
        assert!(are_answered(Speech { heard: 500, ..good }).is_err());
        assert!(are_answered(Speech { voiced: 10, ..good }).is_err());
        assert!(are_answered(Speech { sent: 0, heard: 0, voiced: 0 }).is_err());
    }
}
