//! What do the businesses do?

use rules::{
    call::Call,
    eligibility::{self, RequestForm, Shows},
    permission,
    settings::{
        self, Change, HoursChange, IntervalChange, Prerequisites, SipChange, SipServerChange,
    },
};
use terms::{Direction, MessageId};

use super::{
    calls::Reaction,
    outbox::Lane,
    town::{NumberNo, ZONES},
    world::World,
};
use crate::model::Fact;

const DAYS: [&str; 7] =
    ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

impl World {
    pub(super) fn business_asks(&mut self) {
        let (number, user) = self.some_pair();
        let is_free_form = self.dice.chance(60);
        let form = if is_free_form { RequestForm::FreeForm } else { RequestForm::Template };
        let (facts, user_facts) = (self.number_facts(number), self.user_facts(user));
        let (book, now) = (self.book(number), self.now);
        let want = self.wanted(|world| world.request_wanted(number, user, is_free_form));
        let pair = self.pair(number, user);
        let (consent, window) = (&pair.consent, &pair.window);
        let permit =
            eligibility::check_request(form, &facts, &user_facts, consent, window, &book, now);
        self.verdict(&format!("number {number} asks user {user}"), &permit, want);
        let Ok(permit) = permit else { return };
        if is_free_form {
            self.charge_message(number);
        }
        self.messages += 1;
        let id: MessageId = format!("wamid.{}", self.messages).parse().expect("a message id");
        let sent = permission::Input::RequestSent { id: id.clone(), permit };
        self.consent(number, user, sent);
        if eligibility::check_delivery(Shows::PermissionRequest, &user_facts).is_ok() {
            self.pair(number, user).model.note(now, Fact::Asked);
        } else {
            // An app that is too old never shows it, and it does not count.
            self.consent(number, user, permission::Input::RequestFailed { id });
        }
    }

    pub(super) fn business_dials(&mut self) {
        let (number, user) = self.some_pair();
        let (facts, user_facts) = (self.number_facts(number), self.user_facts(user));
        let (book, now, load) = (self.book(number), self.now, self.load(number, user));
        let want = self.wanted(|world| world.dial_wanted(number, user));
        let pair = self.pair(number, user);
        let (consent, window) = (&pair.consent, &pair.window);
        let permit = eligibility::check_number(&facts, &book, now).and_then(|cleared| {
            eligibility::check_call(
                cleared,
                &facts,
                &user_facts,
                consent,
                window,
                &load,
                &book,
                now,
            )
        });
        self.verdict(&format!("number {number} calls user {user}"), &permit, want);
        let Ok(permit) = permit else { return };
        let mut effects = Vec::new();
        let call = Call::dial(permit, &book, None, now, &mut effects);
        self.begin(number, user, Direction::BusinessInitiated, call, effects);
    }

    /// An action on a call: usually one of its own, now and then somebody else's.
    pub(super) fn business_acts_on_a_call(&mut self) {
        let Some(no) = self.some_call() else { return };
        let own = self.calls[no].number;
        let number = if self.dice.chance(95) { own } else { self.dice.index(self.numbers.len()) };
        let reaction = Reaction::any(&mut self.dice);
        self.request_action(number, no, reaction);
    }

    pub(super) fn business_writes(&mut self) {
        let (number, user) = self.some_pair();
        let (book, now) = (self.book(number), self.now);
        let want = self.wanted(|world| world.message_wanted(number, user));
        let checked = self.pair(number, user).window.check(&book, now);
        self.verdict(&format!("number {number} writes to user {user}"), &checked, want);
        if checked.is_ok() {
            self.charge_message(number);
            self.emit(number, Lane::Chat(number, user), "sent");
        }
    }

