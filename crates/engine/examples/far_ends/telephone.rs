//! What is a telephone of the house, at the far end of a trunk?
//!
//! Plain RTP with PCMU at 50 packets a second; no ICE, no keys. It says the same speech as the others.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use media::frame::AudioCodec;
use media::leg::DtlsIdentity;
use media::rtp::{Fields, HEADER_LEN, RtpHeader, write_header};
use media::sdp::{self, OurKeys, TrunkKeying, TrunkMedia, TrunkVoice};
use media::transport::LocalTransport;

use crate::Outcome;
use crate::end::BUFFER;

/// Bytes of 20 ms, and samples.
const FRAME: usize = 160;
const FRAME_SAMPLES: u32 = 160;

/// Of the eight segments of PCMU's scale, the first that is no pause: above 200 of 32,768.
const LOUD: u8 = 3;

/// One telephone that has answered.
pub(crate) struct Telephone {
    pub(crate) socket: UdpSocket,
    payload_type: u8,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Which packet of the speech comes next.
    said: usize,
}

impl Telephone {
    /// Answers an offer; the telephone and what it says.
    pub(crate) fn answer(
        bind: IpAddr,
        identity: &DtlsIdentity,
        offer: &str,
    ) -> Outcome<(Self, String)> {
        let offer = sdp::parse(offer)?.session;
        let media = TrunkMedia::of(&offer, &[AudioCodec::Pcmu], &[TrunkKeying::Open])?;
        let remote: SocketAddr = media.remote.ok_or("the offer has no address")?;
        let socket = UdpSocket::bind((bind, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(remote)?;
        let ssrc = rand::random_range(1..=u32::MAX);
        let local = LocalTransport {
            addrs: vec![socket.local_addr()?],
            ufrag: String::new(),
            pwd: String::new(),
            fingerprint: identity.fingerprint(),
            ssrc,
            cname: "phone".into(),
            session_id: rand::random::<u64>() >> 1,
        };
        let voice = TrunkVoice { local: &local, version: 1, keys: OurKeys::Open };
        let answer = sdp::write_trunk_answer(voice, &media);
        let telephone = Self {
            socket,
            payload_type: media.audio,
            ssrc,
            sequence: rand::random::<u16>() >> 1,
            timestamp: rand::random(),
            said: rand::random_range(..1_000),
        };

        Ok((telephone, answer))
    }

    /// Says the next 20 ms of what there is to say; false when the kernel would not take it.
    pub(crate) fn say(&mut self, speech: &[Box<[u8]>]) -> bool {
        self.said = (self.said + 1) % speech.len().max(1);
        let Some(payload) = speech.get(self.said) else { return false };
        let mut packet = [0; HEADER_LEN + FRAME];
        let fields = Fields {
            payload_type: self.payload_type,
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES);
        let Some(header) = write_header(&mut packet, fields) else { return false };
        let end = header + payload.len();
        let Some(place) = packet.get_mut(header..end) else { return false };
        place.copy_from_slice(payload);

        self.socket.send(&packet[..end]).is_ok()
    }

    /// Takes what came; of each packet of audio whether it was a voice.
    pub(crate) fn hear(&self) -> Vec<bool> {
        let mut buf = [0; BUFFER];
        let mut heard = Vec::new();
        loop {
            match self.socket.recv(&mut buf) {
                Ok(len) => heard.extend(self.is_voiced(&buf[..len])),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return heard,
                // The kernel tells of a closed port at the next call; that says nothing about this datagram.
                Err(_) => {}
            }
        }
    }

    /// Whether it is loud; none where it is no audio.
    fn is_voiced(&self, packet: &[u8]) -> Option<bool> {
        let header = RtpHeader::parse(packet).ok()?;
        if header.payload_type != self.payload_type {
            return None;
        }
        let mut samples = header.payload(packet).iter();

        Some(samples.any(|sample| (!sample >> 4) & 0b111 >= LOUD))
    }
}
