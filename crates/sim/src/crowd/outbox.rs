//! What becomes of a webhook?
//!
//! A row is tried when it is due and, the first time, when the rules let it start beside the earlier
//! ones of its lane: one call, or one chat. What follows an attempt, [`rules::delivery`] says.

use std::collections::BTreeMap;

use rules::delivery::{self, Attempt, Next, Standing, Topic};
use terms::Timestamp;

use super::{
    town::{AccountNo, CallNo, NumberNo, UserNo},
    world::{Event, World},
};

/// How an account's endpoint feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers 200.
    Well,
    /// It answers 500.
    Failing,
    /// It answers too late.
    Hanging,
    /// Nobody listens.
    Gone,
    /// Every other attempt fails.
    Flaky,
}

/// What must arrive in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Call(CallNo),
    Chat(NumberNo, UserNo),
    Settings(NumberNo),
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting { due: Timestamp },
    Delivered { at: Timestamp },
    Expired { at: Timestamp },
}

/// One webhook.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) account: AccountNo,
    pub(super) lane: Lane,
    pub(super) what: &'static str,
    pub(super) topic: Topic,
    pub(super) made_at: Timestamp,
    pub(super) attempts: u32,
    /// An attempt is on its way.
    pub(super) is_under_way: bool,
    pub(super) state: State,
}

/// All webhooks, and those of each lane that are not over.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) rows: Vec<Row>,
    open: BTreeMap<Lane, Vec<usize>>,
}

impl World {
    /// Writes a webhook.
    pub(super) fn emit(&mut self, number: NumberNo, lane: Lane, what: &'static str) {
        let topic = match lane {
            Lane::Call(_) => Topic::Calls,
            Lane::Chat(..) | Lane::Settings(_) => Topic::Other,
        };
        let account = self.numbers[number].account;
        let (no, now) = (self.outbox.rows.len(), self.now);
        let state = State::Waiting { due: now };
        let row = Row {
            account,
            lane,
            what,
            topic,
            made_at: now,
            attempts: 0,
            is_under_way: false,
            state,
        };
        self.outbox.rows.push(row);
        self.outbox.open.entry(lane).or_default().push(no);
        self.report.counts.webhooks += 1;
        self.post(now, Event::Webhook(no));
    }

    /// Sends a webhook if it is due and may start.
    pub(super) fn try_webhook(&mut self, no: usize) {
        let row = &self.outbox.rows[no];
        let is_due = matches!(row.state, State::Waiting { due } if due <= self.now);
        if !is_due || row.is_under_way || (row.attempts == 0 && !self.may_start(no)) {
            return;
        }
        let takes = match self.accounts[row.account].health {
            Health::Hanging => delivery::attempt_timeout(&self.accounts[row.account].book),
            Health::Well | Health::Failing | Health::Gone | Health::Flaky => self.dice.ms(5, 1_500),
        };
        self.outbox.rows[no].is_under_way = true;
        self.post(self.now + takes, Event::Attempted(no));
    }

    /// An attempt is over: what follows?
    pub(super) fn attempted(&mut self, no: usize) {
        let attempt = self.attempt(no);
        let now = self.now;
        let row = &mut self.outbox.rows[no];
        row.attempts += 1;
        row.is_under_way = false;
        self.report.counts.attempts += 1;
        let book = &self.accounts[row.account].book;
        match delivery::next(attempt, row.attempts, row.topic, row.made_at, book, now) {
            Next::Delivered => {
                row.state = State::Delivered { at: now };
                self.over(no);
                self.check_order(no);
            }
            Next::RetryAt(due) => {
                row.state = State::Waiting { due };
                self.post(due, Event::Webhook(no));
            }
            Next::Expired => {
                row.state = State::Expired { at: now };
                self.report.counts.expired += 1;
                self.over(no);
            }
        }
        self.let_next_start(no);
    }

    /// What the endpoint says to this attempt.
    fn attempt(&self, no: usize) -> Attempt {
        let row = &self.outbox.rows[no];
        let fails_now = (no + row.attempts as usize).is_multiple_of(2);
        match self.accounts[row.account].health {
            Health::Well => Attempt::Answered(200),
            Health::Flaky if !fails_now => Attempt::Answered(204),
            Health::Flaky | Health::Failing => Attempt::Answered(500),
            Health::Hanging => Attempt::TimedOut,
            Health::Gone => Attempt::Unreachable,
        }
    }

    fn may_start(&self, no: usize) -> bool {
        let row = &self.outbox.rows[no];
        let open = self.outbox.open.get(&row.lane).map_or(&[][..], Vec::as_slice);
        let earlier = open.iter().take_while(|other| **other < no);
        let standing = earlier.map(|other| match self.outbox.rows[*other] {
            Row { attempts: 0, state: State::Waiting { .. }, .. } => Standing::Fresh,
            Row { state: State::Waiting { .. }, .. } => Standing::Failing,
            Row { state: State::Delivered { .. } | State::Expired { .. }, .. } => Standing::Over,
        });
        delivery::may_start(standing, &self.accounts[row.account].book)
    }

    fn over(&mut self, no: usize) {
        let lane = self.outbox.rows[no].lane;
        if let Some(open) = self.outbox.open.get_mut(&lane) {
            open.retain(|other| *other != no);
            if open.is_empty() {
                self.outbox.open.remove(&lane);
            }
        }
    }

    /// The oldest untried webhook behind this one.
    fn let_next_start(&mut self, no: usize) {
        let lane = self.outbox.rows[no].lane;
        let rows = &self.outbox.rows;
        let open = self.outbox.open.get(&lane);
        let next = open.and_then(|all| all.iter().find(|no| rows[**no].attempts == 0).copied());
        if let Some(next) = next {
            self.post(self.now, Event::Webhook(next));
        }
    }

    pub(super) fn recovers(&mut self, account: AccountNo) {
        self.accounts[account].health = Health::Well;
    }
}
