//! What entries add up to.

use std::time::Duration;

use offhook_switchboard::consent::{Absence, Entry, EntryNo, Grant, Periods, Standing, Told, What};
use terms::{Direction, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);
const PERIODS: Periods = Periods { day: DAY, week: Duration::from_secs(7 * 86_400) };
const CONNECTED: What = What::Connected { direction: Direction::BusinessInitiated };

fn hour(hour: u32) -> Timestamp {
    Timestamp::from_unix(1_783_000_000) + Duration::from_secs(3_600) * hour
}

fn until(at: u32) -> Grant {
    Grant::Temporary { until: hour(at) }
}

/// What these add up to: each with its hour, numbered from 1.
fn fold(entries: &[(u32, What)]) -> Standing {
    let entry = |(no, (at, what)): (usize, &(u32, What))| {
        (EntryNo(i64::try_from(no).unwrap() + 1), Entry { at: hour(*at), what: *what })
    };
    Standing::fold(entries.iter().enumerate().map(entry), PERIODS)
}

fn told(permission: Option<Grant>) -> Told {
    Told { permission, connected_in_a_day: None, requests_in_a_day: None, requests_in_a_week: None }
}

#[test]
fn every_row_stands_as_it_must_at_hour_100() {
    let granted = What::Granted(until(168));
    let permanent = What::Granted(Grant::Permanent);
    let says = |permission| What::Reconciled(told(permission));
    type Row<'a> = (&'a str, &'a [(u32, What)], Result<Grant, Absence>, Option<i64>);
    let rows: &[Row<'_>] = &[
        ("nothing", &[], Err(Absence::NeverGiven), None),
        ("only asked", &[(0, What::Requested)], Err(Absence::NeverGiven), None),
        ("asked, granted", &[(0, What::Requested), (1, granted)], Ok(until(168)), Some(2)),
        ("permanent", &[(1, permanent)], Ok(Grant::Permanent), Some(1)),
        ("refused", &[(1, What::Refused)], Err(Absence::Refused), Some(1)),
        ("revoked", &[(1, permanent), (2, What::Revoked)], Err(Absence::Revoked), Some(2)),
        ("run out, unwritten", &[(1, What::Granted(until(9)))], Err(Absence::Expired), Some(1)),
        (
            "run out, written",
            &[(1, What::Granted(until(9))), (9, What::Expired)],
            Err(Absence::Expired),
            Some(2),
        ),
        (
            "what is permanent does not run out",
            &[(1, permanent), (9, What::Expired)],
            Ok(Grant::Permanent),
            Some(1),
        ),
        (
            "renewed before its end is written",
            &[(1, granted), (9, What::Expired)],
            Ok(until(168)),
            Some(1),
        ),
        (
            "a late refusal of long ago",
            &[(5, granted), (2, What::Refused)],
            Ok(until(168)),
            Some(1),
        ),
        (
            "the platform says no",
            &[(5, granted), (6, says(None))],
            Err(Absence::PlatformSaysNo),
            Some(2),
        ),
        ("the platform knows more", &[(6, says(Some(until(168))))], Ok(until(168)), Some(1)),
        (
            "the user's word proves what the platform knew",
            &[(6, says(Some(until(168)))), (5, granted)],
            Ok(until(168)),
            Some(2),
        ),
        (
            "a no of before does not undo it",
            &[(6, says(Some(until(168)))), (5, What::Refused)],
            Ok(until(168)),
            Some(1),
        ),
        (
            "calls change no permission",
            &[(1, granted), (2, CONNECTED), (3, What::Unanswered)],
            Ok(until(168)),
            Some(1),
        ),
    ];
    for (name, entries, stands, proof) in rows {
        let standing = fold(entries);
        assert_eq!(standing.permission(hour(100)), *stands, "{name}");
        assert_eq!(standing.proof(), proof.map(EntryNo), "{name}");
    }
}

