//! Is everything as it must be, whatever happened?

use std::{collections::BTreeSet, time::Duration};

use rules::{delivery::Topic, permission::Grant};
use terms::Direction;

use super::{
    outbox::{Row, State},
    town::{Entry, Pair},
    world::World,
};
use crate::model::Allowed;

const HOUR_MS: i64 = 3_600_000;

impl World {
    /// The invariants that hold after every step.
    pub(super) fn check(&mut self) {
        let mut faults = Vec::new();
        self.check_calls(&mut faults);
        self.check_pairs(&mut faults);
        self.check_numbers(&mut faults);
        self.check_outbox(&mut faults);
        for fault in faults {
            self.fault(&fault);
        }
    }

    /// One call a pair; each call told its life to the end, and its end once.
    fn check_calls(&self, faults: &mut Vec<String>) {
        let mut busy = BTreeSet::new();
        for (no, call) in self.calls.iter().enumerate() {
            if call.is_live() && !busy.insert((call.number, call.user)) {
                let (number, user) = (call.number, call.user);
                faults.push(format!("number {number} and user {user} have two calls at once"));
            }
            if call.is_live() != self.live.contains(&no) {
                faults.push(format!("call {no} is live: {}", call.is_live()));
            }
            let waited = self.now.since(call.call.placed_at());
            if call.is_live() && call.answered_at.is_none() && waited > patience(call) {
                faults.push(format!("call {no} waits for {waited:?}"));
            }
            if let Some(wrong) = wrong_with(call) {
                faults.push(format!("call {no}: {wrong}; webhooks {:?}", call.webhooks));
            }
        }
    }

    /// Permission, window and counters are what the facts say.
    fn check_pairs(&self, faults: &mut Vec<String>) {
        for ((number, user), pair) in &self.pairs {
            let facts = &self.numbers[*number];
            let account = &self.accounts[facts.account];
            let said = self.said(pair, facts, &account.book);
            let wanted = self.wanted_of(pair);
            if said != wanted {
                let pair = format!("number {number}, user {user}");
                faults.push(format!("{pair}: {said} by the rules, {wanted} by the reference"));
            }
        }
    }

    fn said(
        &self,
        pair: &Pair,
        number: &super::town::Number,
        book: &rules::rulebook::Rulebook,
    ) -> String {
        let allowed = match pair.consent.standing(self.now) {
            Ok(Grant::Temporary { until, .. }) => Allowed::Until(until.unix_ms()),
            Ok(Grant::Permanent { .. }) => Allowed::Always,
            Err(_) => Allowed::No,
        };
        let [day, week] = pair.consent.request_uses(book, number.kind, self.now);
        state(
            allowed,
            pair.window.check(book, self.now).is_ok(),
            pair.consent.connected_use(book, self.now).used as usize,
            [day.used as usize, week.used as usize],
            pair.consent.unanswered_in_a_row() as usize,
        )
    }

    fn wanted_of(&self, pair: &Pair) -> String {
        let model = &pair.model;
        state(
            model.allowed(self.now),
            model.window_is_open(self.now),
            model.connected(self.now),
            model.requests(self.now),
            model.streak(),
        )
    }

    /// The day's calls are those that were placed, and never more than the limits.
    fn check_numbers(&self, faults: &mut Vec<String>) {
        for (no, number) in self.numbers.iter().enumerate() {
            let limits = self.accounts[number.account].limits;
            let day = self.accounts[number.account].book.limits.day.value;
            let used = number.placed.usage(u32::MAX, day, self.now).used as usize;
            let placed = self.placed_today(no);
            if used != placed || used > limits.placed {
                faults.push(format!("number {no} counts {used} placed calls, not {placed}"));
            }
            let live = self.live.iter().filter(|call| self.calls[**call].number == no).count();
            if live > limits.concurrent {
                faults.push(format!("number {no} has {live} calls at once"));
            }
        }
    }

    /// Nothing waits that is due, except behind an untried one of its lane.
    fn check_outbox(&self, faults: &mut Vec<String>) {
        let mut untried = BTreeSet::new();
        for (no, row) in self.outbox.rows.iter().enumerate() {
            let State::Waiting { due } = row.state else { continue };
            let is_behind = row.attempts == 0 && !untried.insert(row.lane);
            if due < self.now && !row.is_under_way && !is_behind {
                faults.push(format!("webhook {no} is stuck: {row:?}"));
            }
        }
    }

