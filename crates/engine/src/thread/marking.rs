//! Which packets of this leg leave with a mark, and what has it heard of others' marks?
//!
//! Only legs that were asked for it ([`crate::LegHandle::mark`]) pay for it: a copy of each packet
//! that leaves and a look at the end of each that comes. The clock is the system's monotonic one, so
//! that every process of a machine reads the same time.

use std::time::{Duration, Instant};

use media::mark::{Mark, Marks};

use super::slot::Slot;
use crate::PAYLOAD_MAX;

/// See the module.
#[derive(Debug)]
pub(super) struct Marking {
    tag: u32,
    count: u32,
    heard: Marks,
}

impl Marking {
    pub(super) fn new(tag: u32, expects: u32) -> Self {
        Self { tag, count: 0, heard: Marks::of(expects) }
    }

    pub(super) const fn heard(&self) -> &Marks {
        &self.heard
    }

    /// Writes the next mark into this copy of a packet, if it has room for one.
    fn stamp(&mut self, packet: &mut [u8]) {
        let mark = Mark { tag: self.tag, count: self.count, sent: monotonic() };
        if mark.write(packet) {
            self.count = self.count.wrapping_add(1);
        }
    }
}

/// A copy of what a marked leg sends next, with its mark; none for any other leg.
pub(super) fn stamped<'a>(
    slot: &mut Slot,
    payload: &[u8],
    copy: &'a mut [u8; PAYLOAD_MAX],
) -> Option<&'a [u8]> {
    let marking = slot.cold.marking.as_deref_mut()?;
    let copy = copy.get_mut(..payload.len())?;
    copy.copy_from_slice(payload);
    marking.stamp(copy);

    Some(copy)
}

/// Reads the mark of a packet that came then: what it waited here is no part of its way.
pub(super) fn hear(slot: &mut Slot, payload: &[u8], came: Instant) {
    if let Some(marking) = slot.cold.marking.as_deref_mut() {
        marking.heard.hear(payload, monotonic().saturating_sub(came.elapsed()));
    }
}

/// Time since the machine started.
fn monotonic() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}
