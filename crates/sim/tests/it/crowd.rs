//! Many at once, from seeds.

use std::collections::BTreeMap;

use offhook_sim::crowd::{Counts, Plan, Report, run, shrink};

/// Seeds a run plays; `cargo xtask soak sim` plays more.
const SEEDS: u64 = 100;

/// Things that happen in each.
const STEPS: u32 = 600;

#[expect(clippy::disallowed_methods, reason = "the length of a test run is the runner's choice")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Plays a seed; a failure prints the shortest story found that fails the same way.
fn play(seed: u64) -> Report {
    let plan = Plan::wild(seed, STEPS);
    let report = run(&plan);
    if report.fault.is_some() {
        let short = shrink(&plan);
        let told = run(&short);
        let steps = short.steps as usize - short.skip.len();
        panic!("{}\n\nseed {seed}, {steps} steps: {:?}", told.story.join("\n"), told.fault);
    }
    report
}

#[test]
fn no_sequence_breaks_an_invariant() {
    let seeds = setting("OFFHOOK_SIM_SEEDS").unwrap_or(SEEDS);
    let first = setting("OFFHOOK_SIM_FIRST").unwrap_or(0);
    let (mut sum, mut ends, mut refusals) = (Counts::default(), BTreeMap::new(), BTreeMap::new());
    for seed in first..first + seeds {
        let report = play(seed);
        sum.steps += report.counts.steps;
        sum.calls += report.counts.calls;
        sum.answered += report.counts.answered;
        sum.billed += report.counts.billed;
        sum.webhooks += report.counts.webhooks;
        sum.attempts += report.counts.attempts;
        sum.expired += report.counts.expired;
        sum.verdicts += report.counts.verdicts;
        sum.seconds += report.counts.seconds;
        add(&mut ends, report.ends);
        add(&mut refusals, report.refusals);
    }
    println!("{seeds} seeds: {sum:#?}\nends {ends:#?}\nrefusals {refusals:#?}");
    if seeds >= SEEDS {
        assert_enough(&sum, &ends, &refusals);
    }
}

fn add(sum: &mut BTreeMap<&'static str, u64>, more: BTreeMap<&'static str, u64>) {
    for (name, count) in more {
        *sum.entry(name).or_default() += count;
    }
}

/// A run in which something never happened proves nothing about it.
fn assert_enough(
    sum: &Counts,
    ends: &BTreeMap<&'static str, u64>,
    refusals: &BTreeMap<&'static str, u64>,
) {
    assert!(sum.calls > 5_000 && sum.answered > 1_500 && sum.billed > 500, "{sum:?}");
    assert!(sum.attempts > sum.webhooks && sum.expired > 0, "{sum:?}");
    for end in ["user_hung_up", "business_terminated", "business_did_not_answer", "user_busy"] {
        assert!(ends.contains_key(end), "no call ended by {end}");
    }
    for rule in [
        "call.answer_window",
        "call.direction",
        "call.ended",
        "call.same_sdp",
        "call.state",
        "call.unknown",
        "eligibility.allowed_list",
        "eligibility.callable",
        "eligibility.country",
        "eligibility.enabled",
        "eligibility.payment",
        "eligibility.restriction",
        "eligibility.sip",
        "hours.open",
        "limits.concurrent",
        "limits.connected_per_day",
        "limits.one_call_per_pair",
        "limits.placed_per_day",
        "permission.already_permanent",
        "permission.request_limit",
        "permission.required",
        "settings.tier",
        "settings.value",
        "window.open",
    ] {
        assert!(refusals.contains_key(rule), "{rule} never said no");
    }
}

#[test]
fn a_seed_is_one_story_and_a_left_out_step_changes_no_dice() {
    let plan = Plan::wild(7, 200);
    assert_eq!(run(&plan), run(&plan));
    assert_ne!(run(&plan).story, run(&Plan::wild(8, 200)).story);
    let mut shorter = plan.clone();
    shorter.skip.insert(150);
    let upto = |report: &Report| {
        let step =
            |line: &str| line.trim_start().split(' ').next().unwrap().parse::<u32>().unwrap();
        report.story.iter().filter(|line| step(line) < 150).cloned().collect::<Vec<_>>()
    };
    assert_eq!(upto(&run(&plan)), upto(&run(&shorter)));
}

/// The references must be able to find a rule that is wrong.
#[test]
fn a_wrong_rule_is_found() {
    for wrong in [
        ("call.answer_window", "46 s"),
        ("call.ring_timeout", "59 s"),
        ("delivery.calls_expiry", "30 h"),
        ("delivery.expiry", "6 d"),
        ("delivery.order", "none"),
        ("eligibility.blocked_countries", "US"),
        ("eligibility.tier_min", "2001"),
        ("limits.concurrent", "1"),
        ("limits.connected_per_day", "1"),
        ("limits.placed_per_day", "3"),
        ("permission.cancelled_counts", "true"),
        ("permission.lifetime", "8 d"),
        ("permission.requests_per_week", "3"),
        ("permission.revoke_after", "5"),
        ("permission.test_requests_per_day", "1"),
        ("permission.test_revoke_after", "6"),
        ("price.counted_at", "end"),
        ("price.free_messages_per_month", "4"),
        ("price.messages_billed", "true"),
        ("price.pulse", "7 s"),
        ("window.length", "23 h"),
        ("window.opened_by_pick_up", "false"),
        ("window.opened_by_user_call", "false"),
    ] {
        let spoiled = |seed| Plan { rules: vec![wrong], ..Plan::wild(seed, STEPS) };
        assert!((0..SEEDS).any(|seed| run(&spoiled(seed)).fault.is_some()), "{wrong:?} went by");
    }
}

/// What is printed of a failure is short, and fails on its own.
#[test]
fn a_failure_shrinks_to_the_steps_it_needs() {
    let wrong = vec![("window.opened_by_user_call", "false")];
    let plan = |seed| Plan { rules: wrong.clone(), ..Plan::wild(seed, STEPS) };
    let failing = (0..SEEDS).map(plan).find(|plan| run(plan).fault.is_some()).unwrap();
    let short = shrink(&failing);
    assert!(run(&short).fault.is_some());
    let steps = short.steps as usize - short.skip.len();
    assert!(steps <= 3, "{steps} steps for a user who calls and a check");
}
