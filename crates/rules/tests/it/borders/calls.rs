//! Rules of a call's life, its media, who may call, how many, and the window.

use std::sync::Arc;

use offhook_rules::{
    Refusal,
    call::{Effect, Input, Silence},
    eligibility::{Load, NumberFacts, check_call, check_number, check_user_call},
    limits::Rolling,
    permission::Choice,
    rulebook::Rulebook,
    window::Window,
};
use terms::Direction;

use super::{Case, around, said};
use crate::facts::{Pair, Story, at, idle, number, open_window, user};

pub(super) const CASES: &[Case] = &[
    Case { rule: "call.answer_window", other: ["30 s", "31 s"], verdict: answer_window },
    Case { rule: "call.ring_timeout", other: ["30 s", "31 s"], verdict: ring_timeout },
    Case { rule: "call.repeated_pre_accept", other: ["success", "refused"], verdict: twice },
    Case { rule: "call.unanswered_status", other: ["COMPLETED", "FAILED"], verdict: unanswered },
    Case { rule: "limits.next_call_field", other: ["next", "at"], verdict: next_call },
    Case { rule: "media.silent_from_start", other: ["5 s", "6 s"], verdict: watches },
    Case { rule: "media.silent_mid_call", other: ["5 s", "6 s"], verdict: watches },
    Case { rule: "media.both_silent_blames_business", other: ["true", "false"], verdict: blame },
    Case { rule: "eligibility.blocked_countries", other: ["FR", "DE"], verdict: countries },
    Case {
        rule: "eligibility.blocked_scope",
        other: ["calling", "business_initiated"],
        verdict: scope,
    },
    Case { rule: "eligibility.call_needs_window", other: ["true", "false"], verdict: needs_window },
    Case { rule: "eligibility.window_code", other: ["138006", "100"], verdict: window_code },
    Case { rule: "limits.connected_per_day", other: ["5", "10"], verdict: connected },
    Case { rule: "limits.placed_per_day", other: ["5", "10"], verdict: placed },
    Case { rule: "limits.concurrent", other: ["5", "10"], verdict: concurrent },
    Case { rule: "limits.concurrent_scope", other: ["number", "account"], verdict: concurrent },
    Case { rule: "window.length", other: ["23 h", "25 h"], verdict: window_length },
    Case { rule: "window.opened_by_user_call", other: ["true", "false"], verdict: opened_by_call },
    Case { rule: "window.opened_by_pick_up", other: ["true", "false"], verdict: opened_by_pick_up },
];

fn answer_window(book: &Rulebook) -> String {
    around(45, |second| {
        let mut story = Story::user_calls(book, false);
        story.then(Input::DeadlineReached, at(second));
        story.call.state().name()
    })
}

fn ring_timeout(book: &Rulebook) -> String {
    around(60, |second| {
        let mut story = Story::business_calls(&Arc::new(book.clone()));
        story.then(Input::UserRinging, at(1));
        story.then(Input::DeadlineReached, at(second));
        story.call.state().name()
    })
}

/// A second `pre_accept`, with the same SDP and with another.
fn twice(book: &Rulebook) -> String {
    let again = |sdp: &str| {
        let mut story = Story::user_calls(book, false);
        story.then(Input::PreAccept { sdp: "v=0".into() }, at(1));
        said(story.call.handle(Input::PreAccept { sdp: sdp.into() }, at(2), &mut Vec::new()))
    };
    format!("same {} | other {}", again("v=0"), again("v=1"))
}

/// A user who hangs up before and after the answer, and one who does not pick up.
fn unanswered(book: &Rulebook) -> String {
    let status = |mut story: Story, input, direction| {
        story.then(input, at(99));
        story.call.ending().unwrap().status(direction, book).as_str()
    };
    let rings = Story::user_calls(book, false);
    let mut answered = Story::user_calls(book, false);
    answered.then(Input::Accept { sdp: "v=0".into(), opaque: None, capture: None }, at(1));
    let mut dialled = Story::business_calls(&Arc::new(book.clone()));
    dialled.then(Input::UserRinging, at(1));
    let by_user = Direction::UserInitiated;
    format!(
        "rings {} | answered {} | not picked up {}",
        status(rings, Input::UserHungUp, by_user),
        status(answered, Input::UserHungUp, by_user),
        status(dialled, Input::DeadlineReached, Direction::BusinessInitiated),
    )
}

