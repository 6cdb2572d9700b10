//! Who does what in this step?

use rules::call::{Input, LegFailure, Silence};
use terms::Party;

use super::{
    Pace,
    outbox::Health,
    town::{CallNo, NumberNo, UserNo},
    world::World,
};

impl World {
    pub(super) fn act(&mut self) {
        match self.dice.roll(40) {
            0..=3 => self.business_asks(),
            4..=11 => self.business_dials(),
            12..=15 => self.business_acts_on_a_call(),
            16 => self.business_writes(),
            17 => self.business_changes_settings(),
            18..=23 => self.user_dials(),
            24..=26 => self.user_acts_on_a_call(),
            27..=29 => self.user_writes(),
            30..=34 => self.user_decides(),
            35 => self.media_acts(),
            36 => self.endpoint_changes(),
            37 if self.dice.chance(50) => self.platform_judges(),
            38 if self.is_wild() && self.dice.chance(10) => self.platform_restarts(),
            _ => {}
        }
    }

    fn is_wild(&self) -> bool {
        match self.plan.pace {
            Pace::Wild => true,
            Pace::Even(_) => false,
        }
    }

    /// A user and the number it mostly deals with.
    pub(super) fn some_pair(&mut self) -> (NumberNo, UserNo) {
        let user = self.dice.index(self.users.len());
        let number = if self.dice.chance(80) {
            user % self.numbers.len()
        } else {
            self.dice.index(self.numbers.len())
        };
        (number, user)
    }

    /// A live call, or one of the last.
    pub(super) fn some_call(&mut self) -> Option<CallNo> {
        if !self.live.is_empty() && self.dice.chance(80) {
            return Some(self.dice.pick(&self.live));
        }
        let recent = self.calls.len().min(8);
        (recent > 0).then(|| self.calls.len() - 1 - self.dice.index(recent))
    }

    fn media_acts(&mut self) {
        let Some(no) = self.some_call() else { return };
        let whose = self.dice.pick(&[Party::User, Party::Business, Party::Platform]);
        let failure = self.dice.pick(&[LegFailure::NoPath, LegFailure::NoKeys, LegFailure::SetUp]);
        let silence = self.dice.pick(&[
            Silence::BusinessFromStart,
            Silence::Business,
            Silence::User,
            Silence::Both,
        ]);
        let input = match self.dice.roll(4) {
            0 => Input::LegFailed { whose, failure },
            1 => Input::MediaSilent(silence),
            _ => Input::BusinessMediaStarted,
        };
        self.input(no, input);
    }

    fn endpoint_changes(&mut self) {
        let account = self.dice.index(self.accounts.len());
        let health = self.dice.pick(&[
            Health::Well,
            Health::Well,
            Health::Well,
            Health::Failing,
            Health::Hanging,
            Health::Gone,
            Health::Flaky,
        ]);
        self.tell(&format!("the endpoint of account {account}: {health:?}"));
        self.accounts[account].health = health;
    }

    /// A payment method fails or comes back, a restriction begins.
    fn platform_judges(&mut self) {
        if self.dice.chance(50) {
            let account = self.dice.index(self.accounts.len());
            let valid = self.dice.chance(85);
            self.tell(&format!("the payment method of account {account} is valid: {valid}"));
            self.accounts[account].payment_valid = valid;
            return;
        }
        let number = self.dice.index(self.numbers.len());
        let until = Some(self.now + self.dice.ms(1_000, 86_400_000));
        if self.dice.chance(50) {
            self.tell(&format!("number {number} is restricted from calling"));
            self.numbers[number].business_calls_restricted_until = until;
        } else {
            self.tell(&format!("number {number} is restricted from being called"));
            self.numbers[number].user_calls_restricted_until = until;
        }
    }

    fn platform_restarts(&mut self) {
        self.tell("the platform restarts");
        for no in self.live.clone() {
            self.input(no, Input::PlatformStopped);
        }
    }
}
