//! What do we and a PBX agree on, with and without keys in the SDP?
//!
//! No ICE and no DTLS: plain RTP (RFC 3551), or SRTP with keys from the SDP (RFC 4568), one audio
//! stream with what the trunk takes of Opus, G.722 and G.711.

use std::net::SocketAddr;

use thiserror::Error;

use super::write_platform::{Lines, NO_ADDRESS};
use super::{
    AudioSession, G722_PT, LocalTransport, MediaDirection, OPUS_PT, PCMA_PT, PCMU_PT, Profile,
    SdesCrypto,
};
use crate::frame::AudioCodec;

/// The payload type PBXs know telephone-events by.
const EVENTS_PT: u8 = 101;

/// The payload type of comfort noise (RFC 3551).
const NOISE_PT: u8 = 13;

/// What our side towards a trunk is written from.
#[derive(Clone, Copy, Debug)]
pub struct TrunkVoice<'a> {
    /// Our transport; of it only addresses, source and session id count.
    pub local: &'a LocalTransport,
    /// Which of our texts in this call it is, from 1.
    pub version: u64,
    /// Our key, where the trunk is protected.
    pub crypto: Option<&'a SdesCrypto>,
}

/// What both ends agreed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkMedia {
    /// Where the far end says it is; `None` while it holds the call in the old way (`c=0.0.0.0`).
    pub remote: Option<SocketAddr>,
    /// The payload type of the audio.
    pub audio: u8,
    /// How it is encoded.
    pub codec: AudioCodec,
    /// The payload type of telephone-events, where agreed.
    pub dtmf: Option<u8>,
    /// The payload type of comfort noise, where agreed beside a telephone's codec.
    pub noise: Option<u8>,
    /// The far end's key, where protected.
    pub crypto: Option<SdesCrypto>,
    /// Which way the far end lets audio flow, as it sees it.
    pub direction: MediaDirection,
}

/// Why a far end's SDP is of no use to a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TrunkRefusal {
    /// None of its formats is one of the trunk's.
    #[error("the far end has none of the trunk's codecs")]
    NoCodec,
    /// The trunk is protected and it has no usable key.
    #[error("the far end has no a=crypto line with AES_CM_128_HMAC_SHA1_80")]
    NoCrypto,
    /// The trunk is not protected, and it wants to be, or in another way.
    #[error("the far end wants another transport than the trunk's")]
    Transport,
}

impl TrunkMedia {
    /// What a far end's offer or answer means to a trunk with these codecs, protected or not. Its
    /// first format that is among ours is what both send.
    ///
    /// # Errors
    ///
    /// Why there is no call to be had.
    pub fn of(
        session: &AudioSession,
        codecs: &[AudioCodec],
        is_protected: bool,
    ) -> Result<Self, TrunkRefusal> {
        let crypto = keys(session, is_protected)?;
        let formats = session.audio(&AudioCodec::TELEPHONES);
        let first = formats.into_iter().find(|(_, codec)| codecs.contains(codec));
        let (audio, codec) = first.ok_or(TrunkRefusal::NoCodec)?;
        let remote = session.media_addr();
        let (dtmf, direction) = (session.dtmf_pt(), session.direction);
        let noise = session.noise_pt().filter(|_| codec != AudioCodec::Opus);

        Ok(Self { remote, audio, codec, dtmf, noise, crypto, direction })
    }

    /// Whether the far end holds the call: it wants to hear nothing.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.remote.is_none()
            || matches!(self.direction, MediaDirection::SendOnly | MediaDirection::Inactive)
    }
}

fn keys(session: &AudioSession, is_protected: bool) -> Result<Option<SdesCrypto>, TrunkRefusal> {
    match &session.profile {
        Profile::RtpSavp | Profile::RtpSavpf if is_protected => {
            session.crypto.clone().map(Some).ok_or(TrunkRefusal::NoCrypto)
        }
        Profile::Other(name) if !is_protected && matches!(&**name, "RTP/AVP" | "RTP/AVPF") => {
            Ok(None)
        }
        Profile::RtpSavp
        | Profile::RtpSavpf
        | Profile::UdpTlsRtpSavp
        | Profile::UdpTlsRtpSavpf
        | Profile::Other(_) => Err(TrunkRefusal::Transport),
    }
}

/// Our offer, with the codecs in the order in which we like them.
#[must_use]
pub fn write_trunk_offer(voice: TrunkVoice<'_>, codecs: &[AudioCodec]) -> String {
    let audio: Vec<(u8, AudioCodec)> =
        codecs.iter().map(|codec| (payload_type(*codec), *codec)).collect();
    let noise = codecs.iter().any(|codec| *codec != AudioCodec::Opus).then_some(NOISE_PT);
    write(voice, &audio, (Some(EVENTS_PT), noise), MediaDirection::SendRecv)
}

