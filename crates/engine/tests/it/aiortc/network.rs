//! What lies between the two ends: a UDP relay that can lose, double and swap datagrams.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::loopback;

/// How well the network carries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quality {
    /// Everything, in order, at once.
    Good,
    /// One datagram in twenty is lost, one in twenty doubled, one in eight overtaken by its
    /// successor. The same seed gives the same fates to the same run of datagrams.
    Bad { seed: u64 },
}

/// What was done to datagrams, STUN and DTLS among them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    pub(super) forwarded: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) delayed: u64,
}

/// A network between one leg and one peer, until it is stopped.
pub(super) struct Network {
    for_peer: SocketAddr,
    for_leg: SocketAddr,
    lead_to: Sender<SocketAddr>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Passed>,
}

impl Network {
    /// Starts a network to the leg at `leg`; where the peer is will be known later.
    pub(super) fn start(leg: SocketAddr, quality: Quality) -> Self {
        let [towards_peer, towards_leg] = [(); 2].map(|()| {
            let socket = UdpSocket::bind(loopback()).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        });
        let (for_peer, for_leg) =
            (towards_peer.local_addr().unwrap(), towards_leg.local_addr().unwrap());
        let (lead_to, peer) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let mut relay = Relay {
            towards_peer,
            towards_leg,
            leg,
            peer: None,
            dice: Dice::new(quality),
            waiting: BTreeMap::new(),
            passed: Passed::default(),
        };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                relay.turn(&peer);
                std::thread::sleep(Duration::from_micros(500));
            }
            relay.passed
        });

        Self { for_peer, for_leg, lead_to, stop, thread }
    }

    /// The address the peer is told for the leg.
    pub(super) const fn for_peer(&self) -> SocketAddr {
        self.for_peer
    }

    /// The address the leg is told for the peer.
    pub(super) const fn for_leg(&self) -> SocketAddr {
        self.for_leg
    }

    /// Where the peer is.
    pub(super) fn lead_to(&self, peer: SocketAddr) {
        self.lead_to.send(peer).unwrap();
    }

    pub(super) fn stop(self) -> Passed {
        self.stop.store(true, Ordering::Relaxed);

        self.thread.join().unwrap()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Towards {
    Peer,
    Leg,
}

struct Relay {
    towards_peer: UdpSocket,
    towards_leg: UdpSocket,
    leg: SocketAddr,
    peer: Option<SocketAddr>,
    dice: Dice,
    waiting: BTreeMap<(Instant, u64), (Towards, Vec<u8>)>,
    passed: Passed,
}

impl Relay {
    fn turn(&mut self, peer: &Receiver<SocketAddr>) {
        self.peer = self.peer.or_else(|| peer.try_recv().ok());
        for from in [Towards::Peer, Towards::Leg] {
            let mut datagram = [0; 2_048];
            while let Ok((len, _)) = self.socket(from).recv_from(&mut datagram) {
                let to = if from == Towards::Peer { Towards::Leg } else { Towards::Peer };
                self.take(to, &datagram[..len]);
            }
        }
        let now = Instant::now();
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= now
        {
            let (to, datagram) = entry.remove();
            self.send(to, &datagram);
        }
    }

    /// Decides a datagram's fate.
    fn take(&mut self, to: Towards, datagram: &[u8]) {
        if self.dice.falls(20) {
            self.passed.lost += 1;
            return;
        }
        let mut due = Instant::now();
        if self.dice.falls(8) {
            self.passed.delayed += 1;
            // Longer than the 20 ms to the next packet.
            due += Duration::from_millis(35);
        }
        self.wait(due, to, datagram);
        if self.dice.falls(20) {
            self.passed.doubled += 1;
            self.wait(due + Duration::from_millis(3), to, datagram);
        }
    }

    fn wait(&mut self, due: Instant, to: Towards, datagram: &[u8]) {
        self.passed.forwarded += 1;
        self.waiting.insert((due, self.passed.forwarded), (to, datagram.to_vec()));
    }

    fn send(&self, to: Towards, datagram: &[u8]) {
        let addr = match to {
            Towards::Peer => self.peer,
            Towards::Leg => Some(self.leg),
        };
        // Nobody there yet, or no longer: a network shrugs.
        drop(addr.map(|addr| self.socket(to).send_to(datagram, addr)));
    }

    const fn socket(&self, side: Towards) -> &UdpSocket {
        match side {
            Towards::Peer => &self.towards_peer,
            Towards::Leg => &self.towards_leg,
        }
    }
}

/// Chance that can be repeated: xorshift64.
struct Dice(Option<u64>);

impl Dice {
    const fn new(quality: Quality) -> Self {
        match quality {
            Quality::Good => Self(None),
            Quality::Bad { seed } => Self(Some(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)),
        }
    }

    /// Once in `sides`, on average; never on a good network.
    const fn falls(&mut self, sides: u64) -> bool {
        let Some(mut state) = self.0 else {
            return false;
        };
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0 = Some(state);

        (state >> 16).is_multiple_of(sides)
    }
}
