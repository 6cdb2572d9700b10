//! What does a packet cost our own code, without a kernel?
//!
//! Two-leg calls in the very code a media thread runs, over sockets that are no sockets. What is
//! forwarded stays in its buffer. So the instructions of the way of a packet can be counted.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::leg::Leg;
use media::rtp::{Fields, write_header};
use media::srtp::{MasterKey, Profile, Sender};
use terms::LegId;
use tokio::sync::mpsc;

use super::{FRAME, PAYLOAD, TYPES};
use crate::credentials::StreamStart;
use crate::handshakes::Handshakes;
use crate::io::{BUFFER_LEN, Departures, InPlace, Io, Moved, SocketId, Traffic, Wait};
use crate::order::{Carrier, Feed, NewLeg, Order, Told, bell};
use crate::thread::Legs;
use crate::{EVENTS_MAX, LegEvent, Socket, StartError};

/// The muxed port's number; legs with sockets of their own have those after it.
const MUXED: SocketId = SocketId(0);

/// Far ends' packets, ready to be forwarded.
#[derive(Debug)]
pub struct Packets(Vec<Packet>);

#[derive(Debug)]
struct Packet {
    socket: SocketId,
    from: Option<SocketAddr>,
    len: usize,
    buf: Box<[u8; BUFFER_LEN]>,
}

/// Calls without a kernel.
pub struct Calls {
    legs: Legs,
    io: Nowhere,
    far_ends: Vec<FarEnd>,
    now: Instant,
    socket: Socket,
    _events: mpsc::Receiver<LegEvent>,
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").field("far_ends", &self.far_ends.len()).finish_non_exhaustive()
    }
}

struct FarEnd {
    socket: SocketId,
    addr: SocketAddr,
    sender: Sender,
    sequence: u16,
}

impl Calls {
    /// Opens calls of two bridged legs.
    ///
    /// # Errors
    ///
    /// The operating system has no descriptor to wait on.
    pub fn new(calls: u32, profile: Profile, socket: Socket) -> Result<Self, StartError> {
        let now = Instant::now();
        let wake = Arc::new(bell()?);
        let handshakes = Handshakes::new(None, wake);
        let legs =
            Legs::new(now, Duration::from_secs(3_600), Arc::new(Told::default()), handshakes);
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let mut all = Self {
            legs,
            io: Nowhere::default(),
            far_ends: Vec::new(),
            now,
            socket,
            _events: heard,
        };
        all.legs.set_muxed(MUXED);
        for leg in 0..2 * calls {
            all.open(leg, profile, events.clone());
        }
        for leg in 0..2 * u64::from(calls) {
            let other = LegId(leg ^ 1);
            all.legs.obey(LegId(leg), Order::SendGate(true), &mut all.io, now);
            all.legs.obey(LegId(leg), Order::Play(Feed::Bridge(other)), &mut all.io, now);
        }

        Ok(all)
    }

    fn open(&mut self, leg: u32, profile: Profile, events: mpsc::Sender<LegEvent>) {
        let port = u16::try_from(leg % 60_000).unwrap_or_default() + 1_024;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (ours, theirs) = (key(profile, leg, 1), key(profile, leg, 2));
        let (own, socket) = match self.socket {
            Socket::Own => (Carrier::Known(SocketId(leg + 1)), SocketId(leg + 1)),
            Socket::Muxed => (Carrier::Muxed, MUXED),
        };
        let new = NewLeg {
            id: LegId(leg.into()),
            leg: Leg::keyed(&ours, &theirs, addr),
            socket: own,
            connected: Some((addr, TYPES)),
            stream: StreamStart { ssrc: leg + 1, sequence: 0, timestamp: 0 },
            cname: "packets".into(),
            media_watch: None,
            events,
        };
        self.legs.open(new, &mut self.io, self.now);
        self.far_ends.push(FarEnd { socket, addr, sender: Sender::new(&theirs), sequence: 0 });
    }

    /// The next packet of every far end, for so many rounds.
    #[must_use]
    pub fn packets(&mut self, rounds: usize) -> Packets {
        let named = self.socket == Socket::Muxed;
        let mut packets = Vec::with_capacity(rounds * self.far_ends.len());
        for _ in 0..rounds {
            for far_end in &mut self.far_ends {
                let mut buf = Box::new([0x5A; BUFFER_LEN]);
                let fields = Fields {
                    payload_type: TYPES.audio,
                    marker: false,
                    sequence: far_end.sequence,
                    timestamp: u32::from(far_end.sequence) * 960,
                    ssrc: far_end.socket.0,
                };
                far_end.sequence += 1;
                let len = write_header(&mut *buf, fields)
                    .and_then(|header| far_end.sender.protect_rtp(&mut *buf, header + PAYLOAD));
                if let Some(len) = len {
                    let from = named.then_some(far_end.addr);
                    packets.push(Packet { socket: far_end.socket, from, len, buf });
                }
            }
        }

        Packets(packets)
    }

    /// Works on packets as a media thread does, and returns how many were forwarded.
    #[inline(never)]
    pub fn forward(&mut self, packets: &mut Packets) -> usize {
        let mut forwarded = 0;
        for Packet { socket, from, len, buf } in &mut packets.0 {
            let leaving =
                self.legs.datagram(*socket, *from, &mut buf[..], *len, self.now, &mut self.io);
            forwarded += usize::from(leaving.is_some_and(|InPlace { len, .. }| len > PAYLOAD));
        }
        self.now += FRAME;

        forwarded
    }
}

/// A key of its own for each leg and direction.
fn key(profile: Profile, leg: u32, direction: u8) -> MasterKey {
    let mut key = [direction; 32];
    key[..4].copy_from_slice(&leg.to_le_bytes());

    MasterKey::new(profile, &key[..profile.key_len()], &[direction; 14][..profile.salt_len()])
        .expect("cut to the profile's lengths")
}

/// Sockets of which only the numbers exist.
#[derive(Default)]
struct Nowhere {
    moved: Moved,
}

impl Departures for Nowhere {
    fn send(&mut self, _socket: SocketId, _to: Option<SocketAddr>, _datagram: &[u8]) {
        self.moved.sent += 1;
    }
}

impl Io for Nowhere {
    fn add(&mut self, _socket: UdpSocket, _connected: bool) -> io::Result<SocketId> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect(&mut self, _socket: SocketId, _to: SocketAddr) -> io::Result<()> {
        Ok(())
    }

    fn disconnect(&mut self, _socket: SocketId) -> io::Result<()> {
        Ok(())
    }

    fn remove(&mut self, _socket: SocketId) {}

    fn turn(&mut self, _traffic: &mut impl Traffic, _wait: Wait) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) {}

    fn moved(&self) -> Moved {
        self.moved
    }
}
