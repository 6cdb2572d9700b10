//! Does a stack that shares no SDP code with ours read what we write, and we what it writes?

use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind};
use str0m::{Candidate, Rtc};

use super::super::{Keying, check_answer, check_offer, write_browser_answer};
use super::*;

#[test]
fn str0m_reads_everything_we_write() {
    for text in [PLATFORM_OFFER, REFERENCE_OFFER, GATEWAY_OFFER, HANDSET_OFFER, CHROMIUM_OFFER] {
        SdpOffer::from_sdp_string(text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    }
    for text in [GATEWAY_ANSWER, PLATFORM_ANSWER, BROWSER_ANSWER] {
        SdpAnswer::from_sdp_string(text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    }
}

#[expect(clippy::disallowed_methods, reason = "str0m wants to know the time; nothing waits for it")]
fn agent() -> Rtc {
    str0m::crypto::from_feature_flags().install_process_default();
    let now = Instant::now();
    let mut agent = Rtc::builder().clear_codecs().enable_opus(true, false).build(now);
    let addr = "192.0.2.7:5000".parse().unwrap();
    agent.add_local_candidate(Candidate::host(addr, "udp").unwrap());
    agent
}

#[test]
fn str0m_answers_our_offers_and_we_accept_it() {
    for text in [PLATFORM_OFFER, REFERENCE_OFFER, GATEWAY_OFFER, HANDSET_OFFER] {
        let offer = SdpOffer::from_sdp_string(text).unwrap();
        let answer = agent().sdp_api().accept_offer(offer).unwrap().to_sdp_string();
        let parsed = read(&answer);
        check_answer(&read(text).session, &parsed, Keying::Dtls)
            .unwrap_or_else(|refusal| panic!("{refusal}\n{answer}"));
        let remote = parsed.session.remote_transport().unwrap();
        assert_eq!(remote.candidates, ["192.0.2.7:5000".parse().unwrap()]);
    }
}

#[test]
fn str0m_offers_and_takes_our_answer() {
    let mut agent = agent();
    let mut change = agent.sdp_api();
    change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
    let (offer, pending) = change.apply().unwrap();
    let text = offer.to_sdp_string();
    let parsed = read(&text);
    check_offer(&parsed, Keying::Dtls, &[]).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let ours = write_browser_answer(&parsed.session, &transport_of(BROWSER_ANSWER));
    let answer = SdpAnswer::from_sdp_string(&ours).unwrap();
    agent.sdp_api().accept_answer(pending, answer).unwrap();
}
