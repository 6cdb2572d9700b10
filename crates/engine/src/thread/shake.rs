//! Which handshakes are worked on here, and which by others?

use std::time::Instant;

use super::legs::{Legs, Via};
use crate::io::Departures;

/// Handshakes under way on a thread before their steps go to others. So many hold a call up for less
/// than the gap between two of its packets.
const HERE_MAX: usize = 4;

impl Legs {
    /// Whether DTLS for a leg that is set up now is worked on by others.
    pub(super) const fn hands_over(&self) -> bool {
        self.shaking > HERE_MAX && self.handshakes.has_threads()
    }

    /// Hands over what a leg has collected.
    pub(super) fn hand_over(&mut self, index: u32, now: Instant, out: &mut impl Departures) {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_deref_mut) else {
            return;
        };
        while let Some(step) = slot.leg.next_step() {
            let Some(refused) = self.handshakes.hand_over(slot.cold.id, step) else {
                return;
            };
            let mut via = Via { out, socket: slot.socket, connected: slot.cold.connected };
            slot.leg.take_back(refused, now, &mut via);
        }
    }

    /// Takes back what others have done.
    pub(super) fn take_back(&mut self, now: Instant, out: &mut impl Departures) {
        while let Some(done) = self.handshakes.next_done() {
            // The leg may have been closed meanwhile.
            let Some(index) = self.index_of(done.leg) else {
                continue;
            };
            if let Some(slot) = self.slot(index) {
                let mut via =
                    Via { out: &mut *out, socket: slot.socket, connected: slot.cold.connected };
                slot.leg.take_back(done.outcome, now, &mut via);
            }
            self.hand_over(index, now, out);
            self.settle(index, now);
        }
    }

    /// Counts a leg's handshake while it is under way.
    pub(super) fn count_handshake(&mut self, index: u32, over: bool) {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_deref_mut) else {
            return;
        };
        let shaking = !over && slot.leg.is_shaking_hands();
        match (slot.cold.shaking, shaking) {
            (false, true) => self.shaking += 1,
            (true, false) => self.shaking -= 1,
            (true, true) | (false, false) => {}
        }
        slot.cold.shaking = shaking;
    }
}
