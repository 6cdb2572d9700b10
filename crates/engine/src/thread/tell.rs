//! What does a leg's owner hear about it?
//!
//! Events and copies of packets. Nothing here waits: a full channel loses, and the loss is counted.

use std::time::{Duration, Instant};

use media::dtmf::{Digit, DigitEvent};
use media::leg::LegState;
use media::one_key::Way;
use media::quality::{Figures, Reception};
use media::rtp::{Fields, RtpHeader};
use tokio::sync::mpsc;

use super::marking;
use super::slot::{Slot, Watch};
use crate::tap::{Given, TapUse};
use crate::{Direction, LegEvent};

/// When a key press without an end packet is looked at; [`media::dtmf`] calls it over after 200 ms.
const DIGIT_TICK: Duration = Duration::from_millis(250);

/// How soon after the keys the first report goes out: it starts the measuring of the round trip.
const FIRST_REPORT: Duration = Duration::from_millis(500);

/// Key presses leave this share of the channel free: who presses keys faster than the call's owner
/// listens must not hide from it that the leg has failed.
const KEPT_FREE: usize = 8;

fn event(slot: &mut Slot, event: LegEvent) {
    let events = &slot.cold.events;
    if matches!(event, LegEvent::Digit(_)) && events.capacity() <= events.max_capacity() / KEPT_FREE
    {
        slot.cold.events_lost += 1;
        return;
    }
    match slot.cold.events.try_send(event) {
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
        Err(mpsc::error::TrySendError::Full(_)) => slot.cold.events_lost += 1,
    }
}

/// The last event.
pub(super) fn closed(slot: &mut Slot, now: Instant) {
    let stats = Box::new(slot.stats(now));
    event(slot, LegEvent::Closed(stats));
}

/// A prompt or a digit has played.
pub(super) fn played(slot: &mut Slot) {
    event(slot, LegEvent::PlaybackDone);
}

/// How far set-up has come, if that is news.
pub(super) fn state(slot: &mut Slot, now: Instant) {
    let state = slot.leg.state();
    if state == slot.cold.told {
        return;
    }
    slot.cold.told = state;
    let at_ms = ms(now.saturating_duration_since(slot.cold.remote_at));
    match state {
        LegState::New | LegState::Checking => {}
        LegState::Handshaking => ice_connected(slot, at_ms),
        LegState::Connected => {
            ice_connected(slot, at_ms);
            slot.cold.set_up.dtls_ms = Some(at_ms);
            slot.cold.report_at = Some(now + FIRST_REPORT);
            if let Some(profile) = slot.leg.profile() {
                event(slot, LegEvent::DtlsConnected { at_ms, profile });
            }
        }
        LegState::Failed(reason) => {
            slot.cold.report_at = None;
            event(slot, LegEvent::Failed { reason });
        }
    }
}

fn ice_connected(slot: &mut Slot, at_ms: u64) {
    if slot.cold.set_up.ice_ms.is_none() {
        slot.cold.set_up.ice_ms = Some(at_ms);
        event(slot, LegEvent::IceConnected { at_ms });
    }
}

/// The far end has begun a stream.
pub(super) fn new_source(slot: &mut Slot, ssrc: u32) {
    if slot.heard.is_some() {
        slot.cold.ssrc_changes += 1;
        let done = slot.reception.figures();
        let past = &mut slot.cold.past;
        *past = Figures {
            received: past.received + done.received,
            expected: past.expected + done.expected,
            lost: past.lost + done.lost,
            late: past.late + done.late,
            duplicates: past.duplicates + done.duplicates,
            jitter_ms: done.jitter_ms,
        };
        slot.reception = Reception::new(slot.types.codec.clock());
    }
    slot.heard = Some(ssrc);
}

/// Audio came: for the first time, or again.
pub(super) fn heard(slot: &mut Slot, now: Instant) {
    if slot.cold.set_up.first_media_ms.is_none() {
        let since = now.saturating_duration_since(slot.cold.remote_at);
        slot.cold.set_up.first_media_ms = Some(ms(since));
        event(slot, LegEvent::FirstMedia);
    }
    alive(slot);
}

/// A sign of life came.
pub(super) fn alive(slot: &mut Slot) {
    if slot.stopped {
        slot.stopped = false;
        event(slot, LegEvent::MediaResumed);
    }
}

