//! Consent: granting, losing, counting, expiring.

use offhook_rules::{
    Refusal,
    limits::NumberKind,
    permission::{
        Absence, Choice, Context, Effect, Grant, Input, Reply, RequestState, Response, Source,
        Status, check,
    },
};
use proptest::prelude::*;
use terms::{Direction, Timestamp};

use crate::facts::{DAY, Pair, at, beta, call_id, message, newest};

const DAYS: i64 = 86_400;
const LIFETIME: i64 = 7 * DAYS;

fn reply(effects: &[Effect]) -> &Reply {
    match effects {
        [Effect::SendReply(reply)] => reply,
        other => panic!("expected one reply, got {other:?}"),
    }
}

/// The scenarios of fact sheet 4.5 that give permission.
#[test]
fn every_reply_that_gives_permission() {
    let mut temporary = Pair::new(beta());
    temporary.ask("wamid.1", at(0)).unwrap();
    let mut permanent = temporary.clone();
    let request = || Context::Request(message("wamid.1"));
    let until = Some(at(10 + LIFETIME));
    let callback = Input::CalledBack { call: call_id("A") };
    let (user, rule) = (Source::UserAction, Source::Automatic);
    let table = [
        (temporary.answer("wamid.1", Choice::Temporary, at(10)), false, until, user, request()),
        (permanent.answer("wamid.1", Choice::Permanent, at(10)), true, None, user, request()),
        (Pair::new(beta()).choose(Choice::Permanent, at(10)), true, None, user, Context::None),
        (
            Pair::new(beta()).handle(callback, at(10)),
            false,
            until,
            rule,
            Context::Call(call_id("A")),
        ),
    ];
    for (effects, is_permanent, expires_at, source, context) in table {
        let is_permanent = Some(is_permanent);
        let response = Response::Accept;
        let want = Reply { response, is_permanent, expires_at, source, context };
        assert_eq!(reply(&effects), &want);
    }
}

/// The scenarios that take it away, manual revocation among them.
#[test]
fn every_reply_that_takes_permission_away() {
    let mut rejected = Pair::new(beta());
    rejected.ask("wamid.1", at(0)).unwrap();
    let mut revoked = Pair::new(beta());
    revoked.choose(Choice::Permanent, at(0));
    let mut unanswered = revoked.clone();
    for n in 0..3 {
        unanswered.handle(Input::Unanswered, at(n));
    }
    let (user, rule) = (Source::UserAction, Source::Automatic);
    let request = Context::Request(message("wamid.1"));
    let table = [
        (rejected.answer("wamid.1", Choice::Reject, at(10)), user, request),
        (unanswered.handle(Input::Unanswered, at(10)), rule, Context::None),
        (revoked.handle(Input::Revoked, at(10)), user, Context::None),
    ];
    for (effects, source, context) in table {
        let response = Response::Reject;
        let want = Reply { response, is_permanent: None, expires_at: None, source, context };
        assert_eq!(reply(&effects), &want);
    }
}

#[test]
fn a_temporary_permission_ends_by_the_clock_and_nobody_is_told() {
    let mut pair = Pair::new(beta());
    pair.choose(Choice::Temporary, at(0));
    assert_eq!(check(&pair.consent, at(LIFETIME - 1)).unwrap().until(), Some(at(LIFETIME)));
    let expired = Refusal::NoPermission(Absence::Expired { at: at(LIFETIME) });
    assert_eq!(check(&pair.consent, at(LIFETIME)), Err(expired));
}

#[test]
fn no_permission_says_why() {
    let never = Pair::new(beta());
    let mut rejected = never.clone();
    rejected.choose(Choice::Reject, at(1));
    let mut revoked = never.clone();
    revoked.choose(Choice::Permanent, at(1));
    revoked.handle(Input::Revoked, at(2));
    let why = |pair: &Pair| check(&pair.consent, at(5)).unwrap_err();
    assert_eq!(why(&never), Refusal::NoPermission(Absence::NeverGiven));
    assert_eq!(why(&rejected), Refusal::NoPermission(Absence::Rejected { at: at(1) }));
    assert_eq!(why(&revoked), Refusal::NoPermission(Absence::Revoked { at: at(2) }));
    assert_eq!(revoked.try_handle(Input::Revoked, at(3)), Err(Refusal::NothingToRevoke));
}

#[test]
fn one_request_a_day_two_a_week() {
    let mut pair = Pair::new(newest());
    pair.ask("wamid.1", at(0)).unwrap();
    let refused = pair.ask("wamid.2", at(DAYS - 1)).unwrap_err();
    assert_eq!(refused.changes_at(), Some(at(DAYS)), "{refused}");
    pair.ask("wamid.2", at(DAYS)).unwrap();
    let refused = pair.ask("wamid.3", at(2 * DAYS - 1)).unwrap_err();
    assert_eq!(refused.changes_at(), Some(at(7 * DAYS)), "the later of both limits");
    assert!(matches!(refused, Refusal::RequestLimit { used: 2, max: 2, .. }), "{refused}");
    assert!(pair.ask("wamid.3", at(7 * DAYS - 1)).is_err());
    pair.ask("wamid.3", at(7 * DAYS)).unwrap();
}

