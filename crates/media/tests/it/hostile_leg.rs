//! What can a stranger do to a leg by sending it datagrams? Nothing but be counted.
//!
//! Two legs talk in memory, and what they say is recorded. Noise, and genuine datagrams that were
//! bent, cut, joined or sent again, then come to a leg in every state: from addresses nobody proved
//! and from the far end's own. No input panics, each drop is counted, and the call goes on.

use std::net::SocketAddr;
use std::sync::OnceLock;

use offhook_media::leg::{Leg, LegDrops, LegFailure, LegState};
use offhook_media::rtp::{self, DatagramKind};
use offhook_media::srtp::{MasterKey, Profile, TRAILER_MAX};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::two_legs::{Mail, SIZE, Towards, Two};

fn stranger() -> SocketAddr {
    ([127, 9, 9, 9], 999).into()
}

/// A genuine datagram's fate in hostile hands.
#[derive(Clone, Debug)]
enum Bend {
    Flip {
        bit: usize,
    },
    Cut {
        len: usize,
    },
    Append {
        bytes: Vec<u8>,
    },
    Overwrite {
        at: usize,
        bytes: Vec<u8>,
    },
    /// The first half of this and the second of that.
    Join {
        other: usize,
    },
}

fn bend() -> impl Strategy<Value = Bend> {
    prop_oneof![
        any::<usize>().prop_map(|bit| Bend::Flip { bit }),
        any::<usize>().prop_map(|len| Bend::Cut { len }),
        vec(any::<u8>(), 1..40).prop_map(|bytes| Bend::Append { bytes }),
        (any::<usize>(), vec(any::<u8>(), 1..12))
            .prop_map(|(at, bytes)| Bend::Overwrite { at, bytes }),
        any::<usize>().prop_map(|other| Bend::Join { other }),
    ]
}

impl Bend {
    fn apply(&self, datagram: &[u8], said: &[(Towards, Vec<u8>)]) -> Vec<u8> {
        let mut bent = datagram.to_vec();
        match self {
            Self::Flip { bit } => {
                let bit = bit % (bent.len() * 8);
                bent[bit / 8] ^= 1 << (bit % 8);
            }
            Self::Cut { len } => bent.truncate(len % bent.len()),
            Self::Append { bytes } => bent.extend(bytes),
            Self::Overwrite { at, bytes } => {
                let at = at % bent.len();
                for (byte, new) in bent[at..].iter_mut().zip(bytes) {
                    *byte = *new;
                }
            }
            Self::Join { other } => {
                let other = &said[other % said.len()].1;
                bent.truncate(bent.len() / 2);
                bent.extend(&other[other.len() / 2..]);
            }
        }

        bent
    }
}

/// Bytes that get past the first look of each protocol.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        Just(vec![]),
        Just(vec![0x80, 111]),
        Just(vec![0x80, 200]),
        Just(vec![0xbf, 111]),
        Just(vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0]),
        Just(vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 1]),
        Just(vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40]),
        Just(vec![20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
        Just(vec![0x2e, 0, 0, 0]),
        Just(vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42]),
        Just(vec![1, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42]),
    ];

    (first, vec(any::<u8>(), 0..200)).prop_map(|(mut bytes, rest)| {
        bytes.extend(rest);
        bytes
    })
}

/// A finished call's words, for bending.
fn recorded() -> &'static [(Towards, Vec<u8>)] {
    static SAID: OnceLock<Vec<(Towards, Vec<u8>)>> = OnceLock::new();

    SAID.get_or_init(|| {
        let mut two = Two::new();
        two.connect(|_, _| {});
        two.talk(10);
        two.said
    })
}

#[test]
fn the_record_holds_every_protocol() {
    for kind in [DatagramKind::Stun, DatagramKind::Dtls, DatagramKind::Rtp, DatagramKind::Rtcp] {
        let count = recorded().iter().filter(|(_, said)| rtp::classify(said) == kind).count();
        assert!(count >= 2, "{kind:?}: {count}");
    }
}

#[test]
fn datagrams_of_an_earlier_call_are_counted_and_change_nothing() {
    let mut two = Two::new();
    two.connect(|two, _| {
        for (towards, datagram) in recorded() {
            let now = two.now;
            // STUN is left out: these legs share their passwords with the earlier ones.
            if rtp::classify(datagram) != DatagramKind::Stun {
                let drops = two.drops(*towards);
                two.end(*towards).0.receive(stranger(), datagram, now);
                assert_eq!(two.drops(*towards), drops + 1);
            }
        }
    });
    two.talk(20);
    for (towards, datagram) in recorded() {
        if matches!(rtp::classify(datagram), DatagramKind::Rtp | DatagramKind::Rtcp) {
            let (now, drops) = (two.now, two.drops(*towards));
            let (end, far) = two.end(*towards);
            end.receive(far, datagram, now);
            assert_eq!(two.drops(*towards), drops + 1);
        }
    }
    two.talk(20);
}

#[test]
fn the_same_datagrams_again_are_harmless() {
    let mut two = Two::new();
    two.connect(|_, _| {});
    two.talk(20);
    let said = two.said.clone();
    let heard = (two.gateway.heard, two.platform.heard);
    for (towards, datagram) in &said {
        let now = two.now;
        let (end, far) = two.end(*towards);
        end.receive(far, datagram, now);
    }
    two.deliver();
    assert_eq!((two.gateway.heard, two.platform.heard), heard, "replayed media came through");
    assert!(two.is_connected());
    two.talk(20);
}