/// Starts the watch.
pub(super) fn watch_from(slot: &mut Slot, since: Instant) {
    slot.cold.watch.since = Some(since);
    slot.cold.watch.packets = slot.received.packets;
}

/// Whether the far end lives, once it is watched. Audio from before the watch is no sign of life,
/// and RTCP is one only of an end that was heard.
pub(super) fn life(slot: &Slot) -> Option<(bool, Instant)> {
    let Watch { since, packets, .. } = slot.cold.watch;
    let since = since?;
    if slot.received.packets == packets {
        return Some((false, since));
    }

    Some((true, slot.last_heard.max(slot.cold.report_heard.unwrap_or(since))))
}

/// When the watch wants to look.
pub(super) fn next_watch(slot: &Slot) -> Option<Instant> {
    let limits = slot.cold.watch.limits?;
    let (heard, last) = life(slot)?;
    if slot.stopped || super::legs::has_failed(slot) {
        return None;
    }

    Some(last + if heard { limits.mid_call } else { limits.start })
}

/// Looks whether the silence is long enough.
pub(super) fn watch(slot: &mut Slot, now: Instant) {
    let Some(at) = next_watch(slot) else {
        return;
    };
    if at <= now
        && let Some((heard, last)) = life(slot)
    {
        slot.stopped = true;
        let for_ms = ms(now.saturating_duration_since(last));
        event(slot, LegEvent::MediaStopped { for_ms, from_start: !heard });
    }
}

/// Takes a telephone-event.
pub(super) fn digit(slot: &mut Slot, header: &RtpHeader, buf: &[u8], now: Instant) {
    let payload = header.payload(buf);
    slot.cold.digit_at = Some(now + DIGIT_TICK);
    let digits = &mut slot.cold.digits.events;
    if let Some(press) = digits.receive(payload, header.timestamp, header.marker, now) {
        pressed(slot, press, now);
    }
}

/// A key was heard in the audio.
pub(super) fn heard_key(slot: &mut Slot, digit: Digit, now: Instant) {
    if slot.cold.digits.one_key.is_news(digit, Way::Sound, now) {
        event(slot, LegEvent::Digit(digit));
    }
}

/// A key came as telephone-events, and is over.
fn pressed(slot: &mut Slot, press: DigitEvent, now: Instant) {
    let DigitEvent { digit, duration_ms } = press;
    let began = now.checked_sub(Duration::from_millis(duration_ms.into())).unwrap_or(now);
    if slot.cold.digits.one_key.is_news(digit, Way::Event, began) {
        event(slot, LegEvent::Digit(digit));
    }
}

/// When to look for a key press that never ended.
pub(super) fn next_digit(slot: &Slot) -> Option<Instant> {
    slot.cold.digit_at
}

/// Tells a key press that never ended.
pub(super) fn unfinished_digit(slot: &mut Slot, now: Instant) {
    if slot.cold.digit_at.is_some_and(|at| at <= now) {
        slot.cold.digit_at = None;
        if let Some(press) = slot.cold.digits.events.tick(now) {
            pressed(slot, press, now);
        }
    }
}

/// Copies a packet that was heard.
pub(super) fn tap(
    slot: &mut Slot,
    direction: Direction,
    header: &RtpHeader,
    payload: &[u8],
    now: Instant,
) {
    let fields = Fields {
        payload_type: header.payload_type,
        marker: header.marker,
        sequence: header.sequence,
        timestamp: header.timestamp,
        ssrc: header.ssrc,
    };
    marking::hear(slot, payload, now);
    copy(slot, direction, fields, payload, now);
}

/// Copies a packet that is about to leave.
pub(super) fn tap_sent(slot: &mut Slot, fields: Fields, payload: &[u8], now: Instant) {
    copy(slot, Direction::Sent, fields, payload, now);
}

fn copy(slot: &mut Slot, direction: Direction, fields: Fields, payload: &[u8], now: Instant) {
    let mut lost = 0;
    let rest = slot.cold.taps_rest;
    slot.cold.taps.retain_mut(|(tap, tap_use)| {
        if tap.direction != direction {
            return true;
        }
        let given = if rest && *tap_use == TapUse::Listens {
            Given::Lost
        } else {
            tap.sink.give(fields, payload, now)
        };
        lost += u64::from(given == Given::Lost);

        given != Given::Gone
    });
    slot.cold.taps_lost += lost;
    slot.tapped = !slot.cold.taps.is_empty() || slot.cold.marking.is_some();
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
