//! What can the far end itself do to a leg, with the passwords of the call in its hands?
//!
//! It may spoil its own call, but not the process: no panic, and no memory that grows with what it
//! sends.

use std::net::SocketAddr;

use offhook_media::leg::{IceRole, LegFailure, LegState};
use offhook_media::rtp::{self, DatagramKind};
use offhook_media::transport::{DtlsRole, RemoteTransport, Setup};

use crate::two_legs::{End, Towards, Two, identity};

/// What the SDP of the platform's end says, with another user fragment.
fn platform_named(ice_ufrag: &str, ice_lite: bool) -> RemoteTransport {
    RemoteTransport {
        ice_ufrag: ice_ufrag.to_owned(),
        ice_pwd: "a-password-that-is-long-enough-6000".to_owned(),
        candidates: vec![([127, 0, 0, 1], 6_000).into()],
        ice_lite,
        fingerprint: identity().fingerprint(),
        setup: Setup::Passive,
    }
}

/// A check of the gateway's, as the platform's end got it.
fn check(two: &Two) -> Vec<u8> {
    let is_check = |(towards, said): &&(Towards, Vec<u8>)| {
        *towards == Towards::Platform && rtp::classify(said) == DatagramKind::Stun
    };

    two.said.iter().find(is_check).unwrap().1.clone()
}

/// RFC 8839 allows 256 characters; a check carries both fragments in 128.
#[test]
fn a_user_fragment_too_long_for_a_check_fails_the_leg_and_nothing_else() {
    for (len, state) in [
        (121, LegState::Checking),
        (122, LegState::Failed(LegFailure::IceTimeout)),
        (256, LegState::Failed(LegFailure::IceTimeout)),
    ] {
        let mut two = Two::new();
        let remote = platform_named(&"u".repeat(len), true);
        let out = &mut two.gateway.mail;
        two.gateway.leg.set_remote(&remote, DtlsRole::Client, two.now, out);
        for _ in 0..10 {
            two.step();
        }
        assert_eq!(two.gateway.leg.state(), state, "{len}");
    }
}

/// Whoever has the password may check from any address it can write on a datagram.
#[test]
fn checks_from_ever_new_addresses_are_answered_only_so_often() {
    let mut two = Two::new();
    two.connect(|_, _| {});
    let check = check(&two);
    let refused = two.platform.leg.drops().stun;
    for port in 10_000..10_500 {
        let from: SocketAddr = ([127, 0, 0, 9], port).into();
        two.platform.receive(from, &check, two.now);
    }
    let answered = two.platform.mail.0.len();
    assert!((1..=64).contains(&answered), "{answered}");
    let refused = two.platform.leg.drops().stun - refused;
    assert_eq!(refused, 500 - u64::try_from(answered).unwrap());
    two.talk(5);
}

#[test]
fn a_failed_leg_answers_no_checks() {
    let mut two = Two::new();
    two.connect(|_, _| {});
    let check = check(&two);
    two.platform.leg.fail(LegFailure::Socket);
    let refused = two.platform.leg.drops().stun;
    two.platform.receive(two.gateway.addr, &check, two.now);
    assert_eq!(two.platform.leg.drops().stun, refused + 1);
    assert!(two.platform.mail.0.is_empty());
}

/// A gateway that starts controlled, as FreeSWITCH does, is told so and takes the other part. Which
/// tie-breakers the two have drawn is chance, hence the rounds.
#[test]
fn an_ice_lite_leg_never_takes_the_controlling_part() {
    for _ in 0..8 {
        let mut two = Two::new();
        two.gateway = End::new(IceRole::Full { controlling: false }, 5_000);
        let remote = platform_named("uf6000", false);
        let out = &mut two.gateway.mail;
        two.gateway.leg.set_remote(&remote, DtlsRole::Client, two.now, out);
        two.introduce_to(Towards::Platform);
        two.run_until_connected(|_, _| {});
        two.talk(2);
    }
}