#[test]
fn a_keyed_leg_takes_any_noise() {
    let key = |byte| MasterKey::new(Profile::Aes128CmSha1_80, &[byte; 16], &[byte; 14]).unwrap();
    let mut leg = Leg::keyed(&key(1), &key(2), stranger());
    for (n, (_, datagram)) in (1..).zip(recorded()) {
        let mut buf = [0; SIZE];
        buf[..datagram.len()].copy_from_slice(datagram);
        let now = crate::any_instant();
        let out = &mut Mail::default();
        assert_eq!(leg.handle_datagram(stranger(), &mut buf, datagram.len(), now, out), None);
        let LegDrops { auth, replay, malformed, stun, unknown } = *leg.drops();
        assert_eq!(auth + replay + malformed + stun + unknown, n);
    }
    assert!(leg.is_connected());
}

#[test]
fn lengths_that_are_not_the_buffers_are_refused() {
    let mut two = Two::new();
    two.connect(|_, _| {});
    let (now, far) = (two.now, two.platform.addr);
    let leg = &mut two.gateway.leg;
    let out = &mut Mail::default();
    assert_eq!(leg.handle_datagram(far, &mut [], 0, now, out), None);
    assert_eq!(leg.handle_datagram(far, &mut [0x80; 40], 41, now, out), None);
    assert_eq!(leg.protect_rtp(&mut [0x80; 40], 41), None);
    assert_eq!(leg.protect_rtp(&mut [0x80; 40], 40), None, "no room for {TRAILER_MAX}");
    two.talk(5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Noise from an address nobody proved, all the way through the set-up and after it.
    #[test]
    fn noise_from_a_stranger_does_not_stop_a_call(
        noises in vec((any::<bool>(), noise()), 1..40),
    ) {
        let mut two = Two::new();
        for (_, bytes) in &noises {
            two.gateway.receive(stranger(), bytes, two.now);
        }
        let fire = |two: &mut Two| {
            for (at_gateway, bytes) in &noises {
                let towards = if *at_gateway { Towards::Gateway } else { Towards::Platform };
                let (now, drops) = (two.now, two.drops(towards));
                two.end(towards).0.receive(stranger(), bytes, now);
                assert!(bytes.is_empty() || two.drops(towards) == drops + 1, "{bytes:02x?}");
            }
        };
        two.connect(|two, _| fire(two));
        two.talk(3);
        fire(&mut two);
        two.talk(3);
    }

    /// Bent datagrams of this very call, from a stranger, all the way through the set-up.
    #[test]
    fn bent_datagrams_from_a_stranger_do_not_stop_a_call(
        bends in vec((any::<usize>(), bend()), 1..30),
    ) {
        let mut two = Two::new();
        two.connect(|two, _| {
            for (pick, bend) in &bends {
                let (towards, datagram) = two.said[pick % two.said.len()].clone();
                let bent = bend.apply(&datagram, &two.said);
                if bent != datagram {
                    let now = two.now;
                    two.end(towards).0.receive(stranger(), &bent, now);
                }
            }
        });
        two.talk(5);
    }

    /// The same from the far end's own address, once the call is up: whoever sits on the path can
    /// forge addresses, and still must not end or alter a call.
    #[test]
    fn bent_datagrams_from_the_far_ends_address_do_not_stop_a_running_call(
        bends in vec((any::<usize>(), bend()), 1..60),
    ) {
        let mut two = Two::new();
        two.connect(|_, _| {});
        two.talk(5);
        let said = two.said.clone();
        for (pick, bend) in &bends {
            let (towards, datagram) = &said[pick % said.len()];
            let bent = bend.apply(datagram, &said);
            let (now, drops) = (two.now, two.drops(*towards));
            let (end, far) = two.end(*towards);
            let heard = end.heard;
            end.receive(far, &bent, now);
            if matches!(rtp::classify(&bent), DatagramKind::Rtp | DatagramKind::Rtcp) {
                prop_assert_eq!(end.heard, heard, "{:02x?}", bent);
                prop_assert_eq!(two.drops(*towards), drops + 1);
            }
            two.deliver();
        }
        two.talk(5);
    }

    /// During the handshake whoever holds the far end's address can end it, as DTLS has it; nothing
    /// worse. A leg that failed stays failed and quiet.
    #[test]
    fn bent_datagrams_from_the_far_ends_address_end_a_set_up_at_worst(
        bends in vec((any::<usize>(), bend()), 1..20),
        noises in vec(noise(), 0..10),
        at in 0usize..12,
    ) {
        let mut two = Two::new();
        two.introduce();
        for step in 0..40 {
            two.step();
            if step == at {
                for (pick, bend) in &bends {
                    let (towards, datagram) = two.said[pick % two.said.len()].clone();
                    let bent = bend.apply(&datagram, &two.said);
                    let now = two.now;
                    let (end, far) = two.end(towards);
                    end.receive(far, &bent, now);
                }
                for bytes in &noises {
                    let (now, far) = (two.now, two.gateway.addr);
                    two.platform.receive(far, bytes, now);
                }
            }
            two.deliver();
        }
        for end in [&mut two.gateway, &mut two.platform] {
            if let LegState::Failed(reason) = end.leg.state() {
                prop_assert!(!matches!(reason, LegFailure::Socket), "{}", reason);
                prop_assert!(end.speak().is_none());
                end.receive(stranger(), &[0x80; 60], two.now);
                prop_assert_eq!(end.leg.next_timeout(), None);
            }
        }
    }
}
