//! Where does an audio packet go that a leg has heard?
//!
//! Counted first; then to taps; then to every leg that plays this one. What a payload type means is
//! looked up on the leg that heard it and written as the leg that sends it agreed. The last leg in
//! the list sends the packet in place; only a second one costs a copy.

use std::time::{Duration, Instant};

use media::rtp::{Fields, HEADER_LEN, RtpHeader, write_header};
use media::stream::Rewritten;

use super::legs::Legs;
use super::slot::Slot;
use super::{spoil, tell};
use crate::Direction;
use crate::io::{BUFFER_LEN, Departures, InPlace};

/// A pause shorter than this is nothing to report.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Opus,
    Dtmf,
}

/// Takes a packet that leg `index` has heard, plain in `buf`.
pub(super) fn rtp(
    legs: &mut Legs,
    index: u32,
    header: &RtpHeader,
    buf: &mut [u8],
    now: Instant,
    out: &mut impl Departures,
) -> Option<InPlace> {
    let slot = legs.slots.get_mut(index as usize)?.as_deref_mut()?;
    let meaning = count(slot, header, now)?;
    let news = slot.stopped || slot.received.packets == 1;
    if news {
        tell::heard(slot, now);
    }
    if meaning == Meaning::Dtmf {
        tell::digit(slot, header, buf, now);
    }
    // The watch looks out for the next silence, and a press without an end is told by a timer.
    if news || meaning == Meaning::Dtmf {
        legs.settle(index, now);
    }
    let slot = legs.slots.get_mut(index as usize)?.as_deref_mut()?;
    if slot.muted && meaning == Meaning::Opus {
        return None;
    }
    if slot.tapped {
        tell::tap(slot, Direction::Received, header, header.payload(buf), now);
    }
    let source = slot.source;
    match (slot.feeds.first(), slot.feeds.len()) {
        (None, _) => None,
        (Some(&only), 1) => {
            let fed = legs.slots.get_mut(only as usize)?.as_deref_mut()?;
            let numbers = admit(fed, source, meaning, header, now)?;
            send(fed, numbers, header, buf, now)
        }
        (Some(_), feeds) => {
            for at in 0..feeds {
                copy_to(legs, index, at, meaning, header, buf, now, out);
            }
            None
        }
    }
}

/// Counts a packet and says what it is; none for what was never agreed.
fn count(slot: &mut Slot, header: &RtpHeader, now: Instant) -> Option<Meaning> {
    let meaning = if header.payload_type == slot.types.opus {
        Meaning::Opus
    } else if Some(header.payload_type) == slot.types.dtmf {
        Meaning::Dtmf
    } else {
        slot.drops.payload_type += 1;
        slot.cold.foreign_type = Some(header.payload_type);
        return None;
    };
    if slot.heard != Some(header.ssrc) {
        tell::new_source(slot, header.ssrc);
    }
    // Only counted here: SRTP has already refused whatever came twice.
    let _arrival = match meaning {
        Meaning::Opus => slot.reception.receive(header.sequence, header.timestamp, now),
        Meaning::Dtmf => slot.reception.receive_untimed(header.sequence),
    };
    let pause = now.saturating_duration_since(slot.last_heard);
    if pause >= PAUSE_MIN && slot.received.packets > 0 {
        slot.cold.longest_pause = slot.cold.longest_pause.max(Some(pause));
    }
    slot.received.add(header.payload_len);
    slot.last_heard = now;

    Some(meaning)
}

/// Whether leg `fed` sends this packet, and with which numbers.
fn admit(
    fed: &mut Slot,
    source: media::stream::SourceId,
    meaning: Meaning,
    header: &RtpHeader,
    now: Instant,
) -> Option<(u8, Rewritten)> {
    if !fed.can_send() {
        fed.drops.gate += 1;
        return None;
    }
    // Our own key press has the line.
    if fed.pressing {
        return None;
    }
    let payload_type = match meaning {
        Meaning::Opus => Some(fed.types.opus),
        Meaning::Dtmf => fed.types.dtmf,
    };
    let Some(payload_type) = payload_type else {
        fed.drops.payload_type += 1;
        return None;
    };

    Some((payload_type, fed.stream.forward(source, header, now)?))
}

/// Writes the new header right before the payload and protects both where they lie.
fn send(
    fed: &mut Slot,
    (payload_type, numbers): (u8, Rewritten),
    header: &RtpHeader,
    buf: &mut [u8],
    now: Instant,
) -> Option<InPlace> {
    let start = header.header_len.checked_sub(HEADER_LEN)?;
    let fields = Fields {
        payload_type,
        marker: numbers.marker,
        sequence: numbers.sequence,
        timestamp: numbers.timestamp,
        ssrc: fed.stream.ssrc(),
    };
    if fed.tapped {
        tell::tap_sent(fed, fields, header.payload(buf), now);
    }
    let packet = buf.get_mut(start..)?;
    let plain = write_header(packet, fields)? + header.payload_len;
    let len = fed.leg.protect_rtp(packet, plain)?;
    fed.sent.add(header.payload_len);
    if fed.impaired && !spoil::leaves(fed, packet.get(..len)?, now) {
        return None;
    }

    Some(InPlace { socket: fed.socket, to: fed.to, start, len })
}

/// Sends a copy to the leg at `at` in the list of leg `index`.
#[expect(clippy::too_many_arguments, reason = "one packet's way, taken apart only for its length")]
fn copy_to(
    legs: &mut Legs,
    index: u32,
    at: usize,
    meaning: Meaning,
    header: &RtpHeader,
    buf: &[u8],
    now: Instant,
    out: &mut impl Departures,
) -> Option<()> {
    let slot = legs.slot(index)?;
    let (source, fed) = (slot.source, slot.feeds.get(at)?);
    let mut copy = [0u8; BUFFER_LEN];
    let end = header.payload_range().end;
    copy.get_mut(..end)?.copy_from_slice(buf.get(..end)?);
    let fed = legs.slot(fed)?;
    let numbers = admit(fed, source, meaning, header, now)?;
    let InPlace { socket, to, start, len } = send(fed, numbers, header, &mut copy, now)?;
    out.send(socket, to, copy.get(start..start + len)?);

    Some(())
}
