//! Did audio flow, both ways, and was it sound?

use std::time::Duration;

use media::frame::AudioCodec;
use rules::call::{EndReason, State};

use super::{Code, Seen};
use crate::calls::record::{Finding, Heard};

/// Audio that comes later than this after the answer costs the user words.
const LATE_MIN: Duration = Duration::from_secs(1);

/// A pause of the business from which people wonder whether anybody is there.
const GAP_MIN: Duration = Duration::from_secs(5);

/// Packets that decode to nothing before it is called silence: five seconds.
const SILENT_PACKETS_MIN: u64 = 250;

/// Why the business was not heard although there are keys.
pub(super) fn missing(seen: &Seen<'_>) -> Vec<Finding> {
    let business = seen.business;
    let mut found = Vec::new();
    if business.received.packets > 0 {
        return found;
    }
    if let Some(payload_type) = business.received.foreign_type {
        found.push(foreign(seen, payload_type));
        return found;
    }
    found
        .push(Code::NoRtp.found("The keys were agreed and the business sent no audio.".to_owned()));
    if business.received.reports > 0 {
        found.push(Code::RtcpOnly.found(format!(
            "{} RTCP packets of the business came, and no audio.",
            business.received.reports
        )));
    }
    found
}

/// What is worth knowing about the business's audio.
pub(super) fn noted(seen: &Seen<'_>) -> Vec<Finding> {
    let received = &seen.business.received;
    let mut found = Vec::new();
    if let Some(payload_type) = received.foreign_type.filter(|_| received.packets > 0) {
        found.push(foreign(seen, payload_type));
    }
    if let Some(late) = seen.first_media_after.filter(|after| *after >= LATE_MIN) {
        found.push(Code::MediaLate.found(format!(
            "The business's first audio came {} ms after the answer.",
            late.as_millis()
        )));
    }
    if matches!(seen.state, State::Ended(ending) if ending.reason == EndReason::BusinessSilent) {
        found.push(
            Code::MediaStopped
                .found(format!("The business sent {} packets and then none.", received.packets)),
        );
    }
    if let Some(gap) = received.longest_pause.filter(|gap| *gap >= GAP_MIN) {
        found.push(Code::MediaGap.found(format!(
            "The business's audio paused for {:.1} s; {} of its packets were lost on the way.",
            gap.as_secs_f32(),
            received.lost
        )));
    }
    if seen.business.ssrc_changes > 0 {
        found.push(
            Code::SsrcChanged.found(format!(
                "The business changed its SSRC {} times.",
                seen.business.ssrc_changes
            )),
        );
    }
    if let Some(packets) = seen.user_heard.and_then(only_silence) {
        found.push(Code::BusinessSilence.found(format!(
            "{packets} packets of the business reached the user's phone, all of them silence."
        )));
    }
    if let Some(packets) = seen.business_heard.and_then(only_silence) {
        found.push(Code::UserSilence.found(format!(
            "{packets} packets of the user reached the business, all of them silence."
        )));
    }
    found
}

/// Whether the other side is to blame.
pub(super) fn user_side(seen: &Seen<'_>) -> Option<Finding> {
    let user = seen.user.filter(|user| user.received.packets == 0 && seen.is_answered())?;
    let step = if user.set_up.ice_ms.is_none() {
        "its ICE checks never arrived"
    } else if user.set_up.dtls_ms.is_none() {
        "its DTLS handshake did not finish"
    } else {
        "its keys were agreed"
    };
    Some(Code::UserNothing.found(format!("The user's phone sent no audio: {step}.")))
}

fn foreign(seen: &Seen<'_>, payload_type: u8) -> Finding {
    let agreed = seen.sdp.map(|sdp| {
        let codec = match sdp.types.codec {
            AudioCodec::Opus => "Opus",
            AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => sdp.types.codec.as_str(),
        };
        match sdp.types.dtmf {
            Some(dtmf) => format!("{} ({codec}) and {dtmf} (telephone-event)", sdp.types.audio),
            None => format!("{} ({codec})", sdp.types.audio),
        }
    });
    Code::ForeignType.found(format!(
        "{} packets came with payload types that were not agreed, the newest {payload_type}; agreed \
         are {}.",
        seen.business.drops.payload_type,
        agreed.as_deref().unwrap_or("none")
    ))
}

/// How many packets, if they were enough to judge and none of them made a sound.
fn only_silence(heard: &Heard) -> Option<u64> {
    (heard.loud_ms == Some(0) && heard.packets >= SILENT_PACKETS_MIN).then_some(heard.packets)
}