    /// A webhook arrives after the earlier ones of its lane, unless those have failed.
    pub(super) fn check_order(&mut self, no: usize) {
        if !self.plan.checked {
            return;
        }
        let lane = self.outbox.rows[no].lane;
        let untried = |row: &Row| row.lane == lane && row.attempts == 0;
        if let Some(earlier) = self.outbox.rows[..no].iter().position(untried) {
            let (this, other) = (self.outbox.rows[no].what, self.outbox.rows[earlier].what);
            self.fault(&format!("webhook {no}, {this}, overtook webhook {earlier}, {other}"));
        }
    }

    /// The invariants of a story that is over.
    pub(super) fn check_the_end(&mut self) {
        let mut faults = Vec::new();
        for (no, call) in self.calls.iter().enumerate().filter(|(_, call)| call.is_live()) {
            faults.push(format!("call {no} is stuck in {}", call.call.state().name()));
        }
        for (no, row) in self.outbox.rows.iter().enumerate() {
            if let Some(wrong) = lost(row) {
                faults.push(format!("webhook {no} {wrong}: {row:?}"));
            }
        }
        self.money.check_months(&mut faults);
        for fault in faults {
            self.fault(&fault);
        }
    }
}

fn state(
    allowed: Allowed,
    window: bool,
    connected: usize,
    asked: [usize; 2],
    streak: usize,
) -> String {
    format!(
        "{allowed:?}, window {window}, connected {connected}, asked {asked:?}, unanswered {streak}"
    )
}

/// How long a call waits for its answer.
fn patience(call: &Entry) -> Duration {
    match call.direction {
        Direction::UserInitiated => Duration::from_secs(45),
        Direction::BusinessInitiated => Duration::from_secs(60),
    }
}

/// What is wrong with what a call told.
fn wrong_with(call: &Entry) -> Option<&'static str> {
    let count = |what: &str| call.webhooks.iter().filter(|hook| **hook == what).count();
    let ended = !call.is_live();
    let answered = call.answered_at.is_some();
    let is_business = call.direction == Direction::BusinessInitiated;
    let statuses = count("RINGING") + count("ACCEPTED") + count("REJECTED");
    let ending = call.ending.filter(|_| ended);
    let times = ending.is_none_or(|end| {
        end.answered_at == call.answered_at
            && end.answered_at.is_none_or(|at| call.call.placed_at() <= at && at <= end.ended_at)
    });
    let gave_up = ending.is_some_and(|end| end.reason.as_str().ends_with("_did_not_answer"));
    let waited = ending.map(|end| end.ended_at.since(call.call.placed_at()));
    let checks = [
        (!gave_up || waited >= Some(patience(call)), "given up too early"),
        (count("connect") == 1, "not one connect"),
        (call.webhooks.first() == Some(&"connect"), "connect is not the first"),
        (call.terminates == u32::from(ended), "not one terminate"),
        (count("terminate") == usize::from(ended), "not one terminate webhook"),
        (!ended || call.webhooks.last() == Some(&"terminate"), "something after terminate"),
        (is_business || statuses == 0, "a status for a user's call"),
        (count("ACCEPTED") == usize::from(is_business && answered), "ACCEPTED without an answer"),
        (count("ACCEPTED") + count("REJECTED") <= 1, "accepted and rejected"),
        (call.bills == u32::from(is_business && answered && ended), "not billed once"),
        (times, "its times are not its own"),
    ];
    checks.iter().find(|(holds, _)| !holds).map(|(_, wrong)| *wrong)
}

/// Why a webhook counts as lost: it waits though every endpoint is well, or was given up early.
fn lost(row: &Row) -> Option<&'static str> {
    let lives_ms = match row.topic {
        Topic::Calls => 36 * HOUR_MS,
        Topic::Other => 7 * 24 * HOUR_MS,
    };
    match row.state {
        State::Waiting { .. } => Some("still waits"),
        State::Delivered { at } if at < row.made_at => Some("arrived before it was made"),
        State::Delivered { .. } => None,
        State::Expired { at } => {
            let given_up_early = at.unix_ms() < row.made_at.unix_ms() + lives_ms - 3 * HOUR_MS;
            (given_up_early || row.attempts == 0).then_some("was given up early")
        }
    }
}
