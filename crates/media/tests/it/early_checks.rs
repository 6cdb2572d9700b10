//! Does a leg find its path when the far end is quicker than the SDP?
//!
//! Whoever answers may start its ICE checks at once; they overtake the answer, which travels over
//! HTTP. The leg then knows no password to answer with, and must make up for it later.

use std::time::Duration;

use crate::two_legs::{Towards, Two};

/// The slow end learns who the other is only after this many steps of 10 ms.
const DELAYS: [usize; 5] = [1, 2, 5, 20, 150];

#[test]
fn an_ice_lite_leg_answers_the_checks_that_came_too_early() {
    for delay in DELAYS {
        let mut two = Two::new();
        two.introduce_to(Towards::Gateway);
        for _ in 0..delay {
            two.step();
        }
        assert!(!two.said.is_empty(), "nothing was checked early");
        let start = two.now;
        two.introduce_to(Towards::Platform);
        two.run_until_connected(|_, _| {});
        assert!(two.now - start < Duration::from_secs(3), "after {delay}: {:?}", two.now - start);
        two.talk(5);
    }
}

#[test]
fn a_full_leg_that_is_checked_too_early_checks_all_the_same() {
    for delay in DELAYS {
        let mut two = Two::full();
        two.introduce_to(Towards::Platform);
        for _ in 0..delay {
            two.step();
        }
        assert!(!two.said.is_empty(), "nothing was checked early");
        let start = two.now;
        two.introduce_to(Towards::Gateway);
        two.run_until_connected(|_, _| {});
        assert!(two.now - start < Duration::from_secs(3), "after {delay}: {:?}", two.now - start);
        two.talk(5);
    }
}

/// Each answer counts: the far end may have nominated with its last check, and repeats it only after
/// a pause that doubles.
#[test]
fn every_early_check_is_answered_without_being_asked_again() {
    let mut two = Two::new();
    two.introduce_to(Towards::Gateway);
    for _ in 0..100 {
        two.step();
    }
    let early = two.said.len();
    assert!(early >= 2, "only {early} early checks");

    two.introduce_to(Towards::Platform);
    let platform = &mut two.platform;
    for _ in 0..20 {
        two.now += Duration::from_millis(10);
        if platform.leg.next_timeout().is_some_and(|(at, _)| at <= two.now) {
            platform.leg.handle_timeout(two.now, &mut platform.mail);
        }
    }
    assert_eq!(platform.mail.0.len(), early);
}
