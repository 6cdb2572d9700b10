//! What should the answer be, told as simply as possible?
//!
//! The numbers are written out here and every answer scans everything that happened, so neither a
//! wrong rulebook nor a wrong counter agrees with it.

use rules::{
    limits::NumberKind,
    settings::{Change, Switch},
};
use terms::{Direction, Timestamp};

use super::{
    calls::Reaction,
    town::{CallNo, Entry, NumberNo, UserNo},
    world::World,
};
use crate::model::Model;

const DAY_MS: i64 = 86_400_000;

impl World {
    fn is_blocked(&self, number: NumberNo, direction: Direction) -> bool {
        let is_beta = self.accounts[self.numbers[number].account].is_beta;
        match (self.numbers[number].country, direction) {
            ("US" | "CA" | "EG" | "VN" | "NG", Direction::BusinessInitiated) => true,
            ("US" | "CA" | "EG" | "VN" | "NG" | "TR", _) => is_beta,
            _ => false,
        }
    }

    fn calls_where(&self, wanted: impl Fn(&Entry) -> bool) -> usize {
        self.calls.iter().filter(|call| wanted(call)).count()
    }

    pub(super) fn placed_today(&self, number: NumberNo) -> usize {
        let after = self.now.unix_ms() - DAY_MS;
        self.calls_where(|call| {
            call.number == number
                && call.direction == Direction::BusinessInitiated
                && call.call.placed_at().unix_ms() > after
        })
    }

    fn too_many_run(&self, number: NumberNo) -> bool {
        let account = self.numbers[number].account;
        let of_account = &self.accounts[account];
        let running = self.calls_where(|call| {
            let same = if of_account.is_beta {
                self.numbers[call.number].account == account
            } else {
                call.number == number
            };
            same && call.ending.is_none()
        });
        running >= of_account.limits.concurrent
    }

    fn in_call(&self, number: NumberNo, user: UserNo) -> bool {
        self.calls_where(|c| (c.number, c.user) == (number, user) && c.ending.is_none()) > 0
    }

    fn is_on(&self, number: NumberNo) -> bool {
        self.numbers[number].settings.status == Some(Switch::Enabled)
    }

    fn in_future(&self, until: Option<Timestamp>) -> bool {
        until.is_some_and(|until| until.unix_ms() > self.now.unix_ms())
    }

    fn with_model<T>(&self, number: NumberNo, user: UserNo, ask: impl FnOnce(&Model) -> T) -> T {
        match self.pairs.get(&(number, user)) {
            Some(pair) => ask(&pair.model),
            None => ask(&Model::default()),
        }
    }

