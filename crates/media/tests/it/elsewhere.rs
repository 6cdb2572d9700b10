//! A handshake is worked on elsewhere; a far end shows from elsewhere.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook_media::leg::{HandshakeStep, LegState};

use crate::two_legs::{Towards, Two};

const BOTH: [Towards; 2] = [Towards::Gateway, Towards::Platform];

/// How long a step takes elsewhere.
const STEP: Duration = Duration::from_millis(40);

/// Steps that were taken, by whose they are and when they will be done.
#[derive(Default)]
struct Away(Vec<(Towards, Instant, HandshakeStep)>);

impl Away {
    fn take(&mut self, two: &mut Two, whose: Towards) {
        let now = two.now;
        let (end, _) = two.end(whose);
        if let Some(step) = end.leg.next_step() {
            assert!(end.leg.is_shaking_hands());
            assert!(end.leg.next_step().is_none(), "one step at a time");
            self.0.push((whose, now + STEP, step));
        }
    }

    fn bring_back(&mut self, two: &mut Two) {
        let now = two.now;
        while let Some(at) = self.0.iter().position(|(_, due, _)| *due <= now) {
            let (whose, _, step) = self.0.remove(at);
            let (end, _) = two.end(whose);
            end.leg.take_back(step.run(now), now, &mut end.mail);
        }
    }
}

#[test]
fn a_handshake_worked_on_elsewhere_ends_the_same() {
    for mut two in [Two::new(), Two::full()] {
        let mut away = Away::default();
        for whose in BOTH {
            two.end(whose).0.leg.defer_handshake(true);
        }
        two.introduce();
        let mut steps = 0;
        for _ in 0..300 {
            two.step();
            for whose in BOTH {
                let before = away.0.len();
                away.take(&mut two, whose);
                steps += away.0.len() - before;
            }
            away.bring_back(&mut two);
        }
        assert!(two.is_connected() && steps >= 3, "{steps} steps");
        for whose in BOTH {
            let (end, _) = two.end(whose);
            assert!(!end.leg.is_shaking_hands());
            assert_eq!(end.leg.drops().malformed, 0);
            assert!(end.leg.evidence().handshake.certificate.is_some());
        }
        let spoken = two.gateway.speak().unwrap();
        let (now, from) = (two.now, two.gateway.addr);
        two.platform.receive(from, &spoken, now);
        assert_eq!(two.platform.heard, 1);
    }
}

#[test]
fn a_step_nobody_had_room_for_is_made_good_by_the_next_flight() {
    let mut two = Two::new();
    two.platform.leg.defer_handshake(true);
    two.introduce();
    let mut cancelled = 0;
    for _ in 0..500 {
        two.step();
        while let Some(step) = two.platform.leg.next_step() {
            let outcome = if cancelled < 2 { step.cancel() } else { step.run(two.now) };
            cancelled += 1;
            two.platform.leg.take_back(outcome, two.now, &mut two.platform.mail);
        }
    }
    assert!(cancelled > 2 && two.is_connected());
}

#[test]
fn what_waits_for_a_step_is_bounded() {
    let mut two = Two::new();
    two.platform.leg.defer_handshake(true);
    two.introduce();
    let mut step = None;
    for _ in 0..100 {
        two.step();
        step = step.or_else(|| two.platform.leg.next_step());
    }
    let (now, from) = (two.now, two.gateway.addr);
    let before = two.platform.leg.drops().unknown;
    for _ in 0..100 {
        two.platform.receive(from, &[22; 60], now);
    }
    assert!(two.platform.leg.drops().unknown - before >= 84);
    drop(step);
}

fn connected(mut two: Two) -> Two {
    two.introduce();
    for _ in 0..300 {
        two.step();
    }
    assert!(two.is_connected());
    two
}

fn elsewhere() -> SocketAddr {
    ([127, 0, 0, 2], 7_000).into()
}

#[test]
fn a_check_from_elsewhere_names_the_far_end_only_while_it_is_looked_for() {
    for looks in [false, true] {
        let mut two = connected(Two::full());
        two.gateway.leg.look_elsewhere(looks);
        let home = two.platform.addr;
        two.platform.addr = elsewhere();
        for _ in 0..400 {
            two.step();
            let expected = if looks { elsewhere() } else { home };
            if two.gateway.leg.remote() == Some(expected) && looks {
                break;
            }
        }
        let expected = if looks { elsewhere() } else { home };
        assert_eq!(two.gateway.leg.remote(), Some(expected), "looks: {looks}");
        assert_eq!(two.gateway.leg.state(), LegState::Connected);
    }
}

#[test]
fn an_ice_lite_end_follows_authentic_audio_to_where_checks_came_from() {
    let mut two = connected(Two::new());
    let (now, home) = (two.now, two.gateway.addr);
    let spoken = two.gateway.speak().unwrap();
    two.platform.receive(elsewhere(), &spoken, now);
    assert_eq!((two.platform.heard, two.platform.leg.remote()), (1, Some(home)), "unproven");
    two.gateway.addr = elsewhere();
    for _ in 0..400 {
        two.step();
    }
    let (now, spoken) = (two.now, two.gateway.speak().unwrap());
    two.platform.receive(elsewhere(), &spoken, now);
    assert_eq!(two.platform.leg.remote(), Some(elsewhere()));
}

#[test]
fn missed_answers_are_missed_after_five_seconds() {
    let mut two = connected(Two::new());
    for _ in 0..1_000 {
        two.step();
        let missed = two.gateway.leg.consent_missed_at();
        assert!(missed.is_none_or(|at| at > two.now), "the far end answers");
    }
    let missed = two.gateway.leg.consent_missed_at().unwrap();
    assert!(missed <= two.now + Duration::from_secs(5));
    assert_eq!(two.platform.leg.consent_missed_at(), None, "an ice-lite end asks nobody");
}
