//! Legs without protection hear their far end wherever it is, and nobody beside it.

use std::net::UdpSocket;
use std::time::Duration;

use engine::{Backend, EVENTS_MAX, LegHandle, OpenSdes, PayloadTypes, PlainEnd, Source};
use media::frame::AudioCodec;
use media::rtp::{Fields, RtpHeader, write_header};
use tokio::sync::mpsc;

use crate::support::{LOCALHOST, business, for_each_backend};

const TYPES: PayloadTypes =
    PayloadTypes { audio: 0, codec: AudioCodec::Pcmu, dtmf: Some(101), noise: None };

for_each_backend!(plain_rtp_is_heard_from_where_it_comes_and_from_nowhere_else);

fn plain_rtp_is_heard_from_where_it_comes_and_from_nowhere_else(backend: Backend) {
    let engine = business(backend);
    let (events, _heard) = mpsc::channel(EVENTS_MAX);
    let open = OpenSdes { cname: "trunk".into(), media_watch: None, beside: None, events };
    let (leg, local) = engine.open_sdes(open).unwrap();
    let (named, phone, stranger) = (bind(), bind(), bind());
    let remote = Some(named.local_addr().unwrap());
    leg.set_plain(PlainEnd { remote, payload_types: TYPES });
    leg.play(Source::Echo);
    leg.send_gate(true);
    let at = local.addrs[0];
    // It has taken its orders once it answers.
    leg.stats().blocking_recv().unwrap();

    // The phone is behind a NAT: it is not where its SDP says.
    for sequence in 0..10 {
        phone.send_to(&packet(7, sequence), at).unwrap();
        wait_for(&leg, |received| received + 2 > u64::from(sequence));
    }
    let mut buffer = [0; 1500];
    let len = phone.recv(&mut buffer).unwrap();
    let header = RtpHeader::parse(&buffer[..len]).unwrap();
    assert_eq!((header.payload_type, header.payload_len), (0, 160));

    // A stranger speaks up in good order and is not heard.
    for sequence in 0..10 {
        stranger.send_to(&packet(66, sequence), at).unwrap();
    }
    phone.send_to(&packet(7, 10), at).unwrap();
    wait_for(&leg, |received| received >= 9);
    assert_eq!(leg.stats().blocking_recv().unwrap().received.packets, 9);
    stranger.set_nonblocking(true).unwrap();
    assert!(stranger.recv(&mut buffer).is_err(), "the stranger hears the phone");
}

fn wait_for(leg: &LegHandle, enough: impl Fn(u64) -> bool) {
    let begun = std::time::Instant::now();
    while !enough(leg.stats().blocking_recv().unwrap().received.packets) {
        assert!(begun.elapsed() < Duration::from_secs(10), "packets were not heard");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0xD0; 12 + 160];
    let timestamp = u32::from(sequence) * 160;
    let fields = Fields { payload_type: 0, marker: false, sequence, timestamp, ssrc };
    write_header(&mut packet, fields).unwrap();
    packet
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}
