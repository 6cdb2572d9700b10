//! Why was this call silent, and what should the developer change?
//!
//! Read from the business leg's figures: the first step that did not happen is the reason. Nothing
//! here changes a call.

use engine::LegStats;
use rules::call::{EndReason, State};

use super::record::Finding;

/// Authentication failures below this are stray packets, not a wrong key.
const AUTH_FAILURES_MIN: u64 = 10;

/// What the figures say about a call whose business has given its SDP.
pub(crate) fn findings(state: &State, business: &LegStats) -> Vec<Finding> {
    let mut found = Vec::new();
    let waits = match state {
        State::Offered { .. } => return found,
        State::PreAccepted { .. } | State::Dialing { .. } | State::Ringing { .. } => true,
        State::Accepted { .. } => false,
        State::Ended(ending) => ending.answered_at.is_none(),
    };
    let step = silent_step(business);
    // Before the answer a missing step may still come; silence is even right.
    if !waits {
        found.extend(step);
    }
    if matches!(state, State::Ended(ending) if ending.reason == EndReason::BusinessSilent) {
        found.push(finding(
            "business_media_stopped",
            &format!("The business sent {} packets and then none.", business.received.packets),
            "Keep sending RTP, or RTCP at least every 5 s, until the call ends; check that the \
             process that held the call still runs.",
        ));
    }
    if business.drops.auth >= AUTH_FAILURES_MIN {
        found.push(finding(
            "srtp_auth_failed",
            &format!("{} packets of the business failed SRTP authentication.", business.drops.auth),
            "Protect with the keys of this call's DTLS handshake and count the roll-over of \
             sequence numbers.",
        ));
    }
    if business.ssrc_changes > 0 {
        found.push(finding(
            "ssrc_changed",
            &format!("The business changed its SSRC {} times.", business.ssrc_changes),
            "Send with one SSRC for the whole call; several break audio on WhatsApp.",
        ));
    }
    found
}

/// The first step of the business's media that did not happen.
fn silent_step(business: &LegStats) -> Option<Finding> {
    if business.set_up.ice_ms.is_none() {
        return Some(finding(
            "no_stun_from_business",
            "No valid STUN check of the business arrived, so there is no path for media.",
            "Start ICE checks towards the candidate of the platform's SDP, as the controlling \
             side, and let UDP out to it.",
        ));
    }
    if business.set_up.dtls_ms.is_none() {
        return Some(finding(
            "dtls_not_finished",
            "ICE found a path, but the DTLS handshake did not finish.",
            "Answer with a=setup:active and start the handshake; the certificate must match the \
             sha-256 fingerprint of the SDP.",
        ));
    }
    if business.received.packets == 0 {
        return Some(finding(
            "no_rtp_from_business",
            "The business set up DTLS and sent no audio.",
            "Send Opus, also silence, from the 200 of accept on; do not wait for the user's first \
             packet.",
        ));
    }
    None
}

fn finding(code: &str, text: &str, fix: &str) -> Finding {
    Finding { code: code.to_owned(), text: text.to_owned(), fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(stats: &LegStats) -> Vec<String> {
        let state = State::Accepted { answered_at: terms::Timestamp::from_unix(1) };
        findings(&state, stats).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn the_first_missing_step_is_the_reason() {
        let mut stats = LegStats::default();
        assert_eq!(codes(&stats), ["no_stun_from_business"]);
        stats.set_up.ice_ms = Some(3);
        assert_eq!(codes(&stats), ["dtls_not_finished"]);
        stats.set_up.dtls_ms = Some(9);
        assert_eq!(codes(&stats), ["no_rtp_from_business"]);
        stats.drops.auth = 10;
        assert_eq!(codes(&stats), ["no_rtp_from_business", "srtp_auth_failed"]);
        stats.received.packets = 1;
        stats.drops.auth = 9;
        stats.ssrc_changes = 1;
        assert_eq!(codes(&stats), ["ssrc_changed"]);
    }

    #[test]
    fn a_business_that_fell_silent_is_told_so() {
        let ending = rules::call::Ending {
            reason: EndReason::BusinessSilent,
            answered_at: Some(terms::Timestamp::from_unix(1)),
            ended_at: terms::Timestamp::from_unix(35),
        };
        let mut stats = LegStats::default();
        stats.set_up.ice_ms = Some(3);
        stats.set_up.dtls_ms = Some(9);
        stats.received.packets = 1_500;
        let found = findings(&State::Ended(ending), &stats);
        assert_eq!(found[0].code, "business_media_stopped");
        assert!(found[0].text.contains("1500 packets"), "{found:?}");
    }

    #[test]
    fn a_call_that_still_waits_is_not_blamed_for_silence() {
        let state = State::Offered { answer_by: terms::Timestamp::from_unix(1) };
        assert_eq!(findings(&state, &LegStats::default()), []);
    }
}
