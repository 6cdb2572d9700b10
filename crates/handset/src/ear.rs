//! How does a phone listen to one direction of its leg?
//!
//! The engine copies packets into a bounded ring; whoever owns the ear drains it now and then,
//! far from the packet path.

use std::time::Instant;

use audio::{
    measure::{Measure, Report},
    opus::CodecError,
    playout::Playout,
};
use engine::{Direction, LegHandle, Tapped};

/// Copies that may wait: five seconds, should the task that drains them be kept from it.
const WAITING_MAX: usize = 256;

/// One direction of one leg.
pub struct Ear {
    packets: Tapped,
    opus: u8,
    zero: Instant,
    playout: Playout,
    measure: Measure,
    heard_any: bool,
    kept: Option<Vec<i16>>,
}

impl Ear {
    /// Listens from `zero` on; keeps the samples if asked to.
    ///
    /// # Errors
    ///
    /// [`CodecError`] when there is no decoder.
    pub fn listen(
        leg: &LegHandle,
        direction: Direction,
        opus: u8,
        zero: Instant,
        keeps: bool,
    ) -> Result<Self, CodecError> {
        let (tap, packets) = engine::tap(direction, WAITING_MAX);
        leg.listen(tap);
        Ok(Self {
            packets,
            opus,
            zero,
            playout: Playout::new()?,
            measure: Measure::default(),
            heard_any: false,
            kept: keeps.then(Vec::new),
        })
    }

    /// Takes what waits.
    pub fn drain(&mut self) {
        while let Ok(packet) = self.packets.try_recv() {
            if packet.pt != self.opus {
                continue;
            }
            self.heard_any = true;
            let at = packet.at.saturating_duration_since(self.zero);
            self.playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
        }
        let samples = self.playout.take();
        self.hear(&samples);
    }

    /// Takes what waits and fills with silence up to `end`.
    pub fn finish(&mut self, end: Instant) {
        self.drain();
        let samples = self.playout.finish(end.saturating_duration_since(self.zero));
        self.hear(&samples);
    }

    /// What was heard so far; `None` when no audio came.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        self.heard_any.then(|| self.measure.report())
    }

    /// The samples, if they were kept.
    #[must_use]
    pub fn into_samples(self) -> Vec<i16> {
        self.kept.unwrap_or_default()
    }

    fn hear(&mut self, samples: &[i16]) {
        self.measure.push(samples);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(samples);
        }
    }
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ear").field("heard_any", &self.heard_any).finish_non_exhaustive()
    }
}
