//! What is one far end?

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Instant;

use media::frame::OPUS_SAMPLES_20_MS;
use media::leg::{DtlsIdentity, IceRole, Leg, LegConfig, LegState, MediaPacket, Outbox};
use media::rtp::{Fields, write_header};
use media::sdp::{self, AudioSession, OPUS_PT};
use media::srtp::{Profile, TRAILER_MAX};
use media::transport::{DtlsRole, IceCredentials, LocalTransport};

use crate::Outcome;

/// Bytes of a 20 ms frame of Opus at 24 kbit/s.
const PAYLOAD: usize = 60;

/// The longest frame of Opus.
const PAYLOAD_MAX: usize = 1_275;

/// Room for a datagram.
pub(crate) const BUFFER: usize = 2_048;

/// One party's transport and stream.
pub(crate) struct End {
    pub(crate) socket: UdpSocket,
    pub(crate) local: LocalTransport,
    leg: Leg,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    /// Which packet of the speech comes next.
    said: usize,
}

/// When a packet was sent, and in which run: the first bytes of each payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) run: u32,
    pub(crate) sent_ns: u64,
}

impl End {
    pub(crate) fn open(bind: IpAddr, ice: IceRole, identity: &DtlsIdentity) -> Outcome<Self> {
        let socket = UdpSocket::bind((bind, 0))?;
        socket.set_nonblocking(true)?;
        let credentials = IceCredentials { ufrag: word(), pwd: format!("{}{}", word(), word()) };
        let local = LocalTransport {
            addrs: vec![socket.local_addr()?],
            ufrag: credentials.ufrag.clone(),
            pwd: credentials.pwd.clone(),
            fingerprint: identity.fingerprint(),
            ssrc: rand::random_range(1..=u32::MAX),
            cname: "far".into(),
            session_id: rand::random::<u64>() >> 1,
        };
        let config = LegConfig { ice, local_addrs: local.addrs.clone(), credentials };

        Ok(Self {
            leg: Leg::new(&config, identity),
            socket,
            local,
            payload_type: OPUS_PT,
            sequence: rand::random::<u16>() >> 1,
            timestamp: rand::random(),
            said: rand::random_range(..1_000),
        })
    }

    /// Learns who is at the other end.
    pub(crate) fn meet(
        &mut self,
        session: &AudioSession,
        role: Option<DtlsRole>,
        now: Instant,
    ) -> Outcome<()> {
        let remote = session.remote_transport()?;
        self.payload_type = session.opus_pt().ok_or("the other end has no opus/48000/2")?;
        let role = role.unwrap_or_else(|| remote.setup.our_role());
        self.leg.set_remote(&remote, role, now, &mut Out(&self.socket));

        Ok(())
    }

    /// Takes a datagram; tells of a packet of audio when it was sent, if it bears a stamp.
    pub(crate) fn hear(
        &mut self,
        from: SocketAddr,
        buf: &mut [u8],
        len: usize,
        now: Instant,
    ) -> Heard {
        match self.leg.handle_datagram(from, buf, len, now, &mut Out(&self.socket)) {
            Some(MediaPacket::Rtp(header)) => {
                let payload = header.payload(buf);
                Heard::Audio { stamp: Stamp::read(payload), bytes: payload.len() }
            }
            Some(MediaPacket::Rtcp { .. }) => Heard::Report,
            None => Heard::Other,
        }
    }

    pub(crate) fn run_timers(&mut self, now: Instant) {
        self.leg.handle_timeout(now, &mut Out(&self.socket));
    }

    pub(crate) fn next_timeout(&mut self) -> Option<Instant> {
        self.leg.next_timeout().map(|(at, _)| at)
    }

    /// Sends the next packet with a stamp; false when the kernel would not take it.
    pub(crate) fn send(&mut self, stamp: Stamp) -> bool {
        let mut payload = [0x5A; PAYLOAD];
        stamp.write(&mut payload);

        self.send_payload(&payload)
    }

    /// Says the next 20 ms of what there is to say; false when the kernel would not take it.
    pub(crate) fn say(&mut self, speech: &[Box<[u8]>]) -> bool {
        let payload = speech.get(self.said).map_or(&[][..], |packet| packet);
        self.said = (self.said + 1) % speech.len().max(1);

        self.send_payload(payload)
    }

    fn send_payload(&mut self, payload: &[u8]) -> bool {
        let mut packet = [0; 12 + PAYLOAD_MAX + TRAILER_MAX];
        let fields = Fields {
            payload_type: self.payload_type,
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.local.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(OPUS_SAMPLES_20_MS);
        let Some(header) = write_header(&mut packet, fields) else { return false };
        let end = header + payload.len();
        let Some(place) = packet.get_mut(header..end) else { return false };
        place.copy_from_slice(payload);
        let Some(len) = self.leg.protect_rtp(&mut packet, end) else { return false };
        let Some(to) = self.leg.remote() else { return false };

        self.socket.send_to(&packet[..len], to).is_ok()
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.leg.is_connected()
    }

    pub(crate) const fn has_failed(&self) -> bool {
        matches!(self.leg.state(), LegState::Failed(_))
    }

    pub(crate) fn profile(&self) -> Option<Profile> {
        self.leg.profile()
    }
}

/// What a datagram was.
pub(crate) enum Heard {
    /// Audio, authentic.
    Audio {
        /// The stamp it bears.
        stamp: Option<Stamp>,
        /// How long its payload is.
        bytes: usize,
    },
    /// RTCP.
    Report,
    /// Nothing that flows to a listener; it may have moved a timer.
    Other,
}

impl Stamp {
    const MARK: [u8; 4] = *b"peer";
    const LEN: usize = 16;

    fn write(self, payload: &mut [u8]) {
        payload[..4].copy_from_slice(&Self::MARK);
        payload[4..8].copy_from_slice(&self.run.to_be_bytes());
        payload[8..Self::LEN].copy_from_slice(&self.sent_ns.to_be_bytes());
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = payload.first_chunk()?;
        let [m0, m1, m2, m3, r0, r1, r2, r3, t @ ..] = *bytes;
        let run = u32::from_be_bytes([r0, r1, r2, r3]);
        let stamp = Self { run, sent_ns: u64::from_be_bytes(t) };

        ([m0, m1, m2, m3] == Self::MARK).then_some(stamp)
    }
}

struct Out<'a>(&'a UdpSocket);

impl Outbox for Out<'_> {
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        // Every protocol here repeats itself.
        drop(self.0.send_to(datagram, to));
    }
}

/// Sixteen characters ICE allows.
fn word() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Reads an SDP.
pub(crate) fn read(text: &str) -> Outcome<AudioSession> {
    Ok(sdp::parse(text)?.session)
}
