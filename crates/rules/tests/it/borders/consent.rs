//! Rules of the user's consent, of real and of test numbers.

use std::sync::Arc;

use offhook_rules::{
    call::{self, Effect as CallEffect},
    eligibility::check_callback_request,
    hours::CallHours,
    limits::NumberKind,
    permission::{Choice, Effect, Input, check},
    rulebook::Rulebook,
};

use super::{Case, around, said};
use crate::facts::{Pair, Story, at, message, number};

pub(super) const CASES: &[Case] = &[
    Case { rule: "permission.lifetime", other: ["6 d", "8 d"], verdict: lifetime },
    Case { rule: "permission.requests_per_day", other: ["2", "1"], verdict: requests },
    Case { rule: "permission.requests_per_week", other: ["3", "4"], verdict: requests },
    Case { rule: "limits.day", other: ["23 h", "25 h"], verdict: requests },
    Case { rule: "limits.week", other: ["6 d", "8 d"], verdict: requests },
    Case { rule: "permission.request_lifetime", other: ["6 d", "8 d"], verdict: buttons },
    Case { rule: "permission.answered_lifetime", other: ["6 d", "8 d"], verdict: answered },
    Case { rule: "permission.nudge_after", other: ["1", "3"], verdict: streak },
    Case { rule: "permission.revoke_after", other: ["3", "5"], verdict: streak },
    Case { rule: "permission.cancelled_counts", other: ["true", "false"], verdict: cancelled },
    Case { rule: "permission.undelivered_counts", other: ["true", "false"], verdict: undelivered },
    Case { rule: "permission.callback_out_of_hours", other: ["true", "false"], verdict: callback },
    Case { rule: "permission.test_requests_per_day", other: ["24", "26"], verdict: test_requests },
    Case { rule: "permission.test_requests_per_week", other: ["99", "98"], verdict: test_requests },
    Case { rule: "permission.test_nudge_after", other: ["4", "6"], verdict: test_streak },
    Case { rule: "permission.test_revoke_after", other: ["9", "11"], verdict: test_streak },
];

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

fn pair(book: &Rulebook, kind: NumberKind) -> Pair {
    Pair { kind, ..Pair::new(Arc::new(book.clone())) }
}

fn real(book: &Rulebook) -> Pair {
    pair(book, NumberKind::Production)
}

/// Asks again after a request that could not be shown.
fn undelivered(book: &Rulebook) -> String {
    let mut pair = real(book);
    pair.ask("wamid.0", at(0)).unwrap();
    pair.handle(Input::RequestFailed { id: message("wamid.0") }, at(0));
    around(DAY, |second| said(pair.request_permit(at(second))))
}

/// Asks for a callback around the end of the call hours.
fn callback(book: &Rulebook) -> String {
    let hours: CallHours = serde_json::from_str(
        r#"{"status":"ENABLED","timezone_id":"UTC","weekly_operating_hours":
            [{"day_of_week":"WEDNESDAY","open_time":"0900","close_time":"1300"}]}"#,
    )
    .unwrap();
    around(3_600, |second| {
        said(check_callback_request(&number(), Some(&hours), true, book, at(second)))
    })
}

fn lifetime(book: &Rulebook) -> String {
    let mut pair = real(book);
    pair.choose(Choice::Temporary, at(0));
    around(WEEK, |second| said(check(&pair.consent, at(second))))
}

/// Asks again at each border of both counts: a day and a week after the first request.
fn requests(book: &Rulebook) -> String {
    let mut pair = real(book);
    pair.ask("wamid.0", at(0)).unwrap();
    let mut after = |second: i64| {
        let asked = said(pair.ask(&format!("wamid.{second}"), at(second)));
        format!("{second} {asked}")
    };
    [DAY - 1, DAY, DAY + 1, 2 * DAY, WEEK - 1, WEEK, WEEK + 1].map(&mut after).join(" | ")
}

/// A request's buttons, counted from its delivery.
fn buttons(book: &Rulebook) -> String {
    around(WEEK, |second| {
        let mut pair = real(book);
        pair.ask("wamid.1", at(-60)).unwrap();
        pair.handle(Input::RequestDelivered { id: message("wamid.1") }, at(0));
        said(pair.try_handle(yes(), at(second)))
    })
}

/// The buttons of an answered request, counted from the answer.
fn answered(book: &Rulebook) -> String {
    around(WEEK, |second| {
        let mut pair = real(book);
        pair.ask("wamid.1", at(-60)).unwrap();
        pair.answer("wamid.1", Choice::Reject, at(0));
        said(pair.try_handle(yes(), at(second)))
    })
}

fn yes() -> Input {
    Input::Answered { request: Some(message("wamid.1")), choice: Choice::Temporary }
}

/// What each unanswered call in a row brings, by its number.
fn unanswered(mut pair: Pair, calls: u32) -> String {
    pair.choose(Choice::Permanent, at(0));
    let mut brings = |n: u32| {
        let what = match &pair.handle(Input::Unanswered, at(i64::from(n)))[..] {
            [] => return None,
            [Effect::Nudge { .. }] => "nudge",
            [Effect::SendReply(_)] => "permission ends",
            more => panic!("{more:?}"),
        };
        Some(format!("{n} {what}"))
    };
    (1..=calls).filter_map(&mut brings).collect::<Vec<_>>().join(" | ")
}

fn streak(book: &Rulebook) -> String {
    unanswered(real(book), 6)
}

fn test_streak(book: &Rulebook) -> String {
    unanswered(pair(book, NumberKind::Test), 12)
}

/// How many requests a test number has left on each day when it sends all it may.
fn test_requests(book: &Rulebook) -> String {
    let mut pair = pair(book, NumberKind::Test);
    let mut on = |day: i64| {
        let sent = (0..200)
            .take_while(|n| pair.ask(&format!("wamid.{day}.{n}"), at(day * DAY + n)).is_ok())
            .count();
        format!("day {day} {sent}")
    };
    [0, 1, 2, 3, 4, 6, 8].map(&mut on).join(" | ")
}

fn cancelled(book: &Rulebook) -> String {
    let mut story = Story::business_calls(&Arc::new(book.clone()));
    story.then(call::Input::UserRinging, at(2));
    story.then(call::Input::Terminate, at(9)).contains(&CallEffect::CountUnanswered).to_string()
}
