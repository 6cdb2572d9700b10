//! Which leg is a datagram on the muxed port for?
//!
//! A STUN request names its leg by the user fragment. Everything else goes by the address it comes
//! from, which a request with the leg's password must have come from before.
//!
//! What leads to no leg may still tell whose it is: a request by the fragment it comes from, anything
//! by an address some far end's SDP named. That moves no packet; it is counted for a diagnosis.
//!
//! Every packet of audio asks for its address, so that map has a plain hash without a secret. Nobody
//! can flood it: an address enters only behind a check with a leg's password, and a leg answers checks
//! from a few dozen addresses in its life.

use std::collections::HashMap;
use std::net::SocketAddr;

use media::leg::{stun_addressee, stun_sender};
use media::rtp::{DatagramKind, classify};
use media::transport::RemoteTransport;
use rustc_hash::FxHashMap;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Demux {
    by_addr: FxHashMap<Place, u32>,
    by_ufrag: HashMap<String, u32>,
    /// By what far ends call themselves.
    by_sender: HashMap<String, u32>,
    /// By where far ends say they are.
    by_candidate: HashMap<SocketAddr, u32>,
}

/// An address in two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place(u128, u16);

impl From<SocketAddr> for Place {
    fn from(addr: SocketAddr) -> Self {
        let ip = match addr {
            SocketAddr::V4(addr) => addr.ip().to_ipv6_mapped(),
            SocketAddr::V6(addr) => *addr.ip(),
        };
        Self(ip.to_bits(), addr.port())
    }
}

impl Demux {
    pub(super) fn open(&mut self, ufrag: &str, leg: u32) {
        self.by_ufrag.insert(ufrag.to_owned(), leg);
    }

    pub(super) fn close(&mut self, ufrag: Option<&str>, leg: u32) {
        if let Some(ufrag) = ufrag {
            self.by_ufrag.remove(ufrag);
        }
        self.by_addr.retain(|_, other| *other != leg);
        self.by_sender.retain(|_, other| *other != leg);
        self.by_candidate.retain(|_, other| *other != leg);
    }

    /// What the leg's far end says of itself.
    pub(super) fn expect(&mut self, remote: &RemoteTransport, leg: u32) {
        self.by_sender.insert(remote.ice_ufrag.clone(), leg);
        for addr in &remote.candidates {
            self.by_candidate.insert(*addr, leg);
        }
    }

    /// Whose a datagram is that [`Demux::find`] found no leg for.
    pub(super) fn stray(&self, from: SocketAddr, datagram: &[u8]) -> Option<u32> {
        let sender = stun_sender(datagram).and_then(|sender| self.by_sender.get(sender));
        sender.or_else(|| self.by_candidate.get(&from)).copied()
    }

    /// A check with the leg's password came from here, or its keys were given for this address.
    pub(super) fn prove(&mut self, addr: SocketAddr, leg: u32) {
        self.by_addr.insert(addr.into(), leg);
    }

    pub(super) fn find(&self, from: SocketAddr, datagram: &[u8]) -> Option<u32> {
        if classify(datagram) == DatagramKind::Stun
            && let Some(ufrag) = stun_addressee(datagram)
        {
            return self.by_ufrag.get(ufrag).copied();
        }

        self.proven(from)
    }

    /// Whose checks came from here.
    pub(super) fn proven(&self, from: SocketAddr) -> Option<u32> {
        self.by_addr.get(&from.into()).copied()
    }
}
