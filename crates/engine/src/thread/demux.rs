//! Which leg is a datagram on the muxed port for?
//!
//! A STUN request names its leg by the user fragment. Everything else goes by the address it comes
//! from, which a request with the leg's password must have come from before.

use std::collections::HashMap;
use std::net::SocketAddr;

use media::leg::stun_addressee;
use media::rtp::{DatagramKind, classify};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Demux {
    by_addr: HashMap<SocketAddr, u32>,
    by_ufrag: HashMap<String, u32>,
}

impl Demux {
    pub(super) fn open(&mut self, ufrag: &str, leg: u32) {
        self.by_ufrag.insert(ufrag.to_owned(), leg);
    }

    pub(super) fn close(&mut self, ufrag: &str, leg: u32) {
        self.by_ufrag.remove(ufrag);
        self.by_addr.retain(|_, other| *other != leg);
    }

    /// A check with the leg's password came from here.
    pub(super) fn prove(&mut self, addr: SocketAddr, leg: u32) {
        self.by_addr.insert(addr, leg);
    }

    pub(super) fn find(&self, from: SocketAddr, datagram: &[u8]) -> Option<u32> {
        if classify(datagram) == DatagramKind::Stun
            && let Some(ufrag) = stun_addressee(datagram)
        {
            return self.by_ufrag.get(ufrag).copied();
        }

        self.by_addr.get(&from).copied()
    }
}