/// The key of the time in the refusal of one call too many.
fn next_call(book: &Rulebook) -> String {
    let mut pair = Pair::new(Arc::new(book.clone()));
    pair.choose(Choice::Permanent, at(0));
    for n in 0..i64::from(book.limits.connected_per_day.value) {
        pair.connected(Direction::BusinessInitiated, at(n));
    }
    match pair.permit(at(600)) {
        Err(Refusal::ConnectedLimit { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

/// What media is told to watch for; it has its own clock.
fn watches(book: &Rulebook) -> String {
    let mut story = Story::user_calls(book, false);
    let effects =
        story.then(Input::Accept { sdp: "v=0".into(), opaque: None, capture: None }, at(1));
    let watch = effects.iter().find(|effect| matches!(effect, Effect::StartWatch { .. }));
    format!("{:?}", watch.unwrap())
}

fn blame(book: &Rulebook) -> String {
    let mut story = Story::user_calls(book, false);
    story.then(Input::Accept { sdp: "v=0".into(), opaque: None, capture: None }, at(1));
    story.then(Input::MediaSilent(Silence::Both), at(21));
    story.call.ending().and_then(|end| end.reason.error()).unwrap().code().to_string()
}

fn of(country: &str) -> NumberFacts {
    NumberFacts { country: country.parse().ok(), ..number() }
}

fn countries(book: &Rulebook) -> String {
    let all = ["BR", "CA", "EG", "FR", "NG", "TR", "US", "VN"];
    let blocked = all.iter().filter(|country| check_number(&of(country), book, at(0)).is_err());
    blocked.copied().collect::<Vec<_>>().join(" ")
}

fn scope(book: &Rulebook) -> String {
    let business = said(check_number(&of("US"), book, at(0)));
    let user = said(check_user_call(&of("US"), None, false, &idle(), book, at(0)));
    format!("business's call {business} | user's call {user}")
}

/// A business's call with permission, by its window and load.
fn dial(book: &Rulebook, window: &Window, load: &Load, connected: i64) -> &'static str {
    let mut pair = Pair::new(Arc::new(book.clone()));
    pair.choose(Choice::Permanent, at(0));
    for n in 0..connected {
        pair.connected(Direction::BusinessInitiated, at(n));
    }
    said(check_number(&number(), book, at(600)).and_then(|cleared| {
        let (number, user) = (number(), user());
        check_call(cleared, &number, &user, &pair.consent, window, load, book, at(600))
    }))
}

fn needs_window(book: &Rulebook) -> String {
    let closed = dial(book, &Window::default(), &idle(), 0);
    format!("closed {closed} | open {}", dial(book, &open_window(at(600)), &idle(), 0))
}

fn window_code(book: &Rulebook) -> String {
    format!("{:?}", Window::default().check(book, at(0)).unwrap_err())
}

fn connected(book: &Rulebook) -> String {
    around(100, |calls| dial(book, &open_window(at(600)), &idle(), calls))
}

fn placed(book: &Rulebook) -> String {
    around(10_000, |calls| {
        let mut placed = Rolling::default();
        let (max, day) = (book.limits.placed_per_day.value, book.limits.day.value);
        (0..calls).for_each(|_| placed.record(at(0), day));
        let load = Load { placed: placed.usage(max, day, at(600)), ..idle() };
        dial(book, &open_window(at(600)), &load, 0)
    })
}

fn concurrent(book: &Rulebook) -> String {
    let by = |own: i64, all: i64| {
        let count = |calls: i64| u32::try_from(calls).unwrap();
        let (running_of_number, running_of_account) = (count(own), count(all));
        let load = Load { running_of_number, running_of_account, ..idle() };
        let facts = number();
        let user = said(check_user_call(&facts, None, false, &load, book, at(0)));
        assert_eq!(dial(book, &open_window(at(600)), &load, 0), user, "both directions alike");
        user
    };
    let number = around(1_000, |calls| by(calls, calls));
    format!("number: {number} || other numbers: {}", around(1_000, |calls| by(0, calls)))
}

fn window_length(book: &Rulebook) -> String {
    let window = open_window(at(0));
    around(86_400, |second| said(window.check(book, at(second))))
}

fn opened_by_call(book: &Rulebook) -> String {
    format!("{:?}", Story::user_calls(book, false).effects)
}

fn opened_by_pick_up(book: &Rulebook) -> String {
    let mut story = Story::business_calls(&Arc::new(book.clone()));
    story.then(Input::UserPickedUp, at(3)).contains(&Effect::OpenWindow).to_string()
}
