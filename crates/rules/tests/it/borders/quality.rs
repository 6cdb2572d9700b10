//! Rules of warnings and restrictions.

use offhook_rules::{
    quality::{
        Effect, FeedbackCount, PickupCount, Restriction, RestrictionKind, Scope, Standing,
        counts_after_unblock,
    },
    rulebook::Rulebook,
};
use terms::Direction;

use super::{Case, around};
use crate::facts::at;

pub(super) const CASES: &[Case] = &[
    Case { rule: "quality.feedback_window", other: ["6 d", "8 d"], verdict: window },
    Case { rule: "quality.feedback_sample_min", other: ["49", "51"], verdict: sample },
    Case { rule: "quality.feedback_warn_percent", other: ["5", "7"], verdict: warn },
    Case { rule: "quality.feedback_restrict_percent", other: ["9", "11"], verdict: restrict },
    Case {
        rule: "quality.feedback_without_call",
        other: ["ignored", "business_initiated"],
        verdict: without_call,
    },
    Case { rule: "quality.unblock_withdraws", other: ["false", "true"], verdict: unblock },
    Case { rule: "quality.restriction_length", other: ["6 d", "8 d"], verdict: length },
    Case { rule: "quality.restriction_types", other: ["combined", "split"], verdict: types },
    Case { rule: "quality.pickup_window", other: ["6 d", "8 d"], verdict: pickup_window },
    Case { rule: "quality.pickup_sample_min", other: ["19", "21"], verdict: pickup_sample },
    Case { rule: "quality.pickup_warn_percent", other: ["49", "51"], verdict: pickup_warn },
    Case { rule: "quality.pickup_hide_percent", other: ["24", "26"], verdict: pickup_hide },
    Case { rule: "quality.pickup_grace", other: ["23 h", "25 h"], verdict: grace },
];

fn scope(book: &Rulebook) -> Scope {
    Scope::of(Direction::BusinessInitiated, book)
}

fn said(effect: Option<Effect>) -> &'static str {
    match effect {
        None => "nothing",
        Some(Effect::Warn(violation)) => violation.as_str(),
        Some(Effect::Restrict(restriction)) => restriction.kind.as_str(),
    }
}

fn feedback(negative: i64, calls: i64, book: &Rulebook) -> Option<Effect> {
    let count = |n: i64| u32::try_from(n).unwrap();
    let count = FeedbackCount { negative: count(negative), calls: count(calls) };
    Standing::default().note_feedback(scope(book), count, &[], book, at(0))
}

fn window(book: &Rulebook) -> String {
    let from = Standing::default().feedback_from(scope(book), book, at(0));
    format!("from {} s", from.unix() - at(0).unix())
}

fn sample(book: &Rulebook) -> String {
    let book = book.with(&[("quality.feedback_warn_percent", "10")]).unwrap();
    let book = book.with(&[("quality.feedback_restrict_percent", "100")]).unwrap();
    let hundreds = i64::from(book.quality.feedback_sample_min.value) * 10 / 100;
    format!("{hundreds}: {}", around(5, |n| said(feedback(n, 0, &book))))
}

fn warn(book: &Rulebook) -> String {
    around(6, |percent| said(feedback(percent, 100, book)))
}

fn restrict(book: &Rulebook) -> String {
    around(10, |percent| said(feedback(percent, 100, book)))
}

fn without_call(book: &Rulebook) -> String {
    match Scope::of_feedback(None, book) {
        Some(scope) => format!("counts for {:?}", scope.direction),
        None => "does not count".to_owned(),
    }
}

fn unblock(book: &Rulebook) -> String {
    if counts_after_unblock(book) { "counts" } else { "no longer counts" }.to_owned()
}

fn length(book: &Rulebook) -> String {
    let Some(Effect::Restrict(restriction)) = feedback(100, 100, book) else { panic!("all") };
    around(7 * 86_400, |second| restriction.is_active(at(second)))
}

fn types(book: &Rulebook) -> String {
    said(feedback(100, 100, book)).to_owned()
}

fn pickup(
    answered: i64,
    calls: i64,
    standing: &mut Standing,
    second: i64,
    book: &Rulebook,
) -> &'static str {
    let count = |n: i64| u32::try_from(n).unwrap();
    let count = PickupCount { calls: count(calls), answered: count(answered) };
    said(standing.note_user_call(count, &[], book, at(second)))
}

fn pickup_window(book: &Rulebook) -> String {
    format!("from {} s", Standing::default().pickup_from(book, at(0)).unix() - at(0).unix())
}

fn pickup_sample(book: &Rulebook) -> String {
    around(20, |calls| pickup(0, calls, &mut Standing::default(), 0, book))
}

fn pickup_warn(book: &Rulebook) -> String {
    around(50, |percent| pickup(percent, 100, &mut Standing::default(), 0, book))
}

/// A number that was warned at the start.
fn warned(book: &Rulebook) -> Standing {
    let mut standing = Standing::default();
    pickup(0, 100, &mut standing, 0, book);
    standing
}

fn pickup_hide(book: &Rulebook) -> String {
    around(25, |percent| pickup(percent, 100, &mut warned(book), 5 * 86_400, book))
}

fn grace(book: &Rulebook) -> String {
    let hidden = [Restriction {
        kind: RestrictionKind::CallButtonHidden,
        reason: String::new(),
        until: None,
    }];
    let count = PickupCount { calls: 100, answered: 0 };
    assert_eq!(warned(book).note_user_call(count, &hidden, book, at(5 * 86_400)), None);
    around(86_400, |second| pickup(0, 100, &mut warned(book), second, book))
}
