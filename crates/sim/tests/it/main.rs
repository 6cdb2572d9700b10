//! Whole stories from seeds.

mod crowd;
mod packets;

use std::{collections::BTreeSet, sync::Arc};

use offhook_sim::{Plan, Report, run};
use rules::rulebook::{Rulebook, list, named};

/// Stories a run plays; ten thousand take some seconds.
const SEEDS: u64 = 1_000;

/// As many stories as the long run asks for (`cargo xtask soak stories`), else [`SEEDS`].
#[expect(clippy::disallowed_methods, reason = "the length of a test run is the runner's choice")]
fn seeds() -> u64 {
    std::env::var("OFFHOOK_STORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS)
}

fn play(book: &Arc<Rulebook>, seed: u64) -> Report {
    run(&Plan { seed, book: Arc::clone(book), acts: 60 })
}

fn assert_well(report: &Report, book: &str, seed: u64) {
    let story = report.story.join("\n");
    assert!(report.faults.is_empty(), "{story}\n\n{:#?}\n{book}, seed {seed}", report.faults);
}

#[test]
fn nothing_is_stuck_lost_or_decided_wrongly() {
    for book in list() {
        let (mut calls, mut ends, mut refusals) = (0, BTreeSet::new(), BTreeSet::new());
        for seed in 0..seeds() {
            let report = play(book, seed);
            assert_well(&report, &book.name, seed);
            calls += report.calls;
            ends.extend(report.ends);
            refusals.extend(report.refusals);
        }
        assert!(calls > 5_000, "{calls} calls are too few to mean anything");
        for end in [
            "user_hung_up",
            "business_terminated",
            "business_rejected",
            "business_did_not_answer",
            "user_did_not_answer",
            "user_rejected",
            "user_busy",
            "user_unreachable",
            "user_vanished",
            "business_silent_from_start",
        ] {
            assert!(ends.contains(end), "no call ended by {end}: {ends:?}");
        }
        for rule in
            ["permission.required", "limits.one_call_per_pair", "call.ended", "call.answer_window"]
        {
            assert!(refusals.contains(rule), "{rule} never said no: {refusals:?}");
        }
    }
}

#[test]
fn a_seed_is_one_story() {
    let book = named("2026-10").unwrap();
    assert_eq!(play(&book, 7), play(&book, 7));
    assert_ne!(play(&book, 7).story, play(&book, 8).story);
}

/// The reference must be able to find a rule that is wrong.
#[test]
fn a_wrong_rulebook_is_found() {
    for wrong in [
        ("permission.lifetime", "8 d"),
        ("permission.revoke_after", "5"),
        ("permission.requests_per_week", "3"),
        ("permission.cancelled_counts", "true"),
        ("window.length", "23 h"),
        ("window.opened_by_user_call", "false"),
        ("window.opened_by_pick_up", "false"),
        ("price.pulse", "7 s"),
    ] {
        let book = Arc::new(named("2025-beta").unwrap().with(&[wrong]).unwrap());
        let found = (0..SEEDS).any(|seed| !play(&book, seed).faults.is_empty());
        assert!(found, "no story noticed {wrong:?}");
    }
}
