//! Where does an audio packet go that a leg has heard?
//!
//! Counted first; then to taps; then to every leg that plays this one. What a payload type means is
//! looked up on the leg that heard it and written as the leg that sends it agreed. The last leg in
//! the list sends the packet in place; only a second one costs a copy. Audio for a leg of another
//! codec goes by a tap to a worker and comes back as a queue of frames ([`super::play`]).

use std::time::{Duration, Instant};

use media::frame::AudioCodec;
use media::rtp::{Fields, HEADER_LEN, RtpHeader, write_header};
use media::stream::{Rewritten, SourceId};

use super::legs::Legs;
use super::slot::{Relayed, Slot};
use super::{spoil, tell};
use crate::Direction;
use crate::io::{BUFFER_LEN, Departures, InPlace};

/// A pause shorter than this is nothing to report.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// How long a key press has the line after one of its packets, in a stream that is made here: twice
/// what RFC 4733 lets them be apart.
const RELAY_HOLD: Duration = Duration::from_millis(100);

/// A packet of an older key press is a straggler for so long; then its sender counts anew.
const STRAGGLER_MAX: Duration = Duration::from_secs(1);

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Audio,
    Dtmf,
    /// What a party's room sounds like while it says nothing.
    Noise,
}

/// Who has heard a packet.
#[derive(Clone, Copy, Debug)]
struct Heard {
    source: SourceId,
    codec: AudioCodec,
    meaning: Meaning,
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
    let came = legs.came.take().unwrap_or(now);
    let meaning = count(slot, header, (came, now))?;
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
    if slot.muted && meaning != Meaning::Dtmf {
        return None;
    }
    if slot.tapped {
        tell::tap(slot, Direction::Received, header, header.payload(buf), came);
    }
    let heard = Heard { source: slot.source, codec: slot.types.codec, meaning };
    match (slot.feeds.first(), slot.feeds.len()) {
        (None, _) => None,
        (Some(&only), 1) => {
            let fed = legs.slots.get_mut(only as usize)?.as_deref_mut()?;
            let numbers = admit(fed, heard, header, now)?;
            send(fed, numbers, header, buf, now)
        }
        (Some(_), feeds) => {
            for at in 0..feeds {
                copy_to(legs, index, at, heard, header, buf, now, out);
            }
            None
        }
    }
}

/// Counts a packet and says what it is; none for what was never agreed.
fn count(slot: &mut Slot, header: &RtpHeader, (came, now): (Instant, Instant)) -> Option<Meaning> {
    let meaning = if header.payload_type == slot.types.audio {
        Meaning::Audio
    } else if Some(header.payload_type) == slot.types.dtmf {
        Meaning::Dtmf
    } else if Some(header.payload_type) == slot.types.noise {
        Meaning::Noise
    } else {
        slot.cold.drops.payload_type += 1;
        slot.cold.foreign_type = Some(header.payload_type);
        return None;
    };
    if slot.heard != Some(header.ssrc) {
        tell::new_source(slot, header.ssrc);
    }
    // Only counted here: SRTP has already refused whatever came twice.
    let _arrival = match meaning {
        Meaning::Audio => slot.reception.receive(header.sequence, header.timestamp, came),
        Meaning::Dtmf | Meaning::Noise => slot.reception.receive_untimed(header.sequence),
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
    heard: Heard,
    header: &RtpHeader,
    now: Instant,
) -> Option<(u8, Rewritten)> {
    if !fed.can_send() {
        fed.cold.drops.gate += 1;
        return None;
    }
    // Our own key press has the line.
    if fed.pressing {
        return None;
    }
    let same_codec = heard.codec == fed.types.codec;
    let payload_type = match heard.meaning {
        Meaning::Audio if same_codec => Some(fed.types.audio),
        Meaning::Audio | Meaning::Noise => return None,
        Meaning::Dtmf => fed.types.dtmf,
    };
    let Some(payload_type) = payload_type else {
        fed.cold.drops.payload_type += 1;
        return None;
    };
    let numbers = if same_codec {
        fed.stream.forward(heard.source, header, now)?
    } else {
        relay(fed, header, now)?
    };

    Some((payload_type, numbers))
}

/// Numbers for a packet of a key press that goes between the frames made here: its clock is not ours.
fn relay(fed: &mut Slot, header: &RtpHeader, now: Instant) -> Option<Rewritten> {
    let known = fed.cold.relayed.filter(|known| known.ssrc == header.ssrc);
    let goes_on = known.is_some_and(|known| known.timestamp == header.timestamp);
    if let Some(known) = known {
        let older = header.timestamp.wrapping_sub(known.timestamp) > u32::MAX / 2;
        let is_late = goes_on && now > known.until;
        let is_straggler = older && now < known.until + STRAGGLER_MAX;
        if is_late || is_straggler {
            return None;
        }
    }
    let until = now + RELAY_HOLD;
    fed.cold.relayed = Some(Relayed { ssrc: header.ssrc, timestamp: header.timestamp, until });

    Some(fed.stream.next_event(!goes_on, now))
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
    heard: Heard,
    header: &RtpHeader,
    buf: &[u8],
    now: Instant,
    out: &mut impl Departures,
) -> Option<()> {
    let fed = legs.slot(index)?.feeds.get(at)?;
    let mut copy = [0u8; BUFFER_LEN];
    let end = header.payload_range().end;
    copy.get_mut(..end)?.copy_from_slice(buf.get(..end)?);
    let fed = legs.slot(fed)?;
    let numbers = admit(fed, heard, header, now)?;
    let InPlace { socket, to, start, len } = send(fed, numbers, header, &mut copy, now)?;
    out.send(socket, to, copy.get(start..start + len)?);

    Some(())
}