#[test]
fn any_connected_call_resets_both_request_counters() {
    for direction in [Direction::UserInitiated, Direction::BusinessInitiated] {
        let mut pair = Pair::new(newest());
        pair.ask("wamid.1", at(0)).unwrap();
        pair.ask("wamid.2", at(DAYS)).unwrap();
        pair.connected(direction, at(DAYS + 60));
        pair.ask("wamid.3", at(DAYS + 61)).unwrap();
        assert!(pair.ask("wamid.4", at(DAYS + 62)).is_err(), "and they count again");
    }
}

/// As while a test clock stands still.
#[test]
fn a_request_at_the_moment_of_a_connected_call_counts_if_it_came_after() {
    let mut pair = Pair::new(newest());
    pair.ask("wamid.1", at(0)).unwrap();
    pair.connected(Direction::UserInitiated, at(0));
    pair.ask("wamid.2", at(0)).unwrap();
    assert!(pair.ask("wamid.3", at(0)).is_err());
}

#[test]
fn a_permanent_permission_makes_requests_pointless() {
    let mut pair = Pair::new(newest());
    pair.choose(Choice::Permanent, at(0));
    assert_eq!(pair.ask("wamid.1", at(1)), Err(Refusal::AlreadyPermanent));
    assert_eq!(
        pair.handle(Input::CalledBack { call: call_id("A") }, at(2)),
        [],
        "a callback adds nothing"
    );
    assert_eq!(pair.consent.standing(at(3)), Ok(Grant::Permanent { at: at(0) }));
}

#[test]
fn a_test_number_has_wider_limits() {
    let mut pair = Pair { kind: NumberKind::Test, ..Pair::new(newest()) };
    for n in 0..25 {
        pair.ask(&format!("wamid.{n}"), at(n)).unwrap();
    }
    assert!(pair.ask("wamid.25", at(25)).is_err());
    pair.choose(Choice::Temporary, at(30));
    let effects: Vec<_> = (31..41).flat_map(|n| pair.handle(Input::Unanswered, at(n))).collect();
    assert!(matches!(effects[..], [Effect::Nudge { unanswered: 5 }, Effect::SendReply(_)]));
}

#[test]
fn unanswered_calls_nudge_at_two_and_revoke_at_four() {
    let mut pair = Pair::new(beta());
    pair.choose(Choice::Temporary, at(0));
    assert_eq!(pair.handle(Input::Unanswered, at(1)), []);
    assert_eq!(pair.handle(Input::Unanswered, at(2)), [Effect::Nudge { unanswered: 2 }]);
    assert_eq!(pair.handle(Input::Unanswered, at(3)), []);
    assert!(check(&pair.consent, at(3)).is_ok());
    pair.handle(Input::Unanswered, at(4));
    let absence = Absence::TooManyUnanswered { at: at(4), unanswered: 4 };
    assert_eq!(check(&pair.consent, at(4)), Err(Refusal::NoPermission(absence)));
    pair.choose(Choice::Temporary, at(5));
    assert_eq!(pair.handle(Input::Unanswered, at(6)), [], "a new grant starts a new streak");
}

#[test]
fn a_connected_call_breaks_the_streak() {
    let mut pair = Pair::new(beta());
    pair.choose(Choice::Temporary, at(0));
    for n in 1..4 {
        pair.handle(Input::Unanswered, at(n));
    }
    pair.connected(Direction::UserInitiated, at(4));
    assert_eq!(pair.consent.unanswered_in_a_row(), 0);
    assert_eq!(pair.handle(Input::Unanswered, at(5)), []);
    assert!(check(&pair.consent, at(6)).is_ok());
}

#[test]
fn a_requests_buttons_stop_working() {
    let mut pair = Pair::new(newest());
    pair.ask("wamid.1", at(0)).unwrap();
    pair.handle(Input::RequestDelivered { id: message("wamid.1") }, at(100));
    let mut unread = pair.clone();
    let too_late = Input::Answered { request: Some(message("wamid.1")), choice: Choice::Temporary };
    let expired = unread.try_handle(too_late.clone(), at(100 + LIFETIME));
    assert_eq!(expired, Err(Refusal::RequestClosed { state: "expired" }));
    assert!(unread.try_handle(too_late, at(99 + LIFETIME)).is_ok());

    pair.answer("wamid.1", Choice::Reject, at(200));
    pair.answer("wamid.1", Choice::Temporary, at(300));
    assert!(check(&pair.consent, at(301)).is_ok(), "the user may change the answer");
    let state = pair.consent.requests()[0].state(&pair.book, at(301));
    assert_eq!(
        state,
        RequestState::Answered { choice: Choice::Temporary, until: at(300 + LIFETIME) }
    );
}

