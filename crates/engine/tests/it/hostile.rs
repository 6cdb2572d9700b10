//! Garbage is counted and changes nothing.

use std::net::{SocketAddr, UdpSocket};

use engine::{Backend, Direction, Engine, LegEvent, Repeat, Source};

use crate::support::{
    LOCALHOST, Party, business, connect, for_each_backend, frames, introduce, platform, take, until,
};

for_each_backend!(
    garbage_before_and_during_a_call_is_counted_and_harmless,
    a_stranger_cannot_reach_a_connected_leg,
    audio_with_a_wrong_key_is_counted,
);

/// Datagrams nobody should choke on: every protocol's first bytes, cut at every length.
fn garbage() -> Vec<Vec<u8>> {
    let mut all = vec![
        vec![],
        vec![0],
        vec![0xFF; 1_600],
        vec![0x80; 12],
        vec![0x80; 4_000],
        vec![0x16; 1_400],
    ];
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    let heads: [&[u8]; 7] = [
        // STUN binding request, its length a lie.
        &[0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42],
        // STUN binding success.
        &[1, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42],
        // DTLS handshake, application data and alert records.
        &[22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 1, 0, 0, 28],
        &[23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40],
        &[21, 0xFE, 0xFD, 0, 9, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40],
        // RTP with an extension and sources, RTCP.
        &[0x9F, 111, 0, 1],
        &[0x81, 200, 0, 200],
    ];
    for head in heads {
        for len in [1, 4, 11, 12, 13, 20, 28, 44, 61, 200, 1_472] {
            let mut datagram = head.to_vec();
            datagram.resize_with(len.max(head.len()), &mut random);
            datagram.truncate(len);
            all.push(datagram);
        }
    }

    all
}

fn throw(at: SocketAddr, from: &UdpSocket) {
    for datagram in garbage() {
        from.send_to(&datagram, at).unwrap();
    }
}

fn strangers(engine: &Engine) -> u64 {
    engine.load().into_iter().map(|load| load.blocking_recv().unwrap().strangers).sum()
}

fn garbage_before_and_during_a_call_is_counted_and_harmless(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    let stranger = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    // The client's socket is not connected yet: everything reaches the leg.
    throw(client.addr(), &stranger);
    throw(server.addr(), &stranger);
    until("every kind is counted", || {
        let drops = client.stats().drops;
        drops.stun > 0 && drops.unknown > 0 && drops.malformed > 0
    });
    until("the muxed port counts strangers", || strangers(&platform) > 50);
    introduce(&client, &server);
    throw(client.addr(), &stranger);
    throw(server.addr(), &stranger);
    client.connected();
    server.connected();
    client.leg.send_gate(true);
    let mut heard = server.tap(Direction::Received);
    client.leg.play(Source::Packets(frames(1, 30), Repeat::Once));
    throw(server.addr(), &stranger);
    for (packet, frame) in take(&mut heard, 30).iter().zip(frames(1, 30).iter()) {
        assert_eq!(&*packet.payload, frame.bytes());
    }
    server.never(std::time::Duration::from_millis(50), |event| {
        matches!(event, LegEvent::Failed { .. })
    });
}

fn a_stranger_cannot_reach_a_connected_leg(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    let before = client.stats().drops;
    let stranger = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    throw(client.addr(), &stranger);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(client.stats().drops, before, "the kernel drops what is not the far end's");
}

/// A party of the call turns hostile: its address is proven, its packets are not.
fn audio_with_a_wrong_key_is_counted(backend: Backend) {
    let engine = business(backend);
    let hostile = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let (party, addr) = keyed(&engine, hostile.local_addr().unwrap());
    let mut packet = [0u8; 80];
    packet[..4].copy_from_slice(&[0x80, 111, 0, 1]);
    for _ in 0..10 {
        hostile.send_to(&packet, addr).unwrap();
    }
    throw(addr, &hostile);
    until("forged audio is counted", || party.stats().drops.auth >= 10);
    until("the rest as well", || {
        let drops = party.stats().drops;
        drops.malformed > 0 && drops.stun > 0 && drops.unknown > 0
    });
    assert_eq!(party.stats().received.packets, 0);
}

struct Keyed {
    leg: engine::LegHandle,
    _events: tokio::sync::mpsc::Receiver<LegEvent>,
}

impl Keyed {
    fn stats(&self) -> engine::LegStats {
        self.leg.stats().blocking_recv().unwrap()
    }
}

fn keyed(engine: &Engine, remote: SocketAddr) -> (Keyed, SocketAddr) {
    use media::srtp::{MasterKey, Profile};

    let profile = Profile::AeadAes128Gcm;
    let key = |byte| MasterKey::new(profile, &[byte; 16], &[byte; 12]).unwrap();
    let (events, heard) = tokio::sync::mpsc::channel(16);
    let (leg, addr) = engine
        .open_keyed(engine::OpenKeyed {
            socket: engine::Socket::Own,
            remote,
            profile,
            send_key: key(1),
            receive_key: key(2),
            payload_types: crate::support::TYPES,
            cname: "keyed".into(),
            media_watch: None,
            beside: None,
            events,
        })
        .unwrap();

    (Keyed { leg, _events: heard }, addr)
}
