//! How do two ends agree on keys by DTLS where nobody looks for a path?
//!
//! A far end without ICE names one address in its SDP (RFC 5763), and behind a NAT its datagrams come from
//! another. So DTLS is taken from the address it named, or else from the first that speaks DTLS, and from
//! then on from these alone. Whoever gets in first can spoil the handshake, as everywhere without ICE, and
//! no more: the certificate proves who is there, and media follows what is authentic.

use std::net::SocketAddr;
use std::time::Instant;

use super::dtls::Handshake;
use super::{Leg, LegState, Outbox, Place, SET_UP_MAX};
use crate::transport::{DtlsRole, Fingerprint};

/// Where the DTLS of a far end without ICE may come from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    named: Option<SocketAddr>,
    heard: Option<SocketAddr>,
}

impl Known {
    /// Whether DTLS from here is the far end's.
    pub(super) fn believes(&mut self, from: SocketAddr) -> bool {
        let believed = self.named == Some(from) || self.heard.is_none_or(|heard| heard == from);
        if believed {
            self.heard = Some(from);
        }

        believed
    }
}

impl Leg {
    /// Tells a leg of [`Leg::new`] who the far end is where that has no ICE, and the address its SDP names
    /// if it does; a client starts the handshake. Only the first call of this and of [`Leg::set_remote`]
    /// counts.
    pub fn set_dtls(
        &mut self,
        remote: Option<SocketAddr>,
        (role, fingerprint): (DtlsRole, Fingerprint),
        now: Instant,
        out: &mut impl Outbox,
    ) {
        let (LegState::New, Some(set_up)) = (self.state, &mut self.set_up) else {
            return;
        };
        let mut handshake = Handshake::new(&set_up.identity, role, fingerprint, now);
        handshake.start(now);
        set_up.handshake = Some(Place::Here(Box::new(handshake)));
        set_up.ice = None;
        set_up.known = Known { named: remote, heard: None };
        set_up.deadline = Some(now + SET_UP_MAX);
        self.latches = true;
        self.remote = remote;
        self.state = LegState::Handshaking;
        self.handle_timeout(now, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dtls_is_taken_from_the_address_named_and_from_the_first_other() {
        let [named, phone, stranger] =
            [1, 2, 3].map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let mut known = Known { named: Some(named), heard: None };
        assert!(known.believes(phone), "behind a NAT");
        assert!(!known.believes(stranger));
        assert!(known.believes(named));
        assert!(!known.believes(phone), "the far end has spoken for itself");
    }
}
