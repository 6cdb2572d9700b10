//! What is said between a phone or an agent's browser and our server?
//!
//! The phone offers, the server answers and is ice-lite: it has one known address, so it need not
//! look for one. Of the offer's formats only Opus and telephone-events at 8000 Hz are taken.

use super::{
    AudioSession, DTMF_PT, LocalTransport, OPUS_PT, Setup,
    write_business::{Side, write_candidates, write_side},
    write_platform::{Lines, NO_ADDRESS},
};

/// The offer of a handset that is not a browser.
#[must_use]
pub fn write_handset_offer(local: &LocalTransport) -> String {
    let side = Side { mid: "0", opus: OPUS_PT, dtmf: Some(DTMF_PT), setup: Setup::Actpass };
    write_side(&side, local)
}

/// The server's answer to a phone's or browser's offer.
///
/// The phone is the DTLS client unless it insists on waiting.
#[must_use]
pub fn write_browser_answer(offer: &AudioSession, local: &LocalTransport) -> String {
    let setup = match offer.setup {
        Some(Setup::Passive) => Setup::Active,
        Some(Setup::Active | Setup::Actpass) | None => Setup::Passive,
    };
    let first = local.addrs.first().copied().unwrap_or(NO_ADDRESS);
    let mid = offer.mid.as_deref().unwrap_or("0");
    let opus = offer.opus_pt().unwrap_or(OPUS_PT);
    let dtmf = offer.dtmf_pt();
    let mut out = Lines::default();
    out.line(format_args!("v=0"));
    out.line(format_args!("o=- {} 2 IN IP4 127.0.0.1", local.session_id));
    out.line(format_args!("s=-"));
    out.line(format_args!("t=0 0"));
    out.line(format_args!("a=group:BUNDLE {mid}"));
    out.line(format_args!("a=msid-semantic: WMS {}", local.cname));
    out.line(format_args!("a=ice-lite"));
    out.audio(first.port(), "UDP/TLS/RTP/SAVPF", [opus].into_iter().chain(dtmf));
    out.connection(first.ip());
    out.line(format_args!("a=rtcp:9 IN IP4 0.0.0.0"));
    write_candidates(&mut out, &local.addrs);
    out.line(format_args!("a=ice-ufrag:{}", local.ufrag));
    out.line(format_args!("a=ice-pwd:{}", local.pwd));
    out.line(format_args!("a=fingerprint:sha-256 {}", local.fingerprint));
    out.line(format_args!("a=setup:{}", setup.as_str()));
    out.line(format_args!("a=mid:{mid}"));
    out.line(format_args!("a={}", offer.direction.mirrored().as_str()));
    out.line(format_args!("a=msid:{} audio", local.cname));
    out.line(format_args!("a=rtcp-mux"));
    out.line(format_args!("a=rtpmap:{opus} opus/48000/2"));
    out.line(format_args!("a=fmtp:{opus} minptime=20;useinbandfec=1"));
    if let Some(dtmf) = dtmf {
        out.line(format_args!("a=rtpmap:{dtmf} telephone-event/8000"));
    }
    out.line(format_args!("a=maxptime:20"));
    out.line(format_args!("a=ptime:20"));
    out.line(format_args!("a=ssrc:{} cname:{}", local.ssrc, local.cname));
    out.text
}
