//! Packets of whole calls through bad weather.

use std::collections::BTreeSet;
use std::time::Instant;

use offhook_sim::packets::{Plan, Report};

/// Runs of packets for each so many stories of calls ([`crate::seeds`]); one has thousands of packets.
const STORIES_A_RUN: u64 = 40;

fn plan(seed: u64) -> Plan {
    Plan { seed, calls: 3, hides_every: None }
}

#[expect(clippy::disallowed_methods, reason = "there is no moment without a clock; any will do")]
fn run(plan: Plan) -> Report {
    offhook_sim::packets::run(plan, Instant::now())
}

#[test]
fn every_packet_is_accounted_for_in_any_weather() {
    let (mut delivered, mut again, mut spoiled, mut strange, mut lost) = (0, 0, 0, 0, 0);
    let mut happened = BTreeSet::new();
    let seeds = crate::seeds() / STORIES_A_RUN;
    for seed in 0..seeds {
        let report = run(plan(seed));
        let story = report.story.join("\n");
        assert!(report.faults.is_empty(), "{story}\n\n{:#?}\nseed {seed}", report.faults);
        delivered += report.delivered;
        again += report.again;
        spoiled += report.spoiled;
        strange += report.strange;
        lost += report.lost;
        happened.extend(
            report.story.iter().filter_map(|line| Some(line.rsplit_once(": ")?.1.to_owned())),
        );
    }
    assert!(delivered > seeds * 5_000, "{delivered} packets are too few to mean anything");
    for (what, count) in
        [("twice", again), ("spoiled", spoiled), ("strange", strange), ("lost", lost)]
    {
        assert!(count > 1_000, "only {count} were {what}");
    }
    for what in ["has a path", "has keys", "hears", "hears no more", "hears again", "is closed"] {
        assert!(happened.contains(what), "no leg ever {what}: {happened:?}");
    }
}

/// A leg that counts wrong must not pass.
#[test]
fn a_packet_that_is_not_accounted_for_is_found() {
    let faults = run(Plan { hides_every: Some(50), ..plan(7) }).faults;
    assert!(
        faults.iter().any(|fault| fault.contains("were delivered, and it counted")),
        "{faults:?}"
    );
    assert_eq!(run(plan(7)).faults, Vec::<String>::new());
}
