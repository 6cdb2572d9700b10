//! What do we and a PBX agree on?
//!
//! One audio stream with what the trunk takes of Opus, G.722 and G.711, plain (RFC 3551) or protected in one
//! of the ways of [`super::trunk_keys`].

use std::net::SocketAddr;

use thiserror::Error;

use super::trunk_keys::{TrunkKeying, TrunkKeys};
use super::{AudioSession, Codec, MediaDirection};
use crate::frame::AudioCodec;

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
    /// The far end's keys.
    pub keys: TrunkKeys,
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
    /// It shakes hands and names no certificate that we could know it by.
    #[error("the far end has no a=fingerprint line with sha-256")]
    NoFingerprint,
    /// It wants protection that the trunk does not take, or none.
    #[error("the far end wants another transport than the trunk's")]
    Transport,
}

impl TrunkMedia {
    /// What a far end's offer or answer means to who has these codecs and takes these ways of protection. Its
    /// first format that is among ours is what both send.
    ///
    /// # Errors
    ///
    /// Why there is no call to be had.
    pub fn of(
        session: &AudioSession,
        codecs: &[AudioCodec],
        takes: &[TrunkKeying],
    ) -> Result<Self, TrunkRefusal> {
        let keys = TrunkKeys::of(session, takes)?;
        let formats = session.audio(&AudioCodec::TELEPHONES);
        let first = formats.into_iter().find(|(_, codec)| codecs.contains(codec));
        let (audio, codec) = first.ok_or(TrunkRefusal::NoCodec)?;
        let remote = session.media_addr();
        let (dtmf, direction) = (session.dtmf_pt(), session.direction);
        let noise = session.noise_pt().filter(|_| codec != AudioCodec::Opus);

        Ok(Self { remote, audio, codec, dtmf, noise, keys, direction })
    }

    /// What a later SDP of the far end's means in this call: it holds the call, or is elsewhere. What both send
    /// stays, wherever it stands among the formats there. `None`: it would be another call.
    #[must_use]
    pub fn still(&self, session: &AudioSession) -> Option<Self> {
        let media = Self::of(session, &[self.codec], &[self.keys.keying()]).ok()?;
        let agreed = |it: &Codec| it.pt == self.audio && it.audio() == Some(self.codec);
        let is_same = session.codecs.iter().any(agreed) && media.keys.is_still(&self.keys);
        // Who shook hands first stays who it was, whatever an offer leaves open.
        is_same.then(|| Self { audio: self.audio, keys: self.keys.clone(), ..media })
    }

    /// Whether the far end holds the call: it wants to hear nothing.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        // Who has ICE needs no address in `c=`.
        let has_ice = matches!(&self.keys, TrunkKeys::Dtls(dtls) if dtls.ice.is_some());
        let is_nowhere = self.remote.is_none() && !has_ice;
        is_nowhere || matches!(self.direction, MediaDirection::SendOnly | MediaDirection::Inactive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::write_trunk::tests::{dtls_offer, local, voice};
    use crate::sdp::{
        OurKeys, SdesCrypto, TrunkDtls, TrunkVoice, parse, write_trunk_answer, write_trunk_offer,
    };

    const ALL: [AudioCodec; 4] =
        [AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcmu, AudioCodec::Pcma];

    fn session(text: &str) -> AudioSession {
        parse(text).expect("SDP").session
    }

    fn media(text: &str, codecs: &[AudioCodec]) -> Result<TrunkMedia, TrunkRefusal> {
        TrunkMedia::of(&session(text), codecs, &[TrunkKeying::Open])
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
    fn in_a_call_that_stands_the_agreed_codec_needs_not_be_the_first() {
        let local = local();
        let offer = write_trunk_offer(voice(&local), &[AudioCodec::Pcmu]);
        let agreed = media(&offer, &ALL).expect("a call");
        let again = write_trunk_offer(voice(&local), &[AudioCodec::Opus, AudioCodec::Pcmu])
            .replace("sendrecv", "sendonly")
            .replace("192.0.2.1", "192.0.2.7");
        let held = agreed.still(&session(&again)).expect("the same call");
        assert!(held.is_held());
        assert_eq!((held.audio, held.codec), (0, AudioCodec::Pcmu));
        assert_eq!(held.remote, Some(SocketAddr::from(([192, 0, 2, 7], 40_000))));

        // Of two numbers for one codec the agreed one stays.
        let opus = media(&write_trunk_offer(voice(&local), &ALL[..1]), &ALL).expect("a call");
        let two = write_trunk_offer(voice(&local), &ALL[..1])
            .replace("AVP 111", "AVP 96 111")
            .replace("a=rtpmap:111", "a=rtpmap:96 opus/48000/2\r\na=rtpmap:111");
        assert_eq!(opus.still(&session(&two)).expect("the same call").audio, 111);
        let other = two.replace("AVP 96 111", "AVP 96");
        assert_eq!(opus.still(&session(&other)), None);
        assert_eq!(agreed.still(&session(&other)), None, "another codec");
        let protected = again.replace("RTP/AVP", "RTP/SAVP");
        assert_eq!(agreed.still(&session(&protected)), None);
    }

    #[test]
    fn keys_are_required_where_the_trunk_is_protected() {
        let local = local();
        let crypto = SdesCrypto { tag: 1, key_and_salt: [3; 30] };
        let voice = TrunkVoice { keys: OurKeys::Sdes(&crypto), ..voice(&local) };
        let offer = write_trunk_offer(voice, &ALL);
        let offered = session(&offer);
        let read = |session: &AudioSession, takes: &[TrunkKeying]| {
            TrunkMedia::of(session, &ALL, takes).map(|media| media.keys)
        };
        assert_eq!(read(&offered, &[TrunkKeying::Sdes]), Ok(TrunkKeys::Sdes(crypto)));
        let others = [TrunkKeying::Open, TrunkKeying::Dtls];
        assert_eq!(read(&offered, &others), Err(TrunkRefusal::Transport));
        let bare = session(&offer.replace("AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80"));
        assert_eq!(read(&bare, &[TrunkKeying::Sdes]), Err(TrunkRefusal::NoCrypto));
    }

    fn handshake(text: &str) -> Result<TrunkDtls, TrunkRefusal> {
        let media = TrunkMedia::of(&session(text), &ALL, &[TrunkKeying::Dtls])?;
        assert!(!media.is_held());
        match media.keys {
            TrunkKeys::Dtls(dtls) => Ok(*dtls),
            TrunkKeys::Open | TrunkKeys::Sdes(_) => panic!("keys come from a handshake"),
        }
    }

    #[test]
    fn who_shakes_hands_is_known_by_its_certificate() {
        let offer = dtls_offer();
        let first = handshake(&offer).expect("a handshake");
        assert!(first.ice.is_some() && first.rtcp_mux && !first.feedback);
        let other = offer.replace("sha-256 00", "sha-256 01");
        assert!(!handshake(&other).expect("another").is_still(&first));
        assert!(!handshake(&offer.replace("ufrag:name", "ufrag:anew")).unwrap().is_still(&first));
        assert!(handshake(&offer.replace("actpass", "active")).unwrap().is_still(&first));
        // One that looks for a path need not say where it is.
        assert!(handshake(&offer.replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0")).is_ok());
        let nameless = offer.replace("sha-256", "sha-1");
        assert_eq!(handshake(&nameless), Err(TrunkRefusal::NoFingerprint));
        assert_eq!(media(&offer, &ALL), Err(TrunkRefusal::Transport), "where nothing is protected");
    }
}