/// Our answer to a far end's offer: what was agreed, and its hold mirrored.
#[must_use]
pub fn write_trunk_answer(voice: TrunkVoice<'_>, agreed: &TrunkMedia) -> String {
    let audio = [(agreed.audio, agreed.codec)];
    write(voice, &audio, (agreed.dtmf, agreed.noise), agreed.direction.mirrored())
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
    audio: &[(u8, AudioCodec)],
    (dtmf, noise): (Option<u8>, Option<u8>),
    direction: MediaDirection,
) -> String {
    let TrunkVoice { local, version, crypto } = voice;
    let addr = local.addrs.first().copied().unwrap_or(NO_ADDRESS);
    let family = if addr.is_ipv4() { "IP4" } else { "IP6" };
    let mut out = Lines::default();
    out.line(format_args!("v=0"));
    out.line(format_args!("o=- {} {version} IN {family} {}", local.session_id, addr.ip()));
    out.line(format_args!("s=-"));
    out.connection(addr.ip());
    out.line(format_args!("t=0 0"));
    let profile = if crypto.is_some() { "RTP/SAVP" } else { "RTP/AVP" };
    out.audio(addr.port(), profile, audio.iter().map(|(pt, _)| *pt).chain(noise).chain(dtmf));
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
    if let Some(crypto) = crypto {
        out.line(format_args!("a={crypto}"));
    }
    out.line(format_args!("a=ptime:20"));
    out.line(format_args!("a={}", direction.as_str()));
    out.text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::parse;
    use crate::transport::Fingerprint;

    const ALL: [AudioCodec; 4] =
        [AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcmu, AudioCodec::Pcma];

    fn local() -> LocalTransport {
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

    fn voice(local: &LocalTransport) -> TrunkVoice<'_> {
        TrunkVoice { local, version: 1, crypto: None }
    }

    fn session(text: &str) -> AudioSession {
        parse(text).expect("SDP").session
    }

    fn media(text: &str, codecs: &[AudioCodec]) -> Result<TrunkMedia, TrunkRefusal> {
        TrunkMedia::of(&session(text), codecs, false)
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
    fn an_old_phone_answers_with_a_number_and_nothing_else() {
        let answer = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
                      m=audio 6000 RTP/AVP 8\r\n";
        let agreed = media(answer, &ALL).expect("a call");
        assert_eq!((agreed.audio, agreed.codec, agreed.dtmf), (8, AudioCodec::Pcma, None));
        assert_eq!(agreed.remote, Some(SocketAddr::from(([192, 0, 2, 9], 6_000))));
        assert!(!agreed.is_held());
        let wide = answer.replace("RTP/AVP 8", "RTP/AVP 9 8");
        let agreed = media(&wide, &ALL).expect("a call");
        assert_eq!((agreed.audio, agreed.codec), (9, AudioCodec::G722));
        assert_eq!(media(&wide, &ALL[3..]).expect("a call").codec, AudioCodec::Pcma);
        assert_eq!(media(answer, &ALL[..3]), Err(TrunkRefusal::NoCodec));
        assert!(parse(&answer.replace("6000", "0")).is_err(), "it does not want the stream");
        let secret = answer.replace("RTP/AVP", "RTP/SAVP");
        assert_eq!(media(&secret, &ALL), Err(TrunkRefusal::Transport));
    }

    #[test]
    fn hold_is_read_in_both_ways_and_mirrored() {
        let local = local();
        let offer = write_trunk_offer(voice(&local), &ALL);
        let held = media(&offer.replace("sendrecv", "sendonly"), &ALL).expect("a call");
        assert!(held.is_held());
        assert!(write_trunk_answer(voice(&local), &held).ends_with("a=recvonly\r\n"));
        let old = offer.replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0");
        assert!(media(&old, &ALL).expect("a call").is_held());
    }

    #[test]
    fn keys_are_required_where_the_trunk_is_protected() {
        let local = local();
        let crypto = SdesCrypto { tag: 1, key_and_salt: [3; 30] };
        let voice = TrunkVoice { crypto: Some(&crypto), ..voice(&local) };
        let offer = write_trunk_offer(voice, &ALL);
        let offered = session(&offer);
        let agreed = TrunkMedia::of(&offered, &ALL, true).expect("a call");
        assert_eq!(agreed.crypto, Some(crypto));
        assert_eq!(TrunkMedia::of(&offered, &ALL, false), Err(TrunkRefusal::Transport));
        let bare = offer.replace("AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80");
        assert_eq!(TrunkMedia::of(&session(&bare), &ALL, true), Err(TrunkRefusal::NoCrypto));
    }
}
