//! Does the platform keep its word to many at once, whatever they do and however the clock moves?
//!
//! Several accounts with different rulebooks, zones and rate cards, several numbers and users share
//! one virtual platform. In every step one of them does something: a request of a business, a tap of
//! a user, a setting, an outage of an endpoint, a restart, a move of the clock by seconds or to the
//! end of a month. The real rules decide; after every step the invariants are checked against
//! naive references that know the numbers by heart and scan everything that ever happened.
//!
//! ```text
//!   acts ─▶ rules: eligibility, call, permission, window, hours, settings, price
//!                │ effects                                       │ facts
//!                ▼                                               ▼
//!   deadlines, phones, webhooks by rules::delivery  ──▶  checks and reference
//! ```
//!
//! Every step has its own dice, thrown from the seed and the step's number, so a step that is left
//! out does not change the others: [`shrink`] looks for the shortest story that still fails.

mod acts;
mod businesses;
mod calls;
mod checks;
mod clock;
mod money;
mod outbox;
mod reference;
mod town;
mod users;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use world::World;

/// What to play.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where chance comes from.
    pub seed: u64,
    /// How many things happen.
    pub steps: u32,
    /// Steps that are left out.
    pub skip: BTreeSet<u32>,
    /// Who is there.
    pub shape: Shape,
    /// How the clock moves.
    pub pace: Pace,
    /// Rules that are replaced in every rulebook, for tests of the references.
    pub rules: Vec<(&'static str, &'static str)>,
    /// Tell the story and check it; without, only the rules work.
    pub checked: bool,
}

/// How many there are.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Accounts; their rulebooks alternate.
    pub accounts: usize,
    /// Numbers, dealt to the accounts in turn.
    pub numbers: usize,
    /// Users.
    pub users: usize,
}

/// How the clock moves from step to step.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// By seconds or weeks, to ends of months and changes of the clocks; now and then by a jump.
    Wild,
    /// Evenly, by this much on average.
    Even(Duration),
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What happened, one line each, the step in front.
    pub story: Vec<String>,
    /// The first thing that should not have happened, with its step.
    pub fault: Option<(u32, String)>,
    /// Every rule that said no, how often.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Every way a call ended, how often.
    pub ends: BTreeMap<&'static str, u64>,
    /// What happened, counted.
    pub counts: Counts,
}

/// What happened, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Steps taken.
    pub steps: u64,
    /// Calls that were placed.
    pub calls: u64,
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that were priced.
    pub billed: u64,
    /// Webhooks.
    pub webhooks: u64,
    /// Attempts to deliver them.
    pub attempts: u64,
    /// Webhooks whose time was over before the endpoint came back.
    pub expired: u64,
    /// Questions put to the rules about a call, a request or a message.
    pub verdicts: u64,
    /// Virtual seconds.
    pub seconds: u64,
}

impl Plan {
    /// A small, wild and checked run.
    #[must_use]
    pub fn wild(seed: u64, steps: u32) -> Self {
        Self {
            seed,
            steps,
            skip: BTreeSet::new(),
            shape: Shape { accounts: 3, numbers: 4, users: 6 },
            pace: Pace::Wild,
            rules: Vec::new(),
            checked: true,
        }
    }
}

/// Plays one run to its end, or to its first fault.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let mut world = World::new(plan);
    for step in 0..plan.steps {
        if plan.skip.contains(&step) {
            continue;
        }
        world.step(step);
        if world.report.fault.is_some() {
            return world.report;
        }
    }
    world.finish();
    world.report
}

/// The shortest run found that still fails: the steps up to the fault, less those without which it
/// fails all the same. A plan that does not fail comes back as it is.
#[must_use]
pub fn shrink(plan: &Plan) -> Plan {
    let mut best = plan.clone();
    let Some((at, _)) = run(&best).fault else { return best };
    best.steps = best.steps.min(at.saturating_add(1));
    let mut size = best.steps.max(2) / 2;
    while size > 0 {
        let mut from = 0;
        while from < best.steps {
            let mut shorter = best.clone();
            shorter.skip.extend(from..(from + size).min(best.steps));
            if shorter.skip.len() > best.skip.len() && run(&shorter).fault.is_some() {
                best = shorter;
            }
            from += size;
        }
        size /= 2;
    }
    best
}
