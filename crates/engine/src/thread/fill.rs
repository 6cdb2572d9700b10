//! What leaves when nobody speaks?
//!
//! Silence, frame by frame, so that the stream has no gap: where a source has stopped, where the far
//! end of a bridge sends nothing while its user is quiet (DTX), and from the moment the gate opens.
//! Whoever speaks next takes the stream over as after a pause.

use std::time::{Duration, Instant};

use super::play;
use super::slot::Slot;
use crate::io::{BUFFER_LEN, Departures};
use crate::order::Feed;

/// How long after a packet silence begins: two frames were missed, and with what the wheel is late the
/// gap stays below 60 ms. Sooner, a little jitter of whom we bridge would be filled.
const GAP: Duration = Duration::from_millis(45);

/// How far a leg's silence has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fill {
    /// When the last frame of it left and the next is due, counted by frames.
    newest: Option<(Instant, Instant)>,
}

/// When the leg has to be looked at, for what it plays, for silence or for anything else.
pub(super) fn soonest(slot: &Slot, now: Instant) -> Option<Instant> {
    [play::next(slot), next(slot, now), slot.cold.others_at].into_iter().flatten().min()
}

/// When the next frame of silence is due, if nothing else leaves before.
fn next(slot: &Slot, now: Instant) -> Option<Instant> {
    let fill = slot.cold.fill?;
    // A worker may be held up, and one that transcodes has nothing where its party says nothing.
    let from_worker = matches!(slot.cold.feed, Feed::Mix(_) | Feed::Transcoded(..));
    let plays = slot.cold.playing.at.is_some() && !from_worker;
    let busy = slot.cold.press.is_some() || plays;
    if busy || !slot.can_send() {
        return None;
    }
    let relayed = slot.cold.relayed.map(|relayed| relayed.until);
    let Some(left_at) = slot.stream.newest_at() else { return Some(now) };
    let due = match fill.newest {
        Some((at, due)) if at == left_at => due,
        Some(_) | None => left_at + GAP,
    };

    Some(relayed.map_or(due, |until| due.max(until)))
}

/// Sends what is due.
pub(super) fn run(
    slot: &mut Slot,
    scratch: &mut [u8; BUFFER_LEN],
    now: Instant,
    out: &mut impl Departures,
) {
    while let Some(due) = next(slot, now).filter(|due| *due <= now) {
        play::emit(slot, scratch, slot.types.codec.silence_20_ms(), now, out);
        let next = due.max(play::late(now)) + play::FRAME;
        slot.cold.fill = Some(Fill { newest: Some((now, next)) });
    }
}