#[test]
fn two_standings_of_one_user_join_with_the_newer_word_and_every_moment() {
    let granted = What::Granted(Grant::Permanent);
    let by_number = fold(&[(0, What::Requested), (1, granted), (5, What::Unanswered)]);
    let word_at =
        |hour| fold(&[(3, What::Requested), (hour, What::Revoked), (9, What::Unanswered)]);
    for (revoked_at, wanted) in [(0, Ok(Grant::Permanent)), (4, Err(Absence::Revoked))] {
        let by_id = word_at(revoked_at);
        for joined in [by_number.clone().join(by_id.clone()), by_id.join(by_number.clone())] {
            assert_eq!(joined.permission(hour(10)), wanted);
            assert_eq!(joined.requests(), [hour(0), hour(3)]);
            assert_eq!(joined.unanswered_in_a_row(), 2);
        }
    }
    assert_eq!(by_number.clone().join(Standing::default()), by_number);
}

#[test]
fn a_permission_ends_at_its_very_moment() {
    let standing = fold(&[(0, What::Granted(until(168)))]);
    assert_eq!(standing.permission(hour(168) - Duration::from_millis(1)), Ok(until(168)));
    assert_eq!(standing.permission(hour(168)), Err(Absence::Expired));
    assert_eq!(standing.expires_at(), Some(hour(168)));
    let early = Entry { at: hour(167), what: What::Expired };
    assert!(!standing.takes(&early));
    assert!(standing.takes(&Entry { at: hour(168), ..early }));
}

#[test]
fn a_call_that_is_picked_up_forgives_requests_and_unanswered_calls() {
    let standing = fold(&[(0, What::Requested), (1, What::Unanswered), (2, What::Unanswered)]);
    assert_eq!((standing.requests().len(), standing.unanswered_in_a_row()), (1, 2));
    let user = What::Connected { direction: Direction::UserInitiated };
    let standing = fold(&[(0, What::Requested), (1, What::Unanswered), (2, user)]);
    assert_eq!((standing.requests().len(), standing.unanswered_in_a_row()), (0, 0));
    assert!(standing.connected().is_empty(), "a user's call is none of ours");
}

#[test]
fn moments_are_kept_as_long_as_they_count() {
    let standing = fold(&[(0, CONNECTED), (23, CONNECTED), (24, CONNECTED)]);
    assert_eq!(standing.connected(), [hour(23), hour(24)]);
    let standing = fold(&[(0, What::Requested), (167, What::Requested), (30, What::Requested)]);
    assert_eq!(standing.requests(), [hour(0), hour(30), hour(167)]);
}

#[test]
fn the_platforms_counts_win_and_agree_afterwards() {
    let counts = |connected, day, week| Told {
        permission: None,
        connected_in_a_day: Some(connected),
        requests_in_a_day: Some(day),
        requests_in_a_week: Some(week),
    };
    let seen = [(0, CONNECTED), (1, What::Requested), (50, What::Requested), (51, CONNECTED)];
    for said in [counts(0, 0, 0), counts(1, 0, 2), counts(3, 1, 2), counts(2, 2, 2)] {
        let before = fold(&seen);
        let differs = before.differs(&said, hour(52), PERIODS);
        assert_eq!(differs, said != counts(1, 0, 0), "{said:?}");
        let mut all = seen.to_vec();
        all.push((52, What::Reconciled(said)));
        let after = fold(&all);
        assert!(!after.differs(&said, hour(52), PERIODS), "{said:?}: {after:?}");
        assert!(after.requests().is_sorted() && after.connected().is_sorted());
    }
    let hostile = counts(u32::MAX, u32::MAX, u32::MAX);
    let standing = fold(&[(0, What::Reconciled(hostile))]);
    assert_eq!(standing.connected().len(), 10_000);
    assert!(!standing.differs(&hostile, hour(0), PERIODS));
}

#[test]
fn step_by_step_is_the_same_as_all_at_once() {
    let seen = [(0, What::Requested), (1, What::Granted(until(168))), (2, CONNECTED)];
    let mut standing = Standing::default();
    for (no, (at, what)) in (1..).zip(seen) {
        standing.apply(EntryNo(no), &Entry { at: hour(at), what }, PERIODS);
    }
    assert_eq!(standing, fold(&seen));
}
