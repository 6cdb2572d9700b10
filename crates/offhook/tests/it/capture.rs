//! What is on the wire of a call? Platform, gateway and handset as three processes, and a raw socket
//! on the loopback beside them.
//!
//! Two flows meet at the platform's media port: the phone's and the business's. On each, STUN comes
//! first, then DTLS, then SRTP; and no packet holds an Opus frame anybody could play.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use media::{
    frame::AudioFrame,
    rtp::{DatagramKind, classify},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::process::{Server, free_tcp, free_udp, gateway_config, offhook};

/// EtherType of IPv4, as a packet socket wants it: in network order.
const IPV4: u16 = 0x0800u16.to_be();

/// Room for what comes while the reading thread is kept waiting.
const BUFFER_BYTES: usize = 8 << 20;

/// The shortest stretch of a frame that counts as found: shorter ones occur by chance.
const STRETCH: usize = 12;

/// Bytes SRTP adds to a frame: header, and a tag of 16 (GCM) or 10 (HMAC-SHA1).
const OVERHEADS: [usize; 2] = [12 + 16, 12 + 10];

/// One UDP datagram seen on the loopback.
struct Seen {
    from: SocketAddrV4,
    to: SocketAddrV4,
    bytes: Vec<u8>,
}

impl Seen {
    fn kind(&self) -> DatagramKind {
        classify(&self.bytes)
    }

    /// Whether it came from or went to `port`.
    fn concerns(&self, port: u16) -> bool {
        self.from.port() == port || self.to.port() == port
    }

    /// The end that is not at `port`.
    fn peer_of(&self, port: u16) -> SocketAddrV4 {
        if self.from.port() == port { self.to } else { self.from }
    }
}

/// A raw socket on the loopback and the thread that reads it.
struct Sniffer {
    stop: Arc<AtomicBool>,
    reader: JoinHandle<Vec<Seen>>,
}

impl Sniffer {
    /// Starts, unless this process may not: that takes CAP_NET_RAW.
    fn start(port: u16) -> Option<Self> {
        let protocol = Some(Protocol::from(i32::from(IPV4)));
        // Bound to one EtherType, a packet socket sees what arrives and not what leaves, so each
        // datagram on the loopback is seen once.
        let socket = match Socket::new(Domain::PACKET, Type::DGRAM, protocol) {
            Ok(socket) => socket,
            Err(fault) if fault.kind() == ErrorKind::PermissionDenied => {
                eprintln!("not run: no raw socket without CAP_NET_RAW");
                return None;
            }
            Err(fault) => panic!("a raw socket: {fault}"),
        };
        socket.set_recv_buffer_size(BUFFER_BYTES).expect("a receive buffer");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a read timeout");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let reader = std::thread::spawn(move || read_until(&stopped, socket, port));
        Some(Self { stop, reader })
    }

    fn finish(self) -> Vec<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.reader.join().expect("the reading thread")
    }
}

fn read_until(stopped: &AtomicBool, mut socket: Socket, port: u16) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut packet = vec![0; 65_536];
    while !stopped.load(Ordering::Relaxed) {
        match socket.read(&mut packet) {
            Ok(len) => {
                seen.extend(read_udp(&packet[..len]).filter(|seen| seen.concerns(port)));
            }
            Err(fault) if matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(fault) => panic!("reading the raw socket: {fault}"),
        }
    }
    seen
}

/// Reads an IPv4 packet as UDP.
fn read_udp(packet: &[u8]) -> Option<Seen> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let is_udp = packet.first()? >> 4 == 4 && *packet.get(9)? == 17;
    let udp = packet.get(header..).filter(|udp| is_udp && udp.len() >= 8)?;
    let ip = |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
    let word = |at: usize| u16::from_be_bytes([udp[at], udp[at + 1]]);
    let bytes = udp.get(8..usize::from(word(4)))?.to_vec();
    let (from, to) = (SocketAddrV4::new(ip(12), word(0)), SocketAddrV4::new(ip(16), word(2)));
    Some(Seen { from, to, bytes })
}

/// One stretch out of the middle of each frame: packets of one encoder start alike.
fn stretches(frames: &[AudioFrame]) -> Vec<&[u8]> {
    let middle = |bytes: &'_ [u8]| bytes.len().checked_sub(STRETCH).map(|spare| spare / 2);
    let cut = |frame: &'_ AudioFrame| middle(frame.bytes());
    frames
        .iter()
        .filter_map(|frame| cut(frame).map(|at| &frame.bytes()[at..at + STRETCH]))
        .filter(|stretch| stretch.windows(2).any(|pair| pair[0] != pair[1]))
        .collect()
}

fn holds_any(bytes: &[u8], stretches: &[&[u8]]) -> bool {
    bytes.windows(STRETCH).any(|window| stretches.contains(&window))
}

