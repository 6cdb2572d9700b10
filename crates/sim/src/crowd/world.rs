//! What stands at this moment, and what is under way?

use std::collections::BTreeMap;

use rules::{
    Refusal,
    call::Input,
    eligibility::{Load, NumberFacts, UserFacts},
    settings::Switch,
};
use terms::Timestamp;

use super::{
    Plan, Report,
    calls::Reaction,
    money::Money,
    outbox::Outbox,
    town::{self, Account, CallNo, Entry, Number, NumberNo, Pair, User, UserNo},
};
use crate::dice::Dice;

/// The first moment: a Wednesday in July 2026.
const START: i64 = 1_783_512_000;

/// Something under way.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A call's deadline may have come.
    Deadline(CallNo),
    /// A user's phone or its owner does something with a call.
    Phone(CallNo, Input),
    /// A business does something with a call.
    Business(CallNo, Reaction),
    /// A webhook may be due.
    Webhook(usize),
    /// An attempt to deliver a webhook is over.
    Attempted(usize),
}

/// Everything there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) plan: Plan,
    pub(super) step: u32,
    pub(super) now: Timestamp,
    pub(super) dice: Dice,
    pub(super) money: Money,
    pub(super) accounts: Vec<Account>,
    pub(super) numbers: Vec<Number>,
    pub(super) users: Vec<User>,
    pub(super) pairs: BTreeMap<(NumberNo, UserNo), Pair>,
    pub(super) calls: Vec<Entry>,
    pub(super) live: Vec<CallNo>,
    pub(super) outbox: Outbox,
    pub(super) messages: u64,
    pub(super) report: Report,
    queue: BTreeMap<(Timestamp, u64), Event>,
    posted: u64,
}

