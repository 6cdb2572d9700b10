//! How does WhatsApp write its side? (fact sheet 5.2, 5.4, 6.6)
//!
//! Byte for byte the captured layout: CRLF after every line, the session id in milliseconds, the
//! IPv4 candidate before the IPv6 one although that has the higher priority, no fmtp for
//! telephone-events, and a padded password.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use terms::Timestamp;

use super::{
    AudioSession, DTMF_PT, LocalTransport, OPUS_FMTP, OPUS_PT, PCMA_PT, PCMU_PT, SdesCrypto, Setup,
};
use crate::frame::AudioCodec;

/// What stands in `c=` and `m=` when there is no address (RFC 8840 4.1.1).
pub(super) const NO_ADDRESS: SocketAddr =
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 9);

/// Priorities of WhatsApp's two candidates.
const IPV4_PRIORITY: u32 = 2_122_260_223;
const IPV6_PRIORITY: u32 = 2_122_262_783;

/// What WhatsApp's side of a call is written from.
#[derive(Clone, Copy, Debug)]
pub struct PlatformVoice<'a> {
    /// Our transport; its `session_id` is not used.
    pub local: &'a LocalTransport,
    /// When the SDP is made: the session id, in milliseconds.
    pub created: Timestamp,
    /// The stream's name, a UUID.
    pub stream: &'a str,
    /// The number's codecs beside Opus.
    pub extra: &'a [AudioCodec],
}

/// The offer for a user's call.
#[must_use]
pub fn write_platform_offer(voice: PlatformVoice<'_>) -> String {
    let formats = Formats { transport_cc: true, ..Formats::offered(voice.extra) };
    write_dtls(voice, "audio", &formats, Setup::Actpass)
}

/// The answer to a business's offer: its `mid` and payload types mirrored, without the G.711 that
/// the number does not have.
#[must_use]
pub fn write_platform_answer(
    voice: PlatformVoice<'_>,
    offer: &AudioSession,
    setup: Setup,
) -> String {
    let formats = Formats {
        transport_cc: offer.opus_has_transport_cc(),
        ..Formats::mirrored(offer, voice.extra)
    };
    write_dtls(voice, offer.mid.as_deref().unwrap_or("audio"), &formats, setup)
}

/// The offer for a user's call when keys are in the SDP: no ICE, no fingerprint.
#[must_use]
pub fn write_platform_sdes_offer(voice: PlatformVoice<'_>, crypto: &SdesCrypto) -> String {
    write_sdes(voice, "audio", &Formats::offered(voice.extra), crypto)
}

/// The answer to a business's offer with keys in it: its `mid`, payload types and tag mirrored.
#[must_use]
pub fn write_platform_sdes_answer(
    voice: PlatformVoice<'_>,
    offer: &AudioSession,
    crypto: &SdesCrypto,
) -> String {
    let formats = Formats::mirrored(offer, voice.extra);
    write_sdes(voice, offer.mid.as_deref().unwrap_or("audio"), &formats, crypto)
}

fn write_sdes(
    voice: PlatformVoice<'_>,
    mid: &str,
    formats: &Formats,
    crypto: &SdesCrypto,
) -> String {
    let mut out = Lines::default();
    out.session(voice, mid, false);
    out.media(voice, "RTP/SAVP", formats);
    out.line(format_args!("a=mid:{mid}"));
    out.line(format_args!("a=sendrecv"));
    out.line(format_args!("a=msid:{} WhatsAppTrack1", voice.stream));
    out.line(format_args!("a=rtcp-mux"));
    out.line(format_args!("a={crypto}"));
    out.formats(voice, formats);
    out.text
}

fn write_dtls(voice: PlatformVoice<'_>, mid: &str, formats: &Formats, setup: Setup) -> String {
    let local = voice.local;
    let mut out = Lines::default();
    out.session(voice, mid, true);
    out.media(voice, "UDP/TLS/RTP/SAVPF", formats);
    for (addr, priority) in [(first_v4(local), IPV4_PRIORITY), (first_v6(local), IPV6_PRIORITY)] {
        if let Some(addr) = addr {
            out.line(format_args!(
                "a=candidate:{} 1 udp {priority} {} {} typ host generation 0 network-cost 50",
                foundation(addr.ip()),
                addr.ip(),
                addr.port()
            ));
        }
    }
    out.line(format_args!("a=ice-ufrag:{}", local.ufrag));
    out.line(format_args!("a=ice-pwd:{}", local.pwd));
    out.line(format_args!("a=fingerprint:sha-256 {}", local.fingerprint));
    out.line(format_args!("a=setup:{}", setup.as_str()));
    out.line(format_args!("a=mid:{mid}"));
    out.line(format_args!("a=sendrecv"));
    out.line(format_args!("a=msid:{} WhatsAppTrack1", voice.stream));
    out.line(format_args!("a=rtcp-mux"));
    out.formats(voice, formats);
    out.text
}