/// How far into the flow each kind first appears, whoever sent it.
fn first_seen(flow: &[&Seen], kind: DatagramKind) -> usize {
    let first = flow.iter().position(|seen| seen.kind() == kind);
    first.unwrap_or_else(|| panic!("no {kind:?} among {} datagrams", flow.len()))
}

fn assert_order(peer: SocketAddrV4, flow: &[&Seen]) {
    let stun = first_seen(flow, DatagramKind::Stun);
    let dtls = first_seen(flow, DatagramKind::Dtls);
    let srtp = first_seen(flow, DatagramKind::Rtp);
    assert!(stun < dtls && dtls < srtp, "{peer}: STUN {stun}, DTLS {dtls}, SRTP {srtp}");
    let rtcp = flow.iter().position(|seen| seen.kind() == DatagramKind::Rtcp);
    assert!(rtcp.is_none_or(|rtcp| dtls < rtcp), "{peer}: SRTCP before DTLS");
    let strange = flow.iter().filter(|seen| seen.kind() == DatagramKind::Unknown).count();
    assert_eq!(strange, 0, "{peer}: datagrams of no known protocol");
}

/// Whether these SRTP packets carry these frames: their lengths are the frames' in order, each with
/// the same overhead.
fn carries(sent: &[&Seen], frames: &[AudioFrame]) -> bool {
    /// Packets compared: 0.8 s.
    const PACKETS: usize = 40;
    let fits = |overhead: usize| {
        let lengths = sent.iter().map(|seen| seen.bytes.len());
        lengths.zip(frames).take(PACKETS).all(|(len, f)| len == f.bytes().len() + overhead)
    };
    sent.len() >= PACKETS && OVERHEADS.into_iter().any(fits)
}

fn assert_unreadable(seen: &[Seen], tone: &[AudioFrame]) {
    let prompt = include_bytes!("../../../../demo/prompts/welcome.ogg");
    let prompt: Vec<AudioFrame> = audio::prompt::load(prompt)
        .expect("a prompt")
        .into_iter()
        .map(|packet| AudioFrame::new(packet).expect("a frame"))
        .collect();
    let mut secrets = stretches(tone);
    secrets.extend(stretches(&prompt));
    assert!(secrets.len() > 150, "only {} frames to look for", secrets.len());
    assert!(holds_any(tone[7].bytes(), &secrets), "the search finds what is there");
    let readable = seen.iter().filter(|datagram| holds_any(&datagram.bytes, &secrets)).count();
    assert_eq!(readable, 0, "of {} datagrams, so many hold plain Opus", seen.len());
}

/// One call of three processes, captured: what was seen at the platform's media port.
fn capture() -> Option<(u16, Vec<Seen>)> {
    let media = free_udp();
    let port = media.parse::<SocketAddr>().expect("an address").port();
    let sniffer = Sniffer::start(port)?;
    let folder = tempfile::tempdir().expect("a folder");
    let listen = free_tcp();
    let webhook = format!("http://{listen}/webhooks/whatsapp");
    let start = ["platform", "--listen", "127.0.0.1:0", "--media", &media];
    let platform =
        Server::start(&[&start[..], &["--webhook", &webhook, "--no-handshake"]].concat());
    let api = platform.url("platform");
    let config = gateway_config(folder.path(), &api, &listen);
    let gateway = Server::start(&["gateway", "--config", &config]);
    let report = offhook(&["call", "--platform", &api, "--json"])
        .args(["--as", "5215550000001", "--to", "551140000000", "--play", "tone:440"])
        .args(["--expect", "tone:*", "--for", "3s"])
        .output()
        .expect("a call");
    drop((gateway, platform));
    let said = String::from_utf8_lossy(&report.stdout);
    assert!(report.status.success(), "the flow was heard: {said}");
    Some((port, sniffer.finish()))
}

#[test]
fn a_call_is_stun_then_dtls_then_srtp_and_no_opus_in_the_clear() {
    let (port, seen) =
        capture().expect("a capture of the loopback: run as root or with CAP_NET_RAW");
    let mut flows: BTreeMap<SocketAddrV4, Vec<&Seen>> = BTreeMap::new();
    for datagram in &seen {
        flows.entry(datagram.peer_of(port)).or_default().push(datagram);
    }
    assert_eq!(flows.len(), 2, "the phone and the business, no one else: {:?}", flows.keys());
    flows.iter().for_each(|(peer, flow)| assert_order(*peer, flow));

    let tone = handset::sound::tone(440.0).expect("a tone");
    let carried = flows.values().any(|flow| {
        let own = |seen: &&&Seen| seen.kind() == DatagramKind::Rtp && seen.to.port() == port;
        carries(&flow.iter().filter(own).copied().collect::<Vec<_>>(), &tone)
    });
    assert!(carried, "the phone's tone is what its SRTP packets carry");
    assert_unreadable(&seen, &tone);
}
