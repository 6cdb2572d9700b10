//! Consent as a table: every input in every state, with what follows.

use std::fmt::Write as _;

use offhook_rules::{
    limits::NumberKind,
    permission::{Choice, Context, Effect, Grant, Input, Reply, RequestState, Response, Source},
};
use terms::{Direction, Timestamp};

use crate::facts::{Pair, at, call_id, message, newest};

const DAY: i64 = 86_400;

/// When every input of the table happens.
const NOW: i64 = 8 * DAY;

fn days(since: i64) -> Timestamp {
    at(since * DAY)
}

/// A pair after some steps.
fn pair(kind: NumberKind, steps: impl FnOnce(&mut Pair)) -> Pair {
    let mut pair = Pair { kind, ..Pair::new(newest()) };
    steps(&mut pair);
    pair
}

fn unanswered(pair: &mut Pair, times: i64) {
    for n in 0..times {
        pair.handle(Input::Unanswered, at(NOW - 100 + n));
    }
}

/// Every state a pair can be in that an input can tell apart.
fn states(kind: NumberKind) -> Vec<(&'static str, Pair)> {
    let recently = at(NOW - 200);
    let asked = |pair: &mut Pair| pair.ask("wamid.1", recently).unwrap();
    let says = |choice| {
        move |pair: &mut Pair| {
            pair.ask("wamid.1", recently).unwrap();
            pair.answer("wamid.1", choice, recently);
        }
    };
    let streak = |choice, times| {
        move |pair: &mut Pair| {
            pair.choose(choice, recently);
            unanswered(pair, times);
        }
    };
    vec![
        ("never asked", pair(kind, |_| ())),
        ("asked", pair(kind, asked)),
        ("asked, the request is too old", pair(kind, |p| p.ask("wamid.1", days(0)).unwrap())),
        (
            "asked twice, the newer answered",
            pair(kind, |p| {
                p.ask("wamid.1", days(5)).unwrap();
                p.ask("wamid.2", days(6)).unwrap();
                p.answer("wamid.2", Choice::Temporary, recently);
            }),
        ),
        ("said yes for some days", pair(kind, says(Choice::Temporary))),
        ("said yes for always", pair(kind, says(Choice::Permanent))),
        ("said no", pair(kind, says(Choice::Reject))),
        (
            "took it back",
            pair(kind, |p| {
                p.choose(Choice::Permanent, days(7));
                p.handle(Input::Revoked, recently);
            }),
        ),
        ("it ran out", pair(kind, |p| drop(p.choose(Choice::Temporary, days(0))))),
        ("it runs out at this moment", pair(kind, |p| drop(p.choose(Choice::Temporary, days(1))))),
        ("for some days, one unanswered", pair(kind, streak(Choice::Temporary, 1))),
        ("for some days, three unanswered", pair(kind, streak(Choice::Temporary, 3))),
        ("for always, three unanswered", pair(kind, streak(Choice::Permanent, 3))),
        ("for always, four unanswered", pair(kind, streak(Choice::Permanent, 4))),
        ("for always, nine unanswered", pair(kind, streak(Choice::Permanent, 9))),
    ]
}

/// Every input with every variant, by name. A request is sent only where the count allows one.
fn inputs() -> Vec<(&'static str, Input)> {
    let to_request = |choice| Input::Answered { request: Some(message("wamid.1")), choice };
    let in_profile = |choice| Input::Answered { request: None, choice };
    vec![
        ("delivered", Input::RequestDelivered { id: message("wamid.1") }),
        ("cannot be shown", Input::RequestFailed { id: message("wamid.1") }),
        ("answers some days", to_request(Choice::Temporary)),
        ("answers always", to_request(Choice::Permanent)),
        ("answers no", to_request(Choice::Reject)),
        ("profile some days", in_profile(Choice::Temporary)),
        ("profile always", in_profile(Choice::Permanent)),
        ("profile no", in_profile(Choice::Reject)),
        ("revokes", Input::Revoked),
        ("calls back", Input::CalledBack { call: call_id("A") }),
        ("user's call connects", Input::Connected { direction: Direction::UserInitiated }),
        ("business's call connects", Input::Connected { direction: Direction::BusinessInitiated }),
        ("unanswered", Input::Unanswered),
    ]
}

fn until(end: Timestamp) -> String {
    let ms = end.unix_ms() - at(NOW).unix_ms();
    format!("{} s", ms / 1_000)
}

