//! Goldens for every layout, what is refused and in which words, and that nothing panics.

mod golden;
mod hostile;
mod refused;
mod str0m_agrees;

use super::{Fingerprint, LocalTransport, Parsed, parse};

const PLATFORM_OFFER: &str = include_str!("golden/platform_offer.sdp");
const REFERENCE_OFFER: &str = include_str!("golden/platform_offer_reference.sdp");
const SDES_OFFER: &str = include_str!("golden/platform_sdes_offer.sdp");
const PLATFORM_ANSWER: &str = include_str!("golden/platform_answer.sdp");
const GATEWAY_ANSWER: &str = include_str!("golden/gateway_answer.sdp");
const GATEWAY_OFFER: &str = include_str!("golden/gateway_offer.sdp");
const HANDSET_OFFER: &str = include_str!("golden/handset_offer.sdp");
const BROWSER_ANSWER: &str = include_str!("golden/browser_answer.sdp");
const CHROMIUM_OFFER: &str = include_str!("golden/chromium_offer.sdp");
const AIORTC_OFFER: &str = include_str!("golden/aiortc_offer.sdp");

const ALL: [&str; 10] = [
    PLATFORM_OFFER,
    REFERENCE_OFFER,
    SDES_OFFER,
    PLATFORM_ANSWER,
    GATEWAY_ANSWER,
    GATEWAY_OFFER,
    HANDSET_OFFER,
    BROWSER_ANSWER,
    CHROMIUM_OFFER,
    AIORTC_OFFER,
];

fn read(text: &str) -> Parsed {
    parse(text).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The transport that an SDP describes, so that it can be written again.
fn transport_of(text: &str) -> LocalTransport {
    let session = read(text).session;
    let (ssrc, cname) = session.ssrc.unwrap();
    LocalTransport {
        addrs: session.candidates.iter().map(|candidate| candidate.addr).collect(),
        ufrag: session.ice_ufrag.unwrap_or_default(),
        pwd: session.ice_pwd.unwrap_or_default(),
        fingerprint: session.fingerprint.unwrap_or(Fingerprint([0; 32])),
        ssrc,
        cname,
        session_id: session.origin_id,
    }
}
