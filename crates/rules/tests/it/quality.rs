//! Warnings and restrictions, at their borders.

use offhook_rules::{
    Refusal,
    quality::{
        Effect, FeedbackCount, PickupCount, Restriction, RestrictionKind, Scope, Standing,
        Violation, check_settings, hides_icon, stopped_until,
    },
    rulebook::Rulebook,
};
use terms::Direction;

use crate::facts::{at, beta, newest};

const DAY: i64 = 86_400;
const BIC: Direction = Direction::BusinessInitiated;
const UIC: Direction = Direction::UserInitiated;

/// Feedback of this size at a number without restriction.
fn feedback(
    standing: &mut Standing,
    book: &Rulebook,
    direction: Direction,
    (negative, calls): (u32, u32),
    seconds: i64,
) -> Option<Effect> {
    let count = FeedbackCount { negative, calls };
    standing.note_feedback(Scope::of(direction, book), count, &[], book, at(seconds))
}

fn restricted(kind: RestrictionKind, until: Option<i64>) -> Restriction {
    Restriction { kind, reason: kind.reason().to_owned(), until: until.map(at) }
}

#[test]
fn thresholds_are_shares_of_the_calls() {
    let warn = Some(Effect::Warn(Violation::BusinessInitiatedQuality));
    let pause =
        Some(Effect::Restrict(restricted(RestrictionKind::BusinessInitiated, Some(7 * DAY))));
    let table = [
        ((2, 0), None),
        ((3, 0), warn.clone()),
        ((3, 50), warn.clone()),
        ((3, 51), None),
        ((4, 50), warn.clone()),
        ((5, 50), pause.clone()),
        ((5, 51), warn),
        ((100, 1_000), pause),
    ];
    for (count, want) in table {
        let got = feedback(&mut Standing::default(), &newest(), BIC, count, 0);
        assert_eq!(got, want, "{count:?}");
    }
}

#[test]
fn a_changed_rulebook_changes_the_verdict() {
    let strict = beta()
        .with(&[
            ("quality.feedback_sample_min", "1"),
            ("quality.feedback_restrict_percent", "100"),
            ("quality.restriction_length", "1 d"),
        ])
        .unwrap();
    let got = feedback(&mut Standing::default(), &strict, UIC, (1, 1), 0);
    let pause = restricted(RestrictionKind::UserInitiated, Some(DAY));
    assert_eq!(got, Some(Effect::Restrict(pause)));
}

#[test]
fn a_warning_is_given_once_in_its_window() {
    let (mut standing, book) = (Standing::default(), beta());
    let warn = Some(Effect::Warn(Violation::UserInitiatedQuality));
    assert_eq!(feedback(&mut standing, &book, UIC, (3, 10), 0), warn);
    assert_eq!(feedback(&mut standing, &book, UIC, (4, 10), 7 * DAY - 1), None);
    assert_eq!(feedback(&mut standing, &book, UIC, (4, 10), 7 * DAY), warn);
    let other = Some(Effect::Warn(Violation::BusinessInitiatedQuality));
    assert_eq!(feedback(&mut standing, &book, BIC, (3, 10), 7 * DAY), other);
}

#[test]
fn after_a_pause_feedback_counts_anew() {
    let (mut standing, book) = (Standing::default(), beta());
    let scope = Scope::of(BIC, &book);
    assert_eq!(standing.feedback_from(scope, &book, at(0)), at(-7 * DAY));
    feedback(&mut standing, &book, BIC, (5, 0), 0).unwrap();
    assert_eq!(standing.feedback_from(scope, &book, at(DAY)), at(0));
    assert_eq!(standing.feedback_from(scope, &book, at(8 * DAY)), at(DAY));
    let pause = [restricted(RestrictionKind::BusinessInitiated, Some(7 * DAY))];
    let count = FeedbackCount { negative: 50, calls: 50 };
    for (seconds, again) in [(7 * DAY - 1, false), (7 * DAY, true)] {
        let got = standing.clone().note_feedback(scope, count, &pause, &book, at(seconds));
        assert_eq!(got.is_some(), again, "{seconds}");
    }
}