fn standing(pair: &Pair) -> String {
    match pair.consent.standing(at(NOW)) {
        Ok(Grant::Temporary { until: end, .. }) => format!("for {}", until(end)),
        Ok(Grant::Permanent { .. }) => "for always".into(),
        Err(absence) => format!("none, {}", absence.to_string().split(" at ").next().unwrap()),
    }
}

fn shown(pair: &Pair) -> String {
    let [day, week] = pair.consent.request_uses(&pair.book, pair.kind, at(NOW));
    let buttons: Vec<_> = pair
        .consent
        .requests()
        .iter()
        .map(|request| match request.state(&pair.book, at(NOW)) {
            RequestState::Open { .. } => "open",
            RequestState::Answered { choice: Choice::Temporary, .. } => "some days",
            RequestState::Answered { choice: Choice::Permanent, .. } => "always",
            RequestState::Answered { choice: Choice::Reject, .. } => "no",
            RequestState::Expired => "expired",
            RequestState::Replaced => "replaced",
        })
        .collect();
    format!(
        "{}; {} unanswered; asked {}/{}; connected {}; requests [{}]",
        standing(pair),
        pair.consent.unanswered_in_a_row(),
        day.used,
        week.used,
        pair.consent.connected_use(&pair.book, at(NOW)).used,
        buttons.join(", "),
    )
}

fn reply(reply: &Reply) -> String {
    let response = match reply.response {
        Response::Accept => "accept",
        Response::Reject => "reject",
    };
    let source = match reply.source {
        Source::UserAction => "user_action",
        Source::Automatic => "automatic",
    };
    let kind = match reply.is_permanent {
        Some(true) => " permanent",
        Some(false) => " temporary",
        None => "",
    };
    let about = match &reply.context {
        Context::Request(id) => format!(" about {id}"),
        Context::Call(id) => format!(" about {id}"),
        Context::None => String::new(),
    };
    let end = reply.expires_at.map_or_else(String::new, |end| format!(" for {}", until(end)));
    format!("reply {response}{kind}{end} by {source}{about}")
}

fn effects(effects: &[Effect]) -> String {
    let written: Vec<_> = effects
        .iter()
        .map(|effect| match effect {
            Effect::SendReply(sent) => reply(sent),
            Effect::Nudge { unanswered } => format!("nudge after {unanswered}"),
        })
        .collect();
    if written.is_empty() { "-".into() } else { written.join(", ") }
}

fn row(pair: &Pair, input: Input) -> String {
    let mut after = pair.clone();
    match after.try_handle(input, at(NOW)) {
        Ok(done) => format!("{} => {}", shown(&after), effects(&done)),
        Err(refusal) => {
            assert_eq!(after.consent, pair.consent, "a refused input changes nothing");
            format!("refused {}: {refusal}", refusal.rule())
        }
    }
}

fn asks(pair: &Pair) -> String {
    let mut after = pair.clone();
    match after.ask("wamid.9", at(NOW)) {
        Ok(()) => format!("{} => -", shown(&after)),
        Err(refusal) => format!("refused {}", refusal.rule()),
    }
}

fn table(kind: NumberKind) -> String {
    let mut out = String::new();
    for (name, pair) in states(kind) {
        write!(out, "\n{name}: {}\n", shown(&pair)).unwrap();
        writeln!(out, "  {:<25} {}", "the business asks", asks(&pair)).unwrap();
        for (input, value) in inputs() {
            writeln!(out, "  {input:<25} {}", row(&pair, value)).unwrap();
        }
    }
    out
}

#[test]
fn every_input_in_every_state_of_consent() {
    insta::assert_snapshot!("consent", table(NumberKind::Production));
}

/// Only the ceilings differ, so only what they decide is shown.
#[test]
fn a_test_numbers_consent_differs_in_its_ceilings() {
    let (real, test) = (table(NumberKind::Production), table(NumberKind::Test));
    let mut out = String::new();
    let mut state = "";
    for (real, test) in real.lines().zip(test.lines()) {
        if !test.starts_with(' ') && !test.is_empty() {
            state = test.split(':').next().unwrap();
        }
        if real != test {
            writeln!(out, "{state}\n  real {}\n  test {}", real.trim(), test.trim()).unwrap();
        }
    }
    insta::assert_snapshot!("consent_of_a_test_number", out);
}
