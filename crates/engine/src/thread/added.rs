//! What do we add to a packet's way?
//!
//! Now and then, for a packet that left as soon as it was heard: from the moment the network stack took it
//! to the end of the turn in which it was handed over again. What it waited in the socket is part of it.

use std::time::{Duration, Instant};

use super::legs::Legs;
use crate::arrival;
use crate::io::Io;
use crate::stats::Added;

/// How often a thread looks.
const EVERY: Duration = Duration::from_millis(20);

/// Longer is no packet that waited but a clock that was set.
const MOST: Duration = Duration::from_secs(10);

/// Looks, if it is time and the turn's newest datagram was passed on: only its stamp is still known.
pub(super) fn look(legs: &mut Legs, io: &impl Io, now: Instant) {
    let Some((index, socket)) = legs.passed_on.take() else {
        return;
    };
    if now < legs.look_at {
        return;
    }
    legs.look_at = now + if legs.has_stamps() { EVERY } else { arrival::SETTLES };
    let arrived = io.arrived(socket);
    let left = arrival::now();
    if !legs.stamps(socket) {
        return;
    }
    let took = arrived.and_then(|arrived| left.checked_sub(arrived)).filter(|took| *took < MOST);
    if let (Some(took), Some(slot)) = (took, legs.slot(index)) {
        slot.cold.added.get_or_insert_default().take(took);
    }
}

impl Added {
    fn take(&mut self, took: Duration) {
        self.samples += 1;
        self.sum += took;
        self.most = self.most.max(took);
    }
}