#[test]
fn the_combined_type_stops_both_and_the_settings() {
    let book = beta().with(&[("quality.restriction_types", "combined")]).unwrap();
    assert_eq!(Scope::of(BIC, &book), Scope::of(UIC, &book));
    assert_eq!(Scope::of(BIC, &book).direction, None);
    let mut standing = Standing::default();
    let warn = Some(Effect::Warn(Violation::CallingQuality));
    assert_eq!(feedback(&mut standing, &book, UIC, (3, 0), 0), warn);
    let Some(Effect::Restrict(both)) = feedback(&mut standing, &book, BIC, (5, 0), 0) else {
        panic!("five of fifty");
    };
    let list = [both];
    let until = at(7 * DAY);
    assert_eq!(stopped_until(&list, BIC, at(0)), Some(until));
    assert_eq!(stopped_until(&list, UIC, at(7 * DAY - 1)), Some(until));
    assert_eq!(stopped_until(&list, UIC, until), None);
    assert_eq!(check_settings(&list, at(7 * DAY - 1)), Err(Refusal::Restricted { until }));
    assert_eq!(check_settings(&list, until), Ok(()));
    let split = [restricted(RestrictionKind::BusinessInitiated, Some(DAY))];
    assert_eq!(check_settings(&split, at(0)), Ok(()));
    assert_eq!(stopped_until(&split, UIC, at(0)), None);
}

#[test]
fn a_pause_of_users_calls_hides_the_button_and_one_of_the_business_does_not() {
    let pause = |kind| [restricted(kind, Some(DAY))];
    for (kind, hides) in [
        (RestrictionKind::UserInitiated, true),
        (RestrictionKind::Both, true),
        (RestrictionKind::BusinessInitiated, false),
    ] {
        assert_eq!(hides_icon(&pause(kind), at(DAY - 1)), hides, "{kind:?}");
        assert!(!hides_icon(&pause(kind), at(DAY)), "{kind:?} is over");
        assert!(restricted(kind, None).check().is_err(), "{kind:?} has an end");
    }
    // That one is in the settings, where the business changes it.
    assert!(!hides_icon(&[restricted(RestrictionKind::CallButtonHidden, None)], at(0)));
    assert_eq!(restricted(RestrictionKind::CallButtonHidden, None).check(), Ok(()));
}

fn pickup(
    standing: &mut Standing,
    (answered, calls): (u32, u32),
    restrictions: &[Restriction],
    seconds: i64,
) -> Option<Effect> {
    standing.note_user_call(PickupCount { calls, answered }, restrictions, &beta(), at(seconds))
}

#[test]
fn a_low_pickup_rate_warns_and_later_hides_the_button() {
    let mut standing = Standing::default();
    let warn = Some(Effect::Warn(Violation::LowPickupRate));
    let hide = Some(Effect::Restrict(restricted(RestrictionKind::CallButtonHidden, None)));
    assert_eq!(pickup(&mut standing, (0, 19), &[], 0), None, "too few calls");
    assert_eq!(pickup(&mut standing, (10, 20), &[], 0), None, "half is enough");
    assert_eq!(pickup(&mut standing, (9, 20), &[], 0), warn);
    assert_eq!(pickup(&mut standing, (0, 40), &[], DAY - 1), None, "a day to do better");
    assert_eq!(pickup(&mut standing, (10, 40), &[], DAY), None, "a quarter is enough");
    assert_eq!(pickup(&mut standing, (9, 40), &[], DAY), hide);
}

#[test]
fn a_warning_of_long_ago_hides_nothing() {
    let mut standing = Standing::default();
    let warn = Some(Effect::Warn(Violation::LowPickupRate));
    assert_eq!(pickup(&mut standing, (0, 20), &[], 0), warn);
    let period = 8 * DAY;
    let hide = pickup(&mut standing.clone(), (0, 20), &[], period - 1);
    assert!(matches!(hide, Some(Effect::Restrict(_))), "{hide:?}");
    assert_eq!(pickup(&mut standing, (0, 20), &[], period), warn, "these calls had no warning");
    assert_eq!(pickup(&mut standing, (0, 20), &[], period + DAY - 1), None);
    let hide = pickup(&mut standing, (0, 20), &[], period + DAY);
    assert!(matches!(hide, Some(Effect::Restrict(_))), "{hide:?}");
}

#[test]
fn a_hidden_button_is_shown_again_by_the_business() {
    let mut standing = Standing::default();
    let mut list = vec![
        restricted(RestrictionKind::CallButtonHidden, None),
        restricted(RestrictionKind::BusinessInitiated, Some(DAY)),
    ];
    assert_eq!(pickup(&mut standing, (0, 40), &list, 0), None, "nothing more to take");
    assert!(list[0].is_active(at(1_000 * DAY)), "without end");
    standing.note_icon_shown(&mut list, at(5));
    assert_eq!(list, [restricted(RestrictionKind::BusinessInitiated, Some(DAY))]);
    assert_eq!(standing.pickup_from(&beta(), at(DAY)), at(5), "earlier calls are forgotten");
    standing.note_icon_shown(&mut list, at(9));
    assert_eq!(standing.pickup_from(&beta(), at(DAY)), at(5), "nothing was hidden");
}