#[test]
fn acting_on_a_newer_request_replaces_the_older() {
    let mut pair = Pair::new(newest());
    pair.ask("wamid.1", at(0)).unwrap();
    pair.ask("wamid.2", at(DAYS)).unwrap();
    let open =
        |pair: &Pair| pair.consent.open_request(&pair.book, at(DAYS + 1)).map(|r| r.id().clone());
    assert_eq!(open(&pair), Some(message("wamid.2")));
    let mut older_first = pair.clone();
    older_first.answer("wamid.1", Choice::Reject, at(DAYS + 1));
    older_first.answer("wamid.2", Choice::Permanent, at(DAYS + 2));

    pair.answer("wamid.2", Choice::Reject, at(DAYS + 1));
    let older = Input::Answered { request: Some(message("wamid.1")), choice: Choice::Permanent };
    assert_eq!(
        pair.try_handle(older, at(DAYS + 2)),
        Err(Refusal::RequestClosed { state: "replaced" })
    );
    let unknown = Input::Answered { request: Some(message("wamid.9")), choice: Choice::Permanent };
    assert_eq!(
        pair.try_handle(unknown, at(DAYS + 2)),
        Err(Refusal::RequestClosed { state: "unknown" })
    );
    assert_eq!(open(&pair), None);
}

#[test]
fn a_read_shows_permission_limits_and_when_they_free() {
    let mut pair = Pair::new(newest());
    pair.ask("wamid.1", at(0)).unwrap();
    pair.answer("wamid.1", Choice::Temporary, at(10));
    let seen = pair.view(at(20));
    assert_eq!((seen.status, seen.expires_at), (Status::Temporary, Some(at(10 + LIFETIME))));
    assert!(seen.call.allowed && !seen.request.allowed);
    assert_eq!(seen.request.uses[0].allowed_at, Some(at(DAYS)));
    assert_eq!((seen.request.uses[1].used, seen.request.uses[1].allowed_at), (1, None));
    for n in 0..100 {
        pair.connected(Direction::BusinessInitiated, at(30 + n));
    }
    let full = pair.view(at(200));
    assert!(!full.call.allowed && full.request.allowed);
    assert_eq!(full.call.uses[0].allowed_at, Some(at(30 + DAYS)));
    let refused = pair.permit(at(200)).unwrap_err();
    assert_eq!(refused.rule(), "limits.connected_per_day");
    assert_eq!(refused.changes_at(), Some(at(30 + DAYS)));
    assert!(pair.permit(at(30 + DAYS)).is_ok());
    assert_eq!(pair.consent.connected_use(&pair.book, at(30 + DAYS)).used, 99);
}

#[test]
fn a_stored_consent_reads_back() {
    let mut pair = Pair::new(newest());
    pair.ask("wamid.1", at(0)).unwrap();
    pair.answer("wamid.1", Choice::Temporary, at(10));
    pair.connected(Direction::BusinessInitiated, at(11));
    let stored = serde_json::to_string(&pair.consent).unwrap();
    let read: offhook_rules::permission::Consent = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, pair.consent);
}

proptest! {
    /// Whatever the moment of approval and of the question, only the distance decides.
    #[test]
    fn a_temporary_permission_stands_exactly_for_its_lifetime(
        given_ms in 0_i64..4_000_000_000_000,
        asked_ms in -1_i64..1_300_000_000,
    ) {
        let mut pair = Pair::new(beta());
        let given = Timestamp::from_unix_ms(given_ms);
        pair.choose(Choice::Temporary, given);
        let asked = Timestamp::from_unix_ms(given_ms + asked_ms);
        prop_assert_eq!(check(&pair.consent, asked).is_ok(), asked_ms < LIFETIME * 1000);
    }

    /// Asking whenever it is allowed never gives more than the rulebook's counts in any period.
    #[test]
    fn no_order_of_requests_beats_the_limits(gaps in prop::collection::vec(0_i64..200_000, 1..60)) {
        let mut pair = Pair::new(newest());
        let mut now = at(0);
        let mut sent: Vec<Timestamp> = Vec::new();
        for (n, gap) in gaps.into_iter().enumerate() {
            now = Timestamp::from_unix(now.unix() + gap);
            match pair.ask(&format!("wamid.{n}"), now) {
                Ok(()) => sent.push(now),
                Err(refusal) => {
                    let next = refusal.changes_at().unwrap();
                    prop_assert!(next > now);
                    prop_assert!(pair.request_permit(next).is_ok(), "the named moment must hold");
                }
            }
        }
        for first in &sent {
            let within = |span: std::time::Duration| {
                sent.iter().filter(|at| *at >= first && **at < *first + span).count()
            };
            prop_assert!(within(DAY) <= 1 && within(DAY * 7) <= 2);
        }
    }
}
