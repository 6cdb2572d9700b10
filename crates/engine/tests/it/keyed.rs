//! A call of two keyed legs, and its far ends as plain sockets: packets as fast as a test wants.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use engine::{EVENTS_MAX, Engine, LegEvent, LegHandle, LegStats, OpenKeyed, Socket, Source};
use media::rtp::{Fields, write_header};
use media::srtp::{MasterKey, Profile, Sender, TRAILER_MAX};
use tokio::sync::mpsc;

use crate::support::{LOCALHOST, TYPES};

const PAYLOAD: usize = 60;

/// speaker ▸ hearing leg ▸ telling leg ▸ listener
pub(crate) struct KeyedCall {
    pub(crate) hearing: LegHandle,
    pub(crate) telling: LegHandle,
    pub(crate) speaker: Speaker,
    pub(crate) listener: UdpSocket,
    _events: mpsc::Receiver<LegEvent>,
}

/// The far end that speaks.
pub(crate) struct Speaker {
    socket: UdpSocket,
    sender: Sender,
    said: u32,
    packet: [u8; 12 + PAYLOAD + TRAILER_MAX],
}

impl KeyedCall {
    pub(crate) fn new(engine: &Engine, profile: Profile, socket: Socket) -> Self {
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let open = |remote: SocketAddr| {
            engine
                .open_keyed(OpenKeyed {
                    socket,
                    remote,
                    profile,
                    send_key: key(profile, 1),
                    receive_key: key(profile, 2),
                    payload_types: TYPES,
                    cname: "keyed".into(),
                    media_watch: None,
                    beside: None,
                    events: events.clone(),
                })
                .unwrap()
        };
        let (speaker, listener) = (bind(), bind());
        let (hearing, addr) = open(speaker.local_addr().unwrap());
        let (telling, _) = open(listener.local_addr().unwrap());
        telling.send_gate(true);
        telling.play(Source::Bridge(hearing.clone()));
        speaker.connect(addr).unwrap();
        let sender = Sender::new(&key(profile, 2));
        let packet = [0x5A; 12 + PAYLOAD + TRAILER_MAX];
        let speaker = Speaker { socket: speaker, sender, said: 0, packet };
        // With this answered, the legs are there.
        telling.stats().blocking_recv().unwrap();

        Self { hearing, telling, speaker, listener, _events: heard }
    }

    pub(crate) fn heard(&self) -> LegStats {
        self.hearing.stats().blocking_recv().unwrap()
    }

    pub(crate) fn told(&self) -> LegStats {
        self.telling.stats().blocking_recv().unwrap()
    }
}

impl Speaker {
    /// Sends the next packet. Allocates nothing.
    pub(crate) fn speak(&mut self) {
        let fields = Fields {
            payload_type: TYPES.audio,
            marker: false,
            sequence: u16::try_from(self.said % 0x1_0000).unwrap(),
            timestamp: self.said.wrapping_mul(960),
            ssrc: 7,
        };
        self.said += 1;
        let plain = write_header(&mut self.packet, fields).unwrap() + PAYLOAD;
        let len = self.sender.protect_rtp(&mut self.packet, plain).unwrap();
        self.socket.send(&self.packet[..len]).unwrap();
    }
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn key(profile: Profile, byte: u8) -> MasterKey {
    MasterKey::new(profile, &[byte; 32][..profile.key_len()], &[byte; 14][..profile.salt_len()])
        .unwrap()
}
