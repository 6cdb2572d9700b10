//! How does our side towards a PBX write its SDP?
//!
//! Plain, with our key, or with our certificate's name and, where the far end looks for a path, with where we
//! are; an answer repeats what the far end's offer has of this.

use super::trunk::TrunkMedia;
use super::trunk_keys::{TrunkDtls, TrunkKeys};
use super::write_platform::{Lines, NO_ADDRESS};
use super::{
    G722_PT, LocalTransport, MediaDirection, OPUS_PT, PCMA_PT, PCMU_PT, SdesCrypto, Setup,
};
use crate::frame::AudioCodec;
use crate::transport::DtlsRole;

/// The payload type PBXs know telephone-events by.
const EVENTS_PT: u8 = 101;

/// The payload type of comfort noise (RFC 3551).
const NOISE_PT: u8 = 13;

/// What our side towards a trunk is written from.
#[derive(Clone, Copy, Debug)]
pub struct TrunkVoice<'a> {
    /// Our transport; without DTLS only its addresses, source and session id count.
    pub local: &'a LocalTransport,
    /// Which of our texts in this call it is, from 1.
    pub version: u64,
    /// Our keys.
    pub keys: OurKeys<'a>,
}

/// What we say of our keys.
#[derive(Clone, Copy, Debug)]
pub enum OurKeys<'a> {
    /// There are none.
    Open,
    /// Our key.
    Sdes(&'a SdesCrypto),
    /// That we shake hands.
    Dtls,
}

/// Our offer, with the codecs in the order in which we like them.
#[must_use]
pub fn write_trunk_offer(voice: TrunkVoice<'_>, codecs: &[AudioCodec]) -> String {
    let audio: Vec<(u8, AudioCodec)> =
        codecs.iter().map(|codec| (payload_type(*codec), *codec)).collect();
    let noise = codecs.iter().any(|codec| *codec != AudioCodec::Opus).then_some(NOISE_PT);
    let transport = match voice.keys {
        OurKeys::Open => Transport::Open,
        OurKeys::Sdes(crypto) => Transport::Sdes(crypto),
        OurKeys::Dtls => Transport::Dtls(Shake {
            setup: Setup::Actpass,
            ice: true,
            feedback: false,
            rtcp_mux: true,
        }),
    };
    write(voice, transport, &audio, (Some(EVENTS_PT), noise), MediaDirection::SendRecv)
}

/// Our answer to a far end's offer: what was agreed, and its hold mirrored.
#[must_use]
pub fn write_trunk_answer(voice: TrunkVoice<'_>, agreed: &TrunkMedia) -> String {
    let transport = Transport::agreed(&agreed.keys, voice.keys, Shake::answering);
    write_agreed(voice, transport, agreed, agreed.direction.mirrored())
}

/// Our offer in a call that stands: what was agreed, and that we talk and listen.
#[must_use]
pub fn write_trunk_offer_again(voice: TrunkVoice<'_>, agreed: &TrunkMedia) -> String {
    let transport = Transport::agreed(&agreed.keys, voice.keys, Shake::offering_again);
    write_agreed(voice, transport, agreed, MediaDirection::SendRecv)
}

fn write_agreed(
    voice: TrunkVoice<'_>,
    transport: Transport<'_>,
    agreed: &TrunkMedia,
    direction: MediaDirection,
) -> String {
    let audio = [(agreed.audio, agreed.codec)];
    write(voice, transport, &audio, (agreed.dtmf, agreed.noise), direction)
}

/// How an SDP of ours says that audio is protected.
#[derive(Clone, Copy)]
enum Transport<'a> {
    Open,
    Sdes(&'a SdesCrypto),
    Dtls(Shake),
}

/// How we say that we shake hands.
#[derive(Clone, Copy)]
struct Shake {
    setup: Setup,
    ice: bool,
    feedback: bool,
    rtcp_mux: bool,
}

impl Shake {
    /// In kind.
    const fn answering(theirs: &TrunkDtls) -> Self {
        let setup = match theirs.setup.our_role() {
            DtlsRole::Client => Setup::Active,
            DtlsRole::Server => Setup::Passive,
        };
        Self { setup, ..Self::offering_again(theirs) }
    }

    /// As agreed; who shakes hands first is not asked again by either end (RFC 8842, 5.2).
    const fn offering_again(theirs: &TrunkDtls) -> Self {
        let TrunkDtls { feedback, rtcp_mux, .. } = *theirs;
        Self { setup: Setup::Actpass, ice: theirs.ice.is_some(), feedback, rtcp_mux }
    }
}

