//! What do the two ends tell each other about the audio?
//!
//! Every few seconds a sender or receiver report leaves, whatever the gate says: RTCP is no audio,
//! and it keeps a held call alive. The far end's reports give the round trip and what it missed.

use std::time::{Duration, Instant};

use media::quality::round_trip;
use media::rtcp::{self, Packet, Report, SenderReport};

use super::legs::Clock;
use super::slot::Slot;
use super::{spoil, tell};
use crate::io::{BUFFER_LEN, Departures};

/// Whether a report is due; the next one then is in about `every`, so that the legs of a thread do
/// not march in step.
pub(super) fn is_due(slot: &mut Slot, every: Duration, now: Instant) -> bool {
    if slot.cold.report_at.is_none_or(|at| at > now) {
        return false;
    }
    let spread = u32::try_from(slot.cold.id.0.wrapping_mul(37) % 200).unwrap_or_default();
    slot.cold.report_at = Some(now + every * (900 + spread) / 1_000);

    true
}

/// Sends a report.
pub(super) fn send(
    slot: &mut Slot,
    scratch: &mut [u8; BUFFER_LEN],
    clock: Clock,
    now: Instant,
    out: &mut impl Departures,
) -> Option<()> {
    let speaks = slot.sent.packets > slot.cold.reported;
    slot.cold.reported = slot.sent.packets;
    let sender =
        slot.stream.timestamp_at(now).filter(|_| speaks).map(|rtp_timestamp| SenderReport {
            ntp: clock.ntp(now),
            rtp_timestamp,
            packets: wrapped(slot.sent.packets),
            octets: wrapped(slot.sent.bytes),
        });
    let report = Report {
        ssrc: slot.stream.ssrc(),
        sender,
        block: slot.heard.and_then(|ssrc| slot.reception.report(ssrc, now)),
        cname: &slot.cold.cname,
    };
    let plain = rtcp::write_report(scratch, &report)?;
    let len = slot.leg.protect_rtcp(scratch, plain)?;
    if slot.impaired && !spoil::leaves(slot, scratch.get(..len)?, now) {
        return Some(());
    }
    out.send(slot.socket, slot.to, scratch.get(..len)?);

    Some(())
}

/// Takes the far end's reports.
pub(super) fn hear(slot: &mut Slot, datagram: &[u8], clock: Clock, now: Instant) {
    slot.cold.reports += 1;
    if slot.heard.is_some() {
        slot.cold.report_heard = Some(now);
        tell::alive(slot);
    }
    let ours = slot.stream.ssrc();
    for packet in rtcp::parse(datagram) {
        let blocks = match packet {
            Ok(Packet::SenderReport { report, blocks, .. }) => {
                slot.reception.hear_report(&report, now);
                blocks
            }
            Ok(Packet::ReceiverReport { blocks, .. }) => blocks,
            Ok(
                Packet::SourceDescription { .. } | Packet::Goodbye { .. } | Packet::Other { .. },
            ) => continue,
            Err(_) => {
                slot.cold.drops.malformed += 1;
                return;
            }
        };
        if let Some(block) = blocks.about(ours) {
            slot.cold.lost_there = Some(f32::from(block.fraction_lost) * 100.0 / 256.0);
            if let Some(rtt) = round_trip(clock.ntp(now), &block) {
                slot.cold.rtt_ms = Some(rtt.as_secs_f32() * 1_000.0);
            }
        }
    }
}

/// Says that our source leaves.
pub(super) fn say_goodbye(
    slot: &mut Slot,
    scratch: &mut [u8; BUFFER_LEN],
    out: &mut impl Departures,
) -> Option<()> {
    let plain = rtcp::write_goodbye(scratch, slot.stream.ssrc(), &slot.cold.cname)?;
    let len = slot.leg.protect_rtcp(scratch, plain)?;
    out.send(slot.socket, slot.to, scratch.get(..len)?);

    Some(())
}

#[expect(clippy::cast_possible_truncation, reason = "RFC 3550 lets these counts wrap")]
const fn wrapped(count: u64) -> u32 {
    count as u32
}
