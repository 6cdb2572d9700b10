//! What does a leg send of its own accord?
//!
//! Prompts and what a worker made of other legs' audio, one packet every 20 ms, and key presses,
//! which have the line while they last. All wait until there are keys and the gate is open, so the
//! first syllable is not lost.

use std::time::{Duration, Instant};

use media::dtmf::{DigitSender, EVENT_INTERVAL};
use media::rtp::{Fields, write_header};
use media::stream::Rewritten;

use super::slot::{Playing, Press, Slot};
use super::{marking, spoil, tell};
use crate::io::{BUFFER_LEN, Departures};
use crate::order::Feed;
use crate::{PAYLOAD_MAX, Repeat};

/// How far apart the packets of a prompt leave.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// How soon a mix that was not there when it was due is looked for again: from then on the leg is as
/// far behind its worker as that is uneven.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A thread that was held up longer than this goes on from now: a listener can use no old packets.
const LAG_MAX: Duration = Duration::from_millis(100);

/// Key presses that may wait for their turn; more than anybody types.
const WAITING_MAX: usize = 64;

/// Plays from the start.
pub(super) fn rewind(slot: &mut Slot) {
    slot.cold.playing = Playing::default();
}

/// Adds a key press to those waiting.
pub(super) fn press(slot: &mut Slot, digit: DigitSender) {
    if slot.types.dtmf.is_some() && slot.cold.waiting.len() < WAITING_MAX {
        slot.cold.waiting.push(digit);
    } else {
        slot.cold.drops.payload_type += 1;
    }
}

/// Starts what waits, if it may leave.
pub(super) fn begin(slot: &mut Slot, now: Instant) {
    if !slot.can_send() {
        slot.cold.playing.at = None;
        return;
    }
    if slot.cold.press.is_none() && !slot.cold.waiting.is_empty() {
        slot.cold.press = Some(Press { digit: slot.cold.waiting.remove(0), at: now });
    }
    slot.pressing = slot.cold.press.is_some();
    let plays = matches!(slot.cold.feed, Feed::Packets(..) | Feed::Transcoded(..) | Feed::Mix(_));
    if slot.cold.playing.at.is_none() {
        let_go(&slot.cold.feed);
    }
    slot.cold.playing.at = plays.then(|| slot.cold.playing.at.unwrap_or(now));
}

/// Lets go what waited for the line: once late, a voice would stay so.
fn let_go(feed: &Feed) {
    match feed {
        Feed::Transcoded(_, queue) | Feed::Mix(queue) => while queue.0.try_recv().is_ok() {},
        Feed::Silence | Feed::Bridge(_) | Feed::Packets(..) | Feed::Echo => {}
    }
}

/// When the next packet is due.
pub(super) fn next(slot: &Slot) -> Option<Instant> {
    // A press that cannot leave waits for the gate, not for the clock.
    if !slot.can_send() {
        return None;
    }
    match &slot.cold.press {
        Some(press) => Some(press.at),
        None => slot.cold.playing.at,
    }
}

/// Sends what is due.
pub(super) fn run(
    slot: &mut Slot,
    scratch: &mut [u8; BUFFER_LEN],
    now: Instant,
    out: &mut impl Departures,
) {
    if !slot.can_send() {
        return;
    }
    while let Some(Press { mut digit, at }) = slot.cold.press
        && at <= now
    {
        slot.cold.press = digit.next_packet().map(|packet| {
            let numbers = slot.stream.next_event(packet.first, now);
            if let Some(payload_type) = slot.types.dtmf {
                send(slot, scratch, (payload_type, numbers), &packet.payload, now, out);
            }
            Press { digit, at: at.max(late(now)) + EVENT_INTERVAL }
        });
        if slot.cold.press.is_none() {
            slot.pressing = false;
            let_go(&slot.cold.feed);
            begin(slot, now);
        }
    }
    if slot.cold.press.is_some() {
        // The prompt goes on where it was.
        slot.cold.playing.at = slot.cold.playing.at.map(|at| at.max(now + FRAME));
        return;
    }
    while let Some(at) = slot.cold.playing.at
        && at <= now
    {
        slot.cold.playing.at = frame(slot, scratch, now, out).map(|next| at.max(late(now)) + next);
    }
}

/// Sends the next frame; in how long the one after it is due, if there will be one.
fn frame(
    slot: &mut Slot,
    scratch: &mut [u8; BUFFER_LEN],
    now: Instant,
    out: &mut impl Departures,
) -> Option<Duration> {
    let frame = match &slot.cold.feed {
        Feed::Silence | Feed::Bridge(_) | Feed::Echo => return None,
        Feed::Mix(queue) => {
            let Ok(frame) = queue.0.try_recv() else { return Some(LOOK_AGAIN) };
            emit(slot, scratch, frame.bytes(), now, out);
            return Some(FRAME);
        }
        Feed::Packets(frames, repeat) => {
            let (frames, repeat) = (std::sync::Arc::clone(frames), *repeat);
            if slot.cold.playing.next >= frames.len() && repeat == Repeat::Forever {
                slot.cold.playing.next = 0;
            }
            let Some(frame) = frames.get(slot.cold.playing.next) else {
                slot.cold.feed = Feed::Silence;
                tell::played(slot);
                return None;
            };
            slot.cold.playing.next += 1;
            emit(slot, scratch, frame.bytes(), now, out);
            return Some(FRAME);
        }
        Feed::Transcoded(_, queue) => queue.0.try_recv().ok(),
    };
    // What is said while the other party's key press has the line is not made up for.
    let has_line = slot.cold.relayed.is_none_or(|relayed| relayed.until < now);
    if let Some(frame) = frame.filter(|_| has_line) {
        emit(slot, scratch, frame.bytes(), now, out);
    }

    Some(FRAME)
}

/// Sends 20 ms of audio made here.
pub(super) fn emit(
    slot: &mut Slot,
    scratch: &mut [u8; BUFFER_LEN],
    payload: &[u8],
    now: Instant,
    out: &mut impl Departures,
) {
    let numbers = slot.stream.next_frame(slot.types.codec.samples_20_ms(), now);
    let how = (slot.types.audio, numbers);
    if slot.cold.marking.is_some() {
        let mut copy = [0; PAYLOAD_MAX];
        let payload = marking::stamped(slot, payload, &mut copy).unwrap_or(payload);
        send(slot, scratch, how, payload, now, out);
    } else {
        send(slot, scratch, how, payload, now, out);
    }
}

fn send(
    slot: &mut Slot,
    scratch: &mut [u8; BUFFER_LEN],
    (payload_type, numbers): (u8, Rewritten),
    payload: &[u8],
    now: Instant,
    out: &mut impl Departures,
) -> Option<()> {
    let fields = Fields {
        payload_type,
        marker: numbers.marker,
        sequence: numbers.sequence,
        timestamp: numbers.timestamp,
        ssrc: slot.stream.ssrc(),
    };
    if slot.tapped {
        tell::tap_sent(slot, fields, payload, now);
    }
    let start = write_header(scratch, fields)?;
    scratch.get_mut(start..start + payload.len())?.copy_from_slice(payload);
    let len = slot.leg.protect_rtp(scratch, start + payload.len())?;
    slot.sent.add(payload.len());
    if slot.impaired && !spoil::leaves(slot, scratch.get(..len)?, now) {
        return Some(());
    }
    out.send(slot.socket, slot.to, scratch.get(..len)?);

    Some(())
}

/// The earliest moment to count the next packet from.
pub(super) fn late(now: Instant) -> Instant {
    now.checked_sub(LAG_MAX).unwrap_or(now)
}
