//! Two legs agree on keys by DTLS without ICE: one of them behind a NAT, and one that is somebody else.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook_media::leg::{DtlsIdentity, IceRole, LegFailure, LegState};
use offhook_media::transport::{DtlsRole, Fingerprint};

use crate::two_legs::{End, identity};

/// Two ends and what the network does to the second one's address.
struct Pair {
    gateway: End,
    phone: End,
    /// Where the phone's datagrams come from.
    phone_seen_at: SocketAddr,
    now: Instant,
}

impl Pair {
    fn new(nat: bool) -> Self {
        let gateway = End::new(IceRole::Full { controlling: true }, 5_000);
        let phone = End::new(IceRole::Full { controlling: false }, 6_000);
        let phone_seen_at = if nat { ([127, 0, 0, 9], 1_234).into() } else { phone.addr };
        Self { gateway, phone, phone_seen_at, now: crate::any_instant() }
    }

    fn introduce(&mut self, gateway_role: DtlsRole, fingerprint: Fingerprint) {
        let Self { gateway, phone, now, .. } = self;
        let phone_role = match gateway_role {
            DtlsRole::Client => DtlsRole::Server,
            DtlsRole::Server => DtlsRole::Client,
        };
        let far_end = (gateway_role, fingerprint);
        gateway.leg.set_dtls(Some(phone.addr), far_end, *now, &mut gateway.mail);
        let far_end = (phone_role, identity().fingerprint());
        phone.leg.set_dtls(Some(gateway.addr), far_end, *now, &mut phone.mail);
    }

    /// Delivers what was sent and lets timers run for so long. What goes to an address behind the NAT that
    /// the NAT does not know is lost.
    fn run(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now += Duration::from_millis(10);
            let Self { gateway, phone, phone_seen_at, now } = self;
            for (to, datagram) in std::mem::take(&mut gateway.mail.0) {
                if to == *phone_seen_at {
                    phone.receive(gateway.addr, &datagram, *now);
                }
            }
            for (to, datagram) in std::mem::take(&mut phone.mail.0) {
                assert_eq!(to, gateway.addr);
                gateway.receive(*phone_seen_at, &datagram, *now);
            }
            for end in [gateway, phone] {
                if end.leg.next_timeout().is_some_and(|(at, _)| at <= *now) {
                    end.leg.handle_timeout(*now, &mut end.mail);
                }
            }
        }
    }

    fn speak(&mut self) {
        for _ in 0..10 {
            let said = self.phone.speak().expect("keys");
            self.gateway.receive(self.phone_seen_at, &said, self.now);
            let said = self.gateway.speak().expect("keys");
            self.phone.receive(self.gateway.addr, &said, self.now);
        }
    }
}

#[test]
fn both_roles_reach_keys_and_media_follows_what_is_authentic() {
    for (role, nat) in [
        (DtlsRole::Client, false),
        (DtlsRole::Server, false),
        // Behind a NAT the phone must speak first.
        (DtlsRole::Server, true),
    ] {
        let mut pair = Pair::new(nat);
        pair.introduce(role, identity().fingerprint());
        assert_eq!(pair.gateway.leg.state(), LegState::Handshaking, "there is no path to look for");
        pair.run(2_000);
        assert_eq!(pair.gateway.leg.state(), LegState::Connected, "{role:?} {nat}");
        assert_eq!(pair.phone.leg.state(), LegState::Connected, "{role:?} {nat}");
        assert_eq!(pair.gateway.leg.remote(), Some(pair.phone_seen_at));
        pair.speak();
        assert_eq!((pair.gateway.heard, pair.phone.heard), (10, 10));

        // The phone moves; a stranger's packets move nobody.
        let said = pair.phone.speak().expect("keys");
        let moved = ([127, 0, 0, 7], 77).into();
        let mut forged = said.clone();
        *forged.last_mut().unwrap() ^= 1;
        pair.gateway.receive(([127, 0, 0, 66], 66).into(), &forged, pair.now);
        assert_eq!(pair.gateway.leg.remote(), Some(pair.phone_seen_at));
        pair.gateway.receive(moved, &said, pair.now);
        assert_eq!(pair.gateway.leg.remote(), Some(moved));
    }
}

#[test]
fn a_certificate_that_is_another_than_was_named_ends_it() {
    let other = DtlsIdentity::generate().unwrap().fingerprint();
    for role in [DtlsRole::Client, DtlsRole::Server] {
        let mut pair = Pair::new(false);
        pair.introduce(role, other);
        pair.run(2_000);
        assert_eq!(pair.gateway.leg.state(), LegState::Failed(LegFailure::FingerprintMismatch));
        assert!(pair.gateway.speak().is_none(), "nothing leaves");
        let evidence = pair.gateway.leg.evidence();
        assert_eq!(evidence.handshake.certificate, Some(identity().fingerprint()));
    }
}

#[test]
fn a_far_end_that_never_shakes_hands_is_given_up() {
    let mut pair = Pair::new(true);
    pair.introduce(DtlsRole::Client, identity().fingerprint());
    pair.run(40_000);
    assert_eq!(pair.gateway.leg.state(), LegState::Failed(LegFailure::DtlsTimeout));
    assert!(pair.gateway.speak().is_none(), "nothing leaves");
}

/// Whoever is not the far end cannot speak DTLS with us once that has.
#[test]
fn strangers_do_not_disturb_a_handshake_that_is_under_way() {
    let mut pair = Pair::new(true);
    pair.introduce(DtlsRole::Server, identity().fingerprint());
    let hello = pair.phone.mail.0.remove(0).1;
    pair.gateway.receive(pair.phone_seen_at, &hello, pair.now);
    for port in 1..50 {
        pair.gateway.receive(([127, 0, 0, 66], port).into(), &hello, pair.now);
    }
    assert_eq!(pair.gateway.leg.evidence().handshake.unproven, 49);
    pair.run(3_000);
    assert_eq!(pair.gateway.leg.state(), LegState::Connected);
}
