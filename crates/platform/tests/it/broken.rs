//! A business or a phone that does one thing wrong: a leg without an engine, so that every datagram is ours.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use is::{
    DefaultSha1HmacProvider, Sha1HmacProvider as _,
    stun::{StunMessage, TransId},
};
use media::{
    leg::{DtlsIdentity, IceRole, Leg, LegConfig, MediaPacket, Outbox},
    rtp::{Fields, HEADER_LEN, write_header},
    sdp,
    srtp::{MasterKey, Profile, TRAILER_MAX},
    transport::{DtlsRole, IceCredentials, LocalTransport, RemoteTransport},
};
use serde_json::Value;

/// Room for one datagram.
const ROOM: usize = 2_048;

pub(crate) struct Broken {
    pub(crate) sdp: String,
    /// What it takes the platform for; to be bent before [`Broken::start`].
    pub(crate) platform: RemoteTransport,
    pub(crate) leg: Leg,
    /// RTP packets that came.
    pub(crate) heard: u64,
    socket: UdpSocket,
    ufrag: String,
    sequence: u16,
}

struct Post<'a>(&'a UdpSocket);

impl Outbox for Post<'_> {
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        self.0.send_to(datagram, to).unwrap();
    }
}

/// One that has made its offer, and waits for the platform's answer: a user's phone.
pub(crate) struct Offered {
    pub(crate) sdp: String,
    local: LocalTransport,
    leg: Leg,
    socket: UdpSocket,
}

impl Offered {
    /// Makes an offer as it should be.
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let addrs = vec![socket.local_addr().unwrap()];
        let identity = DtlsIdentity::generate().unwrap();
        let ufrag = format!("broken{}", addrs[0].port());
        let pwd = "aPasswordOfTwentyFourChar".to_owned();
        let credentials = IceCredentials { ufrag: ufrag.clone(), pwd: pwd.clone() };
        let ice = IceRole::Full { controlling: true };
        let config = LegConfig { ice, local_addrs: addrs.clone(), credentials };
        let local = LocalTransport {
            addrs,
            ufrag,
            pwd,
            fingerprint: identity.fingerprint(),
            ssrc: 1,
            cname: "broken".into(),
            session_id: 1,
        };
        let sdp = sdp::write_handset_offer(&local);
        Self { sdp, leg: Leg::new(&config, &identity), local, socket }
    }

    /// Takes the platform's answer.
    pub(crate) fn answered(self, answer: &str) -> Broken {
        let platform = sdp::parse(answer).unwrap().session.remote_transport().unwrap();
        let Self { sdp, local, leg, socket } = self;
        Broken { sdp, platform, leg, heard: 0, socket, ufrag: local.ufrag, sequence: 0 }
    }
}

impl Broken {
    /// Answers a user's call as it should, in its SDP.
    pub(crate) fn answering(connect: &Value) -> Self {
        let text = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        let offer = sdp::parse(text).unwrap().session;
        let own = Offered::new();
        let sdp = sdp::write_gateway_answer(&offer, &own.local);
        Self { sdp, ..own.answered(text) }
    }

    /// Begins, as DTLS client or server.
    pub(crate) fn start(&mut self, role: DtlsRole) {
        let mut post = Post(&self.socket);
        self.leg.set_remote(&self.platform, role, Instant::now(), &mut post);
    }

    /// Lives on until something is true, two seconds at most; says whether it is.
    pub(crate) async fn until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            self.turn();
            if done(self) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        false
    }

    /// Lives on for a while.
    pub(crate) async fn live(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn turn(&mut self) {
        let mut buf = [0; ROOM];
        while let Ok((len, from)) = self.socket.recv_from(&mut buf) {
            let mut post = Post(&self.socket);
            let packet = self.leg.handle_datagram(from, &mut buf, len, Instant::now(), &mut post);
            self.heard += u64::from(matches!(packet, Some(MediaPacket::Rtp(_))));
        }
        self.leg.handle_timeout(Instant::now(), &mut Post(&self.socket));
    }

    /// Sends bytes to the platform.
    pub(crate) fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.platform.candidates[0]).unwrap();
    }

    /// Sends ICE checks of its own making.
    pub(crate) fn check(&self, controlling: bool, nominate: bool) {
        let name = format!("{}:{}", self.platform.ice_ufrag, self.ufrag);
        let priority = 2_130_706_431;
        let check =
            StunMessage::binding_request(&name, TransId::new(), controlling, 7, priority, nominate);
        let mut buf = [0; ROOM];
        let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
        let len = check.to_bytes(Some(self.platform.ice_pwd.as_bytes()), &mut buf, hmac).unwrap();
        self.send(&buf[..len]);
    }

    /// One packet of audio, protected as it should be.
    pub(crate) fn speak(&mut self, payload_type: u8) {
        let mut buf = [0; 200];
        let plain = self.packet(&mut buf, payload_type);
        let len = self.leg.protect_rtp(&mut buf, plain).unwrap();
        self.send(&buf[..len]);
    }

    /// One packet of audio under keys that were never agreed.
    pub(crate) fn speak_with_wrong_keys(&mut self) {
        let mut buf = [0; 200];
        let plain = self.packet(&mut buf, 111);
        let key = || MasterKey::new(Profile::Aes128CmSha1_80, &[7; 16], &[7; 14]).unwrap();
        let mut other = Leg::keyed(&key(), &key(), self.platform.candidates[0]);
        let len = other.protect_rtp(&mut buf, plain).unwrap();
        self.send(&buf[..len]);
    }

    fn packet(&mut self, buf: &mut [u8], payload_type: u8) -> usize {
        let (sequence, timestamp) = (self.sequence, u32::from(self.sequence) * 960);
        self.sequence += 1;
        let fields = Fields { payload_type, marker: false, sequence, timestamp, ssrc: 1 };
        write_header(buf, fields).unwrap();
        assert!(buf.len() > HEADER_LEN + 40 + TRAILER_MAX);
        // An Opus frame of silence: its configuration, then nothing.
        buf[HEADER_LEN] = 0x08;
        HEADER_LEN + 40
    }
}
