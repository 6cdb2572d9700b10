//! The service window.

use offhook_rules::{Refusal, rulebook::Rulebook, window::Window};
use proptest::prelude::*;
use terms::Timestamp;

use crate::facts::{DAY, at, beta};

const DAY_MS: i64 = 86_400_000;

#[test]
fn never_opened_is_closed() {
    let refused = Window::default().check(&beta(), at(0));
    assert_eq!(refused, Err(Refusal::WindowClosed { length: DAY, closed_at: None, code: 131_047 }));
}

#[test]
fn opening_again_starts_it_again_and_never_shortens_it() {
    let mut window = Window::default();
    window.open(at(0));
    window.open(at(100));
    assert_eq!(window.check(&beta(), at(200)), Ok(at(86_500)));
    window.open(at(50));
    assert_eq!(window.closes_at(&beta()), Some(at(86_500)));
}

#[test]
fn an_answer_to_a_request_opens_it_by_a_rule() {
    let opened = |book: &Rulebook| {
        let mut window = Window::default();
        window.open_by_permission_reply(book, at(0));
        window.check(book, at(1)).is_ok()
    };
    assert!(opened(&beta()));
    let rule = [("window.opened_by_permission_reply", "false")];
    assert!(!opened(&beta().with(&rule).unwrap()));
}

proptest! {
    #[test]
    fn it_is_open_exactly_for_its_length(opened_ms in 0_i64..4_000_000_000_000, later_ms in 0_i64..200_000_000) {
        let mut window = Window::default();
        window.open(Timestamp::from_unix_ms(opened_ms));
        let asked = Timestamp::from_unix_ms(opened_ms + later_ms);
        let verdict = window.check(&beta(), asked);
        prop_assert_eq!(verdict.is_ok(), later_ms < DAY_MS);
        let closed = Timestamp::from_unix_ms(opened_ms + DAY_MS);
        prop_assert_eq!(window.closes_at(&beta()), Some(closed));
    }
}
