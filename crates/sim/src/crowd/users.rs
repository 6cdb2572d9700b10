//! What do the users do?

use rules::{
    call::{Call, Input},
    eligibility,
    permission::{self, Choice},
};
use terms::Direction;

use super::{
    outbox::Lane,
    town::{NumberNo, UserNo},
    world::World,
};
use crate::model::{Allowed, Fact};

impl World {
    pub(super) fn user_dials(&mut self) {
        let (number, user) = self.some_pair();
        let (facts, load) = (self.number_facts(number), self.load(number, user));
        let (book, now) = (self.book(number), self.now);
        let want = self.wanted(|world| world.user_dial_wanted(number, user));
        let settings = &self.numbers[number].settings;
        let grants = settings.grants_callback();
        let hours = settings.call_hours.as_ref();
        let checked = eligibility::check_user_call(&facts, hours, grants, &load, &book, now);
        self.verdict(&format!("user {user} calls number {number}"), &checked, want);
        if checked.is_err() {
            return;
        }
        self.pair(number, user).model.note(now, Fact::UserCalled);
        let mut effects = Vec::new();
        let grants = grants && eligibility::has_permissions(facts.country, &book);
        let call = Call::offer(&book, grants, now, &mut effects);
        self.begin(number, user, Direction::UserInitiated, call, effects);
    }

    pub(super) fn user_acts_on_a_call(&mut self) {
        let Some(no) = self.some_call() else { return };
        let input = match self.dice.roll(8) {
            0 => Input::UserRinging,
            1 => Input::UserPickedUp,
            2 => Input::UserRejected,
            3 => Input::UserBusy,
            4 => Input::UserVanished,
            5 => Input::UserUnreachable,
            _ => Input::UserHungUp,
        };
        self.input(no, input);
    }

    pub(super) fn user_writes(&mut self) {
        let (number, user) = self.some_pair();
        let now = self.now;
        self.tell(&format!("user {user} writes to number {number}"));
        let pair = self.pair(number, user);
        pair.window.open(now);
        pair.model.note(now, Fact::UserWrote);
        self.emit(number, Lane::Chat(number, user), "text");
    }

    /// A user answers a request, chooses in the profile, or takes a permission back.
    pub(super) fn user_decides(&mut self) {
        let (number, user) = self.some_pair();
        let (book, now) = (self.book(number), self.now);
        let pair = self.pair(number, user);
        let request = pair.consent.open_request(&book, now).map(|request| request.id().clone());
        let had = pair.consent.standing(now).is_ok();
        let wanted = pair.model.allowed(now) != Allowed::No;
        if self.dice.chance(15) {
            if had != wanted {
                self.fault(&format!("number {number}, user {user}: {had} to revoke, not {wanted}"));
            }
            if had {
                self.tell(&format!("user {user} takes the permission back from {number}"));
                self.pair(number, user).model.note(now, Fact::TookBack);
                self.consent(number, user, permission::Input::Revoked);
            }
            return;
        }
        let (choice, fact) = match self.dice.roll(6) {
            0 => (Choice::Permanent, Fact::SaidAlways),
            1 => (Choice::Reject, Fact::SaidNo),
            _ => (Choice::Temporary, Fact::SaidYes),
        };
        if choice != Choice::Reject {
            let country = self.number_facts(number).country;
            let checked = eligibility::check_grant(country, &book);
            let want = self.wanted(|world| world.grant_wanted(number));
            self.verdict(&format!("user {user} grants number {number}"), &checked, want);
            if checked.is_err() {
                return;
            }
        }
        let where_ = if request.is_some() { "on a request" } else { "in the profile" };
        self.tell(&format!("user {user} chooses {choice:?} {where_} of number {number}"));
        let pair = self.pair(number, user);
        pair.model.note(now, fact);
        if request.is_some() {
            pair.window.open_by_permission_reply(&book, now);
            pair.model.note(now, Fact::Replied);
        }
        self.consent(number, user, permission::Input::Answered { request, choice });
    }

    /// Gives the rules what happened between the two, and sends what follows.
    pub(super) fn consent(&mut self, number: NumberNo, user: UserNo, input: permission::Input) {
        let (book, now, kind) = (self.book(number), self.now, self.numbers[number].kind);
        let mut effects = Vec::new();
        let handled = self.pair(number, user).consent.handle(input, &book, kind, now, &mut effects);
        if let Err(refusal) = handled {
            self.fault(&format!("number {number}, user {user}: consent refused: {refusal}"));
        }
        for effect in effects {
            match effect {
                permission::Effect::SendReply(_) => {
                    self.emit(number, Lane::Chat(number, user), "reply");
                }
                permission::Effect::Nudge { .. } => {}
            }
        }
    }
}