impl World {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut dice = Dice::new(plan.seed);
        Self {
            seed: plan.seed,
            plan: plan.clone(),
            step: 0,
            now: Timestamp::from_unix(START),
            money: Money::new(),
            accounts: town::accounts(plan, &mut dice),
            numbers: town::numbers(plan, &mut dice),
            users: town::users(plan, &mut dice),
            dice,
            pairs: BTreeMap::new(),
            calls: Vec::new(),
            live: Vec::new(),
            outbox: Outbox::default(),
            messages: 0,
            report: Report::default(),
            queue: BTreeMap::new(),
            posted: 0,
        }
    }

    /// One thing happens, after some time.
    pub(super) fn step(&mut self, step: u32) {
        self.step = step;
        self.dice = Dice::of_step(self.seed, step);
        self.report.counts.steps += 1;
        self.move_clock();
        // What was under way has rolled as often as it liked; the act has dice of its own.
        self.dice = Dice::of_step(!self.seed, step);
        self.act();
        if self.plan.checked {
            self.check();
        }
    }

    /// Everybody hangs up, every endpoint recovers, and time passes until nothing is under way.
    pub(super) fn finish(&mut self) {
        self.step = self.plan.steps;
        self.dice = Dice::of_step(self.seed, self.step);
        self.tell("the end: everybody hangs up, every endpoint recovers");
        for no in self.live.clone() {
            self.input(no, Input::Terminate);
        }
        for account in 0..self.accounts.len() {
            self.recovers(account);
        }
        while let Some((at, event)) = self.pop(None) {
            self.now = self.now.max(at);
            self.take(event);
        }
        self.report.counts.seconds = self.now.since(Timestamp::from_unix(START)).as_secs();
        if self.plan.checked {
            self.check();
            self.check_the_end();
        }
    }

    pub(super) fn post(&mut self, at: Timestamp, event: Event) {
        self.posted += 1;
        self.queue.insert((at, self.posted), event);
    }

    /// The next event, due by `until`.
    pub(super) fn pop(&mut self, until: Option<Timestamp>) -> Option<(Timestamp, Event)> {
        let ((at, _), _) = self.queue.first_key_value()?;
        if until.is_some_and(|until| until < *at) {
            return None;
        }
        self.queue.pop_first().map(|((at, _), event)| (at, event))
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Deadline(no) => self.input(no, Input::DeadlineReached),
            Event::Phone(no, input) => self.input(no, input),
            Event::Business(no, reaction) => self.business_reacts(no, reaction),
            Event::Webhook(no) => self.try_webhook(no),
            Event::Attempted(no) => self.attempted(no),
        }
    }

    pub(super) fn book(&self, number: NumberNo) -> std::sync::Arc<rules::rulebook::Rulebook> {
        std::sync::Arc::clone(&self.accounts[self.numbers[number].account].book)
    }

    pub(super) fn pair(&mut self, number: NumberNo, user: UserNo) -> &mut Pair {
        let (facts, accounts) = (&self.numbers[number], &self.accounts);
        let new = || Pair::new(facts, accounts[facts.account].limits);
        self.pairs.entry((number, user)).or_insert_with(new)
    }

    /// What the platform's shell tells the rules about a number.
    pub(super) fn number_facts(&self, no: NumberNo) -> NumberFacts {
        let number = &self.numbers[no];
        NumberFacts {
            country: number.country.parse().ok(),
            kind: number.kind,
            sip_enabled: number.settings.sip_enabled(),
            calling_enabled: number.settings.status == Some(Switch::Enabled),
            business_calls_restricted_until: number.business_calls_restricted_until,
            user_calls_restricted_until: number.user_calls_restricted_until,
            payment_valid: self.accounts[number.account].payment_valid,
        }
    }

    pub(super) fn user_facts(&self, no: UserNo) -> UserFacts {
        let user = &self.users[no];
        UserFacts {
            uncallable: None,
            blocks_number: false,
            is_on_whatsapp: true,
            app_is_recent: user.app_is_recent,
            shows_buttons: user.app_is_recent,
            on_allowed_list: user.is_listed,
        }
    }

    /// How busy number, account and pair are, counted from the live calls.
    pub(super) fn load(&self, number: NumberNo, user: UserNo) -> Load {
        let account = self.numbers[number].account;
        let live = || self.live.iter().map(|no| &self.calls[*no]);
        let count = |wanted: &dyn Fn(&&Entry) -> bool| {
            u32::try_from(live().filter(wanted).count()).unwrap_or(u32::MAX)
        };
        let limits = &self.accounts[account].book.limits;
        let (max, day) = (limits.placed_per_day.value, limits.day.value);
        Load {
            placed: self.numbers[number].placed.usage(max, day, self.now),
            running_of_number: count(&|call| call.number == number),
            running_of_account: count(&|call| self.numbers[call.number].account == account),
            pair_in_call: live().any(|call| (call.number, call.user) == (number, user)),
        }
    }

    /// Counts a verdict, tells it, and compares it with the reference's.
    pub(super) fn verdict<T>(
        &mut self,
        what: &str,
        got: &Result<T, Refusal>,
        want: Option<&'static str>,
    ) {
        self.report.counts.verdicts += 1;
        let said = got.as_ref().map_or_else(Refusal::rule, |_| "ok");
        if said != "ok" {
            *self.report.refusals.entry(said).or_default() += 1;
        }
        if self.plan.checked {
            self.tell(&format!("{what}: {said}"));
            if let Some(want) = want.filter(|want| *want != said) {
                self.fault(&format!("{what}: the rules say {said}, the reference {want}"));
            }
        }
    }

    pub(super) fn tell(&mut self, line: &str) {
        if self.plan.checked {
            self.report.story.push(format!("{:>4} {} {line}", self.step, self.now));
        }
    }

    /// Something that should not have happened; the first one counts.
    pub(super) fn fault(&mut self, line: &str) {
        self.tell(&format!("FAULT {line}"));
        if self.report.fault.is_none() {
            self.report.fault = Some((self.step, line.to_owned()));
        }
    }
}