impl<'a> Transport<'a> {
    /// The way of protection that was agreed.
    fn agreed(keys: &TrunkKeys, ours: OurKeys<'a>, shake: fn(&TrunkDtls) -> Shake) -> Self {
        match (keys, ours) {
            (TrunkKeys::Dtls(theirs), _) => Self::Dtls(shake(theirs)),
            (TrunkKeys::Sdes(_), OurKeys::Sdes(crypto)) => Self::Sdes(crypto),
            (TrunkKeys::Open, _) | (TrunkKeys::Sdes(_), OurKeys::Open | OurKeys::Dtls) => {
                Self::Open
            }
        }
    }

    const fn profile(self) -> &'static str {
        match self {
            Self::Open => "RTP/AVP",
            Self::Sdes(_) => "RTP/SAVP",
            Self::Dtls(Shake { feedback: false, .. }) => "UDP/TLS/RTP/SAVP",
            Self::Dtls(Shake { feedback: true, .. }) => "UDP/TLS/RTP/SAVPF",
        }
    }

    fn write(self, local: &LocalTransport, out: &mut Lines) {
        match self {
            Self::Open => {}
            Self::Sdes(crypto) => out.line(format_args!("a={crypto}")),
            Self::Dtls(shake) => shake.write(local, out),
        }
    }
}

impl Shake {
    fn write(self, local: &LocalTransport, out: &mut Lines) {
        out.line(format_args!("a=fingerprint:sha-256 {}", local.fingerprint));
        out.line(format_args!("a=setup:{}", self.setup.as_str()));
        if self.rtcp_mux {
            out.line(format_args!("a=rtcp-mux"));
        }
        if !self.ice {
            return;
        }
        out.line(format_args!("a=ice-ufrag:{}", local.ufrag));
        out.line(format_args!("a=ice-pwd:{}", local.pwd));
        for (addr, n) in local.addrs.iter().zip(1u32..) {
            // Of a host's address and of the first component (RFC 8445, 5.1.2.1); the best first.
            let priority = (126 << 24) + ((65_536 - n) << 8) + 255;
            let (ip, port) = (addr.ip(), addr.port());
            out.line(format_args!("a=candidate:{n} 1 UDP {priority} {ip} {port} typ host"));
        }
    }
}

const fn payload_type(codec: AudioCodec) -> u8 {
    match codec {
        AudioCodec::Opus => OPUS_PT,
        AudioCodec::G722 => G722_PT,
        AudioCodec::Pcmu => PCMU_PT,
        AudioCodec::Pcma => PCMA_PT,
    }
}