    pub(super) fn dial_wanted(&self, number: NumberNo, user: UserNo) -> Option<&'static str> {
        let facts = &self.numbers[number];
        let account = &self.accounts[facts.account];
        let sip = facts.settings.sip.as_ref().is_some_and(|sip| sip.status == Switch::Enabled);
        let in_call = self.in_call(number, user);
        let of_pair = self.with_model(number, user, |model| {
            model.call_verdict(account.is_beta, in_call, self.now)
        });
        Some(if sip {
            "eligibility.sip"
        } else if !self.is_on(number) {
            "eligibility.enabled"
        } else if self.is_blocked(number, Direction::BusinessInitiated) {
            "eligibility.country"
        } else if self.in_future(facts.business_calls_restricted_until) {
            "eligibility.restriction"
        } else if !account.payment_valid {
            "eligibility.payment"
        } else if facts.kind == NumberKind::Test && !self.users[user].is_listed {
            "eligibility.allowed_list"
        } else if !self.users[user].app_is_recent {
            "eligibility.callable"
        } else if of_pair != "ok" {
            of_pair
        } else if self.placed_today(number) >= account.limits.placed {
            "limits.placed_per_day"
        } else if self.too_many_run(number) {
            "limits.concurrent"
        } else {
            "ok"
        })
    }

    pub(super) fn user_dial_wanted(&self, number: NumberNo, user: UserNo) -> Option<&'static str> {
        let facts = &self.numbers[number];
        let is_open = self.is_open(number)?;
        Some(if !self.is_on(number) {
            "eligibility.enabled"
        } else if self.is_blocked(number, Direction::UserInitiated) {
            "eligibility.country"
        } else if self.in_future(facts.user_calls_restricted_until) {
            "eligibility.restriction"
        } else if !is_open {
            "hours.open"
        } else if !self.accounts[facts.account].payment_valid {
            "eligibility.payment"
        } else if self.in_call(number, user) {
            "limits.one_call_per_pair"
        } else if self.too_many_run(number) {
            "limits.concurrent"
        } else {
            "ok"
        })
    }

    pub(super) fn request_wanted(
        &self,
        number: NumberNo,
        user: UserNo,
        is_free_form: bool,
    ) -> Option<&'static str> {
        let facts = &self.numbers[number];
        let of_pair =
            self.with_model(number, user, |model| model.request_verdict(is_free_form, self.now));
        Some(if !self.is_on(number) {
            "eligibility.enabled"
        } else if self.is_blocked(number, Direction::BusinessInitiated) {
            "eligibility.country"
        } else if self.in_future(facts.business_calls_restricted_until) {
            "eligibility.restriction"
        } else if facts.kind == NumberKind::Test && !self.users[user].is_listed {
            "eligibility.allowed_list"
        } else if of_pair != "ok" {
            of_pair
        } else {
            "ok"
        })
    }

    pub(super) fn grant_wanted(&self, number: NumberNo) -> Option<&'static str> {
        let blocked = self.is_blocked(number, Direction::BusinessInitiated);
        Some(if blocked { "eligibility.country" } else { "ok" })
    }

    pub(super) fn message_wanted(&self, number: NumberNo, user: UserNo) -> Option<&'static str> {
        let open = self.with_model(number, user, |model| model.window_is_open(self.now));
        Some(if open { "ok" } else { "window.open" })
    }

    pub(super) fn change_wanted(
        &self,
        number: NumberNo,
        change: &Change,
        is_wrong: bool,
    ) -> Option<&'static str> {
        let facts = &self.numbers[number];
        let is_beta = self.accounts[facts.account].is_beta;
        let callbacks = change.callback_permission_status.as_deref() == Some("ENABLED")
            && facts.settings.callback_permission_status != Some(Switch::Enabled);
        let enables = change.status.as_deref() == Some("ENABLED") && !self.is_on(number);
        let tier_min = if is_beta { 1_000 } else { 2_000 };
        Some(if is_wrong {
            "settings.value"
        } else if (callbacks && self.is_blocked(number, Direction::BusinessInitiated))
            || (enables && self.is_blocked(number, Direction::UserInitiated))
        {
            "eligibility.country"
        } else if enables && self.accounts[facts.account].use_case != "service" {
            "settings.use_case"
        } else if enables && facts.kind == NumberKind::Production && facts.tier < tier_min {
            "settings.tier"
        } else {
            "ok"
        })
    }

    pub(super) fn action_wanted(
        &self,
        number: NumberNo,
        no: CallNo,
        reaction: Reaction,
    ) -> &'static str {
        let call = &self.calls[no];
        let answers = reaction.sdp().is_some();
        let late = call.ending.is_some_and(|end| end.reason.as_str() == "business_did_not_answer");
        if call.number != number {
            "call.unknown"
        } else if call.ending.is_some() && answers && late {
            "call.answer_window"
        } else if call.ending.is_some() {
            "call.ended"
        } else if reaction == Reaction::Terminate {
            "ok"
        } else if call.direction == Direction::BusinessInitiated {
            "call.direction"
        } else if call.answered_at.is_some() {
            "call.state"
        } else if answers && call.first_sdp.is_some_and(|first| Some(first) != reaction.sdp()) {
            "call.same_sdp"
        } else {
            "ok"
        }
    }

    /// Is the business open, by the wall clock of its zone? Nobody says within three hours of a
    /// change of the clocks, where a time of day may come twice or never.
    fn is_open(&self, number: NumberNo) -> Option<bool> {
        let Some(hours) = &self.numbers[number].settings.call_hours else { return Some(true) };
        if hours.status == Switch::Disabled {
            return Some(true);
        }
        let zone = rules::hours::zone(&hours.timezone_id)?;
        let now = self.now.to_jiff();
        let beside = |seconds: i64| {
            now.checked_add(jiff::SignedDuration::from_secs(seconds)).map(|at| zone.to_offset(at))
        };
        if beside(-10_800).ok()? != beside(10_800).ok()? {
            return None;
        }
        let local = zone.to_datetime(now);
        let minute = i32::from(local.hour()) * 100 + i32::from(local.minute());
        let today = rules::hours::Day::from(local.weekday());
        Some(hours.weekly_operating_hours.iter().any(|open| {
            let time = |time: rules::hours::HourMinute| time.to_string().parse().unwrap_or(0);
            let (from, until): (i32, i32) = (time(open.open_time), time(open.close_time));
            let until = if until == 2359 { 2400 } else { until };
            open.day_of_week == today && from <= minute && minute < until
        }))
    }
}