    pub(super) fn business_changes_settings(&mut self) {
        let number = self.dice.index(self.numbers.len());
        let (change, what, is_wrong) = self.some_change();
        let prerequisites = Prerequisites {
            tier: self.numbers[number].tier,
            kind: self.numbers[number].kind,
            country: self.numbers[number].country.parse().ok(),
            use_case: self.accounts[self.numbers[number].account].use_case.to_owned(),
            app_listens: true,
            asker: settings::Asker::DIRECT,
        };
        let want = self.wanted(|world| world.change_wanted(number, &change, is_wrong));
        let (book, now) = (self.book(number), self.now);
        let before = &self.numbers[number].settings;
        let applied = settings::apply(before, &change, &prerequisites, &book, now);
        self.verdict(&format!("number {number} sets {what}"), &applied, want);
        let Ok(applied) = applied else { return };
        self.numbers[number].settings = applied.settings;
        if applied.notify {
            self.emit(number, Lane::Settings(number), "settings");
        }
    }

    /// A change, in words, and whether its value is a wrong one.
    fn some_change(&mut self) -> (Change, &'static str, bool) {
        let on = if self.dice.chance(85) { "ENABLED" } else { "DISABLED" };
        let mut change = Change::default();
        let (what, is_wrong) = match self.dice.roll(8) {
            0 | 1 => {
                change.status = Some(on.into());
                ("calling", false)
            }
            2 => {
                change.callback_permission_status = Some(on.into());
                ("callbacks", false)
            }
            3 => {
                let icon = self.dice.pick(&["DEFAULT", "DISABLE_ALL"]);
                change.call_icon_visibility = Some(icon.into());
                ("the icon", false)
            }
            4 => {
                let on = if self.dice.chance(25) { "ENABLED" } else { "DISABLED" };
                change.sip = Some(sip(on));
                ("SIP", false)
            }
            5 => {
                change.call_hours = Some(HoursChange { status: Some(on.into()), ..wrong_hours() });
                ("impossible hours", true)
            }
            _ => {
                change.call_hours = Some(self.some_hours(on));
                ("hours", false)
            }
        };
        (change, what, is_wrong)
    }

    fn some_hours(&mut self, on: &str) -> HoursChange {
        let open = self.dice.roll(20);
        let close = (open + 1 + self.dice.roll(6)).min(23);
        let minute = self.dice.pick(&["00", "15", "59"]);
        let first = self.dice.index(7);
        let days = DAYS.iter().cycle().skip(first).take(1 + self.dice.index(7));
        let week = days.map(|day| IntervalChange {
            day_of_week: (*day).into(),
            open_time: format!("{open:02}00"),
            close_time: format!("{close:02}{minute}"),
        });
        HoursChange {
            status: Some(on.into()),
            timezone_id: Some(self.dice.pick(&ZONES).into()),
            weekly_operating_hours: Some(week.collect()),
            holiday_schedule: None,
        }
    }

    /// What the reference wants, unless nobody checks.
    pub(super) fn wanted(
        &self,
        ask: impl FnOnce(&Self) -> Option<&'static str>,
    ) -> Option<&'static str> {
        if self.plan.checked { ask(self) } else { None }
    }

    /// Sends an action about a call of this number.
    pub(super) fn request_action(&mut self, number: NumberNo, no: usize, reaction: Reaction) {
        let want = self.wanted(|world| Some(world.action_wanted(number, no, reaction)));
        let is_own = self.calls[no].number == number;
        let done = if is_own {
            self.try_input(no, reaction.input())
        } else {
            Err(rules::Refusal::UnknownCall)
        };
        if done.is_ok() {
            self.calls[no].first_sdp = self.calls[no].first_sdp.or_else(|| reaction.sdp());
        }
        self.verdict(&format!("number {number}, call {no}: {reaction:?}"), &done, want);
    }
}

fn sip(on: &str) -> SipChange {
    SipChange {
        status: Some(on.into()),
        webhook_delivery: None,
        servers: Some(vec![SipServerChange {
            hostname: "sip.shop.example".into(),
            ..SipServerChange::default()
        }]),
    }
}

/// Three intervals on one day.
fn wrong_hours() -> HoursChange {
    let interval = |open: &str, close: &str| IntervalChange {
        day_of_week: "MONDAY".into(),
        open_time: open.into(),
        close_time: close.into(),
    };
    let week = vec![interval("0100", "0200"), interval("0300", "0400"), interval("0500", "0600")];
    HoursChange {
        status: None,
        timezone_id: Some("UTC".into()),
        weekly_operating_hours: Some(week),
        holiday_schedule: None,
    }
}
