//! What was the far end seen doing towards a path and keys, whether or not it led anywhere?
//!
//! Counters for a diagnosis: a call stays silent for one of a dozen reasons, and most of them show in
//! the datagrams of set-up alone. Packets of audio never touch them.

use std::net::SocketAddr;

use crate::transport::Fingerprint;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// ICE.
    pub checks: Checks,
    /// DTLS.
    pub handshake: HandshakeSeen,
}

/// STUN requests of the far end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Of the right names and password.
    pub accepted: u64,
    /// Those of them that claim the controlled role, which is ours when we are ice-lite.
    pub controlled: u64,
    /// Those of them that nominate a path.
    pub nominating: u64,
    /// To our user fragment, signed with another password.
    pub wrong_password: u64,
    /// Right for us, from a user fragment that the far end's SDP did not name.
    pub wrong_sender: u64,
    /// Where the newest of all came from.
    pub from: Option<SocketAddr>,
}

/// DTLS of the far end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandshakeSeen {
    /// Datagrams that came over a proven path.
    pub datagrams: u64,
    /// Datagrams from addresses no check came from; dropped.
    pub unproven: u64,
    /// `ClientHello`s while we are the client: both ends start.
    pub rival_hellos: u64,
    /// The newest alert in the clear (RFC 5246 7.2).
    pub alert: Option<u8>,
    /// SHA-256 of the certificate that was shown.
    pub certificate: Option<Fingerprint>,
}

/// A record of alerts (RFC 6347 4.1).
const ALERT: u8 = 21;

/// A record of the handshake.
const HANDSHAKE: u8 = 22;

/// The first message of a client.
const CLIENT_HELLO: u8 = 1;

/// Where a record's body begins, in DTLS 1.2 and in the clear records of 1.3.
const BODY: usize = 13;

impl HandshakeSeen {
    /// Notes a datagram of a proven path.
    pub(super) fn note(&mut self, datagram: &[u8], we_are_client: bool) {
        self.datagrams += 1;
        // Only epoch 0 is in the clear.
        let in_clear = datagram.get(3..5) == Some(&[0, 0]);
        match datagram.first() {
            Some(&ALERT) if in_clear => self.alert = datagram.get(BODY + 1).copied().or(self.alert),
            Some(&HANDSHAKE) if in_clear && datagram.get(BODY) == Some(&CLIENT_HELLO) => {
                self.rival_hellos += u64::from(we_are_client);
            }
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 0, 0];
        record.push(u8::try_from(body.len()).unwrap());
        record.extend(body);
        record
    }

    #[test]
    fn an_alert_and_a_rivals_hello_are_seen_in_the_clear_only() {
        let mut seen = HandshakeSeen::default();
        seen.note(&record(ALERT, 1, &[2, 80]), true);
        seen.note(&record(HANDSHAKE, 0, &[CLIENT_HELLO]), false);
        assert_eq!((seen.alert, seen.rival_hellos, seen.datagrams), (None, 0, 2));
        seen.note(&record(ALERT, 0, &[2, 42]), true);
        seen.note(&record(HANDSHAKE, 0, &[CLIENT_HELLO]), true);
        seen.note(&record(HANDSHAKE, 0, &[2]), true);
        seen.note(&[ALERT, 254, 253, 0, 0], true);
        assert_eq!((seen.alert, seen.rival_hellos, seen.datagrams), (Some(42), 1, 6));
    }
}