fn write(
    voice: TrunkVoice<'_>,
    transport: Transport<'_>,
    audio: &[(u8, AudioCodec)],
    (dtmf, noise): (Option<u8>, Option<u8>),
    direction: MediaDirection,
) -> String {
    let TrunkVoice { local, version, .. } = voice;
    let addr = local.addrs.first().copied().unwrap_or(NO_ADDRESS);
    let family = if addr.is_ipv4() { "IP4" } else { "IP6" };
    let mut out = Lines::default();
    out.line(format_args!("v=0"));
    out.line(format_args!("o=- {} {version} IN {family} {}", local.session_id, addr.ip()));
    out.line(format_args!("s=-"));
    out.connection(addr.ip());
    out.line(format_args!("t=0 0"));
    let formats = audio.iter().map(|(pt, _)| *pt).chain(noise).chain(dtmf);
    out.audio(addr.port(), transport.profile(), formats);
    for (pt, codec) in audio {
        let channels = if *codec == AudioCodec::Opus { "/2" } else { "" };
        let (name, clock) = (codec.as_str(), codec.clock());
        out.line(format_args!("a=rtpmap:{pt} {name}/{clock}{channels}"));
        if *codec == AudioCodec::Opus {
            out.line(format_args!("a=fmtp:{pt} useinbandfec=1"));
        }
    }
    if let Some(noise) = noise {
        out.line(format_args!("a=rtpmap:{noise} CN/8000"));
    }
    if let Some(dtmf) = dtmf {
        out.line(format_args!("a=rtpmap:{dtmf} telephone-event/8000"));
        out.line(format_args!("a=fmtp:{dtmf} 0-16"));
    }
    transport.write(local, &mut out);
    out.line(format_args!("a=ptime:20"));
    out.line(format_args!("a={}", direction.as_str()));
    out.text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::sdp::{Fingerprint, TrunkKeying, parse};
    use std::net::SocketAddr;

    const ALL: [AudioCodec; 4] =
        [AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcmu, AudioCodec::Pcma];

    pub(in crate::sdp) fn local() -> LocalTransport {
        LocalTransport {
            addrs: vec![SocketAddr::from(([192, 0, 2, 1], 40_000))],
            ufrag: String::new(),
            pwd: String::new(),
            fingerprint: Fingerprint([0; 32]),
            ssrc: 7,
            cname: "trunk".into(),
            session_id: 9,
        }
    }

    pub(in crate::sdp) fn voice(local: &LocalTransport) -> TrunkVoice<'_> {
        TrunkVoice { local, version: 1, keys: OurKeys::Open }
    }

    #[test]
    fn an_offer_says_what_we_take_in_our_order() {
        let offer = write_trunk_offer(voice(&local()), &ALL[..3]);
        assert_eq!(
            offer,
            "v=0\r\no=- 9 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
             m=audio 40000 RTP/AVP 111 9 0 13 101\r\na=rtpmap:111 opus/48000/2\r\n\
             a=fmtp:111 useinbandfec=1\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:13 CN/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        );
    }

    #[test]
    fn an_offer_in_a_call_that_stands_has_the_numbers_that_were_agreed() {
        let local = local();
        let offer = write_trunk_offer(voice(&local), &ALL[..1])
            .replace("111", "96")
            .replace("101", "97")
            .replace("sendrecv", "sendonly");
        let session = parse(&offer).expect("SDP").session;
        let held = TrunkMedia::of(&session, &ALL, &[TrunkKeying::Open]).expect("a call");
        let again = TrunkVoice { version: 3, ..voice(&local) };
        assert_eq!(
            write_trunk_offer_again(again, &held),
            "v=0\r\no=- 9 3 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
             m=audio 40000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\n\
             a=fmtp:96 useinbandfec=1\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-16\r\n\
             a=ptime:20\r\na=sendrecv\r\n"
        );
    }

    pub(in crate::sdp) fn dtls_offer() -> String {
        let mut local = local();
        (local.ufrag, local.pwd) = ("name".into(), "a-password-of-22-chars".into());
        let voice = TrunkVoice { keys: OurKeys::Dtls, ..voice(&local) };
        write_trunk_offer(voice, &[AudioCodec::Pcma])
    }

    #[test]
    fn an_offer_to_shake_hands_names_us_and_where_we_are() {
        let fingerprint = Fingerprint([0; 32]);
        assert_eq!(
            dtls_offer(),
            format!(
                "v=0\r\no=- 9 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                 m=audio 40000 UDP/TLS/RTP/SAVP 8 13 101\r\na=rtpmap:8 PCMA/8000\r\n\
                 a=rtpmap:13 CN/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n\
                 a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=rtcp-mux\r\n\
                 a=ice-ufrag:name\r\na=ice-pwd:a-password-of-22-chars\r\n\
                 a=candidate:1 1 UDP 2130706431 192.0.2.1 40000 typ host\r\n\
                 a=ptime:20\r\na=sendrecv\r\n"
            )
        );
    }

    #[test]
    fn a_handshake_is_answered_in_kind() {
        let local = local();
        let offer = dtls_offer().replace("RTP/SAVP ", "RTP/SAVPF ");
        let answer = |offer: &str| {
            let media =
                TrunkMedia::of(&parse(offer).expect("SDP").session, &ALL, &[TrunkKeying::Dtls])
                    .expect("a call");
            write_trunk_answer(TrunkVoice { keys: OurKeys::Dtls, ..voice(&local) }, &media)
        };
        let without = |text: &str, word: &str| -> String {
            text.split_inclusive("\r\n").filter(|line| !line.contains(word)).collect()
        };
        let in_full = answer(&offer);
        assert!(in_full.contains("UDP/TLS/RTP/SAVPF 8") && in_full.contains("a=ice-ufrag"));
        assert!(in_full.contains("a=setup:active") && in_full.contains("a=rtcp-mux"), "{in_full}");
        let bare = answer(&without(&without(&offer, "a=ice"), "rtcp-mux"));
        assert!(!bare.contains("ice") && !bare.contains("candidate") && !bare.contains("mux"));
        for (theirs, ours) in [("active", "passive"), ("passive", "active"), ("actpass", "active")]
        {
            let answer = answer(&offer.replace("actpass", theirs));
            assert!(answer.contains(&format!("a=setup:{ours}\r\n")), "{answer}");
        }
        let session = parse(&offer.replace("actpass", "active")).expect("SDP").session;
        let media = TrunkMedia::of(&session, &ALL, &[TrunkKeying::Dtls]).expect("a call");
        let voice = TrunkVoice { keys: OurKeys::Dtls, ..voice(&local) };
        let again = write_trunk_offer_again(voice, &media);
        assert!(again.contains("SAVPF 8") && again.contains("a=setup:actpass\r\n"), "{again}");
    }
}