/// The formats of the `m=` line.
struct Formats {
    audio: Vec<(u8, AudioCodec)>,
    dtmf: Option<u8>,
    transport_cc: bool,
}

impl Formats {
    /// What WhatsApp offers: Opus first, `extra` in the order of payload types, events last.
    fn offered(extra: &[AudioCodec]) -> Self {
        let known =
            [(OPUS_PT, AudioCodec::Opus), (PCMU_PT, AudioCodec::Pcmu), (PCMA_PT, AudioCodec::Pcma)];
        let is_offered = |codec| codec == AudioCodec::Opus || extra.contains(&codec);
        let audio = known.into_iter().filter(|(_, codec)| is_offered(*codec)).collect();
        Self { audio, dtmf: Some(DTMF_PT), transport_cc: false }
    }

    /// What of an offer is taken, with its numbers and in its order.
    fn mirrored(offer: &AudioSession, allowed: &[AudioCodec]) -> Self {
        Self { audio: offer.audio(allowed), dtmf: offer.dtmf_pt(), transport_cc: false }
    }
}

/// Lines with CRLF.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: String,
}

impl Lines {
    pub(super) fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("a String takes every text");
        self.text.push_str("\r\n");
    }

    /// `m=audio` with its formats.
    pub(super) fn audio(
        &mut self,
        port: u16,
        profile: &str,
        formats: impl IntoIterator<Item = u8>,
    ) {
        let formats: String = formats.into_iter().map(|pt| format!(" {pt}")).collect();
        self.line(format_args!("m=audio {port} {profile}{formats}"));
    }

    /// `c=`
    pub(super) fn connection(&mut self, addr: IpAddr) {
        let family = if addr.is_ipv4() { "IP4" } else { "IP6" };
        self.line(format_args!("c=IN {family} {addr}"));
    }

    fn session(&mut self, voice: PlatformVoice<'_>, mid: &str, ice_lite: bool) {
        self.line(format_args!("v=0"));
        self.line(format_args!("o=- {} 2 IN IP4 127.0.0.1", voice.created.unix_ms().max(0)));
        self.line(format_args!("s=-"));
        self.line(format_args!("t=0 0"));
        self.line(format_args!("a=group:BUNDLE {mid}"));
        self.line(format_args!("a=msid-semantic: WMS {}", voice.stream));
        if ice_lite {
            self.line(format_args!("a=ice-lite"));
        }
    }

    fn media(&mut self, voice: PlatformVoice<'_>, profile: &str, formats: &Formats) {
        let addr = first_v4(voice.local).or_else(|| first_v6(voice.local));
        let addr = addr.unwrap_or(NO_ADDRESS);
        let audio = formats.audio.iter().map(|(pt, _)| *pt);
        self.audio(addr.port(), profile, audio.chain(formats.dtmf));
        self.connection(addr.ip());
        self.line(format_args!("a=rtcp:9 IN IP4 0.0.0.0"));
    }

    fn formats(&mut self, voice: PlatformVoice<'_>, formats: &Formats) {
        for (pt, codec) in &formats.audio {
            match codec {
                AudioCodec::Opus => {
                    self.line(format_args!("a=rtpmap:{pt} opus/48000/2"));
                    if formats.transport_cc {
                        self.line(format_args!("a=rtcp-fb:{pt} transport-cc"));
                    }
                    self.line(format_args!("a=fmtp:{pt} {OPUS_FMTP}"));
                }
                AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => {
                    self.line(format_args!("a=rtpmap:{pt} {}/8000", codec.as_str()));
                }
            }
        }
        if let Some(dtmf) = formats.dtmf {
            self.line(format_args!("a=rtpmap:{dtmf} telephone-event/8000"));
        }
        self.line(format_args!("a=maxptime:20"));
        self.line(format_args!("a=ptime:20"));
        self.line(format_args!("a=ssrc:{} cname:{}", voice.local.ssrc, voice.local.cname));
    }
}

fn first_v4(local: &LocalTransport) -> Option<SocketAddr> {
    local.addrs.iter().copied().find(SocketAddr::is_ipv4)
}

fn first_v6(local: &LocalTransport) -> Option<SocketAddr> {
    local.addrs.iter().copied().find(SocketAddr::is_ipv6)
}

/// The same for one address always, ten digits as in the traces (FNV-1a, brought above 10^9).
fn foundation(ip: IpAddr) -> u32 {
    let hash = |seed: u32, byte: u8| (seed ^ u32::from(byte)).wrapping_mul(16_777_619);
    let hashed = match ip {
        IpAddr::V4(ip) => ip.octets().into_iter().fold(2_166_136_261, hash),
        IpAddr::V6(ip) => ip.octets().into_iter().fold(2_166_136_261, hash),
    };
    1_000_000_000 + hashed % 3_000_000_000
}
