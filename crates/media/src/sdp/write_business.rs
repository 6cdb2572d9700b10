//! How does a business write its side towards WhatsApp? (fact sheet 5.3, 5.4)
//!
//! A full ICE agent, one source, one sha-256 fingerprint, all candidates at once: there is no
//! trickling. In an answer we are the DTLS client, as Meta recommends. With keys in the SDP there is no
//! ICE: one address, one `a=crypto` line, the rest as WhatsApp writes it (fact sheet 6.6).

use std::net::SocketAddr;

use super::{
    AudioSession, DTMF_PT, LocalTransport, OPUS_FMTP, OPUS_PT, Profile, SdesCrypto, Setup,
    write_platform::{Lines, NO_ADDRESS},
};

/// The answer to WhatsApp's offer, the same for `pre_accept` and `accept`.
#[must_use]
pub fn write_gateway_answer(offer: &AudioSession, local: &LocalTransport) -> String {
    let side = Side {
        mid: offer.mid.as_deref().unwrap_or("audio"),
        opus: offer.opus_pt().unwrap_or(OPUS_PT),
        dtmf: offer.dtmf_pt(),
        setup: Setup::Active,
    };
    write_side(&side, local)
}

/// The offer of a business's call.
#[must_use]
pub fn write_gateway_offer(local: &LocalTransport) -> String {
    let side = Side { mid: "audio", opus: OPUS_PT, dtmf: Some(DTMF_PT), setup: Setup::Actpass };
    write_side(&side, local)
}

/// The answer to WhatsApp's offer with keys in it; the key's tag is the offer's.
#[must_use]
pub fn write_gateway_sdes_answer(
    offer: &AudioSession,
    local: &LocalTransport,
    crypto: &SdesCrypto,
) -> String {
    let side = Side {
        mid: offer.mid.as_deref().unwrap_or("audio"),
        opus: offer.opus_pt().unwrap_or(OPUS_PT),
        dtmf: offer.dtmf_pt(),
        setup: Setup::Active,
    };
    write_keyed(&side, &offer.profile, local, crypto)
}

/// The offer of a business's call with keys in it.
#[must_use]
pub fn write_gateway_sdes_offer(local: &LocalTransport, crypto: &SdesCrypto) -> String {
    let side = Side { mid: "audio", opus: OPUS_PT, dtmf: Some(DTMF_PT), setup: Setup::Actpass };
    write_keyed(&side, &Profile::RtpSavp, local, crypto)
}

fn write_keyed(
    side: &Side<'_>,
    profile: &Profile,
    local: &LocalTransport,
    crypto: &SdesCrypto,
) -> String {
    let mut out = Lines::default();
    write_session(&mut out, side, profile.as_str(), local);
    out.line(format_args!("a={crypto}"));
    out.text
}

/// What differs between the texts of a full ICE agent.
pub(super) struct Side<'a> {
    pub(super) mid: &'a str,
    pub(super) opus: u8,
    pub(super) dtmf: Option<u8>,
    pub(super) setup: Setup,
}

pub(super) fn write_side(side: &Side<'_>, local: &LocalTransport) -> String {
    let mut out = Lines::default();
    write_session(&mut out, side, "UDP/TLS/RTP/SAVPF", local);
    write_candidates(&mut out, &local.addrs);
    out.line(format_args!("a=ice-ufrag:{}", local.ufrag));
    out.line(format_args!("a=ice-pwd:{}", local.pwd));
    out.line(format_args!("a=fingerprint:sha-256 {}", local.fingerprint));
    out.line(format_args!("a=setup:{}", side.setup.as_str()));
    out.text
}

/// All but how the media is keyed.
fn write_session(out: &mut Lines, side: &Side<'_>, profile: &str, local: &LocalTransport) {
    let first = local.addrs.first().copied().unwrap_or(NO_ADDRESS);
    let opus = side.opus;
    out.line(format_args!("v=0"));
    out.line(format_args!("o=- {} 2 IN IP4 0.0.0.0", local.session_id));
    out.line(format_args!("s=-"));
    out.line(format_args!("t=0 0"));
    out.line(format_args!("a=group:BUNDLE {}", side.mid));
    out.audio(first.port(), profile, [opus].into_iter().chain(side.dtmf));
    out.connection(first.ip());
    out.line(format_args!("a=rtcp:9 IN IP4 0.0.0.0"));
    out.line(format_args!("a=rtcp-mux"));
    out.line(format_args!("a=mid:{}", side.mid));
    out.line(format_args!("a=sendrecv"));
    out.line(format_args!("a=rtpmap:{opus} opus/48000/2"));
    out.line(format_args!("a=fmtp:{opus} {OPUS_FMTP}"));
    if let Some(dtmf) = side.dtmf {
        out.line(format_args!("a=rtpmap:{dtmf} telephone-event/8000"));
    }
    out.line(format_args!("a=ptime:20"));
    out.line(format_args!("a=ssrc:{} cname:{}", local.ssrc, local.cname));
}

/// Host candidates in order of preference, and that there are no more (RFC 8445 5.1.2.1).
pub(super) fn write_candidates(out: &mut Lines, addrs: &[SocketAddr]) {
    const HOST_PRIORITY: u32 = 2_130_706_431;
    for (foundation, (below, addr)) in (1..).zip((0_u32..).zip(addrs)) {
        let priority = HOST_PRIORITY.saturating_sub(below.saturating_mul(256));
        out.line(format_args!(
            "a=candidate:{foundation} 1 udp {priority} {} {} typ host",
            addr.ip(),
            addr.port()
        ));
    }
    out.line(format_args!("a=end-of-candidates"));
}
